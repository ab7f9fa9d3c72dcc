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
