#!/usr/bin/env python3
"""Run one suite and keep its counts, or add up what was kept.

    run.py RESULT COMMAND...   run COMMAND, write "PASSED FAILED" to RESULT
    run.py --sum RESULT...     print "N passed, N failed"

A suite closes with the line of Check ("..%: Checks: 3, Failures: 0, Errors:
0") or with "N passed, N failed"; its lines "skipped: WHY" are shown. The RESULT
of one that fails is dated back, so that the next make runs it again.
"""
import os
import pathlib
import re
import subprocess
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
SKIPPED = re.compile(r"^skipped: .*$", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed\b", re.M)


def counts_of(output, status):
    """The (passed, failed) that a suite reports; silence is a failure."""
    passed = failed = 0
    for checks, failures, errors in CHECK.findall(output):
        bad = int(failures) + int(errors)
        passed, failed = passed + int(checks) - bad, failed + bad
    for good, bad in PLAIN.findall(output):
        passed, failed = passed + int(good), failed + int(bad)
    if passed + failed == 0 or (status != 0 and failed == 0):
        failed += 1
    return passed, failed


def run(result, command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    passed, failed = counts_of(done.stdout, done.returncode)
    name = pathlib.Path(command[-1]).stem
    print(f"  TEST  {name}: {passed} passed, {failed} failed", flush=True)
    for line in SKIPPED.findall(done.stdout):
        print(f"        {line}", flush=True)
    if failed:
        print(done.stdout[-20000:], flush=True)
    target = pathlib.Path(result)
    target.write_text(f"{passed} {failed}\n")
    if failed:
        os.utime(target, (0, 0))  # older than anything: it will run again


def add_up(results):
    counts = [tuple(map(int, pathlib.Path(r).read_text().split()))
              for r in results]
    passed = sum(p for p, _ in counts)
    failed = sum(f for _, f in counts)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if sys.argv[1] == "--sum":
    sys.exit(add_up(sys.argv[2:]))
run(sys.argv[1], sys.argv[2:])
