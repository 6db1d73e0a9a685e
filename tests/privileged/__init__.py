"""Tests that need root and a kernel with BPF. They touch processes that they started, and nothing else of the machine."""
