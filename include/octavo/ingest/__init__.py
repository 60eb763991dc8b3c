"""Ingest: a folder of files becomes a table of documents and a plan of shards.

A file that cannot be processed is a row with a reason. It never fails the run, and never reads what a page says.
"""
