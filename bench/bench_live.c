/* SPDX-License-Identifier: MIT */
/*
 * A round trip to a device process: a read through the live path against a
 * bare ping-pong of the same 32 bytes each way, over the same kind of
 * descriptor, with a child process at the other end, in turns.
 *
 * What the live path does more: it looks for answers that nobody asked for,
 * takes turns, can be called away while it waits, and the device looks up a
 * register. The processes are made the same way and run on the same
 * CPUs: all on one, or guests on one and devices on another. Where they may
 * run anywhere the scheduler puts them on one when the machine has nothing else
 * to do, and here and there when it has, which compares nothing.
 *
 * Rows: descriptor, CPUs, us of the live path, us of the peer, ratio. Time is
 * that of the wall, and each figure the one that a tenth of the batches stays
 * below: what else runs on the machine can only add to it.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "sim/live/device_server.h"
#include "sim/live/live.h"

enum { BATCHES = 75, ROUNDS = 200, BYTES = 32, GRACE_MS = 1000 };

static struct register_file file;

static double wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void pin(const cpu_set_t *cpus)
{
    (void)sched_setaffinity(0, sizeof(*cpus), cpus);
}

/* ---- The two devices -------------------------------------------------------
 */

static int serve(void *context, const struct live_end *device)
{
    struct device_server_counts counts;
    const struct device_server_config config = {
        .read_fd = device->read_fd,
        .write_fd = device->write_fd,
        .batch_max = DEVICE_BATCH_MAX,
        .format.generation = VMC_IOREGION_H,
    };

    pin(context);
    device_serve(&config, &file, &counts);
    return 0;
}

static int echo(void *context, const struct live_end *device)
{
    uint8_t bytes[BYTES];

    pin(context);
    while (read(device->read_fd, bytes, BYTES) == BYTES &&
           write(device->write_fd, bytes, BYTES) == BYTES) {
    }
    return 0;
}

/* Where the processes may run. */
struct layout {
    const char *name;
    cpu_set_t guest, device;
};

/* ---- The two guests --------------------------------------------------------
 */

struct pair {
    struct live_process device, peer;
    struct live_channel channel;
    struct live_region region;
    struct live_vcpu vcpu;
    struct live_end bare;
};

static bool open_pair(struct pair *pair, enum live_transport transport,
                      struct layout *layout)
{
    struct live_end guest, device;

    if (live_ends_open(&guest, &device, transport, NULL) != VMC_OK ||
        live_process_fork(&pair->device, serve, &layout->device, &device,
                          NULL) != VMC_OK ||
        live_channel_open(&pair->channel, &guest, 0, NULL) != VMC_OK ||
        live_vcpu_open(&pair->vcpu, 0, NULL) != VMC_OK ||
        live_ends_open(&pair->bare, &device, transport, NULL) != VMC_OK ||
        live_process_fork(&pair->peer, echo, &layout->device, &device, NULL) !=
            VMC_OK) {
        return false;
    }
    live_region_add(&pair->region, &pair->channel, 0, false);
    return true;
}

static void close_pair(struct pair *pair)
{
    live_vcpu_close(&pair->vcpu);
    live_channel_close(&pair->channel);
    live_end_close(&pair->bare);
    (void)live_process_stop(&pair->device, GRACE_MS);
    (void)live_process_stop(&pair->peer, GRACE_MS);
}

/* Seconds of a round trip; negative when one failed. */
static double time_live(struct pair *pair)
{
    double start = wall_seconds();

    for (int i = 0; i < ROUNDS; i++) {
        struct live_access access = {.size_bytes = 8};

        if (live_access(&pair->region, &pair->vcpu, &access) != LIVE_SERVED) {
            return -1;
        }
    }
    return (wall_seconds() - start) / ROUNDS;
}

static double time_bare(struct pair *pair)
{
    uint8_t bytes[BYTES] = {0};
    double start = wall_seconds();

    for (int i = 0; i < ROUNDS; i++) {
        if (write(pair->bare.write_fd, bytes, BYTES) != BYTES ||
            read(pair->bare.read_fd, bytes, BYTES) != BYTES) {
            return -1;
        }
    }
    return (wall_seconds() - start) / ROUNDS;
}

static bool measure(enum live_transport transport, struct layout *layout)
{
    double live[BATCHES], bare[BATCHES];
    struct pair pair;

    if (!open_pair(&pair, transport, layout)) {
        return false;
    }
    (void)time_live(&pair);
    (void)time_bare(&pair);
    for (int i = 0; i < BATCHES; i++) {
        live[i] = time_live(&pair);
        bare[i] = time_bare(&pair);
    }
    close_pair(&pair);
    qsort(live, BATCHES, sizeof(live[0]), bench_compare);
    qsort(bare, BATCHES, sizeof(bare[0]), bench_compare);
    printf("%s\t%s\t%.2f\t%.2f\t%.2f\n", live_transport_name(transport),
           layout->name, live[BATCHES / 10] * 1e6, bare[BATCHES / 10] * 1e6,
           live[BATCHES / 10] / bare[BATCHES / 10]);
    return true;
}

/* The layouts there are CPUs for. */
static size_t describe(struct layout layouts[2])
{
    unsigned cpu = 0, found = 0, cpus[2] = {0, 0};
    cpu_set_t all;

    (void)sched_getaffinity(0, sizeof(all), &all);
    for (; cpu < CPU_SETSIZE && found < 2; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            cpus[found++] = cpu;
        }
    }
    layouts[0] = (struct layout){.name = "one"};
    layouts[1] = (struct layout){.name = "two"};
    CPU_SET(cpus[0], &layouts[0].guest);
    CPU_SET(cpus[0], &layouts[0].device);
    CPU_SET(cpus[0], &layouts[1].guest);
    CPU_SET(cpus[1], &layouts[1].device);
    return found;
}

int main(void)
{
    struct layout layouts[2];
    size_t count = describe(layouts);

    (void)register_file_add(&file, "0 8 rw", NULL);
    printf("descriptor\tcpus\tlive_us\tpeer_us\tratio\n");
    for (int i = 0; i < LIVE_TRANSPORT_COUNT; i++) {
        for (size_t l = 0; l < count; l++) {
            pin(&layouts[l].guest);
            if (!measure((enum live_transport)i, &layouts[l])) {
                return 1;
            }
        }
    }
    return 0;
}
