"""What an expression is, as far as the code says without being run.

It says nothing of when: the order of things is added by the flow.
"""
