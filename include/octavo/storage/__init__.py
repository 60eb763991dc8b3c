"""Files on a local disk or an object store: workspaces, the lake, locks, archives, the answer store, corrections, child processes.

It knows where things lie and how they are replaced whole. It never looks at what a page says.
"""
