/* SPDX-License-Identifier: MIT */
/*
 * The log of QEMU has no event for a balloon message. It is put together from
 * those of its queue: notify, pop, one line a page, fill, flush. Other devices
 * have such queues too; that a queue is the balloon's shows when a page follows
 * a pop. Which of its queues, its number says: 0 inflates, 1 deflates.
 */
#include "sim/balloon_log.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUES_MAX = 64, PAGE_SHIFT = 12, PFNS_MAX_BITS = 32 };

struct queue {
    uint64_t vq, index, notified_ns;
};

struct balloon_log {
    struct balloon_log_counts counts;
    enum vmc_status status;

    struct queue queues[QUEUES_MAX];
    uint32_t queue_count;

    /* The message under way. */
    uint64_t popped_vq, notified_ns;
    bool is_popped, is_message, is_deflate;
    uint64_t answered_ns; /* the end of the last one; 0 before the first */

    /* The operation under way. */
    uint64_t target_pages, begun_ns;
    bool is_moving;

    uint64_t *in_balloon; /* a bit a page */
    uint64_t page_max;
    struct vmc_memmap_config map; /* where RAM lies */

    struct vmc_page_run *runs;
    uint32_t run_count, run_room;
    struct balloon_log_message *messages;
    uint64_t message_count, message_room;
    uint64_t *targets;
    uint64_t target_count, target_room;
    bool has_begun;
    struct vmc_hist host_ns, guest_ns;
};

enum vmc_status balloon_log_new(struct balloon_log **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? VMC_OK : VMC_E_NOMEM;
}

void balloon_log_free(struct balloon_log *log)
{
    if (log == NULL) {
        return;
    }
    free(log->in_balloon);
    free(log->runs);
    free(log->messages);
    free(log->targets);
    free(log);
}

/* ---- Growing -------------------------------------------------------------*/

/* Room for one more of @item_bytes; false, and the status set, without. */
static bool make_room(struct balloon_log *log, void **items, uint64_t *room,
                      uint64_t count, size_t item_bytes)
{
    uint64_t wanted = *room == 0 ? 1024 : *room * 2;
    void *larger;

    if (count < *room) {
        return true;
    }
    larger = realloc(*items, wanted * item_bytes);
    if (larger == NULL) {
        log->status = VMC_E_NOMEM;
        return false;
    }
    *items = larger;
    *room = wanted;
    return true;
}

static void keep_page(struct balloon_log *log, uint32_t page)
{
    struct vmc_page_run one = {.first = page, .count = 1};
    uint64_t room = log->run_room;
    void *runs = log->runs;

    if (log->run_count > 0 &&
        vmc_page_run_join(&log->runs[log->run_count - 1], one)) {
        return;
    }
    if (make_room(log, &runs, &room, log->run_count, sizeof(*log->runs))) {
        log->runs = runs;
        log->run_room = (uint32_t)room;
        log->runs[log->run_count++] = one;
    }
}

static void keep_message(struct balloon_log *log,
                         struct balloon_log_message message)
{
    void *messages = log->messages;

    if (make_room(log, &messages, &log->message_room, log->message_count,
                  sizeof(*log->messages))) {
        log->messages = messages;
        log->messages[log->message_count++] = message;
    }
}

/* ---- Where RAM lies ------------------------------------------------------*/

/* RAM is what the target leaves and what the balloon is to take. */
static void set_ram(struct balloon_log *log, uint64_t ram_bytes)
{
    const struct vmc_region *last;
    uint64_t page_max;

    if (log->counts.ram_bytes != 0 || ram_bytes < 1 << 20 ||
        ram_bytes >> PAGE_SHIFT >= UINT32_MAX / 2) {
        return;
    }
    log->counts.ram_bytes = ram_bytes;
    log->map.page_bytes = 1 << PAGE_SHIFT;
    vmc_memmap_lay_out(&log->map, log->counts.layout, ram_bytes);
    last = &log->map.regions[log->map.region_count - 1];
    page_max = (last->start_bytes + last->size_bytes) >> PAGE_SHIFT;
    log->in_balloon = calloc(page_max / 64 + 1, sizeof(uint64_t));
    if (log->in_balloon == NULL) {
        log->status = VMC_E_NOMEM;
        return;
    }
    log->page_max = page_max;
}

