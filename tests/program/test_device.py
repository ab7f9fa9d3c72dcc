"""vmcycle device: a client that knows only the 32 bytes of the protocol.

It talks to the program over inherited sockets, pipes and a UNIX socket, in
every generation of the protocol, and to every misbehaviour it offers.
"""
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import tempfile

from harness import PROGRAM, check, check_equal, close, vmcycle

REGISTERS = ["--register", "0:8:rw:0x1122334455667788", "-r", "8:8:counter",
             "-r", "16:8:tally:0:tally", "-r", "24:8:sum:0:sum",
             "-r", "0x100:256:ram"]
TIMEOUT = 60  # a safety net; nothing below takes a second


def command(write, width, offset, data=0, answer=True, user=0):
    """32 bytes of generation R3 and H; width is the logarithm."""
    return struct.pack("<BB6xQQQ", write, width | answer << 4, user, offset,
                       data)


class Device:
    """A device process on a socket pair, or on two pipes."""

    def __init__(self, *options, kind=socket.SOCK_STREAM, registers=REGISTERS):
        self.kind = kind
        if kind is None:
            there, self.out = os.pipe()
            self.back, here = os.pipe()
            fds = {there, here}
        else:
            self.sock, other = socket.socketpair(socket.AF_UNIX, kind)
            self.sock.settimeout(TIMEOUT)
            there = here = other.fileno()
            fds = {there}
        self.process = subprocess.Popen(
            [PROGRAM, "device", "--read-fd", str(there), "--write-fd",
             str(here), *registers, *map(str, options)],
            pass_fds=fds, stderr=subprocess.PIPE, text=True)
        if kind is None:
            os.close(there)
            os.close(here)
        else:
            other.close()

    def send(self, data):
        if self.kind is None:
            os.write(self.out, data)
        else:
            self.sock.sendall(data)

    def recv(self, size=32):
        if self.kind is None:
            return os.read(self.back, size)
        return self.sock.recv(size)

    def ask(self, *args, **options):
        self.send(command(*args, **options))
        return self.recv()

    def read(self, offset, width=3):
        return struct.unpack_from("<Q", self.ask(0, width, offset))[0]

    def end(self):
        """Close our side; the exit status, and what it said."""
        if self.kind is None:
            os.close(self.out)
            os.close(self.back)
        else:
            self.sock.close()
        said = self.process.communicate(timeout=TIMEOUT)[1]
        return self.process.returncode, said


for kind, name in ((socket.SOCK_STREAM, "stream"),
                   (socket.SOCK_SEQPACKET, "seqpacket"), (None, "pipes")):
    device = Device("--verbose", kind=kind)
    check_equal(device.read(0), 0x1122334455667788, f"{name}: a register")
    check_equal(device.read(2, 1), 0x5566, f"{name}: a part of one")
    check_equal(len(device.ask(1, 0, 0x101, 0x5a)), 32, f"{name}: a write")
    check_equal(device.read(0x100, 2), 0x5a00, f"{name}: ram")
    for number in range(5):
        device.send(command(1, 3, 24, number, answer=False))
    check_equal(device.read(24), 10, f"{name}: posted writes come first")
    check_equal([device.read(8) for _ in range(3)], [0, 1, 2],
                f"{name}: a counter")
    status, said = device.end()
    check_equal(status, 0, f"{name}: closing is a good end: {said}")
    check("13 commands (7 reads, 6 writes, 5 of them posted), 8 answers" in
          said, f"{name}: counts: {said}")

# ---- A hundred thousand commands, some in one write, checked with a twin ----
random.seed(5)
device = Device(kind=socket.SOCK_STREAM)
ram, total, commands, batch, expected = bytearray(256), 0, 0, [], []
wrong = 0
while commands < 100000:
    width = random.randrange(4)
    size = 1 << width
    offset = random.randrange(257 - size)
    if random.randrange(2):
        data = random.randbytes(size)
        ram[offset:offset + size] = data
        batch.append(command(1, width, 0x100 + offset,
                             int.from_bytes(data, "little"), answer=False))
    else:
        batch.append(command(0, width, 0x100 + offset))
        expected.append(bytes(ram[offset:offset + size]).ljust(32, b"\0"))
    commands += 1
    if len(batch) >= 100 or commands == 100000:
        device.send(b"".join(batch))
        wanted, got = b"".join(expected), b""
        while len(got) < len(wanted):
            more = device.recv(len(wanted) - len(got))
            if not more:
                break
            got += more
        wrong += got != wanted
        batch, expected = [], []
