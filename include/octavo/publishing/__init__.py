"""Publishing: a day's tables are staged, checked by the gate, accounted for in the ledger and published whole.

What did not pass the gate never reaches the lake's tables.
"""
