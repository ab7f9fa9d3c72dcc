"""Waveforms: what they say of a replay, and GTKWave's own reader of them."""
import collections
import json
import pathlib
import shutil
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

TRACE = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"
NODE_PS, CPU_PS = 455, 455  # 2.2 GHz, of profiles/3c5000-qemu.ini


def read_vcd(text):
    """Signals by name, and the values that each takes, with their times."""
    scopes, names, changes = [], {}, {}
    head, body = text.split("$enddefinitions $end\n")
    for line in head.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            scopes.append(words[2])
        elif words[0] == "$upscope":
            scopes.pop()
        elif words[0] == "$var":
            names[words[3]] = ".".join(scopes + [words[4]])
            changes[names[words[3]]] = []
    check_equal(scopes, [], "every scope is closed")
    time, is_ordered = -1, True
    for line in body.splitlines():
        if line[0] == "#":
            is_ordered &= int(line[1:]) > time
            time = int(line[1:])
        elif line[0] in "01x":
            changes[names[line[1:]]].append((time, line[0]))
        elif line[0] == "b":
            value, code = line[1:].split()
            changes[names[code]].append((time, value))
    check(is_ordered, "time goes on")
    return changes


def number(value):
    """A value of the file; converters write all digits of a word."""
    return None if "x" in value else int(value, 2)


def numbers(changes):
    return {name: [(t, number(v)) for t, v in values]
            for name, values in changes.items()}


def last_of_each_time(values):
    """What a reader that only keeps settled values sees."""
    settled = dict(values)
    kept, before = [], object()
    for time, value in settled.items():
        if value != before:
            kept.append((time, value))
        before = value
    return kept


def rises(values):
    return [t for t, v in values if v == 1]


def check_signals(result, signals):
    """What one signal says has to agree with the others, and with the JSON."""
    check_equal(sorted({n.split(".")[0] for n in signals}),
                ["cpu0", "cpu1", "cpu2", "cpu3", "eiointc", "input",
                 "router0"], "scopes")
    check_equal(len([n for n in signals if n.startswith("cpu3.")]),
                1 + 13 + 4 + 1, "signals of a vCPU")
    check(all(a[1] != b[1] for values in signals.values()
              for a, b in zip(values, values[1:])),
          "a signal is written when it changes only")

    entries = sum(cpu["simulated_entries"] for cpu in result["per_cpu"])
    check_equal(len(handled_of(signals)), entries, "a change for each handler")

    # The sum of all status bits, at every time.
    words = collections.defaultdict(int)
    changes = sorted((t, n, v) for n, c in signals.items() if "coreisr" in n
                     for t, v in c)
    sums = {}
    for time, name, value in changes:
        words[name] = value
        sums[time] = sum(v.bit_count() for v in words.values())
    check_equal(last_of_each_time(sums.items()),
                last_of_each_time(signals["eiointc.pending"]),
                "the count of pending vectors")
    check(max(sums.values()) > 1, "and there were some at once")

    # An IPI unit's pin is its status, pin.latency later. Here it is 1.5 us.
    for cpu in range(4):
        status = [(t, int(v != 0)) for t, v in signals[f"cpu{cpu}.ipi"]]
        pin = last_of_each_time([(t + 1500000 if t else 0, v)
                                 for t, v in last_of_each_time(status)])
        check_equal(last_of_each_time(signals[f"cpu{cpu}.IS12"]), pin,
                    f"the IPI pin of vCPU {cpu}")

    # No handler is entered but for a pin that is up.
    for cpu in range(4):
        levels = collections.Counter()
        ups = {0: 0}
        for time, name, value in sorted(
                (t, n, v) for n, c in signals.items()
                if n.startswith(f"cpu{cpu}.IS") for t, v in c):
            levels[name] = value
            ups[time] = sum(levels.values())
        times = sorted(ups)
        entering = [t for t, v in signals[f"cpu{cpu}.mode"] if v == 2]
        check(entering and all(
            ups[max(u for u in times if u <= t)] > 0 for t in entering[:200]),
            f"vCPU {cpu} enters with a pin up")

    check_equal(sum(len(rises(c)) for n, c in signals.items()
                    if n.startswith("input.")) > 0, True, "inputs rise")
    check(max(v for _, v in signals["router0.depth"]) >= 1,
          "something waits at the router")
    busy = last_of_each_time(signals["router0.busy"])
    taken = [b[0] - a[0] for a, b in zip(busy, busy[1:]) if a[1]]
    check(taken and all(t % NODE_PS == 0 and t < 100 * NODE_PS for t in taken),
          "a router serves for some cycles at a time")


