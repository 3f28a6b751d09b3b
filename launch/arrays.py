"""The tasks of an array job, as SLURM writes them: ``0-24,30%4``. Pure."""


def task_numbers(array: str | None) -> list[int | None]:
    """Numbers of the tasks of an array; one None for a job that is none.

    Examples
    --------
    >>> task_numbers("0-6:3,9%2"), task_numbers(None)
    ([0, 3, 6, 9], [None])
    """
    if array is None:
        return [None]
    found: list[int | None] = []
    for part in array.split("%")[0].split(","):
        bounds, _, step = part.partition(":")
        first, _, last = bounds.partition("-")
        found += range(int(first), int(last or first) + 1, int(step or 1))
    return found


def array_of(numbers: list[int], at_once: int | None) -> str:
    """Write numbers of tasks as SLURM reads them.

    Examples
    --------
    >>> array_of([0, 1, 2, 5], 4)
    '0-2,5%4'
    """
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and runs[-1][1] == n - 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    text = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
    return f"{text}%{at_once}" if at_once else text


def limit_of(array: str | None) -> int | None:
    """How many tasks of an array may run at once."""
    return int(array.split("%")[1]) if array and "%" in array else None
