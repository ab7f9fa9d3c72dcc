/* SPDX-License-Identifier: MIT */
/* A short recording, kept as accesses and gaps, through every design. */
#include "sim/compare/design_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

/* Two loads that exit and take 10 and 20 us, 100 us apart; a store that exits,
 * its end unknown, 50 us on; a store in the kernel 30 us after that. */
static const char recording[] =
    "# tracer: nop\n"
    " CPU 0/KVM-42 [000] ..... 1.000100: kvm_mmio: mmio unsatisfied-read len 4 "
    "gpa 0x9000 val 0x0\n"
    " CPU 0/KVM-42 [000] ..... 1.000102: kvm_userspace_exit: reason "
    "KVM_EXIT_MMIO (6)\n"
    " CPU 0/KVM-42 [000] ..... 1.000110: kvm_mmio: mmio read len 4 gpa 0x9000 "
    "val 0x1\n"
    " CPU 0/KVM-42 [000] ..... 1.000210: kvm_mmio: mmio unsatisfied-read len 4 "
    "gpa 0x9000 val 0x0\n"
    " CPU 0/KVM-42 [000] ..... 1.000212: kvm_userspace_exit: reason "
    "KVM_EXIT_MMIO (6)\n"
    " CPU 0/KVM-42 [000] ..... 1.000230: kvm_mmio: mmio read len 4 gpa 0x9000 "
    "val 0x1\n"
    " CPU 0/KVM-42 [000] ..... 1.000280: kvm_mmio: mmio write len 4 gpa 0x9004 "
    "val 0x1\n"
    " CPU 0/KVM-42 [000] ..... 1.000282: kvm_userspace_exit: reason "
    "KVM_EXIT_MMIO (6)\n"
    " CPU 0/KVM-42 [000] ..... 1.000320: kvm_pio: pio_write at 0x20 size 1 "
    "count 1 val 0x20 \n"
    " CPU 1/KVM-43 [001] ..... 1.000300: kvm_pio: pio_write at 0x402 size 1 "
    "count 1 val 0x20 \n"
    " CPU 1/KVM-43 [001] ..... 1.000301: kvm_userspace_exit: reason "
    "KVM_EXIT_IO (2)\n";

static struct design_choice choice = {
    .costs = {.exit = 1000,
              .entry = 1000,
              .decode_mmio = 3000,
              .device = 500,
              .signal = 200,
              .ring = 100,
              .leave = 5000,
              .vmm = 2000,
              .enter = 5000,
              .send = 1500,
              .schedule = 7000,
              .receive = 1500,
              .reply = 3000,
              .handoff = 7000,
              .ring_entries = 170,
              .socket_commands = 278,
              .socket_resume = 69},
    .takes_all_exits = true,
    .copies = 1,
};
static char path[] = "/tmp/vmc-recording-XXXXXX";
static struct bus_ranges *ranges;
static struct access_list list;
static struct design_result *result;

static void set_up(void)
{
    struct vmc_error error = {""};
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, recording, strlen(recording)),
                     (int)strlen(recording));
    (void)close(fd);
    result = calloc(1, sizeof(*result));
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(bus_ranges_new(&ranges), VMC_OK);
    bus_ranges_begin(ranges);
    choice.ranges = ranges;
    ck_assert_int_eq(access_list_read(&list, path, NULL, ranges, 170, &error),
                     VMC_OK);
}

static void tear_down(void)
{
    (void)unlink(path);
    memset(path + strlen(path) - 6, 'X', 6);
    access_list_free(&list);
    bus_ranges_free(ranges);
    free(result);
}

