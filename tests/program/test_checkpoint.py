"""A replay that is stopped and resumed anywhere gives the same bytes."""
import functools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

from harness import PROGRAM, ROOT, VARIANT, check, check_equal, close, vmcycle

CHECKPOINTS = 20
# Where each replay takes many times as long, fewer are resumed.
IS_SLOW = VARIANT in ("sanitize", "coverage", "debug")
TRACES = sorted(ROOT.glob("traces/*.zst"))
IRQ = ROOT / "traces/eiointc-4vcpu.qemu.log.zst"
BUS = ROOT / "traces/kvm-bios-pc.ftrace.txt.zst"
# Pictures are made from the rows by gnuplot, which is what would take longest:
# without it on the path there are the rows, the page and the JSON.
PLAIN = {**os.environ, "PATH": ""}
# Other builds of these very sources, if there are any.
NEWEST = max(p.stat().st_mtime for f in ("lib", "sim")
             for p in (ROOT / f).rglob("*.[ch]"))
BUILDS = [p for p in ROOT.glob("build/*/vmcycle")
          if p.resolve() != pathlib.Path(PROGRAM).resolve()
          and p.stat().st_mtime > NEWEST
          and p.parent.name in ("release", "debug", "clang", "sanitize")]


def files_of(folder):
    """Everything that was written: bytes by name."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@functools.lru_cache(maxsize=None)
def duration_ns(trace):
    for line in vmcycle("info", trace).stdout.splitlines():
        if line.startswith("duration_ns"):
            return int(line.split()[1])
    return 0


def replay(folder, trace, *options, program=PROGRAM, environment=PLAIN,
           outputs=("--vcd", "--perfetto"), stdin=None):
    """Replay into @folder, with all outputs there are. Returns the exit status,
    both streams and what the folder then holds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    words = ["--json", folder / "result.json", "--report", folder / "report"]
    for output in outputs:
        words += [output, folder / output.strip("-")]
    done = subprocess.run([program, "replay", trace, *map(str, words),
                           *map(str, options)], capture_output=True,
                          text=True, env=environment, timeout=600,
                          stdin=stdin, check=False)
    return done.returncode, done.stdout, done.stderr, files_of(folder)


