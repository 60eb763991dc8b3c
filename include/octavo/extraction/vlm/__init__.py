"""Extractor ``molmo``: a vision-language model reads the chunks of a shard, and no chunk is paid for twice."""

from octavo.extraction.vlm.options import RuntimeOptions, configure, identity
from octavo.extraction.vlm.stage import EXTRACTOR, grouped, run, run_shards

__all__ = ["EXTRACTOR", "RuntimeOptions", "configure", "grouped", "identity", "run", "run_shards"]
