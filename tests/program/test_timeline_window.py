"""--perfetto-from and --perfetto-until: what a window shows is what the whole
timeline has there, cut to it."""
import collections
import pathlib
import tempfile

import traceevents
from harness import ROOT, check, check_equal, close, vmcycle



class Seen:
    """A timeline as sets of what it says."""

    def __init__(self, path, problems):
        events = traceevents.read(path.read_text())
        self.labels = [e for e in events if e["ph"] == "M"]
        self.slices = collections.Counter()  # (track, name, begin, end)
        self.instants = collections.Counter()
        self.counters = collections.defaultdict(list)
        self.starts, self.ends = {}, {}  # of arrows: time
        self.ended_early = set()  # arrows whose end stands before the start
        self.last, opened = 0, collections.defaultdict(list)
        for e in events:
            where, ts = (e["pid"], e["tid"]), e["ts"]
            self.last = max(self.last, ts)
            if e["ph"] == "B":
                opened[where].append((e["name"], ts))
            elif e["ph"] == "E":
                self.slices[where, *opened[where].pop(), ts] += 1
            elif e["ph"] == "i":
                self.instants[where, e["name"], ts] += 1
            elif e["ph"] == "C":
                values = self.counters[e["pid"], e["name"]]
                if values and values[-1][0] > ts:
                    problems.append(f"a counter runs back: {e}")
                values.append((ts, e["args"]["value"]))
            elif e["ph"] in "sf":
                if not opened[where]:
                    problems.append(f"an arrow outside of any slice: {e}")
                arrow = e["name"], e["id"]
                (self.starts if e["ph"] == "s" else self.ends)[arrow] = ts
                if arrow not in self.starts:
                    self.ended_early.add(arrow)
        problems += [f"open: {what}" for what in opened.values() if what]


def cut(whole, begin, end):
    """What a window of @whole has to show."""
    slices = collections.Counter()
    for (where, name, b, e), count in whole.slices.items():
        if b < end and e >= begin:
            slices[where, name, max(b, begin), min(e, end)] += count
    instants = {i: n for i, n in whole.instants.items() if begin <= i[2] < end}
    counters = {}
    for counter, values in whole.counters.items():
        before = [v for t, v in values if t < begin]
        shown = ([(begin, before[-1])] if before else []) + \
            [(t, v) for t, v in values if begin <= t < end]
        if shown:
            counters[counter] = shown
    starts = {a: t for a, t in whole.starts.items() if begin <= t < end}
    ends = {a: t for a, t in whole.ends.items() if begin <= t < end and
            (a in starts or a in whole.ended_early)}
    return slices, instants, counters, starts, ends


def compare(whole, command, begin, end, folder):
    what = f"{command[0]} {pathlib.Path(command[1]).name} {begin} to {end} ps"
    path, problems = pathlib.Path(folder, "window.json"), []
    run = vmcycle(*command, "--perfetto", path, "--perfetto-from",
                  f"{begin} ps", "--perfetto-until", f"{end} ps")
    check(run.returncode in (0, 1), f"{what}: {run.stderr}")
    seen = Seen(path, problems)
    slices, instants, counters, starts, ends = cut(whole, begin, end)
    check_equal(problems, [], f"{what}: well-formed")
    check_equal(traceevents.validate(seen.labels), [], f"{what}: labels")
    check(seen.slices == slices, f"{what}: slices: missing "
          f"{list((slices - seen.slices).items())[:3]}, too many "
          f"{list((seen.slices - slices).items())[:3]}")
    check(seen.instants == instants, f"{what}: instants")
    check(seen.counters == counters, f"{what}: counters")
    check(seen.starts == starts and seen.ends == ends, f"{what}: arrows")
    return len(slices)


COMMANDS = [("replay", str(trace))
            for trace in sorted((ROOT / "traces").glob("*.zst"))] + \
    [("balloon", "--guest", "1G", "--move", "64M", "--mechanism", "pfn"),
     ("balloon", "--guest", "1G", "--move", "64M", "--interrupts",
      "3c5000-qemu")]

with tempfile.TemporaryDirectory() as folder:
    for command in COMMANDS:
        path, problems = pathlib.Path(folder, "whole.json"), []
        vmcycle(*command, "--perfetto", path)
        whole = Seen(path, problems)
        check_equal(problems, [], f"{command}: the whole")
        times = sorted(t for s in whole.slices for t in s[2:])
        shown = 0
        for first, last in ((0.2, 0.3), (0.5, 0.501), (0, 0.1), (0.9, 1)):
            begin = times[int(first * (len(times) - 1))]
            end = times[int(last * (len(times) - 1))] + 1
            shown += compare(whole, command, begin, end, folder)
            shown += compare(whole, command, begin + 1, end + 7, folder)
        check(shown > 0, f"{command}: windows are not empty")
        compare(whole, command, 0, whole.last + 1, folder)

    # ---- What is no window ---------------------------------------------------------
    log = COMMANDS[0][1]
    for options, words in (
            (["--perfetto-until", "1s"], "but no --perfetto FILE"),
            (["--perfetto", path, "--perfetto-from", "7"],
             "expected a time with its unit"),
            (["--perfetto", path, "--perfetto-until", "0ns"],
             "nothing is before it"),
            (["--perfetto", path, "--perfetto-from", "2ms",
              "--perfetto-until", "1ms"], "the window of the timeline is empty"),
            (["--perfetto", path, "--perfetto-from", "9000000s"],
             "before --perfetto-from '9000000s'")):
        path.unlink(missing_ok=True)
        run = vmcycle("replay", log, *options)
        check_equal(run.returncode, 2, f"{options}: exit")
        check(words in run.stderr, f"{options}: {run.stderr}")
        check(not path.exists(), f"{options}: no file")
close()
