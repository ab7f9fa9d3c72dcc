/* SPDX-License-Identifier: MIT */
/* What an access costs by design: the lists of stages and their sums. */
#include "ioregion/dispatch.h"

#include <string.h>

#include "base/base.h"
#include "suite.h"

/* Each stage has its own decimal digit, so that a sum names its parts. */
static const struct vmc_dispatch_costs costs = {
    .exit = 1,
    .decode_mmio = 10,
    .decode_in = 20,
    .decode_out = 0,
    .lookup = 100,
    .probe = 1000,
    .device = 10000,
    .signal = 20000,
    .wake = 100000,
    .ring = 30000,
    .drain = 7,
    .leave = 1000000,
    .vmm = 2000000,
    .enter = 3000000,
    .complete_read = 500000,
    .send = 10000000,
    .schedule = 100000000,
    .idle_wake = 300000000,
    .receive = 20000000,
    .process = 30000000,
    .reply = 40000000,
    .handoff = 9,
    .entry = 2,
    .ring_entries = 5,
    .socket_commands = 4,
    .socket_resume = 1,
};

static const struct vmc_dispatch_place same_cpu = {.has_other_cpu = false};
static const struct vmc_dispatch_place other_cpu = {.has_other_cpu = true};

static const struct {
    enum vmc_dispatch mode;
    enum vmc_io_space space;
    bool is_write;
    const char *letters;
    uint64_t ticks; /* with two probes, on the same CPU */
} rows[] = {
    {VMC_DISPATCH_KERNEL, VMC_IO_MMIO, true, "EX DE LK DV EN ", 12113},
    {VMC_DISPATCH_KERNEL, VMC_IO_MMIO, false, "EX DE LK DV EN ", 12113},
    {VMC_DISPATCH_KERNEL, VMC_IO_PIO, true, "EX DE LK DV EN ", 12103},
    {VMC_DISPATCH_KERNEL, VMC_IO_PIO, false, "EX DE LK DV EN ", 12123},
    {VMC_DISPATCH_KERNEL, VMC_IO_MMIO_FAST, true, "EX DE LK DV EN ", 12103},
    {VMC_DISPATCH_IOEVENTFD, VMC_IO_MMIO, true, "EX DE LK SG EN ", 122113},
    {VMC_DISPATCH_IOEVENTFD, VMC_IO_MMIO_FAST, true, "EX DE LK SG EN ", 122103},
    {VMC_DISPATCH_IOEVENTFD, VMC_IO_PIO, true, "EX DE LK SG EN ", 122103},
    {VMC_DISPATCH_IOEVENTFD, VMC_IO_MMIO, false, "EX DE LK UO VM UI EN ",
     36502113},
    {VMC_DISPATCH_COALESCED, VMC_IO_MMIO, true, "EX DE LK RG EN ", 32113},
    {VMC_DISPATCH_COALESCED, VMC_IO_PIO, false, "EX DE LK UO VM UI EN ",
     36502123},
    {VMC_DISPATCH_EXIT, VMC_IO_MMIO, true, "EX DE LK UO VM UI EN ", 36002113},
    {VMC_DISPATCH_EXIT, VMC_IO_MMIO, false, "EX DE LK UO VM UI EN ", 36502113},
    {VMC_DISPATCH_PROCESS, VMC_IO_MMIO, true,
     "EX DE LK UO VM TX SC DP RX SC UI EN ", 306202113},
    {VMC_DISPATCH_PROCESS, VMC_IO_MMIO, false,
     "EX DE LK UO VM TX SC DP RX SC UI EN ", 306702113},
    {VMC_DISPATCH_POSTED, VMC_IO_MMIO, true, "EX DE LK TX EN ", 10102113},
    {VMC_DISPATCH_POSTED, VMC_IO_MMIO, false, "EX DE LK TX SC DP RX SC EN ",
     300202113},
    {VMC_DISPATCH_SYNC, VMC_IO_MMIO, true, "EX DE LK TX SC DP RX SC EN ",
     300202113},
    {VMC_DISPATCH_SYNC, VMC_IO_MMIO, false, "EX DE LK TX SC DP RX SC EN ",
     300202113},
};

START_TEST(each_design_is_its_list_of_stages)
{
    enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX];
    char letters[64] = "";
    uint32_t count =
        vmc_dispatch_plan(rows[_i].mode, rows[_i].is_write, stages);

    for (uint32_t i = 0; i < count; i++) {
        (void)strncat(letters, vmc_io_stage_letters(stages[i]),
                      sizeof(letters) - strlen(letters) - 1);
        (void)strncat(letters, " ", sizeof(letters) - strlen(letters) - 1);
    }
    ck_assert_str_eq(letters, rows[_i].letters);
}
END_TEST

