/* SPDX-License-Identifier: MIT */
/*
 * The log gives accesses out when their end is known, so those of one vCPU come
 * in order. First all are kept with their recorded times, in guest_ns the
 * start; then, when the middle exit is known, a second pass over the vCPUs
 * makes gaps of them.
 */
#include "sim/replay/access_list.h"

#include <stdlib.h>
#include <string.h>

#include "sim/replay/bus_view.h"
#include "sim/interrupted.h"

enum { ROOM_FIRST = 4096, COUNT_MAX = 1 << 26 };

/* When an access ended, as far as the log knows. */
struct times {
    uint64_t start_ns, end_ns;
    uint8_t time; /* enum bus_time */
};

struct reading {
    struct access_list *list;
    struct bus_ranges *ranges;
    struct bus_view *view;
    struct times *times;
    uint32_t last[BUS_LOG_THREADS_MAX]; /* access of each vCPU */
    enum vmc_status status;
};

void access_list_free(struct access_list *list)
{
    free(list->accesses);
    free(list->recorded_ns);
    *list = (struct access_list){0};
}

static bool grow(struct reading *reading)
{
    struct access_list *list = reading->list;
    uint32_t room = list->room == 0 ? ROOM_FIRST : 2 * list->room;
    struct listed_access *accesses;
    struct times *times;

    if (list->count < list->room) {
        return true;
    }
    if (room > COUNT_MAX) {
        return false;
    }
    accesses = realloc(list->accesses, room * sizeof(*accesses));
    if (accesses != NULL) {
        list->accesses = accesses;
    }
    times = realloc(reading->times, room * sizeof(*times));
    if (times != NULL) {
        reading->times = times;
    }
    if (accesses == NULL || times == NULL) {
        return false;
    }
    list->room = room;
    return true;
}

static bool claims(void *owner, const struct bus_access *access)
{
    struct reading *reading = owner;

    return bus_view_claims(
        reading->view, access,
        bus_ranges_find(reading->ranges, access->space, access->addr));
}

static bool leaves(void *owner, const struct bus_access *access)
{
    const struct reading *reading = owner;

    return bus_view_leaves(reading->view, access);
}

static void keep(void *owner, const struct bus_access *access)
{
    struct reading *reading = owner;
    struct access_list *list = reading->list;
    uint32_t range =
        bus_ranges_find(reading->ranges, access->space, access->addr);
    uint32_t probes, last = reading->last[access->thread];

    if (reading->status != VMC_OK || !grow(reading)) {
        reading->status = VMC_E_NOMEM;
        return;
    }
    (void)bus_view_check(reading->view, access, range, &probes);
    reading->times[list->count] = (struct times){.start_ns = access->start_ns,
                                                 .end_ns = access->end_ns,
                                                 .time = access->time};
    list->accesses[list->count] =
        (struct listed_access){.next = ACCESS_LIST_END,
                               .probes = probes,
                               .count = access->count,
                               .range = (uint16_t)range,
                               .space = access->space,
                               .is_write = access->is_write,
                               .is_fast = access->is_fast,
                               .did_exit = access->exits > 0};
    if (access->exits > 0 && access->time == BUS_TIME_EXACT) {
        vmc_hist_add(list->recorded_ns, access->end_ns - access->start_ns);
    }
    if (last == ACCESS_LIST_END) {
        list->first[access->thread] = list->count;
    } else {
        list->accesses[last].next = list->count;
    }
    reading->last[access->thread] = list->count++;
}

static const struct bus_log_ops ops = {
    .claims = claims, .leaves = leaves, .access = keep};

static uint64_t end_of(const struct access_list *list,
                       const struct times *times, bool did_exit)
{
    uint64_t likely = times->start_ns + (did_exit ? list->exit_ns : 0);

    switch (times->time) {
    case BUS_TIME_EXACT:
        return times->end_ns;
    case BUS_TIME_BOUND:
        return likely < times->end_ns ? likely : times->end_ns;
    default:
        return likely;
    }
}

/* From the recorded times to what the guest did between. */
static void make_gaps(struct reading *reading)
{
    struct access_list *list = reading->list;
    uint64_t begin_ns = UINT64_MAX;

    for (uint32_t i = 0; i < list->count; i++) {
        begin_ns = reading->times[i].start_ns < begin_ns
                       ? reading->times[i].start_ns
                       : begin_ns;
    }
    for (uint32_t vcpu = 0; vcpu < list->vcpu_count; vcpu++) {
        uint64_t ended_ns = begin_ns;

        for (uint32_t i = list->first[vcpu]; i != ACCESS_LIST_END;
             i = list->accesses[i].next) {
            const struct times *times = &reading->times[i];

            list->accesses[i].guest_ns =
                times->start_ns > ended_ns ? times->start_ns - ended_ns : 0;
            ended_ns = end_of(list, times, list->accesses[i].did_exit);
        }
    }
}

static enum vmc_status pull(struct reading *reading, struct vmc_reader *reader,
                            struct vmc_error *error)
{
    const struct vmc_record *records;
    struct bus_log *log;
    uint32_t count;
    enum vmc_status status = bus_log_new(&log, &ops, reading);

    if (status != VMC_OK) {
        return vmc_fail(error, status, "out of memory");
    }
    while ((status = vmc_reader_next(reader, &records, &count, error)) ==
           VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            bus_log_take(log, &records[i],
                         records[i].kind == VMC_REC_KVM_USERSPACE_EXIT
                             ? vmc_reader_text(reader, records[i].args[1])
                             : "");
        }
    }
    bus_log_end(log);
    reading->list->vcpu_count = bus_log_thread_count(log);
    bus_log_free(log);
    return status == VMC_END ? VMC_OK : status;
}

enum vmc_status access_list_read(struct access_list *list, const char *path,
                                 const char *meta_path,
                                 struct bus_ranges *ranges,
                                 uint32_t ring_entries, struct vmc_error *error)
{
    struct reading reading = {.list = list, .ranges = ranges};
    struct vmc_reader *reader = NULL;
    enum vmc_status status;

    *list = (struct access_list){0};
    memset(list->first, 0xff, sizeof(list->first));
    memset(reading.last, 0xff, sizeof(reading.last));
    list->recorded_ns = calloc(1, sizeof(*list->recorded_ns));
    if (list->recorded_ns == NULL ||
        bus_view_new(&reading.view, ranges, ring_entries) != VMC_OK) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    status = interrupted_open(&reader, path, meta_path, error);
    if (status == VMC_OK) {
        status = pull(&reading, reader, error);
    }
    if (status == VMC_OK && reading.status != VMC_OK) {
        status = vmc_fail(error, reading.status, "%s: too many accesses", path);
    }
    if (status == VMC_OK && list->count == 0 && !interrupted()) {
        status = vmc_fail(error, VMC_E_FORMAT,
                          "%s: no access of a KVM guest in it", path);
    }
    list->exit_ns = vmc_hist_quantile(list->recorded_ns, 500000);
    if (status == VMC_OK) {
        make_gaps(&reading);
    }
    vmc_reader_close(reader);
    bus_view_free(reading.view);
    free(reading.times);
    return status;
}