def check_round_trip(path, folder, what):
    """Through GTKWave's converter and back, nothing is lost."""
    fst, back = pathlib.Path(folder, "w.fst"), pathlib.Path(folder, "b.vcd")
    done = subprocess.run(["vcd2fst", path, fst], capture_output=True,
                          text=True, check=False, timeout=120)
    check_equal((done.returncode, done.stderr), (0, ""),
                f"{what}: vcd2fst reads it")
    done = subprocess.run(["fst2vcd", "-f", fst, "-o", back],
                          capture_output=True, check=False, timeout=120)
    check_equal(done.returncode, 0, f"{what}: and writes it again")
    meant = {n: last_of_each_time(c)
             for n, c in numbers(read_vcd(path.read_text())).items()}
    found = {n: last_of_each_time(c)
             for n, c in numbers(read_vcd(back.read_text())).items()}
    check(found == meant, f"{what}: the same values at the same times")
    return sum(len(c) for c in meant.values())


def test_replay(folder):
    path = pathlib.Path(folder, "run.vcd")
    plain = vmcycle("replay", TRACE, "--json", "-")
    run = vmcycle("replay", TRACE, "--vcd", path, "--json", "-")
    check_equal(run.returncode, 0, "replay exits")
    check_equal(run.stdout, plain.stdout, "watching changes nothing")
    check_signals(json.loads(run.stdout)["interrupts"],
                  numbers(read_vcd(path.read_text())))
    return path


def test_window(folder, whole_path):
    """A part of the time is that part of the whole."""
    path = pathlib.Path(folder, "part.vcd")
    start, end = 2_300_000_000_000, 2_500_000_000_000
    run = vmcycle("replay", TRACE, "--vcd", path, "--vcd-from", "2.3s",
                  "--vcd-until", "2500 ms")
    check_equal(run.returncode, 0, "a window")
    part, whole = read_vcd(path.read_text()), read_vcd(whole_path.read_text())
    check_equal(list(part), list(whole), "its signals")
    inside = 0
    for name, values in part.items():
        before = [v for t, v in whole[name] if t < start]
        meant = [(start, before[-1])] + [
            (t, v) for t, v in whole[name] if start <= t <= end]
        inside += len(meant) - 1
        if values != meant:
            check_equal(values, meant, f"{name} in the window")
    check(inside > 100, f"{inside} changes are in the window")