START_TEST(what_the_guest_did_between_is_kept)
{
    static const struct {
        uint64_t guest_ns;
        bool is_write, did_exit;
    } expected[] = {
        {0, false, true},     {100000, false, true}, {50000, true, true},
        {30000, true, false}, /* 40 less an exit of 10, the lower middle */
        {220000, true, true}, /* held at 320: another thread, out of order */
    };

    ck_assert_uint_eq(list.count, VMC_COUNT_OF(expected));
    ck_assert_uint_eq(list.vcpu_count, 2);
    ck_assert_uint_eq(list.exit_ns / 100, 100);
    for (uint32_t vcpu = 0, n = 0; vcpu < 2; vcpu++) {
        for (uint32_t i = list.first[vcpu]; i != ACCESS_LIST_END;
             i = list.accesses[i].next, n++) {
            /* The middle exit is a bucket of a histogram: 0.8 % wide. */
            uint64_t slack_ns = n == 3 ? 100 : 0;

            ck_assert_uint_le(list.accesses[i].guest_ns, expected[n].guest_ns);
            ck_assert_uint_ge(list.accesses[i].guest_ns + slack_ns,
                              expected[n].guest_ns);
            ck_assert(list.accesses[i].is_write == expected[n].is_write);
            ck_assert(list.accesses[i].did_exit == expected[n].did_exit);
        }
    }
}
END_TEST

/* Loads twice, a store to memory, a store to a port; 180 us of the guest. */
static const struct {
    enum vmc_dispatch mode;
    uint64_t wait_ticks, exits, values_lost;
} rows[] = {
    {VMC_DISPATCH_KERNEL, 3 * 5500 + 2500, 0, 0},
    {VMC_DISPATCH_EXIT, 3 * 17000 + 14000, 0, 0},
    {VMC_DISPATCH_IOEVENTFD, 2 * 17000 + 5200 + 2200, 2, 2},
    {VMC_DISPATCH_COALESCED, 2 * 17000 + 5100 + 2100, 2, 0},
    {VMC_DISPATCH_PROCESS, 3 * 37000 + 34000, 0, 0},
    {VMC_DISPATCH_SYNC, 3 * 25000 + 22000, 0, 0},
    {VMC_DISPATCH_POSTED, 2 * 25000 + 6500 + 3500, 0, 0},
};

START_TEST(each_design_makes_the_vcpus_wait_for_its_stages)
{
    uint64_t by_stage = 0;

    ck_assert_int_eq(design_run(result, &list, &choice, rows[_i].mode), VMC_OK);
    ck_assert_uint_eq(result->accesses, 4);
    ck_assert_uint_eq(result->writes, 2);
    ck_assert_uint_eq(result->exits, rows[_i].exits);
    ck_assert_uint_eq(result->served, 4 - rows[_i].exits);
    ck_assert_uint_eq(result->values_lost, rows[_i].values_lost);
    ck_assert_uint_eq(result->wait_ticks, rows[_i].wait_ticks);
    ck_assert_uint_eq(result->latency_ns.count, 4);
    for (uint32_t i = 0; i < VMC_IO_STAGE_COUNT; i++) {
        by_stage += result->stage_ticks[i];
    }
    ck_assert_uint_eq(by_stage, rows[_i].wait_ticks);
}
END_TEST

START_TEST(a_run_is_what_the_guest_did_and_what_it_waited)
{
    /* vCPU 1 is the last, 220 us after the first access of all. */
    ck_assert_int_eq(design_run(result, &list, &choice, VMC_DISPATCH_EXIT),
                     VMC_OK);
    ck_assert_uint_eq(result->run_ns, 220000 + 14);
}
END_TEST

START_TEST(only_the_chosen_ranges_change)
{
    struct bus_ranges *chosen;
    struct design_choice other = choice;
    struct access_list again;
    struct vmc_error error = {""};

    ck_assert_int_eq(bus_ranges_new(&chosen), VMC_OK);
    ck_assert_int_eq(bus_ranges_add(chosen, "0x9004-0x9007:mmio", &error),
                     VMC_OK);
    ck_assert_int_eq(bus_ranges_add(chosen, "0x20-0x20", &error), VMC_OK);
    bus_ranges_begin(chosen);
    other.ranges = chosen;
    other.takes_all_exits = false;
    ck_assert_int_eq(access_list_read(&again, path, NULL, chosen, 170, &error),
                     VMC_OK);
    ck_assert_int_eq(design_run(result, &again, &other, VMC_DISPATCH_SYNC),
                     VMC_OK);
    ck_assert_uint_eq(result->accesses, 2);
    ck_assert_uint_eq(result->wait_ticks, 25000 + 22000);
    ck_assert_uint_eq(result->counts.accesses, 5);
    ck_assert_uint_eq(result->counts.by_mode[VMC_DISPATCH_EXIT], 3);
    access_list_free(&again);
    bus_ranges_free(chosen);
}
END_TEST

