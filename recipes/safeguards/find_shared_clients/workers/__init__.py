"""What is handed to worker processes, and which functions run in them.

None of it depends on an order: a client must not go to a worker at any time.
"""
