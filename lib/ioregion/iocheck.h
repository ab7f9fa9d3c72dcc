/* SPDX-License-Identifier: MIT */
/**
 * iocheck.h - the checker of regions: told of everything that happens, it
 * names the first thing that must not.
 *
 *   1. Each byte of an access is served once: by one region, one device of the
 *      kernel, or user space; when it ends, none is left.
 *   2. A device receives the commands of a descriptor whole, in the order in
 *      which they were begun, none lost, none twice.
 *   3. Every file is held once for each descriptor of each region.
 *   4. A region is not used after its removal has returned.
 *   5. A channel's books are right, and its owner is a vCPU that is on it.
 */
#ifndef VMC_IOREGION_IOCHECK_H
#define VMC_IOREGION_IOCHECK_H

#include "ioregion/region_run.h"

enum {
    VMC_IOCHECK_COMMANDS = 2048, /**< begun and not yet received, a file */
    VMC_IOCHECK_GENERATIONS = 1 << 16,
};

/** What a checker has been told, and what it found. */
struct vmc_iocheck {
    const char *wrong; /**< the first violation; NULL while all is well */
    uint32_t served[VMC_REGION_VCPUS_MAX]; /**< bytes, as bits */
    struct {
        uint8_t commands[VMC_IOCHECK_COMMANDS][VMC_IOREGION_COMMAND_BYTES];
        uint32_t head, count;
    } files[VMC_IOFILES_MAX];
    uint8_t is_removed[VMC_IOCHECK_GENERATIONS];
    uint64_t served_count, received_count;
};

/** Forget everything. */
void vmc_iocheck_init(struct vmc_iocheck *check);

/** @vcpu begins an access of @len bytes; ends it. NULL is allowed. */
void vmc_iocheck_begin(struct vmc_iocheck *check, uint32_t vcpu);
void vmc_iocheck_end(struct vmc_iocheck *check, uint32_t vcpu, uint32_t len);

/** Somebody has served @len bytes of it from @offset on. */
void vmc_iocheck_served(struct vmc_iocheck *check, uint32_t vcpu,
                        uint32_t offset, uint32_t len);

/** The first byte of @command has gone to @file, for @generation. */
void vmc_iocheck_sent(struct vmc_iocheck *check, int32_t file,
                      const uint8_t *command, uint64_t generation);

/** The device at the other end of @file has got a whole command. */
void vmc_iocheck_received(struct vmc_iocheck *check, int32_t file,
                          const uint8_t *command);

/** The removal of the region of @generation has returned. */
void vmc_iocheck_removed(struct vmc_iocheck *check, uint64_t generation);

/** @file is another one now: nobody will get what was sent to the old one. */
void vmc_iocheck_forget(struct vmc_iocheck *check, int32_t file);

/** Compare all books. Returns @check->wrong. */
const char *vmc_iocheck_books(struct vmc_iocheck *check,
                              const struct vmc_regions *regions);

#endif
