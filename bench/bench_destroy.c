/* SPDX-License-Identifier: MIT */
/* What destroying vCPUs costs in time (B2): the timed engine under the last
 * close of N vCPUs at once, for the designs
 *
 *   v4  call_rcu, then work that waits for a second grace period (its load
 *       publishes another pid, as kernels up to 6.12 do)
 *   f1  call_rcu, then work that does not
 *   f2  the same through SRCU, one waiter for all
 *   f3  nothing until the VM dies
 *   f4  nothing at all: the vCPU is parked
 *
 * The ratio of v4 to f1 should be near 2. Rows go to standard output; with an
 * argument, also as tab-separated rows to that file for bench/destroy.gp. */
#include <stdio.h>
#include <stdlib.h>

#include "event/clock.h"
#include "vcpu/grace.h"

enum { CPUS = 4, ROUNDS = 200, VCPUS_MAX = 64 };

/* Assumed: a mutex, a worker that starts, an unload, a free. */
#define LOCK_TICKS  (UINT64_C(200) * VMC_TICKS_PER_NS)
#define START_TICKS (UINT64_C(5) * VMC_TICKS_PER_US)
#define FREE_TICKS  (UINT64_C(20) * VMC_TICKS_PER_US)

enum design { V4, F1, F2, F3, F4, DESIGNS };
enum { WORK, FREED };

static struct vmc_engine *events;
static struct vmc_grace *grace;
static enum design design;
static uint64_t begin_tick, sum_ticks, max_ticks, done;
static uint32_t vcpus;
static uint16_t handler;

static void later(uint64_t delay_ticks, uint64_t what)
{
    (void)vmc_engine_schedule(events, delay_ticks, VMC_PHASE_DEVICE, handler,
                              what);
}

static void step(void *device, uint64_t what)
{
    (void)device;
    if (what == WORK && design == V4) {
        vmc_grace_synchronize(grace, (uint32_t)(done % CPUS), 0);
    } else if (what == WORK) {
        later(FREE_TICKS, FREED);
    } else {
        uint64_t took = vmc_engine_now_tick(events) - begin_tick;

        sum_ticks += took;
        max_ticks = took > max_ticks ? took : max_ticks;
        done++;
    }
}

static void on_callback(void *owner, uint32_t cpu, uint64_t cookie)
{
    (void)owner;
    (void)cpu;
    (void)cookie;
    later(START_TICKS, WORK);
}

static void on_synchronized(void *owner, uint64_t cookie)
{
    (void)owner;
    (void)cookie;
    for (uint32_t i = 0; design == F2 && i < vcpus; i++) {
        later(START_TICKS, WORK);
    }
    if (design == V4) {
        later(FREE_TICKS, FREED);
    }
}

static void on_ended(void *owner, uint64_t ticks)
{
    (void)owner;
    (void)ticks;
}

static void on_stalled(void *owner, bool is_srcu, uint64_t age_ticks)
{
    (void)owner;
    (void)is_srcu;
    (void)age_ticks;
}

static const struct vmc_grace_ops ops = {
    .callback = on_callback,
    .synchronized = on_synchronized,
    .ended = on_ended,
    .stalled = on_stalled,
};

static void close_all(void)
{
    uint64_t wanted = done + vcpus;

    begin_tick = vmc_engine_now_tick(events);
    for (uint32_t i = 0; i < vcpus; i++) {
        if (design == V4 || design == F1) {
            (void)vmc_grace_call(grace, i % CPUS, i);
        } else if (design == F3 || design == F4) {
            later(LOCK_TICKS + (design == F3 ? FREE_TICKS : 0), FREED);
        }
    }
    if (design == F2) {
        vmc_grace_srcu_synchronize(grace, 0);
    }
    while (done < wanted && vmc_engine_step(events)) {
    }
}

static double mean_ms(uint32_t hz, enum vmc_cpu_mode mode)
{
    struct vmc_engine_config limits = {.events_max = 4096, .handlers_max = 4};
    struct vmc_grace_config config = vmc_grace_defaults(hz, CPUS);

    if (vmc_engine_new(&events, &limits) != VMC_OK ||
        vmc_grace_new(&grace, events, &config, &ops, NULL) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    handler = vmc_engine_add_handler(events, "destroy", 0, step, NULL);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        vmc_grace_set_mode(grace, cpu, mode);
    }
    sum_ticks = max_ticks = done = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        vmc_engine_run(events,
                       vmc_engine_now_tick(events) +
                           (20 * 1000 + i * 37 % 10000) * VMC_TICKS_PER_US);
        close_all();
    }
    vmc_grace_free(grace);
    vmc_engine_free(events);
    return (double)sum_ticks / (double)done / 1e9;
}

int main(int argc, char **argv)
{
    static const uint32_t rates[] = {100, 250, 300, 1000};
    static const char *const names[] = {"v4", "f1", "f2", "f3", "f4"};
    FILE *rows = argc > 1 ? fopen(argv[1], "w") : NULL;

    (void)printf("mean ms from close to freed, %d rounds, 4 CPUs\n", ROUNDS);
    (void)printf("%5s %5s %6s %9s %9s %9s %9s %9s %7s\n", "HZ", "load", "vCPUs",
                 names[0], names[1], names[2], names[3], names[4], "v4/f1");
    for (size_t r = 0; r < VMC_COUNT_OF(rates); r++) {
        for (int load = 0; load < 2; load++) {
            for (vcpus = 1; vcpus <= VCPUS_MAX; vcpus *= 8) {
                double ms[DESIGNS];

                for (int i = 0; i < DESIGNS; i++) {
                    design = (enum design)i;
                    ms[i] =
                        mean_ms(rates[r], load ? VMC_CPU_USER : VMC_CPU_IDLE);
                }
                (void)printf("%5u %5s %6u %9.3f %9.3f %9.3f %9.3f %9.3f "
                             "%7.2f\n",
                             rates[r], load ? "busy" : "idle", vcpus, ms[V4],
                             ms[F1], ms[F2], ms[F3], ms[F4], ms[V4] / ms[F1]);
                if (rows != NULL) {
                    (void)fprintf(rows, "%u\t%s\t%u\t%.3f\t%.3f\t%.3f\t%.3f\n",
                                  rates[r], load ? "busy" : "idle", vcpus,
                                  ms[V4], ms[F1], ms[F2], ms[F3]);
                }
            }
        }
    }
    if (rows != NULL) {
        (void)fclose(rows);
    }
    return EXIT_SUCCESS;
}
