/* SPDX-License-Identifier: MIT */
/*
 * The known ranges are those of QEMU's pc (i440FX, PIIX) and q35 machines and
 * of the PC before it, and a few of the arm64 and LoongArch virt machines. An
 * address is first looked up among those that were added, by going through
 * them; what was found is kept, for each port and each page of memory that lies
 * in one range.
 */
#include "sim/replay/bus_ranges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PORTS = 65536,
    PORT_GROUP = 16,
    PAGE_BITS = 12,
    IOCSR_BITS = 8,
    SLOTS = 4096,
    PAGE_SLOTS = 256,
    LINE_BYTES_MAX = 256,
    NO_RANGE = UINT16_MAX
};

/* The range that takes what no other can: the table is full. */
static const char other_name[] = "other";

static const struct known {
    uint64_t first, last;
    enum bus_space space;
    enum bus_claim claim;
    const char *name;
} known[] = {
    {0x00, 0x0f, BUS_PIO, BUS_CLAIM_NONE, "dma1"},
    {0x20, 0x21, BUS_PIO, BUS_CLAIM_KERNEL, "pic1"},
    {0x40, 0x43, BUS_PIO, BUS_CLAIM_KERNEL, "pit"},
    {0x60, 0x60, BUS_PIO, BUS_CLAIM_NONE, "keyboard"},
    {0x61, 0x61, BUS_PIO, BUS_CLAIM_NONE, "speaker"},
    {0x64, 0x64, BUS_PIO, BUS_CLAIM_NONE, "keyboard status"},
    /* hw/rtc/mc146818rtc.c makes the index register coalesced. */
    {0x70, 0x70, BUS_PIO, BUS_CLAIM_RING, "rtc index"},
    {0x71, 0x71, BUS_PIO, BUS_CLAIM_NONE, "rtc data"},
    {0x80, 0x8f, BUS_PIO, BUS_CLAIM_NONE, "dma page, post"},
    {0x92, 0x92, BUS_PIO, BUS_CLAIM_NONE, "port 92"},
    {0xa0, 0xa1, BUS_PIO, BUS_CLAIM_KERNEL, "pic2"},
    {0xb2, 0xb3, BUS_PIO, BUS_CLAIM_NONE, "apm"},
    {0xc0, 0xdf, BUS_PIO, BUS_CLAIM_NONE, "dma2"},
    {0x170, 0x177, BUS_PIO, BUS_CLAIM_NONE, "ide2"},
    {0x1ce, 0x1d1, BUS_PIO, BUS_CLAIM_NONE, "vbe"},
    {0x1f0, 0x1f7, BUS_PIO, BUS_CLAIM_NONE, "ide1"},
    {0x278, 0x27f, BUS_PIO, BUS_CLAIM_NONE, "lpt2"},
    {0x2e8, 0x2ef, BUS_PIO, BUS_CLAIM_NONE, "com4"},
    {0x2f8, 0x2ff, BUS_PIO, BUS_CLAIM_NONE, "com2"},
    {0x376, 0x376, BUS_PIO, BUS_CLAIM_NONE, "ide2 control"},
    {0x378, 0x37f, BUS_PIO, BUS_CLAIM_NONE, "lpt1"},
    {0x3b0, 0x3df, BUS_PIO, BUS_CLAIM_NONE, "vga"},
    {0x3e8, 0x3ef, BUS_PIO, BUS_CLAIM_NONE, "com3"},
    {0x3f0, 0x3f5, BUS_PIO, BUS_CLAIM_NONE, "floppy"},
    {0x3f6, 0x3f6, BUS_PIO, BUS_CLAIM_NONE, "ide1 control"},
    {0x3f8, 0x3ff, BUS_PIO, BUS_CLAIM_NONE, "com1"},
    {0x402, 0x402, BUS_PIO, BUS_CLAIM_NONE, "debug console"},
    {0x4d0, 0x4d1, BUS_PIO, BUS_CLAIM_KERNEL, "elcr"},
    {0x505, 0x505, BUS_PIO, BUS_CLAIM_NONE, "pvpanic"},
    {0x510, 0x51b, BUS_PIO, BUS_CLAIM_NONE, "fw_cfg"},
    {0x600, 0x67f, BUS_PIO, BUS_CLAIM_NONE, "acpi pm"},
    {0x700, 0x73f, BUS_PIO, BUS_CLAIM_NONE, "smbus"},
    {0xae00, 0xafff, BUS_PIO, BUS_CLAIM_NONE, "acpi hotplug"},
    {0xcf8, 0xcfb, BUS_PIO, BUS_CLAIM_NONE, "pci address"},
    {0xcfc, 0xcff, BUS_PIO, BUS_CLAIM_NONE, "pci data"},
    {0xa0000, 0xbffff, BUS_MMIO, BUS_CLAIM_RING, "vga memory"},
    {0xfec00000, 0xfec00fff, BUS_MMIO, BUS_CLAIM_KERNEL, "ioapic"},
    {0xfed00000, 0xfed003ff, BUS_MMIO, BUS_CLAIM_NONE, "hpet"},
    {0xfed40000, 0xfed44fff, BUS_MMIO, BUS_CLAIM_NONE, "tpm"},
    {0xfee00000, 0xfee00fff, BUS_MMIO, BUS_CLAIM_KERNEL, "lapic"},
    {0x08000000, 0x08ffffff, BUS_MMIO, BUS_CLAIM_KERNEL, "gic"},
    {0x09000000, 0x09000fff, BUS_MMIO, BUS_CLAIM_NONE, "pl011"},
    {0x0a000000, 0x0a003fff, BUS_MMIO, BUS_CLAIM_NONE, "virtio-mmio"},
    {0x10000000, 0x10000fff, BUS_MMIO, BUS_CLAIM_NONE, "pch-pic"},
    {0x1fe001e0, 0x1fe001ff, BUS_MMIO, BUS_CLAIM_NONE, "ls7a uart"},
    {0x1000, 0x10ff, BUS_IOCSR, BUS_CLAIM_NONE, "ipi"},
    {0x1400, 0x1dff, BUS_IOCSR, BUS_CLAIM_NONE, "eiointc"},
};

