"""Sums, running sums and their like, by NumPy's names."""
