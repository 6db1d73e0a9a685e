"""The wire formats, one file for each provider API. None does I/O; `providers` says which one a request speaks."""
