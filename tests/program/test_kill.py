"""Runs that are killed at random moments: nothing that they leave under its
name is less than whole, and a run over what they left gives the same bytes.
SIGINT and SIGTERM end a run in order: its outputs are well-formed, those of a
part say so, and the exit status is 130 or 143.

The moments are drawn from the time that a whole run has taken, so that they
fall anywhere in it; one that comes too late finds a run that has ended well.
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, ROOT, VARIANT, check, close

SEED = 6
MOMENTS = 50 if VARIANT in ("release", "debug", "clang") else 20
AT_ONCE = 4  # kills before the run over what they left
os.chdir(ROOT)

SWEEP = """[sweep]
run = balloon --machine m2-2025 --guest 1G --stepped
seed = 3
[vary]
mechanism = pfn, sg
move = 128M, 256M, 512M
"""
TRACE = "traces/eiointc-4vcpu.qemu.log.zst"


def commands(top):
    """What is killed: the arguments for an output folder, by name."""
    ini = top / "sweep.ini"
    ini.write_text(SWEEP)
    return {
        "replay": lambda out: ["replay", TRACE, "--report", out / "report",
                               "--json", out / "r.json", "--vcd",
                               out / "r.vcd", "--perfetto", out / "r.trace",
                               "--checkpoint", out / "kept",
                               "--checkpoint-every", "700ms"],
        "import": lambda out: ["import",
                               "traces/balloon-1g-2vcpu.qemu.log.zst", "-o",
                               out / "t.vmct"],
        "balloon": lambda out: ["balloon", "--guest", "2G", "--stepped",
                                "--report", out / "report", "--json",
                                out / "b.json"],
        "sweep": lambda out: ["sweep", ini, "-o", out / "sweep", "-j", "2",
                              "--json", out / "s.json"],
    }


def start(arguments):
    return subprocess.Popen([PROGRAM, *map(str, arguments)],
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def bare(value):
    """JSON without what differs between equal runs."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items()
                if k not in ("wall_ms", "ran", "skipped")}
    return [bare(v) for v in value] if isinstance(value, list) else value


def content(path):
    """What a reader gets from the whole file @path, comparable."""
    data = path.read_bytes()
    if path.suffix in (".json", ".trace"):
        return bare(json.loads(data))
    if path.name == "jobs.tsv":  # in the order in which points ended
        assert data == b"" or data.endswith(b"\n"), path
        return None
    if path.suffix == ".html":  # some show the wall time
        assert data.rstrip().endswith(b"</html>"), path
        return len(re.findall(rb"<section|<figure|<svg", data))
    if path.suffix == ".txt":
        return re.sub(rb"in \d+ ms", b"", data)
    return data


