/* SPDX-License-Identifier: MIT */
/*
 * A range is worked on frame by frame. Inside a frame everything is masks of
 * 64 pages, so a call costs the same for 1 page as for 64.
 *
 * Stage-2 entries go first, then host entries (spec 6.6): a huge entry that
 * overlaps the range goes whole, which is why splitting a huge page leaves 512
 * present pages and no stage-2 entry.
 */
#include "balloon/host.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SHIFT = 12, FRAME_SHIFT = 9 };

enum vmc_status vmc_host_init(struct vmc_host *host,
                              const struct vmc_host_config *config)
{
    uint64_t frames = vmc_div_up(config->page_max, VMC_FRAME_PAGES);

    *host = (struct vmc_host){.config = *config};
    if (config->page_max == 0 || config->page_max > UINT32_MAX ||
        (config->host_page_bytes != UINT32_C(1) << PAGE_SHIFT &&
         config->host_page_bytes != UINT32_C(1) << 14 &&
         config->host_page_bytes != UINT32_C(1) << 16 &&
         config->host_page_bytes != UINT32_C(1) << 21)) {
        return VMC_E_RANGE;
    }
    host->frames = calloc(frames, sizeof(*host->frames));
    return host->frames != NULL ? VMC_OK : VMC_E_NOMEM;
}

void vmc_host_fini(struct vmc_host *host)
{
    free(host->frames);
    *host = (struct vmc_host){0};
}

uint64_t vmc_host_backed_bytes(const struct vmc_host *host)
{
    return (host->small_pages + host->huge_frames * VMC_FRAME_PAGES)
           << PAGE_SHIFT;
}

uint64_t vmc_host_huge_bytes(const struct vmc_host *host)
{
    return host->huge_frames * VMC_FRAME_PAGES << PAGE_SHIFT;
}

/* ---- Bits of a frame -----------------------------------------------------*/

/* The part of word @word that [@from, @end) covers, not empty. */
static uint64_t word_mask(uint32_t word, uint32_t from, uint32_t end)
{
    uint64_t mask = ~UINT64_C(0);

    if (from > word * 64) {
        mask &= ~UINT64_C(0) << from % 64;
    }
    if (end < (word + 1) * 64) {
        mask &= ~(~UINT64_C(0) << end % 64);
    }
    return mask;
}

/* Change bits [@from, @end); returns how many did change. */
static uint32_t set_bits(uint64_t *words, uint32_t from, uint32_t end)
{
    uint32_t changed = 0;

    for (uint32_t i = from / 64; i <= (end - 1) / 64; i++) {
        uint64_t mask = word_mask(i, from, end) & ~words[i];

        changed += (uint32_t)__builtin_popcountll(mask);
        words[i] |= mask;
    }
    return changed;
}

static uint32_t clear_bits(uint64_t *words, uint32_t from, uint32_t end)
{
    uint32_t changed = 0;

    for (uint32_t i = from / 64; i <= (end - 1) / 64; i++) {
        uint64_t mask = word_mask(i, from, end) & words[i];

        changed += (uint32_t)__builtin_popcountll(mask);
        words[i] &= ~mask;
    }
    return changed;
}

static bool has_bit(const uint64_t *words, uint32_t bit)
{
    return (words[bit / 64] >> bit % 64 & 1) != 0;
}

bool vmc_host_is_present(const struct vmc_host *host, uint64_t page)
{
    const struct vmc_frame *frame = &host->frames[page >> FRAME_SHIFT];

    assert(page < host->config.page_max);
    return frame->backing == VMC_FRAME_HUGE ||
           (frame->backing == VMC_FRAME_TABLE &&
            has_bit(frame->present, page % VMC_FRAME_PAGES));
}

bool vmc_host_is_mapped(const struct vmc_host *host, uint64_t page)
{
    const struct vmc_frame *frame = &host->frames[page >> FRAME_SHIFT];

    assert(page < host->config.page_max);
    return frame->is_mapped || (frame->backing == VMC_FRAME_TABLE &&
                                has_bit(frame->mapped, page % VMC_FRAME_PAGES));
}

/* ---- Discard -------------------------------------------------------------*/

struct zapped {
    uint32_t small, entries;
    bool had_entry; /* any stage-2 entry, of either size */
};

