/* SPDX-License-Identifier: MIT */
/*
 * What x86 prints, without and with kvm_exit and kvm_entry around it
 * (arch/x86/kvm/x86.c, observed and read):
 *
 *     write, in the kernel    write
 *     write, exit             write, exit, ...            the guest goes on
 *     memory read, exit       unsatisfied-read, exit, read
 *     memory read, kernel     read
 *     port read, exit         exit, read
 *     port read, kernel       read
 *
 * So an exit for a port that follows a write may be the write's, or that of a
 * read to come whose write was served in the kernel. Only the next event tells,
 * and not always: "write, exit, read" is a write that exits and a read in the
 * kernel, or the reverse. There the model is asked which of the two addresses
 * it has in the kernel, and then, which it has seen leave. With kvm_entry in
 * the log there is no doubt.
 *
 * arm64 prints unsatisfied-read before every read, LoongArch at decode; both
 * then print read at its end. A read without an exit between was served in the
 * kernel.
 *
 * An access across a page's end is two parts. Writes print each part; all parts
 * come before the first exit. A read prints the last part's length with the
 * first one's address, and at its end the whole length: what counts is that it
 * follows, not that it agrees.
 */
#include "sim/replay/bus_log.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 4 * BUS_LOG_THREADS_MAX,
    PAGE_BYTES = 4096,
    LEN_MAX = 4096, /* of one line: what an instruction can move */
    REASON_IO = 2,  /* numbers of KVM's API */
    REASON_MMIO = 6,
    REASON_IOCSR = 38
};

/* One vCPU thread. */
struct thread {
    uint32_t id;
    struct bus_access access, before; /* before: the first part of a write */
    uint64_t left_ns;                 /* kvm_exit */
    uint64_t loose_ns, loose_line;    /* an exit that no access explains yet */
    bool has_access, has_before, has_left, has_loose;
    bool is_read_open; /* the access is a read that has not ended */
};

struct bus_log {
    const struct bus_log_ops *ops;
    void *owner;
    struct bus_log_counts counts;
    struct thread threads[BUS_LOG_THREADS_MAX];
    uint32_t thread_count;
    uint16_t slots[SLOTS]; /* number of a thread + 1, by a hash of its id */
    uint32_t last;         /* the thread of the record before */
};

static const char *const space_names[BUS_SPACE_COUNT] = {"mmio", "pio",
                                                         "iocsr"};

const char *bus_space_name(enum bus_space space)
{
    assert(space < BUS_SPACE_COUNT);
    return space_names[space];
}

enum vmc_status bus_log_new(struct bus_log **out, const struct bus_log_ops *ops,
                            void *owner)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return VMC_E_NOMEM;
    }
    (*out)->ops = ops;
    (*out)->owner = owner;
    return VMC_OK;
}

void bus_log_free(struct bus_log *log)
{
    free(log);
}

/* The thread @id, made when it is new. NULL beyond the limit. */
static struct thread *find_thread(struct bus_log *log, uint32_t id)
{
    uint32_t slot = id * UINT32_C(2654435761) % SLOTS;

    if (log->last < log->thread_count && log->threads[log->last].id == id) {
        return &log->threads[log->last];
    }
    while (log->slots[slot] != 0) {
        struct thread *thread = &log->threads[log->slots[slot] - 1];

        if (thread->id == id) {
            log->last = log->slots[slot] - 1U;
            return thread;
        }
        slot = (slot + 1) % SLOTS;
    }
    if (log->thread_count == BUS_LOG_THREADS_MAX) {
        log->counts.threads_many++;
        return NULL;
    }
    log->threads[log->thread_count].id = id;
    log->last = log->thread_count++;
    log->slots[slot] = (uint16_t)log->thread_count;
    return &log->threads[log->last];
}

static void give(struct bus_log *log, struct bus_access *access)
{
    if (access->exits == 0 && access->time == BUS_TIME_BOUND) {
        access->time = BUS_TIME_NONE;
    }
    log->ops->access(log->owner, access);
}

static bool is_claimed(struct bus_log *log, const struct bus_access *access)
{
    return log->ops->claims(log->owner, access);
}

/* "write, exit, read" of two ports: is it the read that left? Yes when only the
 * write is claimed for the kernel, or, when neither is, only the read is known
 * to leave. */
static bool is_exit_of_read(struct bus_log *log, const struct bus_access *write,
                            const struct bus_access *read)
{
    if (is_claimed(log, read)) {
        return false;
    }
    return is_claimed(log, write) || (log->ops->leaves(log->owner, read) &&
                                      !log->ops->leaves(log->owner, write));
}

