"""What whole-program tests share: run vmcycle, count, close with one line.

    from harness import vmcycle, check, close
    run = vmcycle("version")
    check(run.returncode == 0, "version exits 0")
    close()
"""
import os
import pathlib
import signal
import subprocess
import sys

PROGRAM = os.environ.get("VMCYCLE", "build/release/vmcycle")
VARIANT = os.environ.get("VMCYCLE_VARIANT", "release")
ROOT = pathlib.Path(__file__).resolve().parents[2]

# A shell lets what it starts in the background ignore SIGINT, and programs that
# find a signal ignored leave it so. Those of the tests are to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)

_passed = _failed = 0


def vmcycle(*args, stdin=None, timeout=600, **options):
    """Run the program; the result has returncode, stdout and stderr as text."""
    return subprocess.run([PROGRAM, *map(str, args)], input=stdin,
                          capture_output=True, text=True, timeout=timeout,
                          errors="replace", **options)


def make(*args, timeout=600):
    """Run make in the source tree as from a shell, not as a part of the make
    that runs the tests: it must not wait for that one's workers."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *map(str, args)], cwd=ROOT, text=True,
                          capture_output=True, timeout=timeout,
                          errors="replace", env=environment)


def check(condition, what):
    """Count one check; a failing one prints @what."""
    global _passed, _failed
    if condition:
        _passed += 1
    else:
        _failed += 1
        print(f"not ok: {what}", flush=True)
    return bool(condition)


def check_equal(found, expected, what):
    return check(found == expected,
                 f"{what}: found {found!r}, expected {expected!r}")


def close():
    """Print the counts and leave with the matching exit status."""
    print(f"{_passed} passed, {_failed} failed")
    sys.exit(_failed != 0)
