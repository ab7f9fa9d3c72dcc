/* SPDX-License-Identifier: MIT */
/*
 * Points are sorted by what they have in common: all but the values of the
 * keys that the command can take late. Each family has a trunk; a worker that
 * would have nothing to do becomes one more trunk of the family that has most
 * points left. Points that have nothing in common are taken for a family whose
 * trunk only starts them, so the parent has little to do.
 *
 * A trunk takes a point that no other has taken, starts it, writes the log
 * itself and leaves the outcome in memory that it shares with the parent. What
 * it has taken and not left there when it ends, the parent deals again, each
 * point by itself: so no mistake of a trunk is more than lost time.
 */
#include "sim/share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/sweep/sweep_point.h"
#include "sim/sweep/sweep_run.h"

enum { LOOK_MS = 100 };

static const uint32_t TAKEN_BY_PARENT = UINT32_MAX;

/* One point that is to be run. */
struct todo {
    uint32_t leader; /* the first point of its family */
    uint32_t point;
};

/* What trunks and the parent know of a point. */
struct left {
    _Atomic uint32_t taker; /* the trunk's name; 0: none */
    struct sweep_outcome outcome;
    _Atomic bool has_ended;
    bool is_counted; /* by the parent */
};

/* The points of one or several trunks. */
struct batch {
    uint32_t first, count; /* in the list */
    uint32_t trunks;       /* started; none ends while a point is left */
    bool is_family;
};

struct share_dealer {
    struct sweep_dealer dealer;
    struct sweep_own_dealer *own;
    const struct shared_command *command; /* NULL: nothing is shared */
    struct sweep_place place;
    struct todo *todo;
    uint32_t todo_count;
    struct left *left; /* by place in the list; shared with trunks */
    struct batch *batches;
    uint32_t batch_count, next_batch;
    uint32_t *batch_of; /* by trunk */
    uint32_t trunk_count, trunks_running;
    uint32_t *again; /* points that their trunk has not made */
    uint32_t again_count;
    int64_t next_look_ms;
};

struct share {
    const struct share_dealer *dealer;
    struct batch batch;
    uint32_t name;
    uint32_t next; /* all runs before it are taken */
    bool is_over;
    struct sweep_line line;
    struct told_line *told; /* the last of them */
};

/* A command line that was given out, to the end of the process. */
struct told_line {
    struct told_line *before;
    char *argv[];
};

/* ---- Families ----------------------------------------------------------- */

