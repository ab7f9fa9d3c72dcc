#!/usr/bin/env python3
"""Compare the event engine with its peers: hold model, one core, in one run.

    run.py OUT LIBRARY      OUT is the build folder, LIBRARY our libvmcycle.a

Installs each peer's Debian packages through tests/deps.sh, builds it into
OUT/bench/peers and lets all run in turns. A peer that cannot be had is named
and left out. Columns: ns an event, and how often ours fits into theirs.
"""
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path("bench/peers")
ROUNDS = 3
POINTS = [("small", 64), ("small", 4096), ("small", 262144),
          ("exponential", 64), ("exponential", 4096), ("exponential", 262144)]
OUT = pathlib.Path(sys.argv[1]) / "bench" / "peers"
LIBRARY = sys.argv[2]


def sh(*words, timeout=1800):
    return subprocess.run([str(w) for w in words], capture_output=True,
                          text=True, timeout=timeout)


def pkg_config(module):
    return sh("pkg-config", "--cflags", "--libs", module).stdout.split()


def build(compiler, source, *flags):
    target = OUT / pathlib.Path(source).stem
    done = sh(*compiler, "-O2", "-Ilib", "-I.", HERE / source, *flags, "-lm",
              "-o", target)
    if done.returncode != 0:
        raise RuntimeError(f"{source} does not build: {done.stderr[:400]}")
    return [target]


def ours():
    return build(["cc", "-std=gnu11"], "hold_vmcycle.c", LIBRARY)


def systemc():
    flags = pkg_config("systemc") or ["-lsystemc"]
    return build(["g++", "-std=c++17"], "hold_systemc.cc", *flags)


def ns3():
    found = sh("pkg-config", "--list-all").stdout.split()
    module = next((m for m in found
                   if m.startswith(("libns3", "ns3")) and m.endswith("core")),
                  None)
    if module is None:
        raise RuntimeError("pkg-config knows no ns-3 core module")
    return build(["g++", "-std=c++17"], "hold_ns3.cc", *pkg_config(module))


def ns3_priority_queue():
    return Command(ns3(), "ns3::PriorityQueueScheduler")


def simpy():
    python = "/usr/bin/python3"  # the one that Debian's packages are for
    if sh(python, "-c", "import simpy").returncode != 0:
        raise RuntimeError(f"{python} finds no simpy")
    return [python, HERE / "hold_simpy.py"]


class Command(list):
    """A command with words that follow the arguments."""

    def __init__(self, words, *tail):
        super().__init__(words)
        self.tail = tail


# Name, packages, how to get a command, events a batch.
PEERS = [
    ("vmcycle", [], ours, 1000000),
    ("SystemC sc_event_queue", ["g++", "libsystemc-dev"], systemc, 400000),
    ("ns-3 Simulator, map", ["g++", "libns3-dev", "libgsl-dev"], ns3, 400000),
    ("ns-3 Simulator, priority queue", ["g++", "libns3-dev", "libgsl-dev"],
     ns3_priority_queue, 400000),
    ("SimPy process timeout", ["python3-simpy3"], simpy, 60000),
]


def prepare():
    """The commands of those peers that can be had."""
    ready = []
    for name, packages, make, events in PEERS:
        done = sh("sh", "tests/deps.sh", *packages)
        try:
            if done.returncode != 0:
                raise RuntimeError("cannot install " + " ".join(packages))
            ready.append((name, make(), events))
        except RuntimeError as why:
            print(f"# without {name}: {why}", flush=True)
    return ready


def measure(command, held, events, distribution):
    tail = getattr(command, "tail", ())
    done = sh(*command, held, max(events, 2 * held if events > 60000 else 0),
              distribution, *tail)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[:400]}")
    return float(done.stdout.split()[-1])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    peers = prepare()
    print(f"# hold model, one core: ns an event, median of {ROUNDS} rounds in "
          "turns (times ours)")
    print(f"{'':30s}" + "".join(f"{d[:5]:>9s} {h:>8d}" for d, h in POINTS))
    figures = {name: [] for name, _, _ in peers}
    for distribution, held in POINTS:
        samples = {name: [] for name, _, _ in peers}
        for _ in range(ROUNDS):
            for name, command, events in peers:
                samples[name].append(
                    measure(command, held, events, distribution))
        for name in samples:
            figures[name].append(statistics.median(samples[name]))
    for name, row in figures.items():
        cells = "".join(f"{ns:9.1f} {'(' + format(ns / own, '.1f') + ')':>8s}"
                        for ns, own in zip(row, figures["vmcycle"]))
        print(f"{name:30s}{cells}", flush=True)


main()
