"""Timelines: their shape by a schema, their sense by rules, and a browser."""
import collections
import json
import pathlib
import random
import re
import signal
import subprocess
import tempfile

import chromium
import traceevents
from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

TRACES = sorted((ROOT / "traces").glob("*.zst"))
TIME = re.compile(r'"ts":([0-9.]+)')
PAGE = """<!doctype html><meta charset="utf-8"><title>timeline</title>
<script type="application/json" id="t">%s</script><script>
const events = JSON.parse(document.getElementById("t").textContent);
const count = {}, open = {}, tracks = new Set(), ends = {};
let last = 0;
for (const e of events) {
    count[e.ph] = (count[e.ph] || 0) + 1;
    last = Math.max(last, e.ts);
    const track = e.pid + "." + e.tid;
    if (e.ph == "B" || e.ph == "E") {
        tracks.add(track);
        open[track] = (open[track] || 0) + (e.ph == "B" ? 1 : -1);
        if (open[track] < 0) throw new Error("not nested");
    } else if (e.ph == "s" || e.ph == "f") {
        const arrow = e.name + e.id;
        ends[arrow] = (ends[arrow] || "") + e.ph;
    }
}
var result = {count, last, tracks: tracks.size,
    open: Object.values(open).filter(n => n != 0).length,
    arrows: Object.values(ends).filter(s => s.length == 2).length};
</script>"""


def in_browser(text, folder):
    """What a browser's JSON.parse() makes of the file."""
    page = pathlib.Path(folder, "page.html")
    page.write_text(PAGE % text.replace("</", "<\\/"))
    loaded = chromium.load(page, ["result"])
    check_equal(loaded.errors, [], "no console error")
    return loaded.values[0]


def check_browser(text, seen, folder):
    found = in_browser(text, folder)
    check_equal(found["count"], dict(seen.phases), "events by phase")
    check_equal(found["open"], 0, "slices left open")
    check_equal(found["arrows"], sum(seen.flows.values()), "arrows")
    check_equal(found["tracks"], sum(map(bool, seen.tracks.values())),
                "tracks with slices")
    check_equal(round(found["last"] * 1e6), max(e["ts"] for e in seen.events),
                "the last time")


def check_file(path, what):
    """All that holds of any timeline. Returns what it has."""
    text = path.read_text()
    problems, seen = traceevents.check(text)
    check_equal(problems[:5], [], f"{what}: sense")
    try:
        check_equal(traceevents.validate(seen.events)[:3], [], f"{what}: shape")
    except ImportError:
        print("skipped: no python3-jsonschema, shapes are not validated")
    return text, seen


def check_bad():
    """The rules find what they are for."""
    head = [{"ph": "M", "pid": 1, "tid": 1, "ts": 0.0, "name": n + "_name",
             "args": {"name": n}} for n in ("process", "thread")]
    b = {"ph": "B", "pid": 1, "tid": 1, "ts": 2.0, "name": "b"}
    e = {"ph": "E", "pid": 1, "tid": 1, "ts": 3.0}
    s = {"ph": "s", "pid": 1, "tid": 1, "ts": 2.0, "name": "n", "cat": "c",
         "id": 1}
    f = {**s, "ph": "f"}
    c = {"ph": "C", "pid": 1, "tid": 1, "ts": 2.0, "name": "n",
         "args": {"v": 1}}
    good = [b, s, f, e, c]

    def problems(events, head=head):
        lines = ",\n".join(json.dumps(e, separators=(",", ":"))
                           for e in head + events)
        return traceevents.check("[\n%s\n]\n" % TIME.sub(
            lambda time: f'"ts":{float(time[1]):.6f}', lines))[0]

    check_equal(problems(good), [], "a good one")
    for events, word in (
            ([b, s, f, c], "open"), ([e], "without a beginning"),
            ([b, s, e], "one end"), ([b, s, s, f, e], "two ends"),
            ([b, e, s, f], "outside"), ([b, {**e, "ts": 1.0}], "runs back"),
            ([b, {**f, "ts": 2.0}, {**s, "ts": 2.5}, e], "back in time"),
            ([c, {**c, "ts": 1.0}], "counter runs back"),
            ([{**c, "args": {"v": -1}}], "no number"),
            ([{**b, "tid": 2}, {**e, "tid": 2}], "without a name")):
        check(any(word in p for p in problems(events)), f"found: {word}")
    check(problems(good, []), "found: no names at all")
    try:
        for event in ({**b, "ph": "X"}, {**b, "name": ""}, {**e, "ts": -1},
                      {k: v for k, v in b.items() if k != "pid"},
                      {**b, "args": {"line": "7"}}, {**f, "bp": "x"},
                      {k: v for k, v in s.items() if k != "id"},
                      {**c, "args": {"v": "1"}}, {**head[0], "args": {}},
                      {**head[0], "name": "process"}):
            check(traceevents.validate([event]), f"refused: {event}")
    except ImportError:
        pass


