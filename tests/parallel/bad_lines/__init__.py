"""One-line calls that NumPy refuses, by area; `test_bad_input.py` runs them.

The names stand for the arrays that it makes: A a matrix, I and J vectors of whole numbers, K
indices of which one is out of range, M a mask, and so on; `xp` is np or pm.
"""

from . import computing, making, values

LINES = making.LINES | computing.LINES | values.LINES
