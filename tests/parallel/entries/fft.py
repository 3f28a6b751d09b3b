"""Fourier transforms."""

import pmap as pm

from . import COLLECTIVE, LOCAL, Entry, matrix, vector

LINES = "fft ifft rfft irfft hfft ihfft".split()
SEVERAL = "fftn ifftn fft2 ifft2 rfftn irfftn rfft2 irfft2".split()


def _call(name):
    return lambda A: getattr(pm.fft, name)(A)


def _kept(name):
    return "same" if name in ("fft", "ifft", "fftn", "ifftn", "fft2", "ifft2") else "kept"


ENTRIES = [
    *(Entry(f"pm.fft.{f}", _call(f), COLLECTIVE, _kept(f), of=vector) for f in LINES),
    *(Entry(f"pm.fft.{f}", _call(f), COLLECTIVE, _kept(f), of=matrix) for f in SEVERAL),
    Entry("pm.fft.fftshift", _call("fftshift"), COLLECTIVE, "same"),
    Entry("pm.fft.ifftshift", _call("ifftshift"), COLLECTIVE, "same"),
    Entry("pm.fft.fftfreq", lambda A: pm.fft.fftfreq(23, map=A.map), LOCAL, "given", of=vector),
    Entry("pm.fft.rfftfreq", lambda A: pm.fft.rfftfreq(44, map=A.map), LOCAL, "given", of=vector),
]
