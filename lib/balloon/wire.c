/* SPDX-License-Identifier: MIT */
/*
 * Everything is put together from bytes with shifts, so that neither the order
 * of bytes nor the layout of structs of the compiler has a say: that is what
 * two of the defects of the page bitmap were (spec 8.1, D9 and D10).
 */
#include "balloon/wire.h"

enum {
    PAGE_SHIFT = 12,
    LENGTH_SHIFT = 58,
    WORD_BYTES = 8,
    WORD_BITS = 64,
    V6_COUNT_MAX = 0xfff
};

#define PFN_MASK ((UINT64_C(1) << VMC_WIRE_HEADER_BITS_START) - 1)

uint64_t vmc_wire_header(uint64_t pfn, uint32_t page_shift,
                         uint32_t bitmap_bytes)
{
    assert(pfn <= PFN_MASK && page_shift < 64 && bitmap_bytes < 64);
    return pfn | (uint64_t)page_shift << VMC_WIRE_HEADER_BITS_START |
           (uint64_t)bitmap_bytes << LENGTH_SHIFT;
}

/* The header as a big-endian compiler lays the bit-fields out: the same fields
 * from the top down, then the bytes of the whole reversed. */
static uint64_t swapped_header(uint64_t header)
{
    uint64_t pfn = header & PFN_MASK;
    uint64_t shift = header >> VMC_WIRE_HEADER_BITS_START & 0x3f;

    return __builtin_bswap64(pfn << 12 | shift << 6 | header >> LENGTH_SHIFT);
}

static uint64_t header_of(uint64_t pfn, uint32_t page_shift,
                          uint32_t bitmap_bytes,
                          const struct vmc_wire_faults *faults)
{
    uint64_t header =
        vmc_wire_header(pfn, page_shift + faults->extra_shift, bitmap_bytes);

    return faults->swaps_fields ? swapped_header(header) : header;
}

uint32_t vmc_wire_put_run(uint64_t *words, const uint64_t *bits, uint64_t base,
                          uint32_t from, uint32_t end, uint32_t *next,
                          const struct vmc_wire_faults *faults)
{
    uint32_t head = from / WORD_BITS, tail = end / WORD_BITS, count = 0;
    uint32_t first = (from + WORD_BITS - 1) / WORD_BITS;

    assert(from < end);
    *next = (end + WORD_BITS - 1) / WORD_BITS * WORD_BITS;
    if (from % WORD_BITS != 0) {
        words[count++] = header_of(base + (uint64_t)head * WORD_BITS,
                                   PAGE_SHIFT, WORD_BYTES, faults);
        words[count++] = bits[head];
        if ((head + 1) * WORD_BITS >= end) {
            return count;
        }
    }
    if (end % WORD_BITS != 0) {
        words[count++] = header_of(base + (uint64_t)tail * WORD_BITS,
                                   PAGE_SHIFT, WORD_BYTES, faults);
        words[count++] =
            faults->swaps_tail ? __builtin_bswap64(bits[tail]) : bits[tail];
    }
    for (uint64_t at = (uint64_t)first * WORD_BITS,
                  stop = (uint64_t)tail * WORD_BITS;
         at < stop;) {
        uint32_t order = vmc_bits_top(stop - at);

        words[count++] = header_of(base + at, PAGE_SHIFT + order, 0, faults);
        at += UINT64_C(1) << order;
    }
    return count;
}

/* The runs of set bits of @word; each bit stands for 2^@order pages. */
static uint32_t ranges_of_word(uint64_t word, uint64_t pfn, uint32_t order,
                               struct vmc_wire_range *ranges)
{
    uint32_t count = 0;

    while (word != 0) {
        uint32_t from = vmc_bits_low(word);
        uint64_t inverse = ~(word >> from);
        uint32_t length = inverse == 0 ? WORD_BITS : vmc_bits_low(inverse);

        ranges[count++] = (struct vmc_wire_range){
            pfn + ((uint64_t)from << order), (uint64_t)length << order};
        if (from + length == WORD_BITS) {
            break;
        }
        word &= ~UINT64_C(0) << (from + length);
    }
    return count;
}