static const struct shared_command *find_shared(const char *name)
{
    static const struct shared_command *const all[] = {&shared_balloon,
                                                       &shared_replay};

    for (size_t i = 0; i < VMC_COUNT_OF(all); i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

static bool is_setting(const struct sweep_key *key)
{
    return key->kind == SWEEP_SET || key->kind == SWEEP_NUMBER;
}

static bool is_named(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

/* Points whose seeds differ have nothing in common; numbers of a sensitivity
 * do not change the seed. */
static bool can_be_late(const struct share_dealer *dealer,
                        const struct sweep_key *key)
{
    const char *name = is_setting(key) ? "set" : key->word;

    return key->kind != SWEEP_ARGUMENT &&
           (!dealer->place.sweep->has_seed || key->kind == SWEEP_NUMBER) &&
           is_named(dealer->command->late, name);
}

/* Settings are not late where that would make families of points that have
 * less in common. */
static bool is_late(const struct share_dealer *dealer,
                    const struct sweep_key *key)
{
    const struct sweep *sweep = dealer->place.sweep;
    bool has_other = false;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        has_other |= !is_setting(&sweep->keys[i]) &&
                     sweep->keys[i].value_count > 1 &&
                     can_be_late(dealer, &sweep->keys[i]);
    }
    return can_be_late(dealer, key) && !(is_setting(key) && has_other &&
                                         dealer->command->is_settings_first);
}

static bool are_alike(const struct share_dealer *dealer, uint32_t a, uint32_t b)
{
    const struct sweep *sweep = dealer->place.sweep;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        if (!is_late(dealer, &sweep->keys[i]) &&
            strcmp(sweep_value(sweep, a, i), sweep_value(sweep, b, i)) != 0) {
            return false;
        }
    }
    return !sweep->has_seed ||
           sweep_point_seed(sweep, a) == sweep_point_seed(sweep, b);
}

static uint32_t leader_of(const struct share_dealer *dealer, uint32_t point)
{
    const struct sweep *sweep = dealer->place.sweep;
    uint32_t place = point - 1, leader = 0, step = 1;

    if (dealer->command == NULL) {
        return point;
    }
    if (sweep->is_zip) {
        for (leader = 1; !are_alike(dealer, leader, point); leader++) {
        }
        return leader;
    }
    for (uint32_t i = sweep->key_count; i-- > 0;) {
        uint32_t count = sweep->keys[i].value_count;

        if (!is_late(dealer, &sweep->keys[i])) {
            leader += place % count * step;
        }
        place /= count;
        step *= count;
    }
    return leader + 1;
}

static int by_family(const void *a, const void *b)
{
    const struct todo *x = a, *y = b;

    if (x->leader != y->leader) {
        return x->leader < y->leader ? -1 : 1;
    }
    return (x->point > y->point) - (x->point < y->point);
}

/* The points that have not ended, family by family. */
static void list_points(struct share_dealer *dealer)
{
    struct sweep_run *run = dealer->own->run;

    for (uint32_t point = run->first; point <= run->last; point++) {
        if (dealer->own->states[point] == SWEEP_ENDED) {
            run->skipped++;
        } else {
            dealer->todo[dealer->todo_count++] =
                (struct todo){leader_of(dealer, point), point};
        }
    }
    qsort(dealer->todo, dealer->todo_count, sizeof(dealer->todo[0]), by_family);
}

static bool is_same_family(const struct share_dealer *dealer, uint32_t at)
{
    return at + 1 < dealer->todo_count &&
           dealer->todo[at].leader == dealer->todo[at + 1].leader;
}

static void cut_batches(struct share_dealer *dealer)
{
    uint32_t end;

    for (uint32_t at = 0; at < dealer->todo_count; at = end) {
        bool is_family = is_same_family(dealer, at);

        end = at + 1;
        while (end < dealer->todo_count &&
               (is_family ? is_same_family(dealer, end - 1)
                          : !is_same_family(dealer, end))) {
            end++;
        }
        dealer->batches[dealer->batch_count++] =
            (struct batch){at, end - at, 0, is_family};
    }
}

/* ---- The trunk ---------------------------------------------------------- */

static uint32_t point_of(const struct share *share, uint32_t run)
{
    assert(run < share->batch.count);
    return share->dealer->todo[share->batch.first + run].point;
}

static struct left *left_of(const struct share *share, uint32_t run)
{
    return &share->dealer->left[share->batch.first + run];
}

uint32_t share_count(const struct share *share)
{
    return share->batch.count;
}

const char *share_value(const struct share *share, uint32_t run,
                        const char *name)
{
    const struct sweep *sweep = share->dealer->place.sweep;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        if (sweep->keys[i].kind == SWEEP_OPTION &&
            strcmp(sweep->keys[i].word, name) == 0) {
            return sweep_value(sweep, point_of(share, run), i);
        }
    }
    return NULL;
}

bool share_has_same_settings(const struct share *share, uint32_t a, uint32_t b)
{
    const struct sweep *sweep = share->dealer->place.sweep;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        if (is_setting(&sweep->keys[i]) &&
            strcmp(sweep_value(sweep, point_of(share, a), i),
                   sweep_value(sweep, point_of(share, b), i)) != 0) {
            return false;
        }
    }
    return true;
}

