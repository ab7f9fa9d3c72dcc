"""Waveforms of a replay, read back by other means."""
import collections
import json
import pathlib
import shutil
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

TRACE = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"


def read_vcd(text):
    """Signals by name, and the values that each takes, with their times."""
    scopes, names, changes = [], {}, collections.defaultdict(list)
    head, body = text.split("$enddefinitions $end\n")
    for line in head.splitlines():
        words = line.split()
        if words[0] == "$scope":
            scopes.append(words[2])
        elif words[0] == "$upscope":
            scopes.pop()
        elif words[0] == "$var":
            names[words[3]] = ".".join(scopes + [words[4]])
    check_equal(scopes, [], "every scope is closed")
    time, times = None, []
    for line in body.splitlines():
        if line[0] == "#":
            times.append(int(line[1:]))
            time = times[-1]
        elif line[0] in "01x":
            changes[names[line[1:]]].append((time, line[0]))
        elif line[0] == "b":
            value, code = line[1:].split()
            changes[names[code]].append((time, value))
    check(all(a < b for a, b in zip(times, times[1:])), "time goes on")
    return changes


with tempfile.TemporaryDirectory() as folder:
    vcd = pathlib.Path(folder, "run.vcd")
    plain = vmcycle("replay", TRACE, "--json", "-")
    run = vmcycle("replay", TRACE, "--vcd", vcd, "--json", "-")
    check_equal(run.returncode, 0, "replay exits")
    check_equal(run.stdout, plain.stdout, "watching changes nothing")
    result = json.loads(run.stdout)["interrupts"]

    changes = read_vcd(vcd.read_text())
    check_equal(len([n for n in changes if n.startswith("cpu3.")]), 14,
                "signals of a vCPU")
    modes = [v for n, c in changes.items() if n.endswith(".mode")
             for _, v in c]
    entries = sum(cpu["simulated_entries"] for cpu in result["per_cpu"])
    check_equal(modes.count("11"), entries, "a change for each handler")
    check(all(a[1] != b[1] for values in changes.values()
              for a, b in zip(values, values[1:])),
          "a signal is written when it changes only")
    check(changes["eiointc.pending"][-1][1] in ("0", "1", "10"),
          "little is pending at the end")

    vmcycle("replay", TRACE, "--vcd", vcd, "--vcd-signals", "cpu1.*")
    check_equal({n.split(".")[0] for n in read_vcd(vcd.read_text())},
                {"cpu1"}, "only what was asked for")
    check_equal(vmcycle("replay", TRACE, "--vcd",
                        pathlib.Path(folder, "none/x.vcd")).returncode, 2,
                "a folder that is not there")

    # GTKWave's own converter, where it is installed.
    if shutil.which("vcd2fst"):
        fst = pathlib.Path(folder, "run.fst")
        done = subprocess.run(["vcd2fst", vcd, fst], capture_output=True,
                              check=False)
        check(done.returncode == 0 and fst.stat().st_size > 0,
              "vcd2fst reads it")
close()
