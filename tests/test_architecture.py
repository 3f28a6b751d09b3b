"""The rules that keep the parts apart, each shown on a bad sample that it must catch.

A rule is a function from sources (`{"pmap/errors.py": text}`) to a list of problems. It is run on
the project, where it must find nothing, and on a sample with one fault: it must find that one.
"""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pmap

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("pmap", "apps", "launch")
    for path in sorted((ROOT / folder).rglob("*.py"))
}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

LAYERS = (
    "errors nodeshare settings blackbox lastwords splits axismaps lattices indexing locating maps "
    "pickmaps plancache plans "
    "views grids tiling summation sourceline recording binomial registry",
    "onerank pauses watchdog signature sentry counter guard post arena nodes pool farreads "
    "transport mpiworld comm",
    "exchange ragged cuts",
    "agreement elementwise moving stacks smallarrays canonical reductions argreductions "
    "accumulations reducing alignment numpymethods conversions arraymethods operators ufuncs",
    "picks picking placing masking subscripts",
    "distarray",
)
"""Floors of pmap/, lowest first; every module that is not named stands above them."""

PURE = LAYERS[0].split()
STARTS_PROCESSES = {"launch/submit.py", "pmap/doctor.py", "pmap/keeper.py"}
"""submit starts jobs; doctor starts a rank to see whether ranks start; keeper splits off a rank."""

ABOVE_THE_FACE = {"pmap/__main__.py", "pmap/doctor.py"}
"""Commands of pmap itself: they use it as anybody does."""

NAMES_OF_STDLIB_ALLOWED = {"pmap/io/__init__.py", "pmap/random.py"}
"""`pm.io` and `pm.random` are what users type, as in `skimage.io` and `np.random`."""

PROCESS_STARTERS = {"fork", "forkpty", "system", "popen", "posix_spawn", "posix_spawnp"}
PARALLEL_WORDS = {"Pid", "Np", "comm", "MPI", "SendMsg", "RecvMsg", "BcastMsg", "ProbeMsg"}
PARALLEL_WORDS |= {"world", "World", "mpi4py", "rank", "isend", "irecv"}
LAZY_IN_LAUNCH = {("launch/live.py", "rich")}
"""A nicer table where it is installed; plain lines where it is not."""
FILE_PACKAGES = {"h5py", "tifffile", "czifile", "cloudvolume", "pathlib", "pmap", "mpi4py"}
INSTALLED = {"pmap": "pmap", "apps": "pmap.apps", "launch": "pmap.launch"}


def module_name(path: str) -> str:
    """`apps/segment.py` is installed as pmap.apps.segment."""
    top, *rest = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join([INSTALLED[top], *rest])


def imports(path: str, text: str, known: set[str]) -> list[str]:
    """Full names of everything a file imports, wherever in the file the import stands."""
    found = []
    package = module_name(path).split(".")
    if not path.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            full = [f"{base}.{alias.name}" for alias in node.names]
            found += [name if name in known else base for name in full]
    return found


def import_table(sources: dict[str, str]) -> dict[str, list[str]]:
    known = {module_name(path) for path in sources} | {module_name(path) for path in SOURCES}
    return {path: imports(path, text, known) for path, text in sources.items()}


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


# the rules


def parts_stay_apart(sources):
    """pmap sees neither apps nor launch; these two never see each other."""
    problems = []
    for path, names in import_table(sources).items():
        top = path.split("/")[0]
        banned = {
            "pmap": ("pmap.apps", "pmap.launch"),
            "apps": ("pmap.launch",),
            "launch": ("pmap.apps",),
        }[top]
        banned += ("apps", "launch")
        problems += [
            f"{path} imports {name}" for name in names if any(inside(name, b) for b in banned)
        ]
    return problems


def apps_use_the_face(sources):
    """apps/ imports pmap and siblings, never a module of pmap by itself."""
    return [
        f"{path} imports {name}; write `from pmap import ...`"
        for path, names in import_table(sources).items()
        if path.startswith("apps/")
        for name in names
        if name.startswith("pmap.") and not inside(name, "pmap.apps")
    ]


