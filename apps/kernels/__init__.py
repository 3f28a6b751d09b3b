"""The science: NumPy in, NumPy out; no pmap, no MPI, no files."""
