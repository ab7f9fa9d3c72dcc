"""The report: a page that is well-formed and loads nothing, whose numbers are
those of the runs, and that a browser shows on a phone and in the dark."""
import csv
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree
import zlib

import chromium
from harness import check, check_equal, close, vmcycle
from page import Page, check_page

TRACE = "traces/eiointc-4vcpu.qemu.log.zst"
UNITS = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}
folder = tempfile.TemporaryDirectory()
top = pathlib.Path(folder.name)


def results(name):
    return json.loads((top / name / "report.json").read_text())


def table_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def make_runs():
    for name, command in {
            "qemu": ("replay", TRACE),
            "kvm": ("replay", TRACE, "--profile", "3c5000-kvm"),
            "sixteen": ("replay", "traces/veiointc-16vcpu.qemu.log.zst"),
            "balloon": ("replay", "traces/balloon-1g-2vcpu.qemu.log.zst"),
            "bus": ("replay", "traces/kvm-bios-pc.ftrace.txt.zst"),
            "rcu": ("replay", "traces/rcu-4vcpu.ftrace.txt.zst"),
            "inflate": ("balloon", "--guest", "4G", "--mechanism", "bitmap"),
            "race": ("explore", "S03", "--variant", "bug"),
    }.items():
        run = vmcycle(*command, "--report", top / name)
        check(run.returncode in (0, 1) and "no picture" not in run.stderr,
              f"{name}: {run.returncode} {run.stderr}")


def page_of(*names, options=(), output="page.html"):
    run = vmcycle("report", *(top / name for name in names), "-o",
                  top / output, *options)
    check_equal((run.returncode, run.stdout.strip()), (0, str(top / output)),
                f"report {names} ends with its path")
    page = Page((top / output).read_text())
    check_equal(check_page(page), [], f"the page of {names}")
    return page


# ---- Comparison, computed once more ------------------------------------------


