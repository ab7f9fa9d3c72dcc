/* SPDX-License-Identifier: MIT */
/**
 * avec.h - message interrupts: AVEC in Linux, DINTC in QEMU, DMSINTC in KVM.
 *
 * A store to the doorbell names, in its address, a CPU and one of 256 vectors
 * of that CPU. The CPU keeps a bit for each vector (CSR MSGIS) and one line,
 * ESTAT.IS[14]; reading CSR IRR takes one vector out. There are no IOCSR
 * accesses and, with hardware support, no exits (spec section 10).
 *
 * QEMU and KVM post a vector from outside the CPU: it becomes visible when the
 * vCPU next looks, which is vmc_avec_settle().
 */
#ifndef VMC_IRQCHIP_AVEC_H
#define VMC_IRQCHIP_AVEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "device/state.h"

enum {
    VMC_AVEC_VECTORS = 256,
    VMC_AVEC_VCPUS_MAX = 256,
    VMC_AVEC_WINDOW_BYTES = 0x100000,
};

/** What IRR reads when nothing is pending. */
#define VMC_AVEC_NONE UINT32_C(0x80000000)

/** Every way in which implementations differ. */
struct vmc_avec_semantics {
    uint32_t id_bits;         /**< of the CPU field, from address bit 12 */
    bool takes_lowest;        /**< D24: QEMU; others take the highest */
    bool has_threshold;       /**< MSGIE: lower vectors wait */
    bool posts_late;          /**< B-40: the line comes before the vector */
    bool line_by_index;       /**< QEMU: the line's CPU field is an index */
    bool absent_is_fatal;     /**< B-32: a CPU that is not there ends QEMU */
    bool repeats_stale_words; /**< B-31: first DMSINTC, phantom vectors */
};

/** All that a run changes. */
struct vmc_avec_state {
    uint64_t pending[VMC_AVEC_VCPUS_MAX][VMC_AVEC_VECTORS / 64]; /**< MSGIS */
    uint64_t posted[VMC_AVEC_VCPUS_MAX][VMC_AVEC_VECTORS / 64];
    uint8_t threshold[VMC_AVEC_VCPUS_MAX];
    bool line[VMC_AVEC_VCPUS_MAX];
    uint64_t fatal_accesses;
};

/** The unit of each vCPU. The fields are for reading. */
struct vmc_avec {
    struct vmc_avec_state state;
    struct vmc_avec_semantics semantics;
    uint32_t vcpu_count;
    uint16_t index_of_id[VMC_AVEC_VCPUS_MAX];
    void (*set_line)(void *owner, uint32_t vcpu, bool level);
    void *owner;
};

/** What QEMU, KVM, the manual do. */
struct vmc_avec_semantics vmc_avec_semantics_qemu(void);
struct vmc_avec_semantics vmc_avec_semantics_kvm(void);
struct vmc_avec_semantics vmc_avec_semantics_hw(void);

/**
 * Make all vCPUs as after power-on.
 * Owner    @owner is borrowed, @physical_ids copied.
 * Fails    VMC_E_RANGE.
 */
enum vmc_status
vmc_avec_init(struct vmc_avec *avec, const struct vmc_avec_semantics *semantics,
              uint32_t vcpu_count, const uint16_t *physical_ids,
              void (*set_line)(void *owner, uint32_t vcpu, bool level),
              void *owner);

/** A store at @offset_bytes of the doorbell; its data does not matter. */
void vmc_avec_write(struct vmc_avec *avec, uint32_t offset_bytes);

/** @vcpu takes over what was posted to it, as QEMU's work item and KVM's entry
 * do. Nothing to do for an implementation that posts at once. */
void vmc_avec_settle(struct vmc_avec *avec, uint32_t vcpu);

/** Read CSR IRR of @vcpu: a vector, taken out, or VMC_AVEC_NONE. */
uint32_t vmc_avec_take(struct vmc_avec *avec, uint32_t vcpu);

/** Write the threshold of @vcpu; it acts where there is one. */
void vmc_avec_set_threshold(struct vmc_avec *avec, uint32_t vcpu,
                            uint8_t threshold);

/** Add its state to @map. */
void vmc_avec_add_state(struct vmc_avec *avec, struct vmc_state_map *map);

#endif
