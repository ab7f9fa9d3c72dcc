"""docs/choosing-a-dispatch.md is true: its commands print what it shows.

    python3 tests/program/test_choosing.py --update

writes into the page what the commands print now.
"""
import os
import pathlib
import re
import subprocess
import sys

from harness import PROGRAM, ROOT, check, check_equal, close

PAGE = ROOT / "docs/choosing-a-dispatch.md"
BLOCK = re.compile(r"^```console\n\$ ([^\n]*)\n(.*?)^```$", re.M | re.S)
environment = dict(
    os.environ,
    PATH=f"{pathlib.Path(PROGRAM).resolve().parent}:{os.environ['PATH']}")


def run(match):
    done = subprocess.run(["sh", "-c", match[1]], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=60)
    return f"```console\n$ {match[1]}\n{done.stdout}{done.stderr}```"


page = PAGE.read_text()
now = BLOCK.sub(run, page)
check(len(BLOCK.findall(page)) >= 8, "there are commands on the page")
if "--update" in sys.argv:
    PAGE.write_text(now)
else:
    for line, (shown, printed) in enumerate(
            zip(page.splitlines(), now.splitlines()), 1):
        if not check_equal(printed, shown, f"{PAGE.name}:{line} "
                           "(--update writes what is printed now)"):
            break
    check_equal(len(now.splitlines()), len(page.splitlines()), "its length")

# The short table, held against the numbers.
rows = {}
for block, text in enumerate(BLOCK.findall(now)):
    for row in re.findall(r"^([a-z-]+) +(\d+) +(\d+) +([\d.]+) .* ([\d.]+)$",
                          text[1], re.M):
        rows[block, row[0]] = float(row[4])
stores, both, nested, idle = 0, 1, 2, 3
check(min((rows[stores, d], d) for d in
          ("kernel", "ioeventfd", "coalesced"))[1] == "coalesced",
      "coalesced is the cheapest for stores")
check(0.3 < rows[stores, "ioregion-posted"] < 0.45, "a third to a half of an exit")
check(all(rows[both, d] > 1 for d in ("process", "ioregion-sync")),
      "loads in another process are dearer than in the VMM")
check(0.6 < rows[both, "ioregion-sync"] / rows[both, "process"] < 0.7,
      "two thirds of passing it on")
check(rows[nested, "ioregion-sync"] < 1 < rows[nested, "process"],
      "nested: a descriptor beats an exit")
many, apart, locked = 5, 6, 7
check(rows[many, "ioregion-sync"] > rows[many, "process"],
      "sharing one descriptor is worse than passing on")
check(all(rows[apart, d] == rows[stores, d] for d in
          ("exit", "ioregion-posted", "ioregion-sync")),
      "with a descriptor each they do not wait")
check(rows[locked, "ioregion-posted"] < 1 < rows[many, "ioregion-posted"],
      "a lock of the VMM is as bad")
check(rows[idle, "ioregion-sync"] > rows[both, "ioregion-sync"],
      "an idle CPU is dear to wake")
close()
