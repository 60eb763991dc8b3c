"""Octavo: folders of documents in, typed Parquet tables with evidence out."""

__version__ = "0.1.0"
