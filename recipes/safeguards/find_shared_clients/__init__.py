"""Finds Google Cloud clients that more than one process would share, before the program runs.

    python -m find_shared_clients PATHS

It parses every Python file below PATHS, follows imports and calls among them, and never runs
them. The folder can be copied: it needs `click`, and `tomli` on Python 3.10.

What it knows is built up in one direction: the source, the values of its expressions, then what
flows and what workers are given. The rules look at these facts, each in a file of its own.
"""
