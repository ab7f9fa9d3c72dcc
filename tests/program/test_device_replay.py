"""vmcycle device --replay: a recorded guest against device processes.

The counts come from the text of the recording, by a pattern here; the device
is a child of ours, the example in Python, a listening process, or one that
misbehaves.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

TRACE = "traces/kvm-bios-pc.ftrace.txt.zst"
EXAMPLE = "exec python3 examples/device/cmos.py"
TIMEOUT = 120
os.chdir(ROOT)

text = subprocess.run(["zstd", "-dcq", TRACE], capture_output=True,
                      check=True).stdout.decode()
pio = [(m[1], int(m[2], 16), int(m[4]), int(m[5], 16)) for m in re.finditer(
    r"kvm_pio: pio_(read|write) at 0x(\w+) size (\d) count (\d+) val 0x(\w+)",
    text)]
elements = collections.Counter()
for verb, _, count, _ in pio:
    elements[verb] += count
mmio = collections.Counter(
    re.findall(r"kvm_mmio: mmio (read|write|unsat)", text))


def replay(*options, status=0, **more):
    """The JSON of a replay; what it says must end with @status."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "out.json")
        run = vmcycle("device", "--replay", TRACE, "--json", path, *options,
                      timeout=TIMEOUT, **more)
        check_equal(run.returncode, status, f"{options}: {run.stderr}")
        return json.loads(path.read_text())


# ---- Everything, over each kind of descriptor ----------------------------------
for transport in ("stream", "seqpacket", "pipes"):
    found = replay("-r", "0:65536:ram", "--transport", transport)
    check_equal(found["recorded"], len(pio) + mmio["read"] + mmio["write"],
                f"{transport}: accesses of the recording")
    check_equal((found["reads"], found["writes"]),
                (elements["read"] + mmio["read"],
                 elements["write"] + mmio["write"]), f"{transport}: made")
    check_equal(found["served"], found["reads"] + found["writes"],
                f"{transport}: served")
    check_equal((found["elsewhere"], found["unfit"], found["causes"]),
                (0, 0, {}), f"{transport}: nothing else")
    check_equal(found["round_trip_ns"]["count"], found["served"],
                f"{transport}: times")

# ---- A range, by the program's registers and by the example ----------------------
cmos = [(verb, port, value) for verb, port, _, value in pio
        if port in (0x70, 0x71)]
index, memory, equal = 0, [0] * 128, 0
for verb, port, value in cmos:
    if verb == "write" and port == 0x70:
        index = value & 0x7f
    elif verb == "write":
        memory[index] = value
    else:
        equal += value == (memory[index] if port == 0x71 else 0)
counts = collections.Counter(verb for verb, _, _ in cmos)
for options in (["examples/device/cmos.txt"], ["--exec", EXAMPLE],
                ["--exec", EXAMPLE, "--transport", "seqpacket"],
                ["--exec", EXAMPLE, "--transport", "pipes", "--posted"]):
    found = replay("--range", "0x70-0x71", *options)
    check_equal((found["reads"], found["writes"], found["served"]),
                (counts["read"], counts["write"], len(cmos)), options)
    check_equal(found["elsewhere"], found["recorded"] - len(cmos), options)
    if "--exec" in options:
        check_equal(found["reads_equal"], equal, f"{options}: answers")

