"""What "make install" puts down is enough for somebody else to build on."""
import os
import pathlib
import subprocess
import tempfile

from harness import ROOT, VARIANT, check, check_equal, close

EXPECTED = "event 42 at tick 400\n"
# A library that was built with sanitizers needs them in the consumer too.
FLAGS = {"sanitize": ["-fsanitize=address,undefined"],
         "coverage": ["--coverage"]}.get(VARIANT, [])
COMPILER = "clang" if VARIANT == "clang" else "gcc"


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT,
                          **options)


def build_consumer(prefix, output, *link, source="consumer"):
    environment = dict(os.environ,
                       PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig")
    flags = run("pkg-config", "--cflags", "--libs", *link, "vmcycle",
                env=environment)
    check_equal(flags.returncode, 0, f"pkg-config {link}: {flags.stderr}")
    static = [f"{prefix}/lib/libvmcycle.a"] if link else []
    libs = [f for f in flags.stdout.split() if not (link and f == "-lvmcycle")]
    built = run(COMPILER, *FLAGS, f"examples/{source}.c", "-o", str(output),
                *static, *libs)
    return check_equal(built.returncode, 0, f"consumer {link}: {built.stderr}")


with tempfile.TemporaryDirectory() as folder:
    prefix = pathlib.Path(folder, "usr")
    made = run("make", f"PREFIX={prefix}", f"VARIANT={VARIANT}", "install")
    check_equal(made.returncode, 0, f"make install: {made.stderr[-2000:]}")

    consumer = pathlib.Path(folder, "consumer")
    if build_consumer(prefix, consumer):
        done = run(str(consumer), env=dict(
            os.environ, LD_LIBRARY_PATH=f"{prefix}/lib"))
        check_equal(done.stdout, EXPECTED, "consumer of the shared library")
        linked = run("ldd", str(consumer),
                     env=dict(os.environ, LD_LIBRARY_PATH=f"{prefix}/lib"))
        check("libvmcycle.so.0" in linked.stdout, "linked by its soname")
    if build_consumer(prefix, consumer, source="doorbell_test"):
        done = run(str(consumer), env=dict(
            os.environ, LD_LIBRARY_PATH=f"{prefix}/lib"))
        check_equal((done.returncode, done.stdout.splitlines()[0]),
                    (0, "vector 40 on vCPU 1: event 0"),
                    f"a device under test: {done.stderr}")
    if build_consumer(prefix, consumer, "--static"):
        done = run(str(consumer))
        check_equal(done.stdout, EXPECTED, "consumer of the static library")

    done = run(f"{prefix}/bin/vmcycle", "profiles", "unit", env=dict(
        os.environ, VMCYCLE_PROFILES=f"{prefix}/share/vmcycle/profiles"))
    check_equal(done.returncode, 0, "the installed program runs")
    check(pathlib.Path(prefix, "share/man/man1/vmcycle.1").exists(),
          "the man page is there")
    completion = prefix / "share/bash-completion/completions/vmcycle"
    for words, expected in ((["vmcycle", "rep"], {"replay", "report"}),
                            (["vmcycle", "dump", "--li"], {"--limit="}),
                            (["vmcycle", "info", "traces/rcu-4vcpu.m"],
                             {"traces/rcu-4vcpu.meta"})):
        done = run("bash", "-c", f"source {completion}; "
                   f"COMP_WORDS=({' '.join(words)}); "
                   f"COMP_CWORD={len(words) - 1}; _vmcycle "
                   f"{prefix}/bin/vmcycle; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        check_equal(set(done.stdout.split()), expected,
                    f"completion of {words}")
    private = list(prefix.glob("include/**/*_priv.h"))
    check_equal(private, [], "no private header is installed")

    run("make", f"PREFIX={prefix}", f"VARIANT={VARIANT}", "uninstall")
    left = [p for p in prefix.rglob("*") if p.is_file()]
    check_equal(left, [], "uninstall leaves nothing")
close()
