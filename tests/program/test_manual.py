"""The manual pages and the completion tell of every command and every option, of
no other, and programs that read manual pages find nothing to complain of."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

# How a line of --help that begins an option looks.
OPTION = re.compile(r"^(?:  |      )(?:-(.), )?--([a-z0-9-]+)", re.M)
PROGRAM_PATH = pathlib.Path(PROGRAM).resolve()
HELP = {"help", "usage"}  # every command has them; the page says so once


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          **options)


def find_commands():
    """Every command, and every subject of compare, as a list of words."""
    found = [[name] for name in
             re.findall(r"^  ([a-z]+) ", vmcycle("--help").stdout, re.M)]
    subjects = OPTION.findall(vmcycle("compare", "--help").stdout)
    return found + [["compare", f"--{name}"] for _, name in subjects]


def options_of(command):
    done = vmcycle(*command, "--help")
    check_equal((done.returncode, done.stderr), (0, ""), f"{command} --help")
    return {name: letter for letter, name in OPTION.findall(done.stdout)}


def complete(*words, cwd=None):
    """What the completion offers when the last of @words is being typed."""
    line = " ".join(f"'{word}'" for word in ("vmcycle", *words))
    script = (f"source {ROOT}/sim/vmcycle.bash; COMP_WORDS=({line}); "
              f"COMP_CWORD={len(words)}; _vmcycle {PROGRAM_PATH}; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return set(run("bash", "-c", script, cwd=cwd).stdout.splitlines()) - {""}


def plain(page):
    """The page as a reader with a narrow, plain terminal has it."""
    done = run("man", "-l", str(page), env=dict(
        os.environ, MANWIDTH="200", LC_ALL="C", GROFF_NO_SGR="1"))
    return re.sub(".\x08", "", done.stdout)


def sections_of(text):
    """The subsections of COMMANDS, by name."""
    body = text.split("\nCOMMANDS\n")[1].split("\nENVIRONMENT\n")[0]
    parts = re.split(r"^ {3}(\S.*)$", body, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def check_commands(text):
    sections = sections_of(text)
    commands = find_commands()
    check_equal(set(sections), {command[0] for command in commands},
                "a section for each command, and no other")
    check_equal(complete(""), set(sections), "each command is completed")
    known = set(HELP)
    for command in commands:
        options = options_of(command) if command != ["version"] else {}
        known |= set(options)
        section = sections.get(command[0], "")
        for name, letter in options.items():
            if name in HELP or command == ["compare"]:
                continue
            shown = f"-{letter}, --{name}" if letter else f"--{name}"
            check(re.search(rf"^ +{re.escape(shown)}(?![a-z0-9-])", section,
                            re.M), f"{command} {shown} in the manual")
        offered = {word.rstrip("=").lstrip("-")
                   for word in complete(*command, "--")}
        if command != ["version"]:
            check_equal(offered, set(options), f"completion of {command} --")
    for name in set(re.findall(r"(?<![a-z0-9-])--([a-z][a-z0-9-]*)", text)):
        check(name in known or name == "KEY", f"--{name} of the manual exists")


def check_environment(text):
    """Each variable that the program asks for is told of; TMPDIR is not ours."""
    asked = set()
    for source in (*(ROOT / "sim").rglob("*.c"), *(ROOT / "lib").glob("*/*.c")):
        asked |= set(re.findall(r'getenv\("(VMCYCLE_\w+)"', source.read_text()))
    body = text.split("\nENVIRONMENT\n")[1].split("\nEXIT STATUS\n")[0]
    check(len(asked) >= 3, f"variables: {asked}")
    check_equal(set(re.findall(r"VMCYCLE_\w+", body)), asked,
                "ENVIRONMENT of vmcycle(1)")


def check_values():
    """Names of profiles are completed where one is wanted."""
    names = {"3c5000-kvm", "3c5000-qemu"}
    for words in (["replay", "--profile", "3c5"],
                  ["replay", "--profile", "=", "3c5"],
                  ["compare", "--irq", "--profile", "=", "3c5"],
                  ["balloon", "--interrupts", "3c5"], ["profiles", "3c5"]):
        check_equal(complete(*words), names, f"completion of {words}")
    check("unit" in complete("replay", "--profile", "="),
          "before the first letter, too")
    check("unit" not in complete("replay", "--json", "="), "only there")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "a trace").touch()
        check_equal(complete("replay", "a", cwd=folder), {"a trace"},
                    "a file with a blank in its name")


def check_events(text):
    """vmct(5) has the events of the format's description, in its order."""
    table = re.findall(r"^\| \d+ \| `([a-z]\w*)` \|",
                       (ROOT / "lib/trace/format.md").read_text(), re.M)
    shown = re.findall(r"[`'](\w+)'", text.split("\nEVENTS\n")[1])
    check(len(table) > 60, "events of format.md")
    check_equal(shown, table, "events of vmct(5)")


def check_headers(text):
    """vmcycle(3) names every header that is installed."""
    headers = {f"{path.parent.name}/{path.name}"
               for path in (ROOT / "lib").glob("*/*.h")
               if not path.stem.endswith("_priv")}
    body = text.split("\nHEADERS\n")[1].split("\nRETURN VALUES\n")[0]
    check_equal(set(re.findall(r"<(\w+/\w+\.h)>", body)), headers,
                "headers of vmcycle(3)")


def check_lint(pages):
    if shutil.which("mandoc"):
        # Whether the pages that they name are installed is not their fault.
        done = run("mandoc", "-T", "lint", "-W", "style", *map(str, pages))
        said = [line for line in (done.stdout + done.stderr).splitlines()
                if "referenced manual not found" not in line
                and "outdated mandoc.db" not in line]
        check_equal(said, [], "mandoc -T lint")
    else:
        print("skipped: no mandoc, the pages are not checked by it")
    for page in pages:
        done = run("man", "--warnings", "-l", str(page),
                   env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80"))
        check_equal((done.returncode, done.stderr), (0, ""),
                    f"man --warnings {page.name}")


with tempfile.TemporaryDirectory() as folder:
    # A page that cannot be made is an error even where none can be read.
    pages = []
    for source in sorted((ROOT / "docs").glob("*.[135]")):
        done = run("awk", "-v", f"program={PROGRAM_PATH}",
                   "-f", "docs/manual.awk", str(source), cwd=ROOT)
        check_equal((done.returncode, done.stderr), (0, ""), source.name)
        pages.append(pathlib.Path(folder, source.name))
        pages[-1].write_text(done.stdout)
    if not shutil.which("man") or not shutil.which("groff"):
        print("skipped: no man or no groff, the pages are not read")
        check(True, "they were made")
        close()
    texts = {page.name: plain(page) for page in pages}
    check_equal(set(texts), {"vmcycle.1", "vmcycle.3", "vmct.5"}, "the pages")
    check_commands(texts["vmcycle.1"])
    check_values()
    check_environment(texts["vmcycle.1"])
    check_headers(texts["vmcycle.3"])
    check_events(texts["vmct.5"])
    check_lint(pages)
close()
