/* SPDX-License-Identifier: MIT */
/**
 * wire.h - what lies in the buffers of a balloon device, byte by byte, and the
 * formats that were proposed after the array of page numbers.
 *
 * v4, the page bitmap. A record is a header, and a bitmap word if it says so:
 *     bits 0-51 start page   52-57 log2 of the bytes of one bit   58-63 bytes
 *     of bitmap that follow: 0 (the record is one block) or 8, 16, ... 56
 * A block starts at a multiple of its size, or of 64 pages: a writer may send
 * the largest power of two that a run has left.
 * v6. One word: page << 12 | count; with count 0 the next word is the count.
 * Chunk. Two words: page << 12, count << 12.
 *
 * A message from a guest is read to its end before anything in it is acted on,
 * by vmc_wire_check(); then range by range, by vmc_wire_next().
 *
 * Units    Pages of 4 KiB. Words are numbers here; on the wire each is
 *          little-endian, see vmc_wire_store().
 */
#ifndef VMC_BALLOON_WIRE_H
#define VMC_BALLOON_WIRE_H

#include "base/base.h"

enum {
    VMC_WIRE_RUN_WORDS_MAX = 32,  /**< more than any run takes */
    VMC_WIRE_RANGES_MAX = 7 * 32, /**< of one record */
    VMC_WIRE_HEADER_BITS_START = 52
};

/** A range of pages. */
struct vmc_wire_range {
    uint64_t pfn, count;
};

/** What a writer does wrong; all 0 for the right way. */
struct vmc_wire_faults {
    bool swaps_tail;      /**< D9: tail word in the guest's order, big-endian */
    bool swaps_fields;    /**< D10: header as a C bit-field, big-endian */
    uint32_t extra_shift; /**< D12: shift of a larger guest page */
    bool packs_4096;      /**< S1: v6, a count of 4096 in 12 bits */
    bool swaps_parts;     /**< S3: chunk, fields converted by other widths */
};

/** A v4 header. */
uint64_t vmc_wire_header(uint64_t pfn, uint32_t page_shift,
                         uint32_t bitmap_bytes);

/**
 * Write the v4 records for the run [@from, @end) of the bitmap @bits, whose
 * bit 0 is page @base: head, tail, then the middle in powers of two. Head and
 * tail carry their whole word, with all runs in it.
 * Returns  how many words were written; *@next is where to look for more.
 */
uint32_t vmc_wire_put_run(uint64_t *words, const uint64_t *bits, uint64_t base,
                          uint32_t from, uint32_t end, uint32_t *next,
                          const struct vmc_wire_faults *faults);

/**
 * Read the v4 record at *@at of @count words and go past it. Its block, or the
 * runs of its set bits, go to @ranges, which has room for
 * VMC_WIRE_RANGES_MAX; there may be none.
 * Returns  false when the record breaks the format; *@at is then unchanged.
 */
bool vmc_wire_get_record(const uint64_t *words, uint32_t count, uint32_t *at,
                         struct vmc_wire_range *ranges, uint32_t *range_count);

/** v6: write one range; returns 1 or 2 words. Asserts the page fits. */
uint32_t vmc_wire_put_v6(uint64_t *words, struct vmc_wire_range range);

/** Chunk: write one range as two words. Asserts both fit 52 bits. */
void vmc_wire_put_chunk(uint64_t *words, struct vmc_wire_range range);

/** The same as their writers with @faults. */
uint32_t vmc_wire_put_v6_faulty(uint64_t *words, struct vmc_wire_range range,
                                const struct vmc_wire_faults *faults);
uint32_t vmc_wire_put_chunk_faulty(uint64_t *words, struct vmc_wire_range range,
                                   const struct vmc_wire_faults *faults);

/** Chunk: read the range at *@at. False when it breaks the format. */
bool vmc_wire_get_chunk(const uint64_t *words, uint32_t count, uint32_t *at,
                        struct vmc_wire_range *range);

/** v6: read the range at *@at. False when it breaks the format. */
bool vmc_wire_get_v6(const uint64_t *words, uint32_t count, uint32_t *at,
                     struct vmc_wire_range *range);

/** Store @count words as little-endian bytes. */
void vmc_wire_store(uint8_t *bytes, const uint64_t *words, uint32_t count);

/** Load @count words from little-endian bytes. */
void vmc_wire_load(uint64_t *words, const uint8_t *bytes, uint32_t count);

/* ---- Whole messages ------------------------------------------------------*/

