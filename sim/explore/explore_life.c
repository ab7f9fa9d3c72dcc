/* SPDX-License-Identifier: MIT */
/* A state is the bytes of the scenario's, then the books. The controller has
 * more state than four CPUs need; what they can change is put into it before a
 * step and taken out again after it. */
#include "sim/explore/explore_life.h"

#include <string.h>

static size_t books_at(const struct explore_life *self)
{
    size_t bytes = vmc_life_state_bytes(self->vcpu.program);

    return (bytes + 7) / 8 * 8;
}

static size_t life_state_bytes(const void *model)
{
    return books_at(model) + sizeof(struct life_books);
}

static void load(struct explore_life *self, const void *state)
{
    struct vmc_eio_state *eio = &self->it.eio.state;
    struct life_books books;

    explore_vcpu_widen(&self->vcpu, &self->it.life, state);
    memcpy(&books, (const unsigned char *)state + books_at(self),
           sizeof(books));
    eio->banks[0] = books.bank;
    memcpy(eio->isr, books.isr, sizeof(books.isr));
    memcpy(eio->target, books.target, sizeof(books.target));
    memcpy(eio->coreisr, books.coreisr, sizeof(books.coreisr));
    memcpy(eio->holds, books.holds, sizeof(books.holds));
    memcpy(eio->lines, books.lines, sizeof(books.lines));
    self->it.accepted = books.accepted;
    self->it.taken = books.taken;
    self->it.lost = books.lost;
    self->it.refused = books.refused;
    self->it.dying = books.dying;
    self->it.stray = books.stray;
    memcpy(self->it.sent_to, books.sent_to, sizeof(books.sent_to));
}

static void keep_books(const struct explore_life *self,
                       struct life_books *books)
{
    const struct vmc_eio_state *eio = &self->it.eio.state;

    memset(books, 0, sizeof(*books));
    books->bank = eio->banks[0];
    memcpy(books->isr, eio->isr, sizeof(books->isr));
    memcpy(books->target, eio->target, sizeof(books->target));
    memcpy(books->coreisr, eio->coreisr, sizeof(books->coreisr));
    memcpy(books->holds, eio->holds, sizeof(books->holds));
    memcpy(books->lines, eio->lines, sizeof(books->lines));
    books->accepted = self->it.accepted;
    books->taken = self->it.taken;
    books->lost = self->it.lost;
    books->refused = self->it.refused;
    books->dying = self->it.dying;
    books->stray = self->it.stray;
    memcpy(books->sent_to, self->it.sent_to, sizeof(books->sent_to));
}

static void save(const struct explore_life *self, void *state)
{
    struct life_books books;

    memcpy(state, &self->it.life, vmc_life_state_bytes(self->vcpu.program));
    keep_books(self, &books);
    memcpy((unsigned char *)state + books_at(self), &books, sizeof(books));
}

static void life_start(void *model, void *state)
{
    struct explore_life *self = model;

    memset(state, 0, life_state_bytes(self));
    vmc_life_start(self->vcpu.program, &self->it.life);
    memcpy(state, &self->it.life, vmc_life_state_bytes(self->vcpu.program));
    memcpy((unsigned char *)state + books_at(self), &self->start,
           sizeof(self->start));
}

static uint32_t life_enabled(void *model, const void *state, uint16_t *steps)
{
    struct explore_life *self = model;

    return explore_vcpu_ops.enabled(&self->vcpu, state, steps);
}

/* What is wrong with the books after a step, or NULL. */
static const char *judge(const struct explore_life *self)
{
    const struct vmc_life_program *program = self->vcpu.program;
    const char *broken = irq_life_check(&self->it);

    if (broken != NULL || program->is_off[VMC_V32_INTERRUPT_LOST] ||
        program->classes[VMC_V32_INTERRUPT_LOST] == VMC_RULE_WARN) {
        return broken;
    }
    if (self->it.refused > 0) {
        return "the controller has no vCPU or no vector for an interrupt";
    }
    if (self->it.lost > 0) {
        return "an accepted interrupt went with its vCPU";
    }
    return self->it.stray > 0
               ? "a vCPU took an interrupt that was sent to another"
               : NULL;
}

/* One step. *@broken: what is wrong with the books, or NULL. */
static bool make_step(struct explore_life *self, void *state, uint16_t step,
                      uint32_t *rule, const char **broken)
{
    struct vmc_life_event event;

    load(self, state);
    *broken = NULL;
    if (!irq_life_step(&self->it, step, &event, &self->vcpu.watch)) {
        *rule = explore_vcpu_failure(&self->vcpu, &event.violation);
        return false;
    }
    *broken = judge(self);
    if (*broken != NULL) {
        *rule = VMC_V32_INTERRUPT_LOST;
        return false;
    }
    save(self, state);
    return true;
}

static bool life_step(void *model, void *state, uint16_t step, uint32_t *rule)
{
    const char *broken;

    return make_step(model, state, step, rule, &broken);
}

static bool life_finish(void *model, const void *state, uint32_t *rule)
{
    struct explore_life *self = model;

    return explore_vcpu_ops.finish(&self->vcpu, state, rule);
}

static struct vmc_hash128 life_hash(void *model, const void *state)
{
    struct explore_life *self = model;
    struct vmc_hash128 life = explore_vcpu_ops.hash(&self->vcpu, state);
    struct vmc_hash128 books =
        vmc_hash128((const unsigned char *)state + books_at(self),
                    sizeof(struct life_books), 0);

    return (struct vmc_hash128){
        .low = vmc_hash_fold(life.low, books.low),
        .high = vmc_hash_fold(life.high, books.high),
    };
}

static uint32_t life_task(const void *model, uint16_t step)
{
    (void)model;
    return step / VMC_LIFE_ALTERNATIVES;
}

