/* SPDX-License-Identifier: MIT */
/**
 * host.h - what backs a guest's memory: host pages, huge pages, page tables,
 * stage-2 entries, pins.
 *
 * For every 2 MiB there is a record: nothing, a huge page, or a page table
 * with a bit for each page that is there and one for each that has a stage-2
 * entry. A table stays when its last page has gone, which is why memory that
 * was given up page by page is never backed by a huge page again.
 *
 * Operations tell in counts what they did; what that takes is for the caller.
 *
 * Units    A page is 4 KiB, its number a guest-physical address / 4096,
 *          whatever the guest's own pages are. A frame is 2 MiB.
 */
#ifndef VMC_BALLOON_HOST_H
#define VMC_BALLOON_HOST_H

#include "base/base.h"

enum {
    VMC_FRAME_PAGES = 512,
    VMC_FRAME_WORDS = VMC_FRAME_PAGES / 64,
};

/** What one or more operations made the host do. */
struct vmc_host_effect {
    uint64_t calls;        /**< of madvise or fallocate */
    uint64_t zapped_small; /**< 4 KiB pages, each in a call of its own */
    uint64_t zapped_bulk;  /**< 4 KiB pages of longer calls */
    uint64_t flushes;      /**< calls that met 4 KiB stage-2 entries */
    uint64_t splits;       /**< huge pages split, into a table each */
    uint64_t huge;         /**< huge pages, each in a call of its own */
    uint64_t huge_bulk;    /**< huge pages of longer calls */
    uint64_t tables_freed; /**< deposited tables that went with huge pages */
    uint64_t entries_small, entries_huge; /**< stage-2 entries removed */
    uint64_t host_flushes; /**< calls that had pages to flush and free */
    uint64_t pages_freed;  /**< of 4 KiB, huge ones count 512 */
    uint64_t faults_huge;  /**< 2 MiB found and cleared */
    uint64_t faults_small; /**< 4 KiB found and cleared */
    uint64_t maps_huge;    /**< stage-2 faults on what was there */
    uint64_t maps_small;
    uint64_t touches_huge; /**< pages touched, by how they are mapped */
    uint64_t touches_small;
    uint64_t unpinned, pinned; /**< frames, with VFIO */
    uint64_t installs;         /**< evicted frames that a guest asked for */
    uint64_t refused;          /**< calls on what is not whole host pages */
};

/** What a frame is backed by. */
enum vmc_frame_backing {
    VMC_FRAME_NONE,
    VMC_FRAME_TABLE,
    VMC_FRAME_HUGE,
};

/** 2 MiB. Plain data. */
struct vmc_frame {
    uint64_t present[VMC_FRAME_WORDS]; /**< only with a table */
    uint64_t mapped[VMC_FRAME_WORDS];  /**< 4 KiB stage-2 entries, likewise */
    uint8_t backing;                   /**< enum vmc_frame_backing */
    bool is_mapped;                    /**< by a 2 MiB stage-2 entry */
    bool is_pinned;
    bool is_evicted; /**< of the shared allocator: install before use */
};

/** What the host is like. */
struct vmc_host_config {
    uint64_t page_max;        /**< 4 KiB pages of address space */
    uint32_t host_page_bytes; /**< 4, 16 or 64 KiB, or 2 MiB for hugetlb */
    bool has_thp;             /**< 2 MiB are backed at once where nothing was */
    bool has_vfio; /**< an evicted frame is pinned when it is installed */
};

/** All that backs one guest; the fields are for reading. */
struct vmc_host {
    struct vmc_host_config config;
    struct vmc_frame *frames;
    uint64_t small_pages, huge_frames, pinned_frames; /**< backed now */
};

/** Back nothing yet. Fails VMC_E_RANGE, VMC_E_NOMEM. */
enum vmc_status vmc_host_init(struct vmc_host *host,
                              const struct vmc_host_config *config);

/** Free the records. A zeroed host is allowed. */
void vmc_host_fini(struct vmc_host *host);

/** Bytes that the host backs: its RSS for the guest. */
uint64_t vmc_host_backed_bytes(const struct vmc_host *host);

/** Bytes of them in huge pages: AnonHugePages. */
uint64_t vmc_host_huge_bytes(const struct vmc_host *host);

/** True when @page is backed; when it has a stage-2 entry. */
bool vmc_host_is_present(const struct vmc_host *host, uint64_t page);
bool vmc_host_is_mapped(const struct vmc_host *host, uint64_t page);

/**
 * Discard [@page, @page + @count) in one call. What is not a whole number of
 * host pages is refused, with nothing done.
 */
void vmc_host_discard(struct vmc_host *host, uint64_t page, uint64_t count,
                      struct vmc_host_effect *effect);

/** Discard them in a call for each; the same as that many single calls. */
void vmc_host_discard_singly(struct vmc_host *host, uint64_t page,
                             uint64_t count, struct vmc_host_effect *effect);

/** Touch [@page, @page + @count) from the guest; fault in what is missing. An
 * evicted frame is installed first: with VFIO it is then backed and pinned. */
void vmc_host_touch(struct vmc_host *host, uint64_t page, uint64_t count,
                    struct vmc_host_effect *effect);

/** Back and pin whole frames for VFIO. Asserts alignment to frames. */
void vmc_host_pin(struct vmc_host *host, uint64_t page, uint64_t count,
                  struct vmc_host_effect *effect);

/** Unmap them from the IOMMU and unpin. Asserts alignment to frames. */
void vmc_host_unpin(struct vmc_host *host, uint64_t page, uint64_t count,
                    struct vmc_host_effect *effect);

/** Sub-pages of one larger host page that came in one element. Plain data;
 * zeroed memory is an empty record, as each element begins with. */
struct vmc_partial {
    uint64_t seen[VMC_FRAME_WORDS];
    uint64_t base;
    uint32_t count;
};

/**
 * Inflate one page of 4 KiB: at once where that is a host page; else note it,
 * and discard the host page when all of it has come. A page of another host
 * page throws the record away: its pages stay backed.
 */
void vmc_host_inflate(struct vmc_host *host, struct vmc_partial *partial,
                      uint64_t page, struct vmc_host_effect *effect);

/**
 * Check that counts agree with the records, that stage-2 entries have a page
 * behind them, and that pinned frames are there.
 * Fails    VMC_E_FORMAT with the first thing that is wrong in @error.
 */
enum vmc_status vmc_host_audit(const struct vmc_host *host,
                               struct vmc_error *error);

#endif
