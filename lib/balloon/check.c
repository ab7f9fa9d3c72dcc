/* SPDX-License-Identifier: MIT */
/*
 * A page is in the book in one of three ways:
 *
 *     add an inflate       acknowledged           add and ack a deflate
 *   -------------------> sent -----------> told -------------------------> -
 *
 * What that means for its place in the guest is in the three masks below. A
 * message is read out of its buffers twice, when it is added and when it comes
 * back; that nobody wrote to them in between a hash shows. So the book needs
 * no list of what is in a message.
 *
 * Every event costs a few sums. Only what an event touches is looked at page
 * by page; check_all() looks at everything.
 */
#include "balloon/vm_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/bitmap_priv.h"
#include "balloon/extent_priv.h"
#include "balloon/wire.h"
#include "base/hash.h"

enum {
    /* Pages that a driver has, as an inflate finds them. */
    TAKEN = VMC_PAGE_MASK(VMC_PAGE_INFLATING) |
            VMC_PAGE_MASK(VMC_PAGE_BALLOON) | VMC_PAGE_MASK(VMC_PAGE_ISOLATED),
    /* On their way back. */
    LEAVING =
        VMC_PAGE_MASK(VMC_PAGE_DEFLATING) | VMC_PAGE_MASK(VMC_PAGE_ISOLATED) |
        VMC_PAGE_MASK(VMC_PAGE_UNPLUGGED) | VMC_PAGE_MASK(VMC_PAGE_BALLOON),
    REPORTING = VMC_PAGE_MASK(VMC_PAGE_REPORTING),
    AWAY = TAKEN | LEAVING | VMC_PAGE_MASK(VMC_PAGE_OFFLINE),
    IN_USE = VMC_PAGE_MASK(VMC_PAGE_USED_UNMOVABLE) |
             VMC_PAGE_MASK(VMC_PAGE_USED_MOVABLE) |
             VMC_PAGE_MASK(VMC_PAGE_USED_RECLAIMABLE),
};

enum vmc_status check_init(struct vm *vm)
{
    size_t words = vm_page_max(vm) / 64 + 1;

    vm->check.told = calloc(words, sizeof(uint64_t));
    vm->check.sent = calloc(words, sizeof(uint64_t));
    vm->check.backed_pages =
        vm->host.small_pages + vm->host.huge_frames * HUGE_PAGES;
    return vm->check.told != NULL && vm->check.sent != NULL ? VMC_OK
                                                            : VMC_E_NOMEM;
}

void check_fini(struct vm *vm)
{
    free(vm->check.told);
    free(vm->check.sent);
}

void check_break(struct vm *vm, uint32_t invariant, uint64_t page,
                 const char *what)
{
    if (vm->check.broken != 0) {
        return;
    }
    vm->check.broken = invariant;
    (void)snprintf(vm->check.text, sizeof(vm->check.text),
                   "I%" PRIu32 ": page 0x%" PRIx64 " %s (event %" PRIu64
                   ", %" PRIu64 " ps)",
                   invariant, page, what, vmc_engine_fired_count(vm->engine),
                   vmc_engine_now_tick(vm->engine));
}

static bool is_shared(const struct vm *vm)
{
    return vm->config.mechanism == VMC_MECHANISM_HYPERALLOC;
}

static bool is_plugged(const struct vm *vm)
{
    return vm->config.mechanism == VMC_MECHANISM_VIRTIO_MEM;
}

/* True when the guest pages that hold [@pfn, @pfn + @count) are in @mask. */
static bool all_in(const struct vm *vm, uint64_t pfn, uint64_t count,
                   uint32_t mask)
{
    uint64_t first = pfn >> vm->page_order;

    return vmc_memmap_all_in(vm->map, first,
                             vm_guest_pages(vm, pfn + count) - first, mask);
}

/* ---- Bits ----------------------------------------------------------------*/

static uint64_t word_mask(uint64_t word, uint64_t from, uint64_t end)
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

static uint64_t count_bits(const uint64_t *words, uint64_t from, uint64_t end)
{
    uint64_t count = 0;

    for (uint64_t i = from / 64; i * 64 < end; i++) {
        count +=
            (uint32_t)__builtin_popcountll(words[i] & word_mask(i, from, end));
    }
    return count;
}

