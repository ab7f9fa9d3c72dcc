/* SPDX-License-Identifier: MIT */
/**
 * native_priv.h - the bytes of .vmct files; format.md describes them.
 */
#ifndef VMC_TRACE_NATIVE_PRIV_H
#define VMC_TRACE_NATIVE_PRIV_H

#include "base/base.h"
#include "trace/record.h"

enum {
    VMC_NATIVE_VERSION = 1,
    VMC_NATIVE_HEADER_BYTES = 16, /**< before the metadata */
    VMC_NATIVE_BLOCK_BYTES = 40,  /**< of a block's head */
    VMC_NATIVE_RECORDS_MAX = 1 << 16,
    VMC_NATIVE_RECORD_BYTES_MAX = 4 + 4 * 10 + VMC_REC_ARGS_MAX * 10,
    VMC_NATIVE_RAW_MAX = 1 << 23, /**< of a block before compression */
    VMC_NATIVE_SUMMARY_MAX = 1 << 22,
    VMC_NATIVE_END_BYTES = 16,
};

/** Tags, as they stand in the file. */
static const char vmc_native_magic[4] = {'V', 'M', 'C', 'T'};
static const char vmc_native_block_tag[4] = {'V', 'B', 'L', 'K'};
static const char vmc_native_summary_tag[4] = {'V', 'S', 'U', 'M'};
static const char vmc_native_end_tag[4] = {'V', 'E', 'N', 'D'};

/** Bits of the second byte of a record. */
enum vmc_native_flag {
    VMC_NATIVE_SAME_THREAD = 1,
    VMC_NATIVE_NEXT_LINE = 2,    /**< the line after that of the last record */
    VMC_NATIVE_SAME_CONTEXT = 4, /**< cpu and flags */
    VMC_NATIVE_SAME_TIME = 8,
};

/** What the next record is relative to. Zero at the start of a block. */
struct vmc_native_last {
    uint64_t time_ns, line;
    uint32_t thread;
    uint8_t cpu, flags;
    uint64_t args[VMC_REC_KIND_COUNT][VMC_REC_ARGS_MAX];
};

/** Append @record to @at, which has VMC_NATIVE_RECORD_BYTES_MAX of room.
 * Returns  the end. */
unsigned char *vmc_native_encode(unsigned char *at,
                                 struct vmc_native_last *last,
                                 const struct vmc_record *record);

/** Read one record from [@at, @end). Returns its end, or NULL. */
const unsigned char *vmc_native_decode(const unsigned char *at,
                                       const unsigned char *end,
                                       struct vmc_native_last *last,
                                       struct vmc_record *record);

/** Variable-length numbers: seven bits a byte, the low ones first. */
unsigned char *vmc_varint_put(unsigned char *at, uint64_t value);
/** NULL when there is none before @end. */
const unsigned char *vmc_varint_get(const unsigned char *at,
                                    const unsigned char *end, uint64_t *value);

/** Little-endian numbers of fixed width. */
void vmc_put_u32(unsigned char *at, uint32_t value);
void vmc_put_u64(unsigned char *at, uint64_t value);
uint32_t vmc_get_u32(const unsigned char *at);
uint64_t vmc_get_u64(const unsigned char *at);

#endif
