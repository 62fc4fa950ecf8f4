"""Finds Google Cloud clients that more than one process would share, before the program runs.

    python -m find_shared_clients PATHS

It parses every Python file below PATHS, follows imports and calls among them, and never runs
them. The folder can be copied: it needs `click`, and `tomli` on Python 3.10.
"""