static void put_bits(uint64_t *words, uint64_t from, uint64_t end, bool is_set)
{
    for (uint64_t i = from / 64; i * 64 < end; i++) {
        uint64_t mask = word_mask(i, from, end);

        words[i] = is_set ? words[i] | mask : words[i] & ~mask;
    }
}

/* ---- Messages ------------------------------------------------------------*/

/* A message, read out of its buffers. */
struct message {
    const struct vm *vm;
    const struct vmc_vq_buffer *buffers;
    uint32_t buffer_count, at;
    uint32_t range_count, range_at;
    struct vmc_wire_range ranges[VMC_WIRE_RANGES_MAX];
    bool is_return; /* pages come back to the guest */
};

static bool next_record(struct message *message, struct vmc_wire_range *range)
{
    const struct vm *vm = message->vm;

    while (message->range_at == message->range_count) {
        message->range_at = 0;
        if (message->at >= vm->payload.word_count ||
            !vmc_wire_get_record(vm->payload.words, vm->payload.word_count,
                                 &message->at, message->ranges,
                                 &message->range_count)) {
            return false;
        }
    }
    *range = message->ranges[message->range_at++];
    return true;
}

static bool next_pfns(struct message *message, struct vmc_wire_range *range)
{
    uint32_t unit = message->vm->driver->unit_pages;
    uint32_t count = message->buffers[0].size_bytes / 4;

    if (message->at >= count) {
        return false;
    }
    *range =
        (struct vmc_wire_range){payload_pfn(message->vm, message->at++), unit};
    while (message->at < count &&
           payload_pfn(message->vm, message->at) == range->pfn + range->count) {
        range->count += unit;
        message->at++;
    }
    while (message->at < count && range->pfn >= unit &&
           payload_pfn(message->vm, message->at) == range->pfn - unit) {
        range->pfn -= unit;
        range->count += unit;
        message->at++;
    }
    return true;
}

static bool next_request(struct message *message, struct vmc_wire_range *range)
{
    struct vmc_mem_request request;

    if (message->at++ > 0 ||
        !vmc_mem_get_request(message->vm->payload.request,
                             message->buffers[0].size_bytes, &request)) {
        return false;
    }
    message->is_return = request.type == VMC_MEM_PLUG;
    *range =
        (struct vmc_wire_range){request.address_bytes >> PAGE_SHIFT,
                                (uint64_t)request.block_count * HUGE_PAGES};
    return true;
}

static bool next_range(struct message *message, struct vmc_wire_range *range)
{
    const struct vm *vm = message->vm;
    uint32_t at = message->at;

    switch (message->buffers[0].address) {
    case BUFFER_PFNS:
        return next_pfns(message, range);
    case BUFFER_HEADER:
        return next_record(message, range);
    case BUFFER_REQUEST:
        return next_request(message, range);
    case BUFFER_RESPONSE:
        return next_listed(vm, &message->at, range);
    case BUFFER_PAIRS:
        if (at >= vm->payload.pair_count) {
            return false;
        }
        *range = (struct vmc_wire_range){vm->payload.pairs[at] & UINT32_MAX,
                                         vm->payload.pairs[at] >> 32};
        message->at++;
        return true;
    default:
        if (at >= message->buffer_count ||
            message->buffers[at].address < BUFFER_RAM) {
            return false;
        }
        *range = (struct vmc_wire_range){
            (message->buffers[at].address - BUFFER_RAM) >> PAGE_SHIFT,
            message->buffers[at].size_bytes >> PAGE_SHIFT};
        message->at++;
        return true;
    }
}

static uint64_t fold_bytes(uint64_t hash, const void *bytes, size_t size_bytes)
{
    const uint8_t *at = bytes;
    uint64_t word = 0;

    for (; size_bytes >= sizeof(word); size_bytes -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = vmc_hash_fold(hash, word);
        at += sizeof(word);
    }
    word = 0;
    memcpy(&word, at, size_bytes);
    return vmc_hash_fold(hash, word);
}

