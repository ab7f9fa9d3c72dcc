"""The buses of a recorded KVM guest: counts as grep makes them on the same text,
ranges, damage, JSON, what-ifs."""
import json
import pathlib
import re
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

TRACE = ROOT / "traces/kvm-bios-pc.ftrace.txt.zst"
TEXT = subprocess.run(["zstd", "-dcq", TRACE], capture_output=True, text=True,
                      check=True).stdout
LINES = TEXT.splitlines()
HISTOGRAM = {"count", "min", "p50", "p90", "p99", "p999", "max", "mean"}
DESIGNS = ["kernel", "ioeventfd", "coalesced", "exit", "process",
           "ioregion-posted", "ioregion-sync"]


def grep(pattern):
    return sum(re.search(pattern, line) is not None for line in LINES)


def run_json(*args):
    """The run, and its JSON; the table of a --json - run is elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "out.json")
        run = vmcycle(*args, "--json", path)
        return run, json.loads(path.read_text()) if path.exists() else {}


def replay(*args):
    run, result = run_json("replay", *args)
    return run, result, result.get("bus", {})


def replay_lines(lines, *args):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log.txt")
        path.write_text("\n".join(lines) + "\n")
        return replay(path, *args)


def same_counts(bus, what):
    for key, pattern in {
            "mmio_reads": r"kvm_mmio: mmio read ",
            "mmio_writes": r"kvm_mmio: mmio write ",
            "pio_reads": r"kvm_pio: pio_read ",
            "pio_writes": r"kvm_pio: pio_write ",
            "userspace_exits": r"kvm_userspace_exit: "}.items():
        check_equal(bus.get(key), grep(pattern), f"{key} of {what}")
    for key, pattern in {
            "mmio_unsatisfied_reads": "unsatisfied-read",
            "interrupt_lines_set": "kvm_set_irq: ",
            "interrupts_acknowledged": "kvm_ack_irq: ",
            "wakeups": "kvm_vcpu_wakeup: ",
            "userspace_exits_io": r"KVM_EXIT_IO \(2\)",
            "userspace_exits_mmio": r"KVM_EXIT_MMIO \(6\)",
            "userspace_exits_restarted": "reason restart"}.items():
        check_equal(bus.get("lines", {}).get(key), grep(pattern),
                    f"{key} of {what}")


def check_replay():
    run, result, bus = replay(TRACE)
    check_equal(run.returncode, 0, "the recorded guest exits")
    check_equal(result["trace"]["unknown_events"], 0, "unknown lines")
    check_equal(result["trace"]["skipped_lines"], 0, "unreadable lines")
    same_counts(bus, "the recording")
    check_equal(bus["mismatches"], 0, "accesses that the model sees otherwise")
    check_equal(bus["first_mismatch"], None, "the first of them")
    for key in ("recorded_exit_ns", "simulated_exit_ns"):
        check_equal(set(bus[key]), HISTOGRAM, f"keys of {key}")
    exits = sum(r["exits"] for r in bus["ranges"])
    check_equal(exits, bus["userspace_exits"]
                - bus["lines"]["userspace_exits_restarted"], "exits of ranges")
    check_equal(bus["simulated_exit_ns"]["count"], exits, "simulated exits")
    check_equal(bus["recorded_exit_ns"]["count"]
                + bus["recorded_exit_bound_ns"]["count"], exits,
                "exits with a time")
    for what in ("reads", "writes"):
        check_equal(sum(r[what] for r in bus["ranges"]),
                    bus[f"mmio_{what}"] + bus[f"pio_{what}"],
                    f"{what} of all ranges")
    check(all(r["kernel"] + r["exits"] == r["reads"] + r["writes"]
              for r in bus["ranges"]), "each access exits or does not")
    check_equal(bus["recorded_kernel_ns"]["count"], 0,
                "times in the kernel, without entries in the log")
    # The ring: as many writes to the screen as left, and no more.
    check_equal(bus["model"]["ring_full"], sum(
        re.search("mmio write .* gpa 0x[ab]", a) is not None and "KVM_EXIT_MMIO" in b
        for a, b in zip(LINES, LINES[1:])), "writes that found the ring full")
    timer = next(line for line in bus["interrupt_lines"]["lines"]
                 if line["gsi"] == 0)
    check_equal(sum(l["set"] for l in bus["interrupt_lines"]["lines"]),
                grep("kvm_set_irq"), "lines set")
    check_equal(timer["raised"], grep("gsi 0 level 1"), "raises of the timer")
    check_equal(timer["acknowledged"], grep("PIC master pin 0"),
                "its acknowledgements")
    check_equal(bus["interrupt_lines"]["wait_ns"]["count"],
                grep("kvm_ack_irq") - sum(
                    l["unasked"] for l in bus["interrupt_lines"]["lines"]),
                "acknowledgements with a time")
    model = {r["name"]: r["simulated_exit_ns"] for r in bus["ranges"]}
    check(model["vga memory"]["p50"] > 1.5 * model["port 92"]["p50"],
          "an exit at a full ring takes the VMM longer")
    check("vga memory" in run.stdout and "debug console" in run.stdout,
          "the table names devices")
    again, other, _ = replay(TRACE)
    check_equal(other["fingerprint"], result["fingerprint"], "fingerprints")
    check_equal(again.stdout, run.stdout, "two tables")
    return bus


def check_read_times(bus):
    """Loads that left, timed by hand: unsatisfied-read to read."""
    def stamp(line):
        return round(float(re.search(r" (\d+\.\d+): ", line)[1]) * 1e6)
    spans, begun = [], None
    for line in LINES:
        if "unsatisfied-read" in line:
            begun = stamp(line)
        elif "mmio read" in line and begun is not None:
            spans.append(1000 * (stamp(line) - begun))
            begun = None
    found = next(r for r in bus["ranges"]
                 if r["first"].endswith("febf0000"))["recorded_exit_ns"]
    check_equal(found["count"], len(spans), "loads with a time")
    check_equal((found["min"], found["max"]), (min(spans), max(spans)),
                "shortest and longest load")
    check_equal(found["mean"], round(sum(spans) / len(spans)), "mean load")


def check_forms():
    """The same from .vmct, from plain text, from a pipe, in two halves."""
    with tempfile.TemporaryDirectory() as folder:
        native = pathlib.Path(folder, "log.vmct")
        vmcycle("import", TRACE, "-o", native)
        _, _, bus = replay(native)
        same_counts(bus, ".vmct")
        check_equal(bus["mismatches"], 0, "mismatches of .vmct")
        packed = run_json("compare", "--dispatch", "all", native)[1]
        check_equal(packed["fingerprint"], run_json(
            "compare", "--dispatch", "all", TRACE)[1]["fingerprint"],
            "a comparison of .vmct")
    run = vmcycle("replay", "-", "--json", "-", stdin=TEXT)
    bus = json.loads(run.stdout).get("bus", {})
    same_counts(bus, "standard input")
    for half in (LINES[:16000], LINES[16000:]):
        run, _, bus = replay_lines(half)
        check_equal(run.returncode, 0, "half a recording exits")
        check_equal(bus["mismatches"], 0, "mismatches of half a recording")


def check_damage():
    """Evidence against the model is named by its line."""
    eoi = next(i for i, line in enumerate(LINES) if "pio_write at 0x20 " in line
               and "kvm_pio" in LINES[i + 1])
    head = LINES[eoi].split("kvm_pio")[0]
    second = [i for i, line in enumerate(LINES) if "pio_write at 0x20 " in line
              and i > eoi and "KVM_EXIT" not in LINES[i + 1]][0]
    lines = LINES[:]
    lines.insert(second + 1, head + "kvm_userspace_exit: reason KVM_EXIT_IO (2)")
    run, _, bus = replay_lines(lines)
    check_equal(run.returncode, 1, "an exit of the interrupt controller exits")
    check_equal(bus["mismatches"], 1, "mismatches of it")
    check_equal(bus["first_mismatch"], second + 1, "its line")
    check_equal(bus["mismatch_list"][0]["range"], "pic1", "its device")
    check(f"line {second + 1}: 0x20" in run.stdout, "it is printed")
    run, _, _ = replay_lines(lines, "--no-check")
    check_equal(run.returncode, 0, "with --no-check it exits")

    # A store to the screen that leaves although the ring has room.
    # Not before the first full one, for nobody knows how full it was before.
    full = next(i for i, line in enumerate(LINES) if "EXIT_MMIO" in line
                and "mmio write" in LINES[i - 1])
    at = full + 50
    lines = LINES[:]
    lines.insert(at + 1, head + "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)")
    _, _, bus = replay_lines(lines)
    check(at + 1 in [m["line"] for m in bus["mismatch_list"]],
          "an exit before the ring is full is a mismatch")

    lines = LINES[:]
    lines[100] = re.sub("0x402", "0xfoo", lines[100])
    lines[200] = re.sub("kvm_\\w+", "kvm_unheard_of", lines[200])
    run, result, bus = replay_lines(lines)
    check_equal(result["trace"]["skipped_lines"], 1, "one line unreadable")
    check_equal(result["trace"]["first_bad_line"], 101, "which")
    check_equal(result["trace"]["unknown_events"], 1, "one event unknown")


def check_ranges():
    def named(bus, name):
        return next((r for r in bus["ranges"] if r["name"] == name), {})
    dac = grep(r"pio_write at 0x3c9 ")
    run, _, bus = replay(TRACE, "--range", "0x3c8-0x3c9 dac")
    check_equal(named(bus, "dac").get("writes"),
                dac + grep("pio_write at 0x3c8 "), "writes of a chosen range")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "ranges")
        path.write_text("# two\n0x3c9-0x3c9:pio colours exit\n"
                        "0xfebf0000-0xfebf0fff rom # loads\n")
        run, _, bus = replay(TRACE, "--range-file", path)
        check_equal(run.returncode, 0, "a file of ranges exits")
        check_equal(named(bus, "colours").get("exits"), dac, "colours")
        check_equal(named(bus, "rom").get("reads"), 256, "rom")
        path.write_text("0x3c9:pio\n")
        run = vmcycle("replay", TRACE, "--range-file", path)
        check(run.returncode == 2 and f"{path}:1: " in run.stderr,
              "a bad line of the file is named")
    run, _, bus = replay(TRACE, "--range", "0x402-0x402 console kernel",
                         "--range", "0x3c9-0x3c9 colours ioeventfd")
    check_equal(bus["mismatches"], 0,
                "a device that is never in the kernel is not there")
    for bad in ("0x402", "9-1", "1-2:port", "1-2 a b", "x-y"):
        run = vmcycle("replay", TRACE, "--range", bad)
        check(run.returncode == 2 and "START-END" in run.stderr,
              f"--range '{bad}' is refused")


def synthetic(events, task="CPU 0/KVM-42"):
    """Lines ten microseconds apart."""
    return ["# tracer: nop"] + [
        f" {task}  [000] .....  7.{10 * i:06}: {event}"
        for i, event in enumerate(events)]


def check_other_machines():
    """With entries; as 6.18 prints them; arm64; LoongArch."""
    ended = " info1 0x0000000000000000 info2 0x0000000000000000 " \
        "intr_info 0x00000000 error_code 0x00000000"
    x86 = [f"kvm_exit: vcpu 0 reason IO_INSTRUCTION rip 0x10{ended}",
           "kvm_pio: pio_write at 0x20 size 1 count 1 val 0x20 ",
           "kvm_entry: vcpu 0, rip 0x11",
           f"kvm_exit: vcpu 0 reason IO_INSTRUCTION rip 0x12{ended} "
           "requests 0x0000000000000000",
           "kvm_userspace_exit: reason KVM_EXIT_IO (2)",
           "kvm_pio: pio_read at 0x71 size 1 count 1 val 0x0 ",
           "kvm_entry: vcpu 0, rip 0x13 intr_info 0x00000000 "
           "error_code 0x00000000",
           f"kvm_exit: vcpu 0 reason EPT_MISCONFIG rip 0x14{ended}",
           "kvm_fast_mmio: fast mmio at gpa 0xfe000000",
           "kvm_entry: vcpu 0, rip 0x15"]
    run, result, bus = replay_lines(synthetic(x86))
    check_equal(run.returncode, 0, "x86 with entries exits")
    check_equal(result["trace"]["unknown_events"]
                + result["trace"]["skipped_lines"], 0, "its unknown lines")
    kernel, exits = bus["recorded_kernel_ns"], bus["recorded_exit_ns"]
    check_equal((kernel["count"], kernel["min"], kernel["max"]),
                (2, 20000, 20000), "in the kernel, exit to entry")
    check_equal((exits["count"], exits["max"]), (1, 30000),
                "in user space, exit to entry")
    check_equal(bus["recorded_exit_bound_ns"]["count"], 0, "nothing is a bound")
    check_equal((bus["lines"]["fast_mmio"], bus["lines"]["entries"]), (1, 3),
                "fast stores and entries")

    check(bus["simulated_exit_ns"]["min"]
          > 2 * bus["simulated_kernel_ns"]["max"], "an exit is dearer")
    later = [line.replace(" 7.000", " 7.001") if "rip 0x14" in line
             or "fast" in line or "rip 0x15" in line else line
             for line in synthetic(x86)]
    check(replay_lines(later)[1]["fingerprint"] != result["fingerprint"],
          "accesses are made when they were recorded")

    arm = ["kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x00000000400810a4",
           "kvm_mmio: mmio unsatisfied-read len 4 gpa 0x8000008 val 0x0",
           "kvm_mmio: mmio read len 4 gpa 0x8000008 val 0x43b",
           "kvm_entry: PC: 0x00000000400810a8",
           "kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x00000000400810a8",
           "kvm_mmio: mmio write len 4 gpa 0x9000000 val 0x41",
           "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)",
           "kvm_entry: PC: 0x00000000400810ac"]
    run, result, bus = replay_lines(synthetic(arm), "--profile", "juno-r2")
    check_equal((run.returncode, bus["mismatches"]), (0, 0), "arm64 agrees")
    check_equal({r["name"]: (r["kernel"], r["exits"]) for r in bus["ranges"]},
                {"gic": (1, 0), "pl011": (0, 1)}, "ranges of arm64")
    check_equal((bus["mmio_reads"], bus["lines"]["mmio_unsatisfied_reads"]),
                (1, 1), "reads of arm64")

    region = ["kvm_mmio: mmio write len 4 gpa 0xfe000000 val 0x1",
              "kvm_ioregionfd_cmd: write bus mmio gpa 0xfe000000 len 4 off 0x0 "
              "data 0x1 user 0x7 resp 1",
              "kvm_ioregionfd_resp: gpa 0xfe000000 data 0x0 lat 8123 ns err 0"]
    _, result, bus = replay_lines(synthetic(region))
    check_equal(result["trace"]["skipped_lines"], 0, "lines of regions")
    check_equal((bus["lines"]["ioregionfd_commands"],
                 bus["ioregionfd_response_ns"]["max"], bus["ranges"][0]["kernel"]),
                (1, 8123, 1), "a command and its answer")

    loong = ["kvm_exit: vcpu 0 [0x2] PC: 0x9000000000200000",
             "kvm_mmio: mmio unsatisfied-read len 4 gpa 0x1fe001e0 val 0x0",
             "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)",
             "kvm_mmio: mmio read len 4 gpa 0x1fe001e0 val 0x60",
             "kvm_enter: vcpu 0 PC: 0x9000000000200004",
             "kvm_exit: vcpu 0 [0x10] PC: 0x9000000000200008",
             "kvm_iocsr: iocsr write len 4 gpa 0x1004 val 0xff",
             "kvm_userspace_exit: reason 0x26 (38)",
             "kvm_enter: vcpu 0 PC: 0x900000000020000c"]
    run, result, bus = replay_lines(synthetic(loong))
    check_equal({r["name"]: (r["space"], r["exits"]) for r in bus["ranges"]},
                {"ls7a uart": ("mmio", 1), "ipi": ("iocsr", 1)},
                "ranges of LoongArch")
    check_equal(bus["recorded_exit_ns"]["count"], 2, "both have a time")
    check_equal(bus["lines"]["userspace_exits_iocsr"], 1, "exits for IOCSR")


def check_profiles():
    times = {}
    for name in ("x86-2012", "x86-nested-2019", "x86-pvm-2026", "juno-r2",
                 "unit"):
        run, _, bus = replay(TRACE, "--profile", name)
        check_equal(run.returncode, 0, f"--profile {name} exits")
        times[name] = bus["simulated_exit_ns"]["mean"]
    check(times["unit"] < times["x86-2012"] < times["x86-nested-2019"]
          < times["juno-r2"], f"slower machines are slower: {times}")


def check_report():
    with tempfile.TemporaryDirectory() as folder:
        run = vmcycle("replay", TRACE, "--report", folder)
        rows = pathlib.Path(folder, "bus.tsv").read_text().splitlines()
        check_equal(run.returncode, 0, "--report exits")
        check(len({line.count("\t") for line in rows}) == 1, "rows of one width")
        check("<svg" in pathlib.Path(folder, "bus.svg").read_text()
              and "bus" in pathlib.Path(folder, "index.html").read_text(),
              "a picture on a page")


def check_compare():
    run, result = run_json("compare", "--dispatch", ",".join(DESIGNS), TRACE)
    check_equal(run.returncode, 0, "compare --dispatch exits")
    result0 = result
    rows = {row["design"]: row for row in result["dispatch"]}
    check_equal(list(rows), DESIGNS, "designs, in the order asked for")
    reads = grep(r"kvm_pio: pio_read") + grep("mmio read ") \
        - sum(grep(f"pio_read at 0x{p} ") for p in ("20", "21", "a0", "a1")) \
        - grep("mmio read .* gpa 0xfee00")
    for name, row in rows.items():
        check_equal(row["accesses"], result["chosen"], f"accesses of {name}")
        check_equal(row["served"] + row["exits"], row["accesses"],
                    f"served or exited, {name}")
        check_equal(set(row["latency_ns"]), HISTOGRAM, f"keys of {name}")
        check_equal(row["commands"], row["commands_done"],
                    f"commands of {name} all handled")
        mean = sum(row["stages_ns"].values())
        check(abs(mean - row["latency_ns"]["mean"]) < 1,
              f"the stages of {name} are its time: {mean}")
    check_equal(rows["ioeventfd"]["exits"], reads,
                "reads that an eventfd leaves to user space")
    check_equal(rows["coalesced"]["exits"],
                reads + rows["coalesced"]["ring_full"],
                "reads and full rings of the coalesced design")
    check_equal(rows["exit"]["wait_to_exit"], 1, "exit against itself")
    wait = {name: row["wait_ms"] for name, row in rows.items()}
    check(wait["kernel"] < wait["ioregion-posted"] < wait["exit"]
          < wait["ioregion-sync"] < wait["process"], f"their order: {wait}")
    check(f"ioeventfd: {reads} reads stay exits" in run.stdout,
          "the table says which reads exit")

    stores = grep(r"mmio write .* gpa 0xb8")
    run, result = run_json("compare", "--dispatch=coalesced,kernel",
                           "--range", "0xb8000-0xb8fff:mmio", TRACE)
    check_equal(result["chosen"], stores, "stores of the chosen page")
    row = result["dispatch"][0]
    check_equal(row["ring_full"], stores // 170,
                "every 170th store finds the ring full")
    with tempfile.TemporaryDirectory() as folder:
        run = vmcycle("compare", "--dispatch", "all", "--report", folder, TRACE)
        check("<svg" in pathlib.Path(folder, "compare-dispatch.svg").read_text(),
              "compare draws a picture")
    again = run_json("compare", "--dispatch=coalesced,kernel", "--range",
                     "0xb8000-0xb8fff:mmio", TRACE)[1]
    check_equal(again["fingerprint"], result["fingerprint"], "two comparisons")
    slow = run_json("compare", "--dispatch", "ioregion-posted", "--set",
                    "dispatch.process=1 ms", TRACE)[1]["dispatch"][0]
    check(slow["buffer_waits"] > 0 and slow["queue_commands_max"] == 278,
          f"a slow process fills the buffer: {slow['queue_commands_max']}")
    far = run_json("compare", "--dispatch", "ioregion-sync,kernel",
                   "--other-cpu", TRACE)[1]["dispatch"]
    check(far[0]["wait_ms"] > rows["ioregion-sync"]["wait_ms"]
          and far[1]["wait_ms"] == rows["kernel"]["wait_ms"],
          "an idle other CPU is dearer to wake")
    twice = run_json("compare", "--dispatch", "exit,kernel,exit",
                     TRACE)[1]["dispatch"]
    check_equal([row["design"] for row in twice], ["exit", "kernel"],
                "a design that is named twice")
    busy = run_json("compare", "--dispatch", "exit", "--copies", "8",
                    "--vmm-lock", TRACE)[1]["dispatch"][0]
    check(busy["lock_waits"] > 0 and busy["accesses"] == 8 * result0["chosen"],
          "eight vCPUs wait for the VMM's lock")
    apart = run_json("compare", "--dispatch", "ioregion-sync", "--copies", "8",
                     "--fd-for-each-vcpu", TRACE)[1]["dispatch"][0]
    check_equal((apart["lock_waits"], apart["wait_to_exit"]),
                (0, rows["ioregion-sync"]["wait_to_exit"]),
                "vCPUs with a descriptor each do not wait")
    for args, word in ((["--dispatch", "exit,magic"], "magic"),
                       (["--dispatch", ""], "design ''"),
                       (["--dispatch", "exit", "--range", "0x1-0x2:mmio"],
                        "no access"),
                       (["--dispatch", "exit", "--set", "dispatch.nil=1 ns"],
                        "nil"),
                       (["--dispatch", "exit", "--profile", "3c5000-qemu"],
                        "dispatch")):
        run = vmcycle("compare", *args, TRACE)
        check(run.returncode == 2 and word in run.stderr,
              f"compare {args} says why: {run.stderr!r}")
    run = vmcycle("compare", "--dispatch", "exit",
                  ROOT / "traces/rcu-4vcpu.ftrace.txt.zst")
    check(run.returncode == 2 and "no access" in run.stderr,
          "a trace without accesses is refused")


def check_host_pages():
    """On pages of 16 KiB a ring takes 681 stores."""
    store = "kvm_mmio: mmio write len 1 gpa 0xa0000 val 0x0"
    leave = "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)"
    lines = synthetic(([store] * 681 + [store, leave]) * 3)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log.txt")
        meta = pathlib.Path(folder, "log.meta")
        path.write_text("\n".join(lines) + "\n")
        for size, code, exact in (("16384", 0, 2), ("4096", 0, 0),
                                  ("64K", 1, 0), ("5000", 2, 0)):
            meta.write_text(f"host_page_size = {size}\n")
            run, _, bus = replay(path, "--meta", meta)
            check_equal(run.returncode, code, f"host pages of {size} exit")
            check_equal(bus.get("model", {}).get("ring_full_exact", 0), exact,
                        f"rings full to the store, host pages of {size}")


def check_absent():
    _, result, _ = replay(ROOT / "traces/rcu-4vcpu.ftrace.txt.zst")
    check("bus" not in result, "no section for a trace without a bus")


recorded = check_replay()
check_read_times(recorded)
check_forms()
check_damage()
check_ranges()
check_other_machines()
check_profiles()
check_report()
check_compare()
check_host_pages()
check_absent()
close()
