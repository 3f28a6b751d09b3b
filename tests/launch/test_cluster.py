"""What SLURM's commands print, as captured, and what is refused because of it."""

import pytest

from pmap.launch import cluster
from pmap.launch.cluster import Cluster, binds, choose_starter, look, partitions, settings, starters
from pmap.launch.errors import JobError
from pmap.launch.job import Job
from pmap.launch.submit import Answer

SINFO = """\
debug*|up|30:00|1-2|4|4|2000
long|up|7-00:00:00|1-infinite|10|16|64000
long|up|7-00:00:00|1-infinite|2|64|512000
broken|down|infinite|1-infinite|1|4|2000
"""
MPI_LIST_22 = """\
MPI plugin types are...
\tpmix
\tnone
\tcray_shasta
\tpmi2
specific pmix plugin versions available: pmix_v4
"""
CONFIG = """\
Configuration data as of 2026-11-25T22:21:13
MaxArraySize            = 1001
TaskPlugin              = task/none
TaskPluginParam         = (null type)
"""
THERE = Cluster(tuple(partitions(SINFO)), settings(CONFIG))


def job(**changes) -> Job:
    return Job(("a.py",), **changes)


def test_partitions_are_joined_over_their_kinds_of_nodes():
    debug, long, broken = THERE.partitions
    assert (debug.name, debug.default, debug.limit_min, debug.most_nodes) == ("debug", True, 30, 2)
    assert (long.nodes, long.cpus, long.memory_mb, long.all_cpus) == (12, 64, 512000, 288)
    assert (broken.up, broken.limit_min) == (False, float("inf"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"partition": "lnog"}, "'lnog'; did you mean 'long'? there are: debug (default), long"),
        ({"partition": "x"}, "there is no partition 'x'; there are: debug (default)"),
        ({"partition": "long,x"}, "there is no partition 'x'"),
        ({"partition": "broken"}, "partition broken is down; those that are up: debug, long"),
        ({"time_min": 31}, "--time is 00:31:00, and partition debug allows 00:30:00; longer "
                           "ones: long"),
        ({"time_min": 99999}, "no partition allows that long"),
        ({"nodes": 3, "ranks_per_node": 2}, "asks for 3 nodes, and partition debug gives 2; at "
                                            "most --triples 2,2,1"),
        ({"nodes": 1, "ranks_per_node": 5}, "5 ranks with 1 thread each need 5 CPUs of a node"),
        ({"threads_per_rank": 5}, "1 ranks with 5 threads each need 5 CPUs of a node"),
        ({"ranks": 17}, "17 ranks with 1 thread each need 17 CPUs, and partition debug has 16"),
        ({"memory_gb": 3}, "--memory is 3 GB, and the largest nodes of partition debug have 1.95"),
        ({"nodes": 1, "ranks_per_node": 2, "memory_gb": 1}, "for each of 2 ranks"),
        ({"array": "0-1001"}, "up to 1001, and this cluster numbers tasks up to 1000"),
    ],
)  # fmt: skip
def test_what_the_cluster_has_not_is_refused_with_what_it_has(changes, says):
    with pytest.raises(JobError) as error:
        cluster.check(job(**changes), THERE)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"ranks": 16}, {"nodes": 2, "ranks_per_node": 4}, {"time_min": 30},
        {"partition": "long", "ranks": 288, "time_min": 10080}, {"partition": "debug,long"},
        {"memory_gb": 1.9}, {"array": "0-1000"},
    ],
)  # fmt: skip
def test_what_it_has_is_not_refused(changes):
    cluster.check(job(**changes), THERE)


def test_without_a_default_partition_slurm_decides():
    cluster.check(job(ranks=99), Cluster(tuple(partitions(SINFO.replace("*", ""))), {}))


@pytest.mark.parametrize(
    ("asked", "kind", "offered", "starter"),
    [
        ("auto", "mpich", {"pmi2", "pmix"}, "pmi2"),
        ("auto", "openmpi", {"pmi2", "pmix"}, "pmix"),
        ("auto", "openmpi", {"pmi2", "none"}, "mpiexec"),
        ("auto", "mpich", {"pmix"}, "mpiexec"),
        ("auto", "mpich", set(), "pmi2"),
        ("mpiexec", "mpich", {"pmi2"}, "mpiexec"),
        ("pmix", "mpich", {"pmix"}, "pmix"),
    ],
)
def test_the_starter_fits_the_mpi_and_srun(asked, kind, offered, starter):
    assert choose_starter(asked, kind, offered) == starter


def test_a_starter_that_srun_has_not_is_refused():
    with pytest.raises(JobError, match="pmix, which srun has not here; there are pmi2, mpiexec"):
        choose_starter("pmix", "mpich", {"pmi2", "none"})


def test_what_srun_and_scontrol_say_is_read():
    assert starters(MPI_LIST_22) == {"pmix", "none", "cray_shasta", "pmi2"}
    assert not binds(settings(CONFIG))
    assert binds({"TaskPlugin": "task/affinity,task/cgroup"}) and binds({})


def test_a_controller_that_does_not_answer_is_told_in_its_words(monkeypatch):
    monkeypatch.setattr(cluster.shutil, "which", lambda name: f"/bin/{name}")
    said = "slurm_load_partitions: Unable to contact slurm controller (connect failure)\n"
    with pytest.raises(JobError, match="sinfo says: slurm_load_partitions: Unable to contact"):
        look(lambda command: Answer(1, "", said))


def test_without_sbatch_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(cluster.shutil, "which", lambda name: None)
    with pytest.raises(JobError, match="no sbatch on the PATH.*login node.*module load"):
        look()
