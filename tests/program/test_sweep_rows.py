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


def kill_helper(file, folder, after):
    """Merge with helpers and kill the last of them @after seconds; the exit
    status and the words of the sweep, and whether there was one to kill."""
    with subprocess.Popen(command(file, folder, 4), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        time.sleep(after)
        helpers = children(process.pid)
        for helper in helpers[-1:]:
            os.kill(helper, signal.SIGKILL)
        words = process.communicate(timeout=120)[1]
    return process.returncode, words, len(helpers) > 0


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
    for point in range(1, POINTS + 1):  # rows of 30 KB, more than a socket holds
        (folder / f"points/{point}.json").write_text(json.dumps(
            {f"list{i}": [point * 1000 + i] * 64 for i in range(60)}))
    start = time.monotonic()
    run = subprocess.run(command(file, folder, 4), capture_output=True)
    took = time.monotonic() - start
    check_equal(run.returncode, 0, "a merge that nobody disturbs")
    whole = (folder / "rows.tsv").read_text()
    check_equal(whole.count("\n"), POINTS + 1, "has all rows")
    deaths = 0
    for moment in range(10):
        (folder / "rows.tsv").write_text("old\n")
        status, words, has_killed = kill_helper(file, folder,
                                                took * moment / 10)
        found = (folder / "rows.tsv").read_text()
        if status == 0:  # it had given all that it had
            check(found == whole, "ended before it was killed: all rows")
            continue
        deaths += has_killed
        check_equal(status, 2, "its death is told")
        check("a helper that reads results has died" in words, f"so: {words}")
        check(found == "old\n", "the old rows stay")
        check(not list(folder.glob("*.part")), "nothing is left half written")
    check(deaths > 0, "a helper was there to be killed")
close()
