/* SPDX-License-Identifier: MIT */
/*
 * vmcycle-mpi: what "mpirun vmcycle sweep" turns into
 * (sim/sweep/sweep_launch.h).
 *
 * Rank 0 keeps the folder. It deals the points that are left, and as it would
 * idle otherwise it runs points like the others, too. The others keep nothing
 * but the points in hand:
 *
 *     rank N                          rank 0
 *       ASK ------------------------->  takes points from its own dealer
 *       <------------------------ DEAL  some points; none: there are no more
 *       OUTCOME, one a point -------->  adds it to jobs.tsv
 *
 * A rank asks when it starts the last point that it has, so the answer is
 * there when that has ended. A hand is a fraction of what is left: large at
 * first, which saves messages, and single points in the end, so that nobody
 * waits long for the last rank. Only what was reported is in the log; points
 * of a rank that was lost, or that a signal came to, are dealt again by the
 * next run: this one is ended, as mpirun ends it when a rank dies.
 *
 * Open MPI waits by spinning, which would cost the points their processor.
 * Nothing here waits inside of MPI: messages are probed for between naps
 * (sweep_run_dealt()).
 */
#include <inttypes.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/sweep/sweep_run.h"

enum { TAG_ASK = 1, TAG_DEAL, TAG_OUTCOME };
enum { HAND_MAX = 64, HANDS_A_RANK = 4 };

/* An outcome as it is sent. */
enum { SENT_POINT, SENT_EXIT, SENT_MS, SENT_COUNT };