/* The bytes that the device may read. */
static uint64_t message_hash(const struct vm *vm,
                             const struct vmc_vq_buffer *buffers,
                             uint32_t count)
{
    uint64_t hash = count;

    for (uint32_t i = 0; i < count; i++) {
        hash = vmc_hash_fold(hash, buffers[i].address ^
                                       (uint64_t)buffers[i].size_bytes << 40);
    }
    switch (buffers[0].address) {
    case BUFFER_PFNS:
        return fold_bytes(hash, vm->payload.pfns, buffers[0].size_bytes);
    case BUFFER_HEADER:
    case BUFFER_RESPONSE:
        hash = vmc_hash_fold(hash, vm->payload.header);
        return fold_bytes(hash, vm->payload.words,
                          vm->payload.word_count * sizeof(uint64_t));
    case BUFFER_PAIRS:
        return fold_bytes(hash, vm->payload.pairs, buffers[0].size_bytes);
    case BUFFER_REQUEST:
        return fold_bytes(hash, vm->payload.request, VMC_MEM_REQUEST_BYTES);
    default:
        return hash;
    }
}

static bool is_checked(enum vm_queue queue)
{
    return queue == QUEUE_INFLATE || queue == QUEUE_DEFLATE ||
           queue == QUEUE_REPORT;
}

static struct message open_message(const struct vm_worker *worker,
                                   const struct vmc_vq_buffer *buffers,
                                   uint32_t count)
{
    return (struct message){.vm = worker->vm,
                            .buffers = buffers,
                            .buffer_count = count,
                            .is_return = worker->tell.queue == QUEUE_DEFLATE};
}

static bool is_inside(const struct vm *vm, struct vmc_wire_range range)
{
    return vm_is_ram(vm, range.pfn, range.count);
}

static void range_reported(struct vm *vm, struct vmc_wire_range range)
{
    if (!all_in(vm, range.pfn, range.count, REPORTING)) {
        check_break(vm, 8, range.pfn, "is reported, but was not isolated");
    }
    put_bits(vm->check.sent, range.pfn, range.pfn + range.count, true);
    vm->check.reporting_pages += range.count;
}

static void range_inflated(struct vm *vm, struct vmc_wire_range range)
{
    struct check *check = &vm->check;
    uint64_t end = range.pfn + range.count;

    if (!all_in(vm, range.pfn, range.count, TAKEN)) {
        check_break(vm, 7, range.pfn, "is told and not in the balloon");
    }
    if (count_bits(check->told, range.pfn, end) +
            count_bits(check->sent, range.pfn, end) !=
        0) {
        check_break(vm, 7, range.pfn, "is told twice");
    }
    put_bits(check->sent, range.pfn, end, true);
    check->sent_pages += range.count;
}

static void range_deflated(struct vm *vm, struct vmc_wire_range range)
{
    struct check *check = &vm->check;
    uint64_t end = range.pfn + range.count;

    if (count_bits(check->told, range.pfn, end) != range.count) {
        bool is_out = count_bits(check->sent, range.pfn, end) > 0;

        check_break(vm, is_out ? 4 : 6, range.pfn,
                    is_out ? "comes back before its inflate was acknowledged"
                           : "comes back and was never told");
    }
    if (!vm_frees_first(vm) && !all_in(vm, range.pfn, range.count, LEAVING)) {
        check_break(vm, 3, range.pfn, "was freed before its deflate was told");
    }
}

void check_added(struct vm_worker *worker, const struct vmc_vq_buffer *buffers,
                 uint32_t count)
{
    struct vm *vm = worker->vm;
    enum vm_queue queue = worker->tell.queue;
    struct message message = open_message(worker, buffers, count);
    struct vmc_wire_range range;

    if (!is_checked(queue)) {
        return;
    }
    if (vmc_vq_in_flight(&vm->queues[queue]) > 1) {
        check_break(vm, 12, 0, "and others: two messages are out at once");
    }
    vm->check.hashes[queue] = message_hash(vm, buffers, count);
    while (next_range(&message, &range)) {
        if (!is_inside(vm, range)) {
            continue; /* the host refuses it */
        }
        if (queue == QUEUE_REPORT) {
            range_reported(vm, range);
        } else if (message.is_return) {
            range_deflated(vm, range);
        } else {
            range_inflated(vm, range);
        }
    }
}

static void check_hash(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_vq_element *element = &worker->tell.element;

    if (is_checked(worker->tell.queue) &&
        message_hash(vm, element->buffers, element->buffer_count) !=
            vm->check.hashes[worker->tell.queue]) {
        check_break(vm, 12, 0,
                    "and others: a message changed while it was out");
    }
}