bool vmc_wire_get_record(const uint64_t *words, uint32_t count, uint32_t *at,
                         struct vmc_wire_range *ranges, uint32_t *range_count)
{
    uint64_t header = words[*at], pfn = header & PFN_MASK, span;
    uint32_t shift = (uint32_t)(header >> VMC_WIRE_HEADER_BITS_START & 0x3f);
    uint32_t bitmap = (uint32_t)(header >> LENGTH_SHIFT) / WORD_BYTES, order;

    if (shift < PAGE_SHIFT || (header >> LENGTH_SHIFT) % WORD_BYTES != 0 ||
        bitmap >= count - *at) {
        return false;
    }
    order = shift - PAGE_SHIFT; /* at most 51: a span of 2^51 * 448 fits */
    /* The specification wants a block aligned to its size (5.3), but its writer
     * takes the largest power of two that is left of a run (4.3, B6c), which
     * starts at a multiple of a word. Only what no writer sends is refused. */
    if ((pfn & ((UINT64_C(1) << (order < 6 ? order : 6)) - 1)) != 0) {
        return false;
    }
    *range_count = 0;
    span = (bitmap == 0 ? 1 : (uint64_t)bitmap * WORD_BITS) << order;
    if (bitmap == 0) {
        if (span > PFN_MASK + 1 - pfn) {
            return false;
        }
        ranges[(*range_count)++] = (struct vmc_wire_range){pfn, span};
    }
    for (uint32_t i = 0; i < bitmap; i++) {
        uint64_t first = pfn + ((uint64_t)i * WORD_BITS << order);

        *range_count += ranges_of_word(words[*at + 1 + i], first, order,
                                       &ranges[*range_count]);
    }
    for (uint32_t i = 0; i < *range_count; i++) {
        if (ranges[i].pfn > PFN_MASK ||
            ranges[i].count > PFN_MASK + 1 - ranges[i].pfn) {
            return false;
        }
    }
    *at += 1 + bitmap;
    return true;
}

uint32_t vmc_wire_put_v6(uint64_t *words, struct vmc_wire_range range)
{
    assert(range.pfn <= PFN_MASK && range.count > 0);
    if (range.count <= V6_COUNT_MAX) {
        words[0] = range.pfn << 12 | range.count;
        return 1;
    }
    words[0] = range.pfn << 12;
    words[1] = range.count;
    return 2;
}

uint32_t vmc_wire_put_v6_faulty(uint64_t *words, struct vmc_wire_range range,
                                const struct vmc_wire_faults *faults)
{
    if (faults->packs_4096 && range.count == V6_COUNT_MAX + 1) {
        words[0] = (range.pfn << 12) + range.count;
        return 1;
    }
    return vmc_wire_put_v6(words, range);
}

uint32_t vmc_wire_put_chunk_faulty(uint64_t *words, struct vmc_wire_range range,
                                   const struct vmc_wire_faults *faults)
{
    if (faults->swaps_parts) {
        range.pfn = __builtin_bswap64(range.pfn) & PFN_MASK;
        range.count = __builtin_bswap16((uint16_t)range.count);
        words[0] = range.pfn << 12;
        words[1] = range.count << 12;
        return 2;
    }
    vmc_wire_put_chunk(words, range);
    return 2;
}

bool vmc_wire_get_v6(const uint64_t *words, uint32_t count, uint32_t *at,
                     struct vmc_wire_range *range)
{
    uint64_t word = words[*at];

    range->pfn = word >> 12;
    range->count = word & V6_COUNT_MAX;
    if (range->count == 0) {
        if (count - *at < 2 || words[*at + 1] == 0) {
            return false;
        }
        range->count = words[*at + 1];
        (*at)++;
    }
    (*at)++;
    return range->count <= PFN_MASK + 1 - range->pfn;
}

