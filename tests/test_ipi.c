/* SPDX-License-Identifier: MIT */
/* One IPI unit under the rules of each implementation: what moves its pin. */
#include "iocsr/iocsr.h"

#include "suite.h"

enum { EN = VMC_IPI_EN, SET = VMC_IPI_SET, CLR = VMC_IPI_CLEAR, END = 0xff };

static bool line;
static uint32_t call_count;

static void set_pin(void *owner, uint32_t vcpu, bool level)
{
    (void)owner;
    ck_assert_uint_eq(vcpu, 1);
    line = level;
    call_count++;
}

/* Writes to unit 1; then its status and pin in QEMU, new KVM, old KVM, HW. */
static const struct {
    const char *what;
    struct {
        uint32_t offset, value;
    } writes[6];
    uint32_t status[4];
    bool pin[4];
} rows[] = {
    {"set, nothing enabled",
     {{SET, 4}, {END, 0}},
     {4, 4, 0, 4},
     {false, true, false, false}},
    {"enable after set",
     {{SET, 4}, {EN, ~0U}, {END, 0}},
     {4, 4, 0, 4},
     {false, true, false, true}},
    {"the next set shows it",
     {{SET, 4}, {EN, ~0U}, {SET, 0}, {END, 0}},
     {4, 4, 0, 4},
     {true, true, false, true}},
    {"clear one of two",
     {{EN, ~0U}, {SET, 6}, {CLR, 2}, {END, 0}},
     {4, 4, 0, 4},
     {true, true, false, true}},
    {"clear both",
     {{EN, ~0U}, {SET, 6}, {CLR, 6}, {END, 0}},
     {0, 0, 0, 0},
     {false, false, false, false}},
    {"what is left is not enabled",
     {{EN, 2}, {SET, 6}, {CLR, 2}, {END, 0}},
     {4, 4, 0, 4},
     {true, true, false, false}},
    {"disabled, then cleared",
     {{EN, ~0U}, {SET, 2}, {EN, 0}, {CLR, 2}, {END, 0}},
     {0, 0, 0, 0},
     {true, false, false, false}},
    {"a clear of nothing frees it",
     {{EN, ~0U}, {SET, 2}, {EN, 0}, {CLR, 2}, {EN, 1}, {CLR, 0}},
     {0, 0, 0, 0},
     {false, false, false, false}},
    {"status cannot be written",
     {{VMC_IPI_STATUS, 7}, {END, 0}},
     {0, 0, 0, 0},
     {false, false, false, false}},
};

static struct vmc_ipi_semantics semantics_of(int kind)
{
    struct vmc_iocsr_semantics all[] = {
        vmc_iocsr_semantics_qemu(), vmc_iocsr_semantics_kvm(3),
        vmc_iocsr_semantics_kvm(0), vmc_iocsr_semantics_hw()};

    return all[kind].ipi;
}

START_TEST(the_pin_follows_the_rules_of_each_implementation)
{
    for (int kind = 0; kind < 4; kind++) {
        struct vmc_ipi_semantics semantics = semantics_of(kind);
        struct vmc_ipi ipi;

        line = false;
        ck_assert_int_eq(vmc_ipi_init(&ipi, &semantics, 2, set_pin, NULL),
                         VMC_OK);
        for (int i = 0; i < 6 && rows[_i].writes[i].offset != END; i++) {
            vmc_ipi_write(&ipi, 1, rows[_i].writes[i].offset,
                          rows[_i].writes[i].value);
        }
        ck_assert_msg(line == rows[_i].pin[kind], "%s, %d: pin is %d",
                      rows[_i].what, kind, line);
        ck_assert_uint_eq(vmc_ipi_read(&ipi, 1, VMC_IPI_STATUS),
                          rows[_i].status[kind]);
    }
}
END_TEST

START_TEST(a_unit_has_eight_mail_words_of_its_own)
{
    struct vmc_ipi_semantics semantics = semantics_of(0);
    struct vmc_ipi ipi;

    ck_assert_int_eq(vmc_ipi_init(&ipi, &semantics, 2, set_pin, NULL), VMC_OK);
    for (uint32_t i = 0; i < VMC_IPI_MAIL_WORDS; i++) {
        vmc_ipi_write(&ipi, 1, VMC_IPI_MAIL + 4 * i, 0x100 + i);
    }
    for (uint32_t i = 0; i < VMC_IPI_MAIL_WORDS; i++) {
        ck_assert_uint_eq(vmc_ipi_read(&ipi, 1, VMC_IPI_MAIL + 4 * i),
                          0x100 + i);
        ck_assert_uint_eq(vmc_ipi_read(&ipi, 0, VMC_IPI_MAIL + 4 * i), 0);
    }
    ck_assert_uint_eq(vmc_ipi_read(&ipi, 1, VMC_IPI_SET), 0);
    ck_assert_uint_eq(vmc_ipi_read(&ipi, 1, VMC_IPI_CLEAR), 0);
    ck_assert_uint_eq(vmc_ipi_read(&ipi, 1, VMC_IPI_MAIL_END), 0);
}
END_TEST

START_TEST(a_part_whose_mask_acts_tells_changes_only)
{
    struct vmc_ipi_semantics semantics = semantics_of(3);
    struct vmc_ipi ipi;

    call_count = 0;
    ck_assert_int_eq(vmc_ipi_init(&ipi, &semantics, 2, set_pin, NULL), VMC_OK);
    vmc_ipi_write(&ipi, 1, EN, 3);
    vmc_ipi_send(&ipi, 1, 1);
    vmc_ipi_send(&ipi, 1, 2);
    vmc_ipi_write(&ipi, 1, CLR, 1);
    ck_assert_uint_eq(call_count, 1);
    vmc_ipi_write(&ipi, 1, EN, 1);
    ck_assert_uint_eq(call_count, 2);
    ck_assert(!line);
}
END_TEST

START_TEST(a_count_outside_its_limits_is_refused)
{
    struct vmc_ipi_semantics semantics = semantics_of(0);
    struct vmc_ipi ipi;

    ck_assert_int_eq(vmc_ipi_init(&ipi, &semantics, 0, set_pin, NULL),
                     VMC_E_RANGE);
    ck_assert_int_eq(vmc_ipi_init(&ipi, &semantics, 257, set_pin, NULL),
                     VMC_E_RANGE);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ipi");
    TCase *c = tcase_create("ipi");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, the_pin_follows_the_rules_of_each_implementation, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, a_unit_has_eight_mail_words_of_its_own);
    tcase_add_test(c, a_part_whose_mask_acts_tells_changes_only);
    tcase_add_test(c, a_count_outside_its_limits_is_refused);
    return s;
}
