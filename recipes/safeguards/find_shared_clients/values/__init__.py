"""What an expression is, as far as the code says without being run."""
