/* SPDX-License-Identifier: MIT */
/*
 * A race is a table: its tasks, and for each task the operations it goes
 * through in order. An operation may wait (a handler for its line), and says
 * where its task stands afterwards.
 *
 * The models keep more state than two CPUs and one vector need. A state here
 * has what these races can change; before a step it is put into the models, and
 * taken out again after it.
 */
#include "sim/explore/explore_irq.h"

#include <inttypes.h>
#include <string.h>

enum {
    CPUS = 2,
    VECTOR = 64, /* bit 0 of the second word */
    WORD_BYTES = 4,
    COREISR = VMC_EIO_COREISR + VECTOR / 32 * WORD_BYTES,
    TASKS_MAX = 4,
    OPS_MAX = 6,
    TIMER_BEFORE = 10, /* counts around its expiry, for B-30 */
    TIMER_AFTER = 1000,
};

/* What a run changes. */
struct irq_state {
    struct vmc_eio_bank bank;
    uint64_t isr[VMC_EIO_WORDS];
    uint64_t coreisr[CPUS][VMC_EIO_WORDS];
    uint64_t holds[CPUS][VMC_EIO_PINS][VMC_EIO_WORDS];
    uint64_t local[TASKS_MAX]; /* what a task has read */
    struct vmc_kvm_vcpu vcpu;
    struct vmc_cpuintc cpu;
    struct vmc_ipi_unit units[CPUS];
    uint32_t timer_count;
    uint16_t target[VMC_EIO_VECTORS];
    uint8_t lines[CPUS]; /* as the controller remembers them */
    uint8_t pins[CPUS];  /* as the CPUs see them */
    uint8_t at[TASKS_MAX];
    uint8_t rest[4];
};

enum op {
    OP_END,
    OP_RAISE,
    OP_LATCH, /* the first half of lowering an input */
    OP_ACT,   /* the second, where there is one */
    OP_ROUTE,
    OP_READ,
    OP_ACK,
    OP_SEND,
    OP_SEND_AGAIN,
    OP_READ_IPI,
    OP_CLEAR_IPI,
    OP_LOWER_IPI,
    OP_EXPIRE,
    OP_READ_ESTAT,
    OP_WRITE_ESTAT,
    OP_NOTE,
    OP_PUBLISH,
    OP_COLLECT,
};

static const char *const op_words[] = {
    [OP_END] = "end",
    [OP_RAISE] = "raise input 64",
    [OP_LATCH] = "lower input 64: latch",
    [OP_ACT] = "lower input 64: act",
    [OP_ROUTE] = "route 64 to cpu1",
    [OP_READ] = "read COREISR",
    [OP_ACK] = "acknowledge",
    [OP_SEND] = "send IPI 1 to cpu0",
    [OP_SEND_AGAIN] = "send IPI 2 to cpu0",
    [OP_READ_IPI] = "read IPI status",
    [OP_CLEAR_IPI] = "clear IPI status",
    [OP_LOWER_IPI] = "lower the line",
    [OP_EXPIRE] = "timer expires",
    [OP_READ_ESTAT] = "read ESTAT",
    [OP_WRITE_ESTAT] = "write ESTAT, with an IPI",
    [OP_NOTE] = "note HWI0",
    [OP_PUBLISH] = "say: in the guest",
    [OP_COLLECT] = "collect notes",
};

struct irq_task {
    const char *name;
    uint8_t ops[2][OPS_MAX]; /* of the bug, and fixed */
};

struct irq_race {
    const char *name, *title, *why;
    uint32_t bug; /* number in the catalogue */
    enum vmc_eio_implementation implementations[2];
    struct irq_task tasks[TASKS_MAX];
};

