"""The program names itself, and refuses what it does not know."""
from harness import check, check_equal, close, vmcycle

run = vmcycle("version")
check_equal(run.returncode, 0, "version exits")
check(run.stdout.startswith("vmcycle "), "version names the program")

for args in ([], ["no-such-command"]):
    run = vmcycle(*args)
    check_equal(run.returncode, 2, f"{args} exits")
    check("Usage:" in run.stderr, f"{args} shows the usage")
check_equal(vmcycle("--help").returncode, 0, "--help exits")
close()