/** What a buffer holds. */
enum vmc_wire_format {
    VMC_WIRE_PFNS,   /**< 32-bit page numbers; 1 to 3 bytes behind are lost */
    VMC_WIRE_PAIRS,  /**< page and count, 32 bits each */
    VMC_WIRE_BITMAP, /**< v4: 8 bytes of response header, then records */
    VMC_WIRE_V6,
    VMC_WIRE_CHUNK,
};

/** Where one is in a message. */
struct vmc_wire_cursor {
    const uint8_t *bytes;
    size_t size_bytes, at;
    enum vmc_wire_format format;
    bool is_big_endian; /**< PFNs of a big-endian guest, legacy device */
    uint32_t range_count, range_at;
    struct vmc_wire_range ranges[VMC_WIRE_RANGES_MAX];
};

/** Stand at the start of a message. @bytes are borrowed. */
void vmc_wire_open(struct vmc_wire_cursor *cursor, enum vmc_wire_format format,
                   const void *bytes, size_t size_bytes);

/**
 * The next range.
 * Fails    VMC_END at the end; VMC_E_FORMAT where the message breaks the
 *          format, and whenever asked again.
 */
enum vmc_status vmc_wire_next(struct vmc_wire_cursor *cursor,
                              struct vmc_wire_range *range);

/** True when @owner may be told to give up these pages. */
typedef bool vmc_wire_ram_fn(const void *owner, struct vmc_wire_range range);

/**
 * Read a message to its end, without effect. A page number array is never
 * malformed: each of its pages is judged alone, when it is served.
 * Fails    VMC_E_FORMAT when anything is wrong, or @is_ram denies a range.
 */
enum vmc_status vmc_wire_check(enum vmc_wire_format format, const void *bytes,
                               size_t size_bytes, vmc_wire_ram_fn *is_ram,
                               const void *owner);

/** The header of a v4 message with @data_bytes of records. */
uint64_t vmc_wire_response(uint32_t data_bytes);

/** Store or load a page number, little- or big-endian. */
void vmc_wire_put_pfn(uint8_t *bytes, uint32_t pfn, bool is_big_endian);
uint32_t vmc_wire_get_pfn(const uint8_t *bytes, bool is_big_endian);

/* ---- Statistics ----------------------------------------------------------*/

enum { VMC_STAT_BYTES = 10, VMC_STAT_TAGS = 16 };

/** One record of the statistics queue. */
struct vmc_wire_stat {
    uint16_t tag;
    uint64_t value;
};

/** Store or load a record: VMC_STAT_BYTES, little-endian. */
void vmc_wire_put_stat(uint8_t *bytes, struct vmc_wire_stat stat);
struct vmc_wire_stat vmc_wire_get_stat(const uint8_t *bytes);

/* ---- virtio-mem ----------------------------------------------------------*/

enum { VMC_MEM_REQUEST_BYTES = 24, VMC_MEM_RESPONSE_BYTES = 10 };

/** What a driver asks for. */
enum vmc_mem_request_type {
    VMC_MEM_PLUG,
    VMC_MEM_UNPLUG,
    VMC_MEM_UNPLUG_ALL,
    VMC_MEM_STATE,
};

/** What the device says to it. */
enum vmc_mem_response_type {
    VMC_MEM_ACK,
    VMC_MEM_NACK,
    VMC_MEM_BUSY,
    VMC_MEM_ERROR,
};

/** A request, and its response. */
struct vmc_mem_request {
    uint16_t type; /**< enum vmc_mem_request_type, or what a guest sent */
    uint64_t address_bytes; /**< of the first block */
    uint16_t block_count;   /**< from there on */
};

/** The device's answer to a request. */
struct vmc_mem_response {
    uint16_t type;  /**< enum vmc_mem_response_type */
    uint16_t state; /**< 0 plugged, 1 unplugged, 2 mixed */
};

/** Store a request: VMC_MEM_REQUEST_BYTES. */
void vmc_mem_put_request(uint8_t *bytes, struct vmc_mem_request request);

/** Read a request. False when it is short or of an unknown type. */
bool vmc_mem_get_request(const uint8_t *bytes, size_t size_bytes,
                         struct vmc_mem_request *request);

/** Store or load a response: VMC_MEM_RESPONSE_BYTES. */
void vmc_mem_put_response(uint8_t *bytes, struct vmc_mem_response response);
struct vmc_mem_response vmc_mem_get_response(const uint8_t *bytes);

#endif
