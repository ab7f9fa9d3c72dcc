"""Recorded RCU: what the log holds is what is reported, and a callback that is
moved before the end of its grace period is one violation, in its line."""
import json
import pathlib
import re
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

TRACE = ROOT / "traces/rcu-4vcpu.ftrace.txt.zst"
HEAD = (ROOT / "tests/program/rcu-head.txt").read_text().splitlines()


def replay(path):
    run = vmcycle("replay", path, "--json", "-")
    found = re.search(r"^\{.*^\}", run.stdout, re.M | re.S)
    return run.returncode, json.loads(found[0])["rcu"] if found else {}


def lines_of(lines, word):
    return [line for line in lines if word in line]


def stamp_ns(line):
    return round(float(re.search(r" (\d+\.\d{6}): ", line)[1]) * 1e6) * 1000


def early_end(lines, invoked):
    """Where the grace period ends that the callback in @invoked waited for."""
    head = re.search(r"rhp=(\w+)", lines[invoked])[1]
    queued = max(i for i in lines_with(lines, "rcu_callback:", head)
                 if i < invoked)
    start = min(i for i, line in enumerate(lines) if i > queued
                and "rcu_grace_period:" in line and line.endswith(" start"))
    flavour, number = lines[start].split()[-3:-1]
    return lines_with(lines, f"{flavour} {number} end")[0]


def lines_with(lines, *words):
    return [i for i, line in enumerate(lines)
            if all(word in line for word in words)]


with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder, "log.txt")
    copy.write_text("\n".join(HEAD) + "\n")
    status, rcu = replay(copy)
    check_equal(status, 0, "the recorded log exits")
    check_equal(rcu.get("violations"), 0, "violations of the recorded log")
    check_equal(rcu.get("grace_periods"),
                sum(line.endswith(" end") for line in HEAD), "grace periods")
    check_equal(rcu.get("callbacks_queued"),
                len(lines_with(HEAD, "rcu_callback:")), "callbacks queued")
    check_equal(rcu.get("callbacks_invoked"),
                len(lines_with(HEAD, "rcu_invoke_callback:")), "invoked")
    for invoked in lines_with(HEAD, "rcu_invoke_callback:"):
        end = early_end(HEAD, invoked)
        lines = HEAD[:]
        lines.insert(end, lines.pop(invoked))
        copy.write_text("\n".join(lines) + "\n")
        status, rcu = replay(copy)
        check_equal(status, 1, "a damaged log exits")
        check_equal(rcu.get("violations"), 1, f"violations, {invoked} moved")
        check_equal((rcu.get("first_violation") or {}).get("line"), end + 1,
                    "its line")

    # One report of a quiescent state taken out: the grace period is blamed.
    report = lines_with(HEAD, "rcu_quiescent_state_report")[0]
    copy.write_text("\n".join(HEAD[:report] + HEAD[report + 1:]) + "\n")
    status, rcu = replay(copy)
    check_equal(rcu.get("violations"), 1, "violations without one report")
    check(status == 1, "it exits 1")

    # The whole trace: everything counted again, from its text.
    whole = subprocess.run(["zstd", "-dc", TRACE], capture_output=True,
                           text=True, check=True).stdout.splitlines()
    status, rcu = replay(TRACE)
    check_equal(status, 0, "the whole trace exits")
    check_equal(rcu.get("violations"), 0, "violations of the whole trace")
    periods = [line.split() for line in lines_of(whole, "rcu_grace_period:")]
    for key, count in (
            ("grace_periods", sum(words[-1] == "end" for words in periods)),
            ("grace_periods_started",
             sum(words[-1] == "start" for words in periods)),
            ("callbacks_queued", len(lines_with(whole, "rcu_callback:"))),
            ("callbacks_invoked",
             len(lines_with(whole, "rcu_invoke_callback:"))),
            ("quiescent_reports",
             len(lines_with(whole, "rcu_quiescent_state_report:"))),
            ("idle_cpus_found", len(lines_with(whole, "rcu_fqs:"))),
            ("batches", len(lines_with(whole, "rcu_batch_start:")))):
        check_equal(rcu.get(key), count, f"{key} of the whole trace")
    check_equal(rcu["grace_period_ns"]["count"], rcu["grace_periods"],
                "each grace period has a length")
    check_equal(rcu["callback_latency_ns"]["count"], rcu["callbacks_invoked"],
                "each callback has a latency")
    check(rcu["predicted"]["callback_latency_ns"]["count"]
          == rcu["callbacks_queued"], "the model runs the same callbacks")
    check(rcu["predicted"]["grace_periods"] > 0, "and predicts grace periods")

    # A page has the curves of all four.
    page = pathlib.Path(folder, "page")
    check_equal(vmcycle("replay", TRACE, "--report", page).returncode, 0,
                "replay --report exits")
    counts = {}
    for name in ("rcu", "rcu-predicted", "rcu-callback",
                 "rcu-callback-predicted"):
        rows = (page / f"{name}.tsv").read_text().splitlines()
        counts[name] = int([row for row in rows if "#" not in row][-1]
                           .split()[2])
    check_equal(counts, {
        "rcu": rcu["grace_periods"],
        "rcu-predicted": rcu["predicted"]["grace_periods"],
        "rcu-callback": rcu["callbacks_invoked"],
        "rcu-callback-predicted":
            rcu["predicted"]["callback_latency_ns"]["count"]},
        "samples in the rows")
    svg = (page / "rcu.svg").read_text()
    for words in ("grace period, recorded", "callback, predicted",
                  "<desc>Percentile curves of grace periods"):
        check(words in svg, f"'{words}' in the picture")
    check("<svg" in (page / "index.html").read_text(), "a page with a picture")

    # Latencies, computed once more from the stamps.
    latencies, queued = [], {}
    for line in whole:
        if "rcu_callback:" in line:
            queued[re.search(r"rhp=(\w+)", line)[1]] = stamp_ns(line)
        elif "rcu_invoke_callback:" in line:
            head = re.search(r"rhp=(\w+)", line)[1]
            if head in queued:
                latencies.append(stamp_ns(line) - queued.pop(head))
    check_equal((rcu["callback_latency_ns"]["min"],
                 rcu["callback_latency_ns"]["max"]),
                (min(latencies), max(latencies)), "shortest and longest")

    # Callbacks of the whole trace, moved before the end of their grace period.
    invocations = lines_with(whole, "rcu_invoke_callback:")
    for invoked in invocations[::20]:
        end = early_end(whole, invoked)
        lines = whole[:]
        lines.insert(end, lines.pop(invoked))
        copy.write_text("\n".join(lines) + "\n")
        status, rcu = replay(copy)
        check_equal((status, rcu.get("violations"),
                     rcu["violations_by_kind"]["callback_early"],
                     rcu["first_violation"]["line"]), (1, 1, 1, end + 1),
                    f"line {invoked + 1} moved to {end + 1}")

    # Two callbacks of one CPU in the wrong order: the second of them is told.
    for first, second in zip(invocations, invocations[1:]):
        if (second == first + 1 and whole[first].split("[")[1][:3]
                == whole[second].split("[")[1][:3]):
            lines = whole[:]
            lines[first], lines[second] = lines[second], lines[first]
            copy.write_text("\n".join(lines) + "\n")
            status, rcu = replay(copy)
            check_equal((status, rcu["violations"],
                         rcu["violations_by_kind"]["callback_order"],
                         rcu["first_violation"]["line"]), (1, 1, 1, second + 1),
                        f"lines {first + 1} and {second + 1} exchanged")
            break
    else:
        check(False, "two callbacks of one CPU in a row")
close()