static void split(struct vmc_host *host, struct vmc_frame *frame)
{
    memset(frame->present, 0xff, sizeof(frame->present));
    memset(frame->mapped, 0, sizeof(frame->mapped));
    frame->backing = VMC_FRAME_TABLE;
    host->huge_frames--;
    host->small_pages += VMC_FRAME_PAGES;
}

/* Zap pages [@from, @end) of a frame that is not discarded as a huge page. */
static struct zapped zap_small(struct vmc_host *host, struct vmc_frame *frame,
                               uint32_t from, uint32_t end,
                               struct vmc_host_effect *effect)
{
    struct zapped zapped = {0};

    if (frame->backing == VMC_FRAME_NONE) {
        return zapped;
    }
    if (frame->is_mapped) {
        frame->is_mapped = false;
        effect->entries_huge++;
        zapped.had_entry = true;
    }
    if (frame->backing == VMC_FRAME_HUGE) {
        split(host, frame);
        effect->splits++;
    }
    zapped.small = clear_bits(frame->present, from, end);
    zapped.entries = clear_bits(frame->mapped, from, end);
    zapped.had_entry = zapped.had_entry || zapped.entries > 0;
    host->small_pages -= zapped.small;
    effect->entries_small += zapped.entries;
    effect->pages_freed += zapped.small;
    return zapped;
}

static void zap_huge(struct vmc_host *host, struct vmc_frame *frame,
                     struct vmc_host_effect *effect)
{
    effect->entries_huge += frame->is_mapped;
    effect->tables_freed += host->config.host_page_bytes >> PAGE_SHIFT == 1;
    effect->pages_freed += VMC_FRAME_PAGES;
    frame->backing = VMC_FRAME_NONE;
    frame->is_mapped = false;
    host->huge_frames--;
}

static bool is_whole(const struct vmc_host *host, uint64_t page, uint64_t count)
{
    uint32_t pages = host->config.host_page_bytes >> PAGE_SHIFT;

    assert(page + count <= host->config.page_max);
    return (page | count) % pages == 0;
}

void vmc_host_discard(struct vmc_host *host, uint64_t page, uint64_t count,
                      struct vmc_host_effect *effect)
{
    uint64_t end = page + count, entries = 0, huge = 0, small = 0;

    if (!is_whole(host, page, count)) {
        effect->refused++;
        return;
    }
    effect->calls++;
    for (uint64_t at = page, next; at < end; at = next) {
        struct vmc_frame *frame = &host->frames[at >> FRAME_SHIFT];
        uint32_t from = at % VMC_FRAME_PAGES;

        next = at - from + VMC_FRAME_PAGES;
        if (frame->backing == VMC_FRAME_HUGE && from == 0 && next <= end) {
            zap_huge(host, frame, effect);
            huge++;
        } else {
            uint32_t until = (uint32_t)((next < end ? next : end) - at);
            struct zapped zapped =
                zap_small(host, frame, from, from + until, effect);

            small += zapped.small;
            entries += zapped.entries;
        }
    }
    effect->host_flushes += small + huge > 0;
    effect->flushes += entries > 0;
    *(count == 1 ? &effect->zapped_small : &effect->zapped_bulk) += small;
    *(huge > 1 ? &effect->huge_bulk : &effect->huge) += huge;
}

void vmc_host_discard_singly(struct vmc_host *host, uint64_t page,
                             uint64_t count, struct vmc_host_effect *effect)
{
    uint64_t end = page + count;

    if (!is_whole(host, page, 1)) {
        effect->refused += count;
        return;
    }
    assert(end <= host->config.page_max);
    effect->calls += count;
    for (uint64_t at = page, next; at < end; at = next) {
        uint32_t from = at % VMC_FRAME_PAGES;
        struct zapped zapped;

        next = at - from + VMC_FRAME_PAGES;
        next = next < end ? next : end;
        zapped = zap_small(host, &host->frames[at >> FRAME_SHIFT], from,
                           from + (uint32_t)(next - at), effect);
        effect->zapped_small += zapped.small;
        effect->host_flushes += zapped.small;
        effect->flushes += zapped.entries;
    }
}

