/* SPDX-License-Identifier: MIT */
/**
 * events_priv.h - the events that the importers know, found by name.
 */
#ifndef VMC_TRACE_EVENTS_PRIV_H
#define VMC_TRACE_EVENTS_PRIV_H

#include "base/base.h"
#include "trace/record.h"

/** One way in which an event is printed; tracepoints change. */
struct vmc_event {
    const char *name;
    enum vmc_record_kind kind;
    const char *pattern; /**< see pattern_priv.h */
    uint64_t base; /**< added to argument 0: old names count from elsewhere */
};

struct vmc_event_table;

/** The table that finds events by name; NULL when memory is short. */
struct vmc_event_table *vmc_event_table_new(void);
/** NULL is allowed. */
void vmc_event_table_free(struct vmc_event_table *table);

/**
 * The first of the *@count rows of the event called @name; NULL and 0 when
 * nobody lists it. O(1).
 */
const struct vmc_event *vmc_event_find(const struct vmc_event_table *table,
                                       const char *name, size_t name_bytes,
                                       uint32_t *count);

/** The newest way in which an event of @kind is printed whose arguments are the
 * record's; NULL for VMC_REC_NONE. */
const struct vmc_event *vmc_event_of(enum vmc_record_kind kind);

#endif
