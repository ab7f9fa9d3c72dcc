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
    twice = top / "twice"
    at_once = [subprocess.Popen([PROGRAM, "sweep", str(file), "-o", str(twice),
                                 "--json", "-", *points], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
               for points in ((), (), ("--points", "7-9"))]
    ran = [json.loads(sweep.communicate()[0])["ran"] for sweep in at_once]
    check_equal(sum(ran), 24, f"nobody runs what another does: {ran}")
    check_equal(sorted(ended(twice)), list(range(1, 25)), "each point once")
    check_equal(rows(twice), rows(one), "the same sweep twice at once")
    for round_ in range(5):
        at_once = [subprocess.Popen([PROGRAM, "sweep", str(file), "-o", str(shared),
                                     "--merge"], stdout=subprocess.DEVNULL)
                   for _ in range(6)]
        check_equal([merge.wait() for merge in at_once], [0] * 6,
                    "merges at once")

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
    vmcycle("sweep", file, "-o", top / "two parts", "--points", 2)
    vmcycle("sweep", file, "-o", top / "two parts", "--points", 1)
    check_equal(rows(top / "two parts"), rows(top / "zip"),
                "the last part writes the rows, though another failed")

    # ---- Forms of values ----------------------------------------------------------
    file.write_text("\ufeff# a comment\n; another\n\n[sweep]\r\n"
                    "run = replay '--meta=a b' \"x\"   --check ; and more\n"
                    "[vary]\ntrace = ../a..b, \"c, d\", 1x\n"
                    "flag no-check = no, yes\nset a.b = 1 us .. 4 us * 2\n"
                    "p = 8..10K +1\n".replace("8..10K", "8K..10K"))
    listed = vmcycle("sweep", file, "--list").stdout.splitlines()
    check_equal(len(listed), 3 * 2 * 3 * 3, "all of them")
    check_equal(listed[0], "1\tvmcycle replay '--meta=a b' x --check ../a..b "
                "'--set=a.b=1 us' --p=8K", "the first")
    check_equal(listed[-1], "54\tvmcycle replay '--meta=a b' x --check 1x "
                "--no-check '--set=a.b=4 us' --p=10K", "the last")
    check("'c, d'" in listed[20], f"in quotes: {listed[20]}")
    file.write_text("[sweep]\nrun = balloon\n[vary]\nmove = " +
                    ", ".join(f"{i}M" for i in range(1, 1025)) + "\n")
    check_equal(len(vmcycle("sweep", file, "--list").stdout.splitlines()), 1024,
                "a line of any length")

    # ---- Every parameter that the commands have -------------------------------------
    for text, columns in (
            ("run = compare --irq\n[vary]\nvcpus = 1, 4\n"
             "profile = 3c5000-kvm, 3c5000-qemu\n", "irq.3.dispatch_ns"),
            ("run = compare --destroy=v4,f1 --rounds 3\nseed = 4\n[vary]\n"
             "hz = 100, 250\nvcpus = 1, 2\nload = idle, user\n",
             "destroy.1.destroy_ns.max"),
            ("run = balloon --guest 64M --move 2M\n[vary]\n"
             "interrupts = 3c5000-kvm, 3c5000-qemu\nseed = 1..3\n"
             "fragmentation = idle, frag:30\nmechanism = pfn, sg\n"
             "set balloon_send.add = 1 us, 2 us\n", "interrupts.latency_ns.max"),
            ("run = replay\n[vary]\ntrace = traces/eiointc-4vcpu.qemu.log.zst, "
             "traces/rcu-4vcpu.ftrace.txt.zst\nsemantics = qemu, kvm\n",
             "trace.records"),
            ("run = explore --strategy random --runs 20\n[vary]\n"
             "scenario = tests/scenarios/G1, tests/scenarios/G2\n"
             "seed = 1..3\n", "schedules")):
        file.write_text(f"[sweep]\n{text}")
        folder = top / f"parameters{columns}"
        run = vmcycle("sweep", file, "-o", folder, "--json", "-")
        counts = json.loads(run.stdout)
        check(counts["failed"] == 0 and counts["missing"] == 0,
              f"{text}: {counts}")
        lines = rows(folder).decode().splitlines()
        check(columns in lines[0].split("\t") and
              len(set(l.split("\t", 1)[1] for l in lines[1:])) ==
              counts["points"], f"{text}: {lines[0]}")

    # ---- Bad input --------------------------------------------------------------------
    run = vmcycle("sweep", file, "-o", one)
    check(run.returncode == 2 and "another sweep" in run.stderr,
          "a folder of another sweep")
    head = "[sweep]\nrun = balloon\n[vary]\n"
    for text, why in (
            # Ranges
            (head + "move = 5..1\n", ":4: move: '5..1' is no range: it ends below"),
            (head + "move = 1G..2M\n", ":4: move: '1G..2M' is no range: its "
             "numbers have different units"),
            (head + "move = 1..9 +0\n", "its step leads nowhere"),
            (head + "move = 1..9 *1\n", "its step leads nowhere"),
            (head + "move = 0..9 *2\n", "leads nowhere from 0"),
            (head + "move = 9..1 +-2\n", "expected FIRST..LAST"),
            (head + "move = 1..9 -2\n", "expected FIRST..LAST"),
            (head + "move = 0.5..2\n", "expected FIRST..LAST"),
            (head + "move = 1..99999999999999999999\n", "expected FIRST..LAST"),
            (head + "move = 1..2000\n", ":4: move: more than 1024 values"),
            (head + "move = 0..18446744073709551615\n", "more than 1024 values"),
            # Lists
            (head + "move = 1,,2\n", ":4:"), (head + "move =\n", ":4:"),
            (head + "move = 1,\n", ":4:"), (head + "move = \"1, 2\n", ":4:"),
            (head + "move = \"1\" 2\n", "a comma behind a closing quote"),
            (head + f"move = {'x' * 300}\n", ":4: move: a value of more than"),
            (head + "flag vfio = yes, maybe\n", ":4: flag vfio: 'maybe'"),
            # Keys
            (head + "a = 1\na = 2\n", ":5: a: varied twice"),
            (head + "set a.b = 1\nset  a.b = 2\n", ":5: set  a.b: varied twice"),
            (head, "[vary]"), (head + "= 1\n", ":4:"), (head + "move\n", ":4:"),
            (head + "".join(f"k{i} = 1\n" for i in range(17)),
             ":20: more than 16 keys"),
            (head + "".join(f"k{i} = 1..100\n" for i in range(4)), "more than"),
            ("[sweep]\nrun = balloon\nmode = zip\n[vary]\na = 1\nb = 1, 2\n",
             "b has 2 values and a 1; mode = zip needs as many"),
            ("[sweep]\nrun = balloon\nseed = 1\n[vary]\nseed = 1, 2\n", "seed"),
            # [sweep]
            ("[vary]\nmove = 1\n", "run = COMMAND"),
            ("move = 1\n", ":1: expected [sweep]"),
            ("[sweep]\nrun = sweep x\n", ":2: run: a sweep of sweeps"),
            ("[sweep]\nrun = ballon\n", ":2: run: no command 'ballon'"),
            ("[sweep]\nrun =\n", ":2:"), ("[sweep]\nrun = a 'b\n", ":2: run: a quote"),
            ("[sweep]\nrun = balloon\nrun = replay\n", ":3: run: given twice"),
            ("[sweep]\nrun = balloon" + " x" * 70 + "\n", ":2: run: more than 64"),
            ("[sweep]\nmode = tree\n", ":2:"), ("[sweep]\nseed = -1\n", ":2:"),
            ("[sweep]\nrun = balloon\nseed = 1\nseed = 2\n", ":4:"),
            ("[swep]\nrun = balloon\n", ":1: section [swep]"),
            ("[sweep\nrun = balloon\n", ":1:"), ("\x01\n", ":1: byte 0x01"),
            ("", "run = COMMAND")):
        file.write_text(text)
        run = vmcycle("sweep", file, "--list")
        check(run.returncode == 2 and why in run.stderr and
              len(run.stderr.splitlines()) == 1, f"{text!r}: {run.stderr}")
    for path, why in ((top / "none.ini", "No such file"), (top, "directory")):
        run = vmcycle("sweep", path, "--list")
        check(run.returncode == 2 and why in run.stderr, f"{path}: {run.stderr}")
    file.write_bytes(b"[sweep]\n\0")
    check("is no text" in vmcycle("sweep", file, "--list").stderr, "a NUL byte")
    file.write_text("[sweep]\n;" + "x" * (1 << 20))
    check("more than 1 MiB" in vmcycle("sweep", file, "--list").stderr, "long")
    file.write_text(head + "op = inflate\n")
    (top / "file").touch()
    for folder in (top / "file", top / "no/where"):
        run = vmcycle("sweep", file, "-o", folder)
        check(run.returncode == 2 and str(folder) in run.stderr,
              f"{folder} is no folder: {run.stderr}")
    for points in ("0", "2-1", "1-", "-3", "x", "1-2-3", "9"):
        run = vmcycle("sweep", file, "--list", f"--points={points}")
        check(run.returncode == 2 and "--points" in run.stderr,
              f"--points {points}: {run.stderr}")
    (top / "other").mkdir()
    (top / "other/jobs.tsv").write_text("# a head\n1\tnot a number\n")
    run = vmcycle("sweep", file, "-o", top / "other")
    check(run.returncode == 2 and "jobs.tsv:2:" in run.stderr,
          f"a log that is none: {run.stderr}")
close()
