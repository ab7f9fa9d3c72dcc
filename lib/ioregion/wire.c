/* SPDX-License-Identifier: MIT */
/*
 * Bytes are put together with shifts, so that neither the order of bytes nor
 * the bit-fields of a compiler have a say. What the compilers did is a matter
 * of the format: R3's second byte was a bit-field, which a big-endian compiler
 * fills from the top (width in bits 4-7, reply in bit 3). Data was a number up
 * to R1 and plain bytes since R3, as the review of the first posting asked;
 * only a big-endian host shows the difference (spec 7.1).
 */
#include "ioregion/wire.h"

#include <string.h>

enum { CMD_READ, CMD_WRITE };

enum {
    INFO_CMD_MASK = 0xf,
    INFO_WIDTH_SHIFT = 4,
    INFO_WIDTH_MASK = 3,
    INFO_R1_RESPONSE = 1 << 6,
    INFO_P20_PIO = 1 << 6,
    INFO_P20_NO_RESPONSE = 1 << 7,

    BYTE_WIDTH_MASK = 0xf,
    BYTE_RESPONSE = 1 << 4,
    BYTE_KNOWN = 0x1f,
    BYTE_BIG_WIDTH_SHIFT = 4,
    BYTE_BIG_RESPONSE = 1 << 3,

    WIDTH_LOG2_MAX = 3,
    FAILED = 1,
};

static void put(uint8_t *bytes, uint64_t value, uint32_t count, bool is_big)
{
    for (uint32_t i = 0; i < count; i++) {
        bytes[is_big ? count - 1 - i : i] = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t get(const uint8_t *bytes, uint32_t count, bool is_big)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < count; i++) {
        value |= (uint64_t)bytes[is_big ? count - 1 - i : i] << 8 * i;
    }
    return value;
}

static uint64_t cut(uint64_t data, uint32_t size_bytes)
{
    assert(size_bytes <= 8);
    return size_bytes == 0 || size_bytes == 8
               ? data
               : data & ((UINT64_C(1) << 8 * size_bytes) - 1);
}

static bool is_data_a_number(struct vmc_ioregion_format format)
{
    return format.generation <= VMC_IOREGION_R1 && format.is_big_endian;
}

static bool has_info(struct vmc_ioregion_format format)
{
    return format.generation <= VMC_IOREGION_R1;
}

static uint32_t data_at(struct vmc_ioregion_format format)
{
    return format.generation == VMC_IOREGION_P20 ? 16 : 24;
}

static uint32_t width_log2(uint8_t size_bytes)
{
    assert(size_bytes == 0 || size_bytes == 1 || size_bytes == 2 ||
           size_bytes == 4 || size_bytes == 8);
    return size_bytes == 0 ? 0 : vmc_bits_low(size_bytes);
}

static uint32_t info_of(const struct vmc_ioregion_command *command,
                        enum vmc_ioregion_generation generation)
{
    uint32_t info = (command->is_write ? CMD_WRITE : CMD_READ) |
                    width_log2(command->size_bytes) << INFO_WIDTH_SHIFT;

    if (generation == VMC_IOREGION_P20) {
        return info | (command->is_pio ? INFO_P20_PIO : 0) |
               (command->wants_response ? 0 : INFO_P20_NO_RESPONSE);
    }
    return info | (command->wants_response ? INFO_R1_RESPONSE : 0);
}

/* True where the second byte lies as a big-endian compiler of R3 put it. */
static bool is_field_reversed(struct vmc_ioregion_format format)
{
    return format.generation == VMC_IOREGION_R3 && format.is_big_endian;
}

void vmc_ioregion_put_command(uint8_t bytes[VMC_IOREGION_COMMAND_BYTES],
                              const struct vmc_ioregion_command *command,
                              struct vmc_ioregion_format format)
{
    bool is_big = format.is_big_endian;
    uint32_t width = width_log2(command->size_bytes);

    memset(bytes, 0, VMC_IOREGION_COMMAND_BYTES);
    if (has_info(format)) {
        put(bytes, info_of(command, format.generation), 4, is_big);
    } else if (is_field_reversed(format)) {
        bytes[0] = command->is_write ? CMD_WRITE : CMD_READ;
        bytes[1] = (uint8_t)(width << BYTE_BIG_WIDTH_SHIFT |
                             (command->wants_response ? BYTE_BIG_RESPONSE : 0));
    } else {
        bytes[0] = command->is_write ? CMD_WRITE : CMD_READ;
        bytes[1] =
            (uint8_t)(width | (command->wants_response ? BYTE_RESPONSE : 0));
    }
    if (format.generation == VMC_IOREGION_P20) {
        assert(command->user_data <= UINT32_MAX);
        put(&bytes[4], command->user_data, 4, is_big);
        put(&bytes[8], command->offset_bytes, 8, is_big);
    } else {
        put(&bytes[8], command->user_data, 8, is_big);
        put(&bytes[16], command->offset_bytes, 8, is_big);
    }
    if (command->is_write && command->size_bytes != 0) {
        put(&bytes[data_at(format)], cut(command->data, command->size_bytes), 8,
            is_data_a_number(format));
    }
}

