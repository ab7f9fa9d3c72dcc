"""Sweeps: their points, the same rows whatever happens on the way."""
import json
import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, check, check_equal, close, vmcycle

SWEEP = """[sweep]
run = balloon --machine m2-2025 --guest 4G
seed = 7
[vary]
mechanism = pfn, huge, virtio-mem
move = 128M..1024M *2
set balloon_send.pop = 1 us, 2 us
"""


def rows(folder):
    return (folder / "rows.tsv").read_bytes()


def ended(folder):
    log = folder / "jobs.tsv"
    lines = log.read_text().splitlines(True) if log.exists() else []
    return [int(l.split("\t")[0]) for l in lines
            if l.endswith("\n") and not l.startswith("#")]


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    file = top / "sweep.ini"
    file.write_text(SWEEP)

    # ---- Points ---------------------------------------------------------------
    listed = vmcycle("sweep", file, "--list").stdout.splitlines()
    check_equal(len(listed), 3 * 4 * 2, "every combination is a point")
    check("--mechanism=pfn --move=128M '--set=balloon_send.pop=1 us'" in listed[0],
          "the first point")
    check("--mechanism=pfn --move=128M '--set=balloon_send.pop=2 us'" in listed[1],
          "the last key varies fastest")
    check("--mechanism=virtio-mem --move=1024M" in listed[-1], "the last point")
    seeds = {line.split("--seed=")[1] for line in listed}
    check_equal(len(seeds), 24, "each point has its seed")
    check_equal(vmcycle("sweep", file, "--list", "--points", "3-4")
                .stdout.splitlines(), listed[2:4], "some of them")

    # ---- Rows -------------------------------------------------------------------
    one, two = top / "one", top / "two"
    run = vmcycle("sweep", file, "-o", one, "-j", 1, "--json", "-")
    check_equal(run.returncode, 0, f"a sweep exits: {run.stderr}")
    found = json.loads(run.stdout)
    check_equal([found[k] for k in ("points", "ran", "skipped", "failed",
                                    "missing")], [24, 24, 0, 0, 0], "counts")
    lines = rows(one).decode().splitlines()
    check_equal(len(lines), 25, "a head and a row a point")
    head = lines[0].split("\t")
    check_equal(head[:4], ["point", "mechanism", "move",
                           "set balloon_send.pop"], "columns that vary")
    check("total_ms" in head and "stages_ms.send" in head and
          "fingerprint" in head and "wall_ms" not in head, f"results: {head}")
    check_equal([l.split("\t")[0] for l in lines[1:]],
                [str(i) for i in range(1, 25)], "in order")
    single = json.loads(vmcycle(*shlex.split(listed[5])[2:], "--json", "-").stdout)
    check_equal(lines[6].split("\t")[head.index("fingerprint")],
                single["fingerprint"], "a row is what its command line gives")
    vmcycle("sweep", file, "-o", two, "-j", 3)
    check_equal(rows(two), rows(one), "three at once: the same bytes")

    # ---- Going on -----------------------------------------------------------------
    run = vmcycle("sweep", file, "-o", two, "--json", "-")
    check_equal(json.loads(run.stdout)["ran"], 0, "nothing is run twice")
    parts = top / "parts"
    for points in ("9-24", "1-3"):
        run = vmcycle("sweep", file, "-o", parts, "--points", points)
        check(not (parts / "rows.tsv").exists(), "no rows before the last part")
    check("5 missing" in run.stdout and "no rows yet" in run.stdout,
          f"a part says what is missing: {run.stdout}")
    vmcycle("sweep", file, "-o", parts, "--points", "4-8")
    check_equal(rows(parts), rows(one), "in parts: the same bytes")
    (parts / "rows.tsv").unlink()
    (parts / "points/5.json").unlink()
    run = vmcycle("sweep", file, "-o", parts, "--merge", "--json", "-")
    check_equal(json.loads(run.stdout)["missing"], 1, "a merge runs nothing")
    check_equal(run.returncode, 1, "and says by its status that one is missing")
    with (parts / "jobs.tsv").open("a") as log:
        log.write("12\t99")  # as a crash would leave it
    run = vmcycle("sweep", file, "-o", parts, "--json", "-")
    check_equal(json.loads(run.stdout)["ran"], 1, "only what is missing is run")
    check_equal(rows(parts), rows(one), "behind half a line: the same bytes")
    check_equal(json.loads(vmcycle("sweep", file, "-o", parts, "--json", "-")
                           .stdout)["ran"], 0, "nor is the next line lost")

    for round_ in range(3):
        shared = top / f"shared{round_}"
        at_once = [subprocess.Popen([PROGRAM, "sweep", str(file), "-o", str(shared),
                                     "-j", "1", "--points", f"{first}-{first + 3}"],
                                    stdout=subprocess.DEVNULL)
                   for first in range(1, 25, 4)]
        check_equal([part.wait() for part in at_once], [0] * 6, "parts at once")
        check_equal(rows(shared), rows(one), "parts at once: the same bytes")
        check_equal(sorted(ended(shared)), list(range(1, 25)), "a whole log")

    killed = top / "killed"
    for round_ in range(8):
        with subprocess.Popen([PROGRAM, "sweep", str(file), "-o", str(killed),
                               "-j", "2"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL,
                              start_new_session=True) as sweep:
            time.sleep(0.01 * round_)
            os.killpg(sweep.pid, signal.SIGKILL)
    before = len(set(ended(killed)))
    run = vmcycle("sweep", file, "-o", killed, "--json", "-")
    check_equal(json.loads(run.stdout)["ran"], 24 - before,
                "after kills only the rest is run")
    check_equal(rows(killed), rows(one), "after kills: the same bytes")

    # ---- Zip, failures ---------------------------------------------------------------
    file.write_text("[sweep]\nrun = balloon --guest 4G\nmode = zip\n[vary]\n"
                    "mechanism = pfn, nosuch\nmove = 64M..128M +64M\n")
    check_equal(len(vmcycle("sweep", file, "--list").stdout.splitlines()), 2,
                "zip: one point for each place")
    run = vmcycle("sweep", file, "-o", top / "zip", "--json", "-")
    check_equal(run.returncode, 1, "a point that fails")
    check_equal(json.loads(run.stdout)["failed"], 1, "and only that")
    check("nosuch" in (top / "zip/points/2.txt").read_text(), "says why")

    # ---- Bad input --------------------------------------------------------------------
    run = vmcycle("sweep", file, "-o", one)
    check(run.returncode == 2 and "another sweep" in run.stderr,
          "a folder of another sweep")
    for text, why in (("[sweep]\nrun = balloon\n[vary]\nmove = 5..1\n", ":4:"),
                      ("[sweep]\nrun = balloon\n[vary]\nmove = 1G..2M\n", ":4:"),
                      ("[sweep]\nrun = balloon\n[vary]\nmove = 1,,2\n", ":4:"),
                      ("[sweep]\nrun = balloon\n[vary]\n", "[vary]"),
                      ("[vary]\nmove = 1\n", "run = COMMAND"),
                      ("[sweep]\nrun = sweep x\n", ":2:"),
                      ("[sweep]\nmode = tree\n", ":2:"),
                      ("[swep]\nrun = balloon\n", ":1:"),
                      ("[sweep]\nrun = balloon\nmode = zip\n[vary]\n"
                       "a = 1\nb = 1, 2\n", "as many"),
                      ("[sweep]\nrun = balloon\n[vary]\na = 1\na = 2\n", ":5:"),
                      ("[sweep]\nrun = balloon\n[vary]\n" +
                       "".join(f"k{i} = 1..100\n" for i in range(4)),
                       "more than")):
        file.write_text(text)
        run = vmcycle("sweep", file, "--list")
        check(run.returncode == 2 and why in run.stderr and
              len(run.stderr.splitlines()) == 1, f"{text!r}: {run.stderr}")
    check_equal(vmcycle("sweep", top / "none.ini", "--list").returncode, 2,
                "no file")
close()