def check_traces(folder):
    files = {}
    for trace in TRACES:
        name = trace.name.split(".")[0]
        path = pathlib.Path(folder, name + ".json")
        run = vmcycle("replay", trace, "--perfetto", path, "--json", "-")
        check_equal(run.returncode, 0, f"{name}: exit")
        files[name] = check_file(path, name) + (json.loads(run.stdout),)
    return files


def check_interrupts(seen, result, what):
    result = result["interrupts"]
    handled = sum(name.startswith("vector") for (group, _), slices in
                  seen.tracks.items() if group == "vCPUs, simulated"
                  for name, _, _ in slices)
    entries = sum(cpu["simulated_entries"] for cpu in result["per_cpu"])
    handlers = [s for (group, _), slices in seen.tracks.items()
                if group == "vCPUs, simulated" for s in slices
                if s[0] == "handler"]
    check_equal(len(handlers), entries, f"{what}: a slice for each entry")
    check_equal(seen.flows["interrupt"],
                result["simulated_latency_ns"]["count"],
                f"{what}: an arrow for each interrupt that was handled")
    check(handled >= seen.flows["interrupt"], f"{what}: handlers of vectors")
    cleared = {s[2] for s in slices_of(seen, "interrupts, simulated")
               if s[0] == "delivered"}
    others = 0
    for (group, track), slices in seen.tracks.items():
        runs = [s for s in slices if s[0].startswith("vector")]
        if group == "vCPUs, simulated":
            begins = cleared | {s[2] for s in runs}
            others += sum(s[1] not in begins for s in runs)
    check(others <= handled - seen.flows["interrupt"],
          f"{what}: {others} handlers begin neither at a clear nor after "
          "another, and are not of a vector that only moved")
    ipis = seen.arrows["IPI"]
    check_equal((len(ipis), mean_ns(ipis)),
                (result["simulated_ipi_ns"]["count"],
                 result["simulated_ipi_ns"]["mean"]),
                f"{what}: an arrow for each IPI")
    pending = seen.counters["interrupts, simulated", "pending vectors"]
    check(max(pending) > 0 and pending[-1] <= 2,
          f"{what}: little is pending at the end")


def check_recorded_interrupts(seen, result, what):
    result = result["interrupts"]
    slices = slices_of(seen, "interrupts, recorded")
    names = collections.Counter(s[0] for s in slices)
    found = {"delivered": names["delivered"] + names["redelivered"],
             **{n: names[n] for n in ("withdrawn", "masked", "lost",
                                      "unfinished")}}
    check_equal(found, {n: result[n] for n in found},
                f"{what}: what became of vectors")
    spans = [s[2] - s[1] for s in slices
             if s[0] in ("delivered", "redelivered")]
    ipis = seen.arrows["IPI, recorded"]
    check_equal(len(ipis), result["ipi_sent"] - result["ipi_coalesced"],
                f"{what}: an arrow for each recorded IPI")
    unread = len(ipis) - result["recorded_ipi_ns"]["count"]
    check_equal(any(s[0] == "IPIs not read" for s in
                    slices_of(seen, "vCPUs, recorded")), unread > 0,
                f"{what}: {unread} IPIs not read")
    for times, key in ((seen.arrows["interrupt, recorded"], "latency"),
                       (spans, "clear"), (ipis, "ipi")):
        if key == "ipi" and unread > 0:
            continue
        summary = result[f"recorded_{key}_ns"]
        check_equal((len(times), mean_ns(times)),
                    (summary["count"], summary["mean"]),
                    f"{what}: recorded {key}")
    sent = [s for s in slices_of(seen, "vCPUs, recorded")
            if s[0].startswith("sends an IPI")]
    check_equal(len(sent), result["ipi_sent"], f"{what}: IPIs sent")
    pending = seen.counters["interrupts, recorded", "pending vectors"]
    check(max(pending) > 0, f"{what}: some are pending")
    check_equal(pending[-1], result["unfinished"], f"{what}: unfinished")


