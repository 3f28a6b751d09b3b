"""The parts of `pm.fft`."""