check_equal(wrong, 0, "a hundred thousand commands in batches of a hundred")
check_equal(device.end()[0], 0, "and a good end")

# ---- What is no command ------------------------------------------------------
for name, data in (("31 bytes", b"\0" * 31), ("verb 2", b"\2" + b"\0" * 31),
                   ("a reserved bit", b"\0\x30" + b"\0" * 30),
                   ("a width of 16", b"\0\x14" + b"\0" * 30)):
    device = Device("-v")
    check_equal(device.read(8), 0, f"{name}: a good command before")
    device.send(data)
    if len(data) < 32:
        device.sock.shutdown(socket.SHUT_WR)
    check_equal(device.recv(), b"", f"{name}: it closes")
    status, said = device.end()
    check_equal(status, 1, f"{name}: rejected")
    check("not a command" in said, f"{name}: {said}")

# ---- Misbehaviour --------------------------------------------------------------
def answers(*options, count=3, bytes_wanted=None, kind=socket.SOCK_STREAM):
    """All bytes that come for @count reads of the counter, and the status."""
    device = Device(*options, kind=kind)
    parts = []
    with contextlib.suppress(BrokenPipeError):  # it may end before the last
        for _ in range(count):
            device.send(command(0, 3, 8))
    device.sock.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionResetError):
        while part := device.recv(4096):
            parts.append(part)
    return parts, device.end()[0]


for how, size, packets in (("right", 96, [32, 32, 32]),
                           ("short", 96, [32, 20, 12, 32]),
                           ("cut", 84, [32, 20, 32]),
                           ("long", 112, [32, 48, 32]),
                           ("late", 96, [32, 32, 32]),
                           ("twice", 128, [32, 32, 32, 32]),
                           ("never", 64, [32, 32]),
                           ("failed", 96, [32, 32, 32])):
    options = ["--answer", how, "--spoil", 2, "--delay", 1000]
    parts, status = answers(*options)
    check_equal(sum(map(len, parts)), size, f"--answer {how}: bytes")
    check_equal(status, 0, f"--answer {how}: status")
    parts, status = answers(*options, kind=socket.SOCK_SEQPACKET)
    check_equal([len(p) for p in parts], packets, f"--answer {how}: packets")
    if how == "failed":
        check_equal([p[8] for p in parts], [0, 1, 0], "the FAILED bit")
parts, _ = answers("--answer", "never", count=4)
check_equal(parts, [], "without --spoil every answer is spoilt")
parts, status = answers("--exit-after", 3, count=5)
check_equal((sum(map(len, parts)), status), (64, 0), "--exit-after")
parts, _ = answers("--flip-nonblock", 1, count=3)
check_equal(sum(map(len, parts)), 96, "--flip-nonblock does not end it")
device = Device("--fail-unclaimed")
check_equal(device.ask(0, 3, 0x900)[8], 1, "--fail-unclaimed")
check_equal(device.end()[0], 0, "an access to nothing is no violation")

# ---- Generations -------------------------------------------------------------
def of_r1(write, width, offset, data, answer):
    return struct.pack("<IIQQQ", write | width << 4 | answer << 6, 0, 0,
                       offset, data)


def of_p20(write, width, offset, data, answer):
    return struct.pack("<IIQQQ", write | width << 4 | (not answer) << 7, 0,
                       offset, data, 0)


for name, pack in (("r1", of_r1), ("p20", of_p20)):
    device = Device("--protocol", name)
    device.send(pack(1, 3, 24, 40, False) + pack(1, 2, 24, 2, True) +
                pack(0, 3, 24, 0, True))
    got = b""
    while len(got) < 64:
        got += device.recv(64 - len(got))
    check_equal(got[32:36], b"\x2a\0\0\0", f"--protocol {name}")
    check_equal(device.end()[0], 0, f"--protocol {name}: end")

