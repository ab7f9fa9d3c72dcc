"""The scripts of examples/cluster, each really run: the rows are the same bytes
as those of one process on one machine."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import slurm
from harness import PROGRAM, ROOT, VARIANT, check, check_equal, close, vmcycle

SCRIPTS = ROOT / "examples/cluster"
POINTS = 4 * 6 * 10
SWEEP = """[sweep]
run = balloon --machine m2-2025 --guest 2G
seed = 11
[vary]
mechanism = pfn, huge, bitmap, virtio-mem
move = 128M..768M +128M
set balloon_send.pop = %s
""" % ", ".join(f"{i} us" for i in range(1, 11))
# Points that take long enough to be caught at it.
SLOW_POINTS = 9 * 6
SLOW = """[sweep]
run = balloon --machine m2-2025 --guest 16G --mechanism pfn
[vary]
move = 4G..12G +1G
set balloon_send.pop = 1 us .. 6 us
"""
program = pathlib.Path(PROGRAM).resolve()
environment = dict(os.environ, VMCYCLE=str(program), OMPI_ALLOW_RUN_AS_ROOT="1",
                   OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", BATCH="25")


def rows(folder):
    file = folder / "rows.tsv"
    return file.read_bytes() if file.exists() else b"none"


def logged(folder):
    log = folder / "jobs.tsv"
    lines = log.read_text().splitlines(True) if log.exists() else []
    return sorted(int(l.split("\t")[0]) for l in lines
                  if l.endswith("\n") and not l.startswith("#"))


def command(arguments, **options):
    return subprocess.run(list(map(str, arguments)), capture_output=True,
                          text=True, **{"env": environment, "cwd": top,
                                        "timeout": 120, **options})


def script(name, *arguments, **options):
    """Run one of examples/cluster as a user does, from a folder of his."""
    run = by_mpirun if name == "mpi" and arguments else command
    return run([SCRIPTS / f"{name}.sh", *arguments], **options)


def check_engine(what, run, folder):
    check_equal(run.returncode, 0, f"{what} exits: {run.stdout}{run.stderr}")
    check(rows(folder) == expected, f"{what}: other rows than -j 1")
    check_equal(logged(folder), list(range(1, POINTS + 1)),
                f"{what}: each point once in the log")


def skip(what, why):
    print(f"skipped: sweep by {what}: {' '.join(str(why).split())}")


# ---- Open MPI ---------------------------------------------------------------
def without_mpi():
    """What a process says that mpirun started and that has no MPI."""
    alone = top / "alone"
    shutil.copy(program, alone)
    ranks = dict(os.environ, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="1")
    run = subprocess.run([alone, "sweep", file, "-o", top / "none"],
                         capture_output=True, text=True, env=ranks)
    check_equal(run.returncode, 2, "under mpirun without MPI")
    check("libopenmpi-dev" in run.stderr and not (top / "none").exists(),
          f"says what is missing: {run.stderr}")
    for option in ("--list", "--merge"):
        run = vmcycle("sweep", file, option, "-o", top / "one", env=ranks)
        check_equal((run.returncode, run.stdout), (0, ""),
                    f"{option} is done by rank 0 alone")


def ranks_of(mpirun):
    """The processes that this mpirun has started and that have not ended."""
    children = pathlib.Path(f"/proc/{mpirun.pid}/task/{mpirun.pid}/children")
    ranks = []
    for pid in children.read_text().split():
        with contextlib.suppress(OSError):  # it has ended, or does just now
            if "vmcycle-mpi" in os.readlink(f"/proc/{pid}/exe"):
                ranks.append(int(pid))
    return ranks


def wait_for(mpirun, seconds=30):
    """The exit status, or None where all ranks have ended and mpirun has not:
    that of Debian 12 sometimes waits for a thread of its own then, for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return mpirun.wait(seconds)
    left = ranks_of(mpirun)
    check_equal(left, [], "ranks that do not end")
    mpirun.kill()
    mpirun.wait()
    print("note: mpirun hung when all its ranks had ended")
    return None


def by_mpirun(arguments, **options):
    """As command(); what hung is started again, as a user would."""
    for _ in range(3):
        with tempfile.TemporaryFile("w+") as out, \
                tempfile.TemporaryFile("w+") as err:
            with subprocess.Popen(list(map(str, arguments)), stdout=out,
                                  stderr=err, **{"env": environment, "cwd": top,
                                                 **options}) as mpirun:
                status = wait_for(mpirun)
            if status is not None:
                out.seek(0)
                err.seek(0)
                return subprocess.CompletedProcess(arguments, status,
                                                   out.read(), err.read())
    return subprocess.CompletedProcess(arguments, -1, "", "mpirun hangs")


