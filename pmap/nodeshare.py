"""What the ranks of one node share, looked at before MPI starts: the memory in /dev/shm.

MPI keeps its queues there. Where there is too little it does not complain: the first rank that
touches a page which is not there is killed by a bus error or a segmentation fault.
"""

import os

SHM = "/dev/shm"  # noqa: S108  # the system's own name
RANK_MB = 5.2
"""What a rank takes: MPICH 5.0.2 on one node, 1 to 16 ranks, 1.0 MB of its own and 4.1 of UCX."""
_INDEX = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")
_COUNT = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE")


def problem(folder: str = SHM) -> str:
    """What keeps the ranks of this node from starting, with its remedy; empty if nothing. LOCAL.

    The node's first rank looks at what is free. Later ones would see what MPI has taken already:
    they look at what there is in all.
    """
    count = ranks_here()
    if count < 2:
        return ""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return f"{folder} cannot be looked at ({error.strerror}): MPI shares memory there"
    blocks = found.f_bavail if is_first() else found.f_blocks
    there_mb, needed_mb = blocks * found.f_frsize / 2**20, count * RANK_MB
    if there_mb >= needed_mb:
        return ""
    return (
        f"{count} ranks on {os.uname().nodename} need {needed_mb:.0f} MB in {folder}, but "
        f"{there_mb:.0f} MB are free. Start {int(there_mb / RANK_MB)} ranks at most, remove what "
        f"ended jobs have left there, or make it larger: docker run --shm-size=2g, "
        f"mount -o remount,size=2g {folder}"
    )


def is_first() -> bool:
    """Whether this is the first rank of its node, as the launcher tells. LOCAL."""
    return next((os.environ[name] for name in _INDEX if name in os.environ), "0") == "0"


def ranks_here() -> int:
    """Ranks of this node, as the launcher tells; 1 if it does not. LOCAL."""
    for name in _COUNT:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return _of_slurm(os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""), _number("SLURM_NODEID"))


def _number(name: str) -> int:
    text = os.environ.get(name, "0")
    return int(text) if text.isdigit() else 0


def _of_slurm(counts: str, node: int) -> int:
    """Ranks of a node in SLURM's words.

    Examples
    --------
    >>> [_of_slurm("2(x3),1", node) for node in range(4)]
    [2, 2, 2, 1]
    """
    nodes: list[int] = []
    for part in filter(None, counts.split(",")):
        count, _, times = part.rstrip(")").partition("(x")
        nodes += [int(count)] * int(times or 1)
    return nodes[node] if node < len(nodes) else 1
