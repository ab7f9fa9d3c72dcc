/* SPDX-License-Identifier: MIT */
/**
 * cpuintc.h - the interrupt inputs of a CPU, as its CSRs show them.
 *
 * ESTAT.IS has a bit for each source: 0 and 1 software, 2 to 9 hardware pins
 * (EIOINTC pin k is bit k + 2), 10 performance counter, 11 timer, 12 IPI,
 * 13 non-maskable, 14 messages. All inputs are levels; the CPU latches none.
 * What is pending and enabled is taken by the highest number (spec section 8).
 */
#ifndef VMC_IRQCHIP_CPUINTC_H
#define VMC_IRQCHIP_CPUINTC_H

#include <stdbool.h>
#include <stdint.h>

/** Bits of ESTAT.IS. */
enum vmc_cpu_line {
    VMC_CPU_SWI0 = 0,
    VMC_CPU_SWI1 = 1,
    VMC_CPU_HWI0 = 2,
    VMC_CPU_PMC = 10,
    VMC_CPU_TIMER = 11,
    VMC_CPU_IPI = 12,
    VMC_CPU_NMI = 13,
    VMC_CPU_MESSAGE = 14,
    VMC_CPU_LINES = 15
};

/** The interrupt part of one CPU. Plain data; zero is power-on. */
struct vmc_cpuintc {
    uint32_t is;    /**< ESTAT.IS */
    uint32_t lie;   /**< ECFG.LIE */
    uint32_t ecode; /**< of the last exception, with EsubCode above */
    uint8_t vs;     /**< ECFG.VS */
    bool ie;        /**< CRMD.IE */
    bool pie;       /**< PRMD.PIE: IE before the exception */
};

/** Line @line has @level. */
void vmc_cpuintc_set(struct vmc_cpuintc *cpu, enum vmc_cpu_line line,
                     bool level);

/** A write of ESTAT: only the two software bits change. */
void vmc_cpuintc_write_estat(struct vmc_cpuintc *cpu, uint32_t value);

/** ESTAT as a read shows it: IS, Ecode and EsubCode. */
uint32_t vmc_cpuintc_estat(const struct vmc_cpuintc *cpu);

/** The line that would be taken now, or -1. */
int vmc_cpuintc_next(const struct vmc_cpuintc *cpu);

/**
 * Take the exception for @line: IE is saved and cleared.
 * Returns  the offset of its entry from EENTRY, in bytes.
 */
uint64_t vmc_cpuintc_enter(struct vmc_cpuintc *cpu, int line);

/** ERTN: IE as it was before. */
void vmc_cpuintc_leave(struct vmc_cpuintc *cpu);

/** An exception that is no interrupt has been taken: remember its codes. */
void vmc_cpuintc_fault(struct vmc_cpuintc *cpu, uint32_t ecode,
                       uint32_t esubcode);

#endif
