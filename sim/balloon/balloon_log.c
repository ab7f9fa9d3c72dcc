/* SPDX-License-Identifier: MIT */
/*
 * The log of QEMU has no event for a balloon message. It is put together from
 * those of its queue: notify, pop, one line a page, fill, flush. Other devices
 * have such queues too, and other threads take elements at the same time; so
 * each thread has its own element, and that a queue is the balloon's shows when
 * a page follows a pop. Which of its queues, its number says: 0 inflates, 1
 * deflates, the others name no pages. Without a notification the number is not
 * known, and the target tells.
 *
 * A log may begin anywhere. What was in the balloon then is what the driver
 * says is in it, less what the log has shown; pages of it may come back without
 * having been seen to go.
 */
#include "sim/balloon/balloon_log.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUES_MAX = 64,
    ELEMENTS_MAX = 32, /* threads that take elements */
    LAYOUTS_MAX = 2,
    PAGE_SHIFT = 12,
    PAGES_MAX = 1 << 30, /* 4 TiB; a page above is not kept */
    EARLY_MAX = 256,     /* pages of one message */
    QUEUE_UNKNOWN = 255,
};

struct queue {
    uint64_t vq, index, notified_ns;
};

/* What a thread has taken off a queue and not yet given back. */
struct element {
    uint32_t thread, pages;
    uint64_t vq, index, notified_ns, popped_ns;
    bool is_popped, is_message, is_deflate, is_report;
    bool is_early; /* the log began inside it */
};

/* Where RAM lies, if the machine is of this kind; and what is outside then. */
struct layout {
    enum vmc_layout layout;
    struct vmc_memmap_config map;
    uint64_t outside;
};

struct balloon_log {
    struct balloon_log_counts counts;
    enum vmc_status status;

    struct queue queues[QUEUES_MAX];
    uint32_t queue_count;
    struct element elements[ELEMENTS_MAX];
    uint32_t element_count;
    uint64_t answered_ns; /* the end of the last message; 0 before the first */

    /* The operation under way. */
    uint64_t target_pages, begun_ns;
    bool is_moving, has_begun, has_target;

    /* What was in the balloon before the log; known from the first access to
     * the configuration. */
    uint64_t base;
    bool has_base;

    /* Pages of a message that the log begins in: whether they went or came
     * back, the driver's next count tells. */
    struct {
        uint64_t page;
        bool is_good;
    } early[EARLY_MAX];
    uint32_t early_count;

    uint64_t *in_balloon; /* a bit a page */
    uint64_t page_room, page_end;
    struct layout layouts[LAYOUTS_MAX];
    uint32_t layout_count;
    bool has_section;
    uint64_t bad_addresses;

