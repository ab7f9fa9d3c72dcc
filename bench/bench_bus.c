/* SPDX-License-Identifier: MIT */
/*
 * Looking an address up on a bus: random hits, and one in eight between two
 * ranges, so that neither caches nor branches are learnt by heart.
 *
 * Peers over the same ranges, in the 24-byte records of the kernel: bsearch()
 * of libc with the kernel's comparison, and a plain scan that ends at the first
 * record which holds the key.
 *
 * "nested" has a second range of half the length at each start, which leaves
 * the search without branches for the one that KVM has; the peer finds one of
 * the two. Rows: what, ranges, ns of the model, ns of the peer, ratio; medians
 * of batches in turns. "offer" is the search, a device that takes the write,
 * and all that lies between; its peer is bsearch() and a call through the
 * record.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "ioregion/bus.h"

enum {
    BATCHES = 9,
    KEYS = 1 << 16,
    RANGES_MAX = 1000,
    STRIDE = 64,
    BASE = 4096
};

struct record {
    uint64_t addr;
    int len;
    int (*write)(uint64_t *cell, uint32_t value);
};

struct row {
    const char *what;
    enum vmc_bus_lookup lookup;
    bool is_nested;
    double (*model)(struct vmc_bus *bus);
    double (*peer)(struct vmc_bus *bus);
};

static struct vmc_bus_device device;
static struct record records[RANGES_MAX];
static uint32_t record_count;
static uint64_t keys[KEYS];
static uint64_t written;
static volatile uint64_t sink; /* keeps results alive */

static int take(struct vmc_bus_device *taker,
                const struct vmc_bus_access *access)
{
    (void)taker;
    written += access->data[0] + 1U;
    return 0;
}

static int plain_take(uint64_t *cell, uint32_t value)
{
    *cell += value + 1;
    return 0;
}

static const struct vmc_bus_ops ops = {.kind = "bench", .write = take};

static int record_compare(const void *key, const void *entry)
{
    const struct record *one = key, *other = entry;
    uint64_t one_end = one->addr, other_end = other->addr;

    if (one->addr < other->addr) {
        return -1;
    }
    if (other->len != 0) {
        one_end += (uint64_t)(int64_t)one->len;
        other_end += (uint64_t)(int64_t)other->len;
    }
    return one_end > other_end;
}

static void add(struct vmc_bus *bus, uint64_t addr, int len)
{
    records[record_count++] = (struct record){addr, len, plain_take};
    if (vmc_bus_register(bus, VMC_BUS_MMIO, addr, (uint64_t)len, &device) !=
        0) {
        exit(EXIT_FAILURE);
    }
}

static struct vmc_bus *fill(uint32_t count, const struct row *row)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus *bus;
    struct vmc_rng rng;

    config.lookup = row->lookup;
    if (vmc_bus_new(&bus, &config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    device = (struct vmc_bus_device){.ops = &ops, .kind = VMC_BUS_KERNEL};
    record_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t addr = BASE + STRIDE * (uint64_t)i;

        if (row->is_nested) {
            i++;
            add(bus, addr, STRIDE / 4);
        }
        add(bus, addr, STRIDE / 2);
    }
    vmc_rng_init(&rng, count);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint64_t miss = vmc_rng_below(&rng, 8) == 0 ? STRIDE / 2 : 0;

        keys[i] = records[vmc_rng_below(&rng, count)].addr + miss +
                  vmc_rng_below(&rng, STRIDE / 2 - 4);
    }
    return bus;
}

/* ---- One batch of each kind: ns a key -------------------------------------
 */

static double model_find(struct vmc_bus *bus)
{
    uint64_t sum = 0;
    double begin = bench_seconds();

    for (uint32_t i = 0; i < KEYS; i++) {
        sum += (uint64_t)vmc_bus_find(bus, VMC_BUS_MMIO, keys[i], 4, NULL);
    }
    sink = sum;
    return (bench_seconds() - begin) * 1e9 / KEYS;
}

static double model_offer(struct vmc_bus *bus)
{
    struct vmc_bus_access access = {.len = 4};
    double begin = bench_seconds();

    for (uint32_t i = 0; i < KEYS; i++) {
        access.addr = keys[i];
        (void)vmc_bus_write(bus, VMC_BUS_MMIO, &access);
    }
    sink = written;
    return (bench_seconds() - begin) * 1e9 / KEYS;
}

static double peer_bsearch(struct vmc_bus *bus)
{
    uint64_t sum = 0;
    double begin = bench_seconds();

    (void)bus;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct record key = {.addr = keys[i], .len = 4};
        const struct record *hit = bsearch(&key, records, record_count,
                                           sizeof(*records), record_compare);

        sum += hit == NULL ? 0 : hit->addr;
    }
    sink = sum;
    return (bench_seconds() - begin) * 1e9 / KEYS;
}

static double peer_offer(struct vmc_bus *bus)
{
    double begin = bench_seconds();

    (void)bus;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct record key = {.addr = keys[i], .len = 4};
        const struct record *hit = bsearch(&key, records, record_count,
                                           sizeof(*records), record_compare);

        if (hit != NULL) {
            (void)hit->write(&written, 0);
        }
    }
    sink = written;
    return (bench_seconds() - begin) * 1e9 / KEYS;
}

static double peer_scan(struct vmc_bus *bus)
{
    uint64_t sum = 0;
    double begin = bench_seconds();

    (void)bus;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct record key = {.addr = keys[i], .len = 4};
        uint32_t at = 0;

        while (at < record_count && record_compare(&key, &records[at]) != 0) {
            at++;
        }
        sum += at;
    }
    sink = sum;
    return (bench_seconds() - begin) * 1e9 / KEYS;
}

/* ---- Rows ------------------------------------------------------------------
 */

static void print_row(const struct row *row, uint32_t count)
{
    struct vmc_bus *bus = fill(count, row);
    double model_ns[BATCHES], peer_ns[BATCHES];

    for (int batch = 0; batch < BATCHES; batch++) {
        model_ns[batch] = row->model(bus);
        peer_ns[batch] = row->peer(bus);
    }
    printf("%s\t%u\t%.1f\t%.1f\t%.2f\n", row->what, count,
           bench_median(model_ns, BATCHES), bench_median(peer_ns, BATCHES),
           bench_median(peer_ns, BATCHES) / bench_median(model_ns, BATCHES));
    vmc_bus_free(bus);
}

int main(void)
{
    static const struct row rows[] = {
        {"find, faithful / bsearch", VMC_BUS_FAITHFUL, false, model_find,
         peer_bsearch},
        {"find, nested / bsearch", VMC_BUS_FAITHFUL, true, model_find,
         peer_bsearch},
        {"find, linear / scan", VMC_BUS_LINEAR, false, model_find, peer_scan},
        {"offer, faithful / bsearch", VMC_BUS_FAITHFUL, false, model_offer,
         peer_offer},
    };
    static const uint32_t counts[] = {4, 16, 100, 1000};

    printf("what\tranges\tmodel_ns\tpeer_ns\tratio\n");
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        for (size_t n = 0; n < VMC_COUNT_OF(counts); n++) {
            print_row(&rows[i], counts[n]);
        }
    }
    return EXIT_SUCCESS;
}
