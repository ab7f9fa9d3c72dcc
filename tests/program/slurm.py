"""A Slurm of one node, for as long as a test needs it.

    with slurm.one_node(folder) as environment:
        subprocess.run(["sbatch", ...], env=environment)

All it writes is in @folder; it talks on free ports of this host. What stops it
from starting is raised as slurm.Unable.
"""
import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time

START_SECONDS = 30
DAEMONS = ("munged", "slurmctld", "slurmd")

# Nothing of this needs cgroups or a time-sharing plugin, which containers
# rarely have; the two intervals are for a test that waits.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Unable(Exception):
    """Why there is no Slurm."""


def free_ports(count):
    """Ports of this host that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def find(name):
    """Daemons live where PATH of a user does not always look."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def last_line(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return lines[-1] if lines else "it says nothing"


def is_idle(environment):
    done = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment,
                          capture_output=True, text=True, timeout=30)
    return done.stdout.split() == ["idle"]


@contextlib.contextmanager
def one_node(folder):
    """Start the three daemons and wait until the node takes jobs."""
    for daemon in DAEMONS + ("sbatch",):
        if not find(daemon):
            raise Unable(f"{daemon} is not installed (Debian: slurm-wlm)")
    folder = pathlib.Path(folder)
    for part in (folder, folder / "state", folder / "spool"):
        part.mkdir(parents=True, exist_ok=True)
        part.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    controller_port, node_port = free_ports(2)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(CONFIGURATION.format(
        host=host, folder=folder, user=getpass.getuser(), cpus=os.cpu_count(),
        controller_port=controller_port, node_port=node_port))
    environment = dict(os.environ, SLURM_CONF=str(folder / "slurm.conf"))
    commands = (
        ["munged", "--foreground", "--force", f"--key-file={key}",
         f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
         f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munge.log"],
        ["slurmctld", "-D", "-i", "-c"],
        ["slurmd", "-D", "-N", host])
    running = []
    try:
        for command in commands:
            log = open(folder / f"{command[0]}.txt", "wb")
            running.append(subprocess.Popen(
                [find(command[0]), *command[1:]], env=environment, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL))
            log.close()
            time.sleep(0.2)
        deadline = time.monotonic() + START_SECONDS
        while not is_idle(environment):
            for command, daemon in zip(commands, running):
                if daemon.poll() is not None:
                    raise Unable(f"{command[0]} does not start: " +
                                 last_line(folder / f"{command[0]}.txt"))
            if time.monotonic() > deadline:
                raise Unable("the node does not get ready: " +
                             last_line(folder / "slurmd.txt"))
            time.sleep(0.2)
        yield environment
    finally:
        for daemon in reversed(running):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
