"""Sweeps of many points: the same bytes in any order, by any number of workers,
whatever was shared, and whoever was killed on the way."""
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, check, check_equal, close, vmcycle

MANY = """[sweep]
run = balloon --machine m2-2025 --guest 64M
seed = 3
[vary]
mechanism = pfn, huge, sg
move = 2M..24M +2M
fragmentation = idle, frag:20, frag:50
flag vfio = no, yes
"""
POINTS = 3 * 12 * 3 * 2

# Points of which each begins as others do, and some that are wrong.
ALIKE = """[sweep]
run = balloon --machine m2-2025 --guest 128M --move 32M --memory touched
[vary]
mechanism = pfn, bitmap-fixed, hyperalloc, reporting
iteration = 0, 1, 3
op = inflate, pressure, install, nosuch
set balloon_guest.alloc = 480 ns, 2 us, 3
set balloon_machine.used_bytes = 8388608, 16777216
"""
SEEDS = """[sweep]
run = balloon --machine m2-2025 --guest 128M --move 32M --fragmentation frag:40
seed = 5
[vary]
mechanism = pfn, sg
iteration = 1, 2
op = inflate, deflate
[sensitivity]
of = total_ms
only = balloon_guest.*
"""
# What is touched, and so what moves, is another plan for install.
PLANS = """[sweep]
run = balloon --machine m2-2025 --guest 5G --move 4G --mechanism huge
[vary]
op = inflate, install, none
iteration = 1, 2
"""
TRACES = """[sweep]
run = replay --profile 3c5000-qemu
[vary]
trace = traces/eiointc-4vcpu.qemu.log.zst, traces/rcu-4vcpu.ftrace.txt.zst, no
semantics = qemu, kvm, nosuch
flag no-check = no, yes
set vcpu.wake = 2 us, 9 us
"""
SLOW = """[sweep]
run = balloon --machine m2-2025 --guest 6G --op deflate
[vary]
iteration = 1..6
set balloon_send.pop = 1 us, 2 us, 3 us
"""


def rows(folder):
    return (folder / "rows.tsv").read_bytes()


def ended(folder):
    """What the log says of each point: its exit status and fingerprint."""
    log = folder / "jobs.tsv"
    lines = log.read_text().splitlines() if log.exists() else []
    fields = [line.split("\t") for line in lines if "#" not in line]
    return {int(f[0]): (int(f[2]), f[4]) for f in fields if len(f) == 5}


def printed(folder):
    """What each point printed, but for how long it took."""
    return {f.name: re.sub(r"in \d+ ms", "", f.read_text())
            for f in folder.glob("points/*.txt")}


def sweep(file, folder, *options, **more):
    return vmcycle("sweep", file, "-o", folder, "--json", "-", *options, **more)


def children(pid):
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(p) for p in found.read_text().split()]
    except OSError:
        return []


def while_running(file, folder, act):
    """Start a sweep, call @act(its process) over and over until that says True
    or the sweep has ended; returns whether it said so."""
    with subprocess.Popen([PROGRAM, "sweep", str(file), "-o", str(folder),
                           "-j", "2"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        has_acted = False
        while process.poll() is None and not has_acted:
            has_acted = act(process)
            time.sleep(0.002)
        process.communicate(timeout=120)
    return has_acted


def kill_grandchild(process):
    for trunk in children(process.pid):
        for point in children(trunk):
            os.kill(point, signal.SIGKILL)
            return True
    return False


def kill_trunk(process):
    for trunk in children(process.pid):
        if children(trunk):
            os.kill(trunk, signal.SIGKILL)
            return True
    return False


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    many = top / "many.ini"
    many.write_text(MANY)

    # ---- Any number of workers, any order --------------------------------------
    one = top / "one"
    run = sweep(many, one, "-j", 1)
    check_equal(json.loads(run.stdout)["ran"], POINTS, "all points are run")
    check_equal(json.loads(run.stdout)["failed"], 0, "and none fails")
    check_equal(rows(one).count(b"\n"), POINTS + 1, "a row a point")
    for workers in (2, 7):
        sweep(many, top / f"j{workers}", "-j", workers)
        check(rows(top / f"j{workers}") == rows(one),
              f"-j {workers}: the same bytes")
    rng = random.Random(6)
    starts = list(range(1, POINTS + 1, 24))
    rng.shuffle(starts)
    for start in starts:
        sweep(many, top / "mixed", "--points", f"{start}-{start + 23}",
              "-j", rng.choice((1, 2, 3)))
    check(rows(top / "mixed") == rows(one), "parts in any order: the same bytes")

    # ---- Killed, ended, full ----------------------------------------------------
    cut = top / "cut"
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL,
                   signal.SIGINT):
        before = len(ended(cut))

        def interrupt(process):
            if len(ended(cut)) < before + 20:
                return False
            process.send_signal(number)
            return True
        while_running(many, cut, interrupt)
    check(len(ended(cut)) < POINTS, "interrupted four times before its end")
    done = len([p for p, how in ended(cut).items() if how[0] == 0])
    run = sweep(many, cut)
    check_equal(json.loads(run.stdout)["ran"], POINTS - done,
                "only the rest is run")
    check(rows(cut) == rows(one), "interrupted and resumed: the same bytes")

    full = top / "full"
    run = sweep(many, full, "-j", 2, restore_signals=False, preexec_fn=lambda:
                resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)))
    check_equal(run.returncode, 2, f"a full disk: {run.stderr}")
    check("jobs.tsv: cannot write" in run.stderr and
          len(run.stderr.splitlines()) == 1, f"is named: {run.stderr}")
    check(not (full / "rows.tsv").exists(), "and leaves no rows")
    sweep(many, full)
    check(rows(full) == rows(one), "with room again: the same bytes")

    # ---- Shared or not -----------------------------------------------------------
    for name, text in (("alike", ALIKE), ("seeds", SEEDS),
                       ("plans", PLANS), ("traces", TRACES)):
        file = top / f"{name}.ini"
        file.write_text(text)
        alone, shared = top / f"{name}-alone", top / f"{name}-shared"
        run = sweep(file, alone, "--no-share", "-j", 2)
        counts = json.loads(run.stdout)
        check(counts["failed"] < counts["points"] and
              (counts["failed"] > 0) == (name != "seeds"), f"{name}: {counts}")
        run = sweep(file, shared, "-j", 2)
        check_equal({k: v for k, v in json.loads(run.stdout).items()}, counts,
                    f"{name}, shared: the same counts")
        check(rows(shared) == rows(alone), f"{name}, shared: the same rows")
        check_equal(ended(shared), ended(alone), f"{name}, shared: the same log")
        check_equal(printed(shared), printed(alone),
                    f"{name}, shared: the same words")
        sweep(file, top / f"{name}-one", "-j", 1)
        check(rows(top / f"{name}-one") == rows(alone), f"{name}, one trunk")

    slow = top / "slow.ini"
    slow.write_text(SLOW)
    sweep(slow, top / "slow", "--no-share")
    killed = top / "killed"
    if check(while_running(slow, killed, kill_grandchild), "a point is killed"):
        check_equal([how[0] for how in ended(killed).values()
                     if how[0] != 0], [137], "and it alone has failed")
    check_equal(json.loads(sweep(slow, killed).stdout)["ran"], 1,
                "and is run again")
    check(rows(killed) == rows(top / "slow"), "then the rows are the same")
    orphaned = top / "orphaned"
    check(while_running(slow, orphaned, kill_trunk), "a trunk is killed")
    check(rows(orphaned) == rows(top / "slow"), "and nothing is missing")
close()
