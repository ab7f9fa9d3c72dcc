/* SPDX-License-Identifier: MIT */
#include "irqchip/avec.h"

#include <string.h>

enum {
    VECTOR_SHIFT = 4,
    ID_SHIFT = 12,
    WORDS = VMC_AVEC_VECTORS / 64,
    NO_VCPU = 0xffff,
};

struct vmc_avec_semantics vmc_avec_semantics_qemu(void)
{
    return (struct vmc_avec_semantics){.id_bits = 8,
                                       .takes_lowest = true,
                                       .posts_late = true,
                                       .line_by_index = true,
                                       .absent_is_fatal = true};
}

struct vmc_avec_semantics vmc_avec_semantics_kvm(void)
{
    /* Nine bits: the lowest set bit of 0x2FE00000 is 21, and 21 - 12 = 9. */
    return (struct vmc_avec_semantics){
        .id_bits = 9, .has_threshold = true, .posts_late = true};
}

struct vmc_avec_semantics vmc_avec_semantics_hw(void)
{
    return (struct vmc_avec_semantics){.id_bits = 8, .has_threshold = true};
}

enum vmc_status
vmc_avec_init(struct vmc_avec *avec, const struct vmc_avec_semantics *semantics,
              uint32_t vcpu_count, const uint16_t *physical_ids,
              void (*set_line)(void *owner, uint32_t vcpu, bool level),
              void *owner)
{
    if (vcpu_count < 1 || vcpu_count > VMC_AVEC_VCPUS_MAX) {
        return VMC_E_RANGE;
    }
    memset(&avec->state, 0, sizeof(avec->state));
    avec->semantics = *semantics;
    avec->vcpu_count = vcpu_count;
    avec->set_line = set_line;
    avec->owner = owner;
    for (uint32_t i = 0; i < VMC_AVEC_VCPUS_MAX; i++) {
        avec->index_of_id[i] = NO_VCPU;
    }
    for (uint32_t i = 0; i < vcpu_count; i++) {
        if (physical_ids[i] >= VMC_AVEC_VCPUS_MAX) {
            return VMC_E_RANGE;
        }
        avec->index_of_id[physical_ids[i]] = (uint16_t)i;
    }
    return VMC_OK;
}

static void set_line(struct vmc_avec *avec, uint32_t vcpu, bool level)
{
    avec->state.line[vcpu] = level;
    avec->set_line(avec->owner, vcpu, level);
}

/* The vector that IRR would give, or VMC_AVEC_NONE. */
static uint32_t next_vector(const struct vmc_avec *avec, uint32_t vcpu)
{
    uint32_t least =
        avec->semantics.has_threshold ? avec->state.threshold[vcpu] : 0;
    uint32_t found = VMC_AVEC_NONE;

    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t word = avec->semantics.takes_lowest ? i : WORDS - 1 - i;
        uint64_t bits = avec->state.pending[vcpu][word];

        if (bits != 0) {
            found =
                64 * word + (avec->semantics.takes_lowest ? vmc_bits_low(bits)
                                                          : vmc_bits_top(bits));
            break;
        }
    }
    return found != VMC_AVEC_NONE && found >= least ? found : VMC_AVEC_NONE;
}

static void look_again(struct vmc_avec *avec, uint32_t vcpu)
{
    bool level = next_vector(avec, vcpu) != VMC_AVEC_NONE;

    if (level != avec->state.line[vcpu]) {
        set_line(avec, vcpu, level);
    }
}

void vmc_avec_write(struct vmc_avec *avec, uint32_t offset_bytes)
{
    uint32_t vector = offset_bytes >> VECTOR_SHIFT & (VMC_AVEC_VECTORS - 1);
    uint32_t id = offset_bytes >> ID_SHIFT &
                  ((UINT32_C(1) << avec->semantics.id_bits) - 1);
    uint32_t vcpu = id < VMC_AVEC_VCPUS_MAX ? avec->index_of_id[id] : NO_VCPU;
    uint32_t lined = avec->semantics.line_by_index ? id : vcpu;

    if (vcpu >= avec->vcpu_count) {
        avec->state.fatal_accesses += avec->semantics.absent_is_fatal;
        return;
    }
    if (!avec->semantics.posts_late) {
        avec->state.pending[vcpu][vector / 64] |= UINT64_C(1) << vector % 64;
        look_again(avec, vcpu);
        return;
    }
    avec->state.posted[vcpu][vector / 64] |= UINT64_C(1) << vector % 64;
    if (lined < avec->vcpu_count) {
        set_line(avec, lined, true);
    }
}

void vmc_avec_settle(struct vmc_avec *avec, uint32_t vcpu)
{
    uint64_t *posted = avec->state.posted[vcpu];
    uint64_t word = 0;
    bool was_any = false;

    assert(vcpu < avec->vcpu_count);
    for (uint32_t i = 0; i < WORDS; i++) {
        if (posted[i] != 0) {
            word = posted[i];
            was_any = true;
        } else if (!avec->semantics.repeats_stale_words) {
            word = 0;
        }
        avec->state.pending[vcpu][i] |= word;
        posted[i] = 0;
    }
    /* A vector that arrives raises the line again, so that none is lost whose
     * line was lowered by a read in between (B-40); but in QEMU the line is
     * that of the index, which is another's when it differs from the id. */
    if (was_any &&
        (!avec->semantics.line_by_index || avec->index_of_id[vcpu] == vcpu)) {
        look_again(avec, vcpu);
    }
}

uint32_t vmc_avec_take(struct vmc_avec *avec, uint32_t vcpu)
{
    uint32_t vector = next_vector(avec, vcpu);

    assert(vcpu < avec->vcpu_count);
    if (vector == VMC_AVEC_NONE) {
        return vector; /* and the line stays as it is */
    }
    avec->state.pending[vcpu][vector / 64] &= ~(UINT64_C(1) << vector % 64);
    if (next_vector(avec, vcpu) == VMC_AVEC_NONE) {
        set_line(avec, vcpu, false);
    }
    return vector;
}

void vmc_avec_set_threshold(struct vmc_avec *avec, uint32_t vcpu,
                            uint8_t threshold)
{
    assert(vcpu < avec->vcpu_count);
    avec->state.threshold[vcpu] = threshold;
    if (avec->semantics.has_threshold) {
        look_again(avec, vcpu);
    }
}

void vmc_avec_add_state(struct vmc_avec *avec, struct vmc_state_map *map)
{
    vmc_state_add(map, "avec", &avec->state, sizeof(avec->state));
}
