"""What "make install" puts down is enough for somebody else to build on: every
program in examples/ is built against it, with the shared library and with the
static one, and prints what it should."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import ROOT, VARIANT, check, check_equal, close, make

# A library that was built with sanitizers needs them in the consumer too.
FLAGS = {"sanitize": ["-fsanitize=address,undefined"],
         "coverage": ["--coverage"]}.get(VARIANT, [])
COMPILER = "clang" if VARIANT == "clang" else "gcc"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow",
          "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes"]


def run(*command, **options):
    options.setdefault("cwd", ROOT)
    return subprocess.run(command, capture_output=True, text=True, timeout=120,
                          **options)


# ---- What each example prints -----------------------------------------------
def check_consumer(printed):
    check_equal(printed, "event 42 at tick 400\n", "the smallest program")


def check_doorbell(printed):
    lines = printed.splitlines()
    check_equal([line for line in lines if line.startswith("vector")],
                ["vector 40 on vCPU 1: event 0", "vector 40 on vCPU 1: event 3"],
                "a device under test: raised, acknowledged")
    check_equal(sum(line.startswith("ok ") for line in lines), 5,
                "its checks")
    length = len((ROOT / "examples/doorbell_test.c").read_text().splitlines())
    check(length < 80, f"a unit test in less than 80 lines: {length}")


def check_lost_wakeup(printed):
    """Two steps of each task can be ordered in 4! / (2! 2!) = 6 ways, three
    and two in 10; the one that fails is look, set, wake, sleep."""
    rows = dict(line.split(": ", 1) for line in printed.splitlines()
                if ": " in line and not line.startswith(" "))
    check_equal(rows.get("look, sleep, stateful"),
                "exhaustive, 6 schedules, 1 fail", "all orders, counted")
    check_equal(rows.get("announce, look, sleep, stateful"),
                "exhaustive, 10 schedules, 0 fail", "the right way round")
    check(", 1 fail" in rows.get("look, sleep, dpor", ""), "DPOR finds it too")
    smallest = re.findall(r"^  with 1 preemption: (.*);", printed, re.M)
    check_equal(smallest, ["waiter setter setter waiter"] * 2,
                "the smallest schedule that fails")


def check_policy(printed):
    """A message has at most 256 pages and takes 100 us and 50 ns a page."""
    rows = {line[:12].strip(): list(map(int, line[12:].split()))
            for line in printed.splitlines()[1:]}
    check_equal(rows.get("keep half", [])[:2],
                [1024, 1024 * (100_000 + 256 * 50) // 1_000_000],
                "1 GiB, once: so many messages take so many ms")
    messages, ms, _, host_mib = rows["keep middle"]
    check(messages > 4000 and host_mib < rows["keep half"][3],
          "a policy that follows the program leaves more to the host")
    check(messages * 100 <= ms * 1000 <= messages * 113 + 1000,
          "the time of its messages")
    check(rows["watermarks"][0] < messages, "watermarks save messages")


def check_page(name, printed):
    """docs/embedding.md shows what the example prints."""
    page = (ROOT / "docs/embedding.md").read_text()
    shown = re.search(rf"^```console\n\$ \./{name}\n(.*?)^```$", page,
                      re.M | re.S)
    check_equal(shown and shown[1], printed, f"{name} in docs/embedding.md")


EXAMPLES = {"consumer": check_consumer, "doorbell_test": check_doorbell,
            "lost_wakeup": check_lost_wakeup, "balloon_policy": check_policy}


# The library in a language that is not its own.
CPP = r"""
extern "C" {
#include <event/event.h>
}
#include <iostream>

static void fire(void *, std::uint64_t argument)
{
    std::cout << argument << '\n';
}

