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
# Millions of executions; by hand they agree too, but for S26 fix, f1 and f2,
# which need over four million.
SLOW_BY_DPOR = {("G9", "correct"), ("S26", "bug"), ("S26", "v4"),
                ("S26", "fix"), ("S26", "f1"), ("S26", "f2")}
GOLDEN = {"G1": (6, 1, 15), "G2": (6, 2, 19), "G3": (127, 6, 48),
          "G4": (27662, 21, 258), "G5": (3168, 0, 123)}


def explore(scenario, *args):
    run = vmcycle("explore", SCENARIOS / scenario, "--json", "-", *args)
    check(run.returncode in (0, 1, 4), f"{scenario} {args}: {run.stderr}")
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

# Races of the interrupt models: found with the bug, clean without, all of it.
for race, bug in (("reroute", "B-19"), ("ipi", "B-20"), ("timer", "B-30"),
                  ("entry", "B-37")):
    for variant, verdict in (("bug", "violation"), ("fixed", "clean")):
        run = vmcycle("explore", f"irq:{race}", "--variant", variant,
                      "--json", "-")
        result = json.loads(run.stdout)
        for strategy in ("dpor", "preemption"):
            check_equal(vmcycle("explore", f"irq:{race}", "--variant", variant,
                                "--strategy", strategy).returncode,
                        run.returncode, f"irq:{race} {variant} by {strategy}")
        check_equal((run.returncode, result["verdict"], result["complete"],
                     result["expected"]),
                    (int(variant == "bug"), verdict, True, True),
                    f"irq:{race} {variant}")
        check_equal(result.get("violation", {}).get("invariant"),
                    bug if variant == "bug" else None, f"irq:{race} {variant}")
run, named = explore(SCENARIOS / "S03", "--variant", "bug")
run = vmcycle("explore", "S03", "--variant", "bug", "--json", "-", cwd=ROOT)
check_equal(json.loads(run.stdout)["fingerprint"], named["fingerprint"],
            "a scenario by its name")
for args in (["irq:none"], ["irq:ipi", "--variant", "none"],
             ["irq:ipi", "--param", "x=1"]):
    run = vmcycle("explore", *args)
    check(run.returncode == 2 and "irq:" in run.stderr, f"{args}")

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
        if (path.name, variant) in SLOW_BY_DPOR:
            continue
        again, reduced = explore(path.name, "--variant", variant, "--strategy",
                                 "dpor", "--minimise", "no")
        check_equal((reduced["complete"], reduced["verdict"]),
                    (True, result["verdict"]), f"{path.name} {variant}: dpor")
        check(reduced["executions"] <= result["schedules"],
              f"{path.name} {variant}: dpor runs no more than there are")
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
    check_equal(replayed["violation"],
                {key: result["violation"][key]
                 for key in ("invariant", "step", "description",
                             "schedule")},
                "the same one")
    check_equal((result["violation"]["step"],
                 result["violation"]["preemptions"],
                 result["violation"]["minimal"]), (15, 1, True),
                "as small as the golden one")
    twice = pathlib.Path(folder, "again")
    explore("S03", "--variant", "bug", "--schedule", schedule,
            "--write-schedule", twice)
    check_equal(twice.read_text(), schedule.read_text(),
                "a replay has the same lines and the same hash")
    run, other = explore("S03", "--variant", "bug", "--minimise", "steps")
    check_equal((other["violation"]["step"],
                 other["violation"]["preemptions"]), (14, 2),
                "--minimise steps")
    run, other = explore("S03", "--variant", "bug", "--minimise", "no")
    check("preemptions" not in other["violation"], "--minimise no")
    decisions = " ".join(re.findall(r"^\d+ d(\d+)", schedule.read_text(), re.M))
    check_equal(" ".join(map(str, result["violation"]["schedule"])), decisions,
                "the decisions of the result are those of the file")
    short = pathlib.Path(folder, "short")
    short.write_text("\n".join(lines[:2]) + f"\nd {decisions}\n")
    _, replayed = explore("S03", "--variant", "bug", "--schedule", short)
    check_equal(replayed["violation"]["step"], 15, "decisions alone are enough")
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
    check(run.returncode == 2 and "s03:6: " in run.stderr
          and "cut short" in run.stderr, "a cut schedule")
    moved = lines.copy()
    moved[12], moved[13] = moved[13], moved[12]
    schedule.write_text("\n".join(moved) + "\n")
    run = vmcycle("explore", SCENARIOS / "S03", "--variant", "bug",
                  "--schedule", schedule)
    check(run.returncode == 2 and "s03:13: diverges: " in run.stderr
          and "allows only d0 d16" in run.stderr,
          f"a step too early: {run.stderr}")
    schedule.write_text("\n".join(lines) + "\n")
    run = vmcycle("explore", SCENARIOS / "S03", "--variant", "fix",
                  "--schedule", schedule)
    check(run.returncode == 2 and "s03:2: diverges: " in run.stderr,
          "another variant is another run")

    # The picture says in words what it shows, and marks the broken step.
    picture = pathlib.Path(folder, "s03.svg")
    run, result = explore("S03", "--variant", "bug", "--timeline", picture)
    svg = picture.read_text()
    check("<title>scenario S03 variant bug</title>" in svg, "its title")
    check("<desc>V01 access to a freed object: spin on A#1\n" in svg
          and "Step 14, spin: next A#1 -&gt; V01." in svg, "its description")
    check(">next A#1 -> V01<" in svg, "the step is in the picture")
    check_equal([path.name for path in pathlib.Path(folder).iterdir()
                 if "vmcycle-" in path.name], [], "nothing is left behind")
    page = pathlib.Path(folder, "page")
    run, result = explore("S03", "--variant", "bug", "--report", page)
    check_equal(sorted(path.name for path in page.iterdir()),
                ["counterexample.svg", "counterexample.txt", "index.html",
                 "report.json", "schedule"], "files of a report")
    text = (page / "counterexample.txt").read_text()
    for words in ("=>  14  |   next A#1 -> V01", " ~  12 ", "broken by:",
                  "freed by:", "created before the first step",
                  "opened in step 0 and closed in step 3"):
        check(words in text, f"'{words}' in the report")
    check_equal((page / "schedule").read_text(), "\n".join(lines) + "\n",
                "the schedule of a report")
    html = (page / "index.html").read_text()
    check("<svg" in html and "next A#1 -&gt; V01" in html
          and '<data value="27662">' in html, "a page with all of it")
    explore("S03", "--variant", "fix", "--report", pathlib.Path(folder, "fix"))
    run, _ = explore("S03", "--variant", "fix", "--timeline",
                     pathlib.Path(folder, "none.svg"))
    check("no schedule that fails" in run.stderr, f"it is told: {run.stderr}")
    check(not pathlib.Path(folder, "none.svg").exists(), "and nothing drawn")
    check(not pathlib.Path(folder, "fix/counterexample.svg").exists(),
          "nothing to show when all is well")

    wrong = pathlib.Path(folder, "wrong")
    wrong.write_text('scenario X "x"\nnonsense\n')
    run = vmcycle("explore", wrong)
    check(run.returncode == 2 and f"{wrong}:2:" in run.stderr,
          "a scenario that is none is named with its line")
