"""Benchmarks of the matching: our engine, its peers, and what the results are worth."""
