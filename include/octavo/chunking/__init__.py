"""Chunking: every page is cut into the parts that are read as one, as the contract's strategy says.

Every word of a page is in exactly one chunk. It never drops a word, and never looks for fields.
"""