static void set_layout(struct balloon_log *log, const char *section)
{
    enum vmc_layout layout = VMC_LAYOUT_FLAT;
    uint64_t ram_bytes = log->counts.ram_bytes;

    if (section == NULL || log->counts.pages > 0) {
        return;
    }
    if (strncmp(section, "loongarch", 9) == 0) {
        layout = VMC_LAYOUT_VIRT;
    } else if (strncmp(section, "pc.", 3) == 0) {
        layout = VMC_LAYOUT_I440FX;
    }
    log->counts.layout = layout;
    log->counts.ram_bytes = 0;
    free(log->in_balloon);
    log->in_balloon = NULL;
    log->page_max = 0;
    log->map = (struct vmc_memmap_config){0};
    set_ram(log, ram_bytes);
}

static bool is_ram(const struct balloon_log *log, uint64_t page)
{
    uint64_t at_bytes = page << PAGE_SHIFT;

    for (uint32_t i = 0; i < log->map.region_count; i++) {
        const struct vmc_region *region = &log->map.regions[i];

        if (region->kind != VMC_REGION_ROM && at_bytes >= region->start_bytes &&
            at_bytes - region->start_bytes < region->size_bytes) {
            return true;
        }
    }
    return false;
}

/* ---- Records -------------------------------------------------------------*/

static struct queue *find_queue(struct balloon_log *log, uint64_t vq)
{
    for (uint32_t i = 0; i < log->queue_count; i++) {
        if (log->queues[i].vq == vq) {
            return &log->queues[i];
        }
    }
    return NULL;
}

static void notified(struct balloon_log *log, const struct vmc_record *record)
{
    struct queue *queue = find_queue(log, record->args[2]);

    if (queue == NULL && log->queue_count < QUEUES_MAX) {
        queue = &log->queues[log->queue_count++];
    }
    if (queue != NULL) {
        *queue =
            (struct queue){record->args[2], record->args[1], record->time_ns};
    }
}

static void popped(struct balloon_log *log, const struct vmc_record *record)
{
    const struct queue *queue = find_queue(log, record->args[0]);

    log->popped_vq = record->args[0];
    log->is_popped = true;
    log->is_message = false;
    log->is_deflate = queue != NULL && queue->index == 1;
    log->notified_ns = queue != NULL ? queue->notified_ns : record->time_ns;
}

/* The first page makes the element a message; what lies since the last answer
 * was the guest's. */
static void begin_message(struct balloon_log *log)
{
    log->is_message = true;
    log->counts.messages++;
    if (log->answered_ns != 0 && log->notified_ns >= log->answered_ns) {
        vmc_hist_add(&log->guest_ns, log->notified_ns - log->answered_ns);
    }
}

static void told(struct balloon_log *log, uint64_t page)
{
    uint64_t *word, bit;

    log->counts.pages++;
    log->counts.inflated_pfns += !log->is_deflate;
    log->counts.deflated_pfns += log->is_deflate;
    if (log->page_max != 0 && !is_ram(log, page)) {
        log->counts.outside_ram++;
        return;
    }
    if (page >= log->page_max) {
        return;
    }
    word = &log->in_balloon[page / 64];
    bit = UINT64_C(1) << page % 64;
    if (log->is_deflate) {
        log->counts.unknown_pfns += (*word & bit) == 0;
        log->counts.held -= (*word & bit) != 0;
        *word &= ~bit;
    } else {
        log->counts.duplicate_pfns += (*word & bit) != 0;
        log->counts.held += (*word & bit) == 0;
        *word |= bit;
        keep_page(log, (uint32_t)page);
    }
}

static void page_told(struct balloon_log *log, const struct vmc_record *record,
                      const char *text)
{
    if (!log->is_message) {
        begin_message(log);
    }
    set_layout(log, text);
    told(log, record->args[0] >> PAGE_SHIFT);
}

static void bad_page(struct balloon_log *log)
{
    if (!log->is_message) {
        begin_message(log);
    }
    log->counts.pages++;
    log->counts.outside_ram++;
}