void check_popped(struct vm_worker *worker)
{
    check_hash(worker);
}

/* The message came back: sent becomes told, told becomes the guest's. */
static void range_acked(struct vm *vm, struct vmc_wire_range range,
                        bool is_return, bool is_report)
{
    struct check *check = &vm->check;
    uint64_t end = range.pfn + range.count;

    if (is_report) {
        if (!all_in(vm, range.pfn, range.count, REPORTING)) {
            check_break(vm, 8, range.pfn, "was used while it was reported");
        }
        put_bits(check->sent, range.pfn, end, false);
        check->reporting_pages -= range.count;
    } else if (is_return) {
        if (!vm_frees_first(vm) &&
            !all_in(vm, range.pfn, range.count, LEAVING)) {
            check_break(vm, 3, range.pfn,
                        "was freed before its deflate was acknowledged");
        }
        check->told_pages -= count_bits(check->told, range.pfn, end);
        put_bits(check->told, range.pfn, end, false);
    } else {
        if (!all_in(vm, range.pfn, range.count, TAKEN)) {
            check_break(vm, 3, range.pfn,
                        "left the balloon before its inflate was acknowledged");
        }
        check->told_pages +=
            range.count - count_bits(check->told, range.pfn, end);
        check->sent_pages -= count_bits(check->sent, range.pfn, end);
        put_bits(check->told, range.pfn, end, true);
        put_bits(check->sent, range.pfn, end, false);
    }
}

/* virtio-mem answers; what was refused has not happened. */
static bool is_refused(const struct vm *vm,
                       const struct vmc_vq_element *element)
{
    return element->buffers[0].address == BUFFER_REQUEST &&
           vmc_mem_get_response(vm->payload.response).type != VMC_MEM_ACK;
}

static void forget_sent(struct vm *vm, struct vmc_wire_range range,
                        bool is_return)
{
    uint64_t end = range.pfn + range.count;

    if (!is_return && is_inside(vm, range)) {
        vm->check.sent_pages -= count_bits(vm->check.sent, range.pfn, end);
        put_bits(vm->check.sent, range.pfn, end, false);
    }
}

void check_acked(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    const struct vmc_vq_element *element = &worker->tell.element;
    struct message message =
        open_message(worker, element->buffers, element->buffer_count);
    struct vmc_wire_range range;

    if (!is_checked(worker->tell.queue)) {
        return;
    }
    check_hash(worker);
    while (vm->check.broken == 0 && next_range(&message, &range)) {
        if (is_refused(vm, element)) {
            forget_sent(vm, range, message.is_return);
        } else if (is_inside(vm, range)) {
            range_acked(vm, range, message.is_return,
                        worker->tell.queue == QUEUE_REPORT);
        }
    }
}

/* ---- Memory --------------------------------------------------------------*/

static uint64_t backed_pages(const struct vm *vm)
{
    return vm->host.small_pages + vm->host.huge_frames * HUGE_PAGES;
}

/* Pages of [@page, @page + @count) that the host backs; its own sum. */
static uint64_t present_in(const struct vm *vm, uint64_t page, uint64_t count)
{
    uint64_t present = 0, end = page + count;

    for (uint64_t at = page, next; at < end; at = next) {
        const struct vmc_frame *frame = &vm->host.frames[at / HUGE_PAGES];
        uint64_t from = at % HUGE_PAGES;

        next = at - from + HUGE_PAGES;
        next = next < end ? next : end;
        if (frame->backing == VMC_FRAME_HUGE) {
            present += next - at;
        } else if (frame->backing == VMC_FRAME_TABLE) {
            present += count_bits(frame->present, from, from + (next - at));
        }
    }
    return present;
}

static bool has_entry(const struct vm *vm, uint64_t page, uint64_t count)
{
    uint64_t end = page + count;

    for (uint64_t at = page, next; at < end; at = next) {
        const struct vmc_frame *frame = &vm->host.frames[at / HUGE_PAGES];
        uint64_t from = at % HUGE_PAGES;

        next = at - from + HUGE_PAGES;
        next = next < end ? next : end;
        if (frame->is_mapped ||
            (frame->backing == VMC_FRAME_TABLE &&
             count_bits(frame->mapped, from, from + (next - at)) > 0)) {
            return true;
        }
    }
    return false;
}

