/* SPDX-License-Identifier: MIT */
/* Grace periods are numbered by their sequence without its two low bits, which
 * only say how far one has got. A callback remembers how many had started when
 * it was queued; when it runs, one that started later must have ended.
 *
 * "Ended" is as the invoking CPU could know it. The kernel's thread updates the
 * leaves of its tree first and logs "end" last (rcu_gp_cleanup() of Linux
 * 6.12), so a CPU that has logged its own "cpuend" may run callbacks a moment
 * before that line. The thread's own "cpuend" is no such licence: it still
 * holds the lock then.
 *
 * Order is that of lines; times only feed the histograms. */
#include "sim/replay/rcu_log.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_START = 1 << 14, SLOTS_MAX = 1 << 24, SYNCS_MAX = 64 };

/* A callback between call_rcu and its invocation. */
struct callback {
    uint64_t head; /* its address as logged; 0 is a free slot */
    uint64_t time_ns, line, order;
    uint64_t starts; /* grace periods started when it was queued */
    uint32_t epoch;  /* how often its CPU had gone offline */
    uint8_t cpu, flavour;
};

struct node {
    uint64_t level, low, waits_for; /* CPUs or children not reported yet */
    uint64_t high;
};

struct flavour {
    uint64_t name;   /* number of the text, plus 1 */
    uint64_t starts; /* seen so far */
    uint64_t ended;  /* how many of those have ended, all before it too */
    int64_t number;  /* of the last one that started */
    uint64_t start_ns;
    uint32_t thread; /* that runs them */
    bool is_running;
    bool has_nodes;
    uint32_t node_count;
    struct node nodes[RCU_NODES_MAX];
    uint64_t cpu_ended[RCU_CPUS_MAX]; /* as each CPU has seen it */
};

struct cpu {
    uint32_t epoch;
    bool is_seen;
    uint64_t order;   /* callbacks queued so far */
    uint64_t invoked; /* the latest of them that ran, plus 1 */
};

struct sync {
    uint64_t head, time_ns, starts;
    uint8_t flavour;
};

struct rcu_log {
    struct rcu_counts counts;
    struct rcu_step step;
    struct callback *slots;
    uint32_t slot_count, pending;
    struct flavour flavours[RCU_FLAVOURS_MAX];
    struct cpu cpus[RCU_CPUS_MAX];
    struct sync syncs[SYNCS_MAX];
};

enum vmc_status rcu_log_new(struct rcu_log **out)
{
    struct rcu_log *log = calloc(1, sizeof(*log));

    *out = NULL;
    if (log == NULL) {
        return VMC_E_NOMEM;
    }
    log->slot_count = SLOTS_START;
    log->slots = calloc(log->slot_count, sizeof(*log->slots));
    if (log->slots == NULL) {
        free(log);
        return VMC_E_NOMEM;
    }
    *out = log;
    return VMC_OK;
}

void rcu_log_free(struct rcu_log *log)
{
    if (log != NULL) {
        free(log->slots);
        free(log);
    }
}

const struct rcu_counts *rcu_log_counts(const struct rcu_log *log)
{
    return &log->counts;
}

struct rcu_step rcu_log_step(const struct rcu_log *log)
{
    struct rcu_step step = log->step;

    step.pending = log->pending;
    return step;
}

void rcu_log_each_pending(const struct rcu_log *log,
                          void (*see)(void *owner, uint64_t line, uint32_t cpu),
                          void *owner)
{
    for (uint32_t i = 0; i < log->slot_count; i++) {
        if (log->slots[i].head != 0) {
            see(owner, log->slots[i].line, log->slots[i].cpu);
        }
    }
}

uint64_t rcu_log_violations(const struct rcu_log *log)
{
    return log->counts.early + log->counts.disordered + log->counts.unreported +
           log->counts.early_sync;
}

static void violate(struct rcu_log *log, uint64_t *count, uint64_t line,
                    const char *what, uint64_t value)
{
    (*count)++;
    if (log->counts.first_line == 0) {
        log->counts.first_line = line;
        (void)snprintf(log->counts.first_text, RCU_TEXT_BYTES, what,
                       (unsigned long long)value);
    }
}

/* The state of the flavour whose name is text number @name. */
static struct flavour *flavour_of(struct rcu_log *log, uint64_t name,
                                  uint8_t *index)
{
    for (uint8_t i = 0; i < RCU_FLAVOURS_MAX; i++) {
        if (log->flavours[i].name == 0) {
            log->flavours[i].name = name + 1;
        }
        if (log->flavours[i].name == name + 1) {
            *index = i;
            return &log->flavours[i];
        }
    }
    return NULL;
}

