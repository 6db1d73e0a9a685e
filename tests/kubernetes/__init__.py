"""What only a cluster can show, on a real node that the tests start and end."""
