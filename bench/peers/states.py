#!/usr/bin/env python3
"""Compare the explorer with SPIN on the same model, one core, in one run.

    states.py OUT           OUT is the build folder, with vmcycle in it

The model is W(r,m) of tests/scenarios, and walk.pml, which says the same in
Promela. Both must find the same number of states, else this ends with 1: then
it would compare nothing. SPIN searches all states (no reduction, which would
leave some out), once with whole state vectors and once with short hashes of
them (-DHC4), which may lose states; ours keeps 128 bits and exact counts of
schedules besides. Its table has 2^21 slots, as fits these sizes, for it does
not grow. Seconds are CPU time of the whole process, memory is the most it was
resident.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path("bench/peers")
OUT = pathlib.Path(sys.argv[1])
FOLDER = OUT / "bench" / "peers"
ROUNDS = 3
MODELS = [(2, 2), (3, 2), (2, 3)]
STATES_MAX = 1 << 23


def sh(*words, cwd=None):
    done = subprocess.run([str(word) for word in words], cwd=cwd,
                          capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: {(done.stderr or done.stdout)[:400]}")
    return done.stdout


def measured(words):
    """Standard output, CPU seconds and MiB of a command."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([str(word) for word in words], stdout=out,
                                 stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(child.pid, 0)
        out.seek(0)
        return out.read(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def ours(readers, closers):
    out, seconds, mib = measured(
        [OUT / "vmcycle", "explore", "tests/scenarios/W", "--param",
         f"r={readers}", "--param", f"m={closers}", "--strategy", "stateful",
         "--states", STATES_MAX, "--json", "-"])
    return json.loads(out)["states"], seconds, mib


def build_pan(readers, closers, *flags):
    """SPIN's searcher for one size; dead variables are not left out, so that
    it tells the same states apart."""
    folder = (FOLDER / f"spin-{readers}-{closers}{''.join(flags)}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sh("spin", "-a", "-o1", "-o2", "-o3", f"-DR={readers}", f"-DM={closers}",
       (HERE / "walk.pml").resolve(), cwd=folder)
    sh("cc", "-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=8192", *flags,
       "-o", folder / "pan", folder / "pan.c")
    return folder / "pan"


def spin(pan):
    out, seconds, mib = measured([pan, "-m10000", "-w21"])
    stored = next(line for line in out.splitlines() if "states, stored" in line)
    if "errors: 0" not in out:
        raise RuntimeError("SPIN finds an error in walk.pml")
    return int(float(stored.split()[0])), seconds, mib


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        if subprocess.run(["sh", "tests/deps.sh", "spin"],
                          check=False).returncode != 0:
            raise RuntimeError("cannot install spin")
        print(f"# walk and close, all states, one core: median of {ROUNDS} "
              "rounds in turns (ours divided by it)")
        print(f"{'':24s}{'states':>10s}{'k states/s':>18s}{'MiB':>18s}")
        for readers, closers in MODELS:
            tools = [("vmcycle", lambda: ours(readers, closers))]
            for name, flags in (("SPIN", []), ("SPIN -DHC4", ["-DHC4"])):
                pan = build_pan(readers, closers, *flags)
                tools.append((name, lambda pan=pan: spin(pan)))
            rows = {name: [] for name, _ in tools}
            for _ in range(ROUNDS):
                for name, run in tools:
                    rows[name].append(run())
            found = {row[0] for name in ("vmcycle", "SPIN")
                     for row in rows[name]}
            if len(found) != 1:
                print(f"W({readers},{closers}): not the same states: {found}")
                return 1
            median = {name: (row[0][0] / statistics.median(r[1] for r in row),
                             statistics.median(r[2] for r in row))
                      for name, row in rows.items()}
            for name, (speed, mib) in median.items():
                print(f"W({readers},{closers}) {name:17s}{rows[name][0][0]:10d}"
                      f"{speed / 1e3:10.0f} "
                      f"{'(' + format(median['vmcycle'][0] / speed, '.2f') + ')':>7s}"
                      f"{mib:10.0f} "
                      f"{'(' + format(median['vmcycle'][1] / mib, '.2f') + ')':>7s}",
                      flush=True)
    except RuntimeError as why:
        print(f"# without SPIN: {why}")
    return 0


sys.exit(main())
