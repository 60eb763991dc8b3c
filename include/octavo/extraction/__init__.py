"""Extraction: what each chunk says of the contract's fields. ``rules`` proposes words of the page, ``vlm`` asks a model.

An extractor only proposes. It never says which of several values is right; merging does.
"""