# ---- Regions are told apart by user_data ------------------------------------------
with tempfile.TemporaryDirectory() as folder:
    device = pathlib.Path(folder, "device.txt")
    ranges = pathlib.Path(folder, "ranges.txt")
    out = pathlib.Path(folder, "device.json")
    device.write_text("window 0\n0 4 tally 0 debug\n"
                      "window 1\n0 4 tally 0 address\n"
                      "window 2\n0 16384 ram\n")
    ranges.write_text("0x402-0x402 debug\n0xcf8-0xcfb pci\n"
                      "0xb8000-0xbbfff vga # text\n")
    command = (f"exec {PROGRAM} device --read-fd 3 --write-fd 4 "
               f"--json {out} {device}")
    found = replay("--range-file", ranges, "--exec", command)
    check_equal(found["failed"], 0, "three regions")
    registers = json.loads(out.read_text())["registers"]
    check_equal(registers["debug"],
                sum(c for v, p, c, _ in pio if p == 0x402 and v == "write"),
                "writes to the debug port")
    check_equal(registers["address"],
                sum(c for v, p, c, _ in pio if p == 0xcf8 and v == "write"),
                "writes to the address of PCI")

    # ---- Many vCPUs on one descriptor -------------------------------------------
    device.write_text("window 0\n0 4 tally 0 debug\n")
    found = replay("--range", "0x402-0x402", "--vcpus", 8, "--exec", command)
    check_equal(found["served"], 8 * sum(c for _, p, c, _ in pio
                                         if p == 0x402), "eight vCPUs")
    counts = json.loads(out.read_text())
    check_equal(counts["commands"], found["served"], "no command twice")
    check_equal(counts["batch_max"], 1, "commands and answers take turns")

    # ---- A device that listens ----------------------------------------------------
    where = pathlib.Path(folder, "socket")
    for option, transport in ((), "stream"), (("--packets",), "seqpacket"):
        server = subprocess.Popen(
            [PROGRAM, "device", "--listen", str(where), "--once", *option,
             "-r", "0:2:rw"], stdout=subprocess.PIPE, text=True)
        server.stdout.readline()
        found = replay("--range", "0x70-0x71", "--connect", where,
                       "--transport", transport)
        check_equal(found["served"], len(cmos), f"--connect: {transport}")
        server.communicate(timeout=TIMEOUT)
        check_equal(server.returncode, 0, f"--connect: {transport}: device")

# ---- An echo: bit 0 of byte 8 is FAILED where there is such a bit --------------
TWO = ("--range", "0x402-0x402", "--range", "0x70-0x71", "--exec",
       "exec cat <&3 >&4")
debug = sum(c for _, p, c, _ in pio if p == 0x402)
for protocol, causes in (("r3", {}), ("r1", {}), ("h", {"device": len(cmos)})):
    found = replay(*TWO, "--protocol", protocol, status=1 if causes else 0)
    check_equal((found["served"], found["causes"]),
                (debug + len(cmos) - sum(causes.values()), causes), protocol)

# ---- What goes wrong -----------------------------------------------------------------
PORTS = ("--range", "0x70-0x71", "-r", "0:2:rw")
made = len(cmos)
for options, served, causes in (
        (("--exit-after", 100), 99, {"eof": 1, "dead": made - 100}),
        (("--answer", "long", "--spoil", 50, "--transport", "seqpacket"), 49,
         {"protocol": 1, "dead": made - 50}),
        (("--answer", "short", "--spoil", 50, "--delay", 1000), made, {}),
        (("--answer", "failed", "--spoil", 50), made - 1, {"device": 1}),
        (("--answer", "late", "--spoil", 50, "--delay", 1000), made, {}),
        (("--flip-nonblock", 50), made, {})):
    found = replay(*PORTS, *options, status=0 if not causes else 1)
    check_equal((found["served"], found["causes"]), (served, causes), options)
found = replay(*PORTS, "--answer", "twice", "--spoil", 50, status=1)
# Nobody asked for the second answer. When that shows depends on whether it is
# there before the next command is sent or after it.
check(50 <= found["served"] < made and found["causes"].get("protocol") == 1 and
      found["served"] + found["failed"] == made, f"twice: {found}")
found = replay(*PORTS, "--answer", "never", "--spoil", 400, "--timeout", 50,
               status=1)
check(found["served"] <= 399 and set(found["causes"]) == {"timeout"},
      f"never: {found['causes']}")
found = replay("--range", "0x70-0x71", "--exec", "exit 3", status=1)
check_equal((found["served"], found["failed"]), (0, made), "no device at all")

for bad, why in ((("--connect", "/nonexistent/socket"), "/nonexistent/socket"),
                 (("-r", "0:1:rw", "--range", "0x9999-0x9999"), "no access"),
                 (("-r", "0:1:rw", "--range", "9"), "range '9'"),
                 (("-r", "0:1:rw", "--transport", "tcp"), "--transport"),
                 (("-r", "0:1:rw", "--vcpus", "65"), "--vcpus"),
                 (("--connect", "x", "--transport", "pipes"), "--connect"),
                 (("--connect", "x", "--exec", "y"), "--connect"),
                 (("-r", "0:1:rw", "--listen", "x"), "--replay"), ((), "FILE")):
    run = vmcycle("device", "--replay", TRACE, *bad)
    check_equal(run.returncode, 2, bad)
    check(why in run.stderr, f"{bad}: {run.stderr}")
run = vmcycle("device", "--replay", "/nonexistent", "-r", "0:1:rw")
check_equal(run.returncode, 2, "no trace")
run = vmcycle("device", "--connect", "x")
check_equal(run.returncode, 2, "--connect without a replay")
close()