/* The line lies in itself; what is given out has to last. */
char **share_arguments(struct share *share, uint32_t run, int *argc)
{
    const struct sweep_line *line = &share->line;
    struct told_line *told;
    size_t bytes = 0;
    char *text;

    if (sweep_point_line(&share->line, &share->dealer->place,
                         point_of(share, run)) != VMC_OK) {
        return NULL;
    }
    *argc = line->argc;
    for (int i = 0; i < line->argc; i++) {
        bytes += strlen(line->argv[i]) + 1;
    }
    told =
        calloc(1, sizeof(*told) +
                      ((size_t)line->argc + 1) * sizeof(told->argv[0]) + bytes);
    if (told == NULL) {
        return NULL;
    }
    told->before = share->told;
    share->told = told;
    text = (char *)(told->argv + line->argc + 1);
    for (int i = 0; i < line->argc; i++) {
        told->argv[i] = text;
        text = stpcpy(text, line->argv[i]) + 1;
    }
    return told->argv;
}

bool share_is_over(struct share *share)
{
    while (share->next < share->batch.count &&
           left_of(share, share->next)->taker != 0) {
        share->next++;
    }
    return share->is_over || interrupted() || share->next == share->batch.count;
}

/* Wait for run @run, and leave its outcome. */
static void await(struct share *share, uint32_t run, pid_t pid,
                  int64_t start_ms)
{
    const struct share_dealer *dealer = share->dealer;
    struct left *left = left_of(share, run);
    struct vmc_error error;
    int wait_status = 0;
    pid_t ended;

    do {
        ended = interrupted_wait(&wait_status);
    } while (ended < 0 && errno == EINTR);
    if (ended != pid) {
        (void)kill(pid, SIGTERM);
        (void)waitpid(pid, &wait_status, 0);
        sweep_point_end(&dealer->place, point_of(share, run));
        share->is_over = true;
        return;
    }
    sweep_point_end(&dealer->place, point_of(share, run));
    left->outcome =
        (struct sweep_outcome){.point = point_of(share, run),
                               .exit_status = sweep_exit_status(wait_status),
                               .ms = host_now_ms() - start_ms};
    left->has_ended = sweep_log_add(dealer->place.sweep, dealer->place.dir,
                                    &left->outcome, &error) == VMC_OK;
    share->is_over = share->is_over || !left->has_ended;
}

bool share_part(struct share *share, uint32_t run)
{
    int64_t start_ms = host_now_ms();
    uint32_t nobody = 0;
    pid_t pid;

    if (share_is_over(share) ||
        !atomic_compare_exchange_strong(&left_of(share, run)->taker, &nobody,
                                        share->name)) {
        return false;
    }
    pid = sweep_fork();
    if (pid == 0) {
        if (!sweep_point_redirect(&share->dealer->place,
                                  point_of(share, run))) {
            exit(EXIT_BAD_INPUT);
        }
        return true;
    }
    if (pid < 0) {
        share->is_over = true;
    } else {
        await(share, run, pid, start_ms);
    }
    return false;
}

/* Be a trunk of points that have nothing in common. */
static int run_each(struct share *share)
{
    const struct command *command =
        command_find(share->dealer->place.sweep->command);

    for (uint32_t i = 0; i < share_count(share); i++) {
        if (share_part(share, i)) {
            int argc;
            char **argv = share_arguments(share, i, &argc);

            if (argv == NULL) {
                (void)fprintf(stderr,
                              "vmcycle: point %" PRIu32
                              ": its arguments are too long\n",
                              point_of(share, i));
            }
            return argv != NULL ? command->run(argc, argv) : EXIT_BAD_INPUT;
        }
    }
    return EXIT_GOOD;
}

/* The life of the trunk @name; runs return here, too. What a trunk has to say,
 * its points say again by themselves. */
static int live(const struct share_dealer *dealer, struct batch batch,
                uint32_t name)
{
    static struct share share; /* large, and reached to the end */
    int nowhere = open("/dev/null", O_RDWR);

    if (nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 ||
        dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0) {
        return EXIT_INTERNAL;
    }
    share.dealer = dealer;
    share.batch = batch;
    share.name = name;
    return batch.is_family ? dealer->command->run(&share) : run_each(&share);
}

/* ---- The dealer --------------------------------------------------------- */

static struct share_dealer *share_dealer_of(struct sweep_dealer *dealer)
{
    return VMC_CONTAINER_OF(dealer, struct share_dealer, dealer);
}

