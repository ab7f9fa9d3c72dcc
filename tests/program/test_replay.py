"""Recorded traces through the models: every read, from text and from .vmct.

The expected figures are counted from the logs here, by other means than the
program's own importer.
"""
import collections
import json
import pathlib
import subprocess
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

TRACES = ["eiointc-4vcpu", "veiointc-16vcpu", "balloon-1g-2vcpu",
          "balloon-7of8g-4vcpu"]


def events_of(path):
    """How often each event stands in a compressed QEMU log, and its lines."""
    text = subprocess.run(["zstd", "-dcq", path], capture_output=True,
                          check=True).stdout
    names = collections.Counter()
    for line in text.split(b"\n"):
        if line:
            names[line.split(b":", 1)[1].split(b" ", 1)[0].decode()] += 1
    return names, text


def replay_json(*args):
    run = vmcycle("replay", *args, "--json", "-")
    check(run.returncode in (0, 1), f"replay {args[0]}: {run.stderr}")
    return run.returncode, run.stdout


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for name in TRACES:
        path = ROOT / f"traces/{name}.qemu.log.zst"
        names, text = events_of(path)
        status, output = replay_json(path)
        check_equal(status, 0, f"{name} exits")
        result = json.loads(output)
        irq = result["interrupts"]
        check_equal(result["trace"]["lines"], text.count(b"\n"),
                    f"{name} lines")
        check_equal(result["trace"]["records"], sum(names.values()),
                    f"{name} records")
        check_equal(result["trace"]["unknown_events"], 0, f"{name} unknown")
        check_equal(irq["mismatches"], 0, f"{name} mismatches")
        check_equal(irq["register_reads"], names["loongarch_extioi_readw"],
                    f"{name} register reads")
        check(irq["unfinished"] <= 1, f"{name} unfinished")
        check_equal(irq["pch_pic_mismatches"], 0, f"{name} PCH-PIC reads")
        check_equal(irq["ipi_mismatches"], 0, f"{name} IPI reads")
        check_equal(irq["inputs_missing"], 0, f"{name} predicted inputs")
        check_equal(irq["inputs_unexplained"], 0, f"{name} explained inputs")
        check_equal(irq["inputs_predicted"], names["loongarch_extioi_setirq"],
                    f"{name} inputs")
        check_equal(irq["raised"] + irq["redelivered"],
                    irq["delivered"] + irq["coalesced"] + irq["masked"] +
                    irq["withdrawn"] + irq["lost"] + irq["unfinished"],
                    f"{name} adds up")
        check_equal(irq["recorded_latency_ns"]["count"], irq["delivered"],
                    f"{name} latencies")
        check(irq["simulated_latency_ns"]["count"] > 0.7 * irq["raised"],
              f"{name} simulates its interrupts")

        # The native format carries all of it.
        native = folder / f"{name}.vmct"
        check_equal(vmcycle("import", path, "-o", native).returncode, 0,
                    f"{name} import exits")
        status, again = replay_json(native)
        check_equal(status, 0, f"{name}.vmct exits")
        check_equal(again.replace(str(native), str(path)), output,
                    f"{name}.vmct gives the same JSON")

    # Standard input, plain text and another .meta give the same too.
    path = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"
    names, text = events_of(path)
    _, output = replay_json(path)
    plain = folder / "renamed.log"
    plain.write_bytes(text)
    meta = ROOT / "traces/eiointc-4vcpu.meta"
    _, again = replay_json(plain, "--meta", meta)
    check_equal(again.replace(str(plain), str(path)), output, "plain text")
    with open(path, "rb") as stream:
        run = subprocess.run([PROGRAM, "replay", "-", "--meta", meta,
                              "--json", "-"], stdin=stream,
                             capture_output=True, text=True)
    check_equal(json.loads(run.stdout)["interrupts"],
                json.loads(output)["interrupts"], "standard input")

    # A read that is wrong in the log is found, with its line.
    lines = text.split(b"\n")
    wrong = next(i for i, line in enumerate(lines)
                 if b"extioi_readw addr: 0x400val" in line)
    lines[wrong] = lines[wrong].rsplit(b"val:", 1)[0] + b"val: 0xdead"
    plain.write_bytes(b"\n".join(lines))
    status, again = replay_json(plain, "--meta", meta)
    irq = json.loads(again)["interrupts"]
    check_equal(status, 1, "a wrong read exits")
    check_equal(irq["mismatches"], 1, "a wrong read is one mismatch")
    check_equal(irq["first_mismatch"]["line"], wrong + 1, "at its line")
    status, again = replay_json(plain, "--meta", meta, "--no-check")
    check_equal(json.loads(again)["interrupts"]["mismatches"], 0,
                "--no-check does not compare")

    # Without a .meta nobody knows whose thread is whose: told, not guessed.
    status, again = replay_json(plain)
    check_equal(json.loads(again)["interrupts"]["foreign_accesses"],
                json.loads(again)["interrupts"]["iocsr_accesses"],
                "without threads every access is foreign")

    # Another profile changes the simulation and nothing else.
    _, kvm = replay_json(path, "--profile", "3c5000-kvm")
    kvm = json.loads(kvm)["interrupts"]
    base = json.loads(output)["interrupts"]
    check_equal(kvm["recorded_latency_ns"], base["recorded_latency_ns"],
                "a profile leaves the recording alone")
    check(kvm["simulated_latency_ns"]["p50"] <
          base["simulated_latency_ns"]["p50"],
          "in-kernel accesses are faster than those of user space")
    _, slow = replay_json(path, "--set", "access.iocsr=50 us")
    check(json.loads(slow)["interrupts"]["simulated_latency_ns"]["p50"] >
          base["simulated_latency_ns"]["p50"], "--set changes a number")

    # The page and its rows.
    report = folder / "report"
    run = vmcycle("replay", path, "--report", report)
    check_equal(run.returncode, 0, "--report exits")
    page = (report / "index.html").read_text()
    check(page.count("<figure") == 5 and "http" not in page,
          "the page has its pictures and loads nothing")
    check((report / "recorded.hgrm").read_text().count("\n") > 20,
          "the percentile rows are there")
    run = vmcycle("report", report, report, "-o", folder / "both.html")
    check_equal((folder / "both.html").read_text().count("<figure"), 12,
                "a page of two runs")
close()