int main()
{
    vmc_engine_config config{};
    vmc_engine *engine = nullptr;

    config.events_max = config.handlers_max = 1;
    if (vmc_engine_new(&engine, &config) != VMC_OK) {
        return 1;
    }
    vmc_engine_schedule(engine, 5, VMC_PHASE_DEVICE,
                        vmc_engine_add_handler(engine, "c++", 0, fire, nullptr),
                        42);
    vmc_engine_run_all(engine);
    std::cout << vmc_engine_now_tick(engine) << '\n';
    vmc_engine_free(engine);
}
"""


def ask_pkg_config(prefix, *options):
    return run("pkg-config", "--cflags", "--libs", *options, "vmcycle",
               env=dict(os.environ, PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig"))


def check_cpp(prefix, program):
    if not shutil.which("g++"):
        print("skipped: no g++, the library is not used from C++")
        return
    built = run("g++", *FLAGS, "-Wall", "-Wextra", "-Werror", "-xc++", "-", "-o",
                str(program), *ask_pkg_config(prefix).stdout.split(), input=CPP)
    if check_equal(built.returncode, 0, f"built as C++: {built.stderr}"):
        done = run(str(program), env=dict(os.environ,
                                          LD_LIBRARY_PATH=f"{prefix}/lib"))
        check_equal(done.stdout, "42\n5\n", f"in C++: {done.stderr}")


def build(prefix, output, name, is_static):
    """Build an example as its reader would: by what pkg-config says."""
    flags = ask_pkg_config(prefix, *(["--static"] if is_static else []))
    libs = [f"{prefix}/lib/libvmcycle.a" if is_static and f == "-lvmcycle"
            else f for f in flags.stdout.split()]
    built = run(COMPILER, *FLAGS, *STRICT, f"examples/{name}.c", "-o",
                str(output), *libs)
    return check_equal((flags.returncode, built.returncode), (0, 0),
                       f"{name}: {flags.stderr}{built.stderr}")


def check_examples(prefix, program):
    found = {path.stem for path in (ROOT / "examples").glob("*.c")}
    check_equal(found, set(EXAMPLES), "every example is looked at here")
    for is_static in (False, True):
        environment = dict(os.environ)
        if not is_static:
            environment["LD_LIBRARY_PATH"] = f"{prefix}/lib"
        for name, check_output in EXAMPLES.items():
            if not build(prefix, program, name, is_static):
                continue
            linked = run("ldd", str(program), env=environment)
            check_equal("libvmcycle.so.0 => " + str(prefix) in linked.stdout,
                        not is_static, f"{name}: linked by its soname")
            done = run(str(program), env=environment)
            if check_equal((done.returncode, done.stderr), (0, ""), name):
                check_output(done.stdout)
                check_page(name, done.stdout)


def check_headers(include):
    """Each header is all it needs, and all go together, in C, and in C++ inside
    extern "C"."""
    headers = sorted(include.rglob("*.h"))
    check(len(headers) > 50, f"{len(headers)} headers are there")
    check_equal([h for h in headers if h.stem.endswith("_priv")], [],
                "no private one among them")
    lines = {str(h.relative_to(include)): f'#include "{h.relative_to(include)}"'
             for h in headers}
    lines["all headers"] = "\n".join(lines.values())
    kinds = [("C", [COMPILER, *STRICT, "-xc"], "{}\n")]
    if shutil.which("g++"):
        kinds.append(("C++", ["g++", "-std=c++17", "-Wall", "-Wextra",
                              "-Werror", "-xc++"], 'extern "C" {{\n{}\n}}\n'))
    else:
        print("skipped: no g++, headers are not tried in C++")
    for language, command, text in kinds:
        for name, line in lines.items():
            done = run(*command, "-fsyntax-only", f"-I{include}", "-",
                       input=text.format(line))
            check_equal(done.returncode, 0,
                        f"{name} in {language}: {done.stderr[:1000]}")


def check_symbols(folder):
    """A consumer's own serve() or check() must not meet one of ours."""
    for name, option in (("libvmcycle.a", "-g"), ("libvmcycle.so", "-D")):
        listed = run("nm", option, "--defined-only", f"{folder}/{name}").stdout
        names = {line.split()[2] for line in listed.splitlines()
                 if len(line.split()) == 3}
        check(len(names) > 500, f"{name} has {len(names)} names")
        # What a sanitizer or gcov adds begins with an underscore.
        check_equal([n for n in names if not re.match("vmc_|_", n)], [],
                    f"names of {name} that do not begin with vmc_")


def check_no_state(library):
    """Two machines can live in one process, for there is nothing that they
    could share: no variable is left outside of them, and none of a thread."""
    if FLAGS:
        return  # sanitizers and gcov keep books of their own
    sections = dict(re.findall(r"^(\.\S+) +(\d+)",
                               run("size", "-A", str(library)).stdout, re.M))
    check(int(sections.get(".text", 0)) > 100_000, "code of the library")
    writable = {name: size for name, size in sections.items() if size != "0"
                and re.match(r"\.t?(data|bss)(?!\.rel\.ro)", name)}
    check_equal(writable, {}, "variables of the library")


def check_completion(prefix):
    """The installed completion asks the installed program; test_manual.py has
    every command and option."""
    completion = prefix / "share/bash-completion/completions/vmcycle"
    for words, expected in ((["vmcycle", "rep"], {"replay", "report"}),
                            (["vmcycle", "info", "traces/rcu-4vcpu.m"],
                             {"traces/rcu-4vcpu.meta"})):
        done = run("bash", "-c", f"source {completion}; "
                   f"COMP_WORDS=({' '.join(words)}); "
                   f"COMP_CWORD={len(words) - 1}; _vmcycle "
                   f"{prefix}/bin/vmcycle; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        check_equal(set(done.stdout.split()), expected,
                    f"completion of {words}")


with tempfile.TemporaryDirectory() as folder:
    prefix = pathlib.Path(folder, "usr")
    made = make(f"PREFIX={prefix}", f"VARIANT={VARIANT}", "install")
    if not check_equal(made.returncode, 0, f"install: {made.stderr[-2000:]}"):
        close()
    check_examples(prefix, pathlib.Path(folder, "program"))
    check_cpp(prefix, pathlib.Path(folder, "program"))
    check_headers(prefix / "include/vmcycle")
    check_symbols(prefix / "lib")
    check_no_state(prefix / "lib/libvmcycle.a")
    done = run(f"{prefix}/bin/vmcycle", "profiles", "unit", env=dict(
        os.environ, VMCYCLE_PROFILES=f"{prefix}/share/vmcycle/profiles"))
    check_equal(done.returncode, 0, "the installed program runs")
    # Elsewhere than it was built for, and called from a folder with nothing.
    done = run(f"{prefix}/bin/vmcycle", "explore", "S01", cwd=folder)
    check("schedules" in done.stdout, f"a scenario by its name: {done.stderr}")
    check(pathlib.Path(prefix, "share/man/man1/vmcycle.1").exists(),
          "the man page is there")
    check_completion(prefix)
    make(f"PREFIX={prefix}", f"VARIANT={VARIANT}", "uninstall")
    left = [p for p in prefix.rglob("*") if p.is_file()]
    check_equal(left, [], "uninstall leaves nothing")
close()
