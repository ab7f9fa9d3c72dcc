/* SPDX-License-Identifier: MIT */
/* The balloon's interrupts through the machine: one for each message, seen and
 * cleared by the guest's handler, and in time for the driver. */
#include "sim/balloon/balloon_irq.h"
#include "sim/balloon/balloon.h"

#include "tests/balloon_rig.h"

#include "suite.h"

static struct balloon_irq irq;
static struct vmc_balloon_costs slow_costs;
static const struct vmc_balloon_costs *costs = &rig_costs;

static struct vmc_balloon_result
run(uint32_t mechanism, enum machine_semantics semantics, const char *name)
{
    struct vmc_balloon_config config =
        rig_config((enum vmc_balloon_mechanism)mechanism);
    struct vmc_balloon_result result;
    struct vmc_profile *profile;
    struct vmc_error error = {""};

    ck_assert_msg(vmc_profile_load(&profile, name, &error) == VMC_OK, "%s",
                  error.text);
    ck_assert_msg(balloon_irq_init(&irq, semantics, 2, profile, &error) ==
                      VMC_OK,
                  "%s", error.text);
    vmc_profile_free(profile);
    config.move_bytes = rig_driver(mechanism)->unit_pages > HUGE_PAGES
                            ? UINT64_C(256) << 20
                            : UINT64_C(64) << 20;
    config.costs = costs;
    config.op = VMC_OP_SHRINK;
    config.port = &irq.port;
    ck_assert_msg(vmc_balloon_run(&config, &result, &error) == VMC_OK, "%s",
                  error.text);
    ck_assert_str_eq(result.broken, "");
    return result;
}

static const uint32_t mechanisms[] = {
    VMC_MECHANISM_PFN,  VMC_MECHANISM_BITMAP_FIXED,
    VMC_MECHANISM_SG,   VMC_MECHANISM_CONTIGUOUS,
    VMC_MECHANISM_HUGE, VMC_MECHANISM_VIRTIO_MEM,
};

/* _i: mechanism; semantics in turn. */
START_TEST(every_message_is_one_interrupt)
{
    static const enum machine_semantics semantics[] = {MACHINE_QEMU,
                                                       MACHINE_KVM, MACHINE_HW};
    const struct irqsim_counts *counts = &irq.sim.state.counts;

    for (uint32_t i = 0; i < VMC_COUNT_OF(semantics); i++) {
        struct vmc_balloon_result result =
            run(mechanisms[_i], semantics[i], "3c5000-kvm");

        /* And one for the new target. */
        ck_assert_uint_gt(result.messages, 0);
        ck_assert_uint_eq(irq.port.raised, result.messages + 1);
        ck_assert_uint_eq(irq.port.taken, irq.port.raised);
        ck_assert_uint_eq(irq.port.lost, 0);
        ck_assert_uint_eq(counts->raised, irq.port.raised);
        ck_assert_uint_eq(counts->seen, irq.port.raised);
        ck_assert_uint_eq(counts->cleared, irq.port.raised);
        ck_assert_uint_eq(counts->coalesced, 0);
        ck_assert_uint_eq(irq.sim.state.vcpus[0].spurious, 0);
        ck_assert_uint_eq(machine_fatal_accesses(&irq.machine), 0);
        balloon_irq_fini(&irq);
    }
}
END_TEST

/* Judge: the same run with fixed times. What differs is what lies between the
 * used ring and the handler: on the one hand irq and wake of the profile, on
 * the other the way of each interrupt. The interrupt of the target comes
 * before. */
START_TEST(an_interrupt_takes_its_own_time)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_PFN);
    struct vmc_balloon_result fixed, joined, slower;
    struct vmc_error error = {""};
    uint64_t without;

    config.move_bytes = UINT64_C(64) << 20;
    config.op = VMC_OP_SHRINK;
    ck_assert_int_eq(vmc_balloon_run(&config, &fixed, &error), VMC_OK);
    without = fixed.total_ticks -
              fixed.messages * (rig_costs.send.irq + rig_costs.send.wake_vcpu);
    joined = run(VMC_MECHANISM_PFN, MACHINE_KVM, "3c5000-kvm");
    ck_assert_uint_eq(joined.messages, fixed.messages);
    ck_assert_uint_gt(joined.total_ticks, without);
    ck_assert_uint_ge(joined.total_ticks - without,
                      irq.sim.state.cleared_ns.sum_low * 1000);
    balloon_irq_fini(&irq);
    /* The profile's own times of it take no part. */
    slow_costs = rig_costs;
    slow_costs.send.irq *= 100000; /* more than a period of any clock */
    slow_costs.send.wake_vcpu *= 1000;
    costs = &slow_costs;
    slower = run(VMC_MECHANISM_PFN, MACHINE_KVM, "3c5000-kvm");
    costs = &rig_costs;
    ck_assert_uint_eq(slower.total_ticks, joined.total_ticks);
    balloon_irq_fini(&irq);
    slower = run(VMC_MECHANISM_PFN, MACHINE_QEMU, "3c5000-qemu");
    ck_assert_uint_gt(slower.total_ticks, joined.total_ticks);
    balloon_irq_fini(&irq);
}
END_TEST

/* An interrupt that nobody waits for is counted, and harms nobody. */
START_TEST(an_interrupt_too_many_is_lost)
{
    struct vmc_balloon_port port = {0};

    vmc_balloon_interrupted(&port, VMC_BALLOON_IRQ_CONFIG);
    vmc_balloon_interrupted(&port, VMC_BALLOON_IRQ_QUEUES);
    ck_assert_uint_eq(port.lost, 2);
    ck_assert_uint_eq(port.taken, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_irq");
    TCase *c = tcase_create("balloon_irq");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, every_message_is_one_interrupt, 0,
                        VMC_COUNT_OF(mechanisms));
    tcase_add_test(c, an_interrupt_takes_its_own_time);
    tcase_add_test(c, an_interrupt_too_many_is_lost);
    suite_add_tcase(s, c);
    return s;
}