/* ---- Callbacks outstanding: open addressing, no gaps in a run -------------
 */

static uint32_t home_of(const struct rcu_log *log, uint64_t head)
{
    return (uint32_t)((head * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
           (log->slot_count - 1);
}

static struct callback *find_slot(struct rcu_log *log, uint64_t head,
                                  uint8_t flavour)
{
    uint32_t i = home_of(log, head);

    while (log->slots[i].head != 0 &&
           (log->slots[i].head != head || log->slots[i].flavour != flavour)) {
        i = (i + 1) & (log->slot_count - 1);
    }
    return &log->slots[i];
}

/* Take @slot out and close the gap that it leaves. */
static void remove_slot(struct rcu_log *log, struct callback *slot)
{
    uint32_t mask = log->slot_count - 1;
    uint32_t gap = (uint32_t)(slot - log->slots), i = gap;

    log->pending--;
    for (;;) {
        uint32_t home;

        log->slots[gap].head = 0;
        do {
            i = (i + 1) & mask;
            if (log->slots[i].head == 0) {
                return;
            }
            home = home_of(log, log->slots[i].head);
        } while (((i - home) & mask) < ((i - gap) & mask));
        log->slots[gap] = log->slots[i];
        gap = i;
    }
}

static enum vmc_status grow(struct rcu_log *log)
{
    struct callback *old = log->slots;
    uint32_t old_count = log->slot_count;

    if (old_count == SLOTS_MAX) {
        return VMC_E_NOMEM;
    }
    log->slots = calloc((size_t)old_count * 2, sizeof(*log->slots));
    if (log->slots == NULL) {
        log->slots = old;
        return VMC_E_NOMEM;
    }
    log->slot_count = old_count * 2;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].head != 0) {
            *find_slot(log, old[i].head, old[i].flavour) = old[i];
        }
    }
    free(old);
    return VMC_OK;
}

static enum vmc_status take_callback(struct rcu_log *log,
                                     const struct vmc_record *record)
{
    struct cpu *cpu = &log->cpus[record->cpu];
    uint8_t index;
    const struct flavour *flavour = flavour_of(log, record->args[0], &index);
    struct callback *slot;

    log->counts.queued++;
    if (flavour == NULL) {
        return VMC_OK;
    }
    if (log->pending * 2 >= log->slot_count) {
        enum vmc_status status = grow(log);

        if (status != VMC_OK) {
            return status;
        }
    }
    slot = find_slot(log, record->args[1], index);
    log->step.queued_line = record->line;
    if (slot->head != 0) {
        log->counts.requeued++;
        log->step.replaced_line = slot->line;
    } else {
        log->pending++;
    }
    if (log->pending > log->counts.pending_max) {
        log->counts.pending_max = log->pending;
    }
    *slot = (struct callback){
        .head = record->args[1],
        .time_ns = record->time_ns,
        .line = record->line,
        .order = cpu->order++,
        .starts = flavour->starts,
        .epoch = cpu->epoch,
        .cpu = record->cpu,
        .flavour = index,
    };
    return VMC_OK;
}

static uint64_t ended_for(const struct flavour *flavour, uint8_t cpu)
{
    return flavour->ended > flavour->cpu_ended[cpu] ? flavour->ended
                                                    : flavour->cpu_ended[cpu];
}

static void take_invoke(struct rcu_log *log, const struct vmc_record *record)
{
    uint8_t index;
    const struct flavour *flavour = flavour_of(log, record->args[0], &index);
    struct callback *slot;
    struct cpu *cpu;

    log->counts.invoked++;
    slot = flavour != NULL ? find_slot(log, record->args[1], index) : NULL;
    if (slot == NULL || slot->head == 0) {
        log->counts.unmatched++;
        return;
    }
    log->step.invoked_line = slot->line;
    cpu = &log->cpus[slot->cpu];
    vmc_hist_add(&log->counts.latency_ns, record->time_ns - slot->time_ns);
    if (ended_for(flavour, record->cpu) <= slot->starts) {
        violate(log, &log->counts.early, record->line,
                "callback queued in line %llu ran before a whole grace period "
                "had passed",
                slot->line);
    } else if (slot->epoch == cpu->epoch) {
        if (slot->order + 1 <= cpu->invoked) {
            violate(log, &log->counts.disordered, record->line,
                    "callback queued in line %llu ran after one that was "
                    "queued later on its CPU",
                    slot->line);
        } else {
            cpu->invoked = slot->order + 1;
        }
    }
    remove_slot(log, slot);
}

