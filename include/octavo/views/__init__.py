"""What people look at: documents with their evidence, the library, runs. As plain data and as HTML, with or without Airflow.

It reads the lake and the workspaces. It never changes them.
"""