static int rank_of_this(void)
{
    int rank;

    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

static int rank_count(void)
{
    int count;

    (void)MPI_Comm_size(MPI_COMM_WORLD, &count);
    return count;
}

/* ---- Rank 0 -------------------------------------------------------------- */

struct table {
    struct sweep_dealer dealer;
    struct sweep_own_dealer own; /* which points are left, and the log */
    uint32_t open;               /* dealt to others and not reported yet */
    int seated;                  /* other ranks that may still ask */
};

static struct table *table_of(struct sweep_dealer *dealer)
{
    return VMC_CONTAINER_OF(dealer, struct table, dealer);
}

static enum sweep_deal deal_to_self(struct sweep_dealer *dealer,
                                    uint32_t *point)
{
    struct table *table = table_of(dealer);
    enum sweep_deal deal = table->own.dealer.next(&table->own.dealer, point);

    if (deal == SWEEP_DEAL || (table->open == 0 && table->seated == 0)) {
        return deal;
    }
    table->own.run->is_cut = interrupted();
    return interrupted() ? SWEEP_OVER : SWEEP_LATER;
}

static enum vmc_status take_own(struct sweep_dealer *dealer,
                                const struct sweep_outcome *outcome,
                                struct vmc_error *error)
{
    struct sweep_dealer *own = &table_of(dealer)->own.dealer;

    return own->take(own, outcome, error);
}

static uint32_t hand_size(const struct sweep_own_dealer *own)
{
    uint32_t left = own->run->last + 1 - own->point;
    uint32_t size = left / (HANDS_A_RANK * (uint32_t)rank_count());

    return size < 1 ? 1 : size > HAND_MAX ? HAND_MAX : size;
}

static void answer(struct table *table, int rank)
{
    struct sweep_dealer *own = &table->own.dealer;
    uint32_t hand[HAND_MAX], size = hand_size(&table->own), count = 0;
    int asked;

    (void)MPI_Recv(&asked, 1, MPI_INT, rank, TAG_ASK, MPI_COMM_WORLD,
                   MPI_STATUS_IGNORE);
    while (count < size && own->next(own, &hand[count]) == SWEEP_DEAL) {
        count++;
    }
    (void)MPI_Send(hand, (int)count, MPI_UINT32_T, rank, TAG_DEAL,
                   MPI_COMM_WORLD);
    table->open += count;
    table->seated -= count == 0;
}

static enum vmc_status take_from(struct table *table, int rank,
                                 struct vmc_error *error)
{
    uint64_t sent[SENT_COUNT];
    struct sweep_outcome outcome;

    (void)MPI_Recv(sent, SENT_COUNT, MPI_UINT64_T, rank, TAG_OUTCOME,
                   MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    outcome = (struct sweep_outcome){.point = (uint32_t)sent[SENT_POINT],
                                     .exit_status = (uint32_t)sent[SENT_EXIT],
                                     .ms = (int64_t)sent[SENT_MS]};
    assert(table->open > 0);
    table->open--;
    return table->own.dealer.take(&table->own.dealer, &outcome, error);
}

static enum vmc_status serve_others(struct sweep_dealer *dealer,
                                    bool *has_acted, struct vmc_error *error)
{
    struct table *table = table_of(dealer);
    enum vmc_status status = VMC_OK;
    MPI_Status message;
    int is_there = 1;

    while (status == VMC_OK && is_there) {
        (void)MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there,
                         &message);
        if (is_there && message.MPI_TAG == TAG_ASK) {
            answer(table, message.MPI_SOURCE);
        } else if (is_there) {
            status = take_from(table, message.MPI_SOURCE, error);
        }
        *has_acted = *has_acted || is_there;
    }
    return status;
}

static enum vmc_status deal_points(struct sweep_run *run,
                                   struct vmc_error *error)
{
    struct table table = {.dealer = {.next = deal_to_self,
                                     .take = take_own,
                                     .serve = serve_others,
                                     .must_serve = true},
                          .seated = rank_count() - 1};
    enum vmc_status status = sweep_own_start(&table.own, run, error);

    if (status == VMC_OK) {
        status = sweep_run_dealt(run, &table.dealer, error);
    }
    sweep_own_end(&table.own);
    return status;
}

/* ---- The other ranks ----------------------------------------------------- */

struct hand {
    struct sweep_dealer dealer;
    uint32_t points[HAND_MAX];
    int count, next;
    bool is_asking, is_over;
};

static struct hand *hand_of(struct sweep_dealer *dealer)
{
    return VMC_CONTAINER_OF(dealer, struct hand, dealer);
}

static void ask(struct hand *hand)
{
    int nothing = 0;

    (void)MPI_Send(&nothing, 1, MPI_INT, 0, TAG_ASK, MPI_COMM_WORLD);
    hand->is_asking = true;
}

static enum sweep_deal play(struct sweep_dealer *dealer, uint32_t *point)
{
    struct hand *hand = hand_of(dealer);

    if (interrupted()) {
        return SWEEP_OVER;
    }
    if (hand->next == hand->count) {
        return hand->is_over ? SWEEP_OVER : SWEEP_LATER;
    }
    *point = hand->points[hand->next++];
    if (hand->next == hand->count) {
        ask(hand);
    }
    return SWEEP_DEAL;
}

static enum vmc_status report(struct sweep_dealer *dealer,
                              const struct sweep_outcome *outcome,
                              struct vmc_error *error)
{
    uint64_t sent[SENT_COUNT] = {[SENT_POINT] = outcome->point,
                                 [SENT_EXIT] = outcome->exit_status,
                                 [SENT_MS] = (uint64_t)outcome->ms};

    (void)dealer;
    (void)error;
    if (interrupted() && !sweep_has_ended(outcome->exit_status)) {
        return VMC_OK; /* as if it had never begun */
    }
    (void)MPI_Send(sent, SENT_COUNT, MPI_UINT64_T, 0, TAG_OUTCOME,
                   MPI_COMM_WORLD);
    return VMC_OK;
}

static enum vmc_status pick_up(struct sweep_dealer *dealer, bool *has_acted,
                               struct vmc_error *error)
{
    struct hand *hand = hand_of(dealer);
    MPI_Status message;
    int is_there = 0;

    (void)error;
    if (hand->is_asking) {
        (void)MPI_Iprobe(0, TAG_DEAL, MPI_COMM_WORLD, &is_there, &message);
    }
    if (is_there) {
        (void)MPI_Get_count(&message, MPI_UINT32_T, &hand->count);
        (void)MPI_Recv(hand->points, HAND_MAX, MPI_UINT32_T, 0, TAG_DEAL,
                       MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        hand->next = 0;
        hand->is_asking = false;
        hand->is_over = hand->count == 0;
    }
    *has_acted = is_there != 0;
    return VMC_OK;
}

static enum vmc_status play_points(const struct sweep_run *run,
                                   struct vmc_error *error)
{
    struct hand hand = {.dealer = {.next = play,
                                   .take = report,
                                   .serve = pick_up,
                                   .must_serve = true}};

    ask(&hand);
    return sweep_run_dealt(run, &hand.dealer, error);
}

/* ---- Both ---------------------------------------------------------------- */

/* What all ranks must agree on before a number can stand for a point. */
static uint64_t hash_of(const struct sweep *sweep)
{
    uint64_t hash =
        vmc_hash128(sweep->source, sweep->source_bytes, sweep->point_count).low;

    return vmc_hash128(sweep->text, sweep->text_bytes, hash).low;
}

/* True when this rank sees the folder and the sweep of rank 0. */
static enum vmc_status check_shared(const struct sweep_run *run,
                                    struct vmc_error *error)
{
    uint64_t own = hash_of(run->sweep), first = own;
    char path[4096];

    (void)MPI_Bcast(&first, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    (void)snprintf(path, sizeof(path), "%s/points", run->dir);
    if (access(path, W_OK) != 0) {
        return vmc_fail(error, VMC_E_IO,
                        "rank %d: %s is not there; the ranks need one file "
                        "system",
                        rank_of_this(), path);
    }
    return own == first ? VMC_OK
                        : vmc_fail(error, VMC_E_FORMAT,
                                   "rank %d: the sweep is another than that "
                                   "of rank 0",
                                   rank_of_this());
}

static enum vmc_status run_points(struct sweep_run *run,
                                  struct vmc_error *error)
{
    enum vmc_status status = check_shared(run, error);

    if (status != VMC_OK) {
        return status;
    }
    return rank_of_this() == 0 ? deal_points(run, error)
                               : play_points(run, error);
}

int main(int argc, char **argv)
{
    struct sweep_engine engine = {.run_points = run_points, .workers = 1};
    static char name[] = "vmcycle sweep";
    int end;

    command_prepare();
    (void)MPI_Init(NULL, NULL);
    engine.program = argv[0];
    engine.is_first = rank_of_this() == 0;
    argv[0] = name;
    end = interrupted_exit(sweep_main(argc, argv, &engine));
    if (end == EXIT_BAD_INPUT || end == EXIT_INTERNAL || interrupted()) {
        (void)MPI_Abort(MPI_COMM_WORLD, end); /* or the others would wait */
    }
    (void)MPI_Finalize();
    return end;
}