struct bus_ranges {
    struct bus_range ranges[BUS_RANGES_MAX];
    uint32_t count, added_count;
    uint16_t ports[PORTS];
    uint16_t slots[SLOTS]; /* ranges that were made for a page, + 1 */
    bool is_used;          /* nothing may be added any more */
    /* Pages that lie in one range as a whole, found before. */
    struct {
        uint64_t page; /* with the space in its low bits */
        uint32_t range;
        bool is_set;
    } pages[PAGE_SLOTS];
    uint32_t other;
};

static const char *const claim_names[BUS_CLAIM_COUNT] = {
    "none", "exit", "kernel", "coalesced", "ioeventfd"};

const char *bus_claim_name(enum bus_claim claim)
{
    assert(claim < BUS_CLAIM_COUNT);
    return claim_names[claim];
}

enum vmc_status bus_ranges_new(struct bus_ranges **out)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return VMC_E_NOMEM;
    }
    memset((*out)->ports, 0xff, sizeof((*out)->ports));
    return VMC_OK;
}

void bus_ranges_free(struct bus_ranges *ranges)
{
    free(ranges);
}

/* ---- Adding -------------------------------------------------------------- */

/* Cut "START-END" at the dash and read both. */
static bool parse_addresses(struct bus_range *range, char *text)
{
    char *dash = strchr(text, '-');

    if (dash == NULL) {
        return false;
    }
    *dash = '\0';
    return vmc_parse_u64(&range->first, text) == VMC_OK &&
           vmc_parse_u64(&range->last, dash + 1) == VMC_OK &&
           range->first <= range->last;
}

static bool parse_space(struct bus_range *range, const char *text)
{
    for (uint8_t i = 0; i < BUS_SPACE_COUNT; i++) {
        if (strcmp(text, bus_space_name(i)) == 0) {
            range->space = i;
            return true;
        }
    }
    return false;
}

static bool parse_claim(struct bus_range *range, const char *text)
{
    for (uint8_t i = 0; i < BUS_CLAIM_COUNT; i++) {
        if (strcmp(text, claim_names[i]) == 0) {
            range->claim = i;
            return true;
        }
    }
    return false;
}

