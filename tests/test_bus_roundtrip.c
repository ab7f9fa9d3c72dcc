/* SPDX-License-Identifier: MIT */
/* What the front ends print, the log puts together again: random instructions
 * go through the model of KVM, its trace through the reader and the log, and
 * what comes out is what went in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "ioregion/frontend.h"
#include "sim/replay/bus_log.h"
#include "suite.h"
#include "trace/reader.h"

enum { INSTRUCTIONS = 400, TEXT_BYTES = 1 << 20, SEEDS = 24 };

/* The kernel has the ports 0x20 to 0x2f, and the page 0x2000. */
enum { PORT = 0x20, PORTS = 16, PAGE = 0x2000, PAGE_BYTES = 4096 };

static int serve_read(struct vmc_bus_device *device,
                      struct vmc_bus_access *access)
{
    (void)device;
    memset(access->data, 0x5a, sizeof(access->data));
    return 0;
}

static int serve_write(struct vmc_bus_device *device,
                       const struct vmc_bus_access *access)
{
    (void)device;
    (void)access;
    return 0;
}

static const struct vmc_bus_ops ops = {
    .kind = "test", .read = serve_read, .write = serve_write};

static struct vmc_bus_device ports = {.ops = &ops, .kind = VMC_BUS_KERNEL};
static struct vmc_bus_device page = {.ops = &ops, .kind = VMC_BUS_KERNEL};
static struct vmc_bus *bus;
static struct vmc_front front;
static char *text;
static size_t used;
static uint32_t line;
static uint64_t printed[VMC_EVENT_USERSPACE_EXIT + 1];

static void print(const char *name, const char *what)
{
    used += (size_t)snprintf(
        text + used, TEXT_BYTES - used,
        "       CPU 0/KVM-42      [000] .....     1.%06" PRIu32 ": %s: %s\n",
        ++line, name, what);
    ck_assert_uint_lt(used, TEXT_BYTES);
}

static void on_event(void *owner, const struct vmc_front_event *event)
{
    char what[256];

    (void)owner;
    printed[event->kind]++;
    (void)vmc_front_event_text(event, what, sizeof(what));
    print(vmc_front_event_name(event), what);
}

static void set_up(void)
{
    struct vmc_bus_config config = vmc_bus_defaults();

    config.version = VMC_K6_18;
    ck_assert_int_eq(vmc_bus_new(&bus, &config), VMC_OK);
    ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_PIO, PORT, PORTS, &ports),
                     0);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, PAGE, PAGE_BYTES, &page), 0);
    text = malloc(TEXT_BYTES);
    ck_assert_ptr_nonnull(text);
    used = (size_t)snprintf(text, TEXT_BYTES, "# tracer: nop\n");
    line = 0;
    memset(printed, 0, sizeof(printed));
}

static void tear_down(void)
{
    free(text);
    vmc_bus_free(bus);
}

static bool is_in_kernel(const struct bus_access *access)
{
    return access->space == BUS_PIO
               ? access->addr >= PORT &&
                     access->addr + access->len <= PORT + PORTS
               : access->addr / PAGE_BYTES == PAGE / PAGE_BYTES &&
                     (access->addr + access->len - 1) / PAGE_BYTES ==
                         PAGE / PAGE_BYTES;
}

static bool claims(void *owner, const struct bus_access *access)
{
    (void)owner;
    return is_in_kernel(access);
}

static bool leaves(void *owner, const struct bus_access *access)
{
    return !claims(owner, access);
}

/* What the log says, in sums. */
static struct {
    uint64_t accesses, exits, exited, wrong;
} found;

static void take(void *owner, const struct bus_access *access)
{
    (void)owner;
    found.accesses++;
    found.exits += access->exits;
    found.exited += access->exits > 0;
    /* A load across a page has the address of its first piece and the length of
     * all: its lines do not say which pieces exited. */
    if (!(access->space == BUS_MMIO && !access->is_write &&
          access->addr % PAGE_BYTES + access->len > PAGE_BYTES)) {
        found.wrong += (access->exits > 0) == is_in_kernel(access);
    }
}

static const struct bus_log_ops log_ops = {
    .claims = claims, .leaves = leaves, .access = take};