static void before_discard(struct vm *vm, uint64_t page, uint64_t count)
{
    uint64_t end = page + count;

    if (vm->is_inhibited) {
        check_break(vm, 16, page, "is discarded, though that is inhibited");
    }
    for (uint64_t i = page / HUGE_PAGES; i * HUGE_PAGES < end; i++) {
        if (vm->host.frames[i].is_pinned) {
            check_break(vm, 15, i * HUGE_PAGES, "is pinned and discarded");
            return;
        }
    }
    if (!all_in(vm, page, count, TAKEN | REPORTING)) {
        check_break(vm, 2, page, "is discarded, and the guest has it");
    }
    if (!is_shared(vm) && count_bits(vm->check.sent, page, end) != count) {
        check_break(vm, 16, page, "is discarded, and no message names it");
    }
}

static void after_discard(struct vm *vm, uint64_t page, uint64_t count,
                          uint64_t backed, uint64_t present)
{
    struct check *check = &vm->check;

    if (backed - backed_pages(vm) != present ||
        present_in(vm, page, count) != 0) {
        check_break(vm, 9, page,
                    "and others: more or less went than was there");
    }
    if (has_entry(vm, page, count)) {
        check_break(vm, 10, page, "is gone and has a stage-2 entry");
    }
    check->backed_pages -= present;
    if (is_shared(vm)) {
        check->told_pages +=
            count - count_bits(check->told, page, page + count);
        put_bits(check->told, page, page + count, true);
    }
}

void vm_discard(struct vm *vm, uint64_t page, uint64_t count,
                struct vmc_host_effect *effect)
{
    uint64_t backed = backed_pages(vm), present = present_in(vm, page, count);
    uint64_t refused = effect->refused;

    before_discard(vm, page, count);
    vmc_host_discard(&vm->host, page, count, effect);
    if (effect->refused == refused) {
        after_discard(vm, page, count, backed, present);
    }
}

void vm_discard_singly(struct vm *vm, uint64_t page, uint64_t count,
                       struct vmc_host_effect *effect)
{
    uint64_t backed = backed_pages(vm), present = present_in(vm, page, count);

    before_discard(vm, page, count);
    vmc_host_discard_singly(&vm->host, page, count, effect);
    after_discard(vm, page, count, backed, present);
}

void vm_discard_partial(struct vm *vm, struct vmc_partial *partial,
                        uint64_t page, struct vmc_host_effect *effect)
{
    uint64_t pages = vm->host.config.host_page_bytes >> PAGE_SHIFT;
    uint64_t base = page - page % pages, calls = effect->calls;
    uint64_t backed = backed_pages(vm), present = present_in(vm, base, pages);

    vmc_host_inflate(&vm->host, partial, page, effect);
    if (effect->calls != calls) {
        before_discard(vm, base, pages);
        after_discard(vm, base, pages, backed, present);
    }
}

/* What the effect says was found must be what there is more of. */
static void after_fault(struct vm *vm, uint64_t page, uint64_t backed,
                        const struct vmc_host_effect *before,
                        const struct vmc_host_effect *after)
{
    uint64_t pages = (after->faults_huge - before->faults_huge) * HUGE_PAGES +
                     after->faults_small - before->faults_small;

    if (backed_pages(vm) - backed != pages) {
        check_break(vm, 9, page, "was found, and the host counts another size");
    }
    vm->check.backed_pages += pages;
}

void vm_use(struct vm *vm, uint64_t page, uint64_t count,
            struct vmc_host_effect *effect)
{
    struct vmc_host_effect before = *effect;
    uint64_t backed = backed_pages(vm), end = page + count;

    if (!all_in(vm, page, count, IN_USE)) {
        check_break(vm, 3, page, "is used and not the guest's");
    }
    if (!is_shared(vm) && count_bits(vm->check.told, page, end) != 0 &&
        !vm_frees_first(vm)) {
        check_break(vm, is_plugged(vm) ? 13 : 3, page,
                    "is used, and the host believes that it is not");
    }
    vmc_host_touch(&vm->host, page, count, effect);
    after_fault(vm, page, backed, &before, effect);
    for (uint64_t i = page / HUGE_PAGES; i * HUGE_PAGES < end; i++) {
        if (vm->host.frames[i].is_evicted) {
            check_break(vm, 14, i * HUGE_PAGES, "is used and not installed");
        } else if (vm->config.has_vfio && !vm->host.frames[i].is_pinned) {
            check_break(vm, is_shared(vm) ? 14 : 15, i * HUGE_PAGES,
                        "is used, and a device could not reach it");
        }
    }
}