def contents(folder):
    """The files of @folder by name, but for those without a name yet."""
    return {str(path.relative_to(folder)): content(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".part"}


def parts(folder):
    return [path for path in folder.rglob("*.part")]


def is_part_of(found, whole, name):
    """Files that are there are those of the whole run, byte for byte."""
    for path, what in found.items():
        if not check(path in whole, f"{name}: {path} is a file of a run"):
            continue
        check(what == whole[path], f"{name}: {path} is whole")


def kill(name, arguments, whole, moments, top):
    """Kill -9 at @moments; returns how many hit the run."""
    hits = 0
    out = top / "killed"
    for number, moment in enumerate(moments):
        out.mkdir(exist_ok=True)
        process = start(arguments(out))
        time.sleep(moment)
        process.kill()
        hits += process.wait() == -signal.SIGKILL
        try:
            is_part_of(contents(out), whole, f"{name} at {moment:.4f} s")
        except (ValueError, AssertionError) as error:
            check(False, f"{name} at {moment:.4f} s left {error}")
        if number % AT_ONCE == AT_ONCE - 1 or number == len(moments) - 1:
            again = start(arguments(out)).wait()
            check(again == 0, f"{name}: over what was left: exit {again}")
            found = contents(out)
            check(found == whole, f"{name}: the same as a run from the start: "
                  f"{[k for k in whole if found.get(k) != whole[k]]}")
            check(parts(out) == [], f"{name}: nothing is left half written")
            shutil.rmtree(out)
    return hits


def check_vcd(path, name):
    text = path.read_text()
    check("$enddefinitions $end" in text and text.endswith("\n") and
          text.count("$var") > 0, f"{name}: the waveform is well-formed")


def check_vmct(path, is_partial, whole, name):
    run = subprocess.run([PROGRAM, "info", str(path), "--json", "-"],
                         capture_output=True, text=True, errors="replace")
    check(run.returncode == 0, f"{name}: info reads it: {run.stderr}")
    info = json.loads(run.stdout)
    check(info["truncated"] == is_partial, f"{name}: truncated says so")
    check(is_partial or path.read_bytes() == whole, f"{name}: or it is whole")


def check_interrupted(name, out, whole):
    """A run that a signal has ended: returns whether it says that its outputs
    are of a part."""
    found = contents(out)  # all that is parsed is well-formed
    check(parts(out) == [], f"{name}: no output is left half written")
    if "t.vmct" in whole:
        if not check("t.vmct" in found, f"{name}: the trace is there"):
            return False
        is_partial = found["t.vmct"] != whole["t.vmct"]
        check_vmct(out / "t.vmct", is_partial, whole["t.vmct"], name)
        return is_partial
    results = [f for f in found if f.endswith(".json") and "/" not in f]
    if not check(len(results) == 1, f"{name}: the result is there: {found}"):
        return False
    is_partial = found[results[0]]["interrupted"]
    if not is_partial:
        check(found == whole, f"{name}: what does not say so is whole: "
              f"{[k for k in whole if found.get(k) != whole[k]]}")
    elif "report/index.html" in whole:
        page = (out / "report/index.html").read_text()
        check("Interrupted:" in page, f"{name}: the page says so")
    if "r.vcd" in found:
        check_vcd(out / "r.vcd", name)
    if is_partial and "sweep/rows.tsv" in whole:
        check("sweep/rows.tsv" not in found, f"{name}: no rows of a part")
        for path, what in found.items():
            if path.startswith("sweep/points/") and path.endswith(".json"):
                check(what["interrupted"] or what == whole[path],
                      f"{name}: {path} is whole or says that it is not")
    return is_partial


def interrupt(name, arguments, whole, moments, top):
    """SIGINT and SIGTERM in turn; returns how many ended a run in order, and
    how many of these left a part."""
    ended = partial = 0
    for turn, moment in enumerate(moments):
        number = signal.SIGINT if turn % 2 == 0 else signal.SIGTERM
        what = f"{name}, {number.name} at {moment:.4f} s"
        out = top / "interrupted"
        out.mkdir()
        process = start(arguments(out))
        time.sleep(moment)
        process.send_signal(number)
        status = process.wait()
        # Before it watches for signals it dies of them, as any program does.
        check(status in (0, -number, 128 + number), f"{what}: exit {status}")
        try:
            if status == 0:
                check(contents(out) == whole, f"{what}: all of it")
            elif status == 128 + number:
                ended += 1
                partial += check_interrupted(what, out, whole)
        except (ValueError, AssertionError) as error:
            check(False, f"{what} left {error}")
        kept = out / "kept/interrupted.ckpt"
        if status != 0 and (turn % AT_ONCE == 0 or kept.exists()):
            more = ["--resume", kept] if kept.exists() else []
            check(start(arguments(out) + more).wait() == 0,
                  f"{what}: once more")
            kept.unlink(missing_ok=True)
            check(contents(out) == whole, f"{what}: the same once more")
        shutil.rmtree(out)
    return ended, partial


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    rng = random.Random(SEED)
    table = commands(top)
    hits = ended = partial = 0
    for place, (name, arguments) in enumerate(table.items()):
        out = top / "whole"
        out.mkdir()
        begin = time.monotonic()
        check(start(arguments(out)).wait() == 0, f"{name}: a whole run")
        took = time.monotonic() - begin
        whole = contents(out)
        check(len(whole) >= 1 and parts(out) == [], f"{name}: its files")
        shutil.rmtree(out)
        share = len(range(place, MOMENTS, len(table)))
        hits += kill(name, arguments, whole,
                     [rng.uniform(0, took) for _ in range(share)], top)
        more = interrupt(name, arguments, whole,
                         [rng.uniform(0, took) for _ in range(share // 2)],
                         top)
        ended, partial = ended + more[0], partial + more[1]
    print(f"{hits} of {MOMENTS} kills and {ended} signals hit; "
          f"{partial} left a part")
    check(hits >= MOMENTS // 10, f"some kills hit: {hits} of {MOMENTS}")
    check(ended >= 1, f"some signals hit: {ended}")
close()