static struct bus_log_counts read_back(void)
{
    const struct vmc_record *records;
    struct bus_log_counts counts;
    struct vmc_error error = {""};
    struct vmc_reader *reader;
    struct bus_log *log;
    uint32_t count;

    memset(&found, 0, sizeof(found));
    ck_assert_int_eq(
        vmc_reader_open_memory(&reader, text, used, "text", &error), VMC_OK);
    ck_assert_int_eq(bus_log_new(&log, &log_ops, NULL), VMC_OK);
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            bus_log_take(log, &records[i],
                         records[i].kind == VMC_REC_KVM_USERSPACE_EXIT
                             ? vmc_reader_text(reader, records[i].args[1])
                             : "");
        }
    }
    bus_log_end(log);
    ck_assert_uint_eq(vmc_reader_counts(reader)->skipped_lines, 0);
    ck_assert_uint_eq(vmc_reader_counts(reader)->unknown_events, 0);
    counts = *bus_log_counts(log);
    bus_log_free(log);
    vmc_reader_close(reader);
    return counts;
}

/* Finish the instruction: user space answers until the guest goes on. Now and
 * then a signal comes in between. */
static void finish(struct vmc_front_vcpu *vcpu, int result, struct vmc_rng *rng)
{
    while (result != VMC_FRONT_GUEST) {
        vcpu->run.immediate_exit = vmc_rng_below(rng, 8) == 0;
        result = vmc_front_run(&front, vcpu);
        vcpu->run.immediate_exit = 0;
    }
}

static uint64_t random_gpa(struct vmc_rng *rng, uint32_t bytes)
{
    uint64_t gpa = PAGE - PAGE_BYTES + vmc_rng_below(rng, 3) * PAGE_BYTES;

    /* Half of them near the end of a page. */
    return gpa + (vmc_rng_below(rng, 2) == 0
                      ? vmc_rng_below(rng, PAGE_BYTES / 8) * 8
                      : PAGE_BYTES - vmc_rng_below(rng, 2 * bytes + 1));
}

static void run_x86(struct vmc_front_vcpu *vcpu, struct vmc_rng *rng,
                    bool may_cross)
{
    uint32_t bytes = 1U << vmc_rng_below(rng, 4);
    uint8_t size = (uint8_t)(1U << vmc_rng_below(rng, 3));
    uint16_t port = (uint16_t)(vmc_rng_below(rng, 2) == 0
                                   ? PORT + vmc_rng_below(rng, PORTS / 4) * 4
                                   : 0x400 + vmc_rng_below(rng, 16) * 4);
    uint64_t gpa = random_gpa(rng, bytes);

    if (!may_cross) {
        gpa &= ~(uint64_t)(bytes - 1);
    }
    switch (vmc_rng_below(rng, 4)) {
    case 0:
        finish(vcpu, vmc_front_x86(&front, vcpu, gpa, bytes, true), rng);
        break;
    case 1:
        finish(vcpu, vmc_front_x86(&front, vcpu, gpa, bytes, false), rng);
        break;
    case 2:
        finish(vcpu, vmc_front_out(&front, vcpu, port, size), rng);
        break;
    default:
        finish(vcpu, vmc_front_in(&front, vcpu, port, size), rng);
    }
}

static void run_arm64(struct vmc_front_vcpu *vcpu, struct vmc_rng *rng)
{
    uint32_t bytes = 1U << vmc_rng_below(rng, 4);
    struct vmc_front_abort abort = {.gpa = random_gpa(rng, bytes) &
                                           ~(uint64_t)(bytes - 1),
                                    .size_bytes = bytes,
                                    .is_write = vmc_rng_below(rng, 2) == 0,
                                    .has_syndrome = true,
                                    .value = vmc_rng_next(rng)};

    finish(vcpu, vmc_front_arm64(&front, vcpu, &abort), rng);
}