static uint32_t life_task_count(const void *model, const void *state)
{
    const struct explore_life *self = model;

    return explore_vcpu_ops.task_count(&self->vcpu, state);
}

/* Beside what the scenario's step touches: the controller, if it has a part. */
static uint32_t life_footprint(const void *model, const void *state,
                               uint32_t task, struct vmc_access *accesses)
{
    enum { RES_CONTROLLER = UINT16_MAX };
    const struct explore_life *self = model;
    const struct vmc_life_state *life = state;
    const struct vmc_life_task *me = &life->tasks[task];
    uint8_t op = self->vcpu.program->code[me->pc].op;
    uint32_t count =
        explore_vcpu_ops.footprint(&self->vcpu, state, task, accesses);

    static_assert((int)VMC_LIFE_ACCESSES_MAX < (int)VMC_MODEL_ACCESSES_MAX,
                  "one more fits");
    if (count > 0 && (op == VMC_OP_DELIVER || op == VMC_OP_GUEST_ENTER ||
                      op == VMC_OP_FREE)) {
        accesses[count++] =
            (struct vmc_access){RES_CONTROLLER, VMC_ACCESS_WRITE};
    }
    return count;
}

static void life_archive(void *model, struct vmc_archive *archive)
{
    struct explore_life *self = model;

    VMC_ARCHIVE(archive, self->vcpu.watch);
}

const struct vmc_model_ops explore_life_ops = {
    .archive = life_archive,
    .state_bytes = life_state_bytes,
    .start = life_start,
    .enabled = life_enabled,
    .step = life_step,
    .finish = life_finish,
    .hash = life_hash,
    .task = life_task,
    .task_count = life_task_count,
    .footprint = life_footprint,
};

enum vmc_status explore_life_init(struct explore_life *self,
                                  const struct vmc_life_program *program)
{
    static const enum vmc_eio_implementation implementations[] = {
        [VMC_LIFE_QEMU] = VMC_EIO_QEMU,
        [VMC_LIFE_KVM] = VMC_EIO_KVM_K3,
        [VMC_LIFE_HW] = VMC_EIO_HW,
    };
    enum vmc_status status;

    assert(program->controller != VMC_LIFE_NO_CONTROLLER);
    memset(self, 0, sizeof(*self));
    self->vcpu.program = program;
    status =
        irq_life_init(&self->it, program, implementations[program->controller]);
    if (status == VMC_OK) {
        keep_books(self, &self->start);
    }
    return status;
}

/* ---- In words ----------------------------------------------------------- */

static void life_head(const void *model, char text[STORY_TEXT_BYTES])
{
    const struct explore_life *self = model;

    explore_vcpu_words.head(&self->vcpu, text);
}

/* The scenario has the words for a step; it makes it on a copy of its part. */
static bool life_say_step(void *model, void *state, uint16_t step,
                          struct story_step *said, uint32_t *rule,
                          char why[STORY_TEXT_BYTES])
{
    struct explore_life *self = model;
    struct vmc_life_state copy;
    const char *broken;

    memcpy(&copy, state, vmc_life_state_bytes(self->vcpu.program));
    if (!explore_vcpu_words.step(&self->vcpu, &copy, step, said, rule, why)) {
        return false;
    }
    if (!make_step(self, state, step, rule, &broken)) {
        const char *id = vmc_rule_info((enum vmc_rule) * rule)->id;

        (void)snprintf(why, STORY_TEXT_BYTES, "%s %s", id,
                       broken != NULL ? broken : "");
        (void)snprintf(said->result, sizeof(said->result), "%s", id);
        return false;
    }
    return true;
}

static bool life_say_finish(void *model, const void *state, uint32_t *rule,
                            char why[STORY_TEXT_BYTES])
{
    struct explore_life *self = model;

    return explore_vcpu_words.finish(&self->vcpu, state, rule, why);
}

static bool has_vcpu(const struct explore_life *self, uint32_t cpu)
{
    const struct vmc_life_state *life = &self->it.life;

    for (uint32_t i = 0; i < life->object_count; i++) {
        if (life->objects[i].id == (int16_t)cpu &&
            (life->objects[i].flags & VMC_OBJECT_IS_VCPU) != 0) {
            return true;
        }
    }
    return false;
}

static void life_look(void *model, const void *state,
                      struct story_moment *moment)
{
    struct explore_life *self = model;

    explore_vcpu_words.look(&self->vcpu, state, moment);
    load(self, state);
    for (uint32_t cpu = 0;
         cpu < EXPLORE_LIFE_CPUS && moment->object_count < STORY_OBJECTS_MAX;
         cpu++) {
        struct story_object *shown = &moment->objects[moment->object_count];
        int pending = 0;

        if (!has_vcpu(self, cpu)) {
            continue;
        }
        moment->object_count++;
        shown->is_plain = true;
        for (int word = 0; word < VMC_EIO_WORDS; word++) {
            pending +=
                __builtin_popcountll(self->it.eio.state.coreisr[cpu][word]);
        }
        (void)snprintf(shown->name, sizeof(shown->name), "interrupts of %u",
                       (unsigned)cpu);
        (void)snprintf(shown->state, sizeof(shown->state), "%s",
                       pending > 0 ? "pending" : "none pending");
        shown->count = pending;
    }
}

static const char *life_rule_name(const void *model, uint32_t rule)
{
    const struct explore_life *self = model;

    return explore_vcpu_words.rule_name(&self->vcpu, rule);
}

const struct story_words explore_life_words = {
    .ops = &explore_life_ops,
    .head = life_head,
    .step = life_say_step,
    .finish = life_say_finish,
    .look = life_look,
    .rule_name = life_rule_name,
};
