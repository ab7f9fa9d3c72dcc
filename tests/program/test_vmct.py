"""A second reader of the native format, written from lib/trace/format.md.

It shares nothing with the program and must print what "vmcycle dump" prints.
"""
import pathlib
import re
import struct
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

MASK = (1 << 64) - 1


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xff] ^ crc >> 8
    return crc ^ 0xffffffff


def table_entry(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
    return byte


TABLE = [table_entry(i) for i in range(256)]


def kinds():
    """Names, argument counts and places of texts, as format.md lists them."""
    page = (ROOT / "lib/trace/format.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (\d+) \| ([\d, -]+) \|", page,
                      re.M)
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    return [None] + [(name, int(count), set(map(int, re.findall(r"\d+", texts))))
                     for _, name, count, texts in rows]


KINDS = kinds()


def unpack(data):
    return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True,
                          check=True).stdout


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.data), "past the end"
        return self.data[self.at - count:self.at]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.take(8))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)


def quoted(text):
    return '"%s"' % "".join(
        chr(c) if 0x20 <= c < 0x7f and c not in b'"\\'
        else "\\" + chr(c) if c in b'"\\' else f"\\x{c:02x}" for c in text)


def records_of(block, count, new_texts, texts, time, line):
    body = Bytes(block)
    for _ in range(new_texts):
        texts.append(body.take(body.varint()))
    last = {}
    thread = cpu = flags = 0
    for _ in range(count):
        kind, marks = body.take(2)
        name, arg_count, text_args = KINDS[kind]
        thread = thread if marks & 1 else body.varint()
        line = line + 1 if marks & 2 else line + body.zigzag()
        if not marks & 4:
            cpu, flags = body.take(2)
        time = time if marks & 8 else time + body.varint()
        args = last.setdefault(kind, [0] * arg_count)
        for i in range(arg_count):
            args[i] = args[i] + body.zigzag() & MASK
        yield " ".join(map(str, [time, line, thread, cpu, flags, name] +
                           [quoted(texts[a]) if i in text_args
                            else hex(a) if a else "0"
                            for i, a in enumerate(args)]))
    assert body.at == len(block), "bytes behind the last record"


def read(path):
    """All records of a .vmct as dump prints them, and its metadata."""
    file = Bytes(path.read_bytes())
    assert file.take(4) == b"VMCT" and file.u32() == 1
    meta_bytes, crc = file.u32(), file.u32()
    meta = file.take(meta_bytes)
    assert crc32c(file.data[:12] + meta) == crc, "header"
    lines, texts = [], [b""]
    while (tag := file.take(4)) == b"VBLK":
        start = file.at - 4
        count, raw, packed = file.u32(), file.u32(), file.u32()
        time, line, new, crc = file.u64(), file.u64(), file.u32(), file.u32()
        data = file.take(packed)
        assert crc32c(file.data[start:start + 36] + data) == crc, "block"
        block = unpack(data)
        assert len(block) == raw
        lines += records_of(block, count, new, texts, time, line)
    assert tag == b"VSUM"
    start = file.at - 4
    raw, packed, crc = file.u32(), file.u32(), file.u32()
    data = file.take(packed)
    assert crc32c(file.data[start:start + 12] + data) == crc, "summary"
    summary = Bytes(unpack(data))
    assert summary.varint() == len(lines), "records"
    assert file.take(4) == b"VEND"
    crc, offset = file.u32(), file.take(8)
    assert crc32c(offset) == crc
    assert struct.unpack("<Q", offset)[0] == start
    assert file.at == len(file.data)
    return lines, meta.decode()


with tempfile.TemporaryDirectory() as folder:
    for name in ("eiointc-4vcpu.qemu.log", "kvm-bios-pc.ftrace.txt",
                 "rcu-4vcpu.ftrace.txt"):
        native = pathlib.Path(folder, name + ".vmct")
        source = ROOT / f"traces/{name}.zst"
        check_equal(vmcycle("import", source, "-o", native).returncode, 0,
                    f"{name}: import exits")
        found, meta = read(native)
        dump = vmcycle("dump", source).stdout.splitlines()
        check_equal(len(found), len(dump), f"{name}: records")
        check(found == dump, f"{name}: every record is the same")
        check("start_ns = " in meta, f"{name}: metadata is inside")
        info = vmcycle("info", native)
        check_equal(info.returncode, 0, f"{name}: info exits")

    # Parts of a dump
    source = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"
    dump = vmcycle("dump", source).stdout.splitlines()
    part = vmcycle("dump", source, "--skip", 100, "--limit", 7).stdout
    check_equal(part.splitlines(), dump[100:107], "--skip and --limit")
    part = vmcycle("dump", source, "--kind", "loongarch_msi_set_irq").stdout
    check_equal(part.splitlines(), [l for l in dump if " loongarch_msi_" in l],
                "--kind")
close()
