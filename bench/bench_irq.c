/* SPDX-License-Identifier: MIT */
/*
 * The functional interrupt path, without time: what an interrupt costs from
 * the input to the acknowledge, and what single operations cost.
 *
 * The peer is the same primitive written the plain way: a byte for each bit,
 * and a scan over 256 of them to see whether a pin is still held.
 *
 * Rows: what, vCPUs, ns of the model, ns of the peer, ratio; medians of
 * batches in turns. "replay" is a random mix of inputs, status reads, acks,
 * route and enable writes through the IOCSR bus, as a recording has them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "bench/measure.h"
#include "sim/machine/machine.h"

enum { BATCHES = 9, ROUNDS = 300000, OPERATIONS = 1 << 16 };

static struct machine machine;

/* ---- The peer --------------------------------------------------------------
 */

static struct {
    bool enable[256], isr[256];
    bool coreisr[256][256], holds[256][8][256];
    uint8_t target[256], pin[256];
    bool line[256][8];
} plain;

static bool plain_is_held(uint32_t vcpu, uint32_t pin)
{
    for (uint32_t i = 0; i < 256; i++) {
        if (plain.holds[vcpu][pin][i]) {
            return true;
        }
    }
    return false;
}

static void plain_update(uint32_t vector, bool level)
{
    uint32_t vcpu = plain.target[vector];
    uint32_t pin = plain.pin[vector];

    if (level && !plain.enable[vector]) {
        return;
    }
    plain.coreisr[vcpu][vector] = level;
    plain.holds[vcpu][pin][vector] = level;
    plain.line[vcpu][pin] = plain_is_held(vcpu, pin);
}

static uint64_t plain_read(uint32_t vcpu, uint32_t word)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < 64; i++) {
        value |= (uint64_t)plain.coreisr[vcpu][64 * word + i] << i;
    }
    return value;
}

static void plain_ack(uint32_t vcpu, uint32_t word, uint64_t value)
{
    for (uint32_t i = 0; i < 64; i++) {
        if ((value >> i & 1) != 0 && plain.coreisr[vcpu][64 * word + i]) {
            plain_update(64 * word + i, false);
        }
    }
}

/* ---- The rounds ------------------------------------------------------------
 */

static void power_on(uint32_t vcpus)
{
    struct machine_config config = {.semantics = MACHINE_QEMU,
                                    .layout = VMC_EIO_LAYOUT_FINAL,
                                    .vcpu_count = vcpus};

    for (uint32_t i = 0; i < vcpus; i++) {
        config.physical_ids[i] = (uint16_t)i;
    }
    if (machine_init(&machine, &config) != VMC_OK) {
        exit(EXIT_FAILURE);
    }
    memset(&plain, 0, sizeof(plain));
    machine_iocsr_write(&machine, 0, 0x40000004, 4, 8);
    for (uint32_t i = 0; i < 8; i++) {
        machine_iocsr_write(&machine, 0, 0x1600 + 4 * i, 4, ~0U);
    }
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t shift = 8 * (i % 4);
        uint64_t old = machine_iocsr_read(&machine, 0, 0x1c00 + (i & ~3U), 4);

        machine_iocsr_write(&machine, 0, 0x1c00 + (i & ~3U), 4,
                            old | (uint64_t)(i * 7 % vcpus) << shift);
        plain.target[i] = (uint8_t)(i * 7 % vcpus);
        plain.enable[i] = true;
    }
}

static uint64_t sum;

static double time_model(void)
{
    double start = bench_seconds();

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t vector = 32 + i * 13 % 224;
        uint32_t address = 0x1800 + vector / 64 * 8;
        uint32_t vcpu = vmc_eio_target(&machine.eio, vector);
        uint64_t pending;

        machine_set_vector(&machine, vector, true);
        pending = machine_iocsr_read(&machine, vcpu, address, 8);
        machine_iocsr_write(&machine, vcpu, address, 8, pending);
        sum += pending;
    }
    return (bench_seconds() - start) / ROUNDS * 1e9;
}

static double time_plain(void)
{
    double start = bench_seconds();

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t vector = 32 + i * 13 % 224;
        uint32_t vcpu = plain.target[vector];
        uint64_t pending;

        plain.isr[vector] = true;
        plain_update(vector, true);
        pending = plain_read(vcpu, vector / 64);
        plain_ack(vcpu, vector / 64, pending);
        sum -= pending;
    }
    return (bench_seconds() - start) / ROUNDS * 1e9;
}

/* ---- A mix as in a recording ----------------------------------------------
 */

static struct {
    uint32_t kind, vcpu, address;
    uint64_t value;
} operations[OPERATIONS];

static void draw(uint32_t vcpus)
{
    struct vmc_rng rng;

    vmc_rng_init(&rng, 7);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint32_t vector = 32 + (uint32_t)vmc_rng_below(&rng, 224);
        uint32_t percent = (uint32_t)vmc_rng_below(&rng, 100);

        operations[i].vcpu = (uint32_t)vmc_rng_below(&rng, vcpus);
        operations[i].kind = percent < 25 ? 0 : percent < 75 ? 1 : 2;
        operations[i].address = 0x1800 + vector / 32 * 4;
        operations[i].value = percent < 25 ? vector : vmc_rng_next(&rng);
        if (percent >= 97) {
            operations[i].address = 0x1c00 + (vector & ~3U);
        } else if (percent >= 94) {
            operations[i].address = 0x1600 + vector / 32 * 4;
            operations[i].value = ~0U;
        }
    }
}

static double time_mix(void)
{
    double start = bench_seconds();

    for (uint32_t i = 0; i < OPERATIONS; i++) {
        switch (operations[i].kind) {
        case 0:
            machine_set_vector(&machine, (uint32_t)operations[i].value, true);
            break;
        case 1:
            sum += machine_iocsr_read(&machine, operations[i].vcpu,
                                      operations[i].address, 4);
            break;
        default:
            machine_iocsr_write(&machine, operations[i].vcpu,
                                operations[i].address, 4, operations[i].value);
            break;
        }
    }
    return (bench_seconds() - start) / OPERATIONS * 1e9;
}

int main(void)
{
    static const uint32_t counts[] = {1, 4, 16, 256};

    (void)printf("what\tvcpus\tmodel_ns\tpeer_ns\tratio\n");
    for (size_t i = 0; i < VMC_COUNT_OF(counts); i++) {
        double model[BATCHES], peer[BATCHES], mix[BATCHES];
        double fast, slow;

        power_on(counts[i]);
        for (uint32_t batch = 0; batch < BATCHES; batch++) {
            sum = 0;
            model[batch] = time_model();
            peer[batch] = time_plain();
            if (sum != 0) {
                (void)printf("model and peer differ\n");
                return EXIT_FAILURE;
            }
        }
        draw(counts[i]);
        for (uint32_t batch = 0; batch < BATCHES; batch++) {
            mix[batch] = time_mix();
        }
        fast = bench_median(model, BATCHES);
        slow = bench_median(peer, BATCHES);
        (void)printf("raise+read+ack\t%u\t%.1f\t%.1f\t%.1f\n", counts[i], fast,
                     slow, slow / fast);
        fast = bench_median(mix, BATCHES);
        (void)printf("replay\t%u\t%.1f\t-\t%.1f M/s\n", counts[i], fast,
                     1000 / fast);
    }
    return EXIT_SUCCESS;
}