static void check_counts(const struct bus_log_counts *counts)
{
    uint64_t of_access = counts->exits_io + counts->exits_mmio;

    ck_assert_uint_eq(counts->mmio_reads, printed[VMC_EVENT_MMIO_READ]);
    ck_assert_uint_eq(counts->mmio_writes, printed[VMC_EVENT_MMIO_WRITE]);
    ck_assert_uint_eq(counts->mmio_unsatisfied,
                      printed[VMC_EVENT_MMIO_UNSATISFIED]);
    ck_assert_uint_eq(counts->pio_reads, printed[VMC_EVENT_PIO_READ]);
    ck_assert_uint_eq(counts->pio_writes, printed[VMC_EVENT_PIO_WRITE]);
    ck_assert_uint_eq(counts->userspace_exits,
                      printed[VMC_EVENT_USERSPACE_EXIT]);
    ck_assert_uint_eq(of_access,
                      front.counts.exits_io + front.counts.exits_mmio);
    ck_assert_uint_eq(counts->exits_loose, 0);
    ck_assert_uint_eq(found.exits, of_access);
}

START_TEST(what_x86_prints_is_put_together_again)
{
    struct vmc_front_config config = vmc_front_defaults(VMC_ARCH_X86);
    static struct vmc_front_vcpu vcpu;
    struct bus_log_counts counts;
    struct vmc_rng rng;

    memset(&vcpu, 0, sizeof(vcpu));
    vmc_rng_init(&rng, (uint64_t)_i + 1);
    vmc_front_init(&front, bus, &config);
    vmc_front_on_event(&front, on_event, NULL);
    for (int i = 0; i < INSTRUCTIONS; i++) {
        run_x86(&vcpu, &rng, _i % 2 == 0);
    }
    counts = read_back();
    check_counts(&counts);
    ck_assert_uint_eq(found.wrong, 0);
    if (_i % 2 == 1) {
        ck_assert_uint_eq(found.accesses, INSTRUCTIONS);
    }
}
END_TEST

/* The same with kvm_exit and kvm_entry around each: nothing is guessed. */
START_TEST(with_entries_nothing_is_guessed)
{
    struct vmc_front_config config = vmc_front_defaults(VMC_ARCH_X86);
    static struct vmc_front_vcpu vcpu;
    struct bus_log_counts counts;
    struct vmc_rng rng;

    memset(&vcpu, 0, sizeof(vcpu));
    vmc_rng_init(&rng, (uint64_t)_i + 100);
    vmc_front_init(&front, bus, &config);
    vmc_front_on_event(&front, on_event, NULL);
    for (int i = 0; i < INSTRUCTIONS; i++) {
        print("kvm_exit",
              "vcpu 0 reason EPT_MISCONFIG rip 0x1 info1 0x0000000000000000 "
              "info2 0x0000000000000000 intr_info 0x00000000 error_code "
              "0x00000000");
        run_x86(&vcpu, &rng, _i % 2 == 0);
        print("kvm_entry", "vcpu 0, rip 0x1");
    }
    counts = read_back();
    check_counts(&counts);
    ck_assert_uint_eq(found.wrong, 0);
    ck_assert_uint_eq(counts.guesses, 0);
    ck_assert_uint_eq(counts.entries, INSTRUCTIONS);
    ck_assert_uint_eq(counts.exits, INSTRUCTIONS);
}
END_TEST

START_TEST(what_arm64_prints_is_put_together_again)
{
    struct vmc_front_config config = vmc_front_defaults(VMC_ARCH_ARM64);
    static struct vmc_front_vcpu vcpu;
    struct bus_log_counts counts;
    struct vmc_rng rng;

    memset(&vcpu, 0, sizeof(vcpu));
    vmc_rng_init(&rng, (uint64_t)_i + 200);
    vmc_front_init(&front, bus, &config);
    vmc_front_on_event(&front, on_event, NULL);
    for (int i = 0; i < INSTRUCTIONS; i++) {
        run_arm64(&vcpu, &rng);
    }
    counts = read_back();
    check_counts(&counts);
    ck_assert_uint_eq(found.wrong, 0);
    ck_assert_uint_eq(found.accesses, INSTRUCTIONS);
    ck_assert_uint_eq(counts.mmio_unsatisfied, counts.mmio_reads);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_roundtrip");
    TCase *c = tcase_create("bus_roundtrip");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, what_x86_prints_is_put_together_again, 0, SEEDS);
    tcase_add_loop_test(c, with_entries_nothing_is_guessed, 0, SEEDS);
    tcase_add_loop_test(c, what_arm64_prints_is_put_together_again, 0, SEEDS);
    return s;
}