static void flushed(struct balloon_log *log, const struct vmc_record *record)
{
    uint64_t guest_ns = 0;

    if (!log->is_popped || record->args[0] != log->popped_vq) {
        return;
    }
    log->is_popped = false;
    if (!log->is_message) {
        return;
    }
    log->is_message = false;
    if (log->answered_ns != 0 && log->notified_ns >= log->answered_ns) {
        guest_ns = log->notified_ns - log->answered_ns;
    }
    vmc_hist_add(&log->host_ns, record->time_ns - log->notified_ns);
    keep_message(
        log, (struct balloon_log_message){record->time_ns, guest_ns,
                                          record->time_ns - log->notified_ns,
                                          log->counts.held});
    log->answered_ns = record->time_ns;
}

static void config_written(struct balloon_log *log,
                           const struct vmc_record *record)
{
    uint64_t actual = record->args[0] & UINT32_MAX;

    log->counts.config_writes++;
    if (log->page_max != 0 && actual != log->counts.held) {
        log->counts.wrong_actual++;
        if (actual > log->counts.held + log->counts.never_told) {
            log->counts.never_told = actual - log->counts.held;
        }
    }
    if (log->is_moving && actual == log->target_pages) {
        log->is_moving = false;
        log->counts.recorded_ns += record->time_ns - log->begun_ns;
    }
}

static void config_read(struct balloon_log *log,
                        const struct vmc_record *record)
{
    log->counts.config_reads++;
    log->counts.wrong_target +=
        log->counts.ram_bytes != 0 &&
        (record->args[0] & UINT32_MAX) != log->target_pages;
}

void balloon_log_end(struct balloon_log *log)
{
    void *targets = log->targets;

    if (log->has_begun && make_room(log, &targets, &log->target_room,
                                    log->target_count, sizeof(uint64_t))) {
        log->targets = targets;
        log->targets[log->target_count++] = log->counts.held;
    }
    log->has_begun = false;
}

static void target_set(struct balloon_log *log, const struct vmc_record *record)
{
    set_ram(log, record->args[0] + (record->args[1] << PAGE_SHIFT));
    balloon_log_end(log);
    log->has_begun = true;
    log->target_pages = record->args[1] & UINT32_MAX;
    log->begun_ns = record->time_ns;
    log->is_moving = log->target_pages != log->counts.held;
    log->answered_ns = record->time_ns;
}

void balloon_log_record(struct balloon_log *log,
                        const struct vmc_record *record, const char *text)
{
    switch (record->kind) {
    case VMC_REC_VIRTIO_QUEUE_NOTIFY:
        notified(log, record);
        return;
    case VMC_REC_VIRTQUEUE_POP:
        popped(log, record);
        return;
    case VMC_REC_BALLOON_OUTPUT:
        page_told(log, record, text);
        return;
    case VMC_REC_BALLOON_BAD_ADDR:
        bad_page(log);
        return;
    case VMC_REC_VIRTQUEUE_FLUSH:
        flushed(log, record);
        return;
    case VMC_REC_BALLOON_SET_CONFIG:
        config_written(log, record);
        return;
    case VMC_REC_BALLOON_GET_CONFIG:
        config_read(log, record);
        return;
    case VMC_REC_BALLOON_TO_TARGET:
        target_set(log, record);
        return;
    default:
        return;
    }
}

/* ---- Results -------------------------------------------------------------*/

enum vmc_status balloon_log_status(const struct balloon_log *log)
{
    return log->status;
}

const struct balloon_log_counts *
balloon_log_counts(const struct balloon_log *log)
{
    return &log->counts;
}

const struct vmc_page_run *balloon_log_runs(const struct balloon_log *log,
                                            uint32_t *run_count)
{
    *run_count = log->run_count;
    return log->runs;
}

const struct vmc_hist *balloon_log_host_ns(const struct balloon_log *log)
{
    return &log->host_ns;
}

const struct vmc_hist *balloon_log_guest_ns(const struct balloon_log *log)
{
    return &log->guest_ns;
}

const struct balloon_log_message *
balloon_log_messages(const struct balloon_log *log, uint64_t *count)
{
    *count = log->message_count;
    return log->messages;
}

const uint64_t *balloon_log_targets(const struct balloon_log *log,
                                    uint32_t *count)
{
    *count = (uint32_t)log->target_count;
    return log->targets;
}
