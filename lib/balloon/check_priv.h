/* SPDX-License-Identifier: MIT */
/*
 * check_priv.h - the invariants of the specification (§7), held against a
 * guest while its driver and its host run.
 *
 * The checker keeps a book of its own: which pages a message under way names,
 * and which the host has acknowledged. It is told of four things: a message
 * was added, a message came back, memory is let go of, memory is touched; and
 * it looks at the counts of the guest after every event. The first invariant
 * that breaks is kept, and the run stops.
 */
#ifndef VMC_BALLOON_CHECK_PRIV_H
#define VMC_BALLOON_CHECK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "balloon/host.h"
#include "balloon/virtqueue.h"

struct vm;
struct vm_worker;

enum { CHECK_TEXT_BYTES = 256, CHECK_QUEUES = 8 };

struct check {
    uint64_t *told; /* a bit a page: its inflate was acknowledged */
    uint64_t *sent; /* a bit a page: a message that is out names it */
    uint64_t told_pages, sent_pages, reporting_pages;
    uint64_t backed_pages; /* what the host must back */
    uint64_t hashes[CHECK_QUEUES];
    uint64_t next_audit;
    uint32_t broken; /* number of the invariant; 0: none */
    char text[CHECK_TEXT_BYTES];
};

/* Fails VMC_E_NOMEM. The memory must be set up. */
enum vmc_status check_init(struct vm *vm);
void check_fini(struct vm *vm);

/* Note that @invariant is broken, unless one is already. */
void check_break(struct vm *vm, uint32_t invariant, uint64_t page,
                 const char *what);

/* ---- What happens to messages --------------------------------------------*/

void check_added(struct vm_worker *worker, const struct vmc_vq_buffer *buffers,
                 uint32_t count);
void check_popped(struct vm_worker *worker);
void check_acked(struct vm_worker *worker);

/* ---- What happens to memory: the calls of host.h, watched ---------------*/

void vm_discard(struct vm *vm, uint64_t page, uint64_t count,
                struct vmc_host_effect *effect);
void vm_discard_singly(struct vm *vm, uint64_t page, uint64_t count,
                       struct vmc_host_effect *effect);
void vm_discard_partial(struct vm *vm, struct vmc_partial *partial,
                        uint64_t page, struct vmc_host_effect *effect);
void vm_use(struct vm *vm, uint64_t page, uint64_t count,
            struct vmc_host_effect *effect);
void vm_pin(struct vm *vm, uint64_t page, uint64_t count,
            struct vmc_host_effect *effect);

/* ---- Time ----------------------------------------------------------------*/

/* The counts of @vm, and all of it when its time has come. False: broken. */
bool check_event(struct vm *vm);

/* No operation is under way: what must be true then. False: broken. */
bool check_rest(struct vm *vm);

/* Everything, page by page. False: broken. */
bool check_all(struct vm *vm);

#endif