static bool parse_range(struct bus_range *range, char *text)
{
    static const char blanks[] = " \t\r\n";
    char *rest, *word = strtok_r(text, blanks, &rest);
    char *colon = word != NULL ? strchr(word, ':') : NULL;
    const char *name, *claim;

    if (colon != NULL) {
        *colon++ = '\0';
    }
    if (word == NULL || !parse_addresses(range, word)) {
        return false;
    }
    range->space = range->last < PORTS ? BUS_PIO : BUS_MMIO;
    if (colon != NULL && !parse_space(range, colon)) {
        return false;
    }
    if (range->space == BUS_PIO && range->last >= PORTS) {
        return false;
    }
    name = strtok_r(NULL, blanks, &rest);
    claim = name != NULL ? strtok_r(NULL, blanks, &rest) : NULL;
    if (name != NULL) {
        (void)snprintf(range->name, sizeof(range->name), "%s", name);
    } else {
        (void)snprintf(range->name, sizeof(range->name),
                       "0x%" PRIx64 "-0x%" PRIx64, range->first, range->last);
    }
    range->is_added = true;
    return (claim == NULL || parse_claim(range, claim)) &&
           strtok_r(NULL, blanks, &rest) == NULL;
}

enum vmc_status bus_ranges_add(struct bus_ranges *ranges, const char *text,
                               struct vmc_error *error)
{
    struct bus_range range = {.claim = BUS_CLAIM_NONE};
    char copy[LINE_BYTES_MAX];

    assert(!ranges->is_used);
    if (strlen(text) >= sizeof(copy)) {
        return vmc_fail(error, VMC_E_USAGE, "the range is too long a text");
    }
    (void)snprintf(copy, sizeof(copy), "%s", text);
    if (!parse_range(&range, copy)) {
        return vmc_fail(error, VMC_E_USAGE,
                        "range '%s': expected START-END[:pio|mmio|iocsr] "
                        "[NAME [exit|kernel|coalesced|ioeventfd]]",
                        text);
    }
    if (ranges->count == BUS_RANGES_MAX / 2) {
        return vmc_fail(error, VMC_E_USAGE, "more than %d ranges",
                        BUS_RANGES_MAX / 2);
    }
    ranges->ranges[ranges->count++] = range;
    ranges->added_count = ranges->count;
    return VMC_OK;
}

enum vmc_status bus_ranges_add_file(struct bus_ranges *ranges, const char *path,
                                    struct vmc_error *error)
{
    FILE *file = fopen(path, "re");
    enum vmc_status status = VMC_OK;
    char line[LINE_BYTES_MAX];
    uint32_t number = 0;

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    while (status == VMC_OK && fgets(line, sizeof(line), file) != NULL) {
        struct vmc_error why = {""};

        number++;
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")] != '\0') {
            status = bus_ranges_add(ranges, line, &why);
        }
        if (status != VMC_OK) {
            (void)vmc_fail(error, status, "%s:%" PRIu32 ": %s", path, number,
                           why.text);
        }
    }
    if (status == VMC_OK && ferror(file)) {
        status = vmc_fail(error, VMC_E_IO, "%s: cannot be read", path);
    }
    (void)fclose(file);
    return status;
}

/* ---- Finding ------------------------------------------------------------- */

static uint32_t append(struct bus_ranges *ranges, uint64_t first, uint64_t last,
                       enum bus_space space, enum bus_claim claim,
                       const char *name)
{
    struct bus_range *range = &ranges->ranges[ranges->count];

    assert(ranges->count < BUS_RANGES_MAX);
    range->first = first;
    range->last = last;
    range->space = (uint8_t)space;
    range->claim = (uint8_t)claim;
    (void)snprintf(range->name, sizeof(range->name), "%s", name);
    return ranges->count++;
}

void bus_ranges_begin(struct bus_ranges *ranges)
{
    assert(!ranges->is_used);
    ranges->is_used = true;
    for (size_t i = 0; i < VMC_COUNT_OF(known); i++) {
        (void)append(ranges, known[i].first, known[i].last, known[i].space,
                     known[i].claim, known[i].name);
    }
    ranges->other =
        append(ranges, 0, UINT64_MAX, BUS_MMIO, BUS_CLAIM_NONE, other_name);
}

static bool contains(const struct bus_range *range, enum bus_space space,
                     uint64_t addr)
{
    return range->space == space && addr >= range->first && addr <= range->last;
}

