"""Merging: answers become fields that carry their evidence and a verdict.

Candidates are grounded in the page's words, linked to their field and resolved. It never asks a language model.
"""