void vmc_host_inflate(struct vmc_host *host, struct vmc_partial *partial,
                      uint64_t page, struct vmc_host_effect *effect)
{
    uint32_t pages = host->config.host_page_bytes >> PAGE_SHIFT;
    uint64_t base = page - page % pages;
    uint32_t bit = (uint32_t)(page - base);

    if (pages == 1) {
        vmc_host_discard_singly(host, page, 1, effect);
        return;
    }
    if (partial->base != base || partial->count == 0) {
        *partial = (struct vmc_partial){.base = base};
    }
    partial->count += set_bits(partial->seen, bit, bit + 1);
    if (partial->count == pages) {
        partial->count = 0;
        vmc_host_discard(host, base, pages, effect);
    }
}

/* ---- Touch ---------------------------------------------------------------*/

/* Find memory for what is not there: a huge page if nothing speaks against it.
 * hugetlb has nothing else; a table speaks against it otherwise. */
static void fault_huge(struct vmc_host *host, struct vmc_frame *frame,
                       struct vmc_host_effect *effect)
{
    frame->backing = VMC_FRAME_HUGE;
    host->huge_frames++;
    effect->faults_huge++;
}

static bool can_be_huge(const struct vmc_host *host)
{
    return host->config.has_thp ||
           host->config.host_page_bytes >> PAGE_SHIFT == VMC_FRAME_PAGES;
}

/* A larger host page is found as a whole, and has one stage-2 entry: the first
 * touch of any part of it brings all of it. */
static void touch_table(struct vmc_host *host, struct vmc_frame *frame,
                        uint32_t from, uint32_t end,
                        struct vmc_host_effect *effect)
{
    uint32_t pages = host->config.host_page_bytes >> PAGE_SHIFT;
    uint32_t touched = end - from, found, mapped, fresh;

    pages = pages < VMC_FRAME_PAGES ? pages : VMC_FRAME_PAGES;
    from -= from % pages;
    end += (pages - end % pages) % pages;
    found = set_bits(frame->present, from, end);
    mapped = set_bits(frame->mapped, from, end);
    assert(found <= mapped && found % pages == 0 && mapped % pages == 0);
    host->small_pages += found;
    fresh = found / pages;
    effect->faults_small += found;
    effect->maps_small += (mapped - found) / pages;
    /* A page that was just cleared is in the cache; one that was there has to
     * be walked to through two tables of 4 KiB entries. */
    effect->touches_huge += fresh;
    effect->touches_small += touched - fresh;
}

/* A pinned frame is backed in full, as the IOMMU may reach any of it. */
static void back_whole(struct vmc_host *host, struct vmc_frame *frame,
                       struct vmc_host_effect *effect)
{
    uint32_t found;

    if (frame->backing == VMC_FRAME_NONE) {
        fault_huge(host, frame, effect);
    }
    if (frame->backing == VMC_FRAME_TABLE) {
        found = set_bits(frame->present, 0, VMC_FRAME_PAGES);
        host->small_pages += found;
        effect->faults_small += found;
    }
}

static void pin_frame(struct vmc_host *host, struct vmc_frame *frame,
                      struct vmc_host_effect *effect)
{
    back_whole(host, frame, effect);
    host->pinned_frames += !frame->is_pinned;
    effect->pinned += !frame->is_pinned;
    frame->is_pinned = true;
}

static void touch_frame(struct vmc_host *host, struct vmc_frame *frame,
                        uint32_t from, uint32_t end,
                        struct vmc_host_effect *effect)
{
    bool is_installed = frame->is_evicted;

    effect->installs += is_installed;
    frame->is_evicted = false;
    if (frame->backing == VMC_FRAME_NONE && can_be_huge(host)) {
        fault_huge(host, frame, effect);
        frame->is_mapped = true;
    }
    if (frame->backing == VMC_FRAME_HUGE) {
        effect->maps_huge += !frame->is_mapped;
        frame->is_mapped = true;
        effect->touches_huge += end - from;
        if (is_installed && host->config.has_vfio) {
            pin_frame(host, frame, effect);
        }
        return;
    }
    if (frame->backing == VMC_FRAME_NONE) {
        memset(frame->present, 0, sizeof(frame->present));
        memset(frame->mapped, 0, sizeof(frame->mapped));
        frame->backing = VMC_FRAME_TABLE;
    }
    if (is_installed && host->config.has_vfio) {
        pin_frame(host, frame, effect);
    }
    touch_table(host, frame, from, end, effect);
}