/* The bits of an H command that must be zero, or-ed together. */
static uint64_t reserved(const uint8_t *bytes)
{
    return (bytes[1] & ~(uint64_t)BYTE_KNOWN) | get(&bytes[2], 6, false);
}

enum vmc_status vmc_ioregion_get_command(struct vmc_ioregion_command *command,
                                         const uint8_t *bytes,
                                         size_t size_bytes,
                                         struct vmc_ioregion_format format,
                                         struct vmc_error *error)
{
    bool is_big = format.is_big_endian, is_p20;
    struct vmc_ioregion_command read = {0};
    uint32_t kind, width;

    if (size_bytes != VMC_IOREGION_COMMAND_BYTES) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "a command of %zu bytes, expected 32", size_bytes);
    }
    is_p20 = format.generation == VMC_IOREGION_P20;
    if (has_info(format)) {
        uint32_t info = (uint32_t)get(bytes, 4, is_big);

        kind = info & INFO_CMD_MASK;
        width = info >> INFO_WIDTH_SHIFT & INFO_WIDTH_MASK;
        read.is_pio = is_p20 && (info & INFO_P20_PIO) != 0;
        read.wants_response = is_p20 ? (info & INFO_P20_NO_RESPONSE) == 0
                                     : (info & INFO_R1_RESPONSE) != 0;
    } else if (is_field_reversed(format)) {
        kind = bytes[0];
        width = bytes[1] >> BYTE_BIG_WIDTH_SHIFT;
        read.wants_response = (bytes[1] & BYTE_BIG_RESPONSE) != 0;
    } else {
        kind = bytes[0];
        width = bytes[1] & BYTE_WIDTH_MASK;
        read.wants_response = (bytes[1] & BYTE_RESPONSE) != 0;
    }
    if (kind > CMD_WRITE) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "command %u, expected 0 (read) or 1 (write)", kind);
    }
    if (width > WIDTH_LOG2_MAX) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "an access of 2^%u bytes, expected at most 8", width);
    }
    read.is_write = kind == CMD_WRITE;
    if (format.generation == VMC_IOREGION_H) {
        if (reserved(bytes) != 0) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "reserved bits of the command are set");
        }
        if (!read.is_write && !read.wants_response) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "a read that wants no response");
        }
    }
    read.size_bytes = (uint8_t)(1U << width);
    read.user_data =
        is_p20 ? get(&bytes[4], 4, is_big) : get(&bytes[8], 8, is_big);
    read.offset_bytes = get(&bytes[is_p20 ? 8 : 16], 8, is_big);
    if (read.is_write) {
        read.data =
            cut(get(&bytes[data_at(format)], 8, is_data_a_number(format)),
                read.size_bytes);
    }
    *command = read;
    return VMC_OK;
}

/* True where a reply has the bit by which a device reports failure. */
static bool can_fail(struct vmc_ioregion_format format)
{
    return format.generation == VMC_IOREGION_P20 ||
           format.generation == VMC_IOREGION_H;
}

void vmc_ioregion_put_response(uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES],
                               struct vmc_ioregion_response response,
                               uint8_t size_bytes,
                               struct vmc_ioregion_format format)
{
    memset(bytes, 0, VMC_IOREGION_RESPONSE_BYTES);
    put(bytes, cut(response.data, size_bytes), 8, is_data_a_number(format));
    if (can_fail(format) && response.is_failed) {
        put(&bytes[8], FAILED, 4,
            format.generation == VMC_IOREGION_P20 && format.is_big_endian);
    }
}

struct vmc_ioregion_response
vmc_ioregion_get_response(const uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES],
                          uint8_t size_bytes, struct vmc_ioregion_format format)
{
    struct vmc_ioregion_response response = {0};
    bool is_info_big =
        format.generation == VMC_IOREGION_P20 && format.is_big_endian;

    response.data = cut(get(bytes, 8, is_data_a_number(format)), size_bytes);
    response.is_failed =
        can_fail(format) && (get(&bytes[8], 4, is_info_big) & FAILED) != 0;
    return response;
}