/* Give out what is under way. Its time ended at @now_ns, as exactly as @time
 * says. */
static void settle(struct bus_log *log, struct thread *thread, uint64_t now_ns,
                   enum bus_time time)
{
    if (thread->has_before) {
        thread->before.end_ns = now_ns;
        thread->before.time = (uint8_t)time;
        give(log, &thread->before);
        thread->has_before = false;
    }
    if (thread->has_access) {
        if (thread->access.time != BUS_TIME_EXACT) {
            thread->access.end_ns = now_ns;
            thread->access.time = (uint8_t)time;
        }
        give(log, &thread->access);
        thread->has_access = thread->is_read_open = false;
    }
}

/* An exit that nothing explained stays unexplained. */
static void drop_loose(struct bus_log *log, struct thread *thread)
{
    log->counts.exits_loose += thread->has_loose;
    thread->has_loose = false;
}

static struct bus_access new_access(const struct bus_log *log,
                                    const struct thread *thread,
                                    const struct vmc_record *record,
                                    enum bus_space space)
{
    return (struct bus_access){
        .addr = record->args[2],
        .value = record->args[3],
        .line = record->line,
        .start_ns = thread->has_left ? thread->left_ns : record->time_ns,
        .len = record->args[1] <= LEN_MAX ? (uint32_t)record->args[1] : LEN_MAX,
        .count = space != BUS_PIO                ? 1
                 : record->args[4] <= UINT32_MAX ? (uint32_t)record->args[4]
                                                 : UINT32_MAX,
        .thread = (uint16_t)(thread - log->threads),
        .space = (uint8_t)space,
        .is_write = record->args[0] == VMC_REC_WRITE,
    };
}

/* True when the write of @record can be the rest of the instruction that began
 * with @first: it goes on at the page's end, and both make up a size. */
static bool is_rest(const struct bus_access *first,
                    const struct vmc_record *record)
{
    uint64_t addr = record->args[2];
    uint64_t both = first->len + record->args[1];

    return first->space == BUS_MMIO && first->is_write && first->exits == 0 &&
           first->addr + first->len == addr && addr % PAGE_BYTES == 0 &&
           both >= 2 && both <= 64 && (both & (both - 1)) == 0;
}

static void take_write(struct bus_log *log, struct thread *thread,
                       const struct vmc_record *record, enum bus_space space)
{
    drop_loose(log, thread);
    if (thread->has_access && !thread->has_before && !thread->is_read_open &&
        space == BUS_MMIO && is_rest(&thread->access, record)) {
        log->counts.split_writes++;
        thread->before = thread->access;
        thread->has_before = true;
    } else {
        settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    }
    thread->access = new_access(log, thread, record, space);
    thread->has_access = true;
}

/* A port read has ended; whose was the exit before it, if there was one? */
static void take_port_read(struct bus_log *log, struct thread *thread,
                           const struct vmc_record *record,
                           struct bus_access *access)
{
    struct bus_access *write = &thread->access;

    access->end_ns = record->time_ns;
    access->time = BUS_TIME_EXACT;
    if (thread->has_loose) {
        access->exits = 1;
        access->start_ns =
            thread->has_left ? thread->left_ns : thread->loose_ns;
        thread->has_loose = false;
    } else if (thread->has_access && write->is_write && write->exits == 1 &&
               write->space == BUS_PIO) {
        log->counts.guesses++;
        write->is_guessed = access->is_guessed = true;
        if (is_exit_of_read(log, write, access)) {
            write->exits = 0;
            access->exits = 1;
            access->start_ns = write->end_ns;
        }
    }
    settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    if (thread->has_left) { /* the entry will tell when the guest goes on */
        thread->access = *access;
        thread->has_access = true;
    } else {
        access->time = access->exits > 0 ? BUS_TIME_EXACT : BUS_TIME_NONE;
        give(log, access);
    }
}

static void take_read_end(struct bus_log *log, struct thread *thread,
                          const struct vmc_record *record,
                          struct bus_access *access)
{
    if (thread->has_access && thread->is_read_open &&
        thread->access.space == access->space) {
        struct bus_access *open = &thread->access;

        log->counts.split_reads +=
            open->addr != access->addr || open->len != access->len;
        open->value = access->value;
        open->len = access->len;
        open->end_ns = record->time_ns;
        open->time = BUS_TIME_EXACT;
        thread->is_read_open = false;
        if (!thread->has_left) {
            settle(log, thread, record->time_ns, BUS_TIME_EXACT);
        }
        return;
    }
    drop_loose(log, thread);
    settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    thread->access = *access;
    thread->has_access = true;
    if (!thread->has_left) {
        thread->access.time = BUS_TIME_NONE;
        give(log, &thread->access);
        thread->has_access = false;
    }
}