def test_recordings(folder):
    """Logs of a kernel are not simulated: what they tell is drawn."""
    path = pathlib.Path(folder, "recorded.vcd")
    imported = pathlib.Path(folder, "recorded.vmct")
    again = pathlib.Path(folder, "again.vcd")

    trace = ROOT / "traces/rcu-4vcpu.ftrace.txt.zst"
    run = vmcycle("replay", trace, "--vcd", path, "--json", "-")
    check_equal(run.returncode, 0, "an RCU trace")
    rcu = json.loads(run.stdout)["rcu"]
    signals = numbers(read_vcd(path.read_text()))
    active = [v for _, v in signals["rcu.gp_is_active"]]
    check_equal((active.count(1), active.count(0) - 1),
                (rcu["grace_periods_started"], rcu["grace_periods"]),
                "grace periods")
    check_equal((signals["rcu.queued"][-1][1], signals["rcu.invoked"][-1][1]),
                (rcu["callbacks_queued"], rcu["callbacks_invoked"]),
                "callbacks")
    text = subprocess.run(["zstdcat", trace], capture_output=True, text=True,
                          check=True).stdout.splitlines()
    entries = sum("irq_handler_entry" in line and "[002]" in line
                  for line in text)
    depths = [v for _, v in signals["cpu2.irq_depth"]]
    check_equal(sum(b > a for a, b in zip(depths, depths[1:])), entries,
                "interrupt handlers of a CPU")

    vmcycle("import", trace, "-o", imported)
    vmcycle("replay", imported, "--vcd", again)
    check(again.read_bytes() == path.read_bytes(), "the same when imported")

    trace = ROOT / "traces/kvm-bios-pc.ftrace.txt.zst"
    run = vmcycle("replay", trace, "--vcd", path, "--json", "-")
    bus = json.loads(run.stdout)["bus"]
    signals = numbers(read_vcd(path.read_text()))
    check_equal([signals[f"bus.{kind}.count"][-1][1] for kind in
                 ("mmio", "pio")] + [signals["exits.count"][-1][1]],
                [bus["mmio_reads"] + bus["mmio_writes"] +
                 bus["lines"]["mmio_unsatisfied_reads"],
                 bus["pio_reads"] + bus["pio_writes"],
                 bus["userspace_exits"]], "accesses and exits")
    levels = {}
    rises = collections.Counter()
    for line in subprocess.run(["zstdcat", trace], capture_output=True,
                               text=True, check=True).stdout.splitlines():
        words = line.split()
        if "kvm_set_irq:" in words:
            at = words.index("gsi")
            gsi, level, source = (int(words[at + i]) for i in (1, 3, 5))
            before = any(levels.get((gsi, s)) for s in range(64))
            levels[gsi, source] = level
            rises[gsi] += level and not before
    found = {n: sum(v == 1 for _, v in c) for n, c in signals.items()
             if n.startswith("gsi.")}
    check_equal({n: c for n, c in found.items() if c},
                {f"gsi.{g}": c for g, c in rises.items() if c},
                "lines rise as often as in the log")
    return path


