"""The record: what every trial did, and what follows from it.

What is stored is read, checked and counted here, and nowhere else. Nothing here runs a program, so
the build of the site may import all of it. Arrows: record -> jobs -> book.
"""
