"""The process that a local IAM is, seen from both sides.

The launcher is the parent's side: it starts `python -m` of this folder, and imports the standard
library alone, so that a process that forks may start one. `__main__` and the host are the child's
side, which opens the doors and closes them when the parent ends.
"""
