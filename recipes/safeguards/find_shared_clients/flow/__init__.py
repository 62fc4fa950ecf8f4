"""The order of things: which clients exist, and which threads run, when the process forks.

Statements are followed in their order, branches apart from each other, calls into the functions
of the code base, imports into their modules. What a thread calls is called by the process; what
a worker calls is not.
"""
