"""Measuring: runs programs with their jobs in chosen environments, and stores what they did.

The only part of the evidence that starts processes; neither the record nor the site imports it.
"""
