"""Sensitivities: what they vary, how they rank, and that they are sweeps."""
import fractions
import json
import pathlib
import tempfile

from harness import check, check_equal, close, vmcycle

RUN = "balloon --machine m2-2025 --guest 1G --move 256M --memory touched"
FILE = f"""[sweep]
run = {RUN}
[vary]
mechanism = pfn, huge
[sensitivity]
of = stages_ms.send
by = 25
only = balloon_[sm]*
numbers = all
"""


def sweep(*arguments):
    return vmcycle("sweep", *arguments)


def table_of(path):
    lines = path.read_text().splitlines()
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"))) for line in lines[1:]]


def number_of(folder, point, name):
    value = json.loads((folder / f"points/{point}.json").read_text())
    for key in name.split("."):
        value = value[key]
    return value


def is_near(found, expected, step):
    """@found is a decimal, @expected exact: no further than half a step and
    what 14 digits leave open."""
    return abs(fractions.Fraction(found) - expected) <= step * 0.5000001


def effect(folder, row, base_point, index, name, by):
    """What the row of number @index has to say, computed again."""
    base = fractions.Fraction(str(number_of(folder, base_point, name)))
    low, high = (fractions.Fraction(str(number_of(folder, base_point + n, name)))
                 for n in (1 + 2 * index, 2 + 2 * index))
    value = int(row["value"])
    changed = [(value * (100 + sign * by) + 50) // 100 for sign in (-1, 1)]
    elasticity = ((high - low) / base) / fractions.Fraction(
        changed[1] - changed[0], value)
    return 100 * (low - base) / base, 100 * (high - base) / base, elasticity


with tempfile.TemporaryDirectory() as temporary:
    top = pathlib.Path(temporary)

    # ---- From options --------------------------------------------------------
    profile = json.loads(vmcycle("profiles", "m2-2025", "--json", "-").stdout)
    numbers = {f"{e['section']}.{e['key']}": e
               for e in profile["profiles"][0]["entries"]}
    assumed = [n for n, e in numbers.items() if e["assumed"]]
    run = sweep("--run", RUN, "--sensitivity", "total_ms", "--list")
    listed = run.stdout.splitlines()
    check_equal(len(listed), 1 + 2 * len(assumed), "each number twice, and none")
    check_equal(listed[0], f"1\tvmcycle {RUN}", "the first is the run as it is")
    first = numbers[assumed[0]]["ps"]
    check_equal(listed[1:3], [
        f"{n}\tvmcycle {RUN} '--set={assumed[0]}={first * part // 10} ps'"
        for n, part in ((2, 9), (3, 11))], "by a tenth, unless told otherwise")

    folder = top / "options"
    run = sweep("--run", RUN, "--sensitivity", "total_ms", "-o", folder,
                "--json", "-")
    check_equal(run.returncode, 0, f"a sensitivity exits: {run.stderr}")
    found = json.loads(run.stdout)["sensitivity"]
    check_equal([found[k] for k in ("of", "by_percent", "profile", "numbers")],
                ["total_ms", 10, "m2-2025", len(assumed)], "says what it did")
    case, = found["cases"]
    check_equal(case["vary"], {}, "one case")
    check_equal(sorted(e["number"] for e in case["effects"]), sorted(assumed),
                "of every number")
    table = table_of(folder / "sensitivity.tsv")
    check_equal([r["number"] for r in table],
                [e["number"] for e in case["effects"]], "rows in that order")
    check_equal([int(r["rank"]) for r in table], list(range(1, len(table) + 1)),
                "counted")
    sizes = []
    for row, told in zip(table, case["effects"]):
        low, high, elasticity = effect(folder, row, 1,
                                       assumed.index(row["number"]),
                                       "total_ms", 10)
        name = row["number"]
        check(is_near(row["low_percent"], low, 1e-3) and
              is_near(row["high_percent"], high, 1e-3) and
              is_near(row["elasticity"], elasticity, 1e-4),
              f"{name}: {row}, expected {float(low)} {float(high)} "
              f"{float(elasticity)}")
        check_equal([float(row[k]) for k in ("low", "high", "low_percent",
                                             "high_percent", "elasticity")],
                    [told[k] for k in ("low", "high", "low_percent",
                                       "high_percent", "elasticity")],
                    f"{name}: JSON says the same")
        sizes.append(max(abs(low), abs(high)))
    check_equal(sizes, sorted(sizes, reverse=True), "the largest effect first")
    check(sizes[0] > 0 and sizes[-1] == 0, "some matter, some do not")
    idle = sum(size == 0 for size in sizes)
    check(f"{idle} more have no effect" in run.stderr and
          run.stderr.count("\n") < len(table) + 8, "the table leaves those out")

    again = sweep("--run", RUN, "--sensitivity", "total_ms", "-o", folder,
                  "--json", "-")
    check_equal(json.loads(again.stdout)["ran"], 0, "nothing is run twice")
    check_equal(json.loads(again.stdout)["sensitivity"], found, "same ranking")

    # ---- From a file, for each point of [vary] ----------------------------------
    file = top / "sweep.ini"
    file.write_text(FILE)
    some = [n for n in numbers if n.startswith(("balloon_s", "balloon_m"))]
    varied = [n for n in some
              if (v := numbers[n].get("ps", numbers[n].get("value"))) * 125 //
              100 != v and (v * 75 + 50) // 100 != v]
    step = 1 + 2 * len(varied)
    check_equal(len(sweep(file, "--list").stdout.splitlines()), 2 * step,
                "each point of [vary] with every number")
    parts = top / "parts"
    for points in (f"{step + 1}-{2 * step}", f"1-{step}"):
        run = sweep(file, "-o", parts, "--points", points)
    check_equal(run.returncode, 0, f"in parts: {run.stderr}")
    check("mechanism = pfn: stages_ms.send = " in run.stdout and
          "mechanism = huge: stages_ms.send = " in run.stdout, run.stdout)
    table = table_of(parts / "sensitivity.tsv")
    check_equal([sum(r["mechanism"] == m for r in table)
                 for m in ("pfn", "huge")], [len(varied)] * 2, "a case each")
    for row in table:
        base = 1 if row["mechanism"] == "pfn" else 1 + step
        low, high, elasticity = effect(parts, row, base,
                                       varied.index(row["number"]),
                                       "stages_ms.send", 25)
        check(is_near(row["low_percent"], low, 1e-3) and
              is_near(row["high_percent"], high, 1e-3) and
              is_near(row["elasticity"], elasticity, 1e-4),
              f"{row}, expected {float(low)} {float(high)} {float(elasticity)}")
        check_equal(row["assumed"] == "1", numbers[row["number"]]["assumed"],
                    f"{row['number']}: has a source or not")
    whole = top / "whole"
    sweep(file, "-o", whole, "-j", 1, "--no-share")
    for name in ("rows.tsv", "sensitivity.tsv"):
        check((whole / name).read_bytes() == (parts / name).read_bytes(),
              f"{name}: the same bytes")
    seeded = top / "seeded.ini"
    seeded.write_text(FILE.replace("[vary]", "seed = 9\n[vary]"))
    seeds = [line.split("--seed=")[1] for line in
             sweep(seeded, "--list").stdout.splitlines()]
    check_equal([len(set(seeds[:step])), len(set(seeds[step:])),
                 len(set(seeds))], [1, 1, 2],
                "points that differ in a changed number have the same seed")
    (whole / "points/3.json").unlink()
    run = sweep(file, "-o", whole, "--merge")
    check("raised, %" in run.stdout, "a point is missing, and the rest ranked")
    row, = [r for r in table_of(whole / "sensitivity.tsv")
            if r["number"] == varied[0] and r["mechanism"] == "pfn"]
    check(row["high"] == "" and row["high_percent"] == "-" and row["low"] != "",
          f"the one without it: {row}")

    # ---- A result in a list, another command ----------------------------------------
    folder = top / "compare"
    run = sweep("--run", "replay traces/eiointc-4vcpu.qemu.log.zst -p "
                "3c5000-qemu", "--sensitivity", "interrupts.per_cpu.2.delivered",
                "--only", "vcpu.wa*", "-o", folder)
    check(run.returncode == 0 and "interrupts.per_cpu.2.delivered" in run.stdout,
          f"{run.stdout}{run.stderr}")

    for name, command, of, number in (
            ("irq", "compare --irq --vcpus 2 --profile 3c5000-kvm",
             "irq.0.dispatch_ns", "access.iocsr"),
            ("pages", "compare --balloon=pfn,sg --machine m1-2016 "
             "traces/balloon-1g-2vcpu.qemu.log.zst", "balloon.1.total_ms",
             "balloon_host.extent_page")):
        run = sweep("--run", command, "--sensitivity", of, "--all", "--only",
                    number, "-o", top / name)
        row, = table_of(top / name / "sensitivity.tsv")
        check(run.returncode == 0 and float(row["elasticity"]) > 0,
              f"{command}: {row} {run.stderr}")

    # ---- What cannot be ---------------------------------------------------------------
    for arguments, why in (
            (["--run", RUN, "--sensitivity", "x", "--by", "0"], "1 to 99"),
            (["--run", RUN, "--sensitivity", "x", "--by", "100"], "1 to 99"),
            (["--run", RUN, "--sensitivity", "x", "--only", "y"],
             "no assumed number of profile m2-2025 that matches y"),
            (["--run", RUN, "--by", "5"], "--sensitivity RESULT is needed"),
            (["--run", "explore G1", "--sensitivity", "x"], "--profile"),
            (["--run", "balloon --machine none", "--sensitivity", "x"], "none"),
            ([file, "--run", RUN], "a FILE is needed, or --run"),
            ([], "a FILE is needed, or --run")):
        run = sweep(*arguments, "--list")
        check(run.returncode == 2 and why in run.stderr,
              f"{arguments}: {run.stderr}")
    for text, why in (
            ("[sweep]\nrun = balloon\n[sensitivity]\nby = 5\n", "of = RESULT"),
            ("[sweep]\nrun = balloon\n[sensitivity]\nof = x\nof = y\n", ":5:"),
            ("[sweep]\nrun = balloon\n[sensitivity]\nof =\n", ":4:"),
            ("[sweep]\nrun = balloon\n[sensitivity]\nnumbers = some\n", ":4:"),
            ("[sweep]\nrun = balloon\nmode = zip\n[sensitivity]\nof = x\n",
             "zip"),
            ("[sweep]\nrun = balloon\n[vary]\nmachine = m1-2016, m2-2025\n"
             "[sensitivity]\nof = x\nprofile = m1-2016\n", "one profile")):
        file.write_text(text)
        run = sweep(file, "--list")
        check(run.returncode == 2 and why in run.stderr and
              len(run.stderr.splitlines()) == 1, f"{text!r}: {run.stderr}")
    bad = top / "bad"
    run = sweep("--run", RUN, "--sensitivity", "total", "--only", "*.split",
                "-o", bad)
    check(run.returncode == 2 and "no result 'total'" in run.stderr and
          "total_ms" in run.stderr, f"a result that is none: {run.stderr}")
    ini = bad / "sweep.ini"
    ini.write_text(ini.read_text().replace("= total", "= total_ms"))
    run = sweep(ini, "-o", bad, "--merge")
    check(run.returncode == 0 and "total_ms = " in run.stdout,
          f"can be mended without running again: {run.stdout}{run.stderr}")
close()
