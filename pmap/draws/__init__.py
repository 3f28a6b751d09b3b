"""The parts of `pm.random`."""
