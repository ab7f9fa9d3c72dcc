/* SPDX-License-Identifier: MIT */
#include "irqchip/kvm_inject.h"

#include "base/base.h"

enum { WORD_BITS = 64 };

enum vmc_kvm_kick vmc_kvm_note(struct vmc_kvm_vcpu *vcpu,
                               enum vmc_cpu_line line, bool level, bool is_own)
{
    uint32_t bit = UINT32_C(1) << line;

    assert(line < VMC_CPU_LINES);
    if (level) {
        vcpu->irq_pending |= bit;
        vcpu->irq_clear &= ~bit;
    } else {
        vcpu->irq_clear |= bit;
        vcpu->irq_pending &= ~bit;
    }
    if (vcpu->place == VMC_KVM_BLOCKED) {
        vcpu->wakes++;
        return VMC_KVM_WAKE;
    }
    if (is_own || vcpu->place == VMC_KVM_OUTSIDE) {
        return VMC_KVM_NO_KICK;
    }
    vcpu->kicks++;
    vcpu->must_exit = true;
    return VMC_KVM_KICK;
}

static void apply(struct vmc_cpuintc *cpu, uint32_t bits, bool level)
{
    for (; bits != 0; bits &= bits - 1) {
        vmc_cpuintc_set(cpu, vmc_bits_low(bits), level);
    }
}

void vmc_kvm_enter_step(struct vmc_kvm_vcpu *vcpu, struct vmc_cpuintc *cpu,
                        enum vmc_kvm_entry step)
{
    if (step == VMC_KVM_PUBLISH) {
        vcpu->place = VMC_KVM_IN_GUEST;
        return;
    }
    apply(cpu, vcpu->irq_clear, false);
    apply(cpu, vcpu->irq_pending, true);
    vcpu->irq_clear = vcpu->irq_pending = 0;
}

void vmc_kvm_enter(struct vmc_kvm_vcpu *vcpu, struct vmc_cpuintc *cpu)
{
    vmc_kvm_enter_step(vcpu, cpu, VMC_KVM_PUBLISH);
    vmc_kvm_enter_step(vcpu, cpu, VMC_KVM_COLLECT);
}

void vmc_kvm_leave(struct vmc_kvm_vcpu *vcpu, bool is_blocked)
{
    vcpu->place = is_blocked ? VMC_KVM_BLOCKED : VMC_KVM_OUTSIDE;
    vcpu->must_exit = false;
}

bool vmc_kvm_is_runnable(const struct vmc_kvm_vcpu *vcpu)
{
    return vcpu->irq_pending != 0;
}

void vmc_kvm_write_line(struct vmc_cpuintc *cpu, uint32_t estat_read,
                        enum vmc_cpu_line line, uint64_t before, uint64_t after,
                        bool rechecks)
{
    uint32_t timer = UINT32_C(1) << VMC_CPU_TIMER;

    cpu->is = (cpu->is & ~timer) | (estat_read & timer) | UINT32_C(1) << line;
    if (rechecks && after > before) {
        cpu->is |= timer;
    }
}

static uint32_t visit(uint64_t bits, uint32_t base,
                      void (*target)(void *owner, uint32_t id), void *owner)
{
    uint32_t count = 0;

    for (; bits != 0; bits &= bits - 1) {
        target(owner, base + vmc_bits_low(bits));
        count++;
    }
    return count;
}

uint32_t vmc_kvm_pv_ipi(uint64_t low, uint64_t high, uint32_t base,
                        bool counts_from_0,
                        void (*target)(void *owner, uint32_t id), void *owner)
{
    uint32_t count = visit(low, base, target, owner);

    return count +
           visit(high, base + (counts_from_0 ? 0 : WORD_BITS), target, owner);
}
