/* SPDX-License-Identifier: MIT */
/**
 * replay_waves.h - the waveform of what a kernel has recorded.
 *
 * A log of QEMU is simulated in time, and its waveform is that of the
 * simulation (irq_vcd.h). A log of ftrace is not: here its waveform shows what
 * stands in the log, as a section of the replay that checks nothing. Signals,
 * by name:
 *
 *     gsi.N                       interrupt line N of KVM, of all its sources
 *     bus.mmio, bus.pio, each with
 *         .count, .address, .value, .is_write
 *                                 accesses so far, and the last one
 *     exits.count, .reason        exits to user space, and why the last
 *     vcpuN.in_guest              where the log has entries and exits
 *     rcu.gp_seq, .gp_is_active   the grace period that started or ended last
 *     rcu.queued, .invoked        callbacks so far
 *     cpuN.callbacks              queued, as the log told last
 *     cpuN.nesting                of idleness and interrupts, as RCU sees it
 *     cpuN.irq, .irq_depth        the handler that runs, and how many do
 */
#ifndef VMC_SIM_REPLAY_REPLAY_WAVES_H
#define VMC_SIM_REPLAY_REPLAY_WAVES_H

#include "sim/replay/replay.h"

/** Whether --vcd asks for the recording of @context, rather than for the
 * simulation. */
bool replay_waves_are_recorded(const struct replay_context *context);

extern const struct replay_section replay_waves;

#endif
