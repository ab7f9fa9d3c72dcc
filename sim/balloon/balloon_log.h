/* SPDX-License-Identifier: MIT */
/**
 * balloon_log.h - the book-keeping of a recorded balloon: every message, page
 * and configuration access, held against what must be true of them.
 *
 * A message is an element of the inflate or deflate queue that names pages. A
 * page must be RAM, not be told twice, and not come back without having gone.
 * What the driver says is in the balloon must be what it has told.
 *
 * Units    Pages of 4 KiB, whatever the guest's own are.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_LOG_H
#define VMC_SIM_BALLOON_BALLOON_LOG_H

#include "balloon/balloon.h"
#include "balloon/pagelist.h"
#include "stats/histogram.h"
#include "trace/reader.h"

struct balloon_log;

/** What was counted. */
struct balloon_log_counts {
    uint64_t inflated_pfns, deflated_pfns, messages, pages;
    uint64_t duplicate_pfns; /**< told, though in the balloon */
    uint64_t unknown_pfns;   /**< came back, but were never told */
    uint64_t never_told;     /**< in the driver's count, but never told */
    uint64_t outside_ram;
    uint64_t config_reads, config_writes;
    uint64_t wrong_actual;  /**< writes of another number than was told */
    uint64_t wrong_target;  /**< reads of another target than was set */
    uint64_t recorded_ns;   /**< from targets until they were reached */
    uint64_t ram_bytes;     /**< 0: no target was set */
    uint64_t guessed_bytes; /**< without one: the end of the last page told */
    uint64_t held; /**< pages that went in the log and did not come back */
    uint64_t discards, discarded_bytes; /**< of the host, all told */
    uint64_t reports, reported_bytes;   /**< messages that name free memory */
    uint32_t page_bytes;                /**< of the guest; 0: not known */
    enum vmc_layout layout;             /**< known at the end */
};

/** One message, for pictures. */
struct balloon_log_message {
    uint64_t time_ns, guest_ns, host_ns;
    uint64_t held;      /**< after it */
    uint64_t popped_ns; /**< when the host took it */
    uint32_t thread;    /**< of the host */
    uint32_t pages;     /**< that it named */
    bool is_deflate;
};

/** Make an empty log. Fails VMC_E_NOMEM. */
enum vmc_status balloon_log_new(struct balloon_log **out);
void balloon_log_free(struct balloon_log *log);

/** Take one record. @text is the section name of a BALLOON_OUTPUT, or NULL. */
void balloon_log_record(struct balloon_log *log,
                        const struct vmc_record *record, const char *text);

/** True while the section name of a BALLOON_OUTPUT would tell something. */
bool balloon_log_wants_section(const struct balloon_log *log);

/** The guest's pages are so large, as a .meta says; NULL: it does not. */
void balloon_log_set_page(struct balloon_log *log, const char *size_bytes);

/** Save or load all that records have changed. */
void balloon_log_archive(struct balloon_log *log, struct vmc_archive *archive);

/** The trace has ended. */
void balloon_log_end(struct balloon_log *log);

/** Fails VMC_E_NOMEM when a record could not be kept. */
enum vmc_status balloon_log_status(const struct balloon_log *log);

const struct balloon_log_counts *
balloon_log_counts(const struct balloon_log *log);

/** All pages inflated, in the order they were told, as runs. Borrowed. */
const struct vmc_page_run *balloon_log_runs(const struct balloon_log *log,
                                            uint32_t *run_count);

/** Pages in the balloon at the end of each operation. Borrowed. */
const uint64_t *balloon_log_targets(const struct balloon_log *log,
                                    uint32_t *count);

/** Host time a message: from its notification until it was given back; and
 * the guest's: from there until the next notification. In ns. */
const struct vmc_hist *balloon_log_host_ns(const struct balloon_log *log);
const struct vmc_hist *balloon_log_guest_ns(const struct balloon_log *log);

/** The messages, in order. Borrowed. */
const struct balloon_log_message *
balloon_log_messages(const struct balloon_log *log, uint64_t *count);

#endif