void vmc_host_touch(struct vmc_host *host, uint64_t page, uint64_t count,
                    struct vmc_host_effect *effect)
{
    uint64_t end = page + count;

    assert(end <= host->config.page_max);
    for (uint64_t at = page, next; at < end; at = next) {
        uint32_t from = at % VMC_FRAME_PAGES;

        next = at - from + VMC_FRAME_PAGES;
        next = next < end ? next : end;
        touch_frame(host, &host->frames[at >> FRAME_SHIFT], from,
                    from + (uint32_t)(next - at), effect);
    }
}

/* ---- VFIO ----------------------------------------------------------------*/

void vmc_host_pin(struct vmc_host *host, uint64_t page, uint64_t count,
                  struct vmc_host_effect *effect)
{
    assert((page | count) % VMC_FRAME_PAGES == 0);
    assert(page + count <= host->config.page_max);
    for (uint64_t i = page >> FRAME_SHIFT; i < (page + count) >> FRAME_SHIFT;
         i++) {
        pin_frame(host, &host->frames[i], effect);
    }
}

void vmc_host_unpin(struct vmc_host *host, uint64_t page, uint64_t count,
                    struct vmc_host_effect *effect)
{
    assert((page | count) % VMC_FRAME_PAGES == 0);
    assert(page + count <= host->config.page_max);
    for (uint64_t i = page >> FRAME_SHIFT; i < (page + count) >> FRAME_SHIFT;
         i++) {
        struct vmc_frame *frame = &host->frames[i];

        host->pinned_frames -= frame->is_pinned;
        effect->unpinned += frame->is_pinned;
        frame->is_pinned = false;
    }
}

/* ---- Checking ------------------------------------------------------------*/

static const char *frame_fault(const struct vmc_frame *frame)
{
    if (frame->is_mapped && frame->backing != VMC_FRAME_HUGE) {
        return "has a 2 MiB stage-2 entry and no huge page (I10)";
    }
    for (uint32_t i = 0; i < VMC_FRAME_WORDS; i++) {
        if (frame->backing == VMC_FRAME_TABLE &&
            (frame->mapped[i] & ~frame->present[i]) != 0) {
            return "has a stage-2 entry for a page that is not there (I10)";
        }
        if (frame->is_pinned && frame->backing == VMC_FRAME_TABLE &&
            frame->present[i] != ~UINT64_C(0)) {
            return "is pinned and not all there (I15)";
        }
    }
    if (frame->is_pinned && frame->backing == VMC_FRAME_NONE) {
        return "is pinned and not there (I15)";
    }
    return NULL;
}

enum vmc_status vmc_host_audit(const struct vmc_host *host,
                               struct vmc_error *error)
{
    uint64_t frames = vmc_div_up(host->config.page_max, VMC_FRAME_PAGES);
    uint64_t small = 0, huge = 0, pinned = 0;

    for (uint64_t i = 0; i < frames; i++) {
        const struct vmc_frame *frame = &host->frames[i];
        const char *fault = frame_fault(frame);

        if (fault != NULL) {
            return vmc_fail(error, VMC_E_FORMAT, "frame 0x%llx %s",
                            (unsigned long long)i, fault);
        }
        huge += frame->backing == VMC_FRAME_HUGE;
        pinned += frame->is_pinned;
        for (uint32_t k = 0;
             frame->backing == VMC_FRAME_TABLE && k < VMC_FRAME_WORDS; k++) {
            small += (uint32_t)__builtin_popcountll(frame->present[k]);
        }
    }
    if (small != host->small_pages || huge != host->huge_frames ||
        pinned != host->pinned_frames) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "the host counts %llu pages, %llu huge, %llu pinned "
                        "and has %llu, %llu, %llu (I9)",
                        (unsigned long long)host->small_pages,
                        (unsigned long long)host->huge_frames,
                        (unsigned long long)host->pinned_frames,
                        (unsigned long long)small, (unsigned long long)huge,
                        (unsigned long long)pinned);
    }
    return VMC_OK;
}
