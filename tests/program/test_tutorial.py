"""The tutorial is true: its files are written, its commands run in their order,
and each prints what the page shows.

    python3 tests/program/test_tutorial.py --update

writes into the page what the commands print now.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close

PAGE = ROOT / "docs/tutorial.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.M | re.S)


def run_block(text, folder, environment):
    """The commands of a block, each with its output below it."""
    shown = []
    for line in text.splitlines():
        if line.startswith("$ "):
            run = subprocess.run(["sh", "-c", line[2:]], cwd=folder,
                                 env=environment, capture_output=True,
                                 text=True, timeout=60)
            shown += [line, *(run.stdout + run.stderr).splitlines()]
    return "".join(line + "\n" for line in shown)


page = PAGE.read_text()
commands = 0
with tempfile.TemporaryDirectory() as folder:
    environment = dict(
        os.environ, VMCYCLE_PLOTS=str(ROOT / "sim/report"),
        PATH=f"{pathlib.Path(PROGRAM).resolve().parent}:{os.environ['PATH']}")

    def do(match):
        global commands
        kind, name, text = match.groups()
        if kind == "text":
            pathlib.Path(folder, name).write_text(text)
            return match[0]
        shown = run_block(text, folder, environment)
        commands += shown.count("\n$ ") + 1
        return f"```{kind}\n{shown}```"

    now = BLOCK.sub(do, page)
    check(commands >= 8, f"{commands} commands in the tutorial")
    svg = pathlib.Path(folder, "race.svg").read_text()
    kept = (ROOT / "docs/race.svg")
    if "--update" in sys.argv:
        PAGE.write_text(now)
        kept.write_text(svg)
    else:
        for line, (shown, printed) in enumerate(
                zip(page.splitlines(), now.splitlines()), 1):
            if not check_equal(shown, printed, f"docs/tutorial.md:{line} "
                               "(--update writes what is printed now)"):
                break
        check_equal(len(page.splitlines()), len(now.splitlines()), "its length")
        # Another gnuplot may draw otherwise; what is said stays the same.
        words = re.compile(r"<title>.*</desc>", re.S)
        check_equal(words.search(kept.read_text())[0], words.search(svg)[0],
                    "the picture of the page")
close()
