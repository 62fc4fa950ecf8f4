"""The code base as it is written: its files, scopes and imports.

Nothing is inferred here, so everything else may rely on it.
"""
