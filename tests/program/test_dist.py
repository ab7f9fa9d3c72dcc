"""The source archive: the same bytes twice, and it builds and tests itself."""
import hashlib
import pathlib
import subprocess
import tempfile

from harness import ROOT, VARIANT, check, check_equal, close, make


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT,
                          **options)


if run("git", "rev-parse", "--verify", "HEAD").returncode != 0:
    print("skipped: no git checkout, so there is nothing to make an archive of")
    check(True, "this may be the archive")
    close()
hashes, archive = [], None
for _ in range(2):
    made = make("dist")
    check_equal(made.returncode, 0, f"make dist: {made.stderr}")
    archive = ROOT / made.stdout.split()[-1]
    hashes.append(hashlib.sha256(archive.read_bytes()).hexdigest())
    archive.touch()
check_equal(hashes[0], hashes[1], "the same bytes twice")
with tempfile.TemporaryDirectory() as folder:
    check_equal(run("tar", "-xzf", str(archive), "-C", folder).returncode, 0,
                "tar opens it")
    tops = list(pathlib.Path(folder).iterdir())
    check_equal(len(tops), 1, "one folder")
    tracked = set(run("git", "ls-tree", "-r", "--name-only", "HEAD")
                  .stdout.splitlines())
    found = {str(p.relative_to(tops[0])) for p in tops[0].rglob("*")
             if p.is_file() or p.is_symlink()}
    check_equal(found, tracked, "every file of the commit, and no other")
    there = ("-C", tops[0], "--silent")
    if VARIANT == "release":  # the others would build the same
        made = make(*there, "all", "build/release/tests/test_base",
                   "build/release/tests/tidy.result")
        check_equal(made.returncode, 0, f"make all: {made.stderr[-2000:]}")
        done = run(f"{tops[0]}/build/release/vmcycle", "version")
        check(done.stdout.startswith("vmcycle "), "its program runs")
        done = run(f"{tops[0]}/build/release/tests/test_base")
        check_equal(done.returncode, 0, f"its tests run: {done.stdout}")
    else:
        made = make(*there, "-n", "all")
        check_equal(made.returncode, 0, f"make -n all: {made.stderr}")
close()
