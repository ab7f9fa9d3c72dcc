"""SIGINT and SIGTERM while a command is in the middle of its work: each ends
soon, with well-formed outputs that say what they are, and 130 or 143.

Every run here would last for ever, or until its input ends, which it never
does; and the signal is sent when the program watches for it. So nothing here
depends on how fast the machine is.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import termios
import time

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

TIMEOUT = 120
SIGNALS = (signal.SIGINT, signal.SIGTERM)
os.chdir(ROOT)


def trace_text(name, lines):
    """The first @lines lines of a recorded trace, and of the next all but the
    last byte: it can be read, but is not what was recorded."""
    text = subprocess.run(["zstd", "-dcq", f"traces/{name}.zst"],
                          capture_output=True, check=True).stdout
    head = text.split(b"\n")[:lines + 1]
    return b"\n".join(head[:-1]) + b"\n" + head[-1][:-1]


def start(*arguments, **options):
    return subprocess.Popen([PROGRAM, *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)


def watches(process, number):
    """Wait until @process has a handler for the signal @number."""
    status = pathlib.Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        caught = [line for line in status.read_text().splitlines()
                  if line.startswith("SigCgt")]
        if caught and int(caught[0].split()[1], 16) >> (number - 1) & 1:
            return True
        time.sleep(0.001)
    return False


def end(process, number, what):
    """Send the signal and check the exit status; returns (out, err)."""
    check(watches(process, number), f"{what}: watches for {number.name}")
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    check_equal(process.returncode, 128 + number, f"{what}: {number.name}")
    return out.decode(errors="replace"), err.decode(errors="replace")


def waits(process):
    """True when @process has read all there is and sleeps until more comes."""
    left = fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))
    state = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    return left == bytes(4) and state.rsplit(")", 1)[1].split()[0] == "S"


def end_reader(number, what, text, *arguments):
    """The same for a command that reads @text from a pipe that stays open."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([PROGRAM, *map(str, arguments)],
                                   stdin=subprocess.PIPE, stdout=out,
                                   stderr=err)
        process.stdin.write(text)
        process.stdin.flush()
        while process.poll() is None and not waits(process):
            time.sleep(0.001)
        process.send_signal(number)
        process.wait(timeout=TIMEOUT)
        process.stdin.close()
        check_equal(process.returncode, 128 + number, f"{what}: {number.name}")
        out.seek(0)
        err.seek(0)
        return (out.read().decode(errors="replace"),
                err.read().decode(errors="replace"))


