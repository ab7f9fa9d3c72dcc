"""A simulated balloon's log is read like a recording, and says the same."""
import json
import pathlib
import tempfile

from harness import check, check_equal, close, vmcycle

GUEST = ("balloon", "--guest", "2G", "--move", "512M", "--seed", "3")
PAGES = 512 << 8
PASSES = {"inflate": 1, "deflate": 2}  # a deflate is after its inflate


def simulate(folder, *options):
    """Result and log of a run."""
    log, result = folder / "run.log", folder / "run.json"
    run = vmcycle(*GUEST, *options, "--log", log, "--json", result)
    check_equal(run.returncode, 0, f"balloon {' '.join(options)}")
    return json.loads(result.read_text()), log


def replay(folder, log, *options):
    result = folder / "replay.json"
    run = vmcycle("replay", log, "--json", result, *options)
    check_equal(run.returncode, 0, f"replay of {log}")
    return json.loads(result.read_text())


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)

    for machine in ("m1-2016", "m2-2025"):
        for op, ways in PASSES.items():
            run, log = simulate(folder, "--machine", machine, "--op", op)
            seen = replay(folder, log, "--profile", machine)
            balloon, what = seen["balloon"], f"{machine}, {op}"
            check_equal(seen["trace"]["skipped_lines"], 0, f"{what}: lines")
            check_equal(seen["trace"]["unknown_events"], 0, f"{what}: events")
            check_equal(balloon["inflated_pfns"], PAGES, f"{what}: went")
            check_equal(balloon["deflated_pfns"], PAGES * (ways - 1),
                        f"{what}: came back")
            check_equal(balloon["messages"], run["messages"] * ways,
                        f"{what}: messages")
            for key in ("wrong_actual", "wrong_target", "duplicate_pfns"):
                check_equal(balloon[key], 0, f"{what}: {key}")
            check_equal(balloon["ram_bytes"], 2 << 30, f"{what}: RAM")
            # The log has whole us, and the replay's guest is a fresh one.
            check(op == "deflate" or
                  abs(balloon["recorded_ms"] - run["total_ms"]) < 0.002,
                  f"{what}: the log took {balloon['recorded_ms']} ms, "
                  f"the run {run['total_ms']}")
            check(op == "deflate" or abs(
                balloon["simulated_ms"] / run["total_ms"] - 1) < 0.01,
                  f"{what}: replayed in {balloon['simulated_ms']} ms")

    for mechanism in ("bitmap-fixed", "chunk", "sg", "contiguous",
                      "virtio-mem"):
        run, log = simulate(folder, "--mechanism", mechanism)
        discarded = sum(int(line.split("+ ")[1].split(":")[0], 16)
                        for line in log.read_text().splitlines()
                        if ":ram_block_discard_range " in line)
        check_equal(discarded, run["pages"] << 12, f"{mechanism}: discarded")
        seen = replay(folder, log)["trace"]
        check_equal((seen["skipped_lines"], seen["unknown_events"]), (0, 0),
                    f"{mechanism}: lines that are read")

    run, log = simulate(folder, "--mechanism", "reporting", "--op", "report")
    seen = replay(folder, log)["balloon"]
    check_equal(seen["reported_bytes"], run["pages"] << 12, "reported bytes")
    check_equal(seen["reports"], run["messages"], "reports")

    run = vmcycle(*GUEST, "--log", folder / "nowhere" / "run.log")
    check_equal(run.returncode, 2, "a folder that is not there")
close()
