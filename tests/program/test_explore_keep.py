"""vmcycle explore --checkpoint, --resume: a search that was stopped and gone
on with ends as the one that was not, whatever the strategy; what is no
checkpoint of this search is refused with a line that says why.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

os.chdir(ROOT)
TIMEOUT = 120
STRATEGIES = ("ladder", "stateful", "dpor", "preemption", "pct", "random")
# What is searched, and after how many states or runs it is kept.
SEARCHES = (
    ("S03", (), 9),
    ("S05", (), 60),
    ("I01", (), 40),
    ("irq:entry", (), 2),
    ("G9", ("--budget", "states=3000,steps=30000"), 400),
)
rng = random.Random(9)


def result(path):
    found = json.loads(path.read_text())
    found.pop("wall_ms")
    path.unlink()
    return found


def explore(top, *arguments, status=None):
    """The result of a search, without its wall time."""
    out = top / "out.json"
    run = vmcycle("explore", *arguments, "--json", out, timeout=TIMEOUT)
    if status is not None:
        check_equal(run.returncode, status, f"{arguments}: {run.stderr}")
    return run.returncode, result(out)


def refused(what, words, *arguments):
    run = vmcycle("explore", *arguments, timeout=TIMEOUT)
    check_equal(run.returncode, 2, f"{what}: refused")
    check(words in run.stderr and run.stderr.count("\n") == 1,
          f"{what}: says {words!r}: {run.stderr}")


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)

    # ---- Every strategy, from a few of its checkpoints ---------------------------
    for scenario, options, every in SEARCHES:
        for strategy in STRATEGIES:
            if scenario == "irq:entry" and strategy == "dpor":
                continue  # it says nothing of footprints
            runs = strategy in ("pct", "random")
            search = [scenario, "--strategy", strategy, *options,
                      *(("--runs", "200") if runs else ())]
            what = " ".join(search)
            status, whole = explore(top, *search)
            folder = top / what.replace(" ", "-").replace(":", "-")
            kept = explore(top, *search, "--checkpoint", folder,
                           "--checkpoint-every", 30 if runs else every,
                           status=status)[1]
            check_equal(kept, whole, f"{what}: keeping changes nothing")
            files = sorted(folder.iterdir())
            check_equal([f.name for f in files],
                        [f"{i + 1:06}.ckpt" for i in range(len(files))],
                        f"{what}: checkpoints")
            if strategy in ("stateful", "ladder", "random"):
                check(len(files) > 1, f"{what}: there are some")
            for file in rng.sample(files, min(2, len(files))):
                found = explore(top, *search, "--resume", file,
                                status=status)[1]
                check_equal(found, whole, f"{what}: from {file.name}")
            if len(files) > 1:  # and numbers go on
                again = top / "again"
                explore(top, *search, "--resume", files[0], "--checkpoint",
                        again, "--checkpoint-every", 30 if runs else every,
                        status=status)
                check_equal(sorted(f.name for f in again.iterdir()),
                            [f.name for f in files[1:]],
                            f"{what}: the same checkpoints from the first on")
                if runs:
                    check(all((again / f.name).read_bytes() == f.read_bytes()
                              for f in files[1:]), f"{what}: byte for byte")
                for file in again.iterdir():
                    file.unlink()

    # ---- Signals --------------------------------------------------------------------
    # After every state a file is written, so it lasts; where this test is not
    # given the CPU meanwhile, the search has ended and is begun again.
    search = ["G9", "--strategy", "stateful"]
    status, whole = explore(top, *search)
    for number in (signal.SIGINT, signal.SIGTERM):
        out = top / "part.json"
        for attempt in range(5):
            folder = top / f"{number.name}-{attempt}"
            process = subprocess.Popen(
                [PROGRAM, "explore", *search, "--checkpoint", str(folder),
                 "--checkpoint-every", "1", "--json", str(out)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            while (process.poll() is None
                   and not (folder / "000002.ckpt").exists()):
                time.sleep(0.001)
            process.send_signal(number)
            err = process.communicate(timeout=TIMEOUT)[1].decode()
            if (folder / "interrupted.ckpt").exists():
                break
            check(process.returncode in (status, 128 + number),
                  f"{number.name}: too late: {process.returncode}")
        check_equal(process.returncode, 128 + number, number.name)
        part = result(out)
        check_equal((part["interrupted"], part["limit"], part["complete"],
                     part["guarantee"]), (True, "signal", False, "bounded"),
                    f"{number.name}: the result says so")
        file = folder / "interrupted.ckpt"
        check(f"--resume {file}" in err, f"{number.name}: how to go on: {err}")
        check_equal(explore(top, *search, "--resume", file, status=status)[1],
                    whole, f"{number.name}: gone on with")
        check_equal([f for f in folder.iterdir() if f.suffix != ".ckpt"], [],
                    f"{number.name}: nothing is half written")

    # ---- What is refused ---------------------------------------------------------------
    again = ("G9", "--strategy", "stateful", "--resume", file)
    refused("another scenario", "scenario", "S03", *again[1:])
    refused("another strategy", "--strategy", "G9", "--strategy", "ladder",
            "--resume", file)
    refused("another seed", "--seed", *again, "--seed", "2")
    refused("another budget", "--budget states", *again, "--states", "99")
    other = top / "other"
    other.write_text(pathlib.Path("tests/scenarios/G9").read_text() + "\n# x\n")
    refused("an edited scenario", "contents of the scenario", other,
            *again[1:])
    whole_file = file.read_bytes()
    for what, data in (("cut", whole_file[:-9]), ("empty", b""),
                       ("damaged", whole_file[:99] + b"?" +
                        whole_file[100:])):
        damaged = top / "damaged.ckpt"
        damaged.write_bytes(data)
        refused(what, "damaged.ckpt", *again[:-1], damaged)
    refused("none", "nowhere", *again[:-1], top / "nowhere")
    run = vmcycle("explore", "S03", "--checkpoint-every", "5")
    check_equal(run.returncode, 2, "--checkpoint-every needs --checkpoint")
    check("--checkpoint DIR" in run.stderr, "and says so")

close()