#define BOTH(...)                                                              \
    {                                                                          \
        {__VA_ARGS__},                                                         \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

static const struct irq_race races[] = {
    {.name = "reroute",
     .title = "a vector is routed anew while its input falls",
     .why = "a line is up and no status bit says why: its CPU is interrupted "
            "for ever",
     .bug = 19,
     .implementations = {VMC_EIO_KVM_K1, VMC_EIO_KVM_K3},
     .tasks = {{"device", BOTH(OP_RAISE, OP_LATCH, OP_ACT)},
               {"driver", BOTH(OP_ROUTE)},
               {"cpu0", BOTH(OP_READ, OP_ACK)},
               {"cpu1", BOTH(OP_READ, OP_ACK)}}},
    {.name = "ipi",
     .title = "an IPI is sent while the last one is cleared",
     .why = "an IPI is pending and its line is low: no IPI will ever arrive "
            "again",
     .bug = 20,
     .tasks = {{"cpu0", BOTH(OP_READ_IPI, OP_CLEAR_IPI, OP_LOWER_IPI)},
               {"cpu1", BOTH(OP_SEND, OP_SEND_AGAIN)}}},
    {.name = "timer",
     .title = "a timer expires while software injects an interrupt",
     .why = "the timer has expired and ESTAT does not say so: the tick is lost",
     .bug = 30,
     .tasks = {{"vcpu", BOTH(OP_READ_ESTAT, OP_WRITE_ESTAT)},
               {"timer", BOTH(OP_EXPIRE)}}},
    {.name = "entry",
     .title = "an interrupt is noted while a vCPU enters the guest",
     .why = "the guest runs, and the interrupt waits for an exit that has "
            "nothing to do with it",
     .bug = 37,
     .tasks = {{"vcpu", {{OP_COLLECT, OP_PUBLISH}, {OP_PUBLISH, OP_COLLECT}}},
               {"device", BOTH(OP_NOTE)}}},
};

/* ---- The models --------------------------------------------------------- */

static void set_eio_pin(void *owner, uint32_t vcpu, uint32_t pin, bool level)
{
    struct explore_irq *irq = owner;

    assert(vcpu < CPUS);
    irq->now->pins[vcpu] = (uint8_t)((irq->now->pins[vcpu] & ~(1U << pin)) |
                                     (unsigned)level << pin);
}

static void note_eio(void *owner, enum vmc_eio_event event, uint32_t vector,
                     uint32_t vcpu)
{
    (void)owner;
    (void)event;
    (void)vector;
    (void)vcpu;
}

static const struct vmc_eio_ops eio_ops = {set_eio_pin, note_eio};

static void set_ipi_pin(void *owner, uint32_t vcpu, bool level)
{
    struct explore_irq *irq = owner;

    assert(vcpu < CPUS);
    irq->now->pins[vcpu] = level;
}

/* Put *irq->now into the models. */
static void load(struct explore_irq *irq)
{
    struct vmc_eio_state *eio = &irq->eio.state;
    const struct irq_state *now = irq->now;

    eio->banks[0] = now->bank;
    memcpy(eio->isr, now->isr, sizeof(now->isr));
    memcpy(eio->target, now->target, sizeof(now->target));
    memcpy(eio->coreisr, now->coreisr, sizeof(now->coreisr));
    memcpy(eio->holds, now->holds, sizeof(now->holds));
    memcpy(eio->lines, now->lines, sizeof(now->lines));
    memcpy(irq->ipi.state.units, now->units, sizeof(now->units));
}

/* And take it out again. */
static void save(const struct explore_irq *irq)
{
    const struct vmc_eio_state *eio = &irq->eio.state;
    struct irq_state *now = irq->now;

    now->bank = eio->banks[0];
    memcpy(now->isr, eio->isr, sizeof(now->isr));
    memcpy(now->target, eio->target, sizeof(now->target));
    memcpy(now->coreisr, eio->coreisr, sizeof(now->coreisr));
    memcpy(now->holds, eio->holds, sizeof(now->holds));
    memcpy(now->lines, eio->lines, sizeof(now->lines));
    memcpy(now->units, irq->ipi.state.units, sizeof(now->units));
}

static size_t irq_state_bytes(const void *model)
{
    (void)model;
    return sizeof(struct irq_state);
}

static void irq_start(void *model, void *state)
{
    struct explore_irq *irq = model;

    irq->now = state;
    memset(state, 0, sizeof(struct irq_state));
    irq->now->timer_count = TIMER_BEFORE;
    memset(&irq->eio.state, 0, sizeof(irq->eio.state));
    memset(&irq->ipi.state, 0, sizeof(irq->ipi.state));
    (void)vmc_eio_write(&irq->eio, 0, VMC_EIO_ENABLE + VECTOR / 8, WORD_BYTES,
                        1);
    (void)vmc_eio_write(&irq->eio, 0, VMC_EIO_IPMAP, WORD_BYTES, 0x01010101);
    (void)vmc_eio_write(&irq->eio, 0, VMC_EIO_COREMAP + VECTOR, WORD_BYTES, 1);
    vmc_ipi_write(&irq->ipi, 0, VMC_IPI_EN, UINT32_MAX);
    vmc_ipi_send(&irq->ipi, 0, 1);
    if (irq->race->bug != 20) {
        vmc_ipi_write(&irq->ipi, 0, VMC_IPI_CLEAR, 1);
        irq->now->pins[0] = 0;
    }
    save(irq);
}

/* ---- Steps -------------------------------------------------------------- */

static enum op op_of(const struct explore_irq *irq,
                     const struct irq_state *state, uint32_t task)
{
    return (enum op)irq->race->tasks[task].ops[irq->is_fixed][state->at[task]];
}

/* Whether every task but the handlers has come to its end. */
static bool is_quiet(const struct explore_irq *irq,
                     const struct irq_state *state)
{
    for (uint32_t task = 0; task < 2; task++) {
        if (irq->race->tasks[task].name != NULL &&
            op_of(irq, state, task) != OP_END) {
            return false;
        }
    }
    return true;
}

/* A handler starts when its line is up. A dispatch that finds nothing changes
 * nothing; it is of interest only when nobody else will change anything. */
static bool may_dispatch(const struct explore_irq *irq,
                         const struct irq_state *state, uint32_t task)
{
    uint32_t cpu = task - 2;

    return state->pins[cpu] != 0 &&
           (state->coreisr[cpu][VECTOR / 64] != 0 || is_quiet(irq, state));
}

static bool can_step(const struct explore_irq *irq,
                     const struct irq_state *state, uint32_t task)
{
    if (irq->race->tasks[task].name == NULL) {
        return false;
    }
    switch (op_of(irq, state, task)) {
    case OP_END:
        return false;
    case OP_READ:
        return may_dispatch(irq, state, task);
    case OP_READ_IPI:
        return state->pins[0] != 0;
    default:
        return true;
    }
}

static uint32_t irq_enabled(void *model, const void *state, uint16_t *steps)
{
    const struct explore_irq *irq = model;
    uint32_t count = 0;

    for (uint16_t task = 0; task < TASKS_MAX; task++) {
        if (can_step(irq, state, task)) {
            steps[count++] = task;
        }
    }
    return count;
}

/* The operations of the controller and its handlers. */
static void act_on_eio(struct explore_irq *irq, enum op op, uint32_t task)
{
    struct irq_state *now = irq->now;
    uint64_t *local = &now->local[task];

    switch (op) {
    case OP_RAISE:
        vmc_eio_set_input(&irq->eio, VECTOR, true);
        break;
    case OP_LATCH:
        if (!vmc_eio_begin_input(&irq->eio, VECTOR, false)) {
            now->at[task]++; /* there is no second half */
        }
        break;
    case OP_ACT:
        vmc_eio_end_input(&irq->eio, VECTOR, false);
        break;
    case OP_ROUTE:
        (void)vmc_eio_write(&irq->eio, 1, VMC_EIO_COREMAP + VECTOR, 1, 2);
        break;
    case OP_READ:
        (void)vmc_eio_read(&irq->eio, task - 2, COREISR, WORD_BYTES, local);
        break;
    default: /* OP_ACK */
        (void)vmc_eio_write(&irq->eio, task - 2, COREISR, WORD_BYTES, *local);
        now->at[task] = UINT8_MAX; /* and from the beginning */
        *local = 0;
        break;
    }
}

static void act_on_ipi(struct explore_irq *irq, enum op op, uint32_t task)
{
    struct irq_state *now = irq->now;
    uint64_t *local = &now->local[task];

    switch (op) {
    case OP_SEND:
    case OP_SEND_AGAIN:
        vmc_ipi_send(&irq->ipi, 0, op == OP_SEND ? 1 : 2);
        break;
    case OP_READ_IPI:
        *local = vmc_ipi_read(&irq->ipi, 0, VMC_IPI_STATUS);
        break;
    case OP_CLEAR_IPI:
        if (!vmc_ipi_begin_clear(&irq->ipi, 0, (uint32_t)*local)) {
            now->at[task] = UINT8_MAX;
        }
        *local = 0;
        break;
    default: /* OP_LOWER_IPI */
        vmc_ipi_end_clear(&irq->ipi, 0);
        now->at[task] = UINT8_MAX;
        break;
    }
}

static void act_on_cpu(const struct explore_irq *irq, enum op op, uint32_t task)
{
    struct irq_state *now = irq->now;

    switch (op) {
    case OP_EXPIRE:
        vmc_cpuintc_set(&now->cpu, VMC_CPU_TIMER, true);
        now->timer_count = TIMER_AFTER;
        break;
    case OP_READ_ESTAT:
        now->local[task] =
            (uint64_t)now->timer_count << 32 | vmc_cpuintc_estat(&now->cpu);
        break;
    case OP_WRITE_ESTAT:
        vmc_kvm_write_line(&now->cpu, (uint32_t)now->local[task], VMC_CPU_IPI,
                           now->local[task] >> 32, now->timer_count,
                           irq->is_fixed);
        break;
    case OP_NOTE:
        (void)vmc_kvm_note(&now->vcpu, VMC_CPU_HWI0, true, false);
        break;
    default:
        vmc_kvm_enter_step(&now->vcpu, &now->cpu,
                           op == OP_PUBLISH ? VMC_KVM_PUBLISH
                                            : VMC_KVM_COLLECT);
        break;
    }
}

/* Whether the state is one that the race must not come to. */
static bool is_broken(const struct explore_irq *irq, enum op op, uint32_t task)
{
    const struct irq_state *now = irq->now;

    switch (irq->race->bug) {
    case 19:
        return op == OP_ACK && now->pins[task - 2] != 0 &&
               now->coreisr[task - 2][VECTOR / 64] == 0 && is_quiet(irq, now);
    default:
        return false;
    }
}

static bool irq_step(void *model, void *state, uint16_t step, uint32_t *rule)
{
    struct explore_irq *irq = model;
    enum op op = op_of(irq, state, step);

    irq->now = state;
    load(irq);
    if (op <= OP_ACK) {
        act_on_eio(irq, op, step);
    } else if (op <= OP_LOWER_IPI) {
        act_on_ipi(irq, op, step);
    } else {
        act_on_cpu(irq, op, step);
    }
    irq->now->at[step]++;
    save(irq);
    if (is_broken(irq, op, step)) {
        *rule = irq->race->bug;
        return false;
    }
    return true;
}

static bool irq_finish(void *model, const void *state, uint32_t *rule)
{
    struct explore_irq *irq = model;
    const struct irq_state *end = state;
    uint32_t timer = UINT32_C(1) << VMC_CPU_TIMER;
    bool is_good = true;

    switch (irq->race->bug) {
    case 19:
        is_good = end->pins[0] == 0 && end->pins[1] == 0;
        break;
    case 20:
        is_good = end->units[0].status == 0 && end->pins[0] == 0;
        break;
    case 30:
        is_good = (end->cpu.is & timer) != 0;
        break;
    default: /* 37 */
        is_good = end->cpu.is != 0 || end->vcpu.must_exit;
        break;
    }
    *rule = irq->race->bug;
    return is_good;
}

static struct vmc_hash128 irq_hash(void *model, const void *state)
{
    (void)model;
    return vmc_hash128(state, sizeof(struct irq_state), 0);
}

static uint32_t irq_task(const void *model, uint16_t step)
{
    (void)model;
    return step;
}

static uint32_t irq_task_count(const void *model, const void *state)
{
    const struct explore_irq *irq = model;
    uint32_t count = 0;

    (void)state;
    while (count < TASKS_MAX && irq->race->tasks[count].name != NULL) {
        count++;
    }
    return count;
}

/* What steps touch: the controller, the IPI unit, the CPU; and how far device
 * and driver have come, for handlers that look at it. That is coarse: two reads
 * are all that is ever independent. */
enum resource { RES_EIO, RES_PROGRESS, RES_IPI, RES_CPU };

static uint32_t irq_footprint(const void *model, const void *state,
                              uint32_t task, struct vmc_access *accesses)
{
    const struct explore_irq *irq = model;
    enum op op = op_of(irq, state, task);

    if (op == OP_END) {
        return 0;
    }
    if (op <= OP_ACK) {
        bool is_handler = op == OP_READ || op == OP_ACK;

        accesses[0] = (struct vmc_access){
            RES_EIO, op == OP_READ ? VMC_ACCESS_READ : VMC_ACCESS_WRITE};
        accesses[1] = (struct vmc_access){
            RES_PROGRESS, is_handler ? VMC_ACCESS_READ : VMC_ACCESS_WRITE};
        return 2;
    }
    accesses[0] = (struct vmc_access){op <= OP_LOWER_IPI ? RES_IPI : RES_CPU,
                                      op == OP_READ_IPI || op == OP_READ_ESTAT
                                          ? VMC_ACCESS_READ
                                          : VMC_ACCESS_WRITE};
    return 1;
}

const struct vmc_model_ops explore_irq_ops = {
    .state_bytes = irq_state_bytes,
    .start = irq_start,
    .enabled = irq_enabled,
    .step = irq_step,
    .finish = irq_finish,
    .hash = irq_hash,
    .task = irq_task,
    .task_count = irq_task_count,
    .footprint = irq_footprint,
};

/* ---- Setting up --------------------------------------------------------- */

enum vmc_status explore_irq_init(struct explore_irq *irq, const char *name,
                                 const char *variant, struct vmc_error *error)
{
    struct vmc_eio_config config = {.vcpu_count = CPUS};
    /* As KVM has it: SET raises only when nothing was pending (D16, D17). */
    struct vmc_ipi_semantics ipi = {.raise_needs_empty = true};
    char names[128] = "";
    enum vmc_status status;

    memset(irq, 0, sizeof(*irq));
    for (size_t i = 0; i < VMC_COUNT_OF(races); i++) {
        size_t used = strlen(names);

        (void)snprintf(names + used, sizeof(names) - used, "%s%s",
                       i > 0 ? ", " : "", races[i].name);
        if (strcmp(races[i].name, name) == 0) {
            irq->race = &races[i];
        }
    }
    if (irq->race == NULL) {
        return vmc_fail(error, VMC_E_USAGE,
                        "irq:%.40s: no such race; there are %s", name, names);
    }
    irq->is_fixed = variant != NULL && strcmp(variant, "fixed") == 0;
    if (variant != NULL && !irq->is_fixed && strcmp(variant, "bug") != 0) {
        return vmc_fail(error, VMC_E_USAGE,
                        "irq:%s: no variant '%.40s'; there are bug, fixed",
                        name, variant);
    }
    ipi.line_is_separate = !irq->is_fixed;
    config.semantics =
        vmc_eio_semantics_of(irq->race->implementations[irq->is_fixed]);
    config.physical_ids[1] = 1;
    status = vmc_eio_init(&irq->eio, &config, &eio_ops, irq);
    return status == VMC_OK
               ? vmc_ipi_init(&irq->ipi, &ipi, CPUS, set_ipi_pin, irq)
               : status;
}

const char *explore_irq_name(const struct explore_irq *irq)
{
    return irq->race->name;
}

const char *explore_irq_title(const struct explore_irq *irq)
{
    return irq->race->title;
}

/* ---- In words ----------------------------------------------------------- */

static void irq_head(const void *model, char text[STORY_TEXT_BYTES])
{
    const struct explore_irq *irq = model;

    (void)snprintf(text, STORY_TEXT_BYTES, "race irq:%s variant %s",
                   irq->race->name, irq->is_fixed ? "fixed" : "bug");
}

static bool irq_say_step(void *model, void *state, uint16_t step,
                         struct story_step *said, uint32_t *rule,
                         char why[STORY_TEXT_BYTES])
{
    struct explore_irq *irq = model;
    struct irq_state *now = state;
    enum op op = op_of(irq, now, step);
    uint64_t acked = now->local[step];
    bool is_good;

    said->step = step;
    said->lane = (uint8_t)step;
    said->spawned = STORY_NOBODY;
    (void)snprintf(said->task, sizeof(said->task), "%s",
                   irq->race->tasks[step].name);
    (void)snprintf(said->what, sizeof(said->what), "%s", op_words[op]);
    if (op == OP_ACK || op == OP_CLEAR_IPI) {
        (void)snprintf(said->what, sizeof(said->what), "%s %#" PRIx64,
                       op_words[op], acked);
    }
    (void)snprintf(said->subject, sizeof(said->subject), "-");
    is_good = irq_step(model, state, step, rule);
    (void)snprintf(said->result, sizeof(said->result), "-");
    if (op == OP_READ || op == OP_READ_IPI || op == OP_READ_ESTAT) {
        (void)snprintf(said->result, sizeof(said->result), "%#" PRIx32,
                       (uint32_t)now->local[step]);
    }
    if (!is_good) {
        (void)snprintf(said->result, sizeof(said->result), "B-%" PRIu32, *rule);
        (void)snprintf(why, STORY_TEXT_BYTES, "B-%" PRIu32 " %s", *rule,
                       irq->race->why);
    }
    return is_good;
}

static bool irq_say_finish(void *model, const void *state, uint32_t *rule,
                           char why[STORY_TEXT_BYTES])
{
    const struct explore_irq *irq = model;
    uint32_t broken;

    if (irq_finish(model, state, &broken)) {
        return true;
    }
    *rule = broken;
    (void)snprintf(why, STORY_TEXT_BYTES, "B-%" PRIu32 " %s", broken,
                   irq->race->why);
    return false;
}

static void show(struct story_moment *moment, const char *name,
                 const char *state, uint64_t bits)
{
    struct story_object *object = &moment->objects[moment->object_count++];

    (void)snprintf(object->name, sizeof(object->name), "%s", name);
    (void)snprintf(object->state, sizeof(object->state), "%s", state);
    object->count = __builtin_popcountll(bits);
    object->is_plain = true;
}

static void irq_look(void *model, const void *state,
                     struct story_moment *moment)
{
    static const char *const places[] = {"outside", "blocked", "in the guest"};
    const struct explore_irq *irq = model;
    const struct irq_state *now = state;

    while (moment->lane_count < TASKS_MAX &&
           irq->race->tasks[moment->lane_count].name != NULL) {
        struct story_lane *lane = &moment->lanes[moment->lane_count];

        (void)snprintf(lane->name, sizeof(lane->name), "%s",
                       irq->race->tasks[moment->lane_count].name);
        lane->is_done = op_of(irq, now, moment->lane_count) == OP_END ||
                        !can_step(irq, now, moment->lane_count);
        moment->lane_count++;
    }
    switch (irq->race->bug) {
    case 19:
        show(moment, "latch 64", now->isr[VECTOR / 64] != 0 ? "set" : "clear",
             now->isr[VECTOR / 64]);
        show(moment, "cpu0", now->pins[0] != 0 ? "line up" : "line down",
             now->coreisr[0][VECTOR / 64]);
        show(moment, "cpu1", now->pins[1] != 0 ? "line up" : "line down",
             now->coreisr[1][VECTOR / 64]);
        break;
    case 20:
        show(moment, "cpu0", now->pins[0] != 0 ? "line up" : "line down",
             now->units[0].status);
        break;
    case 30:
        show(moment, "ESTAT",
             (now->cpu.is >> VMC_CPU_TIMER & 1) != 0 ? "timer" : "no timer",
             now->cpu.is);
        break;
    default:
        show(moment, "vcpu", places[now->vcpu.place], now->cpu.is);
        show(moment, "notes", now->vcpu.must_exit ? "kicked" : "not kicked",
             now->vcpu.irq_pending);
        break;
    }
}

static const char *irq_rule_name(const void *model, uint32_t rule)
{
    (void)model;
    return rule == 19   ? "B-19"
           : rule == 20 ? "B-20"
           : rule == 30 ? "B-30"
                        : "B-37";
}

const struct story_words explore_irq_words = {
    .ops = &explore_irq_ops,
    .head = irq_head,
    .step = irq_say_step,
    .finish = irq_say_finish,
    .look = irq_look,
    .rule_name = irq_rule_name,
};
