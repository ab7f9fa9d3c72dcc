/* SPDX-License-Identifier: MIT */
/** region_priv.h - what the files of the regions share. */
#ifndef VMC_IOREGION_REGION_PRIV_H
#define VMC_IOREGION_REGION_PRIV_H

#include "ioregion/region_run.h"

/** What a region has done with a piece of an access. */
enum vmc_region_outcome {
    VMC_REGION_SERVED,
    VMC_REGION_PASSED, /**< not its business: the next candidate */
    VMC_REGION_FAILED, /**< H, with a cause */
    VMC_REGION_ERRED,  /**< R1, R3, with an error */
    VMC_REGION_WAITS,
    VMC_REGION_INTERRUPTED,
    VMC_REGION_KILLED,
};

/** The part of a chunk that is one command. */
struct vmc_region_piece {
    uint32_t offset; /**< in the instruction's data */
    uint32_t len;    /**< 0 on the FAST bus */
};

/** Tell all vCPUs on @region, which is DYING now: some leave at once, whoever
 * has a command out may wait for its answer a little longer. */
void vmc_region_retire(struct vmc_regions *regions,
                       const struct vmc_region *region, uint64_t now);

/**
 * H: go on with the command for @piece, after beginning it if there is none.
 */
enum vmc_region_outcome vmc_region_step(struct vmc_region_vcpu *vcpu,
                                        const struct vmc_region *region,
                                        struct vmc_region_piece piece,
                                        uint64_t now);

/** Give up the command of a region that is not where @vcpu is now. */
void vmc_region_forsake(struct vmc_region_vcpu *vcpu,
                        enum vmc_channel_cause cause);

/** What a front end calls by way of the bus; H only. */
int vmc_region_bus_read(struct vmc_region *region,
                        struct vmc_bus_access *access);
int vmc_region_bus_write(struct vmc_region *region,
                         const struct vmc_bus_access *access);

/** Write the command for @piece. True when it wants a response. */
bool vmc_region_put(const struct vmc_region_vcpu *vcpu,
                    const struct vmc_region *region,
                    struct vmc_region_piece piece,
                    enum vmc_ioregion_generation generation,
                    uint8_t bytes[VMC_IOREGION_COMMAND_BYTES]);

/** Put the answer to a read where the instruction wants it. */
void vmc_region_take(struct vmc_region_vcpu *vcpu,
                     struct vmc_region_piece piece,
                     enum vmc_ioregion_generation generation,
                     const uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES]);

/** R1 and R3: serve @piece, as posted. */
enum vmc_region_outcome vmc_rfc_serve(struct vmc_region_vcpu *vcpu,
                                      const struct vmc_region *region,
                                      struct vmc_region_piece piece);

#endif
