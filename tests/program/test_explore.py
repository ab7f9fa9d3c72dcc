"""Scenarios through the explorer: verdicts that the files expect, the counts
of the golden models, and schedules that run again.

The counts of G1 to G5 are those of the prototype that the specification of the
micro-models gives.
"""
import json
import pathlib
import re
import tempfile

from harness import ROOT, check, check_equal, close, vmcycle

SCENARIOS = ROOT / "tests/scenarios"
GOLDEN = {"G1": (6, 1, 15), "G2": (6, 2, 19), "G3": (127, 6, 48),
          "G4": (27662, 21, 258), "G5": (3168, 0, 123)}


def explore(scenario, *args):
    run = vmcycle("explore", SCENARIOS / scenario, "--json", "-", *args)
    check(run.returncode in (0, 1), f"{scenario} {args}: {run.stderr}")
    return run, json.loads(run.stdout)


for name, counts in GOLDEN.items():
    run, result = explore(name)
    check_equal((result["schedules"], result["failing"], result["states"]),
                counts, f"{name}: schedules, failing, states")
    check(result["complete"], f"{name}: complete")
for name in ("G6", "G7", "G8", "G9"):
    run, result = explore(name)
    check(result["complete"] and result["verdict"] == "clean",
          f"{name} runs to its end")

count = 0
for path in sorted(SCENARIOS.iterdir()):
    variants = re.findall(r"^variant (\S+)", path.read_text(), re.M)
    for variant in variants:
        run, result = explore(path.name, "--variant", variant)
        check(result["expected"], f"{path.name} {variant}: "
              f"{result['verdict']} {result.get('violation')}")
        check_equal(run.returncode, int(result["verdict"] == "violation"),
                    f"{path.name} {variant} exits")
        count += 1
check(count > 150, f"{count} variants of scenarios")

with tempfile.TemporaryDirectory() as folder:
    schedule = pathlib.Path(folder, "s03")
    run, result = explore("S03", "--variant", "bug", "--write-schedule",
                          schedule)
    check_equal(result["violation"]["invariant"], "V01", "S03 breaks V01")
    lines = schedule.read_text().splitlines()
    check_equal(len(lines), 3 + result["violation"]["step"], "its schedule")
    again, replayed = explore("S03", "--variant", "bug", "--schedule",
                              schedule)
    check_equal(again.returncode, 1, "its replay breaks the rule too")
    check_equal(replayed["violation"], result["violation"], "the same one")
    for number, line in enumerate(lines, 1):
        broken = lines.copy()
        broken[number - 1] = line + "x"
        schedule.write_text("\n".join(broken) + "\n")
        run = vmcycle("explore", SCENARIOS / "S03", "--variant", "bug",
                      "--schedule", schedule)
        check_equal(run.returncode, 2, f"damage in line {number} exits")
        check(f"s03:{number}: " in run.stderr,
              f"damage in line {number} is named: {run.stderr}")
    schedule.write_text("\n".join(lines[:5]) + "\n")
    run = vmcycle("explore", SCENARIOS / "S03", "--variant", "bug",
                  "--schedule", schedule)
    check(run.returncode == 2 and "cut short" in run.stderr, "a cut schedule")

    wrong = pathlib.Path(folder, "wrong")
    wrong.write_text('scenario X "x"\nnonsense\n')
    run = vmcycle("explore", wrong)
    check(run.returncode == 2 and f"{wrong}:2:" in run.stderr,
          "a scenario that is none is named with its line")
for args in (["explore"], ["explore", "none"],
             ["explore", SCENARIOS / "S03", "--variant", "none"],
             ["explore", SCENARIOS / "S03", "--states", "0"],
             ["explore", SCENARIOS / "S03", "--param", "x"]):
    check_equal(vmcycle(*args).returncode, 2, f"{args} exits")
_, small = explore("G9", "--states", 100)
check_equal(small["complete"], False, "a small budget is not complete")
close()
