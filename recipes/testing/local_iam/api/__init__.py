"""What IAM does, without a network: state, the table of methods, and the handlers in it.

A handler takes a call and its request and returns the response or raises a `Rejection`. Here are
accounts, keys, roles, signatures and operations, and what all handlers share: names, pages, etags.
It imports no other folder of the local IAM but itself.
"""