def numbers(value, path=""):
    """Every number of the results by its path; lists have none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def mark(path, value, reference):
    """The mark of a difference: its class, its sign and its size."""
    if value == reference:
        return "", "="
    if reference == 0:
        return "d3", "▲ +" if value > 0 else "▼ −"
    percent = 100 * (value - reference) / abs(reference)
    kind = "d1" if abs(percent) < 10 else "d2" if abs(percent) < 50 else "d3"
    if percent >= 1000:
        return kind, f"▲ ×{value / reference:.1f}"
    sign = "▲ +" if percent > 0 else "▼ −"
    return kind, f"{sign}{abs(percent):.1f}\xa0%"


def check_comparison(page, names, reference):
    runs = [dict(numbers(results(name))) for name in names]
    shared = {path for run in runs for path in run
              if sum(path in other for other in runs) > 1}
    section = page.by_id("comparison")
    tables = section.all("table", cls="compare")
    seen = set()
    for box in section.all("details"):
        prefix = box.all("summary")[0].text()
        for row in box.all("table")[0].rows()[1:]:
            path = f"{prefix}.{row[0].text()}"
            seen.add(path)
            values = [run.get(path) for run in runs]
            for i, (cell, value) in enumerate(zip(row[1:], values)):
                data = cell.all("data")
                found = float(data[0]["value"]) if data else None
                check_equal(found, value, f"{path} of {names[i]}")
                marks = cell.all("span", cls="d")
                base = values[reference]
                if i == reference or None in (value, base):
                    check_equal(marks, [], f"{path}: no mark")
                    continue
                kind, words = mark(path, value, base)
                check(marks[0].text().startswith(words)
                      and kind in marks[0]["class"],
                      f"{path} of {names[i]}: {marks[0].text()} {words}")
            same = len(set(map(str, values))) == 1
            check_equal("same" in (row[0].parent["class"] or ""), same,
                        f"{path}: same in all")
    check_equal(seen, shared, f"the numbers that {names} share")
    said = section.all("p")[0].text().replace("\u202f", "")
    check(said.startswith(f"Of {len(shared)} numbers"), said)
    for table in tables:
        heads = [cell.text() for cell in table.rows()[0][1:]]
        check_equal([i for i, head in enumerate(heads) if "reference" in head],
                    [reference], "the reference")


# ---- Answers -----------------------------------------------------------------


def ns_of(text):
    value, unit = text.split("\xa0")
    return float(value) * UNITS[unit]


def close_to(found, expected):
    return abs(found - expected) <= 0.006 * expected


def check_answers(page, name):
    run = results(name)["interrupts"]
    cards = page.all(cls="answers")[0].all("div")
    check_equal([card.all("h2")[0].text() for card in cards],
                ["How long did interrupts take?", "Where did the time go?",
                 "Did the model agree with the recording?"], "the questions")
    check(close_to(ns_of(cards[0].all(cls="big")[0].text()),
                   run["recorded_latency_ns"]["p50"]), "how long")
    times = re.findall(r"[\d.]+\xa0(?:[nµm]?s)\b", cards[0].text())
    for key in ("p99", "max"):
        check(any(close_to(ns_of(t), run["recorded_latency_ns"][key])
                  for t in times), f"{key} among {times}")
    check(any(close_to(ns_of(t), run["simulated_latency_ns"]["p50"])
              for t in times), f"the model's among {times}")
    stages = run["stages_ns"]
    largest = max(stages, key=stages.get)
    share = 100 * stages[largest] / sum(stages.values())
    check(cards[1].all(cls="big")[0].text().startswith(
        f"{largest} {share:.0f}\xa0%"), "where the time went")
    widths = [float(e["width"]) for e in cards[1].all("rect")]
    expected = [1000 * ns / sum(stages.values()) for ns in stages.values()
                if ns > 0]
    check(len(widths) == len(expected) and
          all(abs(a - b) < 0.1 for a, b in zip(widths, expected)),
          f"the bar: {widths}")
    check(cards[2].all(cls="good") and "Yes" in cards[2].text(), "it agrees")
    check(f"{run['register_reads']:,}".replace(",", "\u202f") in
          cards[2].text(), "how many reads were checked")


def check_disagreement():
    """A recording whose reads the model has otherwise: the page says so."""
    damaged = top / "damaged"
    damaged.mkdir()
    report = results("qemu")
    report["interrupts"].update(mismatches=3, first_mismatch={
        "line": 77, "recorded": "0x1", "model": "0x0"}, lost=1)
    report["interrupts"]["findings"].insert(0, {
        "what": "lost", "line": 4711, "vcpu": 2, "vector": 33})
    (damaged / "report.json").write_text(json.dumps(report))
    page = page_of("damaged", output="damaged.html")
    card = page.all(cls="answers")[0].all("div")[2]
    check("No, 3 differ" in card.text() and card.all(cls="bad"),
          f"no agreement: {card.text()}")
    details = [e.text() for e in page.all("details") if e["open"] is not None
               or "open" in e.attributes]
    check(any("77" in text and "0x1" in text for text in details),
          "the first mismatch is open")
    check(any("4\u202f711" in text for text in details), "so is what was lost")


def check_odd_folders():
    """Folders that somebody else wrote, or that were damaged: a page that is
    well-formed all the same, or a line about it."""
    whole = (top / "qemu" / "report.json").read_text()
    svg = (top / "qemu" / "latency.svg").read_text()
    odd = top / "odd"
    odd.mkdir()
    for what, text, status in (
            ("nothing in it", "{}", 0),
            ("no object", "[1, 2]", 0),
            ("cut short", whole[:len(whole) // 2], 2),
            ("strings for numbers", re.sub(r": \d+", ': "<b>&"', whole), 0),
            ("numbers for objects", re.sub(r'_ns": \{[^}]*\}', '_ns": 7',
                                           whole), 0),
            ("lists for objects", re.sub(r'(_ns"): \{[^}]*\}', r"\1: [{}, 3]",
                                         whole), 0),
            ("large numbers", re.sub(r": \d+", ": 9223372036854775807", whole),
             0),
            ("negative numbers", re.sub(r": (\d+)", r": -\1", whole), 0),
            ("a name with markup", whole.replace(TRACE, r'<i>&x/\"y'), 0)):
        (odd / "report.json").write_text(text)
        run = vmcycle("report", odd, top / "qemu", odd, "-o", top / "odd.html")
        check_equal(run.returncode, status, f"{what}: {run.stderr}")
        if status == 0:
            check_equal(check_page(Page((top / "odd.html").read_text())), [],
                        f"a page of a folder with {what}")
    (odd / "report.json").write_text(whole)
    for what, text in (("nothing", ""), ("half a picture", svg[:len(svg) // 2]),
                       ("no text", re.sub(r"<desc>.*?</desc>", "", svg)),
                       ("no size", svg.replace("viewBox", "box")),
                       ("a program", svg.replace("</svg>",
                                                 "<script>1</script></svg>"))):
        (odd / "latency.svg").write_text(text)
        run = vmcycle("report", odd, "-o", top / "odd.html")
        check_equal(run.returncode, 0, f"{what}: {run.stderr}")
        check_equal(check_page(Page((top / "odd.html").read_text())), [],
                    f"a page of a folder with {what} in its picture")
    # Names that a shell, gnuplot or HTML would take for something else.
    for name in ("it's", "$(touch x)", "a;b", "<b>&amp;", "tab\tin it", "ä\\n"):
        (top / name).mkdir()
        for path in (top / "inflate").iterdir():
            shutil.copy(path, top / name)
        page_of(name, "inflate", name, output="odd.html")
    (odd / "report.json").unlink()
    for what, text, status in (
            ("no rows", "point\tseed\ttotal_ms\n", 0), ("nothing", "", 2),
            ("half a row", "point\tseed\ttotal_ms\n1\t2\t3\n4\t5\n", 0),
            ("words", "point\tseed\ttotal_ms\n1\t2\tx<\n2\t2\ty\n", 0),
            ("one row", "point\ta\ttotal_ms\n1\t'\t4\n", 0),
            ("quotes", "point\ta'\tseed\ttotal_ms\n1\t'\t4\t5\n2\t\"\t4\t7\n",
             0)):
        (odd / "rows.tsv").write_text(text)
        run = vmcycle("report", odd, "-o", top / "odd.html")
        check_equal(run.returncode, status, f"{what}: {run.stderr}")
        if status == 0:
            check_equal(check_page(Page((top / "odd.html").read_text())), [],
                        f"a page of a sweep with {what}")


# ---- What a run's section tells ----------------------------------------------


def check_findings(page, name):
    run = results(name)["interrupts"]
    section = page.by_id("run-1")
    rows = table_rows(top / name / "findings.tsv")
    for what in ("lost", "unfinished", "spurious", "withdrawn", "redelivered"):
        listed = [f for f in run["findings"] if f["what"] == what]
        check_equal([int(row["line"]) for row in rows if row["what"] == what],
                    [f["line"] for f in listed], f"rows of {what}")
        check_equal(len(listed), min(1000, run[what]), f"{what}, kept")
        boxes = [box for box in section.all("details")
                 if box.all("summary")[0].text().startswith(f"{run[what]} ")
                 and what in box.all("summary")[0].text()]
        check_equal(len(boxes), run[what] > 0, f"a box for {what}")
        for box in boxes:
            shown = [float(row[0].all("data")[0]["value"])
                     for row in box.all("table")[0].rows()[1:]]
            check_equal(shown, [f["line"] for f in listed[:20]],
                        f"lines of {what}")
            check_equal(f"{run[what] - 20} more" in box.text(),
                        run[what] > 20, f"how many more of {what}")


def check_assumed(page, names):
    section = page.by_id("assumed")
    for name in names:
        run = results(name)
        for profile in run["profiles"]:
            listed = vmcycle("profiles", profile["name"], "--json", "-")
            entries = json.loads(listed.stdout)["profiles"][0]["entries"]
            numbers = {f"{e['section']}.{e['key']}": e for e in entries}
            assumed = [a for a in run["assumed"]
                       if a["profile"] == profile["name"]]
            check_equal(len(assumed), profile["assumed"],
                        f"assumed numbers of {profile['name']}")
            box = [box for box in section.all("details")
                   if box.all("b")[0].text() == profile["name"]][0]
            shown = {row[0].text(): row for row in box.all("table")[0].rows()}
            for number in assumed:
                entry = numbers[number["name"]]
                check(entry["assumed"], f"{number['name']} is assumed")
                scale = {"ns": 1000, "ps": 1, "": 1}[number["unit"]]
                check_equal(number["value"] * scale,
                            entry.get("ps", entry.get("value")),
                            f"the value of {number['name']}")
                check(number["name"] in shown, f"{number['name']} is shown")


def check_heat(name):
    """The cells of the heat map, counted once more."""
    points = [(int(row["time_ns"]), int(row["latency_ns"]))
              for row in table_rows(top / name / "timeline.tsv")]
    cells = [tuple(map(int, row.values()))
             for row in table_rows(top / name / "heat.tsv")]
    check_equal(sum(cell[4] for cell in cells), len(points), "all are counted")
    for t0, t1, low, high, count in cells:
        inside = sum(t0 <= t < t1 and low <= ns < high for t, ns in points)
        check_equal(inside, count, f"the cell at {t0}, {low}")


def check_map(name):
    rows = table_rows(top / name / "map.tsv")
    vectors = sorted({int(row["vector"]) for row in rows})
    check_equal({(int(row["vector"]), int(row["column"])) for row in rows},
                {(v, i) for i, v in enumerate(vectors)}, "columns of vectors")
    check_equal(sum(int(row["interrupts"]) for row in rows),
                results(name)["interrupts"]["delivered"],
                "the map has every interrupt")


# ---- Sweeps ------------------------------------------------------------------

SWEEP = """[sweep]
run = balloon --machine m2-2025 --guest 4G
seed = 7
[vary]
mechanism = pfn, huge, virtio-mem
move = 128M..1024M *2
set balloon_send.pop = 1 us, 2 us, 3 us, 4 us, 5 us, 6 us, 7 us, 8 us, 9 us
"""


def check_sweep():
    (top / "sweep.ini").write_text(SWEEP)
    run = vmcycle("sweep", top / "sweep.ini", "-o", top / "sweep")
    check_equal(run.returncode, 0, "a sweep")
    rows = table_rows(top / "sweep" / "rows.tsv")
    rows.sort(key=lambda row: (float(row["total_ms"]), int(row["point"])))
    page = page_of("sweep", output="sweep.html")
    table = page.by_id("run-1").all("table")[0].rows()
    names = [cell.text() for cell in table[0]]
    check_equal(names[:5], ["point", "mechanism", "move",
                            "set balloon_send.pop", "total_ms"], "columns")
    check_equal(len(table) - 1, 100, "as many points as the page shows")
    check(f"{len(rows) - 100} more" in page.by_id("run-1").text(),
          "and how many more there are")
    for shown, row in zip(table[1:], rows):
        check_equal([cell.text() for cell in shown[:4]],
                    [row[name] for name in names[:4]], "a point in its place")
        for cell, name in zip(shown[4:], names[4:]):
            check_equal(float(cell.all("data")[0]["value"]), float(row[name]),
                        f"{name} of point {row['point']}")
    check_equal(len(page.all("figure")), 1, "a picture of the points")


def check_sensitivity():
    run = vmcycle("sweep", "--run", "balloon --machine m2-2025 --guest 1G",
                  "--sensitivity", "total_ms", "--only", "balloon_send.*",
                  "-o", top / "numbers")
    check_equal(run.returncode, 0, "a sensitivity")
    rows = table_rows(top / "numbers" / "sensitivity.tsv")
    page = page_of("sweep", "numbers", output="sweeps.html")
    table = page.by_id("run-2").all("table")[0].rows()
    check_equal([row[1].text() for row in table[1:]],
                [row["number"] for row in rows[:40]], "numbers by effect")
    check_equal(len(page.by_id("run-2").all("figure")), 2,
                "a picture of them, one of the points")


# ---- Read by others ----------------------------------------------------------

# What HTML Tidy of 2017 says of what HTML has had since, and of the empty boxes
# that show a colour.
KNOWN = ("<data> is not approved by W3C", '<title> proprietary attribute "id"',
         "trimming empty <i>")


def check_with_tidy(names):
    if shutil.which("tidy") is None:
        print("skipped: no HTML Tidy is installed")
        return
    for name in names:
        run = subprocess.run(
            ["tidy", "-errors", "-quiet", "-utf8", "--show-errors", "1000",
             "--new-inline-tags", "data", top / name],
            capture_output=True, text=True, timeout=60)
        check_equal([line for line in run.stderr.splitlines()
                     if not line.endswith(KNOWN)], [], f"{name}: HTML Tidy")


def check_svg():
    """The pictures as files of their own: XML, with their words."""
    for path in sorted(top.glob("*/*.svg")):
        if path.parent.name == "odd":
            continue
        root = xml.etree.ElementTree.parse(path).getroot()
        words = [root.findtext("{http://www.w3.org/2000/svg}" + tag) or ""
                 for tag in ("title", "desc")]
        check(all(words) and "gnuplot" not in " ".join(words).lower(),
              f"{path.parent.name}/{path.name}: {words}")


# ---- In a browser ------------------------------------------------------------


def lines_of(png):
    """How many different lines of pixels a picture has."""
    at, data = 8, b""
    while at < len(png):
        size, kind = int.from_bytes(png[at:at + 4], "big"), png[at + 4:at + 8]
        if kind == b"IHDR":
            width, height = (int.from_bytes(png[at + 8 + i:at + 12 + i], "big")
                             for i in (0, 4))
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + size]
        at += size + 12
    data = zlib.decompress(data)
    step = len(data) // height
    return len({data[i * step + 1:(i + 1) * step] for i in range(height)})


PHONE, DESK = (390, 844, True), (1280, 800, False)
LOOK = ("document.documentElement.scrollWidth - window.innerWidth",
        "getComputedStyle(document.body).backgroundColor",
        "Math.max(...[...document.querySelectorAll('.answers>div')].map("
        "e => e.getBoundingClientRect().bottom)) - window.innerHeight",
        # Boxes to be opened must not make the page wider, either.
        "document.querySelectorAll('details').forEach(e => e.open = true),"
        "document.documentElement.scrollWidth - window.innerWidth")


def check_in_browser(name, sizes):
    seen = {}
    for width, height, mobile in sizes:
        for dark in (False, True):
            what = f"{name} at {width}, {'dark' if dark else 'light'}"
            shown = chromium.load(top / name, LOOK, width, height, mobile,
                                  dark, screenshot=True)
            check_equal(shown.errors, [], f"{what}: errors")
            check_equal(len(shown.requests), 1, f"{what}: {shown.requests}")
            over, background, below, opened = shown.values
            check(over <= 0 and opened <= 0,
                  f"{what}: scrolls sideways by {over}, {opened}")
            check(below is None or below <= 0, f"{what}: answers {below} below the first screen")
            check(lines_of(shown.screenshot) > height / 4,
                  f"{what}: something is shown")
            seen[width, dark] = background
        check(seen[width, False] != seen[width, True], "the dark is dark")


make_runs()
for name in ("qemu", "sixteen", "balloon", "bus", "rcu", "inflate", "race"):
    own = Page((top / name / "index.html").read_text())
    check_equal(check_page(own), [], f"the page that {name} wrote")
    check(own.all("figure"), f"{name} has pictures")

single = page_of("qemu", output="single.html")
check_answers(single, "qemu")
check_findings(single, "qemu")
check_findings(page_of("sixteen"), "sixteen")
check_assumed(single, ["qemu"])
check_heat("qemu")
check_map("sixteen")
check_disagreement()
check_odd_folders()
check_sweep()
check_sensitivity()

pair = page_of("qemu", "kvm", output="pair.html")
check_comparison(pair, ["qemu", "kvm"], 0)
check_comparison(page_of("qemu", "kvm", "sixteen", "rcu", "balloon",
                         options=("--reference", "3")),
                 ["qemu", "kvm", "sixteen", "rcu", "balloon"], 2)
everything = ("qemu", "kvm", "sixteen", "balloon", "bus", "rcu", "inflate",
              "race")
page = page_of(*everything, output="all.html")
check_assumed(page, [n for n in everything if "profiles" in results(n)])
check_equal([s.all("h2")[0].text() for s in page.all("section")
             if (s["id"] or "").startswith("run-")],
            ["qemu", "kvm", "veiointc-16vcpu", "balloon-1g-2vcpu",
             "kvm-bios-pc", "rcu-4vcpu", "bitmap, inflate on m2-2025", "S03"],
            "names of runs; two of one trace by their folders")
check(page.all("pre") and "V01" in page.all("pre")[0].text(),
      "the counterexample as text")
check_equal([e.all("title")[0].text() for e in
             page_of("inflate", "inflate").by_id("comparison").all("figure")],
            ["Stages of the balloon operations"], "two operations in a picture")
twice = page_of("rcu", "rcu")
check_equal([s.all("h2")[0].text() for s in twice.all("section")
             if (s["id"] or "").startswith("run-")],
            ["rcu #1", "rcu #2"], "a run beside itself")

for words, reason in ((("report", top / "none"), "no folder"),
                      (("report",), "none named"),
                      (("report", top / "rcu", "--reference", "2"),
                       "a reference that is none"),
                      (("report", top / "rcu", "--reference", "0"),
                       "references count from 1"),
                      (("report", top / "rcu", "-o", top / "no/page.html"),
                       "no folder for the page")):
    run = vmcycle(*words, cwd=None)
    check_equal(run.returncode, 2, reason)
    check(run.stderr.strip(), f"{reason}: a line about it")

check_svg()
check_with_tidy(("single.html", "pair.html", "all.html", "sweeps.html"))
try:
    check_in_browser("all.html", (PHONE, DESK))
    check_in_browser("single.html", (PHONE,))
    check_in_browser("pair.html", (DESK,))
    check_in_browser("sweeps.html", (PHONE,))
except chromium.NoBrowser as reason:
    print(f"skipped: pages in a browser: {reason}")
folder.cleanup()
close()
