"""Extractor ``layout``: fields by the labels, tables and places of a page, without a model."""
