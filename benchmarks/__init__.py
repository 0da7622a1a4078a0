"""Benchmarks: speed and accuracy, always beside a peer measured in the same run."""