/* ---- Grace periods --------------------------------------------------------
 */

static int64_t number_of(uint64_t sequence)
{
    int64_t value;

    memcpy(&value, &sequence, sizeof(value));
    return value >= 0 ? value / 4 : -((3 - value) / 4);
}

/* Grace period @number has ended: in starts, so that they can be compared. */
static uint64_t ended_as_starts(const struct flavour *flavour, int64_t number)
{
    int64_t behind = flavour->number - number;

    if (flavour->starts == 0 || behind < 0 ||
        (uint64_t)behind >= flavour->starts) {
        return 0; /* one that began before the log did */
    }
    return flavour->starts - (uint64_t)behind;
}

static void check_reports(struct rcu_log *log, const struct flavour *flavour,
                          const struct vmc_record *record)
{
    for (uint32_t i = 0; i < flavour->node_count; i++) {
        const struct node *node = &flavour->nodes[i];

        if (node->waits_for != 0) {
            violate(log, &log->counts.unreported, record->line,
                    "grace period ended, but CPU or node %llu had not been "
                    "reported",
                    node->low + vmc_bits_low(node->waits_for));
            return;
        }
    }
}

static void end_grace(struct rcu_log *log, struct flavour *flavour,
                      const struct vmc_record *record)
{
    uint64_t ended = ended_as_starts(flavour, number_of(record->args[1]));

    log->counts.ended++;
    if (flavour->is_running && ended == flavour->starts) {
        vmc_hist_add(&log->counts.grace_ns,
                     record->time_ns - flavour->start_ns);
        if (flavour->has_nodes) {
            check_reports(log, flavour, record);
        }
        flavour->is_running = false;
    }
    if (ended > flavour->ended) {
        flavour->ended = ended;
    }
}

static void new_epoch(struct rcu_log *log, uint32_t cpu)
{
    log->cpus[cpu].epoch++;
    log->cpus[cpu].invoked = 0;
}

static void take_grace(struct rcu_log *log, const struct vmc_record *record,
                       const char *text)
{
    uint8_t index;
    struct flavour *flavour = flavour_of(log, record->args[0], &index);

    if (flavour == NULL) {
        return;
    }
    if (strcmp(text, "start") == 0) {
        log->counts.started++;
        flavour->starts++;
        flavour->number = number_of(record->args[1]);
        flavour->start_ns = record->time_ns;
        flavour->thread = record->thread;
        flavour->is_running = true;
        flavour->has_nodes = false;
        flavour->node_count = 0;
    } else if (strcmp(text, "end") == 0) {
        end_grace(log, flavour, record);
    } else if (strcmp(text, "cpuend") == 0 &&
               record->thread != flavour->thread) {
        uint64_t ended = ended_as_starts(flavour, number_of(record->args[1]));

        if (ended > flavour->cpu_ended[record->cpu]) {
            flavour->cpu_ended[record->cpu] = ended;
        }
    } else if (strcmp(text, "cpuonl") == 0) {
        for (uint32_t cpu = 0; cpu < RCU_CPUS_MAX; cpu++) {
            new_epoch(log, cpu); /* the line does not say which one */
        }
    }
}

/* A CPU comes or goes: its callbacks may have moved to another. */
static void take_hotplug(struct rcu_log *log, const struct vmc_record *record,
                         const char *text)
{
    if (strncmp(text, "rcutree_", 8) == 0 && record->args[0] < RCU_CPUS_MAX) {
        new_epoch(log, (uint32_t)record->args[0]);
        log->counts.offlined += strcmp(text, "rcutree_offline_cpu") == 0;
    }
}

static struct node *node_of(struct flavour *flavour, uint64_t level,
                            uint64_t low, uint64_t high)
{
    for (uint32_t i = 0; i < flavour->node_count; i++) {
        struct node *node = &flavour->nodes[i];

        if (node->level == level && node->low == low && node->high == high) {
            return node;
        }
    }
    return NULL;
}

static void take_init(struct rcu_log *log, const struct vmc_record *record)
{
    uint8_t index;
    struct flavour *flavour = flavour_of(log, record->args[0], &index);

    if (flavour == NULL || !flavour->is_running ||
        number_of(record->args[1]) != flavour->number ||
        flavour->node_count == RCU_NODES_MAX) {
        return;
    }
    flavour->has_nodes = true;
    flavour->nodes[flavour->node_count++] = (struct node){
        .level = record->args[2],
        .low = record->args[3],
        .high = record->args[4],
        .waits_for = record->args[5],
    };
}

