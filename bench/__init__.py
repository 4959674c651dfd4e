"""Benchmarks: what the service does beside what the same machine could do at most. `make bench` runs them."""
