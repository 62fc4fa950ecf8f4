"""The code base as it is written: its files, scopes and imports, before anything is inferred."""