def spread(found, count):
    """@count of @found, the first and the last among them."""
    return [found[i * (len(found) - 1) // (count - 1)] for i in range(count)]


def check_same(found, expected, what):
    status, out, err, files = found
    good = check_equal(status, expected[0], f"{what}: exit status ({err})")
    good &= check(out == expected[1], f"{what}: the table")
    good &= check_equal(sorted(files), sorted(expected[3]), f"{what}: files")
    for name, content in expected[3].items():
        good &= check(files.get(name) == content, f"{what}: {name}")
    return good


def make_checkpoints(work, trace, *options):
    """Replay @trace without and with checkpoints. Returns the outcome and 20
    checkpoints, more than which are made because times without a record have
    none."""
    whole = replay(work / "whole", trace, *options)
    every = f"{duration_ns(trace) // (3 * CHECKPOINTS)}ns"
    watched = replay(work / "watched", trace, *options, "--checkpoint-every",
                     every, "--checkpoint", work / "checkpoints")
    check_same(watched, whole, f"{trace.name}: with checkpoints")
    found = sorted((work / "checkpoints").glob("[0-9]*.ckpt"))
    check(len(found) >= CHECKPOINTS, f"{trace.name}: {len(found)} checkpoints")
    check(not list((work / "checkpoints").glob("*.part")), "none is half")
    return whole, found


def check_trace(work, trace):
    whole, found = make_checkpoints(work, trace)
    is_large = trace.stat().st_size > 1 << 20
    count = CHECKPOINTS if not IS_SLOW else 2 if is_large else 5
    for checkpoint in spread(found, count):
        what = f"{trace.name} from {checkpoint.name}"
        check_same(replay(work / "again", trace, "--resume", checkpoint),
                   whole, what)
    return whole, found


def check_other_builds(work, trace, whole, found):
    """A checkpoint of this build, resumed by each other one that was made."""
    middle = found[len(found) // 2]
    every = f"{duration_ns(trace) // (3 * CHECKPOINTS)}ns"
    for program in BUILDS:
        build = program.parent.name
        more = work / f"more-{build}"
        done = replay(work / "again", trace, "--resume", middle,
                      "--checkpoint-every", every, "--checkpoint", more,
                      program=program)
        check_same(done, whole, f"resumed by {build}")
        check(all(p.read_bytes() == (more / p.name).read_bytes()
                  for p in found if p.name > middle.name),
              f"checkpoints of {build}")


def check_info(work, trace, checkpoint):
    """What a checkpoint says of itself."""
    run = vmcycle("info", checkpoint, "--json", work / "info.json")
    check_equal(run.returncode, 0, f"info: {run.stderr}")
    info = json.loads((work / "info.json").read_text())
    check_equal(info["format"], "checkpoint", "info: format")
    every = duration_ns(trace) // (3 * CHECKPOINTS)
    check_equal(info["time_ns"] // every, int(checkpoint.stem), "info: time")
    lines = [line.split() for line in vmcycle("dump", trace).stdout.splitlines()]
    check_equal(info["time_ns"], int(lines[info["records"]][0]),
                "info: the record to come")
    check(int(lines[info["records"] - 1][0]) < int(checkpoint.stem) * every,
          "info: the record before")
    check_equal(info["terms"]["semantics"], "qemu", "info: semantics")
    check_equal(info["terms"]["--vcd"], "yes", "info: --vcd")
    check("--perfetto" in run.stdout and "records" in run.stdout, "info: table")
    bad = work / "bad.ckpt"
    bad.write_bytes(checkpoint.read_bytes()[:-1])
    run = vmcycle("info", bad)
    check_equal(run.returncode, 2, "info: damaged")
    check("is cut short" in run.stderr, f"info: says {run.stderr!r}")


def check_refused(work, trace, file, what, *options, program=PROGRAM):
    """@file is refused with exit 2 and one line that says @what; nothing is
    written."""
    status, out, err, files = replay(work / "again", trace, "--resume", file,
                                     *options, program=program)
    check_equal(status, 2, f"{what}: exit status")
    check(what in err and err.count("\n") == 1, f"{what}: says {err!r}")
    check_equal(out, "", f"{what}: prints")
    check_equal([name for name in files], [], f"{what}: writes")


def check_damage(work, trace, checkpoint):
    whole = checkpoint.read_bytes()
    bad = work / "bad.ckpt"
    for at in (7, 8, 12, 16, 32, len(whole) // 2):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        bad.write_bytes(damaged)
        check_refused(work, trace, bad,
                      "is no checkpoint" if at < 8 else
                      "format" if at < 12 else
                      "byte order" if at < 16 else
                      "bytes, expected" if at < 24 else "is damaged")
    for size in (30, len(whole) - 1):
        bad.write_bytes(whole[:size])
        check_refused(work, trace, bad, "is cut short")
    bad.write_bytes(whole + b"x")
    check_refused(work, trace, bad, "is damaged")
    bad.write_bytes(b"")
    check_refused(work, trace, bad, "is no checkpoint")
    check_refused(work, trace, trace, "is no checkpoint")
    check_refused(work, trace, work / "missing.ckpt", "cannot open")


def hash128(data, seed):
    """vmc_hash128() of base/hash.h."""
    mask = 2 ** 64 - 1
    k = (0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
         0xd6e8feb86659fd93)

    def fold(x, y):
        return (x * y & mask) ^ (x * y >> 64)

    a, b = seed ^ k[0], seed ^ k[1] ^ len(data)
    padded = data + bytes(16 - len(data) % 16)
    for x, y in struct.iter_unpack("<QQ", padded):
        a = (fold(a ^ x ^ k[2], y ^ k[0]) + b) & mask
        b = (fold(b ^ y ^ k[3], x ^ k[1]) + a) & mask
    return fold(a ^ k[3], b ^ k[2]), fold(b ^ k[0], a ^ k[1])


def check_version(work, trace, checkpoint):
    """The same checkpoint, as another version would have written it. Taken
    apart and put together again as checkpoint.h says."""
    whole = checkpoint.read_bytes()
    stored, plain = struct.unpack_from("<QQ", whole, 16)
    check_equal(whole[:12], b"VMCKPT\r\n\1\0\0\0", "magic and format")
    check_equal(stored, len(whole) - 48, "stored length")
    state = subprocess.run(["zstd", "-dc"], input=whole[48:],
                           capture_output=True, check=True).stdout
    check_equal(plain, len(state), "plain length")
    version = vmcycle("version").stdout.split()[1].encode()
    other = b"9" + version[1:]
    for text, what in ((version, None), (other, "was written by vmcycle " +
                                         other.decode())):
        packed = subprocess.run(
            ["zstd", "-c"], input=state.replace(version, text, 1),
            capture_output=True, check=True).stdout
        lengths = struct.pack("<QQ", len(packed), plain)
        seed, _ = hash128(lengths, 1)
        made = work / "made.ckpt"
        made.write_bytes(whole[:16] + lengths +
                         struct.pack("<QQ", *hash128(packed, seed)) + packed)
        if what is None:
            done = replay(work / "again", trace, "--resume", made)
            check_equal(done[0], 0, f"packed by zstd: {done[2]}")
        else:
            check_refused(work, trace, made, what)


def check_misfits(work, checkpoint):
    """Another run than that which wrote it, on IRQ without options."""
    for option, what in (
            (("--set", "pin.latency=5 ns"), "--set was not given there"),
            (("--profile", "3c5000-kvm"), "--profile was not given there"),
            (("--semantics", "kvm"), "semantics was 'qemu' there"),
            (("--no-check",), "check was 'yes' there"),
            (("--range", "0x1000-0x10ff"), "--range was not given there"),
            (("--vcd-signals", "cpu0.*"), "--vcd-signals was not given")):
        check_refused(work, IRQ, checkpoint, what, *option)
    check_refused(work, BUS, checkpoint, "is of another run: format of the")
    run = vmcycle("replay", IRQ, "--resume", checkpoint)
    check_equal(run.returncode, 2, "without the outputs: exit status")
    check("was 'yes' there and is not given here" in run.stderr,
          f"without the outputs: says {run.stderr!r}")


def check_other_traces(work, checkpoint):
    """The same metadata and other records: too few, or others."""
    text = subprocess.run(["zstd", "-dc", IRQ], capture_output=True,
                          check=True).stdout.splitlines(keepends=True)
    meta = IRQ.with_name("eiointc-4vcpu.meta")
    short, other = work / "short.log", work / "other.log"
    short.write_bytes(b"".join(text[:100]))
    check_refused(work, short, checkpoint, "is of another trace: it lies",
                  "--meta", meta)
    other.write_bytes(b"".join(text[:50] + text[51:]))
    check_refused(work, other, checkpoint, "is of another trace: the",
                  "--meta", meta)


def check_profile_numbers(work, trace):
    """A profile whose file has changed since is another one."""
    profile = work / "mine.ini"
    numbers = (ROOT / "profiles/3c5000-qemu.ini").read_text()
    profile.write_text(numbers)
    _, found = make_checkpoints(work, trace, "--profile", profile)
    changed = [f"latency = {n} ns" for n in (1, 2)]
    line = next(l for l in numbers.splitlines() if l.startswith("latency"))
    profile.write_text(numbers.replace(
        line, changed[0] + " ; assumed" if changed[0] not in line else
        changed[1] + " ; assumed", 1))
    check_refused(work, trace, found[-1], "numbers of the profile",
                  "--profile", profile)


def check_options(work, trace, whole, found):
    """Resumed runs make checkpoints too, and may read from a pipe."""
    middle = found[len(found) // 2]
    every = f"{duration_ns(trace) // (3 * CHECKPOINTS)}ns"
    done = replay(work / "again", trace, "--resume", middle,
                  "--checkpoint-every", every, "--checkpoint", work / "more")
    check_same(done, whole, "resumed, with checkpoints")
    more = sorted((work / "more").iterdir())
    check_equal([p.name for p in more],
                [p.name for p in found if p.name > middle.name],
                "the checkpoints of the rest")
    check(all(p.read_bytes() == (middle.parent / p.name).read_bytes()
              for p in more), "they are those of the whole run")
    with subprocess.Popen(["zstd", "-dc", trace],
                          stdout=subprocess.PIPE) as pipe:
        done = replay(work / "again", "-", "--meta",
                      trace.with_name(trace.name.split(".")[0] + ".meta"),
                      "--resume", more[0], stdin=pipe.stdout)
    check_equal(done[0], whole[0], f"from a pipe: {done[2]}")
    for name, content in whole[3].items():
        if "json" not in name and "html" not in name:  # they name the input
            check(done[3].get(name) == content, f"from a pipe: {name}")
    for options, what in (
            (("--checkpoint-every", "1ms"), "needs --checkpoint DIR"),
            (("--checkpoint-every", "5", "--checkpoint", work / "c"), "no time"),
            (("--checkpoint-every", "5ps", "--checkpoint", work / "c"), "1 ns"),
            (("--checkpoint-every", "often", "--checkpoint", work / "c"),
             "often"),
            (("--checkpoint", trace), "is no folder")):
        run = vmcycle("replay", trace, *options)
        check_equal(run.returncode, 2, f"{what}: exit status")
        check(what in run.stderr, f"{what}: says {run.stderr!r}")


def check_ways(work):
    """What no recorded trace has: accesses in the kernel whose end is known, and
    region file descriptors; a checkpoint after each line."""
    ended = " info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0"
    events = [f"kvm_exit: vcpu 0 reason IO_INSTRUCTION rip 0x10{ended}",
              "kvm_pio: pio_write at 0x20 size 1 count 1 val 0x11 ",
              "kvm_entry: vcpu 0, rip 0x11",
              f"kvm_exit: vcpu 0 reason EPT_MISCONFIG rip 0x14{ended}",
              "kvm_mmio: mmio write len 4 gpa 0xfe000000 val 0x1",
              "kvm_ioregionfd_cmd: write bus mmio gpa 0xfe000000 len 4 off 0x0 "
              "data 0x1 user 0x0 resp 1",
              "kvm_ioregionfd_resp: gpa 0xfe000000 data 0x0 lat 8123 ns err 0",
              "kvm_entry: vcpu 0, rip 0x15"]
    log = work / "ways.txt"
    log.write_text("# tracer: nop\n" + "".join(
        f" CPU 0/KVM-42 [000] ..... 1.{10 * i:06}: {event}\n"
        for i, event in enumerate(events * 3)))
    whole = replay(work / "whole", log, "--checkpoint-every", "10us",
                   "--checkpoint", work / "each")
    bus = json.loads(whole[3]["result.json"])["bus"]
    check_equal(bus["ioregionfd_response_ns"]["count"], 3, "responses")
    check_equal(bus["recorded_kernel_ns"]["count"], 6, "in the kernel")
    found = sorted((work / "each").iterdir())
    check_equal(len(found), 3 * len(events) - 1, "a checkpoint for each line")
    for checkpoint in found:
        check_same(replay(work / "again", log, "--resume", checkpoint), whole,
                   f"ways from {checkpoint.name}")


def check_interrupted(work, trace, whole, number, share):
    """A run that a signal ends when it has had @share of its input goes on."""
    text = subprocess.run(["zstd", "-dc", trace], capture_output=True,
                          check=True).stdout
    meta = trace.with_name(trace.name.split(".")[0] + ".meta")
    place = work / "stopped"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    with subprocess.Popen(
            [PROGRAM, "replay", "-", "--meta", meta, "--report", place / "report",
             "--json", place / "json", "--vcd", place / "vcd", "--perfetto",
             place / "perfetto", "--checkpoint", work / "signal"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=PLAIN, text=False) as run:
        run.stdin.write(text[:int(len(text) * share)])
        run.stdin.flush()
        time.sleep(0.2)  # so that it mostly waits; when it does not, no matter
        run.send_signal(number)
        err = run.stderr.read().decode()
        run.wait()
    check_equal(run.returncode, 128 + number, "interrupted: exit status")
    check("--resume " in err, f"interrupted: says {err!r}")
    check_equal([p.name for p in (work / "signal").iterdir()],
                ["interrupted.ckpt"], "interrupted: the checkpoint")
    check_same(replay(work / "again", trace, "--resume",
                      work / "signal/interrupted.ckpt"),
               whole, f"interrupted by {number}")


def check_between(work, trace, first):
    """Lines that belong together, as what sends an IPI and what that writes:
    a checkpoint between them has half of it. Every such place of 200 lines."""
    log, meta = work / "part.log", trace.with_name("eiointc-4vcpu.meta")
    text = subprocess.run(["zstd", "-dc", trace], capture_output=True,
                          check=True).stdout.splitlines(keepends=True)
    log.write_bytes(b"".join(text[first:first + 200]))
    lines = [line.split() for line in vmcycle("dump", log).stdout.splitlines()]
    shutil.rmtree(work / "dense", ignore_errors=True)
    whole = replay(work / "whole", log, "--meta", meta, "--checkpoint-every",
                   "1us", "--checkpoint", work / "dense")
    found = 0
    for line, after in zip(lines, lines[1:]):
        is_half = line[5:7] == ["loongson_ipi_write", "0x40"] or (
            "_irq" in line[5] and "extioi" not in line[5])
        if is_half and line[0] != after[0] and found < (4 if IS_SLOW else 10):
            found += 1
            checkpoint = work / f"dense/{int(after[0]) // 1000:06}.ckpt"
            check_same(replay(work / "again", log, "--meta", meta, "--resume",
                              checkpoint), whole, f"after {' '.join(line)}")
    check(found > 3, f"{found} places between lines")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for number, recorded in enumerate(TRACES):
        place = folder / str(number)
        place.mkdir()
        outcome, checkpoints = check_trace(place, recorded)
        if recorded == IRQ:
            check_other_builds(place, recorded, outcome, checkpoints)
            check_info(place, recorded, checkpoints[3])
            check_damage(place, recorded, checkpoints[3])
            check_version(place, recorded, checkpoints[3])
            check_misfits(place, checkpoints[3])
            for first_line in (250, 20000):
                check_between(place, recorded, first_line)
            for signal_number, part in ((2, 0.7), (15, 0.3), (15, 0.01)):
                check_interrupted(place, recorded, outcome, signal_number, part)
            check_other_traces(place, checkpoints[-1])
        if recorded == BUS:
            check_other_builds(place, recorded, outcome, checkpoints)
            check_options(place, recorded, outcome, checkpoints)
    (folder / "ways").mkdir()
    check_ways(folder / "ways")
    (folder / "profile").mkdir()
    check_profile_numbers(folder / "profile", IRQ)
close()