START_TEST(the_closed_form_is_the_sum_of_the_stages)
{
    struct vmc_io_access access = {
        .space = rows[_i].space, .is_write = rows[_i].is_write, .probes = 2};

    /* 306202113 = two switches, send, receive, process, reply, two wakes,
     * leave, vmm, enter, lookup with two probes, decode, exit and entry. */
    ck_assert_uint_eq(
        vmc_dispatch_ticks(&costs, &same_cpu, rows[_i].mode, &access),
        rows[_i].ticks);
}
END_TEST

START_TEST(an_idle_other_cpu_adds_its_wake_to_each_switch)
{
    struct vmc_io_access access = {.space = VMC_IO_MMIO, .is_write = true};

    for (uint32_t mode = 0; mode < VMC_DISPATCH_COUNT; mode++) {
        bool waits = mode == VMC_DISPATCH_PROCESS || mode == VMC_DISPATCH_SYNC;
        uint64_t more = vmc_dispatch_ticks(&costs, &other_cpu, mode, &access) -
                        vmc_dispatch_ticks(&costs, &same_cpu, mode, &access);

        ck_assert_uint_eq(more, waits ? 2 * costs.idle_wake : 0);
    }
}
END_TEST

START_TEST(a_coalesced_write_carries_its_share_of_the_full_ring)
{
    struct vmc_io_access access = {.space = VMC_IO_MMIO, .is_write = true};
    /* Four absorbed at 30113, then an exit of 36000113 and 4 entries of which
     * each takes the VMM 7 and the device 30000000. */
    uint64_t expected = (4 * 30113 + 36000113 + 4 * 30000007) / 5;

    ck_assert_uint_eq(vmc_dispatch_coalesced_ticks(&costs, &same_cpu, &access),
                      expected);
}
END_TEST

START_TEST(names_are_found_and_others_are_not)
{
    enum vmc_dispatch mode = VMC_DISPATCH_COUNT;

    for (uint32_t i = 0; i < VMC_DISPATCH_COUNT; i++) {
        ck_assert(vmc_dispatch_find(&mode, vmc_dispatch_name(i)));
        ck_assert_uint_eq(mode, i);
    }
    ck_assert(!vmc_dispatch_find(&mode, "Kernel"));
    ck_assert(!vmc_dispatch_find(&mode, ""));
    ck_assert_uint_eq(mode, VMC_DISPATCH_COUNT - 1);
    for (uint32_t i = 0; i < VMC_IO_STAGE_COUNT; i++) {
        ck_assert_uint_gt(strlen(vmc_io_stage_name(i)), 1);
        ck_assert_uint_eq(strlen(vmc_io_stage_letters(i)), 2);
    }
}
END_TEST

START_TEST(only_writes_can_go_to_an_eventfd_or_a_ring)
{
    for (uint32_t i = 0; i < VMC_DISPATCH_COUNT; i++) {
        bool serves = vmc_dispatch_serves_reads(i);

        ck_assert(serves ==
                  (i != VMC_DISPATCH_IOEVENTFD && i != VMC_DISPATCH_COALESCED));
        ck_assert_uint_eq(vmc_dispatch_effective(i, true), i);
        ck_assert_uint_eq(vmc_dispatch_effective(i, false),
                          !serves                    ? VMC_DISPATCH_EXIT
                          : i == VMC_DISPATCH_POSTED ? VMC_DISPATCH_SYNC
                                                     : i);
    }
}
END_TEST

START_TEST(numbers_outside_their_limits_are_refused)
{
    struct vmc_dispatch_costs odd;

    ck_assert(vmc_dispatch_costs_are_sane(&costs));
    odd = costs, odd.reply = UINT64_C(1000000000001);
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.exit = UINT64_MAX;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.ring_entries = 1;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.ring_entries = VMC_DISPATCH_RING_MAX + 1;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.socket_commands = 0;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.socket_commands = VMC_DISPATCH_SOCKET_MAX + 1;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
    odd = costs, odd.socket_resume = odd.socket_commands;
    ck_assert(!vmc_dispatch_costs_are_sane(&odd));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("dispatch");
    TCase *c = tcase_create("dispatch");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, each_design_is_its_list_of_stages, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, the_closed_form_is_the_sum_of_the_stages, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, an_idle_other_cpu_adds_its_wake_to_each_switch);
    tcase_add_test(c, a_coalesced_write_carries_its_share_of_the_full_ring);
    tcase_add_test(c, names_are_found_and_others_are_not);
    tcase_add_test(c, only_writes_can_go_to_an_eventfd_or_a_ring);
    tcase_add_test(c, numbers_outside_their_limits_are_refused);
    return s;
}
