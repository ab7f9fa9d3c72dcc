"""What an affinity change costs, for every design and 1 to 256 vCPUs.

The formulas are those of the driver: four accesses with encoded routes; with
bitmaps two, and one for each online CPU of the 64 that the node map covers.
"""
import json

from harness import check_equal, close, vmcycle

SIZES = [1, 2, 3, 4, 5, 8, 16, 31, 64, 65, 128, 256]

run = vmcycle("compare", "--irq", "--vcpus", ",".join(map(str, SIZES)),
              "--profile", "unit", "--json", "-")
check_equal(run.returncode, 0, f"compare exits: {run.stderr}")
rows = json.loads(run.stdout)["irq"]
check_equal(len(rows), 4 * len(SIZES), "a row for each design and size")
for row in rows:
    n, design = row["vcpus"], row["design"]
    encoded = design != "eiointc"
    what = f"{design} with {n} vCPUs"
    check_equal(row["affinity_accesses"], 4 if encoded else min(n, 64) + 2,
                f"{what}: affinity")
    check_equal(row["affinity_ns"], row["affinity_accesses"],
                f"{what}: a cycle of 1 ns each")
    extra = {"eiointc": 0, "v-eiointc": 3, "alternative-a": 2,
             "alternative-b": 3}[design]
    nodes = 1 if encoded else (n + 3) // 4
    check_equal(row["boot_accesses"], 92 * nodes + extra, f"{what}: boot")
    check_equal(row["dispatch_accesses"], 5, f"{what}: dispatch")
    check_equal(row["reachable_vcpus"], n if encoded else min(n, 4),
                f"{what}: vCPUs that can be reached")

for args in (["compare"], ["compare", "--nonsense"],
             ["compare", "--irq", "--vcpus", "0"],
             ["compare", "--irq", "--vcpus", "257"],
             ["compare", "--irq", "--vcpus", ""],
             ["compare", "--irq", "--profile", "none"]):
    check_equal(vmcycle(*args).returncode, 2, f"{args} exits")
check_equal(vmcycle("compare", "--help").returncode, 0, "compare --help exits")
close()
