/* SPDX-License-Identifier: MIT */
/**
 * irq_rig.h - a machine under test, and short words for what is done to it.
 *
 * R(vcpu, bytes, address) and W(...) are IOCSR accesses, PR() and PW() memory
 * accesses by address; pins(vcpu) are bits of ESTAT.
 */
#ifndef VMC_TESTS_IRQ_RIG_H
#define VMC_TESTS_IRQ_RIG_H

#include <string.h>

#include "sim/machine/machine.h"
#include "suite.h"

enum { HWI0 = 1 << 2, HWI1 = 1 << 3, HWI2 = 1 << 4, HWI3 = 1 << 5 };
enum { IPI_PIN = 1 << 12 };

static struct machine rig;
/** Calls of the lines since start, and those that lowered. */
static uint32_t rig_line_calls, rig_line_lowers;
static uint32_t rig_events[VMC_EIO_ACKED + 1];

static inline void rig_line(void *owner, uint32_t vcpu, uint32_t line,
                            bool level)
{
    (void)owner;
    (void)vcpu;
    (void)line;
    rig_line_calls++;
    rig_line_lowers += !level;
}

static inline void rig_vector(void *owner, enum vmc_eio_event event,
                              uint32_t vector, uint32_t vcpu)
{
    (void)owner;
    (void)vector;
    (void)vcpu;
    rig_events[event]++;
}

static inline void rig_forget(void)
{
    rig_line_calls = rig_line_lowers = 0;
    memset(rig_events, 0, sizeof(rig_events));
}

/** Power on @vcpu_count vCPUs whose physical ids are @ids, or 0, 1, 2, ...,
 * with the message doorbell, and @switches unless that is NULL. */
static inline void rig_start_with(enum machine_semantics semantics,
                                  const struct machine_switches *switches,
                                  enum vmc_eio_layout layout,
                                  uint32_t vcpu_count, const uint16_t *ids)
{
    struct machine_config config = {
        .semantics = semantics,
        .layout = layout,
        .has_messages = switches != NULL,
        .vcpu_count = vcpu_count,
        .hooks = {.line = rig_line, .vector = rig_vector},
        .switches = switches,
    };

    for (uint32_t i = 0; i < vcpu_count && i < MACHINE_VCPUS_MAX; i++) {
        config.physical_ids[i] = ids != NULL ? ids[i] : (uint16_t)i;
    }
    ck_assert_int_eq(machine_init(&rig, &config), VMC_OK);
    rig_forget();
}

static inline void rig_start_ids(enum machine_semantics semantics,
                                 enum vmc_eio_layout layout,
                                 uint32_t vcpu_count, const uint16_t *ids)
{
    rig_start_with(semantics, NULL, layout, vcpu_count, ids);
}

static inline void rig_start(enum machine_semantics semantics,
                             uint32_t vcpu_count)
{
    rig_start_ids(semantics, VMC_EIO_LAYOUT_FINAL, vcpu_count, NULL);
}

static inline uint64_t R(uint32_t vcpu, uint32_t bytes, uint64_t address)
{
    return machine_iocsr_read(&rig, vcpu, address, bytes);
}

static inline void W(uint32_t vcpu, uint32_t bytes, uint64_t address,
                     uint64_t value)
{
    machine_iocsr_write(&rig, vcpu, address, bytes, value);
}

static inline uint64_t PR(uint32_t bytes, uint64_t address)
{
    uint64_t value;

    return machine_mmio_read(&rig, address, bytes, &value) == VMC_OK
               ? value
               : ~UINT64_C(0);
}

static inline enum vmc_status PW(uint32_t bytes, uint64_t address,
                                 uint64_t value)
{
    return machine_mmio_write(&rig, address, bytes, value);
}

static inline uint32_t pins(uint32_t vcpu)
{
    return vmc_cpuintc_estat(&rig.cpus[vcpu]) & 0x7fff;
}

static inline void input(uint32_t vector, bool level)
{
    machine_set_vector(&rig, vector, level);
}

/** The 64-bit words of two values, compared with their names. */
#define EQ(found, expected)                                                    \
    ck_assert_msg((uint64_t)(found) == (uint64_t)(expected),                   \
                  "%s is %#llx, not %#llx", #found,                            \
                  (unsigned long long)(found), (unsigned long long)(expected))

#endif
