"""What is read from and written to the API server, with the official client: one noun a file."""