/* The range of the group around @addr, made for it when it is new. */
static uint32_t find_group(struct bus_ranges *ranges, enum bus_space space,
                           uint64_t addr)
{
    unsigned bits = space == BUS_PIO    ? vmc_bits_top(PORT_GROUP)
                    : space == BUS_MMIO ? PAGE_BITS
                                        : IOCSR_BITS;
    uint64_t group = addr >> bits;
    uint64_t first = group << bits, last = first | ((UINT64_C(1) << bits) - 1);
    uint32_t slot =
        (uint32_t)((group * 4 + space) * UINT64_C(0x9e3779b97f4a7c15) >> 52) %
        SLOTS;
    char name[BUS_RANGE_NAME_BYTES];

    for (; ranges->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        uint32_t index = ranges->slots[slot] - 1U;

        if (ranges->ranges[index].first == first &&
            ranges->ranges[index].space == space) {
            return index;
        }
    }
    if (ranges->count == BUS_RANGES_MAX) {
        return ranges->other;
    }
    (void)snprintf(name, sizeof(name), "0x%" PRIx64 "-0x%" PRIx64, first, last);
    ranges->slots[slot] = (uint16_t)(ranges->count + 1);
    return append(ranges, first, last, space, BUS_CLAIM_NONE, name);
}

static uint32_t find_slowly(struct bus_ranges *ranges, enum bus_space space,
                            uint64_t addr)
{
    for (uint32_t i = 0; i < ranges->other; i++) {
        if (contains(&ranges->ranges[i], space, addr)) {
            return i;
        }
    }
    return find_group(ranges, space, addr);
}

/* True when every address of @addr's page finds range @index. */
static bool is_alone_in_page(const struct bus_ranges *ranges, uint32_t index,
                             enum bus_space space, uint64_t addr)
{
    uint64_t first = addr >> PAGE_BITS << PAGE_BITS;
    uint64_t last = first | ((UINT64_C(1) << PAGE_BITS) - 1);

    for (uint32_t i = 0; i < index && i < ranges->other; i++) {
        const struct bus_range *range = &ranges->ranges[i];

        if (range->space == space && range->first <= last &&
            range->last >= first) {
            return false;
        }
    }
    return index != ranges->other && ranges->ranges[index].first <= first &&
           ranges->ranges[index].last >= last;
}

uint32_t bus_ranges_find(struct bus_ranges *ranges, enum bus_space space,
                         uint64_t addr)
{
    uint64_t page = (addr >> PAGE_BITS) * 4 + space;
    uint32_t slot = (uint32_t)(page ^ page >> 10) % PAGE_SLOTS;
    uint32_t index;

    assert(ranges->is_used);
    if (space == BUS_PIO && addr < PORTS) {
        if (ranges->ports[addr] == NO_RANGE) {
            ranges->ports[addr] = (uint16_t)find_slowly(ranges, space, addr);
        }
        return ranges->ports[addr];
    }
    if (ranges->pages[slot].is_set && ranges->pages[slot].page == page) {
        return ranges->pages[slot].range;
    }
    index = find_slowly(ranges, space, addr);
    if (is_alone_in_page(ranges, index, space, addr)) {
        ranges->pages[slot].is_set = true;
        ranges->pages[slot].page = page;
        ranges->pages[slot].range = index;
    }
    return index;
}

uint32_t bus_ranges_count(const struct bus_ranges *ranges)
{
    return ranges->count;
}

uint32_t bus_ranges_added(const struct bus_ranges *ranges)
{
    return ranges->added_count;
}

const struct bus_range *bus_ranges_at(const struct bus_ranges *ranges,
                                      uint32_t index)
{
    assert(index < ranges->count);
    return &ranges->ranges[index];
}

/* ---- Checkpoints --------------------------------------------------------- */

/* What was added, as numbers of one size, and their names. */
static void archive_added(const struct bus_ranges *ranges,
                          struct vmc_archive *archive)
{
    for (uint32_t i = 0; i < ranges->added_count; i++) {
        const struct bus_range *range = &ranges->ranges[i];
        const uint64_t numbers[] = {range->first, range->last, range->space,
                                    range->claim};

        vmc_archive_same(archive, "range", numbers, sizeof(numbers));
        vmc_archive_same(archive, "name", range->name, strlen(range->name));
    }
}

void bus_ranges_archive(struct bus_ranges *ranges, struct vmc_archive *archive)
{
    vmc_archive_same(archive, "added_count", &ranges->added_count,
                     sizeof(ranges->added_count));
    archive_added(ranges, archive);
    ranges->count = (uint32_t)vmc_archive_count(archive, "count", ranges->count,
                                                BUS_RANGES_MAX);
    vmc_archive_bytes(archive, "ranges", ranges->ranges,
                      ranges->count * sizeof(ranges->ranges[0]));
    VMC_ARCHIVE(archive, ranges->ports);
    VMC_ARCHIVE(archive, ranges->slots);
    VMC_ARCHIVE(archive, ranges->pages);
}
