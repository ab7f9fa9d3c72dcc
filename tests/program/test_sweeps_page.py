"""docs/sweeps.md is true: its files are written, its commands run in their
order, and each prints what the page shows.

    python3 tests/program/test_sweeps_page.py --update

writes into the page what the commands print now.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close

PAGE = ROOT / "docs/sweeps.md"
BLOCK = re.compile(r"^```(\w+)(?: ([\w.]+))?\n(.*?)^```$", re.M | re.S)
environment = dict(
    os.environ,
    PATH=f"{pathlib.Path(PROGRAM).resolve().parent}:{os.environ['PATH']}")
page = PAGE.read_text()
commands = 0


def run_lines(text, folder):
    """The commands of a block, each with its output below it."""
    global commands
    shown = ""
    for line in re.findall(r"^\$ (.*)$", text, re.M):
        run = subprocess.run(["sh", "-c", line], cwd=folder, env=environment,
                             capture_output=True, text=True, timeout=120)
        shown += f"$ {line}\n{run.stdout}{run.stderr}"
        commands += 1
    return shown


with tempfile.TemporaryDirectory() as temporary:
    def do(match):
        kind, name, text = match.groups()
        if kind == "text":
            pathlib.Path(temporary, name).write_text(text)
            return match[0]
        return f"```{kind}\n{run_lines(text, temporary)}```"

    now = BLOCK.sub(do, page)

check(commands >= 7, f"{commands} commands on the page")
if "--update" in sys.argv:
    PAGE.write_text(now)
else:
    for line, (shown, printed) in enumerate(
            zip(page.splitlines(), now.splitlines()), 1):
        if not check_equal(printed, shown, f"{PAGE.name}:{line} "
                           "(--update writes what is printed now)"):
            break
    check_equal(len(now.splitlines()), len(page.splitlines()), "its length")

# What the text says of the ranking.
first = re.search(r"--by 20 -o numbers\n(.*?)```", now, re.S)[1]
ranked = re.findall(r"^(\S+) +[\d.]+ ns +-?[\d.]+ +([\d.]+) +([\d.]+)$", first,
                    re.M)
check_equal([name for name, _, _ in ranked[:3]],
            ["balloon_send.wake_vcpu", "balloon_send.wake_host",
             "balloon_host.zap_small"], "the three to measure first")
check_equal(round(float(ranked[0][2]), 2), 0.19, "the elasticity of the first")
check(sum(float(raised) for _, raised, _ in ranked[3:]) <
      float(ranked[0][1]), "the others together do less than the first alone")
close()
