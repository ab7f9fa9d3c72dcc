"""A recording that was read is printed as the log that it was."""
import pathlib
import re
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

# What the importer does not keep: how many blanks there are, and the old
# names of one region of the PCH-PIC, whose addresses count from elsewhere.
OLD = re.compile(r"loongarch_pch_pic_(?:(?:low|high)_)?(read|write)[bw] ")
LINE = re.compile(r"(\d+)@(\d+)\.(\d{6}):(.*)")


def lines_of(text):
    """(thread, us since the first line, the event) of each line."""
    first = None
    for line in text.splitlines():
        thread, seconds, us, event = LINE.match(line).groups()
        tick = int(seconds) * 1000000 + int(us)
        first = tick if first is None else first
        event = OLD.sub(r"loongarch_pch_pic_\1 ", event)
        event = re.sub(r" *val: ", " val: ", event)
        if event.startswith("loongarch_pch_pic_"):
            event = re.sub(r"addr: \w+", "addr: ?", event)
        yield int(thread), tick - first, re.sub(r" +", " ", event.strip())


def held(lines):
    """Stamps of different threads run back by us, and are held."""
    last = 0
    for thread, tick, event in lines:
        last = max(last, tick)
        yield thread, last, event


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for trace in ("eiointc-4vcpu", "veiointc-16vcpu", "balloon-1g-2vcpu"):
        packed = ROOT / "traces" / f"{trace}.qemu.log.zst"
        original = subprocess.run(["zstd", "-dcq", packed], check=True,
                                  capture_output=True, text=True).stdout
        printed = vmcycle("dump", "--qemu", packed)
        check_equal(printed.returncode, 0, f"{trace}: dump --qemu")
        found = list(lines_of(printed.stdout))
        wanted = list(held(lines_of(original)))
        check_equal(len(found), len(wanted), f"{trace}: lines")
        differ = [(a, b) for a, b in zip(found, wanted) if a != b]
        check_equal(differ[:1], [], f"{trace}: the first line that differs")

        # Read again it is the same trace, but for where time begins.
        log = folder / "again.log"
        log.write_text(printed.stdout)
        first = vmcycle("dump", packed).stdout
        check(vmcycle("dump", log).stdout == first,
              f"{trace}: what was printed is read as the same records")

run = vmcycle("dump", "--qemu", ROOT / "traces/kvm-bios-pc.ftrace.txt.zst")
check_equal(run.returncode, 2, "ftrace is no QEMU log")
check("no event of QEMU's log" in run.stderr, "and that is said")
close()
