"""Reading: every page of a shard becomes words with boxes, from its text layer or by OCR.

Pages are opened in child processes only, and kept so that none is read twice. It never looks for fields.
"""