void vm_pin(struct vm *vm, uint64_t page, uint64_t count,
            struct vmc_host_effect *effect)
{
    struct vmc_host_effect before = *effect;
    uint64_t backed = backed_pages(vm);

    vmc_host_pin(&vm->host, page, count, effect);
    after_fault(vm, page, backed, &before, effect);
}

/* ---- Events --------------------------------------------------------------*/

static bool has_list(const struct vm *vm)
{
    return vm->driver->resize == NULL && !is_plugged(vm) &&
           vm->driver->fill != NULL;
}

static uint64_t count_of(const struct vm *vm, enum vmc_page_state state)
{
    return vmc_memmap_count(vm->map, state) << vm->page_order;
}

/* Told pages are somewhere between the driver and the host. */
static void check_counts(struct vm *vm)
{
    const struct check *check = &vm->check;
    uint64_t away =
        count_of(vm, VMC_PAGE_INFLATING) + count_of(vm, VMC_PAGE_BALLOON) +
        count_of(vm, VMC_PAGE_ISOLATED) + count_of(vm, VMC_PAGE_DEFLATING) +
        count_of(vm, VMC_PAGE_UNPLUGGED) + count_of(vm, VMC_PAGE_OFFLINE);

    if (!is_shared(vm) && !vm_frees_first(vm) &&
        check->told_pages + check->sent_pages > away) {
        check_break(vm, is_plugged(vm) ? 13 : 3, 0,
                    "or another is the guest's, and is the host's");
    }
    if (count_of(vm, VMC_PAGE_REPORTING) < check->reporting_pages) {
        check_break(vm, 8, 0, "or another is used while it is reported");
    }
    if (is_plugged(vm) &&
        check->told_pages > count_of(vm, VMC_PAGE_UNPLUGGED)) {
        check_break(vm, 13, 0, "or another is unplugged and in a zone");
    }
}

static void check_held(struct vm *vm)
{
    uint64_t pages = vm->held_units * vm->driver->unit_pages;

    if (has_list(vm) &&
        (pages != vm->balloon.page_count + count_of(vm, VMC_PAGE_ISOLATED) ||
         vm->balloon.page_count != count_of(vm, VMC_PAGE_BALLOON))) {
        check_break(vm, 5, 0, "and others: the driver's count is not its list");
    }
}

bool check_event(struct vm *vm)
{
    struct check *check = &vm->check;

    if (!vmc_memmap_adds_up(vm->map)) {
        check_break(vm, 11, 0, "and others: the counts do not add up");
    }
    if (check->backed_pages != backed_pages(vm)) {
        check_break(vm, 9, 0, "and others: the host's size went astray");
    }
    check_held(vm);
    check_counts(vm);
    for (uint32_t i = 0; i < QUEUE_COUNT; i++) {
        if (is_checked(i) && vmc_vq_in_flight(&vm->queues[i]) > 1) {
            check_break(vm, 12, 0, "and others: two messages are out at once");
        }
    }
    if (vm->config.audit_events != 0 &&
        vmc_engine_fired_count(vm->engine) >= check->next_audit) {
        check->next_audit =
            vmc_engine_fired_count(vm->engine) + vm->config.audit_events;
        return check_all(vm);
    }
    return check->broken == 0;
}

