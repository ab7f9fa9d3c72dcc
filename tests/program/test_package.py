"""The Debian packages: the same bytes wherever they are built, nothing that
lintian minds, and they can be installed, used and removed. The latter on a copy
of this machine's root, which is thrown away: an overlay in a mount namespace of
its own, where apt does all that it does for a user."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from harness import ROOT, VARIANT, check, check_equal, close, make

NAMES = ["libvmcycle-dev", "libvmcycle0", "vmcycle"]

# Makes the copy of the root in $1; there the sources of this checkout, $2, are
# hidden, so that nothing can be found in them, and so is /usr/local.
OVERLAY = r"""
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/tmp"
mount -t tmpfs tmpfs "$1/root/usr/local"
mkdir -p "$1/root$2"
mount -t tmpfs tmpfs "$1/root$2"
"""

# Installs them, does what the packages' own test does, and removes them.
USE = r"""
set -ex
export DEBIAN_FRONTEND=noninteractive HOME=/tmp
cd /tmp
list() { find /usr /etc /var -xdev -name '*vmcycle*'; }
list > before.txt
apt-get install --yes --no-install-recommends /packages/*.deb
dpkg --audit
dpkg --verify vmcycle libvmcycle0 libvmcycle-dev
/packages/use
apt-get purge --yes vmcycle libvmcycle-dev libvmcycle0
list | diff before.txt -
echo all is well
"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT,
                          timeout=500, **options)


def skip(reason):
    print(f"skipped: {reason}")
    check(True, "there is nothing to test")
    close()


def packages_in(folder):
    """The packages by name; those with debugging symbols are of no interest."""
    found = {path.name.split("_")[0]: path for path in folder.glob("*.deb")}
    return {name: path for name, path in found.items()
            if not name.endswith("-dbgsym")}


def check_versions(packages):
    version = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(),
                        re.M)[1]
    for name, path in packages.items():
        check_equal(run("dpkg-deb", "-f", str(path), "Version").stdout.strip(),
                    version, f"version of {name}")


def check_lint(changes):
    if not shutil.which("lintian"):
        print("skipped: no lintian, packages are not looked at by it")
        return
    done = run("lintian", "--fail-on", "error,warning", str(changes))
    check_equal((done.returncode, done.stdout), (0, ""), "lintian")


def check_same_bytes(packages, folder):
    """Elsewhere, by another clock and language, with other rights."""
    archive = next((ROOT / "build").glob("vmcycle-*.tar.gz"))
    run("tar", "-xzf", str(archive), "-C", folder)
    source = next(path for path in pathlib.Path(folder).iterdir())
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "VARIANT"))}
    environment.update(TZ="Asia/Kathmandu", LC_ALL="C.UTF-8", V="1",
                       PREFIX="/elsewhere")
    built = run("sh", "-c", "umask 077; cd \"$1\"; exec dpkg-buildpackage "
                "--build=binary --no-sign", "sh", str(source), env=environment)
    check_equal(built.returncode, 0, f"built again: {built.stderr[-2000:]}")
    again = packages_in(pathlib.Path(folder))
    for name, path in packages.items():
        hashes = {hashlib.sha256(p.read_bytes()).hexdigest()
                  for p in (path, again.get(name)) if p}
        check_equal(len(hashes), 1, f"{name} has the same bytes twice")


def check_use(packages, folder):
    """Install, use, remove; or, where no root can be copied, unpack."""
    copy = pathlib.Path(folder, "copy")
    copy.mkdir()
    script = (OVERLAY + 'mkdir "$1/root/packages"; shift 2; '
              'cp "$@" "$root/packages"; exec chroot "$root" sh -c "$use"')
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    environment = dict(os.environ, root=f"{copy}/root", use=USE)
    if run(*unshare, OVERLAY, "sh", str(copy), str(ROOT)).returncode == 0:
        done = run(*unshare, script, "sh", str(copy), str(ROOT),
                   "debian/tests/use", *map(str, packages.values()),
                   env=environment)
        check_equal((done.returncode, done.stdout.splitlines()[-1:]),
                    (0, ["all is well"]),
                    f"installed, used, removed: {done.stderr[-3000:]}")
        return
    print("skipped: a copy of the root cannot be mounted here; packages are "
          "unpacked, not installed")
    for path in packages.values():
        run("dpkg-deb", "-x", str(path), str(copy))
    done = run(f"{copy}/usr/bin/vmcycle", "profiles", "unit")
    check_equal(done.returncode, 0, f"the unpacked program: {done.stderr}")


if VARIANT != "release":
    skip("packages are built by the release variant only")
if not shutil.which("dpkg-buildpackage") or not shutil.which("dh"):
    skip("no dpkg-dev or no debhelper, packages are not built")
if run("git", "rev-parse", "--verify", "HEAD").returncode != 0:
    skip("no git checkout, so there is nothing to make packages of")
made = make("deb")
if not check_equal(made.returncode, 0, f"make deb: {made.stdout[-3000:]}"):
    close()
packages = packages_in(ROOT / "build/deb")
check_equal(sorted(packages), NAMES, "the packages")
check_versions(packages)
check_lint(next((ROOT / "build/deb").glob("*.changes")))
with tempfile.TemporaryDirectory() as folder:
    check_use(packages, folder)
if "--once" not in sys.argv:
    with tempfile.TemporaryDirectory() as folder:
        check_same_bytes(packages, folder)
close()
