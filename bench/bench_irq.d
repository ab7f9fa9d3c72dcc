bench/bench_irq: bench/bench_irq.c lib/base/rng.h bench/measure.h \
 sim/machine.h lib/eiointc/eiointc.h lib/base/base.h lib/device/state.h \
 lib/base/hash.h lib/iocsr/iocsr.h lib/iocsr/ipi.h lib/irqchip/avec.h \
 lib/irqchip/cpuintc.h lib/irqchip/pch_msi.h lib/irqchip/pch_pic.h \
 lib/irqchip/uart.h lib/device/device.h
lib/base/rng.h:
bench/measure.h:
sim/machine.h:
lib/eiointc/eiointc.h:
lib/base/base.h:
lib/device/state.h:
lib/base/hash.h:
lib/iocsr/iocsr.h:
lib/iocsr/ipi.h:
lib/irqchip/avec.h:
lib/irqchip/cpuintc.h:
lib/irqchip/pch_msi.h:
lib/irqchip/pch_pic.h:
lib/irqchip/uart.h:
lib/device/device.h:
