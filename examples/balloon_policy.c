/* SPDX-License-Identifier: MIT */
/*
 * A balloon policy of one's own: who decides how much memory the guest has, and
 * when. A program in a guest of 2 GiB wants more and less of it. Every 100 ms
 * the policy looks at what the guest has free and names a size of the balloon;
 * the driver then moves pages there, 256 a message. What a policy costs is the
 * time of the messages, and the steps in which the program did not get what it
 * wanted at once; what it earns is the memory that the host has for others.
 */
#include <balloon/flow.h>
#include <balloon/host.h>
#include <balloon/memmap.h>
#include <event/clock.h>
#include <stdio.h>
#include <stdlib.h>

enum { GUEST_MIB = 2048, STEP_MS = 100, MESSAGE_PAGES = 256 };
enum { BALLOON_MAX_MIB = 1536, HIGH_MIB = 384, LOW_MIB = 128 };
enum { GUEST, ACTORS };         /* who does the work: a vCPU of the guest */
enum { WANT, DECIDE, MOVE };    /* the steps of the flow */
enum { PROGRAM, BALLOON, ALL }; /* who has pages */

#define PAGES(mib)   ((uint64_t)(mib)*256)
#define TICKS_PER_MS (1000 * VMC_TICKS_PER_US)

/* What the program uses, in MiB: it grows, peaks, rests, and comes back. */
static const uint16_t wants_mib[] = {200,  300,  500, 900, 1400, 1500,
                                     1450, 1300, 700, 300, 200,  200,
                                     250,  400,  800, 900, 600,  300};

/* 50 ns a page; 100 us a message, which is assumed. */
static const struct vmc_guest_costs costs = {.alloc = 50000, .free = 50000};
static const struct vmc_send_costs message = {.wake_host = 100000000};

/* ---- Policies: pages in the balloon now, free pages --> pages in it ---- */
typedef uint64_t policy_fn(uint64_t balloon, uint64_t available);

static uint64_t keep_half(uint64_t balloon, uint64_t available)
{
    (void)balloon;
    (void)available;
    return PAGES(GUEST_MIB / 2);
}

static uint64_t keep_middle(uint64_t balloon, uint64_t available)
{
    const uint64_t middle = PAGES((HIGH_MIB + LOW_MIB) / 2);
    const uint64_t most = PAGES(BALLOON_MAX_MIB);
    uint64_t wanted = balloon + available;

    wanted = wanted > middle ? wanted - middle : 0;
    return wanted < most ? wanted : most;
}

/* Between the marks nothing is moved, so a small change costs nothing. */
static uint64_t watermarks(uint64_t balloon, uint64_t available)
{
    return available > PAGES(HIGH_MIB) || available < PAGES(LOW_MIB)
               ? keep_middle(balloon, available)
               : balloon;
}

/* ---- The guest, its driver, and the host behind them ---- */
struct guest {
    policy_fn *policy;
    struct vmc_memmap *map;
    struct vmc_host host;
    struct vmc_pagelist lists[ALL];
    struct vmc_flow flow;
    struct vmc_actor actors[ACTORS];
    struct vmc_account account;
    uint64_t target_pages, messages, short_steps, backed_mib_steps;
    uint32_t step;
};

/* Take up to @want pages for @who. The program touches its own, the host takes
 * those of the balloon. Returns how many there were. */
static uint64_t take(struct guest *guest, int who, uint64_t want)
{
    const struct vmc_page_request request = {
        .type = VMC_TYPE_MOVABLE,
        .state = who == PROGRAM ? VMC_PAGE_USED_MOVABLE : VMC_PAGE_BALLOON};
    struct vmc_host_effect effect = {0}; /* free of cost in this model */
    struct vmc_page_run runs[MESSAGE_PAGES];
    uint32_t run_count;
    uint64_t taken = vmc_memmap_take(guest->map, &request, (uint32_t)want, runs,
                                     MESSAGE_PAGES, &run_count);

    for (uint32_t i = 0; i < run_count; i++) {
        uint32_t low = vmc_page_run_low(runs[i]);

        vmc_pagelist_push(&guest->lists[who], runs[i]);
        if (who == PROGRAM) {
            vmc_host_touch(&guest->host, low, runs[i].count, &effect);
        } else {
            vmc_host_discard(&guest->host, low, runs[i].count, &effect);
        }
    }
    return taken;
}

static uint64_t give(struct guest *guest, int who, uint64_t want)
{
    uint64_t left = want;

    while (left > 0 && guest->lists[who].page_count > 0) {
        struct vmc_page_run run =
            vmc_pagelist_pop(&guest->lists[who], (uint32_t)left);

        vmc_memmap_give_run(guest->map, run, 0);
        left -= run.count;
    }
    return want - left;
}

/* The program changes its mind; the books of this step are closed. */
static void want(struct guest *guest)
{
    uint64_t wanted = PAGES(wants_mib[guest->step++]);
    uint64_t has = guest->lists[PROGRAM].page_count;

    if (wanted < has) {
        (void)give(guest, PROGRAM, has - wanted);
    } else if (take(guest, PROGRAM, wanted - has) < wanted - has) {
        guest->short_steps++;
    }
    guest->backed_mib_steps += vmc_host_backed_bytes(&guest->host) >> 20;
}

/* One message towards the target. Returns what it takes; 0: we are there. */
static uint64_t move(struct guest *guest)
{
    uint64_t held = guest->lists[BALLOON].page_count;
    bool grows = held < guest->target_pages;
    uint64_t ticks,
        pages = grows ? guest->target_pages - held : held - guest->target_pages;

    pages = pages < MESSAGE_PAGES ? pages : MESSAGE_PAGES;
    if (grows) {
        pages = take(guest, BALLOON, pages);
        ticks = pages * vmc_cost_alloc(&costs, 0);
    } else {
        pages = give(guest, BALLOON, pages);
        ticks = pages * vmc_cost_free(&costs, 0);
    }
    guest->messages += pages != 0;
    return pages != 0 ? ticks + vmc_cost_round_trip(&message, 1, 0) : 0;
}

static void run(struct vmc_flow *flow, uint32_t step)
{
    struct guest *guest = flow->owner;
    uint64_t ticks;

    if (step == WANT) {
        if (guest->step == VMC_COUNT_OF(wants_mib)) {
            return;
        }
        want(guest);
    }
    if (step != MOVE) {
        guest->target_pages =
            guest->policy(guest->lists[BALLOON].page_count,
                          vmc_memmap_count(guest->map, VMC_PAGE_FREE));
    }
    ticks = move(guest);
    if (ticks != 0) {
        vmc_flow_work(flow, GUEST, VMC_STAGE_SEND, ticks, MOVE);
    } else {
        vmc_flow_sleep(flow, VMC_STAGE_SLEEP, STEP_MS * TICKS_PER_MS, WANT);
    }
}

static bool make(struct guest *guest, policy_fn *policy)
{
    struct vmc_memmap_config config = {.page_bytes = 4096};
    const struct vmc_host_config host = {.page_max = PAGES(GUEST_MIB),
                                         .host_page_bytes = 4096};
    struct vmc_error error = {""};
    bool is_good;

    *guest = (struct guest){.policy = policy};
    vmc_memmap_lay_out(&config, VMC_LAYOUT_FLAT, (uint64_t)GUEST_MIB << 20);
    is_good = vmc_memmap_new(&guest->map, &config, &error) == VMC_OK &&
              vmc_host_init(&guest->host, &host) == VMC_OK;
    for (int who = 0; who < ALL; who++) {
        is_good = is_good && vmc_pagelist_init(&guest->lists[who],
                                               PAGES(GUEST_MIB)) == VMC_OK;
    }
    if (!is_good) {
        (void)fprintf(stderr, "no guest: %s\n", error.text);
    }
    return is_good;
}

static void destroy(struct guest *guest)
{
    for (int who = 0; who < ALL; who++) {
        vmc_pagelist_fini(&guest->lists[who]);
    }
    vmc_host_fini(&guest->host);
    vmc_memmap_free(guest->map);
}

static bool simulate(const char *name, policy_fn *policy)
{
    const struct vmc_engine_config config = {.events_max = 4,
                                             .handlers_max = 1};
    struct guest guest;
    struct vmc_engine *engine = NULL;
    bool is_good =
        make(&guest, policy) && vmc_engine_new(&engine, &config) == VMC_OK;

    if (is_good) {
        guest.flow.actors = guest.actors;
        guest.flow.account = &guest.account;
        vmc_flow_init(&guest.flow, engine, "policy", 0, run, &guest);
        vmc_flow_sleep(&guest.flow, VMC_STAGE_SLEEP, 0, WANT);
        (void)vmc_engine_run_all(engine);
        is_good = vmc_memmap_adds_up(guest.map);
        (void)printf(
            "%-12s %8u %6u %6u %12u\n", name, (unsigned)guest.messages,
            (unsigned)(guest.account.ticks[VMC_STAGE_SEND] / TICKS_PER_MS),
            (unsigned)guest.short_steps,
            (unsigned)(guest.backed_mib_steps / VMC_COUNT_OF(wants_mib)));
    }
    vmc_engine_free(engine);
    destroy(&guest);
    return is_good;
}

int main(void)
{
    (void)printf("policy       messages     ms  short  host has MiB\n");
    return simulate("keep half", keep_half) &&
                   simulate("keep middle", keep_middle) &&
                   simulate("watermarks", watermarks)
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
