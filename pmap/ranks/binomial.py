"""The tree along which one rank's news reaches all others in log2 steps (pure)."""


def relatives(rank: int, size: int, root: int) -> tuple[int | None, list[int]]:
    """The rank to receive from (None at the root), and those to send to, farthest branch first.

    Examples
    --------
    >>> [relatives(rank, 4, 0) for rank in range(4)]
    [(None, [2, 1]), (0, []), (0, [3]), (2, [])]
    """
    me = (rank - root) % size
    mask = 1
    while mask < size and not me & mask:
        mask *= 2
    parent = (me - mask + root) % size if me else None
    children = []
    while mask := mask // 2:
        if me + mask < size:
            children.append((me + mask + root) % size)
    return parent, children