def kernels_know_arrays_only(sources):
    """apps/kernels is NumPy in, NumPy out: no pmap, no MPI, no files."""
    problems = []
    for path, names in import_table(sources).items():
        if not path.startswith("apps/kernels/"):
            continue
        problems += [
            f"{path} imports {name}"
            for name in names
            if name.split(".")[0] in FILE_PACKAGES and not inside(name, "pmap.apps.kernels")
        ]
        calls = [n for n in ast.walk(ast.parse(sources[path])) if isinstance(n, ast.Call)]
        problems += [f"{path} opens a file" for c in calls if getattr(c.func, "id", "") == "open"]
    return problems


def launch_is_standard_library(sources):
    """launch/ runs on a login node: nothing but the standard library and pmap's errors."""
    return [
        f"{path} imports {name}"
        for path, names in import_table(sources).items()
        if path.startswith("launch/")
        for name in names
        if name.split(".")[0] not in sys.stdlib_module_names
        and not inside(name, "pmap.launch")
        and name not in ("pmap", "pmap.errors")
        and (path, name.split(".")[0]) not in LAZY_IN_LAUNCH
    ]


def floor_of(path: str) -> int:
    name = path.removesuffix(".py").split("/")[-1]
    return next((i for i, names in enumerate(LAYERS) if name in names.split()), len(LAYERS))


def imports_point_down(sources):
    """Inside pmap/ nothing imports from a higher floor, nor the face."""
    problems = []
    for path, names in import_table(sources).items():
        if not path.startswith("pmap/") or path == "pmap/__init__.py":
            continue
        inner = [n for n in names if inside(n, "pmap")]
        if path not in ABOVE_THE_FACE:
            problems += [f"{path} imports the face" for n in inner if n == "pmap"]
        problems += [
            f"{path} imports {n}, a higher floor"
            for n in inner
            if n != "pmap" and floor_of(n.replace(".", "/")) > floor_of(path)
        ]
    return problems


