"""A SLURM of several nodes on this machine: its own daemons, ports and folder, nothing outside.

    with running(folder, nodes=4) as environment: ...

Needs munged, slurmctld, slurmd and root. Every daemon is ended by the number in its own pid file.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SBIN = "/usr/sbin:/usr/local/sbin"
PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sinfo")
LIMIT_S = 30.0
MOST_JOBS = 60_000_000
"""MPICH names its shared memory after the job: what a killed one left must not be met again."""

CONF = """\
ClusterName=pmaptest
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/munge/sock
CredType=cred/munge
SlurmctldPort={first}
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd-%n.pid
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool/%n
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
MpiDefault=pmi2
FirstJobId={job}
ReturnToService=2
KillWait=5
MailProg=/bin/true
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{second}-{last}] CPUs={cpus} \
RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
PartitionName=short Nodes=n1 MaxTime=10 State=UP OverSubscribe=YES
"""


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if lacking:
        return f"no {', '.join(lacking)}: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "its daemons are started as root"


def free_ports(count: int) -> int:
    """The first of so many consecutive ports that nobody listens on."""
    for first in range(21000 + os.getpid() % 4000, 32000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
        return first
    raise OSError("no free ports")


@contextmanager
def running(base: Path, nodes: int = 4, cpus: int = 4) -> Iterator[dict[str, str]]:
    """Start a cluster in an empty folder; gives the environment for its commands, and ends it."""
    for name in ("munge", "state", "spool", "log", *(f"spool/n{i + 1}" for i in range(nodes))):
        (base / name).mkdir()
    for folder in (base, *base.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)  # munge wants to pass through
    (base / "munge").chmod(0o700)
    key = base / "munge/munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    first = free_ports(nodes + 1)
    conf = base / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    conf.write_text(
        CONF.format(
            base=base, host=host, first=first, second=first + 1, last=first + nodes, nodes=nodes,
            cpus=cpus,
            job=1 + int.from_bytes(os.urandom(4), "big") % MOST_JOBS,
        )
    )  # fmt: skip
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    env = {**os.environ, "PATH": path, "SLURM_CONF": str(conf)}
    try:
        munge = base / "munge"
        files = [f"--{n}-file={munge / n}" for n in ("pid", "log", "seed")]
        call(["munged", "--force", f"--key-file={key}", f"--socket={munge / 'sock'}", *files], env)
        call(["slurmctld", "-c"], env)
        for i in range(nodes):
            call(["slurmd", "-N", f"n{i + 1}"], env)
        wait_until_idle(nodes, env)
        yield env
    finally:
        stop(base)


def call(command: list[str], env: dict[str, str]) -> None:
    """A daemon goes to the background by itself."""
    subprocess.run(command, env=env, check=True, timeout=LIMIT_S, capture_output=True)


def wait_until_idle(nodes: int, env: dict[str, str]) -> None:
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        ask = ["sinfo", "-h", "-N", "-p", "debug", "-o", "%T"]
        found = subprocess.run(ask, env=env, capture_output=True, text=True, timeout=LIMIT_S)
        if found.stdout.split().count("idle") == nodes:
            return
        time.sleep(0.1)
    raise TimeoutError(f"nodes are not idle: {found.stdout} {found.stderr}")


def stop(base: Path) -> None:
    """End the daemons by their pid files, slurmd first, and wait until they are gone."""
    files = [*base.glob("slurmd-*.pid"), base / "slurmctld.pid", base / "munge/pid"]
    pids = [int(f.read_text()) for f in files if f.exists() and f.read_text().strip().isdigit()]
    for pid in pids:
        end(pid, signal.SIGTERM)
    limit = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > limit:
            for pid in pids:
                end(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def end(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
