/* SPDX-License-Identifier: MIT */
#include "irqchip/cpuintc.h"

#include "base/base.h"

enum {
    SOFTWARE_BITS = 0x3,
    LINE_BITS = 0x7fff,
    ECODE_SHIFT = 16,
    ESUBCODE_SHIFT = 22,
    FIRST_VECTOR = 64, /* interrupt n enters at vector 64 + n */
    INSTRUCTION_BYTES = 4,
};

void vmc_cpuintc_set(struct vmc_cpuintc *cpu, enum vmc_cpu_line line,
                     bool level)
{
    uint32_t bit = UINT32_C(1) << line;

    cpu->is = level ? cpu->is | bit : cpu->is & ~bit;
}

void vmc_cpuintc_write_estat(struct vmc_cpuintc *cpu, uint32_t value)
{
    cpu->is = (cpu->is & ~(uint32_t)SOFTWARE_BITS) | (value & SOFTWARE_BITS);
}

uint32_t vmc_cpuintc_estat(const struct vmc_cpuintc *cpu)
{
    return cpu->is | cpu->ecode;
}

int vmc_cpuintc_next(const struct vmc_cpuintc *cpu)
{
    uint32_t pending = cpu->is & cpu->lie & LINE_BITS;

    return cpu->ie && pending != 0 ? (int)vmc_bits_top(pending) : -1;
}

uint64_t vmc_cpuintc_enter(struct vmc_cpuintc *cpu, int line)
{
    cpu->pie = cpu->ie;
    cpu->ie = false;
    cpu->ecode = 0;
    if (cpu->vs == 0) {
        return 0;
    }
    return (uint64_t)(FIRST_VECTOR + line) *
           ((UINT64_C(1) << cpu->vs) * INSTRUCTION_BYTES);
}

void vmc_cpuintc_leave(struct vmc_cpuintc *cpu)
{
    cpu->ie = cpu->pie;
}

void vmc_cpuintc_fault(struct vmc_cpuintc *cpu, uint32_t ecode,
                       uint32_t esubcode)
{
    cpu->pie = cpu->ie;
    cpu->ie = false;
    cpu->ecode = ecode << ECODE_SHIFT | esubcode << ESUBCODE_SHIFT;
}