static void take_report(struct rcu_log *log, const struct vmc_record *record)
{
    uint8_t index;
    struct flavour *flavour = flavour_of(log, record->args[0], &index);
    struct node *node;

    log->counts.reports++;
    if (flavour == NULL || number_of(record->args[1]) != flavour->number) {
        return;
    }
    node = node_of(flavour, record->args[4], record->args[5], record->args[6]);
    if (node != NULL) {
        node->waits_for &= ~record->args[2];
    }
}

/* ---- Synchronous waits ----------------------------------------------------
 */

static void take_sync(struct rcu_log *log, const struct vmc_record *record,
                      const char *text)
{
    uint8_t index;
    const struct flavour *flavour = flavour_of(log, record->args[0], &index);
    bool is_request = strcmp(text, "request") == 0;
    uint64_t wanted = is_request ? 0 : record->args[1];

    if (flavour == NULL || (!is_request && strcmp(text, "complete") != 0)) {
        return;
    }
    for (uint32_t i = 0; i < SYNCS_MAX; i++) {
        struct sync *sync = &log->syncs[i];

        if (sync->head != wanted || (!is_request && sync->flavour != index)) {
            continue;
        }
        if (is_request) {
            *sync = (struct sync){record->args[1], record->time_ns,
                                  flavour->starts, index};
            return;
        }
        log->counts.synchronized++;
        vmc_hist_add(&log->counts.sync_ns, record->time_ns - sync->time_ns);
        if (ended_for(flavour, record->cpu) <= sync->starts) {
            violate(log, &log->counts.early_sync, record->line,
                    "wait for a grace period returned after %llu ns, before a "
                    "whole one had passed",
                    record->time_ns - sync->time_ns);
        }
        sync->head = 0;
        return;
    }
}

int rcu_log_text_arg(uint16_t kind)
{
    switch (kind) {
    case VMC_REC_RCU_GRACE_PERIOD:
    case VMC_REC_RCU_SR_NORMAL:
        return 2;
    case VMC_REC_RCU_FQS:
    case VMC_REC_CPUHP_ENTER:
        return 3;
    default:
        return -1;
    }
}

enum vmc_status rcu_log_take(struct rcu_log *log,
                             const struct vmc_record *record, const char *text)
{
    log->step = (struct rcu_step){0};
    if (record->kind == VMC_REC_CPUHP_ENTER) {
        take_hotplug(log, record, text);
    }
    if (record->kind < VMC_REC_RCU_UTILIZATION ||
        record->kind > VMC_REC_RCU_STALL) {
        return VMC_OK;
    }
    if (!log->cpus[record->cpu].is_seen) {
        log->cpus[record->cpu].is_seen = true;
        log->counts.cpu_count++;
    }
    switch (record->kind) {
    case VMC_REC_RCU_GRACE_PERIOD:
        take_grace(log, record, text);
        break;
    case VMC_REC_RCU_GP_INIT:
        take_init(log, record);
        break;
    case VMC_REC_RCU_QS_REPORT:
        take_report(log, record);
        break;
    case VMC_REC_RCU_CALLBACK:
        return take_callback(log, record);
    case VMC_REC_RCU_INVOKE:
    case VMC_REC_RCU_INVOKE_KVFREE:
        take_invoke(log, record);
        break;
    case VMC_REC_RCU_FQS:
        log->counts.on_behalf += strcmp(text, "dti") == 0;
        break;
    case VMC_REC_RCU_BATCH_START:
        log->counts.batches++;
        log->counts.batch_limited += record->args[1] > record->args[2];
        break;
    case VMC_REC_RCU_BATCH_END:
        vmc_hist_add(&log->counts.batch_size, record->args[1]);
        break;
    case VMC_REC_RCU_SR_NORMAL:
        take_sync(log, record, text);
        break;
    default:
        break;
    }
    return VMC_OK;
}

/* ---- Checkpoints ----------------------------------------------------------
 */

/* The table as it lies: what is in it has its place by its hash, and the order
 * of the gaps does not matter. */
void rcu_log_archive(struct rcu_log *log, struct vmc_archive *archive)
{
    uint32_t room = log->slot_count;
    void *slots = log->slots;

    VMC_ARCHIVE(archive, log->counts);
    VMC_ARCHIVE(archive, log->step);
    VMC_ARCHIVE(archive, log->pending);
    vmc_archive_array(archive, "slots", &slots, &log->slot_count, &room,
                      sizeof(*log->slots));
    log->slots = slots;
    VMC_ARCHIVE(archive, log->flavours);
    VMC_ARCHIVE(archive, log->cpus);
    VMC_ARCHIVE(archive, log->syncs);
}