/* How many points of @batch nobody has taken. */
static uint32_t count_untaken(const struct share_dealer *dealer,
                              const struct batch *batch)
{
    uint32_t untaken = 0;

    for (uint32_t i = batch->first; i < batch->first + batch->count; i++) {
        untaken += dealer->left[i].taker == 0;
    }
    return untaken;
}

/* The batch that needs one more trunk most, or the number of batches. More
 * trunks than points that are left would only begin. */
static uint32_t find_batch(const struct share_dealer *dealer)
{
    uint32_t best = dealer->batch_count, most = 0;

    for (uint32_t i = 0; i < dealer->batch_count; i++) {
        const struct batch *batch = &dealer->batches[i];
        uint32_t untaken = count_untaken(dealer, batch);

        if (untaken > most && batch->trunks <= untaken &&
            batch->trunks < batch->count) {
            best = i;
            most = untaken;
        }
    }
    return best;
}

/* A trunk has a name as a point has: those above the points'. */
static bool is_trunk(const struct share_dealer *dealer, uint32_t name)
{
    return name > dealer->place.sweep->point_count;
}

static uint32_t trunk_name(const struct share_dealer *dealer, uint32_t trunk)
{
    return dealer->place.sweep->point_count + 1 + trunk;
}

static uint32_t batch_of(const struct share_dealer *dealer, uint32_t name)
{
    return dealer->batch_of[name - trunk_name(dealer, 0)];
}

static enum sweep_deal deal(struct sweep_dealer *base, uint32_t *point)
{
    struct share_dealer *dealer = share_dealer_of(base);
    uint32_t number = dealer->next_batch;
    struct batch *batch;

    if (number == dealer->batch_count) {
        number = find_batch(dealer);
    }
    if (interrupted()) {
        dealer->own->run->is_cut |=
            dealer->again_count > 0 || number < dealer->batch_count;
        return SWEEP_OVER;
    }
    if (dealer->again_count > 0) {
        *point = dealer->again[--dealer->again_count];
        return SWEEP_DEAL;
    }
    if (number == dealer->batch_count) {
        return dealer->trunks_running > 0 ? SWEEP_LATER : SWEEP_OVER;
    }
    dealer->next_batch += number == dealer->next_batch;
    batch = &dealer->batches[number];
    if (batch->count == 1) { /* a trunk would only start it */
        dealer->left[batch->first].taker = TAKEN_BY_PARENT;
        *point = dealer->todo[batch->first].point;
        return SWEEP_DEAL;
    }
    batch->trunks++;
    dealer->batch_of[dealer->trunk_count] = number;
    *point = trunk_name(dealer, dealer->trunk_count++);
    return SWEEP_DEAL;
}

static pid_t start(struct sweep_dealer *base, uint32_t point,
                   struct vmc_error *error)
{
    struct share_dealer *dealer = share_dealer_of(base);
    pid_t pid;

    if (!is_trunk(dealer, point)) {
        return sweep_point_start(&dealer->place, point, error);
    }
    pid = sweep_fork();
    if (pid == 0) {
        exit(interrupted_exit(
            live(dealer, dealer->batches[batch_of(dealer, point)], point)));
    }
    if (pid < 0) {
        (void)vmc_fail(error, VMC_E_IO, "cannot start a worker: %s",
                       strerror(errno));
    }
    dealer->trunks_running += pid > 0;
    return pid;
}

/* Count the points from place @first on that have ended since the last time. */
static void count_ended(struct share_dealer *dealer, uint32_t first,
                        uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct left *left = &dealer->left[i];

        if (left->has_ended && !left->is_counted) {
            left->is_counted = true;
            sweep_own_count(dealer->own, &left->outcome);
        }
    }
}

/* Called on a terminal, which shows how far the trunks are. */
static enum vmc_status serve(struct sweep_dealer *base, bool *has_acted,
                             struct vmc_error *error)
{
    struct share_dealer *dealer = share_dealer_of(base);
    int64_t now_ms = host_now_ms();

    (void)has_acted;
    (void)error;
    if (now_ms >= dealer->next_look_ms) {
        dealer->next_look_ms = now_ms + LOOK_MS;
        count_ended(dealer, 0, dealer->todo_count);
    }
    return VMC_OK;
}

