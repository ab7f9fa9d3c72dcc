"""Text traces as they come: cut, damaged, dribbling, with odd bytes."""
import json
import pathlib
import subprocess
import tempfile
import time

from harness import PROGRAM, ROOT, check, check_equal, close, vmcycle

GOOD = b"7@1.0:virtqueue_flush vq 0x1 count 1\n"


def counts(*arguments, **options):
    result = vmcycle(*arguments, "--json", "-", **options)
    return result, json.loads(result.stdout)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)

    # What stands before the damage is replayed, from the text and from its
    # import alike, and the text is an error.
    whole = (ROOT / "traces/eiointc-4vcpu.qemu.log.zst").read_bytes()
    cut, native = folder / "cut.log.zst", folder / "cut.vmct"
    meta = ROOT / "traces/eiointc-4vcpu.meta"
    for size in (20000, 60000, 100001):
        cut.write_bytes(whole[:size])
        imported = vmcycle("import", cut, "-o", native, "--meta", meta)
        check_equal(imported.returncode, 2, f"{size}: import exits")
        result, text = counts("replay", cut, "--meta", meta)
        check_equal(result.returncode, 2, f"{size}: replay exits")
        check("after line" in result.stderr, f"{size}: says where")
        result, back = counts("replay", native)
        check(back["trace"]["records"] > 0, f"{size}: some records")
        for section in ("trace", "interrupts"):
            check_equal(text[section], back[section],
                        f"{size}: {section} from text and from .vmct")
        check_equal(text["trace"]["truncated"], True, f"{size}: truncated")
        check_equal(text["interrupts"]["mismatches"], 0, f"{size}: matches")

    # Bytes that are no text
    log = folder / "odd.log"
    log.write_bytes(GOOD + b"7@1.1:odd\xff\xfe a\n" +
                    b"7@1.2:virtio_balloon_handle_output section name: a\0b "
                    b"gpa: 0x1000\n" +
                    b"7@1.3:virtio_balloon_handle_output section name: a\xe9b"
                    b" gpa: 0x1000\n" + GOOD)
    check_equal(vmcycle("import", log, "-o", native).returncode, 0,
                "odd bytes: import exits")
    _, text = counts("info", log)
    _, back = counts("info", native)
    check_equal(text["unknown"], {"odd\\xff\\xfe": 1}, "odd name")
    check_equal(text["skipped_lines"], 1, "a zero byte in a text is skipped")
    check_equal(text["records"], 3, "odd bytes: records")
    check_equal(back["records"], 3, "odd bytes: records of the .vmct")
    check_equal(back["unknown"], text["unknown"], "odd name in the .vmct")
    check_equal(vmcycle("dump", log).stdout, vmcycle("dump", native).stdout,
                "odd bytes: dump")
    check('"a\\xe9b"' in vmcycle("dump", log).stdout, "texts are printed")

    # Bytes behind the end
    native.write_bytes(native.read_bytes() + b"more")
    result = vmcycle("info", native)
    check_equal(result.returncode, 2, "bytes behind the end")
    check("behind the end" in result.stderr, "and it is said")

    # How the bytes arrive makes no difference.
    noise = b"".join(b"qemu: warning %d\n" % i for i in range(60))
    with subprocess.Popen([PROGRAM, "info", "-", "--json", "-"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:
        for part in (noise[:3], noise[3:500], noise[500:], GOOD[:9], GOOD[9:]):
            run.stdin.write(part)
            run.stdin.flush()
            time.sleep(0.02)
        dribbled = json.loads(run.communicate()[0])
    log.write_bytes(noise + GOOD)
    _, at_once = counts("info", log)
    check_equal(dribbled, at_once, "from a slow pipe")
    check_equal(at_once["records"], 1, "behind noise")

    # Usage
    result = vmcycle("dump", log, "--kind", "nosuch")
    check_equal(result.returncode, 2, "an unknown kind")
    check("nosuch" in result.stderr, "and which")
    _, info = counts("info", ROOT / "traces/eiointc-4vcpu.qemu.log.zst")
    check_equal(sum(info["records_by_thread"].values()), info["records"],
                "every record has its thread")
close()
