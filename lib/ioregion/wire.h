/* SPDX-License-Identifier: MIT */
/**
 * wire.h - the 32 bytes that go to the process behind a region file
 * descriptor, and the 32 that come back.
 *
 *          0        4        8                16               24
 *   P20    info     region   address          data             0
 *   R1     info     0        user data        offset           data
 *   R3, H  c w 0 0  0        user data        offset           data
 *   reply  data              P20: info        0
 *                            H: bit 0 failed
 *
 * info: bits 0-3 command, 4-5 log2 of the width; R1: bit 6 a reply is wanted;
 * P20: bit 6 port access, bit 7 no reply is wanted. R3 and H: byte 0 command,
 * byte 1 bits 0-3 log2 of the width, bit 4 a reply is wanted. What has no name
 * is zero, so that nothing of the sender leaks.
 *
 * P20 is the proposal of February 2020; R1 the first two postings, R3 the third
 * (2021). H is R3 with its two open ends tied: masks instead of bit-fields, and
 * a bit by which a device reports failure.
 *
 * Units    Data is held as a number whose lowest byte is the one the guest has
 *          at the lowest address.
 */
#ifndef VMC_IOREGION_WIRE_H
#define VMC_IOREGION_WIRE_H

#include "base/base.h"

enum {
    VMC_IOREGION_COMMAND_BYTES = 32,
    VMC_IOREGION_RESPONSE_BYTES = 32,
};

/** The protocol, as it was posted from time to time, and hardened. */
enum vmc_ioregion_generation {
    VMC_IOREGION_P20,
    VMC_IOREGION_R1, /**< and R2 */
    VMC_IOREGION_R3,
    VMC_IOREGION_H,
    VMC_IOREGION_GENERATION_COUNT
};

/** Who laid the bytes out. */
struct vmc_ioregion_format {
    enum vmc_ioregion_generation generation;
    bool is_big_endian; /**< the host's order, in which numbers are sent */
};

/** One access, as the device process sees it. */
struct vmc_ioregion_command {
    uint64_t user_data;    /**< P20: the region's number, 32 bits */
    uint64_t offset_bytes; /**< from the region's start; P20: the address */
    uint64_t data;         /**< of a write; else 0 */
    uint8_t size_bytes;    /**< 1, 2, 4, 8; 0 if no width was ever known */
    bool is_write, wants_response;
    bool is_pio; /**< P20 only; later ones do not tell */
};

/** What a device process answers. */
struct vmc_ioregion_response {
    uint64_t data;  /**< of a read; whatever, after a write */
    bool is_failed; /**< P20 and H only; the others cannot say so */
};

/**
 * Write the bytes of @command; width 0 looks like width 1.
 * Asserts  the width is one of the five; P20: user_data fits 32 bits.
 */
void vmc_ioregion_put_command(uint8_t bytes[VMC_IOREGION_COMMAND_BYTES],
                              const struct vmc_ioregion_command *command,
                              struct vmc_ioregion_format format);

/**
 * Read a command as a device must: its length, its kind and its width. H also
 * refuses what is not zero but should be, and a read that wants no reply.
 * Fails    VMC_E_FORMAT; *@command is then unchanged.
 */
enum vmc_status vmc_ioregion_get_command(struct vmc_ioregion_command *command,
                                         const uint8_t *bytes,
                                         size_t size_bytes,
                                         struct vmc_ioregion_format format,
                                         struct vmc_error *error);

/** Write the bytes of a reply to an access @size_bytes wide (0 for 8). */
void vmc_ioregion_put_response(uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES],
                               struct vmc_ioregion_response response,
                               uint8_t size_bytes,
                               struct vmc_ioregion_format format);

/**
 * Read the reply to an access @size_bytes wide (0 for 8): the rest of the data,
 * and all bits without a name, are whatever the device left there.
 */
struct vmc_ioregion_response
vmc_ioregion_get_response(const uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES],
                          uint8_t size_bytes,
                          struct vmc_ioregion_format format);

#endif
