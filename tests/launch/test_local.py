"""A job as text: argv and environment, without starting anything."""

import pytest

from pmap.launch.errors import JobError
from pmap.launch.job import Job
from pmap.launch.local import THREAD_VARIABLES, Mpiexec, argv, check, environment, variables

MPICH = Mpiexec("/opt/bin/mpiexec", "mpich")
OPENMPI = Mpiexec("/opt/bin/mpiexec", "openmpi")


def job(**changes) -> Job:
    return Job(("script.py",), ("a b", "--x=1"), **{"ranks": 3, "python": "py", **changes})


def test_every_rank_starts_through_boot():
    expected = "/opt/bin/mpiexec -n 3 py -m pmap.boot script.py".split() + ["a b", "--x=1"]
    assert argv(job(), MPICH) == expected


def test_one_rank_needs_no_mpiexec():
    assert argv(job(ranks=1), None) == ["py", "-m", "pmap.boot", "script.py", "a b", "--x=1"]


def test_an_app_is_a_module():
    assert argv(Job(("-m", "pmap.apps.stitch"), ranks=1, python="py"), None)[2:] == [
        "pmap.boot",
        "-m",
        "pmap.apps.stitch",
    ]


def test_prefix_is_each_launchers_own_flag():
    assert "-prepend-rank" in argv(job(prefix=True), MPICH)
    assert "--tag-output" in argv(job(prefix=True), OPENMPI)


def test_open_mpi_gets_the_flags_without_which_it_refuses():
    words = argv(job(), OPENMPI)
    assert words.index("--oversubscribe") < words.index("-n")
    assert "--allow-run-as-root" in words


@pytest.mark.parametrize(
    ("ranks", "cores", "inherited", "asked", "threads"),
    [
        (1, 8, {}, None, 8),
        (3, 8, {}, None, 2),
        (8, 8, {}, None, 1),
        (9, 8, {}, None, 1),
        (2, 8, {"OMP_NUM_THREADS": "1"}, None, 1),  # what the user set is kept ...
        (2, 8, {"OMP_NUM_THREADS": "8"}, None, 4),  # ... as far as the cores go
        (2, 8, {"OMP_NUM_THREADS": "4,2"}, None, 4),
        (2, 8, {"OMP_NUM_THREADS": "1"}, 3, 3),
    ],
)
def test_threads_of_all_ranks_fit_the_cores(ranks, cores, inherited, asked, threads):
    env = variables(job(ranks=ranks, threads_per_rank=asked), cores, inherited)
    assert env["OMP_NUM_THREADS"] == str(threads)
    assert set(THREAD_VARIABLES) <= set(env)


@pytest.mark.parametrize(("ranks", "yields"), [(2, False), (4, False), (5, True)])
def test_ranks_yield_only_where_there_are_more_than_cores(ranks, yields):
    env = variables(job(ranks=ranks), 4, {})
    assert ("MPIR_CVAR_ENABLE_HEAVY_YIELD" in env) == yields


def test_options_reach_the_ranks_by_environment(tmp_path):
    env = variables(job(check=True, record=tmp_path / "t.json", memory_gb=1.5), 4, {})
    assert env["PMAP_CHECK"] == "1"
    assert env["PMAP_RECORD"] == str(tmp_path / "t.json")
    assert env["PMAP_MEMORY_GB"] == "1.5"
    assert env["PMAP_NP"] == "3"
    assert not {"PMAP_CHECK", "PMAP_RECORD", "PMAP_MEMORY_GB"} & set(variables(job(), 4, {}))


def test_a_job_inside_a_rank_is_not_that_rank():
    inherited = {"PMI_RANK": "1", "PMI_FD": "9", "OMPI_COMM_WORLD_RANK": "1", "HOME": "/h"}
    inherited |= {"PMAP_STARTED": "1", "PMAP_NP": "7"}
    env = environment(job(ranks=1), 4, inherited)
    assert env["HOME"] == "/h"
    assert env["PMAP_NP"] == "1"
    assert not [k for k in env if k.startswith(("PMI_", "OMPI_")) or k == "PMAP_STARTED"]


@pytest.mark.parametrize(
    "changes", [{"ranks": 0}, {"ranks": True}, {"threads_per_rank": 0}, {"memory_gb": 0}]
)
def test_numbers_that_cannot_be_are_refused(changes):
    with pytest.raises(JobError, match="must be"):
        job(**changes)


def test_ranks_are_bound_only_where_it_is_asked():
    assert not any("bind" in word for word in argv(job(), MPICH) + argv(job(), OPENMPI))
    words = argv(job(bind="cores", threads_per_rank=2), MPICH)
    assert words[words.index("-bind-to") + 1] == "core:2"
    words = argv(job(bind="cores", threads_per_rank=2), OPENMPI)
    assert words[words.index("--map-by") + 1] == "slot:PE=2"


def test_an_environment_of_its_own_has_its_own_python():
    assert argv(Job(("a.py",), venv="/my venv"), None)[0] == "/my venv/bin/python"
    assert argv(Job(("a.py",), image="/i.sif"), None)[:4] == [
        "apptainer", "exec", "/i.sif", "python"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "cores", "says"),
    [
        ({"ranks": None, "nodes": 2, "ranks_per_node": 2}, 8, "2 nodes, and this machine"),
        ({"array": "0-3"}, 8, "--array is for --slurm"),
        ({"modules": ("gcc",)}, 8, "load them in the shell first"),
        ({"bind": "cores", "threads_per_rank": 3}, 8, "need 9 cores, and there are 8"),
    ],
)
def test_what_this_machine_cannot_do_is_refused(changes, cores, says):
    with pytest.raises(JobError) as error:
        check(job(**changes), cores)
    assert says in str(error.value)


def test_what_this_machine_can_do_is_not_refused():
    check(job(bind="cores"), 3)
    check(job(ranks=9), 1)
    check(job(ranks=None, nodes=1, ranks_per_node=3), 1)


def test_what_was_weighed_already_is_not_inherited():
    inherited = {"PMAP_CHECK": "1", "PMAP_RECORD": "/t", "PMAP_MEMORY_GB": "9", "PMAP_WAIT_S": "3"}
    env = environment(job(), 4, inherited)
    assert {k for k in env if k.startswith("PMAP_")} == {"PMAP_NP", "PMAP_WAIT_S"}