/* True for a point that the trunk @name took and did not end, and for one that
 * it left: a trunk that can go on leaves none. */
static bool must_rerun(struct left *left, uint32_t name)
{
    uint32_t nobody = 0;

    if (atomic_compare_exchange_strong(&left->taker, &nobody,
                                       TAKEN_BY_PARENT)) {
        return true;
    }
    if (left->taker != name || left->has_ended) {
        return false;
    }
    left->taker = TAKEN_BY_PARENT;
    return true;
}

static enum vmc_status take(struct sweep_dealer *base,
                            const struct sweep_outcome *outcome,
                            struct vmc_error *error)
{
    struct share_dealer *dealer = share_dealer_of(base);
    struct sweep_own_dealer *own = dealer->own;
    struct batch batch;

    if (!is_trunk(dealer, outcome->point)) {
        return own->dealer.take(&own->dealer, outcome, error);
    }
    batch = dealer->batches[batch_of(dealer, outcome->point)];
    dealer->trunks_running--;
    count_ended(dealer, batch.first, batch.count);
    for (uint32_t i = batch.first; i < batch.first + batch.count; i++) {
        if (!must_rerun(&dealer->left[i], outcome->point)) {
            continue;
        }
        if (interrupted()) {
            own->run->is_cut = true; /* as if it had never begun */
        } else {
            dealer->again[dealer->again_count++] = dealer->todo[i].point;
        }
    }
    return VMC_OK;
}

static struct share_dealer *new_dealer(struct sweep_own_dealer *own,
                                       const struct shared_command *command)
{
    const struct sweep_run *run = own->run;
    size_t room = (size_t)run->last - run->first + 1;
    struct share_dealer *dealer = calloc(1, sizeof(*dealer));

    if (dealer == NULL) {
        return NULL;
    }
    dealer->dealer = own->dealer;
    dealer->dealer.next = deal;
    dealer->dealer.start = start;
    dealer->dealer.take = take;
    dealer->dealer.serve = serve;
    dealer->dealer.must_serve = own->progress.is_terminal;
    dealer->own = own;
    dealer->command = command;
    dealer->place = (struct sweep_place){run->sweep, run->dir, NULL};
    dealer->todo = calloc(room, sizeof(*dealer->todo));
    dealer->batches = calloc(room, sizeof(*dealer->batches));
    dealer->again = calloc(room, sizeof(*dealer->again));
    dealer->batch_of = calloc(room, sizeof(*dealer->batch_of));
    dealer->left =
        mmap(NULL, room * sizeof(*dealer->left), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (dealer->left == MAP_FAILED) {
        dealer->left = NULL;
    }
    if (dealer->todo == NULL || dealer->batches == NULL ||
        dealer->again == NULL || dealer->batch_of == NULL ||
        dealer->left == NULL) {
        sweep_share_free(&dealer->dealer);
        return NULL;
    }
    return dealer;
}

enum vmc_status sweep_share_new(struct sweep_dealer **out,
                                struct sweep_own_dealer *own)
{
    const struct sweep_run *run = own->run;
    struct share_dealer *dealer;

    *out = NULL;
    if (run->program != NULL) {
        return VMC_OK;
    }
    dealer = new_dealer(own, run->is_alone ? NULL
                                           : find_shared(run->sweep->command));
    if (dealer == NULL) {
        return VMC_E_NOMEM;
    }
    list_points(dealer);
    cut_batches(dealer);
    *out = &dealer->dealer;
    return VMC_OK;
}

void sweep_share_free(struct sweep_dealer *base)
{
    struct share_dealer *dealer;

    if (base == NULL) {
        return;
    }
    dealer = share_dealer_of(base);
    if (dealer->left != NULL) {
        size_t room =
            (size_t)dealer->own->run->last - dealer->own->run->first + 1;

        (void)munmap(dealer->left, room * sizeof(*dealer->left));
    }
    free(dealer->todo);
    free(dealer->batches);
    free(dealer->again);
    free(dealer->batch_of);
    free(dealer);
}