for args in (["explore"], ["explore", "none"],
             ["explore", SCENARIOS / "S03", "--variant", "none"],
             ["explore", SCENARIOS / "S03", "--states", "0"],
             ["explore", SCENARIOS / "S03", "--param", "x"],
             ["explore", SCENARIOS / "S03", "--minimise", "x"],
             ["explore", SCENARIOS / "S03", "--schedule", "none"],
             ["explore", SCENARIOS / "S03", "--timeline", "none/x.svg"]):
    check_equal(vmcycle(*args).returncode, 2, f"{args} exits")

# What was not all is never called clean, and says so in its exit status.
for args, guarantee, status in (
        (["--strategy", "stateful", "--states", 100], "bounded", 4),
        (["--strategy", "stateful", "--budget", "memory=64K"], "bounded", 4),
        (["--strategy", "dpor", "--budget", "steps=1000"], "bounded", 4),
        (["--budget", "steps=3000,states=50"], "bounded", 4),
        (["--strategy", "preemption", "--preemptions", 1], "bounded", 0),
        (["--strategy", "preemption", "--preemptions", 7, "--states", 999],
         "bounded", 4),
        (["--strategy", "pct", "--runs", 50], "sampled", 0),
        (["--strategy", "random", "--runs", 50], "sampled", 0),
        (["--strategy", "random", "--budget", "steps=100"], "sampled", 4)):
    run, small = explore("G9", *args)
    check_equal((small["verdict"], small["guarantee"], small["complete"],
                 small["expected"], run.returncode),
                (guarantee, guarantee, False, None, status), f"G9 {args}")
    check_equal(small["finished"], status == 0, f"G9 {args} did all it should")
    run = vmcycle("explore", SCENARIOS / "G9", *args)
    check(guarantee.upper() + "(" in run.stdout and "clean" not in run.stdout,
          f"G9 {args} in words: {run.stdout}")

# The counts within preemption bounds, from the specification's table.
_, result = explore("G5", "--strategy", "preemption", "--preemptions", 3)
check_equal([row["schedules"] for row in result["preemptions"]],
            [20, 140, 485, 1060], "G5 by preemptions")
_, result = explore("S03", "--variant", "bug")
check_equal([(row["schedules"], row["failing"])
             for row in result["preemptions"]], [(4, 0), (48, 1)],
            "S03 by preemptions")
check(abs(result["failure_probability"] - 0.0474) < 0.0001,
      "chance that a uniform walk hits S03")
_, sampled = explore("S03", "--variant", "bug", "--strategy", "random",
                     "--seed", 5)
estimate = sampled["failure_estimate"]
check(estimate["low95"] < result["failure_probability"] < estimate["high95"],
      f"estimated: {estimate}")
_, again = explore("S03", "--variant", "bug", "--strategy", "random",
                   "--seed", 5)
_, other = explore("S03", "--variant", "bug", "--strategy", "random",
                   "--seed", 6)
check_equal(again["fingerprint"], sampled["fingerprint"], "one seed, one run")
check(other["fingerprint"] != sampled["fingerprint"], "another seed")
check_equal((sampled["seed"], other["seed"]), (5, 6), "seeds are told")
_, result = explore("S03", "--variant", "bug", "--strategy", "pct")
check_equal(result["violation"]["invariant"], "V01", "S03 by pct")
check(result["failure_estimate"]["share"] > result["pct"]["promised_each"],
      "pct keeps its promise")

# More states than the table may have: another rung of the ladder decides.
_, result = explore("G5", "--states", 50)
check_equal((result["verdict"], result["verdict_by"]), ("clean", "dpor"),
            "G5 without a table")
_, result = explore("G9")
check_equal(result["schedules_text"], str(result["schedules"]), "both counts")
close()
