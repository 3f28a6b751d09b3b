"""The distributed array: its record, operators, ufuncs and reductions."""
