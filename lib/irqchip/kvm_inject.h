/* SPDX-License-Identifier: MIT */
/**
 * kvm_inject.h - what KVM has between its controllers and the guest's ESTAT.
 *
 * A controller does not move a line of a running vCPU. It leaves a note in one
 * of two bitmaps, and kicks the vCPU; at its next entry the vCPU applies the
 * notes, clears first. A raise that is lowered before the entry is never seen,
 * and a line that is lowered although it was low costs a kick all the same
 * (spec section 9).
 */
#ifndef VMC_IRQCHIP_KVM_INJECT_H
#define VMC_IRQCHIP_KVM_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "irqchip/cpuintc.h"

/** Where a vCPU's thread is. */
enum vmc_kvm_place {
    VMC_KVM_OUTSIDE, /**< in the kernel or in user space; enters by itself */
    VMC_KVM_BLOCKED, /**< idle, waiting to be woken */
    VMC_KVM_IN_GUEST,
};

/** What a note costs. */
enum vmc_kvm_kick {
    VMC_KVM_NO_KICK, /**< the vCPU will see it anyway */
    VMC_KVM_WAKE,    /**< a blocked thread is woken */
    VMC_KVM_KICK,    /**< a host IPI makes the guest exit once more */
};

/** One vCPU. Plain data; zero is outside, with nothing noted. */
struct vmc_kvm_vcpu {
    uint32_t irq_pending, irq_clear;
    enum vmc_kvm_place place;
    bool must_exit; /**< kicked: it cannot stay in the guest */
    uint64_t kicks, wakes;
};

/**
 * Note @level for @line. @is_own: by the vCPU's own thread, which needs no
 * kick. Asserts @line < VMC_CPU_LINES.
 */
enum vmc_kvm_kick vmc_kvm_note(struct vmc_kvm_vcpu *vcpu,
                               enum vmc_cpu_line line, bool level, bool is_own);

/** The two steps of an entry, in the order that is right. */
enum vmc_kvm_entry { VMC_KVM_PUBLISH, VMC_KVM_COLLECT, VMC_KVM_ENTRY_STEPS };

/**
 * Do one step of an entry: say that the vCPU is in the guest, or apply the
 * notes to @cpu. In the wrong order a note between the two steps finds the
 * vCPU outside, kicks nobody, and waits for some other exit (B-37).
 */
void vmc_kvm_enter_step(struct vmc_kvm_vcpu *vcpu, struct vmc_cpuintc *cpu,
                        enum vmc_kvm_entry step);

/** Both steps. */
void vmc_kvm_enter(struct vmc_kvm_vcpu *vcpu, struct vmc_cpuintc *cpu);

/** The guest has exited; @is_blocked: to wait for an interrupt. */
void vmc_kvm_leave(struct vmc_kvm_vcpu *vcpu, bool is_blocked);

/** Whether a blocked vCPU would run: anything noted, wanted or not. */
bool vmc_kvm_is_runnable(const struct vmc_kvm_vcpu *vcpu);

/**
 * Set @line of @cpu as software does it, by writing back an ESTAT that was
 * read before. A timer that expired in between, so that its count went up from
 * @before to @after, is lost unless @rechecks, the fix of 2026 (B-30).
 */
void vmc_kvm_write_line(struct vmc_cpuintc *cpu, uint32_t estat_read,
                        enum vmc_cpu_line line, uint64_t before, uint64_t after,
                        bool rechecks);

/**
 * The targets of hypercall PV IPI: physical ids @base + n for each bit n of
 * the 128 in @low and @high. @target is called for each, ascending; a @high
 * that @counts_from_0 is B-33.
 * Returns  how many there were.
 */
uint32_t vmc_kvm_pv_ipi(uint64_t low, uint64_t high, uint32_t base,
                        bool counts_from_0,
                        void (*target)(void *owner, uint32_t id), void *owner);

#endif