/* I5, I6, I7, I13 hold when nothing is on its way. */
static void check_books(struct vm *vm)
{
    const struct check *check = &vm->check;
    uint64_t pages = vm->held_units * vm->driver->unit_pages;

    if (vm->config.mechanism == VMC_MECHANISM_REPORTING) {
        return;
    }
    if (is_plugged(vm)) {
        pages += (uint64_t)vm->mem.parts * HUGE_PAGES;
    }
    if (is_plugged(vm) && (pages != count_of(vm, VMC_PAGE_UNPLUGGED) ||
                           pages != check->told_pages)) {
        check_break(vm, 13, 0, "and others: what is plugged is not the sum");
    }
    if (has_list(vm) && check->told_pages != pages) {
        check_break(vm, pages == 0 ? 6 : 7, 0,
                    check->told_pages < pages
                        ? "or another is in the balloon and was never told"
                        : "or another is back and the host was not told");
    }
    if (is_shared(vm) || vm->driver->fill == NULL) {
        return;
    }
    if (vmc_config_get(&vm->space, VMC_CONFIG_ACTUAL) !=
        (uint32_t)vm->held_units) {
        check_break(vm, 5, 0, "and others: actual is not what is held");
    }
    /* The driver has a reason to stop when there is no memory, or when an
     * older one goes to and fro about a target inside a guest page. */
    if (has_list(vm) && !vm->has_oom_taken &&
        vm->idle_rounds < IDLE_ROUNDS_MAX && vm->reversals <= IDLE_ROUNDS_MAX &&
        vm_guest_pages(vm, vmc_config_get(&vm->space, VMC_CONFIG_NUM_PAGES)) !=
            vm_guest_pages(vm, vm->held_units)) {
        check_break(vm, 5, 0, "and others: the driver stopped half way");
    }
}

/* I14: the three places of a frame of the shared allocator. */
static void check_frames(struct vm *vm)
{
    uint64_t frames = vm_page_max(vm) / HUGE_PAGES;

    for (uint64_t i = 0; i < frames && vm->check.broken == 0; i++) {
        uint64_t page = i * HUGE_PAGES;
        const struct vmc_frame *frame = &vm->host.frames[i];
        enum vmc_page_state state = vm_state(vm, (uint32_t)page);
        bool was_taken = count_bits(vm->check.told, page, page + 1) != 0;

        if (was_taken && frame->backing == VMC_FRAME_NONE &&
            !frame->is_evicted) {
            check_break(vm, 14, page, "is not backed and would not be missed");
        }
        if (state == VMC_PAGE_UNPLUGGED &&
            (!frame->is_evicted || present_in(vm, page, HUGE_PAGES) != 0)) {
            check_break(vm, 14, page, "is reclaimed and still there");
        }
        if ((VMC_PAGE_MASK(state) & IN_USE) != 0 && frame->is_evicted) {
            check_break(vm, 14, page, "is in use and not installed");
        }
    }
}

bool check_rest(struct vm *vm)
{
    /* Of a device that is broken nobody knows what it has done. */
    if (vm->crash == NULL && !vm->is_device_broken) {
        check_books(vm);
    }
    if (is_shared(vm)) {
        check_frames(vm);
    }
    return vm->check.broken == 0;
}

/* The number behind "(I" in a line of an audit. */
static uint32_t invariant_of(const char *text)
{
    const char *at = strstr(text, "(I");
    uint32_t number = 0;

    for (at = at != NULL ? at + 2 : ""; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint32_t)(*at - '0');
    }
    return number != 0 ? number : 1;
}

static void check_told(struct vm *vm)
{
    uint64_t told = 0;

    for (uint64_t page = 0; page < vm_page_max(vm); page++) {
        if (vm->check.told[page / 64] == 0) {
            page |= 63;
            continue;
        }
        if ((vm->check.told[page / 64] >> page % 64 & 1) == 0) {
            continue;
        }
        told++;
        if (!is_shared(vm) && !vm_frees_first(vm) &&
            !all_in(vm, page, 1, AWAY)) {
            check_break(vm, is_plugged(vm) ? 13 : 3, page,
                        "is the guest's, and is the host's");
        }
    }
    assert(told == vm->check.told_pages);
    (void)told;
}

bool check_all(struct vm *vm)
{
    struct vmc_error error = {""};

    if (vmc_memmap_audit(vm->map, &error) != VMC_OK ||
        vmc_host_audit(&vm->host, &error) != VMC_OK) {
        if (vm->check.broken == 0) {
            vm->check.broken = invariant_of(error.text);
            (void)snprintf(vm->check.text, sizeof(vm->check.text),
                           "I%" PRIu32 ": %.200s (event %" PRIu64 ")",
                           vm->check.broken, error.text,
                           vmc_engine_fired_count(vm->engine));
        }
        return false;
    }
    check_told(vm);
    if (is_shared(vm)) {
        check_frames(vm);
    }
    return vm->check.broken == 0;
}