def load(path, what, key="interrupted"):
    """The JSON at @path, which is then gone, so that none is read twice."""
    found = json.loads(path.read_text())
    path.unlink()
    check_equal(found.get(key), True, f"{what}: its JSON says {key}")
    return found


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)
    result = top / "out.json"

    # ---- Traces from a pipe -------------------------------------------------------
    name, lines = "eiointc-4vcpu.qemu.log", 3998
    text = trace_text(name, lines)
    meta = ("--meta", "traces/eiointc-4vcpu.meta")
    (top / "head.log").write_bytes(b"".join(text.splitlines(True)[:lines]))
    vmcycle("import", top / "head.log", *meta, "-o", top / "head.vmct")
    records = json.loads(vmcycle("info", top / "head.vmct", "--json",
                                 "-").stdout)["records"]
    vmcycle("replay", top / "head.log", *meta, "--json", result)
    whole = json.loads(result.read_text())
    for number in SIGNALS:
        out, err = end_reader(number, "replay", text, "replay", "-", *meta,
                              "--json", result, "--report", top / "report",
                              "--vcd", top / "w.vcd", "--perfetto",
                              top / "w.json")
        found = load(result, "replay")
        check_equal((found["trace"]["records"], found["trace"]["truncated"]),
                    (records, True), "replay: whole lines only")
        check_equal(found["interrupts"], whole["interrupts"],
                    "replay: as of a trace that ends there")
        check(number.name in out and number.name in err and
              f"{records} records" in err, f"replay says so: {err}")
        page = (top / "report/index.html").read_text()
        check("Interrupted:" in page and page.rstrip().endswith("</html>"),
              "replay: the page says so")
        check((top / "w.vcd").read_text().endswith(
            f"\n$comment interrupted by {number.name}: this is not the whole "
            "$end\n"), "replay: the waveform says so")
        check("interrupted: this is not the whole" in
              [e.get("name") for e in json.loads((top / "w.json").read_text())],
              "replay: the timeline says so")

        trace = top / "t.vmct"
        end_reader(number, "import", text, "import", "-", *meta, "-o", trace)
        run = vmcycle("info", trace, "--json", result)
        check_equal(run.returncode, 0, f"import: it can be read: {run.stderr}")
        found = load(result, "import", "truncated")
        check_equal(found["records"], records, "import: its records")
        end_reader(number, "info", text, "info", "-", "--json", result)
        check_equal(load(result, "info")["records"], records, "info: records")
        out, err = end_reader(number, "dump", text, "dump", "-")
        check_equal(len(out.splitlines()), records, "dump: whole lines")
        check(number.name in err, "dump: says so")

    # Nothing has come yet: there is nothing to be written.
    process = start("import", "-", "-o", top / "none.vmct",
                    stdin=subprocess.PIPE)
    end(process, signal.SIGTERM, "import of nothing")
    check(not (top / "none.vmct").exists(), "nothing: no trace")

    # ---- What would run for ever ----------------------------------------------------
    endless = {
        "balloon": ["balloon", "--guest", "1G", "--memory", "touched",
                    "--iteration", "100000000"],
        "explore": ["explore", "tests/scenarios/S01",
                    "--strategy", "random", "--runs", "1000000000000"],
        "compare --grace": ["compare", "--grace", "--count", "1000000"],
        "compare --destroy": ["compare", "--destroy", "--rounds", "1000000"],
    }
    for number in SIGNALS:
        for what, arguments in endless.items():
            process = start(*arguments, "--json", result)
            out, err = end(process, number, what)
            load(result, what)
            check(number.name in out and number.name in err,
                  f"{what}: says so: {err}")

    # ---- Golden vectors ----------------------------------------------------------------
    vectors = sorted(pathlib.Path("tests/golden").glob("*.txt"))[0]
    pipe = top / "pipe"
    os.mkfifo(pipe)
    process = start("golden", pipe, "--json", result)
    with open(pipe, "wb") as to:
        to.write(b"".join(vectors.read_bytes().splitlines(True)[:200]))
        to.write(b"R")
        to.flush()
        end(process, signal.SIGINT, "golden")
    found = load(result, "golden")
    check_equal(found["mismatches"], 0, "golden: a half line is none")

    # ---- Sweeps -----------------------------------------------------------------------
    ini = top / "sweep.ini"
    ini.write_text("[sweep]\nrun = balloon --guest 1G --memory touched\n"
                   "[vary]\niteration = 1, 100000000, 100000001\n")
    for number in SIGNALS:
        folder = top / f"sweep-{number.name}"
        process = start("sweep", ini, "-o", folder, "-j", "3", "--json",
                        result)
        while not (folder / "points/1.json").exists():
            time.sleep(0.01)
        end(process, number, "sweep")
        found = load(result, "sweep")
        check(found["ran"] <= 1 and found["failed"] == 0 and
              found["missing"] == 3 - found["ran"], f"sweep: {found}")
        check(not (folder / "rows.tsv").exists(), "sweep: no rows of a part")
        log = [line for line in (folder / "jobs.tsv").read_text().splitlines()
               if not line.startswith("#")]
        check_equal(len(log), found["ran"], "sweep: the log has what ended")
        run = vmcycle("sweep", ini, "-o", folder, "--merge")
        check_equal(len((folder / "rows.tsv").read_text().splitlines()), 2,
                    "sweep: what was interrupted is no row")

    # ---- Devices ----------------------------------------------------------------------
    for options in ((), ("--packets",)):
        where = top / "socket"
        process = start("device", "-r", "0:8:rw", "--listen", where, *options,
                        "--json", result)
        check_equal(process.stdout.readline(),
                    b"listening on %s\n" % bytes(where), "device: listens")
        kind = socket.SOCK_SEQPACKET if options else socket.SOCK_STREAM
        with contextlib.closing(socket.socket(socket.AF_UNIX, kind)) as peer:
            peer.connect(str(where))
            end(process, signal.SIGTERM, "device")
        check_equal(load(result, "device")["end"], "a signal came",
                    "device: how it ended")
        check(not where.exists(), "device: no socket is left")
    for transport in ("stream", "seqpacket", "pipes"):
        process = start("device", "--replay",
                        "traces/kvm-bios-pc.ftrace.txt.zst", "-r",
                        "0:65536:ram", "--answer", "never", "--spoil", "500",
                        "--vcpus", "2", "--transport", transport, "--json",
                        result)
        end(process, signal.SIGINT, f"a silent device, {transport}")
        found = load(result, transport)
        check(found["reads"] + found["writes"] <= 500 and
              found["served"] == found["reads"] + found["writes"],
              f"{transport}: {found}")

    process = start("compare", "--dispatch=exit", "-", "--json", result,
                    stdin=subprocess.PIPE)
    process.stdin.write(trace_text("kvm-bios-pc.ftrace.txt", 50))
    process.stdin.flush()
    while process.poll() is None and not waits(process):
        time.sleep(0.001)
    end(process, signal.SIGINT, "compare --dispatch")
    load(result, "compare --dispatch")

    # ---- Twice, and not at all -----------------------------------------------------------
    process = start("golden", pipe)
    with open(pipe, "wb") as to:
        check(watches(process, signal.SIGINT), "golden watches")
        os.kill(process.pid, signal.SIGSTOP)
        for _ in range(3):  # timeout(1) tells a process and its group
            os.kill(process.pid, signal.SIGINT)
            os.kill(process.pid, signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=TIMEOUT)
    check(process.returncode in (130, 143),
          f"signals at once are one: {process.returncode}")

    process = start(*endless["explore"], preexec_fn=lambda: signal.signal(
        signal.SIGINT, signal.SIG_IGN))
    check(watches(process, signal.SIGTERM), "watches for SIGTERM")
    check(not pathlib.Path(f"/proc/{process.pid}/status").read_text().split(
        "SigIgn:\t")[1].split()[0].endswith("0"), "SIGINT stays ignored")
    process.send_signal(signal.SIGINT)
    end(process, signal.SIGTERM, "after an ignored SIGINT")

close()
