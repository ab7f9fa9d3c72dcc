"""Bad input: one clear line that names the place, exit status 2, nothing kept.

Every row breaks one thing.
"""
import pathlib
import struct
import subprocess
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

TRACE = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"
META = ROOT / "traces/eiointc-4vcpu.meta"


def refuse(what, words, *args, **options):
    """The program must refuse @args with one line that holds @words."""
    run = vmcycle(*args, **options)
    check_equal(run.returncode, 2, f"{what}: exit status")
    lines = [l for l in run.stderr.splitlines() if l.startswith("vmcycle")]
    check_equal(len(lines), 1, f"{what}: one line, not {run.stderr!r}")
    for word in words:
        check(word in run.stderr, f"{what}: {run.stderr!r} names {word!r}")
    return run


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)

    def write(file, data):
        path = folder / file
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    text = subprocess.run(["zstd", "-dcq", TRACE], capture_output=True,
                          check=True).stdout
    native = folder / "good.vmct"
    vmcycle("import", TRACE, "-o", native)
    good = native.read_bytes()

    # Traces
    refuse("no such file", ["none.log", "No such file"], "replay",
           folder / "none.log")
    refuse("a folder", [str(folder), "directory"], "replay", folder)
    refuse("an empty file", ["line 1", "empty"], "replay", write("e.log", ""))
    refuse("a text that is no trace", ["line 1", "QEMU log"], "replay",
           write("x.log", "once upon a time\n" * 100))
    refuse("wrong magic", ["line 1", "expected"], "info",
           write("m.vmct", b"VMCX" + good[4:]))
    refuse("a future version", ["offset 4", "version 9"], "info",
           write("v.vmct", good[:4] + struct.pack("<I", 9) + good[8:]))
    refuse("a damaged header", ["offset 12", "checksum"], "info",
           write("h.vmct", good[:30] + b"\0" + good[31:]))
    middle = len(good) // 2
    refuse("a damaged block", ["offset", "checksum of a block", "good"],
           "info", write("b.vmct", good[:middle] +
                         bytes([good[middle] ^ 1]) + good[middle + 1:]))
    refuse("cut in a block", ["offset", "cut short"], "info",
           write("c.vmct", good[:middle]))
    refuse("cut before the summary", ["cut short"], "info",
           write("s.vmct", good[:-20]))
    packed = TRACE.read_bytes()
    refuse("cut compressed text", ["t.log.zst", "cut short"], "replay",
           write("t.log.zst", packed[:len(packed) // 2]))
    refuse("damaged compressed text", ["d.log.zst", "damaged"], "replay",
           write("d.log.zst", packed[:5000] + b"\xff" * 50 + packed[5050:]))

    # What stands beside them
    log = write("good.log", text[:200000])
    refuse("no such .meta", ["none.meta"], "replay", log, "--meta",
           folder / "none.meta")
    refuse("a .meta that is none", ["bad.meta:2:", "key = value"], "replay",
           log, "--meta", write("bad.meta", "vcpus = 4\nnonsense\n"))
    refuse("too many vCPUs", ["vcpus = 257"], "replay", log, "--meta",
           write("n.meta", "vcpus = 257\n"))
    refuse("vCPUs that are no number", ["vcpus", "four"], "replay", log,
           "--meta", write("f.meta", "vcpus = four\n"))
    refuse("a thread of no vCPU", ["vcpu_threads", "7:4"], "replay", log,
           "--meta", write("t.meta", "vcpus = 4\nvcpu_threads = 7:4\n"))
    refuse("a thread list that is none", ["vcpu_threads", "THREAD:VCPU"],
           "replay", log, "--meta",
           write("l.meta", "vcpus = 4\nvcpu_threads = 7\n"))
    refuse("an unknown controller", ["extioi", "apic"], "replay", log,
           "--meta", write("a.meta", "extioi = apic\n"))
    refuse("unknown semantics", ["semantics", "xen"], "replay", log,
           "--semantics", "xen")

    # Profiles
    refuse("no such profile", ["profile 'none'"], "replay", log, "--profile",
           "none")
    unit = (ROOT / "profiles/unit.ini").read_text()
    refuse("an unknown profile key", ["line", "[router]", "'width'"],
           "replay", log, "--profile",
           write("k.ini", unit.replace("[pin]", "width = 1 ; x\n[pin]")))
    refuse("a missing profile key", ["lacks", "'hop'"], "replay", log,
           "--profile", write("l.ini", "\n".join(
               l for l in unit.splitlines() if not l.startswith("hop"))))
    refuse("a number without a source", ["n.ini:", "no source"], "replay",
           log, "--profile", write("n.ini", unit.split(";")[0] +
                                   "\n[pin]\nlatency = 1 ns\n"))
    refuse("a --set of nothing", ["router.width=1"], "replay", log, "--set",
           "router.width=1")

    # Options
    for what, args in [("an unknown option", ["replay", "--nope"]),
                       ("no trace", ["replay"]),
                       ("two traces", ["replay", "a", "b"]),
                       ("import without output", ["import", log]),
                       ("a limit that is no number",
                        ["dump", log, "--limit", "ten"])]:
        run = vmcycle(*args)
        check_equal(run.returncode, 2, f"{what}: exit status")
        check(run.stderr.startswith("vmcycle"), f"{what}: says so")

    for args, words in [
            (["replay", "a", "b"], "one trace at a time"),
            (["replay", "a"] + 65 * ["--set", "x.y=1"],
             "more than 64 times --set"),
            (["balloon", "--iteration", "4294967296"],
             "--iteration '4294967296': expected 0 to 4294967295"),
            (["balloon", "--guest", "many"],
             "--guest 'many': expected a size, as 64K or 2M"),
            (["balloon", "--page-size", "4G"],
             "--page-size '4G': expected at most 4294967295 bytes"),
            (["compare", "--dispatch", "all", "a", "--copies", "0"],
             "--copies '0': expected 1 to"),
            (["sweep", "a", "-o", "b", "--jobs", "257"],
             "--jobs '257': expected 1 to 256")]:
        run = vmcycle(*args)
        check_equal(run.returncode, 2, f"{args}: exit status")
        check(words in run.stderr, f"{args}: {words!r} in {run.stderr!r}")

    # Output that cannot be written leaves nothing behind.
    refuse("an output folder that is none", ["none/out.vmct"], "import", log,
           "-o", folder / "none/out.vmct")
    run = vmcycle("replay", log, "--meta", META, "--json", "/dev/full")
    check(run.returncode == 2, "a full disk exits 2")
    check(list(folder.glob("*.part")) == [], "no half file is left")

    # Damage ends a trace, and what came before it is still told.
    cut = folder / "c.vmct"
    big = folder / "big.vmct"
    vmcycle("import", ROOT / "traces/balloon-1g-2vcpu.qemu.log.zst", "-o", big)
    data = big.read_bytes()
    cut.write_bytes(data[:int(len(data) * 0.8)])
    run = vmcycle("info", cut)
    check_equal(run.returncode, 2, "a cut trace exits")
    check("65536" in run.stderr or "whole records" in run.stderr,
          f"a cut trace says what is whole: {run.stderr!r}")
    check("records" in run.stdout, "a cut trace still yields its table")
close()