def slices_of(seen, group, track=None):
    return [s for (g, t), slices in seen.tracks.items()
            if g == group and track in (None, t) for s in slices]


def mean_ns(ticks):
    """As the program rounds it."""
    ns = [t // 1000 for t in ticks]
    return (sum(ns) + len(ns) // 2) // len(ns)


def check_rcu(seen, result, what):
    result = result["rcu"]
    check_equal(seen.flows["callback"], result["callbacks_queued"],
                f"{what}: an arrow for each callback")
    recorded = [s[0] for s in slices_of(seen, "RCU, recorded")]
    check_equal(recorded.count("grace period"),
                result["grace_periods_started"], f"{what}: grace periods")
    check_equal(len([n for n in recorded if n.startswith("call_rcu ")]),
                result["callbacks_queued"], f"{what}: calls")
    check_equal(len(slices_of(seen, "RCU, predicted")),
                result["predicted"]["grace_periods"],
                f"{what}: predicted grace periods")
    for group in ("RCU, recorded", "RCU, predicted"):
        pending = seen.counters[group, "callbacks outstanding"]
        check(0 < max(pending) <= result["callbacks_queued"],
              f"{what}: callbacks outstanding, {group}")
    check_equal(seen.counters["RCU, recorded", "callbacks outstanding"][-1],
                result["callbacks_queued"] - result["callbacks_invoked"],
                f"{what}: outstanding at the end")


def check_balloon(seen, result, what):
    result = result["balloon"]
    messages = result["host_ns_per_message"]["count"]
    check_equal((seen.flows["kick"], seen.flows["acknowledgement"]),
                (messages, messages), f"{what}: arrows of each message")
    guest = slices_of(seen, "balloon, recorded", "guest driver")
    host = [s for s in slices_of(seen, "balloon, recorded")
            if s[0] in ("inflate", "deflate")]
    check_equal(len(host), messages, f"{what}: host slices")
    fills = [s[2] - s[1] for s in guest if s[0] == "fill"]
    waits = [s[2] - s[1] for s in guest if s[0] == "wait for the host"]
    for spans, name in ((fills, "guest"), (waits, "host")):
        summary = result[name + "_ns_per_message"]
        check_equal((len(spans), mean_ns(spans)),
                    (summary["count"], summary["mean"]),
                    f"{what}: messages and mean of the {name}")
    size = seen.counters["balloon, recorded", "balloon size, KiB"]
    check_equal(size[-1], result["held_pfns"] * 4, f"{what}: size at the end")
    left = seen.counters["balloon, recorded", "left to the guest, KiB"]
    check_equal({a + b for a, b in zip(size, left)},
                {result["ram_bytes"] // 1024}, f"{what}: memory of the guest")


def check_bus(seen, result, what):
    result = result["bus"]
    served = ("user space", "kernel", "ioeventfd", "coalesced ring")
    accesses = sum(r["reads"] + r["writes"] for r in result["ranges"])
    exits = sum(r["exits"] for r in result["ranges"])
    exact = result["recorded_exit_ns"]
    for group in ("KVM threads, recorded", "KVM threads, simulated"):
        names = collections.Counter(
            s[0].split(",")[0] for s in slices_of(seen, group)
            if not s[0].startswith("acknowledges"))
        check_equal(sum(names[s] for s in served), accesses,
                    f"{what}: who served each access, {group}")
        check_equal(sum(names.values()), 2 * accesses,
                    f"{what}: accesses, {group}")
        check_equal(names["user space"], exits, f"{what}: exits, {group}")
        for row in result["ranges"]:
            check_equal((names[row["name"] + " read"],
                         names[row["name"] + " write"]),
                        (row["reads"], row["writes"]), f"{what}: {row['name']}")
    times = [s[2] - s[1] for s in slices_of(seen, "KVM threads, recorded")
             if s[0] == "user space"]
    check_equal((len(times), mean_ns(times)),
                (exact["count"], exact["mean"]), f"{what}: time of exits")
    acked = sum(line["acknowledged"] - line["unasked"]
                for line in result["interrupt_lines"]["lines"])
    check_equal(seen.flows["acknowledgement of a line"], acked,
                f"{what}: acknowledgements")
    check_equal(sum(s[0] == "raised" for s in slices_of(
        seen, "KVM interrupt lines, recorded")), acked, f"{what}: lines")


def timeline_of(lines, folder, what):
    log = pathlib.Path(folder, "log.txt")
    log.write_text("\n".join(lines) + "\n")
    path = pathlib.Path(folder, "log.json")
    run = vmcycle("replay", log, "--perfetto", path)
    check(run.returncode in (0, 1), f"{what}: exit {run.returncode}")
    return check_file(path, what)[1]


def check_contexts(folder):
    """Exits of a guest; contexts of a CPU that begin before the log, nest, and
    end on another CPU; two subjects in one trace and so in one file."""
    ended = " info1 0x0000000000000000 info2 0x0000000000000000 " \
        "intr_info 0x00000000 error_code 0x00000000"
    kvm = [f"kvm_exit: vcpu 0 reason IO_INSTRUCTION rip 0x10{ended}",
           "kvm_pio: pio_write at 0x20 size 1 count 1 val 0x20 ",
           "kvm_entry: vcpu 0, rip 0x11",
           f"kvm_exit: vcpu 0 reason EPT_MISCONFIG rip 0x14{ended}",
           "kvm_fast_mmio: fast mmio at gpa 0xfe000000",
           "kvm_entry: vcpu 0, rip 0x15",
           "kvm_set_irq: gsi 3 level 1 source 0",
           "kvm_ack_irq: irqchip PIC master pin 3",
           f"kvm_exit: vcpu 0 reason HLT rip 0x16{ended}"]
    rcu = [(0, "rcu_grace_period: rcu_sched 100 start"),
           (0, "irq_handler_exit: irq=1 ret=handled"),
           (0, "rcu_callback: rcu_sched rhp=00000000deadbeef func=first 1"),
           (0, "rcu_callback: rcu_sched rhp=00000000deadbee8 func=third 2"),
           (1, "rcu_callback: rcu_sched rhp=00000000deadbee0 func=second 1"),
           (1, "rcu_callback: rcu_sched rhp=00000000deadbee0 func=second 1"),
           (0, "rcu_grace_period: rcu_sched 100 end"),
           (0, "rcu_batch_start: rcu_sched CBs=1 bl=10"),
           (0, "rcu_invoke_callback: rcu_sched rhp=00000000deadbeef func=first"),
           (0, "rcu_invoke_callback: rcu_sched rhp=00000000deadbee8 func=third"),
           (0, "irq_handler_entry: irq=2 name=disk"),
           (0, "irq_handler_exit: irq=2 ret=handled"),
           (2, "rcu_batch_end: rcu_sched CBs-invoked=1 idle=>c<>c<>c<>c<"),
           (0, "irq_handler_entry: irq=2 name=disk"),
           (0, "rcu_batch_end: rcu_sched CBs-invoked=1 idle=>c<>c<>c<>c<")]
    lines = ["# tracer: nop"]
    for cpu, event in [(0, e) for e in kvm] + rcu:
        lines.append(f" task-42  [{cpu:03}] d..1.  7.{10 * len(lines):06}: "
                     + event)
    seen = timeline_of(lines, folder, "a made-up log")
    ends = slices_of(seen, "KVM threads, recorded", "thread 42, exits")
    check_equal([(name, (b - a) // 10**6) for name, a, b in ends],
                [("IO_INSTRUCTION", 20), ("EPT_MISCONFIG", 20), ("HLT", 150)],
                "exits and how long they took, us")
    check_equal(slices_of(seen, "KVM interrupt lines, recorded", "line 3"),
                [("raised", 60 * 10**6, 70 * 10**6)], "a line")
    check_equal([(name, (b - a) // 10**6) for name, a, b in
                 slices_of(seen, "RCU, recorded", "CPU 0")],
                [("call_rcu first", 0), ("call_rcu third", 0), ("first", 10),
                 ("disk", 10), ("disk", 10), ("third", 50), ("callbacks", 70)],
                "contexts of a CPU, us")
    check_equal([s[0] for s in slices_of(seen, "RCU, recorded", "CPU 1")],
                ["call_rcu second", "call_rcu second", "not run"],
                "a callback that was queued again and has not run")
    for seconds in ("576400", "1152900", "99999999"):
        timeline_of(lines[:-2] + [line.replace(" 7.", f" {seconds}.")
                                  for line in lines[-2:]], folder,
                    f"a stamp of {seconds} s")
    check_equal(dict(seen.flows), {"callback": 4,
                                   "acknowledgement of a line": 1}, "arrows")


SCENARIOS = (
    # options, messages that nobody answers, stages that occupy somebody
    (("--set", "balloon_send.wake_host=3us", "--set",
      "balloon_send.wake_vcpu=7us", "--set", "balloon_send.wake_polled=7us"),
     0, ("alloc", "translate", "madvise")),
    (("--op", "deflate", "--mechanism", "contiguous"), 0, ()),
    (("--interrupts", "3c5000-kvm"), 0, ("alloc", "translate", "madvise")),
    (("--mechanism", "virtio-mem"), 0, ()),
    (("--mechanism", "hyperalloc", "--op", "install", "--memory", "touched"),
     0, ()),
    (("--op", "retouch", "--memory", "touched", "--stats-period", "50"), 0, ()),
    (("--mechanism", "reporting", "--op", "report"), 0, ()),
    (("--faults", "break=3"), 1, ("alloc", "translate", "madvise")),
)


def check_scenario(folder, options, unanswered, stages):
    what = " ".join(("balloon", *options))
    path = pathlib.Path(folder, "scenario.json")
    options = ("--guest", "1G", "--move", "128M", *options, "--json", "-")
    plain = json.loads(vmcycle("balloon", *options).stdout)
    run = vmcycle("balloon", *options, "--perfetto", path)
    result = json.loads(run.stdout)
    check_equal((run.returncode, result["fingerprint"], result["total_ms"]),
                (0, plain["fingerprint"], plain["total_ms"]),
                f"{what}: watching changes nothing")
    _, seen = check_file(path, what)
    threads, locks = (slices_of(seen, g) for g in ("threads", "locks"))
    kicks, acks = (seen.flows[n] for n in ("kick", "acknowledgement"))
    check(kicks >= result["messages"] and kicks - acks == unanswered,
          f"{what}: {kicks} kicks, {acks} answers")
    served = [s for s in slices_of(seen, "threads", "main loop")
              if s[0] != "never answered"]
    check(len(served) >= acks, f"{what}: served by the main loop")
    for stage in stages:
        found = sum(b - a for name, a, b in threads + locks if name == stage)
        check_equal(found / 1e9, result["stages_ms"][stage],
                    f"{what}: time of {stage}")
    if "--op" not in options:
        size = seen.counters["threads", "balloon size, KiB"]
        free = seen.counters["threads", "free in the guest, KiB"]
        check_equal(size[-1], result["pages"] * 4,
                    f"{what}: size of the balloon")
        check("pfn" not in result["mechanism"] or any(
            a == b and c > d for a, b, c, d in
            zip(size, size[1:], free, free[1:])),
            f"{what}: pages are taken before they are in the balloon")
    backed = seen.counters["threads", "backed by the host, KiB"]
    check_equal(backed[-1] * 1024, result["host_bytes_after"],
                f"{what}: what the host backs at the end")
    if "--set" in options:
        check_equal((set(seen.arrows["kick"]),
                     set(seen.arrows["acknowledgement"])),
                    ({3 * 10**6}, {7 * 10**6}),
                    f"{what}: from the kick to the main loop, from its "
                    "interrupt to the handler")
    if "--interrupts" in options:
        check_equal(seen.flows["interrupt"], result["interrupts"]["taken"],
                    f"{what}: interrupts")


def check_schedules(folder):
    """A schedule that was found, and the same run again from its file."""
    found, again, schedule = (pathlib.Path(folder, name) for name in
                              ("found.json", "again.json", "schedule"))
    for scenario in ("S03", "S07", "G1", "irq:reroute"):
        variant = ("--variant", "bug") if scenario == "S03" else ()
        run = vmcycle("explore", scenario, *variant, "--perfetto", found,
                      "--write-schedule", schedule, "--json", "-")
        violation = json.loads(run.stdout).get("violation")
        if violation is None:
            check(not found.exists(), f"{scenario}: nothing fails")
            continue
        _, seen = check_file(found, scenario)
        steps = slices_of(seen, "tasks")
        check_equal(sorted(s[1] // 10**6 for s in steps),
                    list(range(violation["step"])), f"{scenario}: its steps")
        check_equal({s[2] - s[1] for s in steps}, {10**6},
                    f"{scenario}: a microsecond each")
        instants = [e["name"] for e in seen.events if e["ph"] == "i"]
        check(instants in ([], [violation["invariant"]]),
              f"{scenario}: what broke: {instants}")
        vmcycle("explore", scenario, *variant, "--schedule", schedule,
                "--perfetto", again)
        check_equal(again.read_text(), found.read_text(),
                    f"{scenario}: the same from its schedule")
        found.unlink()
        if scenario == "S03":
            lines = [line.split(None, 3) for line in
                     schedule.read_text().splitlines() if line[:1].isdigit()]
            check_equal([s[0] for s in sorted(steps, key=lambda s: s[1])],
                        [line[3].split(" -> ")[0] for line in lines],
                        "steps are those of the schedule")
            check_equal(seen.flows["starts"], 2, "call_rcu and its callback")
            check_equal(slices_of(seen, "locks and sections", "close: locks"),
                        [("1", 7 * 10**6, 9 * 10**6)], "a lock")


def garbled(lines, random):
    """Lines lost, said twice, moved, and with other digits."""
    lines = list(lines)
    for _ in range(len(lines) // 10):
        at, to = random.randrange(len(lines)), random.randrange(len(lines))
        kind = random.randrange(4)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            lines.insert(to % (len(lines) - 1), lines.pop(at))
        else:
            digits = [i for i, c in enumerate(lines[at]) if c.isdigit()]
            if digits:
                i = random.choice(digits)
                lines[at] = (lines[at][:i] + random.choice("0123456789")
                             * random.choice((1, 1, 5)) + lines[at][i + 1:])
    return lines


def check_garbled(folder):
    """Whatever a recording says, what is written of it makes sense."""
    path = pathlib.Path(folder, "garbled.json")
    for trace in TRACES:
        name = trace.name.split(".")[0]
        meta = trace.with_name(name + ".meta")
        text = subprocess.run(["zstd", "-dcq", trace], stdout=subprocess.PIPE,
                              check=True).stdout[:400000].decode()
        lines = text.splitlines()[:1500]
        for seed in range(2):
            log = pathlib.Path(folder, "garbled.log")
            log.write_text("\n".join(lines[:12] + garbled(
                lines[12:], random.Random(seed))) + "\n")
            run = vmcycle("replay", log, "--meta", meta, "--perfetto", path)
            what = f"{name}, garbled by {seed}"
            if check(run.returncode in (0, 1),
                     f"{what}: exit {run.returncode} {run.stderr[-500:]}"):
                check_file(path, what)


def check_interrupted(folder):
    """A signal ends a replay: what was seen by then is a whole file."""
    path = pathlib.Path(folder, "interrupted.json")
    text = subprocess.run(["zstd", "-dcq", TRACES[2]], stdout=subprocess.PIPE,
                          check=True).stdout
    process = subprocess.Popen(
        [PROGRAM, "replay", "-", "--meta", ROOT / "traces/eiointc-4vcpu.meta",
         "--perfetto", path], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(text[:1000000])
    process.stdin.flush()
    process.send_signal(signal.SIGTERM)
    check_equal(process.wait(60), 143, "exit after a signal")
    process.stdin.close()
    check(path.exists() and check_file(path, "interrupted")[1].events != [],
          "a timeline of the part that was replayed")


def test(folder):
    files = check_traces(folder)
    for name, (_, seen, result) in files.items():
        if "interrupts" in result:
            check_interrupts(seen, result, name)
            check_recorded_interrupts(seen, result, name)
        if "balloon" in result:
            check_balloon(seen, result, name)
        if "bus" in result:
            check_bus(seen, result, name)
        if "rcu" in result:
            check_rcu(seen, result, name)
    check_contexts(folder)
    check_schedules(folder)
    check_garbled(folder)
    check_interrupted(folder)
    for options, unanswered, stages in SCENARIOS:
        check_scenario(folder, options, unanswered, stages)
    plain = vmcycle("replay", TRACES[2], "--json", "-")
    check_equal(json.loads(plain.stdout),
                files[TRACES[2].name.split(".")[0]][2],
                "watching changes nothing")
    for command in (("replay", TRACES[2]), ("explore", "S03"),
                    ("balloon", "--guest", "1G", "--move", "16M")):
        run = vmcycle(*command, "--perfetto", "-")
        check_equal(traceevents.check(run.stdout)[0], [],
                    f"{command[0]}: a timeline on standard output")
        check(len(run.stderr.splitlines()) > 3,
              f"{command[0]}: the table then goes to standard error")
    check_equal(vmcycle("replay", TRACES[2], "--perfetto",
                        pathlib.Path(folder, "none/x.json")).returncode, 2,
                "a folder that is not there")
    try:
        for name in ("eiointc-4vcpu", "rcu-4vcpu"):
            check_browser(*files[name][:2], folder)
    except chromium.NoBrowser as reason:
        print(f"skipped: timelines in a browser: {reason}")


check_bad()
with tempfile.TemporaryDirectory() as folder:
    test(folder)
close()