START_TEST(copies_do_the_same_a_little_slower)
{
    struct design_choice many = choice;

    many.copies = 3;
    ck_assert_int_eq(design_run(result, &list, &many, VMC_DISPATCH_KERNEL),
                     VMC_OK);
    ck_assert_uint_eq(result->accesses, 12);
    ck_assert_uint_eq(result->wait_ticks, 3 * (3 * 5500 + 2500));
    ck_assert_uint_eq(result->run_ns, 220000 + 2 * 2200 + 2);
    many.copies = VMC_DISPATCH_VCPUS_MAX / 2 + 1;
    ck_assert_int_eq(design_run(result, &list, &many, VMC_DISPATCH_KERNEL),
                     VMC_E_RANGE);
}
END_TEST

/* Two vCPUs make an access at once, to two ranges. */
START_TEST(a_descriptor_for_each_range_is_not_waited_for)
{
    struct design_choice two = choice;
    struct bus_ranges *chosen;
    struct access_list again;
    struct vmc_error error = {""};
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    (void)fputs(
        " CPU 0/KVM-42 [000] ..... 1.000320: kvm_pio: pio_write at 0x20 size 1 "
        "count 1 val 0x20 \n"
        " CPU 1/KVM-43 [001] ..... 1.000320: kvm_pio: pio_write at 0x402 size "
        "1 count 1 val 0x20 \n",
        file);
    (void)fclose(file);
    ck_assert_int_eq(bus_ranges_new(&chosen), VMC_OK);
    ck_assert_int_eq(bus_ranges_add(chosen, "0x20-0x20", &error), VMC_OK);
    ck_assert_int_eq(bus_ranges_add(chosen, "0x402-0x402", &error), VMC_OK);
    bus_ranges_begin(chosen);
    ck_assert_int_eq(access_list_read(&again, path, NULL, chosen, 170, &error),
                     VMC_OK);
    two.ranges = chosen;
    two.takes_all_exits = false;
    two.has_fd_for_each_range = _i == 1;
    ck_assert_int_eq(design_run(result, &again, &two, VMC_DISPATCH_SYNC),
                     VMC_OK);
    ck_assert_uint_eq(result->accesses, 2);
    ck_assert_uint_eq(result->counts.lock_waits, _i == 1 ? 0 : 1);
    ck_assert_uint_eq(result->counts.commands_done, 2);
    access_list_free(&again);
    bus_ranges_free(chosen);
}
END_TEST

START_TEST(a_trace_without_accesses_is_refused)
{
    struct access_list none;
    struct vmc_error error = {""};
    FILE *file = fopen(path, "w");

    (void)fputs("# tracer: nop\n", file);
    (void)fclose(file);
    ck_assert_int_eq(access_list_read(&none, path, NULL, ranges, 170, &error),
                     VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "no access"));
    access_list_free(&none);
    ck_assert_int_eq(
        access_list_read(&none, "/nowhere", NULL, ranges, 170, &error),
        VMC_E_IO);
    access_list_free(&none);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("design_run");
    TCase *c = tcase_create("design_run");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, what_the_guest_did_between_is_kept);
    tcase_add_loop_test(c, each_design_makes_the_vcpus_wait_for_its_stages, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, a_run_is_what_the_guest_did_and_what_it_waited);
    tcase_add_test(c, only_the_chosen_ranges_change);
    tcase_add_test(c, copies_do_the_same_a_little_slower);
    tcase_add_loop_test(c, a_descriptor_for_each_range_is_not_waited_for, 0, 2);
    tcase_add_test(c, a_trace_without_accesses_is_refused);
    return s;
}
