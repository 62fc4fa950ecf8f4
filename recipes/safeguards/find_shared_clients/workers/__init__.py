"""What is handed to worker processes, and which functions run in them."""
