"""Octavo's operators."""

from octavo_airflow.operators.base import DEFAULTS, OctavoOperator, ShardOperator
from octavo_airflow.operators.stages import (
    ChunkPagesOperator,
    DocumentShardsOperator,
    ExtractLayoutOperator,
    ExtractMolmoOperator,
    IngestOperator,
    LedgerOperator,
    MergeOperator,
    MolmoShardsOperator,
    PublishOperator,
    ReadPagesOperator,
    StageTablesOperator,
    ValidateOperator,
)

__all__ = [
    "DEFAULTS",
    "ChunkPagesOperator",
    "DocumentShardsOperator",
    "ExtractLayoutOperator",
    "ExtractMolmoOperator",
    "IngestOperator",
    "LedgerOperator",
    "MergeOperator",
    "MolmoShardsOperator",
    "OctavoOperator",
    "PublishOperator",
    "ReadPagesOperator",
    "ShardOperator",
    "StageTablesOperator",
    "ValidateOperator",
]
