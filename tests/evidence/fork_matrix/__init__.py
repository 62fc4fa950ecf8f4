"""The fork matrix: what becomes of child and parent at a fork, by release of grpcio.

Its own are the probe, the situations and the form of a row; the rest is that of the programs.
"""
