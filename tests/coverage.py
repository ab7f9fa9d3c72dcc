#!/usr/bin/env python3
"""Print the line coverage of lib/ from the counts that gcov kept.

    coverage.py BUILD_FOLDER

Fails below 95 %. Lists the files that pull the figure down.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

MIN_PERCENT = 95.0


def lines_of(counts):
    """{source: {line: hits}} of one .gcda, added up over all its functions."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["gcov", "--json-format", "--stdout", str(counts.resolve())],
            capture_output=True, cwd=folder, check=False)
    found = {}
    for text in done.stdout.splitlines():
        for entry in json.loads(text).get("files", []):
            lines = found.setdefault(entry["file"], {})
            for line in entry["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
    return found


total = {}
for counts in sorted(pathlib.Path(sys.argv[1], "lib").rglob("*.gcda")):
    for source, lines in lines_of(counts).items():
        if source.startswith("lib/"):
            kept = total.setdefault(source, {})
            for number, hits in lines.items():
                kept[number] = kept.get(number, 0) + hits

rows = []
for source, lines in total.items():
    reached = sum(1 for hits in lines.values() if hits)
    rows.append((100 * reached / max(len(lines), 1), source, len(lines)))
for percent, source, count in sorted(rows):
    if percent < MIN_PERCENT:
        print(f"{percent:6.1f} %  {source} ({count} lines)")
all_lines = sum(count for _, _, count in rows)
reached = sum(percent * count / 100 for percent, _, count in rows)
percent = 100 * reached / max(all_lines, 1)
print(f"lib/: {percent:.1f} % of {all_lines} lines in {len(rows)} files")
sys.exit(percent < MIN_PERCENT)
