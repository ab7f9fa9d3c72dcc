/* SPDX-License-Identifier: MIT */
/* Trace texts, beside lines of a real trace. */
#include "ioregion/frontend.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static const struct {
    struct vmc_front_event event;
    const char *name, *text;
} rows[] = {
    {{.kind = VMC_EVENT_MMIO_WRITE, .addr = 0xfe000000, .len = 4, .value = 1},
     "kvm_mmio",
     "mmio write len 4 gpa 0xfe000000 val 0x1"},
    {{.kind = VMC_EVENT_MMIO_UNSATISFIED, .addr = 0x10fff, .len = 3},
     "kvm_mmio",
     "mmio unsatisfied-read len 3 gpa 0x10fff val 0x0"},
    {{.kind = VMC_EVENT_MMIO_READ, .addr = 0x10, .len = 8, .value = UINT64_MAX},
     "kvm_mmio",
     "mmio read len 8 gpa 0x10 val 0xffffffffffffffff"},
    {{.kind = VMC_EVENT_PIO_WRITE,
      .addr = 0x500,
      .len = 4,
      .count = 1,
      .value = 1},
     "kvm_pio",
     "pio_write at 0x500 size 4 count 1 val 0x1 "},
    {{.kind = VMC_EVENT_PIO_READ, .addr = 0x1f0, .len = 2, .count = 256},
     "kvm_pio",
     "pio_read at 0x1f0 size 2 count 256 val 0x0 (...)"},
    {{.kind = VMC_EVENT_PIO_WRITE, .addr = 0x80, .len = 1, .count = 2},
     "kvm_pio",
     "pio_write at 0x80 size 1 count 2 val 0x0 (...)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 31},
     "kvm_userspace_exit",
     "reason 0x1f (31)"},
    {{.kind = VMC_EVENT_FAST_MMIO, .addr = 0xfe000000},
     "kvm_fast_mmio",
     "fast mmio at gpa 0xfe000000"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 6},
     "kvm_userspace_exit",
     "reason KVM_EXIT_MMIO (6)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 0},
     "kvm_userspace_exit",
     "reason KVM_EXIT_UNKNOWN (0)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 28},
     "kvm_userspace_exit",
     "reason KVM_EXIT_ARM_NISV (28)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 30},
     "kvm_userspace_exit",
     "reason KVM_EXIT_X86_WRMSR (30)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 38},
     "kvm_userspace_exit",
     "reason 0x26 (38)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 6, .result = -EINTR},
     "kvm_userspace_exit",
     "reason restart (4)"},
    {{.kind = VMC_EVENT_USERSPACE_EXIT, .reason = 6, .result = -EFAULT},
     "kvm_userspace_exit",
     "reason error (14)"},
};

START_TEST(each_event_has_its_text)
{
    char text[96];

    ck_assert_int_eq(vmc_front_event_text(&rows[_i].event, text, sizeof(text)),
                     (int)strlen(rows[_i].text));
    ck_assert_str_eq(text, rows[_i].text);
    ck_assert_str_eq(vmc_front_event_name(&rows[_i].event), rows[_i].name);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend_event");
    TCase *c = tcase_create("frontend_event");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, each_event_has_its_text, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    return s;
}