static void count_access(struct bus_log_counts *counts,
                         const struct vmc_record *record, enum bus_space space)
{
    bool is_write = record->args[0] == VMC_REC_WRITE;
    bool is_open = record->args[0] == VMC_REC_UNSATISFIED_READ;

    switch (space) {
    case BUS_MMIO:
        counts->mmio_writes += is_write;
        counts->mmio_unsatisfied += is_open;
        counts->mmio_reads += !is_write && !is_open;
        break;
    case BUS_PIO:
        counts->pio_writes += is_write;
        counts->pio_reads += !is_write;
        counts->pio_elements += record->args[4];
        break;
    default:
        counts->iocsr_writes += is_write;
        counts->iocsr_unsatisfied += is_open;
        counts->iocsr_reads += !is_write && !is_open;
    }
    if (record->args[1] > LEN_MAX && counts->max_len_line == 0) {
        counts->max_len_line = record->line;
    }
}

static void take_access(struct bus_log *log, const struct vmc_record *record,
                        enum bus_space space)
{
    struct thread *thread = find_thread(log, record->thread);
    struct bus_access access;

    count_access(&log->counts, record, space);
    if (thread == NULL) {
        return;
    }
    if (record->args[0] == VMC_REC_WRITE) {
        take_write(log, thread, record, space);
        return;
    }
    if (record->args[0] == VMC_REC_UNSATISFIED_READ && space != BUS_PIO) {
        drop_loose(log, thread);
        settle(log, thread, record->time_ns, BUS_TIME_BOUND);
        thread->access = new_access(log, thread, record, space);
        thread->has_access = thread->is_read_open = true;
        return;
    }
    access = new_access(log, thread, record, space);
    if (space == BUS_PIO) {
        take_port_read(log, thread, record, &access);
    } else {
        take_read_end(log, thread, record, &access);
    }
}

/* The two parts of a write and one exit: whose is it? The part that the model
 * has in the kernel did not exit. */
static void take_split_exit(struct bus_log *log, struct thread *thread)
{
    if (thread->before.exits == 0 && thread->access.exits == 0) {
        bool is_second = is_claimed(log, &thread->before) &&
                         !is_claimed(log, &thread->access);

        *(is_second ? &thread->access.exits : &thread->before.exits) = 1;
    } else {
        *(thread->before.exits == 0 ? &thread->before.exits
                                    : &thread->access.exits) += 1;
    }
}

static void take_access_exit(struct bus_log *log, struct thread *thread,
                             const struct vmc_record *record,
                             enum bus_space space)
{
    struct bus_access *access = &thread->access;

    if (thread->has_access && thread->has_before && space == BUS_MMIO) {
        take_split_exit(log, thread);
        return;
    }
    if (thread->has_access && access->space == space &&
        access->time != BUS_TIME_EXACT) {
        /* Long accesses to memory take an exit for every 8 bytes, those across
         * a page one for each part; a read is open until all is there. */
        bool goes_on = thread->is_read_open ||
                       (space != BUS_PIO && access->exits * 8U < access->len);

        if (access->exits == 0 || goes_on) {
            access->exits++;
            access->end_ns = record->time_ns; /* kept for a port read's start */
            return;
        }
    }
    drop_loose(log, thread);
    settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    thread->has_loose = true;
    thread->loose_ns = record->time_ns;
    thread->loose_line = record->line;
}

static void take_userspace_exit(struct bus_log *log,
                                const struct vmc_record *record,
                                const char *reason)
{
    struct thread *thread = find_thread(log, record->thread);
    bool is_errno =
        strcmp(reason, "restart") == 0 || strcmp(reason, "error") == 0;

    log->counts.userspace_exits++;
    if (is_errno) {
        log->counts.exits_restarted++;
    } else if (record->args[0] == REASON_IO) {
        log->counts.exits_io++;
    } else if (record->args[0] == REASON_MMIO) {
        log->counts.exits_mmio++;
    } else if (record->args[0] == REASON_IOCSR) {
        log->counts.exits_iocsr++;
    } else {
        log->counts.exits_other++;
    }
    if (thread == NULL) {
        return;
    }
    if (!is_errno && record->args[0] == REASON_IO) {
        take_access_exit(log, thread, record, BUS_PIO);
    } else if (!is_errno && record->args[0] == REASON_MMIO) {
        take_access_exit(log, thread, record, BUS_MMIO);
    } else if (!is_errno && record->args[0] == REASON_IOCSR) {
        take_access_exit(log, thread, record, BUS_IOCSR);
    } else if (!thread->is_read_open) {
        settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    }
}

