"""rows.tsv of results that differ in what they hold, read by any number of
processes, one of which may die."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, check, check_equal, close

POINTS = 400
TEXT = f"""[sweep]
run = balloon --guest 64M
[vary]
set balloon_send.pop = 1 ns .. {POINTS} ns
"""


def result(point):
    """What a point may have given: numbers come, go and stand in lists."""
    numbers = {"total": point * 3, "wall_ms": point}
    if point % 100 == 7:
        return None
    if point > POINTS // 3:
        numbers = {"late": point / 8, **numbers}
    if point < POINTS // 4:
        numbers["early"] = {"deep": [point, {"deeper": -point}]}
    numbers["list"] = list(range(point % 5))
    numbers["long"] = list(range(65))
    numbers["fingerprint"] = f"0x{point:016x}"
    return numbers


def expected():
    """The table as the manual describes it, made by somebody else."""
    columns, rows = [], []

    def walk(value, name):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key != "wall_ms":
                    yield from walk(inner, f"{name}.{key}" if name else key)
        elif isinstance(value, list):
            if len(value) <= 64:
                for place, inner in enumerate(value):
                    yield from walk(inner, f"{name}.{place}")
        else:
            yield name, f"{value:.15g}" if isinstance(value, float) else str(value)

    for point in range(1, POINTS + 1):
        numbers = result(point)
        if numbers is not None:
            cells = dict(walk(numbers, ""))
            columns += [name for name in cells if name not in columns]
            rows.append((point, cells))
    lines = ["\t".join(["point", "set balloon_send.pop"] + columns)]
    for point, cells in rows:
        lines.append("\t".join([str(point), f"{point} ns"] +
                               [cells.get(name, "") for name in columns]))
    return "\n".join(lines) + "\n"


def command(file, folder, workers):
    return [PROGRAM, "sweep", str(file), "-o", str(folder), "--merge", "-j",
            str(workers), "--json", "-"]


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(
            f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill_helper(file, folder):
    """Merge with helpers and kill the first; the exit status and the words of
    the sweep, and whether a helper was there to be killed."""
    with subprocess.Popen(command(file, folder, 4), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        has_killed = False
        while process.poll() is None and not has_killed:
            for helper in children(process.pid):
                os.kill(helper, signal.SIGKILL)
                has_killed = True
                break
        words = process.communicate(timeout=120)[1]
    return process.returncode, words, has_killed


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    file, folder = top / "s.ini", top / "out"
    file.write_text(TEXT)
    (folder / "points").mkdir(parents=True)
    missing = 0
    for point in range(1, POINTS + 1):
        numbers = result(point)
        missing += numbers is None
        if numbers is not None:
            (folder / f"points/{point}.json").write_text(
                json.dumps(numbers, indent=2))

    wanted = expected()
    for workers in (1, 2, 3, 12, 256):
        run = subprocess.run(command(file, folder, workers), text=True,
                             capture_output=True)
        check_equal(run.returncode, 1, f"{workers} workers: {run.stderr}")
        check_equal(json.loads(run.stdout)["missing"], missing,
                    f"{workers} workers: points without a result")
        check((folder / "rows.tsv").read_text() == wanted,
              f"{workers} workers: the rows")
        (folder / "rows.tsv").unlink()

    # ---- A helper dies -----------------------------------------------------------
    for point in range(1, POINTS + 1):  # what takes a while to read
        (folder / f"points/{point}.json").write_text(
            json.dumps({"long": list(range(20000)), "last": point}))
    (folder / "rows.tsv").write_text("old\n")
    for _ in range(20):
        status, words, has_killed = kill_helper(file, folder)
        if has_killed:
            break
        time.sleep(0.01)
    if check(has_killed, "a helper was there to be killed"):
        check_equal(status, 2, "its death is bad input for nobody, but told")
        check("a helper that reads results has died" in words, f"so: {words}")
        check_equal((folder / "rows.tsv").read_text(), "old\n",
                    "the old rows stay")
        check(not list(folder.glob("*.part")), "nothing is left half written")
    run = subprocess.run(command(file, folder, 4), capture_output=True)
    check_equal(run.returncode, 0, "the next merge")
    check_equal((folder / "rows.tsv").read_text().count("\n"), POINTS + 1,
                "has all rows")
close()
