"""Octavo's operators."""

from octavo_airflow.operators.base import DEFAULTS, OctavoOperator, ShardOperator
from octavo_airflow.operators.molmo import MolmoExtractOperator, MolmoShardsOperator, placement
from octavo_airflow.operators.stages import (
    ChunkPagesOperator,
    DocumentShardsOperator,
    ExtractLayoutOperator,
    IngestOperator,
    LateDaysOperator,
    LedgerOperator,
    MergeOperator,
    PublishOperator,
    ReadPagesOperator,
    RunDayOperator,
    StageTablesOperator,
    ValidateOperator,
)

__all__ = [
    "DEFAULTS",
    "ChunkPagesOperator",
    "DocumentShardsOperator",
    "ExtractLayoutOperator",
    "IngestOperator",
    "LateDaysOperator",
    "LedgerOperator",
    "MergeOperator",
    "MolmoExtractOperator",
    "MolmoShardsOperator",
    "OctavoOperator",
    "PublishOperator",
    "ReadPagesOperator",
    "RunDayOperator",
    "ShardOperator",
    "StageTablesOperator",
    "ValidateOperator",
    "placement",
]