def disturb(slow, folder, victim, sent):
    """Send a signal in the middle of a sweep, to one rank or to mpirun, which
    ends within seconds. Returns how many points have ended by then: all of them,
    where the sweep was faster than the signal."""
    enough = len(logged(folder)) + 3
    with subprocess.Popen([SCRIPTS / "mpi.sh", slow, folder, "--oversubscribe",
                           "-n", "3"], env=environment, cwd=top,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as mpirun:
        while mpirun.poll() is None and len(logged(folder)) < enough:
            time.sleep(0.01)
        ranks = ranks_of(mpirun) if mpirun.poll() is None else []
        if not ranks and len(logged(folder)) == SLOW_POINTS:
            wait_for(mpirun)
            return SLOW_POINTS
        if check_equal(len(ranks), 3, "ranks under way"):
            os.kill(mpirun.pid if victim is None else ranks[victim], sent)
        check(wait_for(mpirun) != 0 or len(logged(folder)) == SLOW_POINTS,
              f"{sent} to {victim}: the run ends well")
    return len(logged(folder))


def by_mpi():
    if not (program.parent / "vmcycle-mpi").exists():
        return skip("Open MPI", "vmcycle-mpi is not built (Debian: "
                    "libopenmpi-dev, openmpi-bin)")
    if not shutil.which("mpirun"):
        return skip("Open MPI", "no mpirun (Debian: openmpi-bin)")
    run = by_mpirun(["mpirun", "-n", "2", "--oversubscribe", "true"])
    if run.returncode != 0:
        return skip("Open MPI", f"mpirun does not start: {run.stderr}")

    mpi = ["--oversubscribe", "-n"]
    for ranks in (2, 5):
        folder = top / f"mpi{ranks}"
        check_engine(f"mpirun -n {ranks}",
                     script("mpi", file, folder, *mpi, ranks), folder)
    run = by_mpirun(["mpirun", *mpi, "2", program, "sweep", file, "-o",
                     top / "mpi-j", "-j", "2", "--points", "1-200"])
    check_equal(run.returncode, 0, f"a part, by two times two: {run.stderr}")
    check_equal(logged(top / "mpi-j"), list(range(1, 201)), "that part")
    check_engine("the rest", script("mpi", file, top / "mpi-j", *mpi, 3),
                 top / "mpi-j")

    slow, lost = top / "slow.ini", top / "lost"
    slow.write_text(SLOW)
    ended = [disturb(slow, lost, *how) for how in (
        (2, signal.SIGKILL), (1, signal.SIGTERM), (0, signal.SIGTERM),
        (None, signal.SIGINT))]
    check(3 <= ended[0] < SLOW_POINTS,
          f"in the middle of it: {ended} points")  # mpirun takes a second
    run = script("mpi", slow, lost, *mpi, 2)
    check_equal(run.returncode, 0, f"the last run: {run.stdout}{run.stderr}")
    check_equal(logged(lost), list(range(1, SLOW_POINTS + 1)),
                "what was lost is run again, and nothing else")
    vmcycle("sweep", slow, "-o", top / "slow")
    check(rows(lost) == rows(top / "slow"), "a lost rank: other rows")

    bad = top / "bad.ini"
    bad.write_text("[sweep]\nrun = balloon --guest 2G\n[vary]\n"
                   "mechanism = pfn, nosuch, bitmap\n")
    run = script("mpi", bad, top / "mpi-bad", *mpi, 2)
    check(run.returncode == 1 and "1 failed" in run.stdout,
          f"a point that fails: {run.returncode}, {run.stdout}")
    run = script("mpi", bad, top / "one", *mpi, 2)
    check(run.returncode == 2 and "another sweep" in run.stderr,
          f"a folder of another sweep: {run.returncode}, {run.stderr}")
    first = ["-n", "1", program, "sweep", file, "-o", "apart", ":", "-n", "1"]
    for second, why in (
            ([program, "sweep", bad, "-o", "apart"], "another than that of rank"),
            (["-wdir", top / "one", program, "sweep", file, "-o", "apart"],
             "need one file system")):
        run = by_mpirun(["mpirun", "--oversubscribe", *first, *second])
        check(run.returncode == 2 and why in run.stderr,
              f"ranks that differ: {run.returncode}, {run.stderr}")
    return None


# ---- GNU parallel -----------------------------------------------------------
@contextlib.contextmanager
def ssh_nodes(folder):
    """Two hosts, as far as ssh knows; raises slurm.Unable."""
    if not shutil.which("ssh") or not slurm.find("sshd"):
        raise slurm.Unable("no ssh and sshd (Debian: openssh-server)")
    folder.mkdir()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        folder / name], check=True)
    port, = slurm.free_ports(1)
    (folder / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPidFile none\nStrictModes no\n"
        "UsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "MaxStartups 100\n")
    (folder / "ssh.conf").write_text(
        f"Host node1 node2\nHostName 127.0.0.1\nPort {port}\n"
        f"IdentityFile {folder}/user\nIdentitiesOnly yes\nBatchMode yes\n"
        "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
        "LogLevel ERROR\n")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # sshd insists on it
    with subprocess.Popen([slurm.find("sshd"), "-D", "-e", "-f",
                           folder / "sshd.conf"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL,
                          stderr=(folder / "sshd.txt").open("wb")) as sshd:
        try:
            for _ in range(25):
                time.sleep(0.1)
                run = subprocess.run(["ssh", "-F", folder / "ssh.conf",
                                      "node2", "true"], capture_output=True,
                                     text=True, timeout=30)
                if run.returncode == 0:
                    break
            else:
                raise slurm.Unable(f"sshd: {run.stderr} " +
                                   slurm.last_line(folder / "sshd.txt"))
            hosts = folder / "hosts"
            hosts.write_text("".join(f"1/ssh -F {folder}/ssh.conf node{i}\n"
                                     for i in (1, 2)))
            yield hosts
        finally:
            sshd.terminate()


def by_parallel():
    if not shutil.which("parallel"):
        return skip("GNU parallel", "not installed (Debian: parallel)")
    folder = top / "by parallel"
    vmcycle("sweep", file, "-o", folder, "--points", "31-47")
    check_engine("parallel on this host", script("parallel", file, folder),
                 folder)
    (folder / "points/7.json").unlink()
    check_equal(script("parallel", file, folder).returncode, 0, "once more")
    check(rows(folder) == expected, "a result that was lost: other rows")
    try:
        with ssh_nodes(top / "ssh") as hosts:
            folder = top / "by ssh"
            check_engine("parallel over ssh",
                         script("parallel", file, folder, hosts), folder)
            jobs = (folder / "parallel.tsv").read_text().splitlines()[1:]
            check_equal({line.split("\t")[1].split()[-1] for line in jobs},
                        {"node1", "node2"}, "both hosts have had points")
            replayed = top / "traces.ini"
            replayed.write_text("[sweep]\nrun = replay\n[vary]\n"
                                "trace = beside.zst, nosuch.zst\n")
            shutil.copy(ROOT / "traces/eiointc-4vcpu.qemu.log.zst",
                        top / "beside.zst")
            folder = top / "by name"
            run = script("parallel", replayed, folder, hosts)
            check("1 missing" in run.stdout and rows(folder).count(b"\n") == 2,
                  f"a file named from where it was started: {run.stdout}")
            check_equal(logged(folder), [1, 2], "a point that fails has failed "
                        "for good")
    except slurm.Unable as why:
        skip("GNU parallel over ssh", why)
    return None


# ---- Slurm ------------------------------------------------------------------
def by_slurm():
    try:
        with slurm.one_node(top / "slurm") as node:
            node = dict(environment, SLURM_CONF=node["SLURM_CONF"], BATCH="70")
            folder = top / "by slurm"
            run = script("slurm", file, folder, env=node)
            if not check_equal(run.returncode, 0, f"sbatch: {run.stderr}"):
                return
            merge = run.stdout.split()[1]
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and subprocess.run(
                    ["squeue", "-h", "-j", merge], env=node, text=True,
                    capture_output=True).stdout.strip():
                time.sleep(0.2)
            check_engine("a Slurm array", run, folder)
            check_equal(len(list((folder / "slurm").glob("*_*.txt"))), 4,
                        "elements")
            check("0 missing" in (folder / "slurm/merge.txt").read_text(),
                  "the merge has run")
    except slurm.Unable as why:
        skip("Slurm", why)


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    top.chmod(0o755)
    file = top / "space of designs.ini"
    file.write_text(SWEEP)
    vmcycle("sweep", file, "-o", top / "one", "-j", 1)
    expected = rows(top / "one")
    check_equal(expected.count(b"\n"), POINTS + 1, "a row a point")
    vmcycle("sweep", file, "-o", top / "two", "-j", 2)
    check(rows(top / "two") == expected, "-j 2: other rows than -j 1")
    for name in ("mpi", "parallel", "slurm"):
        run = script(name)
        check(run.returncode == 2 and f"{name}.sh FILE DIR" in run.stderr,
              f"{name}.sh says how it is called: {run.stderr}")
    without_mpi()
    if VARIANT == "release":
        by_mpi()
        by_parallel()
        by_slurm()
    else:
        skip("mpirun, parallel and Slurm", "they are tested in the release "
             "variant; MPI leaks, and the rest is the same program")
close()
