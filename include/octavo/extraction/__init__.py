"""Extractors: each turns the pages and chunks of a shard into answers."""