def no_circles(sources):
    """No two modules need each other, whatever the way around."""
    table = import_table(sources)
    edges = {
        module_name(path): {n for n in names if n != module_name(path)}
        for path, names in table.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return ["circle: " + " <- ".join(error.args[1])]
    return []


def mpi_in_one_file(sources):
    """Only pmap/ranks/comm.py imports mpi4py."""
    return [
        f"{path} imports {name}"
        for path, names in import_table(sources).items()
        for name in names
        if inside(name, "mpi4py") and path != "pmap/ranks/comm.py"
    ]


def processes_in_one_file(sources):
    """Only launch/submit.py starts processes."""
    problems = []
    for path, names in import_table(sources).items():
        if path in STARTS_PROCESSES:
            continue
        problems += [
            f"{path} imports {name}"
            for name in names
            if name.split(".")[0] in ("subprocess", "multiprocessing", "pty")
        ]
        for node in ast.walk(ast.parse(sources[path])):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "os":
                if node.attr in PROCESS_STARTERS or node.attr.startswith(("spawn", "exec")):
                    problems.append(f"{path} calls os.{node.attr}")
    return problems


def apps_read_serially(sources):
    """C12: apps/*.py never name a rank, a communicator or a message."""
    problems = []
    for path, text in sources.items():
        if not path.startswith("apps/"):
            continue
        for node in ast.walk(ast.parse(text)):
            names = [getattr(node, "id", None), getattr(node, "attr", None)]
            if isinstance(node, ast.Import | ast.ImportFrom):
                names += [alias.name for alias in node.names]
            problems += [f"{path}:{node.lineno} names {n}" for n in names if n in PARALLEL_WORDS]
    return problems


def files_and_functions_are_short(sources):
    """A file has at most 400 lines, a function at most 60."""
    problems = []
    for path, text in sources.items():
        lines = len(text.splitlines())
        if lines > MAX_FILE_LINES:
            problems.append(f"{path} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1 - docstring_lines(node)
                if lines > MAX_FUNCTION_LINES:
                    problems.append(f"{path}: {node.name} has {lines} lines")
    return problems


def docstring_lines(node) -> int:
    """Lines of the docstring: a parameter that is explained does not make a function long."""
    if ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def no_module_hides_the_standard_library(sources):
    """No file has the name of a module of the standard library."""
    return [
        f"{path} has a name of the standard library"
        for path in sources
        if path not in NAMES_OF_STDLIB_ALLOWED
        and not path.endswith("__main__.py")
        and module_name(path).split(".")[-1] in sys.stdlib_module_names
    ]


def no_module_hides_a_public_function(sources):
    """`pm.label` would be the module or the function by the order of imports."""
    return [
        f"{path} has the name of the public pm.{name}"
        for path in sources
        if path.startswith("pmap/")
        and (name := module_name(path).removeprefix("pmap.")) in pmap._HOME
    ]


# one bad sample for each rule: what is wrong, and where

BAD = [
    (parts_stay_apart, "pmap/layout/maps.py", "def f():\n    from ..apps import segment\n"),
    (parts_stay_apart, "apps/segment.py", "from ..launch import submit\n"),
    (parts_stay_apart, "apps/segment.py", "import pmap.launch.submit\n"),
    (parts_stay_apart, "launch/prun.py", "from pmap.apps import segment\n"),
    (parts_stay_apart, "launch/prun.py", "import apps.segment\n"),
    (apps_use_the_face, "apps/segment.py", "from ..exchange import run\n"),
    (apps_use_the_face, "apps/segment.py", "import pmap.ranks.exchange\n"),
    (kernels_know_arrays_only, "apps/kernels/nuclei.py", "import pmap as pm\n"),
    (kernels_know_arrays_only, "apps/kernels/nuclei.py", "from .. import runs\n"),
    (kernels_know_arrays_only, "apps/kernels/nuclei.py", "def f(p):\n    return open(p)\n"),
    (launch_is_standard_library, "launch/job.py", "import numpy\n"),
    (launch_is_standard_library, "launch/prun.py", "import rich\n"),
    (launch_is_standard_library, "launch/job.py", "from ..maps import Map\n"),
    (imports_point_down, "pmap/layout/maps.py", "from ..arrays.distarray import DistArray\n"),
    (imports_point_down, "pmap/layout/plans.py", "def f():\n    from ..ranks import comm\n"),
    (imports_point_down, "pmap/ranks/exchange.py", "import pmap as pm\n"),
    (mpi_in_one_file, "pmap/ranks/exchange.py", "def f():\n    from mpi4py import MPI\n"),
    (processes_in_one_file, "apps/pipeline.py", "import subprocess\n"),
    (processes_in_one_file, "pmap/tasks.py", "import os\nos.execv('a', ['a'])\n"),
    (apps_read_serially, "apps/segment.py", "import pmap as pm\nif pm.Pid == 0:\n    pass\n"),
    (apps_read_serially, "apps/segment.py", "from pmap import SendMsg\n"),
    (files_and_functions_are_short, "pmap/layout/maps.py", "x = 1\n" * 401),
    (files_and_functions_are_short, "pmap/layout/maps.py", "def f():\n" + "    x = 1\n" * 60),
    (no_module_hides_the_standard_library, "pmap/queue.py", ""),
    (no_module_hides_a_public_function, "pmap/foreach.py", ""),
]
RULES = [
    parts_stay_apart,
    apps_use_the_face,
    kernels_know_arrays_only,
    launch_is_standard_library,
    imports_point_down,
    no_circles,
    mpi_in_one_file,
    processes_in_one_file,
    apps_read_serially,
    files_and_functions_are_short,
    no_module_hides_the_standard_library,
    no_module_hides_a_public_function,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule):
    assert rule(SOURCES) == []


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_the_rule_catches_its_bad_sample(rule, path, text):
    assert rule({path: text}) != []


def test_circles_are_caught():
    sample = {
        "pmap/a.py": "from . import b\n",
        "pmap/b.py": "def f():\n    from .c import g\n",
        "pmap/c.py": "from .a import h\n",
    }
    assert no_circles(sample) != []
    assert no_circles({**sample, "pmap/c.py": ""}) == []


def test_every_rule_has_a_bad_sample():
    assert {rule for rule, _, _ in BAD} | {no_circles} == set(RULES)


@pytest.mark.parametrize("modules", ["pmap, pmap.launch.prun", "pmap.launch", "pmap"])
def test_importing_starts_nothing(modules):
    code = (
        f"import sys, {modules}\n"
        "print([m for m in ('numpy', 'scipy', 'mpi4py', 'h5py') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (out.stdout.strip(), out.returncode) == ("[]", 0), out.stderr


@pytest.mark.parametrize("name", PURE)
def test_the_pure_floor_loads_without_mpi(name):
    files = [path for path in SOURCES if path.startswith("pmap/")]
    (module,) = [module_name(path) for path in files if path.endswith(f"/{name}.py")]
    code = f"import sys, {module}\nprint('mpi4py' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (out.stdout.strip(), out.returncode) == ("False", 0), out.stderr
