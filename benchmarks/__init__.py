"""Figures, one file per claim, each beside a peer in the same run: `make bench`, or `python -m benchmarks commit`."""
