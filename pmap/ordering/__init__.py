"""Sorted, searched, counted, and divided into quantiles."""