    struct vmc_page_run *runs;
    uint32_t run_count, run_room;
    struct balloon_log_message *messages;
    uint64_t message_count, message_room;
    uint64_t *targets;
    uint64_t target_count, target_room;
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

/* Room for the bit of @page; false for one that cannot be kept. */
static bool keep_bit(struct balloon_log *log, uint64_t page)
{
    uint64_t room = log->page_room == 0 ? 1 << 18 : log->page_room;
    uint64_t *larger;

    if (page >= PAGES_MAX) {
        return false;
    }
    while (room <= page) {
        room *= 2;
    }
    if (room > log->page_room) {
        larger = realloc(log->in_balloon, room / 8);
        if (larger == NULL) {
            log->status = VMC_E_NOMEM;
            return false;
        }
        memset(larger + log->page_room / 64, 0, (room - log->page_room) / 8);
        log->in_balloon = larger;
        log->page_room = room;
    }
    return true;
}

/* ---- Where RAM lies ------------------------------------------------------*/

static void add_layout(struct balloon_log *log, enum vmc_layout layout)
{
    struct layout *one = &log->layouts[log->layout_count++];

    assert(log->layout_count <= LAYOUTS_MAX);
    *one = (struct layout){.layout = layout,
                           .map = {.page_bytes = 1 << PAGE_SHIFT}};
    vmc_memmap_lay_out(&one->map, layout, log->counts.ram_bytes);
}

/* The name of a section tells what machines it can be. Of one that is not
 * known, all that was not refused is RAM. */
static void set_layouts(struct balloon_log *log, const char *section)
{
    if (log->has_section || section == NULL || log->counts.ram_bytes == 0) {
        return;
    }
    log->has_section = true;
    if (strncmp(section, "loongarch", 9) == 0) {
        add_layout(log, VMC_LAYOUT_VIRT);
    } else if (strncmp(section, "pc.", 3) == 0) {
        add_layout(log, VMC_LAYOUT_I440FX);
        add_layout(log, VMC_LAYOUT_Q35);
    }
}

static bool is_ram(const struct layout *layout, uint64_t page)
{
    uint64_t at_bytes = page << PAGE_SHIFT;

    for (uint32_t i = 0; i < layout->map.region_count; i++) {
        const struct vmc_memory_region *region = &layout->map.regions[i];

        if (region->kind != VMC_REGION_ROM && at_bytes >= region->start_bytes &&
            at_bytes - region->start_bytes < region->size_bytes) {
            return true;
        }
    }
    return false;
}

/* True when it is RAM in one of the layouts that are left. */
static bool judge(struct balloon_log *log, uint64_t page)
{
    bool is_any = log->layout_count == 0;

    for (uint32_t i = 0; i < log->layout_count; i++) {
        bool is_one = is_ram(&log->layouts[i], page);

        log->layouts[i].outside += !is_one;
        is_any |= is_one;
    }
    return is_any;
}

/* The layout with the fewest pages outside it; the first of equals. */
static void choose_layout(struct balloon_log *log)
{
    const struct layout *best = &log->layouts[0];

    for (uint32_t i = 1; i < log->layout_count; i++) {
        if (log->layouts[i].outside < best->outside) {
            best = &log->layouts[i];
        }
    }
    log->counts.layout = log->layout_count > 0 ? best->layout : VMC_LAYOUT_FLAT;
    log->counts.outside_ram =
        log->bad_addresses + (log->layout_count > 0 ? best->outside : 0);
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

/* The element of the record's thread. With more threads than there is room
 * for, the last ones share one. */
static struct element *element_of(struct balloon_log *log,
                                  const struct vmc_record *record)
{
    for (uint32_t i = 0; i < log->element_count; i++) {
        if (log->elements[i].thread == record->thread) {
            return &log->elements[i];
        }
    }
    if (log->element_count < ELEMENTS_MAX) {
        log->element_count++;
        log->elements[log->element_count - 1] =
            (struct element){.thread = record->thread, .index = QUEUE_UNKNOWN};
    }
    return &log->elements[log->element_count - 1];
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

static bool is_leaving(const struct balloon_log *log)
{
    return log->has_target && log->target_pages < log->base + log->counts.held;
}

static void popped(struct balloon_log *log, const struct vmc_record *record)
{
    const struct queue *queue = find_queue(log, record->args[0]);
    struct element *element = element_of(log, record);

    *element = (struct element){
        .thread = record->thread,
        .vq = record->args[0],
        .index = queue != NULL ? queue->index : QUEUE_UNKNOWN,
        .notified_ns = queue != NULL ? queue->notified_ns : record->time_ns,
        .popped_ns = record->time_ns,
        .is_popped = true,
    };
    element->is_deflate = queue != NULL ? queue->index == 1 : is_leaving(log);
}

/* The first page makes the element a message; what lies since the last answer
 * was the guest's. A log that begins inside an element has no pop of it. */
static void begin_message(struct balloon_log *log, struct element *element)
{
    if (element->is_message) {
        return;
    }
    if (!element->is_popped) {
        element->is_deflate = is_leaving(log);
        element->is_early = !log->has_target && !log->has_base;
        element->notified_ns = 0;
    }
    element->is_message = true;
    log->counts.messages++;
    if (log->answered_ns != 0 && element->notified_ns >= log->answered_ns) {
        vmc_hist_add(&log->guest_ns, element->notified_ns - log->answered_ns);
    }
}

static void came_back(struct balloon_log *log, bool was_in)
{
    if (was_in) {
        log->counts.held--;
    } else if (log->base > 0) {
        log->base--;
    } else {
        log->counts.unknown_pfns++;
    }
}

static void told(struct balloon_log *log, uint64_t page, bool is_deflate,
                 bool is_good)
{
    uint64_t *word, bit;
    bool was_in;

    log->counts.pages++;
    log->counts.inflated_pfns += !is_deflate;
    log->counts.deflated_pfns += is_deflate;
    if (!keep_bit(log, page)) {
        return;
    }
    word = &log->in_balloon[page / 64];
    bit = UINT64_C(1) << page % 64;
    was_in = (*word & bit) != 0;
    if (is_deflate) {
        came_back(log, was_in);
        *word &= ~bit;
        return;
    }
    log->counts.duplicate_pfns += was_in;
    log->counts.held += !was_in;
    *word |= bit;
    if (is_good) {
        log->page_end = page >= log->page_end ? page + 1 : log->page_end;
        keep_page(log, (uint32_t)page);
    }
}

static void settle(struct balloon_log *log, bool is_deflate)
{
    uint32_t count = log->early_count;

    log->early_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        told(log, log->early[i].page, is_deflate, log->early[i].is_good);
    }
}

static void page_told(struct balloon_log *log, const struct vmc_record *record,
                      const char *text)
{
    struct element *element = element_of(log, record);
    uint64_t page = record->args[0] >> PAGE_SHIFT;

    begin_message(log, element);
    element->pages++;
    set_layouts(log, text);
    if (element->is_early && log->early_count < EARLY_MAX) {
        log->early[log->early_count].page = page;
        log->early[log->early_count++].is_good = judge(log, page);
        return;
    }
    settle(log, element->is_deflate);
    told(log, page, element->is_deflate, judge(log, page));
}

/* What the device refuses: of the first two queues it was told all the same,
 * and the driver counts it. */
static void bad_page(struct balloon_log *log, const struct vmc_record *record)
{
    struct element *element = element_of(log, record);

    log->bad_addresses++;
    if (element->index <= 1 || element->index == QUEUE_UNKNOWN) {
        begin_message(log, element);
        element->pages++;
        told(log, record->args[0] >> PAGE_SHIFT, element->is_deflate, false);
    }
}

/* Of a queue that names no pages: free pages that the guest reports. */
static void discarded(struct balloon_log *log, const struct vmc_record *record)
{
    struct element *element = element_of(log, record);

    log->counts.discards++;
    log->counts.discarded_bytes += record->args[2];
    if (element->is_popped && !element->is_message && element->index > 1 &&
        element->index != QUEUE_UNKNOWN) {
        log->counts.reports += !element->is_report;
        log->counts.reported_bytes += record->args[2];
        element->is_report = true;
    }
}

static void flushed(struct balloon_log *log, const struct vmc_record *record)
{
    struct element *element = element_of(log, record);
    struct balloon_log_message message = {.time_ns = record->time_ns};

    if (element->is_popped && record->args[0] != element->vq) {
        return;
    }
    if (element->is_message && element->is_popped) {
        if (log->answered_ns != 0 && element->notified_ns >= log->answered_ns) {
            message.guest_ns = element->notified_ns - log->answered_ns;
        }
        message.host_ns = record->time_ns - element->notified_ns;
        message.held = log->counts.held;
        message.popped_ns = element->popped_ns;
        message.thread = element->thread;
        message.pages = element->pages;
        message.is_deflate = element->is_deflate;
        vmc_hist_add(&log->host_ns, message.host_ns);
        keep_message(log, message);
    }
    if (element->is_message) {
        log->answered_ns = record->time_ns;
    }
    element->is_popped = element->is_message = element->is_early = false;
}

static void config_written(struct balloon_log *log,
                           const struct vmc_record *record)
{
    uint64_t actual = record->args[0] & UINT32_MAX, known;

    log->counts.config_writes++;
    if (!log->has_base && log->early_count > 0) {
        bool is_deflate = actual < (record->args[1] & UINT32_MAX);

        log->has_base = true;
        log->base = is_deflate                  ? actual + log->early_count
                    : actual > log->early_count ? actual - log->early_count
                                                : 0;
        settle(log, is_deflate);
    }
    if (!log->has_base) {
        /* A log from the beginning knows what was there before; one that was
         * cut knows only what is there now. */
        uint64_t before = log->has_target ? record->args[1] & UINT32_MAX
                                          : actual - log->counts.held;

        log->has_base = true;
        log->base = actual >= log->counts.held || log->has_target ? before : 0;
    }
    known = log->base + log->counts.held;
    if (actual != known) {
        log->counts.wrong_actual++;
        if (actual > known + log->counts.never_told) {
            log->counts.never_told = actual - known;
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
    uint64_t actual = record->args[1] & UINT32_MAX;

    log->counts.config_reads++;
    if (!log->has_base) {
        log->has_base = true;
        log->base = actual > log->counts.held ? actual - log->counts.held : 0;
    }
    log->counts.wrong_target +=
        log->has_target && (record->args[0] & UINT32_MAX) != log->target_pages;
}

static void end_operation(struct balloon_log *log)
{
    void *targets = log->targets;
    uint64_t guest_page =
        log->counts.page_bytes != 0 ? log->counts.page_bytes >> PAGE_SHIFT : 1;

    if (log->has_begun && make_room(log, &targets, &log->target_room,
                                    log->target_count, sizeof(uint64_t))) {
        log->targets = targets;
        /* A log that is cut may have a part of a guest page. */
        log->targets[log->target_count++] =
            log->counts.held / guest_page * guest_page;
    }
    log->has_begun = false;
}

/* RAM is what the target leaves and what the balloon is to take. */
static void target_set(struct balloon_log *log, const struct vmc_record *record)
{
    uint64_t ram_bytes = record->args[0] + (record->args[1] << PAGE_SHIFT);

    if (log->counts.ram_bytes == 0 && ram_bytes >= 1 << 20 &&
        ram_bytes >> PAGE_SHIFT <= PAGES_MAX) {
        log->counts.ram_bytes = ram_bytes;
    }
    settle(log, false);
    if (log->counts.pages > 0 && !log->has_target) {
        log->has_begun = true; /* the log began inside an operation */
    }
    end_operation(log);
    log->has_begun = log->has_target = true;
    log->target_pages = record->args[1] & UINT32_MAX;
    log->begun_ns = record->time_ns;
    log->is_moving = log->target_pages != log->base + log->counts.held;
    log->answered_ns = record->time_ns;
}

bool balloon_log_wants_section(const struct balloon_log *log)
{
    return !log->has_section;
}

void balloon_log_end(struct balloon_log *log)
{
    settle(log, false);
    log->has_begun |= !log->has_target && log->counts.pages > 0;
    end_operation(log);
    choose_layout(log);
    if (log->counts.ram_bytes == 0 && log->page_end > 0) {
        log->counts.guessed_bytes = log->page_end << PAGE_SHIFT;
    }
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
        bad_page(log, record);
        return;
    case VMC_REC_RAM_DISCARD:
        discarded(log, record);
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

void balloon_log_set_page(struct balloon_log *log, const char *size_bytes)
{
    uint64_t bytes;

    if (size_bytes != NULL && vmc_parse_u64(&bytes, size_bytes) == VMC_OK &&
        (bytes == 1 << 12 || bytes == 1 << 14 || bytes == 1 << 16)) {
        log->counts.page_bytes = (uint32_t)bytes;
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

/* ---- Checkpoints --------------------------------------------------------*/

/* An array that make_room() or keep_bit() made. */
static void archive_grown(struct vmc_archive *archive, const char *name,
                          void **items, uint64_t *count, uint64_t *room,
                          size_t item_bytes)
{
    uint32_t short_count = (uint32_t)*count, short_room = (uint32_t)*room;

    vmc_archive_array(archive, name, items, &short_count, &short_room,
                      item_bytes);
    *count = short_count;
    *room = short_room;
}

static void archive_arrays(struct balloon_log *log, struct vmc_archive *archive)
{
    void *bits = log->in_balloon, *runs = log->runs;
    void *messages = log->messages, *targets = log->targets;
    uint64_t word_count = log->page_room / 64, word_room = word_count;

    archive_grown(archive, "in_balloon", &bits, &word_count, &word_room,
                  sizeof(*log->in_balloon));
    log->in_balloon = bits;
    log->page_room = word_count * 64;
    vmc_archive_array(archive, "runs", &runs, &log->run_count, &log->run_room,
                      sizeof(*log->runs));
    log->runs = runs;
    archive_grown(archive, "messages", &messages, &log->message_count,
                  &log->message_room, sizeof(*log->messages));
    log->messages = messages;
    archive_grown(archive, "targets", &targets, &log->target_count,
                  &log->target_room, sizeof(*log->targets));
    log->targets = targets;
}

/* Where RAM lies follows from the kind of machine and its size. */
static void archive_layouts(struct balloon_log *log,
                            struct vmc_archive *archive)
{
    uint32_t count = (uint32_t)vmc_archive_count(
        archive, "layout_count", log->layout_count, LAYOUTS_MAX);

    if (vmc_archive_is_loading(archive)) {
        log->layout_count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum vmc_layout layout = log->layouts[i].layout;

        VMC_ARCHIVE(archive, layout);
        if (vmc_archive_is_loading(archive) && vmc_archive_is_good(archive)) {
            add_layout(log, layout);
        }
        VMC_ARCHIVE(archive, log->layouts[i].outside);
    }
}

void balloon_log_archive(struct balloon_log *log, struct vmc_archive *archive)
{
    vmc_archive_same(archive, "page_bytes", &log->counts.page_bytes,
                     sizeof(log->counts.page_bytes));
    VMC_ARCHIVE(archive, log->counts);
    VMC_ARCHIVE(archive, log->status);
    VMC_ARCHIVE(archive, log->queues);
    VMC_ARCHIVE(archive, log->queue_count);
    VMC_ARCHIVE(archive, log->elements);
    VMC_ARCHIVE(archive, log->element_count);
    VMC_ARCHIVE(archive, log->answered_ns);
    VMC_ARCHIVE(archive, log->target_pages);
    VMC_ARCHIVE(archive, log->begun_ns);
    VMC_ARCHIVE(archive, log->is_moving);
    VMC_ARCHIVE(archive, log->has_begun);
    VMC_ARCHIVE(archive, log->has_target);
    VMC_ARCHIVE(archive, log->base);
    VMC_ARCHIVE(archive, log->has_base);
    VMC_ARCHIVE(archive, log->early);
    VMC_ARCHIVE(archive, log->early_count);
    VMC_ARCHIVE(archive, log->page_end);
    archive_layouts(log, archive);
    VMC_ARCHIVE(archive, log->has_section);
    VMC_ARCHIVE(archive, log->bad_addresses);
    vmc_hist_archive(&log->host_ns, "host_ns", archive);
    vmc_hist_archive(&log->guest_ns, "guest_ns", archive);
    archive_arrays(log, archive);
}
