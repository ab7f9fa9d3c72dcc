#!/usr/bin/env python3
"""Check the shape of the source: layers, heads, pairs. Prints FILE:LINE: WHY.

LAYERS is the architecture. A module may include itself and what stands after
its colon; whatever else it includes is an error here.
"""
import pathlib
import re
import sys

LAYERS = {
    "base": "",
    "event": "base",
    "device": "base",
    "stats": "base",
    "trace": "base",
    "profile": "base",
    "ioregion": "base event device stats",
    "iocsr": "base event device stats ioregion",
    "eiointc": "base event device stats ioregion",
    "irqchip": "base event device stats ioregion",
    "vcpu": "base event device stats ioregion",
    "balloon": "base event device stats trace ioregion",
    "explore": "base event device stats",
}
# The same for the folders of sim/; what lies in sim/ itself all may include.
SIM_LAYERS = {
    "machine": "",
    "report": "",
    "balloon": "machine report",
    "explore": "machine report",
    "replay": "machine report balloon",
    "compare": "machine report balloon replay",
    "live": "replay",
    "sweep": "report",
    "mpi": "sweep",
}
COLUMNS_MAX = 80
BANNED = {
    r"\bNDEBUG\b": "assertions stay on",
    r"\b(rand|srand|random|drand48)\s*\(": "chance comes from base/rng.h",
    r"\b(sscanf|strcpy|strcat|sprintf|atoi|atol)\s*\(": "unchecked text handling",
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b": "unfinished",
    r"\t": "tabs are for Makefiles",
    r"\s$": "trailing blank",
}
# Host time belongs to benchmarks, and to one file of the program.
HOST_TIME = re.compile(r"\b(time|gettimeofday|clock_gettime)\s*\(")
HOST_TIME_FILES = re.compile(r"^(bench/|tests/|sim/hosttime)")

errors = []


def check_head(path, lines):
    if not lines or not lines[0].startswith("/* SPDX-License-Identifier: MIT"):
        errors.append(f"{path}:1: no SPDX line")
    parts = path.parts if path.parts[0] == "sim" else path.parts[-2:]
    guard = "_".join(parts).upper().replace(".", "_")
    if path.suffix == ".h" and f"#ifndef VMC_{guard}" not in lines:
        errors.append(f"{path}:1: no #ifndef VMC_{guard}")


def check_text(path, number, line):
    if len(line) > COLUMNS_MAX:
        errors.append(f"{path}:{number}: over {COLUMNS_MAX} columns")
    for pattern, why in BANNED.items():
        if re.search(pattern, line):
            errors.append(f"{path}:{number}: {why}")
    if (HOST_TIME.search(line) and not line.lstrip().startswith(("*", "/*"))
            and not HOST_TIME_FILES.search(str(path))):
        errors.append(f"{path}:{number}: host time in a model")


def check_include(path, number, line):
    match = re.match(r'#include "([\w/]+)/(\w+)\.h"', line)
    if path.parts[0] != "lib" or not match:
        return
    module, target = path.parts[1], match[1]
    if target != module and target not in LAYERS.get(module, "").split():
        errors.append(f"{path}:{number}: {module} must not include {target}")
    if match[2].endswith("_priv") and target != module:
        errors.append(f"{path}:{number}: {match[2]}.h is private to {target}")


def check_sim_include(path, number, line):
    match = re.match(r'#include "sim/(\w+)/\w+\.h"', line)
    if path.parts[0] != "sim" or len(path.parts) < 3 or not match:
        return
    folder, target = path.parts[1], match[1]
    if target != folder and target not in SIM_LAYERS.get(folder, "").split():
        errors.append(f"{path}:{number}: {folder} must not include {target}")


def check_pairs(path):
    if path.parts[0] == "lib" and path.suffix == ".c":
        names = (path.stem, path.parts[1], f"{path.parts[1]}_{path.stem}")
        if not any(pathlib.Path(f"tests/test_{n}.c").exists() for n in names):
            errors.append(f"{path}:1: no tests/test_{path.stem}.c")


count = 0
for folder in ("lib", "sim", "tests", "bench", "examples"):
    for path in sorted(pathlib.Path(folder).rglob("*.[ch]")):
        count += 1
        lines = path.read_text().split("\n")[:-1]
        check_head(path, lines)
        check_pairs(path)
        for number, line in enumerate(lines, 1):
            check_text(path, number, line)
            check_include(path, number, line)
            check_sim_include(path, number, line)

for error in errors:
    print(error)
print(f"{count - len(errors) if count > len(errors) else 0} passed, "
      f"{len(errors)} failed")
sys.exit(bool(errors))
