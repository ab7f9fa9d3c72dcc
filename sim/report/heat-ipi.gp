# The same for interrupts from one vCPU to another.
name = "heat-ipi"
what = "IPI latency over time"
load plots."/heat.gp"
