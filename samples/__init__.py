"""The documents that ship with the project, and the script that makes them."""
