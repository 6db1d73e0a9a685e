"""The tracer, without a kernel."""
