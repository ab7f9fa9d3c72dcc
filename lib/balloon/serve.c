/* SPDX-License-Identifier: MIT */
/*
 * What the host does with an element. An inflate of page numbers is served
 * number by number (spec 6.2): look the address up, and let go of one page.
 * Numbers that follow each other are let go together, at the price of single
 * calls. Bitmaps and extents are served by range, with one call for each.
 *
 * A message with any violation is refused whole, before anything is let go.
 */
#include "balloon/vm_priv.h"

#include "balloon/extent_priv.h"

void charge_effect(const struct vm *vm, const struct vmc_host_effect *effect,
                   struct vmc_account *account)
{
    const struct vmc_host_costs *host = &vm->costs->host;
    const struct vmc_guest_costs *guest = &vm->costs->guest;

    account->ticks[VMC_STAGE_MADVISE] += effect->calls * host->madvise_empty;
    account->ticks[VMC_STAGE_ZAP] +=
        effect->zapped_small * host->zap_small +
        effect->zapped_bulk * host->zap_small_bulk +
        effect->splits * host->split + effect->huge * host->zap_huge +
        effect->huge_bulk * host->zap_huge_bulk;
    account->ticks[VMC_STAGE_FLUSH] += effect->flushes * host->flush_small;
    account->ticks[VMC_STAGE_FAULT] +=
        effect->faults_huge * host->fault_huge +
        effect->faults_small * (host->fault_small + host->clear_small) +
        effect->maps_huge * host->map_huge +
        effect->maps_small * host->fault_small +
        effect->installs * guest->hypercall;
    account->ticks[VMC_STAGE_TOUCH] +=
        effect->touches_huge * guest->touch +
        effect->touches_small * guest->touch_small;
    account->ticks[VMC_STAGE_PIN] +=
        effect->unpinned * host->vfio_unmap + effect->pinned * host->vfio_map;
}

static uint32_t host_page_pages(const struct vm *vm)
{
    return vm->host.config.host_page_bytes >> 12;
}

/* Let go of, or announce the return of, [@pfn, @pfn + @count), as single
 * entries. */
static void serve_pages(struct vm_worker *worker, uint32_t pfn, uint32_t count)
{
    struct vm *vm = worker->vm;
    struct vmc_account *served = &worker->tell.served;
    struct vmc_host_effect effect = {0};

    if (worker->tell.queue == QUEUE_DEFLATE) {
        served->ticks[VMC_STAGE_MADVISE] += count * vm->costs->host.willneed;
        return;
    }
    vm->pages_told += (uint64_t)count * vm->driver->unit_pages;
    if (vm->is_inhibited) {
        return;
    }
    if (vm->driver->unit_pages > 1) {
        vm_discard(vm, pfn, vm->driver->unit_pages, &effect);
    } else if (host_page_pages(vm) == 1) {
        vm_discard_singly(vm, pfn, count, &effect);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            vm_discard_partial(vm, &worker->partial, pfn + i, &effect);
        }
    }
    charge_effect(vm, &effect, served);
}

/* Serve @count entries of the array from @index on. */
static void serve_pfns(struct vm_worker *worker, uint32_t index, uint32_t count)
{
    struct vm *vm = worker->vm;
    bool is_single = vm->driver->unit_pages > 1 || host_page_pages(vm) > 1;

    worker->tell.served.ticks[VMC_STAGE_TRANSLATE] +=
        count * vm->costs->host.translate;
    while (count > 0) {
        uint32_t pfn = payload_pfn(vm, index), run = 1, low = pfn;

        if (!vm_is_ram(vm, pfn, vm->driver->unit_pages)) {
            vm->bad_addresses++;
            index++;
            count--;
            continue;
        }
        while (!is_single && run < count &&
               payload_pfn(vm, index + run) == pfn + run &&
               vm_is_ram(vm, pfn + run, 1)) {
            run++;
        }
        while (!is_single && run < count &&
               payload_pfn(vm, index + run) == low - 1 && low > 0 &&
               low + run - 1 == pfn && vm_is_ram(vm, low - 1, 1)) {
            run++;
            low--;
        }
        serve_pages(worker, low, run);
        index += run;
        count -= run;
    }
}

static uint32_t element_pfns(const struct vm_worker *worker)
{
    return worker->tell.element.buffers[0].size_bytes / 4;
}

static bool is_pfn_array(const struct vm_worker *worker)
{
    return worker->tell.element.buffers[0].address == BUFFER_PFNS;
}

static bool is_ram(const void *owner, struct vmc_wire_range range)
{
    return vm_is_ram(owner, range.pfn, range.count);
}

/* Page numbers that are read as a response header with records behind it. */
static void read_as_records(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;

    if (vmc_wire_check(VMC_WIRE_BITMAP, vm->payload.pfns,
                       worker->tell.element.buffers[0].size_bytes, is_ram,
                       vm) != VMC_OK) {
        vm->refused_messages++;
    }
}

/* Records that are read as page numbers: each word is two of them, and what
 * they name is discarded, whoever has it. */
static void read_as_pfns(struct vm_worker *worker)
{
    struct vm *vm = worker->vm;
    struct vmc_host_effect effect = {0};

    for (uint32_t i = 0; i < vm->payload.word_count * 2; i++) {
        uint32_t pfn = (uint32_t)(vm->payload.words[i / 2] >> (i % 2 * 32));

        if (vm_is_ram(vm, pfn, 1)) {
            vm_discard_singly(vm, pfn, 1, &effect);
        } else {
            vm->bad_addresses++;
        }
    }
    charge_effect(vm, &effect, &worker->tell.served);
}

/* True when the device takes the message for something else. */
static bool serve_misread(struct vm_worker *worker)
{
    const struct vmc_vq_buffer *buffer = &worker->tell.element.buffers[0];
    enum vm_misread misread = worker->vm->misread;

    if (misread == MISREAD_PFNS && buffer->address == BUFFER_PFNS) {
        read_as_records(worker);
        return true;
    }
    if (misread == MISREAD_RECORDS && buffer->address == BUFFER_HEADER) {
        read_as_pfns(worker);
        return true;
    }
    return false;
}

void serve(struct vm_worker *worker)
{
    if (serve_misread(worker)) {
        return;
    }
    if (is_pfn_array(worker)) {
        worker->partial = (struct vmc_partial){0};
        serve_pfns(worker, 0, element_pfns(worker));
    } else {
        while (serve_extent(worker)) {
            worker->tell.entry++;
        }
    }
}

bool serve_entry(struct vm_worker *worker)
{
    if (worker->vm->misread != MISREAD_NONE) {
        return worker->tell.entry == 0 && serve_misread(worker);
    }
    if (!is_pfn_array(worker)) {
        return serve_extent(worker);
    }
    if (worker->tell.entry == 0) {
        worker->partial = (struct vmc_partial){0};
    }
    if (worker->tell.entry >= element_pfns(worker)) {
        return false;
    }
    serve_pfns(worker, worker->tell.entry, 1);
    return true;
}