void vmc_wire_put_chunk(uint64_t *words, struct vmc_wire_range range)
{
    assert(range.pfn <= PFN_MASK && range.count > 0 && range.count <= PFN_MASK);
    words[0] = range.pfn << 12;
    words[1] = range.count << 12;
}

bool vmc_wire_get_chunk(const uint64_t *words, uint32_t count, uint32_t *at,
                        struct vmc_wire_range *range)
{
    if (count - *at < 2 || (words[*at] & 0xfff) != 0 ||
        (words[*at + 1] & 0xfff) != 0 || words[*at + 1] == 0) {
        return false;
    }
    range->pfn = words[*at] >> 12;
    range->count = words[*at + 1] >> 12;
    *at += 2;
    return range->count <= PFN_MASK + 1 - range->pfn;
}

void vmc_wire_store(uint8_t *bytes, const uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count * WORD_BYTES; i++) {
        bytes[i] = (uint8_t)(words[i / WORD_BYTES] >> (i % WORD_BYTES * 8));
    }
}

void vmc_wire_load(uint64_t *words, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        words[i] = 0;
        for (uint32_t k = 0; k < WORD_BYTES; k++) {
            words[i] |= (uint64_t)bytes[i * WORD_BYTES + k] << (8 * k);
        }
    }
}

/* ---- Numbers of any size -------------------------------------------------*/

static void put(uint8_t *bytes, uint32_t size, uint64_t value)
{
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t get(const uint8_t *bytes, uint32_t size)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << 8 * i;
    }
    return value;
}

void vmc_wire_put_pfn(uint8_t *bytes, uint32_t pfn, bool is_big_endian)
{
    put(bytes, 4, is_big_endian ? __builtin_bswap32(pfn) : pfn);
}

uint32_t vmc_wire_get_pfn(const uint8_t *bytes, bool is_big_endian)
{
    uint32_t pfn = (uint32_t)get(bytes, 4);

    return is_big_endian ? __builtin_bswap32(pfn) : pfn;
}

uint64_t vmc_wire_response(uint32_t data_bytes)
{
    return (uint64_t)data_bytes << 32;
}

/* ---- Whole messages ------------------------------------------------------*/

void vmc_wire_open(struct vmc_wire_cursor *cursor, enum vmc_wire_format format,
                   const void *bytes, size_t size_bytes)
{
    cursor->bytes = bytes;
    cursor->size_bytes = size_bytes;
    cursor->at = 0;
    cursor->format = format;
    cursor->is_big_endian = false;
    cursor->range_count = cursor->range_at = 0;
}

/* The first 8 bytes of a v4 message say how many follow. */
static bool skip_response(struct vmc_wire_cursor *cursor)
{
    if (cursor->format != VMC_WIRE_BITMAP || cursor->at > 0) {
        return true;
    }
    if (cursor->size_bytes < WORD_BYTES ||
        get(cursor->bytes, WORD_BYTES) >> 32 !=
            cursor->size_bytes - WORD_BYTES) {
        return false;
    }
    cursor->at = WORD_BYTES;
    return true;
}

/* Load the words that one record may have, and read it. */
static bool read_record(struct vmc_wire_cursor *cursor)
{
    uint64_t words[8] = {0}; /* a header and at most 7 words of bitmap */
    size_t left = cursor->size_bytes - cursor->at;
    uint32_t count = left < sizeof(words) ? (uint32_t)left / WORD_BYTES
                                          : VMC_COUNT_OF(words);
    uint32_t at = 0;
    bool is_good = false;

    if (left % WORD_BYTES != 0) {
        return false;
    }
    vmc_wire_load(words, cursor->bytes + cursor->at, count);
    cursor->range_at = 0;
    cursor->range_count = 1;
    switch (cursor->format) {
    case VMC_WIRE_BITMAP:
        is_good = vmc_wire_get_record(words, count, &at, cursor->ranges,
                                      &cursor->range_count);
        break;
    case VMC_WIRE_V6:
        is_good = vmc_wire_get_v6(words, count, &at, cursor->ranges);
        break;
    case VMC_WIRE_CHUNK:
        is_good = vmc_wire_get_chunk(words, count, &at, cursor->ranges);
        break;
    case VMC_WIRE_PAIRS:
        cursor->ranges[0] =
            (struct vmc_wire_range){words[0] & UINT32_MAX, words[0] >> 32};
        is_good = cursor->ranges[0].count > 0;
        at = 1;
        break;
    case VMC_WIRE_PFNS:
        break;
    }
    cursor->at += (size_t)at * WORD_BYTES;
    return is_good;
}

