"""Start programs on many ranks: the command ``pRUN`` and the function of the same name.

Standard library only: starting a job imports neither NumPy nor MPI.
"""

from .call import pRUN

__all__ = ["pRUN"]
