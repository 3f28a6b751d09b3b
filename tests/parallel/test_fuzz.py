"""Random programs: the same on ndarrays and DistArrays, at this rank count (C2, C3)."""

import pytest
from fuzzing import Program


@pytest.mark.parametrize("first_seed", range(0, 120, 20))
def test_random_programs_match_numpy(first_seed):
    for seed in range(first_seed, first_seed + 20):
        Program(seed).run(12)
