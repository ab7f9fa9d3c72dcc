"""Golden vectors: every operation of the real model, and honest complaints."""
import json
import tempfile
import pathlib

from harness import ROOT, check, check_equal, close, vmcycle

FILES = sorted((ROOT / "tests/golden").glob("*.txt"))
check(len(FILES) >= 8, "the golden files are there")

for path in FILES:
    run = vmcycle("golden", path, "--json", "-")
    check_equal(run.returncode, 0, f"{path.name} exits")
    result = json.loads(run.stdout)
    operations = sum(1 for line in path.read_text().splitlines()
                     if line and not line.startswith("#"))
    check_equal(result["operations"], operations, f"{path.name} operations")
    check_equal(result["checked"], operations, f"{path.name} checked")
    check_equal(result["mismatches"], 0, f"{path.name} mismatches")
    check_equal(result["first_mismatch"], None, f"{path.name} first mismatch")


def golden_of(text):
    """Run golden over a file that holds @text."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return vmcycle("golden", file.name, "--json", "-"), file.name


HEAD = "# smp: 2\n# archid: 0 1\n# machine: -M virt,v-eiointc=off\n# reset\n"

run, name = golden_of(HEAD + "0 0 iocsr_r 4 0x8 0x0 0x1c 0\n"
                      "1 0 iocsr_r 4 0x8 0x0 0x1d 0\n")
check_equal(run.returncode, 1, "a wrong result exits")
result = json.loads(run.stdout)
check_equal(result["mismatches"], 1, "a wrong result is counted")
check_equal(result["first_mismatch"]["line"], 6, "and its line is named")
check_equal(int(result["first_mismatch"]["found_result"], 16), 0x1c,
            "with what was found")
run, name = golden_of(HEAD + "0 0 mmio_r 4 0x10000020 0x0 0xffffffff 1\n")
check_equal(run.returncode, 1, "a wrong fault exits")

# Sparse physical ids: index 3 is id 4. A route to id 3 keeps the old target,
# an IPI to it goes nowhere (lines quoted in the observations of QEMU 10.0.2).
SPARSE = [
    "0 iocsr_w 4 0x160c 0xffffffff 0x0 0",
    "0 iocsr_w 4 0x1c64 0x1010401 0x0 0",
    "0 iocsr_w 4 0x1c64 0x1010801 0x0 0",
    "0 iocsr_r 4 0x1c64 0x0 0x1010801 0",
    "0 mmio_w 4 0x2ff00000 0x65 0x0 0",
    "2 estat 0 0x0 0x0 0x4 0",
    "3 estat 0 0x0 0x0 0x0 0",
    "3 iocsr_w 4 0x1004 0xffffffff 0x0 0",
    "0 iocsr_w 4 0x1040 0x30001 0x0 0",
    "3 iocsr_r 4 0x1000 0x0 0x0 0",
    "0 iocsr_w 4 0x1040 0x40001 0x0 0",
    "3 iocsr_r 4 0x1000 0x0 0x2 0",
    "3 estat 0 0x0 0x0 0x1000 0",
    "3 cpuid 0 0x0 0x0 0x3 0",
]
run, name = golden_of(
    "# smp: 6\n# archid: 0 1 2 4 5 6\n# machine: -M virt,v-eiointc=off\n"
    "# reset\n" + "".join(f"{i} {line}\n" for i, line in enumerate(SPARSE)))
check_equal(run.returncode, 0, f"sparse ids exit: {run.stdout}")

# A recorded file with one bit of one result turned names that line.
source = FILES[0].read_text().split("\n")
place = next(i for i, line in enumerate(source)
             if i > 500 and " iocsr_r 4 " in line)
fields = source[place].split(" ")
fields[6] = hex(int(fields[6], 16) ^ 1)
source[place] = " ".join(fields)
run, name = golden_of("\n".join(source))
check_equal(run.returncode, 1, "a corrupted copy exits")
check_equal(json.loads(run.stdout)["first_mismatch"]["line"], place + 1,
            "a corrupted copy: its line")

# What is not a golden file gets one line with its place, and exit status 2.
OPERATION = "0 0 iocsr_r 4 0x8 0x0 0x1c 0\n"
for what, text, place in [
        ("empty", "", ":1:"),
        ("no reset", "# smp: 2\n" + OPERATION, ":2:"),
        ("reset without smp", "# reset\n", ":1:"),
        ("smp of 0", "# smp: 0\n", ":1:"),
        ("smp of 257", "# smp: 257\n", ":1:"),
        ("id of 256", "# smp: 1\n# archid: 256\n", ":2:"),
        ("too few ids", "# smp: 2\n# archid: 0\n", ":2:"),
        ("a field missing", HEAD + "0 0 iocsr_r 4 0x8 0x0 0x1c\n", ":5:"),
        ("a field too many", HEAD + OPERATION[:-1] + " 0\n", ":5:"),
        ("unknown kind", HEAD + "0 0 iocsr_q 4 0x8 0x0 0x1c 0\n", ":5:"),
        ("no number", HEAD + "0 0 iocsr_r 4 zz 0x0 0x1c 0\n", ":5:"),
        ("cpu of 2", HEAD + "0 2 iocsr_r 4 0x8 0x0 0x1c 0\n", ":5:"),
        ("size of 3", HEAD + "0 0 iocsr_r 3 0x8 0x0 0x1c 0\n", ":5:"),
        ("a gap in seq", HEAD + OPERATION + "2" + OPERATION[1:], ":6:"),
        ("a line without end", HEAD + "#" * 2000 + "\n", ":5:")]:
    run, name = golden_of(text)
    check_equal(run.returncode, 2, f"{what} exits")
    check(name + place in run.stderr, f"{what}: {run.stderr!r} has {place}")
    check_equal(run.stdout, "", f"{what} writes no JSON")
check_equal(vmcycle("golden", "no-such-file").returncode, 2, "no file exits")
close()
