"""Recorded RCU: what the log holds is what is reported, and a callback that is
moved before the end of its grace period is one violation, in its line."""
import json
import pathlib
import re
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

HEAD = (ROOT / "tests/program/rcu-head.txt").read_text().splitlines()


def replay(path):
    run = vmcycle("replay", path, "--json", "-")
    found = re.search(r"^\{.*^\}", run.stdout, re.M | re.S)
    return run.returncode, json.loads(found[0])["rcu"] if found else {}


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
        head = re.search(r"rhp=(\w+)", HEAD[invoked])[1]
        queued = max(i for i in lines_with(HEAD, "rcu_callback:", head)
                     if i < invoked)
        start = min(i for i, line in enumerate(HEAD)
                    if i > queued and line.endswith(" start"))
        number = HEAD[start].split()[-2]
        end = lines_with(HEAD, f"rcu_sched {number} end")[0]
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

status, rcu = replay(ROOT / "traces/rcu-4vcpu.ftrace.txt.zst")
check_equal(status, 0, "the whole trace exits")
check_equal(rcu.get("violations"), 0, "violations of the whole trace")
check_equal(rcu.get("grace_periods"), 35, "its grace periods")
close()
