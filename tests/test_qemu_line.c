/* SPDX-License-Identifier: MIT */
/* Lines of QEMU's log. tests/program/test_qemu_log.py has whole recordings. */
#include "trace/qemu_line.h"

#include <string.h>

#include "suite.h"

static const char *text_of(const void *owner, uint64_t number)
{
    return number == 7 ? owner : "";
}

static const struct row {
    const char *line;
    const char *text;
    struct vmc_record record;
} rows[] = {
    {"12@3.000045:virtio_balloon_get_config num_pages: -1 actual: 256\n",
     "",
     {.time_ns = UINT64_C(3000045999),
      .thread = 12,
      .kind = VMC_REC_BALLOON_GET_CONFIG,
      .args = {UINT32_MAX, 256}}},
    {"0@0.000000:virtio_notify vdev (nil) vq 0x7f00\n",
     "",
     {.kind = VMC_REC_VIRTIO_NOTIFY, .args = {0, 0x7f00}}},
    {"1@0.000000:virtio_balloon_handle_output section name: pc.ram gpa: "
     "0x1000\n",
     "pc.ram",
     {.thread = 1, .kind = VMC_REC_BALLOON_OUTPUT, .args = {0x1000, 7}}},
    {"1@0.000000:loongarch_extioi_setirq set extirq irq 3 level 1\n",
     "",
     {.thread = 1, .kind = VMC_REC_EXTIOI_SETIRQ, .args = {3, 1}}},
    {"1@0.000000:ram_block_discard_range mem@0x5000 + 0x2000: madvise: 1 "
     "fallocate: 0 ret: -5\n",
     "mem",
     {.thread = 1,
      .kind = VMC_REC_RAM_DISCARD,
      .args = {7, 0x5000, 0x2000, 1, 0, UINT32_C(0xfffffffb)}}},
    {"1@0.000000:virtio_mem_unplugged_all \n",
     "",
     {.thread = 1, .kind = VMC_REC_MEM_UNPLUGGED_ALL}},
};

START_TEST(a_record_is_printed_as_qemu_prints_it)
{
    char line[VMC_QEMU_LINE_BYTES_MAX];
    size_t bytes =
        vmc_qemu_line(line, &rows[_i].record, text_of, rows[_i].text);

    ck_assert_str_eq(line, rows[_i].line);
    ck_assert_uint_eq(bytes, strlen(line));
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_and_ends)
{
    static char text[2 * VMC_QEMU_LINE_BYTES_MAX];
    char line[VMC_QEMU_LINE_BYTES_MAX];
    size_t bytes;

    memset(text, 'x', sizeof(text) - 1);
    bytes = vmc_qemu_line(line, &rows[2].record, text_of, text);
    ck_assert_uint_eq(bytes, VMC_QEMU_LINE_BYTES_MAX - 1);
    ck_assert_uint_eq(strlen(line), bytes);
    ck_assert_int_eq(line[bytes - 1], '\n');
}
END_TEST

START_TEST(events_of_ftrace_are_none_of_qemu)
{
    ck_assert(vmc_record_is_qemu(VMC_REC_EXTIOI_SETIRQ));
    ck_assert(vmc_record_is_qemu(VMC_REC_BALLOON_BAD_ADDR));
    ck_assert(vmc_record_is_qemu(VMC_REC_MEM_RESIZED));
    ck_assert(!vmc_record_is_qemu(VMC_REC_NONE));
    ck_assert(!vmc_record_is_qemu(VMC_REC_KVM_ENTRY));
    ck_assert(!vmc_record_is_qemu(VMC_REC_RCU_CALLBACK));
    ck_assert(!vmc_record_is_qemu(VMC_REC_KVM_FAST_MMIO));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("qemu_line");
    TCase *c = tcase_create("qemu_line");

    tcase_add_loop_test(c, a_record_is_printed_as_qemu_prints_it, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_test(c, a_line_that_is_too_long_is_cut_and_ends);
    tcase_add_test(c, events_of_ftrace_are_none_of_qemu);
    suite_add_tcase(s, c);
    return s;
}