# ---- A file, windows and JSON -------------------------------------------------
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "device.txt")
    path.write_text("# two windows\nwindow 7\n0 4 rw 5 first\n"
                    "window 8\n0 4 rw 6 second\n")
    result = pathlib.Path(folder, "out.json")
    device = Device("--json", result, registers=[str(path)])
    check_equal(device.ask(0, 2, 0, user=7)[0], 5, "window 7")
    check_equal(device.ask(0, 2, 0, user=8)[0], 6, "window 8")
    check_equal(device.ask(0, 2, 0, user=9)[0], 0, "window 9 is not there")
    device.ask(1, 2, 0, 1000, user=8)
    check_equal(device.end()[0], 0, "a file of registers")
    found = json.loads(result.read_text())
    check_equal(found["registers"], {"first": 5, "second": 1000}, "values")
    check_equal((found["commands"], found["unclaimed"]), (4, 1), "counts")

    path.write_text("0 4 rw\n2 4 rw\n")
    run = vmcycle("device", path)
    check_equal(run.returncode, 2, "registers that overlap")
    check(f"{path}:2: two registers overlap" in run.stderr, run.stderr)

    # ---- A UNIX socket --------------------------------------------------------
    def listen(where, *options):
        process = subprocess.Popen(
            [PROGRAM, "device", "--listen", str(where), *REGISTERS, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        check_equal(line, f"listening on {where}\n", "it says when it listens")
        return process

    def connect(where, kind=socket.SOCK_STREAM):
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.settimeout(TIMEOUT)
        sock.connect(str(where))
        return sock

    where = pathlib.Path(folder, "socket")
    process = listen(where)
    for number in range(3):
        with connect(where) as sock:
            sock.sendall(command(0, 3, 8))
            check_equal(sock.recv(32)[0], number, "one after the other")
    run = vmcycle("device", "--listen", where, *REGISTERS)
    check_equal(run.returncode, 2, "a socket that is in use stays")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT)
    check_equal(process.returncode, 128 + signal.SIGTERM, "ended by the signal")
    check(not where.exists(), "the socket is gone with it")

    process = listen(where, "--packets", "--once")
    with connect(where, socket.SOCK_SEQPACKET) as sock:
        sock.send(command(0, 3, 8))
        check_equal(len(sock.recv(4096)), 32, "packets")
    process.communicate(timeout=TIMEOUT)
    check_equal(process.returncode, 0, "--once")
    check(not where.exists(), "and no socket is left")

    process = listen(where)
    process.kill()
    process.communicate(timeout=TIMEOUT)
    check(where.exists(), "a killed process leaves its socket")
    process = listen(where, "--once")
    with connect(where) as sock:
        sock.sendall(command(0, 3, 8))
        check_equal(len(sock.recv(32)), 32, "a stale socket is replaced")
    process.communicate(timeout=TIMEOUT)

    plain = pathlib.Path(folder, "plain")
    plain.write_text("mine")
    run = vmcycle("device", "--listen", plain, *REGISTERS)
    check_equal((run.returncode, plain.read_text()), (2, "mine"),
                "a file that is no socket is not touched")

# ---- Standard input and output ---------------------------------------------------
run = subprocess.run([PROGRAM, "device", *REGISTERS],
                     input=command(0, 3, 8) * 3, capture_output=True,
                     timeout=TIMEOUT)
check_equal([run.stdout[i] for i in (0, 32, 64)], [0, 1, 2], "0 and 1")

# ---- Bad usage ---------------------------------------------------------------
for bad in ((), ("--register", "0:3:rw"), ("--register", "0:4:rw:9:n:x"),
            ("--answer", "wrong", *REGISTERS), ("--batch", "0", *REGISTERS),
            ("--batch", "65", *REGISTERS), ("--protocol", "r4", *REGISTERS),
            ("--spoil", "0", *REGISTERS), ("/nonexistent",),
            ("--read-fd", "77", *REGISTERS), ("--read-fd", "x", *REGISTERS),
            ("--listen", "/tmp/x", "--read-fd", "0", *REGISTERS),
            ("--listen", "/nonexistent/socket", *REGISTERS),
            ("--listen", "/" + "x" * 200, *REGISTERS)):
    run = vmcycle("device", *bad, stdin="")
    check_equal(run.returncode, 2, f"{bad}: {run.stderr}")
    check(run.stderr != "", f"{bad}: says why")
close()