enum vmc_status vmc_wire_next(struct vmc_wire_cursor *cursor,
                              struct vmc_wire_range *range)
{
    if (cursor->format == VMC_WIRE_PFNS) {
        if (cursor->size_bytes - cursor->at < 4) {
            return VMC_END;
        }
        range->pfn =
            vmc_wire_get_pfn(cursor->bytes + cursor->at, cursor->is_big_endian);
        range->count = 1;
        cursor->at += 4;
        return VMC_OK;
    }
    if (!skip_response(cursor)) {
        return VMC_E_FORMAT;
    }
    while (cursor->range_at == cursor->range_count) {
        size_t before = cursor->at;

        if (cursor->at == cursor->size_bytes) {
            return VMC_END;
        }
        if (!read_record(cursor)) {
            cursor->at = before;
            cursor->range_at = cursor->range_count = 0;
            return VMC_E_FORMAT;
        }
    }
    *range = cursor->ranges[cursor->range_at++];
    return VMC_OK;
}

enum vmc_status vmc_wire_check(enum vmc_wire_format format, const void *bytes,
                               size_t size_bytes, vmc_wire_ram_fn *is_ram,
                               const void *owner)
{
    struct vmc_wire_cursor cursor;
    struct vmc_wire_range range;
    enum vmc_status status;

    if (format == VMC_WIRE_PFNS) {
        return VMC_OK;
    }
    vmc_wire_open(&cursor, format, bytes, size_bytes);
    while ((status = vmc_wire_next(&cursor, &range)) == VMC_OK) {
        if (!is_ram(owner, range)) {
            return VMC_E_FORMAT;
        }
    }
    return status == VMC_END ? VMC_OK : status;
}

/* ---- Records of other queues ---------------------------------------------*/

void vmc_wire_put_stat(uint8_t *bytes, struct vmc_wire_stat stat)
{
    put(bytes, 2, stat.tag);
    put(bytes + 2, 8, stat.value);
}

struct vmc_wire_stat vmc_wire_get_stat(const uint8_t *bytes)
{
    return (struct vmc_wire_stat){.tag = (uint16_t)get(bytes, 2),
                                  .value = get(bytes + 2, 8)};
}

void vmc_mem_put_request(uint8_t *bytes, struct vmc_mem_request request)
{
    put(bytes, 8, request.type);
    put(bytes + 8, 8, request.address_bytes);
    put(bytes + 16, 8, request.block_count);
}

bool vmc_mem_get_request(const uint8_t *bytes, size_t size_bytes,
                         struct vmc_mem_request *request)
{
    if (size_bytes < VMC_MEM_REQUEST_BYTES || get(bytes, 2) > VMC_MEM_STATE) {
        return false;
    }
    *request =
        (struct vmc_mem_request){.type = (uint16_t)get(bytes, 2),
                                 .address_bytes = get(bytes + 8, 8),
                                 .block_count = (uint16_t)get(bytes + 16, 2)};
    return true;
}

void vmc_mem_put_response(uint8_t *bytes, struct vmc_mem_response response)
{
    put(bytes, 8, response.type);
    put(bytes + 8, 2, response.state);
}

struct vmc_mem_response vmc_mem_get_response(const uint8_t *bytes)
{
    return (struct vmc_mem_response){.type = (uint16_t)get(bytes, 2),
                                     .state = (uint16_t)get(bytes + 8, 2)};
}
