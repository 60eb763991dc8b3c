"""The nouns that every room shares: boxes, words, pages, chunks, answers, fields, contracts, settings, errors and reason codes.

It never touches a file of a run, a store or a page's geometry beyond a box, and imports no other room.
"""
