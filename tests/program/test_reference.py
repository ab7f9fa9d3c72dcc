"""The API reference is made without a warning, and nothing public is missing
from it: functions, types and macros each have a comment, and so has every field
that a caller fills in or reads. The fields of what a module keeps for itself may
let their names speak."""
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import ROOT, check, check_equal, close, make

# Doxygen's complaint. A struct is a "Compound", a field a "variable".
COMPLAINT = re.compile(r"warning: (?:Member|Compound) (\S+).* is not documented")
FIELD = re.compile(r"\(variable\) of struct (\w+)")
# The last words of what a caller fills in or reads.
TOLD = re.compile(r"_(config|costs|counts|facts|faults|info|machine|request|"
                  r"result|summary)$")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120,
                          cwd=ROOT, **options)


def find_undocumented(source, folder):
    """What doxygen finds undocumented in @source, by name."""
    config = (ROOT / "docs/Doxyfile").read_text() + f"""
        INPUT = {source}
        OUTPUT_DIRECTORY = {folder}
        USE_MDFILE_AS_MAINPAGE =
        EXTRACT_ALL = NO
        WARN_AS_ERROR = NO
        GENERATE_HTML = NO
    """
    said = run("doxygen", "-", input=config).stderr
    found = set()
    for line in said.splitlines():
        field, complaint = FIELD.search(line), COMPLAINT.search(line)
        if complaint and (not field or TOLD.search(field[1])):
            found.add(re.split(r"[(\[]", complaint[1])[0])
    return found


def check_is_found(folder):
    """The check itself: what lacks a comment is found, and nothing else."""
    header = pathlib.Path(folder, "made_up.h")
    header.write_text("""/* SPDX-License-Identifier: MIT */
/**
 * made_up.h - a header for a test.
 */
/** Documented. */
struct vmc_good { int name_says_it; };
struct vmc_bad { int name_says_it; };
/** How it is. */
struct vmc_some_config {
    int told; /**< what it is */
    int untold;
    int these, those; /**< both */
    /** All three. */
    int one, two, three;
    int last;
};
/** Do @this, to < and > and #that.
 * Fails    never. */
void vmc_told(int this);
void vmc_shares_its_comment(int this);

void vmc_untold(int that);
#define VMC_UNTOLD 1
enum vmc_kind { VMC_KIND_A };
""")
    check_equal(find_undocumented(header, folder),
                {"vmc_bad", "untold", "last", "vmc_untold", "VMC_UNTOLD", "vmc_kind"},
                "what lacks a comment")


def check_pages(folder):
    headers = [p for p in (ROOT / "lib").glob("*/*.h")
               if not p.stem.endswith("_priv")]
    pages = list(folder.glob("html/*_8h.html"))
    check_equal(len(pages), len(headers), "a page for each header")
    text = (folder / "html/event_8h.html").read_text()
    for wanted in ("<dt>Owner</dt>", "<dt>Fails</dt>", "<dt>Asserts</dt>",
                   "<code>handler</code>", "vmc_engine_schedule"):
        check(wanted in text, f"{wanted} in the page of event.h")
    manual = folder / "man/man3/event.h.3"
    check("vmc_engine_schedule" in manual.read_text(), "a manual page, too")
    odd = [p.name for p in folder.glob("man/man3/*") if p.name.startswith("_")]
    check_equal(odd, [], "no page is named after a folder of this machine")


if not shutil.which("doxygen"):
    print("skipped: no doxygen, the reference is not made")
    check(True, "without it there is nothing to test")
    close()
made = make("reference")
check_equal((made.returncode, made.stderr), (0, ""), "make reference")
check_pages(ROOT / "build/reference")
with tempfile.TemporaryDirectory() as folder:
    check_is_found(folder)
    check_equal(find_undocumented("lib", folder), set(), "undocumented")
close()