static void take_fast(struct bus_log *log, const struct vmc_record *record)
{
    struct thread *thread = find_thread(log, record->thread);
    struct bus_access access = {0};

    log->counts.fast_mmio++;
    if (thread == NULL) {
        return;
    }
    drop_loose(log, thread);
    settle(log, thread, record->time_ns, BUS_TIME_BOUND);
    access.addr = record->args[0];
    access.line = record->line;
    access.start_ns = thread->has_left ? thread->left_ns : record->time_ns;
    access.count = 1;
    access.thread = (uint16_t)(thread - log->threads);
    access.is_write = access.is_fast = true;
    thread->access = access;
    thread->has_access = true;
}

static void take_entry(struct bus_log *log, const struct vmc_record *record)
{
    struct thread *thread = find_thread(log, record->thread);

    log->counts.entries++;
    if (thread != NULL) {
        if (thread->has_access && thread->has_left) {
            thread->access.time = BUS_TIME_BOUND; /* the entry is later */
        }
        drop_loose(log, thread);
        settle(log, thread, record->time_ns, BUS_TIME_EXACT);
        thread->has_left = false;
    }
}

static void take_exit(struct bus_log *log, const struct vmc_record *record)
{
    struct thread *thread = find_thread(log, record->thread);

    log->counts.exits++;
    if (thread != NULL) {
        drop_loose(log, thread);
        settle(log, thread, record->time_ns, BUS_TIME_BOUND);
        thread->has_left = true;
        thread->left_ns = record->time_ns;
    }
}

void bus_log_take(struct bus_log *log, const struct vmc_record *record,
                  const char *reason)
{
    switch (record->kind) {
    case VMC_REC_KVM_MMIO:
        take_access(log, record, BUS_MMIO);
        break;
    case VMC_REC_KVM_PIO:
        take_access(log, record, BUS_PIO);
        break;
    case VMC_REC_KVM_IOCSR:
        take_access(log, record, BUS_IOCSR);
        break;
    case VMC_REC_KVM_USERSPACE_EXIT:
        take_userspace_exit(log, record, reason);
        break;
    case VMC_REC_KVM_FAST_MMIO:
        take_fast(log, record);
        break;
    case VMC_REC_KVM_ENTRY:
        take_entry(log, record);
        break;
    case VMC_REC_KVM_EXIT:
    case VMC_REC_KVM_EXIT_IDLE:
    case VMC_REC_KVM_EXIT_CACHE:
        take_exit(log, record);
        break;
    case VMC_REC_KVM_SET_IRQ:
        log->counts.set_irqs++;
        break;
    case VMC_REC_KVM_ACK_IRQ:
        log->counts.acked_irqs++;
        break;
    case VMC_REC_KVM_MSI_SET_IRQ:
        log->counts.msi_irqs++;
        break;
    case VMC_REC_KVM_VCPU_WAKEUP:
        log->counts.wakeups++;
        break;
    case VMC_REC_IOREGIONFD_CMD:
        log->counts.ioregionfd_commands++;
        break;
    case VMC_REC_IOREGIONFD_RESP:
        log->counts.ioregionfd_responses++;
        break;
    default:
        break;
    }
}

void bus_log_end(struct bus_log *log)
{
    for (uint32_t i = 0; i < log->thread_count; i++) {
        struct thread *thread = &log->threads[i];

        drop_loose(log, thread);
        settle(log, thread, 0, BUS_TIME_NONE);
    }
}

const struct bus_log_counts *bus_log_counts(const struct bus_log *log)
{
    return &log->counts;
}

uint32_t bus_log_thread_count(const struct bus_log *log)
{
    return log->thread_count;
}

uint32_t bus_log_thread(const struct bus_log *log, uint32_t index)
{
    assert(index < log->thread_count);
    return log->threads[index].id;
}

/* All but last, which only says where to look first. */
void bus_log_archive(struct bus_log *log, struct vmc_archive *archive)
{
    VMC_ARCHIVE(archive, log->counts);
    log->thread_count = (uint32_t)vmc_archive_count(
        archive, "thread_count", log->thread_count, BUS_LOG_THREADS_MAX);
    vmc_archive_bytes(archive, "threads", log->threads,
                      log->thread_count * sizeof(log->threads[0]));
    VMC_ARCHIVE(archive, log->slots);
}