def test_clocks(folder):
    """A million edges and more, and the router acts on them."""
    path = pathlib.Path(folder, "clocks.vcd")
    start, end = 3_007_200_000_000, 3_007_350_000_000
    run = vmcycle("replay", TRACE, "--vcd", path, "--vcd-signals",
                  "clock.*,router0.*", "--vcd-from", "3007.2ms", "--vcd-until",
                  "3007.35 ms")
    check_equal(run.returncode, 0, "clocks in a window")
    signals = numbers(read_vcd(path.read_text()))
    for name, period in (("clock.node", NODE_PS), ("clock.cpu", CPU_PS)):
        up = [t for t, v in signals[name][1:] if v == 1]
        check_equal(up, list(range(-(-(start + 1) // period) * period,
                                   end + 1, period)),
                    f"{name} rises at the multiples of its period")
        down = [t for t, v in signals[name][1:] if v == 0]
        check(all((t - period // 2) % period == 0 for t in down),
              f"{name} falls half way")
    busy = signals["router0.busy"][1:]
    check(busy and all(t % NODE_PS == 0 for t, _ in busy),
          "the router begins and ends at edges of its clock")
    return path


def test_refusals(folder):
    path = pathlib.Path(folder, "none.vcd")
    for options, text in [
        (["--vcd-signals", "cpu4.*"],
         "no signal matches 'cpu4.*'; there are: clock.node, clock.cpu, "
         "input.v*, router*.vector, router*.busy, router*.depth, "
         "eiointc.pending, cpu*.mode, cpu*.IS*, cpu*.coreisr*, cpu*.ipi"),
        (["--vcd-signals", "cpu1.*,"], "a pattern is empty"),
        (["--vcd-signals", "clock.*"], "needs a window with an end"),
        (["--vcd-signals", "clock.*", "--vcd-until", "1s"], "narrower"),
        (["--vcd-from", "2ms", "--vcd-until", "2000us"],
         "--vcd-from '2ms' is not before --vcd-until '2000us'"),
        (["--vcd-from", "2"], "expected a time with its unit"),
        (["--vcd-from", "soon"], "--vcd-from 'soon'"),
        (["--vcd-until", "0 ms"], "nothing is before it"),
    ]:
        run = vmcycle("replay", TRACE, "--vcd", path, *options)
        check_equal(run.returncode, 2, f"{options}: refused")
        check(text in run.stderr, f"{options}: {run.stderr!r} says '{text}'")
    run = vmcycle("replay", TRACE, "--vcd", path, "--vcd-from", "1000s")
    check_equal(run.returncode, 1, "a window after the end")
    check("before --vcd-from '1000s'" in run.stderr, "and it says so")
    run = vmcycle("replay", TRACE, "--vcd-from", "1ms")
    check_equal(run.returncode, 2, "a window of no waveform")
    run = vmcycle("replay", "-", "--vcd", path,
                  stdin="1@1.000000:virtio_notify vdev 0x1 vq 0x2\n")
    check(run.returncode == 1 and "no interrupts" in run.stderr,
          f"a trace without interrupts: {run.stderr!r}")
    check_equal(list(pathlib.Path(folder).glob("none*")), [],
                "no file appears")
    check_equal(vmcycle("replay", TRACE, "--vcd",
                        pathlib.Path(folder, "none/x.vcd")).returncode, 2,
                "a folder that is not there")


ACTORS = {
    "vCPU of the driver": "vcpu.driver",
    "vCPU of others": "vcpu.others",
    "main loop": "host.main_loop",
    "I/O thread": "host.io_thread",
    "driver's mutex": "lock.driver",
    "lock of the page list": "lock.pages",
    "big lock": "lock.bql",
    "mm lock": "lock.mm",
    "MMU lock": "lock.mmu",
}
WORKERS = ["nobody", "balloon-size", "balloon-oom", "balloon-stats",
           "page-reporting", "touch", "balloon-hint", "migration",
           "compaction"]


def stretches(values):
    """Who has it, from when until when; what touches is one stretch."""
    return [(a[0], b[0], WORKERS[a[1]]) for a, b in zip(values, values[1:])
            if a[1]]


def joined(spans):
    out = []
    for start, end, who in spans:
        if end > start and out and out[-1][1:] == (start, who):
            out[-1] = (out[-1][0], end, who)
        elif end > start:
            out.append((start, end, who))
    return out


def timeline_spans(path):
    """The outermost slices of every track, as the timeline tells them."""
    names, depth, spans, begun = {}, {}, collections.defaultdict(list), {}
    for event in json.loads(path.read_text(), parse_float=str):
        tid = event["tid"]
        if event.get("name") == "thread_name":
            names[tid] = event["args"]["name"]
        if event["ph"] not in "BE":
            continue
        micros, dot, rest = str(event["ts"]).partition(".")
        tick = int(micros) * 10**6 + int((rest + "000000")[:6] if dot else 0)
        if event["ph"] == "B":
            depth[tid] = depth.get(tid, 0) + 1
            if depth[tid] == 1:
                begun[tid] = (tick, event["name"])
        else:
            depth[tid] -= 1
            if depth[tid] == 0:
                spans[names[tid]].append((begun[tid][0], tick, begun[tid][1]))
    return spans


def test_balloon(folder, options):
    """Locks and threads are had when the timeline says so; memory ends where
    the result says."""
    path = pathlib.Path(folder, "balloon.vcd")
    timeline = pathlib.Path(folder, "balloon.json")
    plain = vmcycle("balloon", *options, "--json", "-")
    run = vmcycle("balloon", *options, "--json", "-", "--vcd", path,
                  "--perfetto", timeline)
    check_equal(run.returncode, plain.returncode, f"{options}: exits")
    result = json.loads(run.stdout)
    check_equal(result["fingerprint"], json.loads(plain.stdout)["fingerprint"],
                f"{options}: watching changes nothing")
    signals = numbers(read_vcd(path.read_text()))
    spans = timeline_spans(timeline)
    for name, signal in ACTORS.items():
        owner = last_of_each_time(signals[f"{signal}.owner"])
        check(joined(stretches(owner)) == joined(spans.get(name, [])),
              f"{options}: {name} is had when the timeline says")
        check(all(v == 0 or dict(owner).get(t, 1) for t, v in
                  signals[f"{signal}.waiters"]), f"{name}: waiters wait")
    check(sum(len(s) for s in spans.values()) > 10, f"{options}: stretches")
    adds = sum(b[1] > a[1] for n, c in signals.items()
               if n.endswith(".in_flight") for a, b in zip(c, c[1:]))
    check(adds >= result["messages"], f"{options}: {adds} messages in rings")
    for name, values in signals.items():
        if name.startswith("queue."):
            check_equal(values[-1][1], 0, f"{options}: {name} is empty")
    check_equal(signals["memory.host_backed"][-1][1],
                result["host_bytes_after"], f"{options}: what the host backs")
    if result["op"] == "inflate" and result["mechanism"] == "pfn":
        check_equal(adds, result["messages"], f"{options}: messages")
        check_equal(signals["memory.balloon"][-1][1], result["pages"] * 4096,
                    f"{options}: the balloon's size")
    if "--interrupts" in options:
        check_equal(len(handled_of(signals)), result["interrupts"]["raised"],
                    f"{options}: a handler for each interrupt")
    return path


def handled_of(signals):
    return [t for n, c in signals.items() if n.endswith(".mode")
            for t, v in c if v == 3]


BALLOONS = [
    ("--guest", "256M", "--move", "64M"),
    ("--guest", "256M", "--move", "4M", "--interrupts", "3c5000-kvm"),
    ("--guest", "256M", "--move", "64M", "--mechanism", "bitmap-fixed",
     "--op", "deflate"),
    ("--guest", "256M", "--mechanism", "reporting", "--op", "report"),
    ("--guest", "512M", "--move", "256M", "--op", "pressure", "--touch",
     "300M", "--deflate-on-oom"),
]

def test_schedule(folder):
    """The steps of a schedule: who holds what, in the order of the printed
    counterexample."""
    path = pathlib.Path(folder, "schedule.vcd")
    run = vmcycle("explore", "S03", "--variant", "bug", "--vcd", path,
                  "--minimise", "preemptions", "--json", "-")
    found = json.loads(run.stdout)["violation"]
    text = path.read_text()
    signals = numbers(read_vcd(text))
    steps = found["step"]
    check_equal(signals["run.step"],
                [(10**6 * i, i) for i in range(steps + 1)], "a step is 1 us")
    check_equal(signals["run.is_broken"][-2:],
                [(10**6 * (steps - 1), 1), (10**6 * steps, 0)],
                "the last one breaks the rule")
    tasks = {int(line.split()[1].rstrip(":")): line.split(": ")[1]
             for line in text.splitlines() if line.startswith("    task ")}
    lines = [line.split() for line in run.stderr.splitlines()
             if " lock vm_lock" in line or " unlock vm_lock" in line]
    begin, end = (int(line[0]) for line in lines[:2])
    owners = signals["lock.vm_lock.owner"]
    check_equal([(t, tasks.get(v, "nobody")) for t, v in owners],
                [(0, "nobody"), (10**6 * (begin + 1), "close"),
                 (10**6 * (end + 1), "nobody")], "the owner of a lock")
    check_equal([v for _, v in signals["object1.count"]], [1, 2, 1, 0],
                "references: got, dropped, dropped")
    check_equal([v for _, v in signals["object1.is_there"]][-1], 0,
                "the object is gone")
    names = {int(line.split()[1].rstrip(":")): line.split(": ")[1]
             for line in text.splitlines() if line.startswith("    state ")}
    check_equal([names[v] for _, v in signals["object1.state"]],
                ["listed", "dying", "gone off the list", "waiting",
                 "callback", "freed"], "states")

    run = vmcycle("explore", "S05", "--vcd", path, "--json", "-")
    check("V10 leak" in json.loads(run.stdout)["violation"]["description"],
          "a rule that is broken at the end")
    signals = numbers(read_vcd(path.read_text()))
    check_equal(signals["run.is_broken"], [(0, 0)], "is broken by no step")
    return path


with tempfile.TemporaryDirectory() as scratch:
    waveform = test_replay(scratch)
    test_window(scratch, waveform)
    test_refusals(scratch)
    clocks = test_clocks(scratch)
    schedule = test_schedule(scratch)
    recorded = test_recordings(scratch)
    balloons = [test_balloon(scratch, options) for options in BALLOONS]
    if shutil.which("vcd2fst"):
        check_round_trip(waveform, scratch, "a replay")
        check_round_trip(balloons[-1], scratch, "a balloon")
        check_round_trip(schedule, scratch, "a schedule")
        check_round_trip(recorded, scratch, "a recording")
        check(check_round_trip(clocks, scratch, "clocks") > 1_000_000,
              "more than a million changes")
    else:
        print("skipped: vcd2fst of the package gtkwave is not installed")
close()
