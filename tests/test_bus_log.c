/* SPDX-License-Identifier: MIT */
/* Lines of ftrace put together to accesses, as x86, arm64 and LoongArch print
 * them. The texts are the ones that KVM prints (linux/kvm.h of 6.12, 6.18). */
#include "sim/replay/bus_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive_rig.h"
#include "suite.h"
#include "trace/reader.h"

enum { TEXT_BYTES = 4096, SAID_BYTES = 1024 };

static char said[SAID_BYTES];
static struct bus_log_counts counts;

/* The ports 0x20 and 0x21 are in the kernel, and a word of memory. */
static bool claims(void *owner, const struct bus_access *access)
{
    (void)owner;
    return (access->space == BUS_PIO && access->addr / 2 == 0x10) ||
           (access->space == BUS_MMIO && access->addr / 4096 == 2);
}

/* Accesses to 0x71 are known to leave. */
static bool leaves(void *owner, const struct bus_access *access)
{
    (void)owner;
    return access->addr == 0x71;
}

/* "W pio 70/1 x1 3us; ": direction, place, bytes, exits, and the time with =
 * when it is exact, < when it is a bound. */
static void say(void *owner, const struct bus_access *access)
{
    size_t used = strlen(said);
    char count[16] = "", time[32] = "";

    (void)owner;
    if (access->count != 1) {
        (void)snprintf(count, sizeof(count), "*%" PRIu32, access->count);
    }
    if (access->time != BUS_TIME_NONE) {
        (void)snprintf(time, sizeof(time), " %s%" PRIu64,
                       access->time == BUS_TIME_EXACT ? "=" : "<",
                       (access->end_ns - access->start_ns) / 1000);
    }
    (void)snprintf(said + used, sizeof(said) - used,
                   "%s%s %s %" PRIx64 "/%" PRIu32 "%s%s x%" PRIu32 "%s",
                   used != 0 ? "; " : "", access->is_write ? "W" : "R",
                   bus_space_name(access->space), access->addr, access->len,
                   count, access->is_fast ? " fast" : "", access->exits, time);
}

static const struct bus_log_ops ops = {
    .claims = claims, .leaves = leaves, .access = say};

/* The same log in another place. */
static struct bus_log *moved(struct bus_log *log)
{
    struct bus_log *other;

    ck_assert_int_eq(bus_log_new(&other, &ops, NULL), VMC_OK);
    ARCHIVE_CARRY(bus_log_archive, log, other);
    bus_log_free(log);
    return other;
}

/* Each "<event>" stands for a line, ten microseconds after the one before.
 * With @is_moving the log goes on elsewhere after each. */
static void replay_moving(const char *events, bool is_moving)
{
    char text[TEXT_BYTES] = "# tracer: nop\n";
    const struct vmc_record *records;
    struct vmc_error error = {""};
    struct vmc_reader *reader;
    struct bus_log *log;
    uint32_t count, line = 0;

    said[0] = '\0';
    while (*events != '\0') {
        size_t used = strlen(text), bytes = strcspn(events, "|");
        const char *task = "CPU 0/KVM-42 ";

        if (*events == '!') { /* another vCPU */
            task = "CPU 1/KVM-43 ";
            events++;
            bytes--;
        }
        (void)snprintf(text + used, sizeof(text) - used,
                       " %s [000] ..... 1.%06" PRIu32 ": %.*s\n", task,
                       10 * ++line, (int)bytes, events);
        events += bytes + (events[bytes] == '|');
    }
    ck_assert_int_eq(
        vmc_reader_open_memory(&reader, text, strlen(text), "text", &error),
        VMC_OK);
    ck_assert_int_eq(bus_log_new(&log, &ops, NULL), VMC_OK);
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            bus_log_take(log, &records[i],
                         records[i].kind == VMC_REC_KVM_USERSPACE_EXIT
                             ? vmc_reader_text(reader, records[i].args[1])
                             : "");
            log = is_moving ? moved(log) : log;
        }
    }
    bus_log_end(log);
    ck_assert_uint_eq(vmc_reader_counts(reader)->skipped_lines, 0);
    ck_assert_uint_eq(vmc_reader_counts(reader)->unknown_events, 0);
    counts = *bus_log_counts(log);
    bus_log_free(log);
    vmc_reader_close(reader);
}

static void replay(const char *events)
{
    replay_moving(events, false);
}

#define OUT(port)   "kvm_pio: pio_write at 0x" port " size 1 count 1 val 0x1 |"
#define IN(port)    "kvm_pio: pio_read at 0x" port " size 1 count 1 val 0x1 |"
#define STORE(n, a) "kvm_mmio: mmio write len " n " gpa 0x" a " val 0x1|"
#define LOAD(n, a)  "kvm_mmio: mmio read len " n " gpa 0x" a " val 0x1|"
#define MISS(n, a)                                                             \
    "kvm_mmio: mmio unsatisfied-read len " n " gpa 0x" a " val 0x0|"
#define X_IO    "kvm_userspace_exit: reason KVM_EXIT_IO (2)|"
#define X_MMIO  "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)|"
#define X_EINTR "kvm_userspace_exit: reason restart (4)|"
#define EXIT                                                                   \
    "kvm_exit: vcpu 0 reason EPT_MISCONFIG rip 0x1 info1 0x0000000000000000 "  \
    "info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000|"
#define ENTRY "kvm_entry: vcpu 0, rip 0x1|"

static const struct {
    const char *what, *events, *accesses;
} rows[] = {
    {"port write to user space", OUT("402") X_IO OUT("402"),
     "W pio 402/1 x1 <20; W pio 402/1 x0"},
    {"port read of user space", X_IO IN("71"), "R pio 71/1 x1 =10"},
    {"port write in the kernel", OUT("20") OUT("402") X_IO,
     "W pio 20/1 x0; W pio 402/1 x1"},
    {"port read in the kernel", IN("21"), "R pio 21/1 x0"},
    {"write and read that both exit", OUT("cf8") X_IO X_IO IN("cfc"),
     "W pio cf8/1 x1 <20; R pio cfc/1 x1 =10"},
    {"kernel write, then a read that exits", OUT("20") X_IO IN("71"),
     "W pio 20/1 x0; R pio 71/1 x1 =10"},
    {"write that exits, then a kernel read", OUT("402") X_IO IN("21"),
     "W pio 402/1 x1 <20; R pio 21/1 x0"},
    {"neither in the kernel, and the read is known to leave",
     OUT("c050") X_IO IN("71"), "W pio c050/1 x0; R pio 71/1 x1 =10"},
    {"neither in the kernel, and both are known to leave",
     OUT("71") X_IO IN("71"), "W pio 71/1 x1 <20; R pio 71/1 x0"},
    {"neither in the kernel, and nothing is known", OUT("c050") X_IO IN("c053"),
     "W pio c050/1 x1 <20; R pio c053/1 x0"},
    {"the read in the kernel, though another left", OUT("c050") X_IO IN("21"),
     "W pio c050/1 x1 <20; R pio 21/1 x0"},
    {"both in the kernel, and yet an exit: it stays with the write",
     OUT("20") X_IO IN("21"), "W pio 20/1 x1 <20; R pio 21/1 x0"},
    {"string read of nine words",
     X_IO "kvm_pio: pio_read at 0x170 size 2 count 9 val 0x1 (...)|",
     "R pio 170/2*9 x1 =10"},
    {"store in the kernel", STORE("4", "2000") STORE("4", "9000") X_MMIO,
     "W mmio 2000/4 x0; W mmio 9000/4 x1"},
    {"load of user space", MISS("4", "9000") X_MMIO LOAD("4", "9000"),
     "R mmio 9000/4 x1 =20"},
    {"load in the kernel", LOAD("4", "2000"), "R mmio 2000/4 x0"},
    {"arm64: unsatisfied first, and still in the kernel",
     MISS("4", "2000") LOAD("4", "2000"), "R mmio 2000/4 x0 =10"},
    {"load across a page: the last part's length, then all",
     MISS("3", "9fff") X_MMIO X_MMIO LOAD("4", "9fff"), "R mmio 9fff/4 x2 =30"},
    {"load of 16 bytes: the address has moved on",
     MISS("16", "9000") X_MMIO X_MMIO LOAD("16", "9008"),
     "R mmio 9000/16 x2 =30"},
    {"load whose low part is in the kernel",
     LOAD("1", "2fff") MISS("4", "3000") X_MMIO LOAD("4", "3000"),
     "R mmio 2fff/1 x0; R mmio 3000/4 x1 =20"},
    {"store across a page, both parts exit",
     STORE("1", "9fff") STORE("3", "a000") X_MMIO X_MMIO OUT("402"),
     "W mmio 9fff/1 x1 <40; W mmio a000/3 x1 <30; W pio 402/1 x0"},
    {"store across a page, the high part is in the kernel",
     STORE("1", "1fff") STORE("3", "2000") X_MMIO,
     "W mmio 1fff/1 x1; W mmio 2000/3 x0"},
    {"store across a page, the low part is in the kernel",
     STORE("1", "2fff") STORE("3", "3000") X_MMIO,
     "W mmio 2fff/1 x0; W mmio 3000/3 x1"},
    {"store of 16 bytes takes two exits",
     STORE("16", "9000") X_MMIO X_MMIO STORE("4", "9000"),
     "W mmio 9000/16 x2 <30; W mmio 9000/4 x0"},
    {"two stores in a row are not one",
     STORE("4", "9000") X_MMIO STORE("4", "9004") X_MMIO,
     "W mmio 9000/4 x1 <20; W mmio 9004/4 x1"},
    {"fast store", EXIT "kvm_fast_mmio: fast mmio at gpa 0x9000|" ENTRY,
     "W mmio 9000/0 fast x0 =20"},
    {"with exit and entry: an exit", EXIT OUT("402") X_IO ENTRY,
     "W pio 402/1 x1 =30"},
    {"with exit and entry: in the kernel", EXIT STORE("4", "2000") ENTRY,
     "W mmio 2000/4 x0 =20"},
    {"with exit and entry: a port read", EXIT X_IO IN("71") ENTRY,
     "R pio 71/1 x1 =30"},
    {"with exit and entry: a load",
     EXIT MISS("4", "9000") X_MMIO LOAD("4", "9000") ENTRY,
     "R mmio 9000/4 x1 =40"},
    {"after an entry without an exit the write itself is the start",
     EXIT OUT("402") X_IO ENTRY OUT("403") X_IO OUT("402"),
     "W pio 402/1 x1 =30; W pio 403/1 x1 <20; W pio 402/1 x0"},
    {"an entry leaves no doubt whose exit it was",
     EXIT OUT("402") X_IO ENTRY EXIT IN("71") ENTRY,
     "W pio 402/1 x1 =30; R pio 71/1 x0 =20"},
    {"immediate exit completes a read",
     MISS("4", "9000") X_MMIO LOAD("4", "9000") X_EINTR,
     "R mmio 9000/4 x1 =20"},
    {"a signal before the read completes",
     MISS("4", "9000") X_MMIO X_EINTR LOAD("4", "9000"),
     "R mmio 9000/4 x1 =30"},
    {"a signal after a kernel write", OUT("20") X_EINTR OUT("402"),
     "W pio 20/1 x0; W pio 402/1 x0"},
    {"two vCPUs do not disturb each other",
     OUT("402") "!" OUT("20") X_IO "!" IN("71") OUT("402"),
     "W pio 20/1 x0; R pio 71/1 x0; W pio 402/1 x1 <40; W pio 402/1 x0"},
    {"LoongArch",
     "kvm_exit: vcpu 0 [64] PC: 0x90|" MISS("4", "10000020")
         X_MMIO LOAD("4", "10000020") "kvm_enter: vcpu 0 PC: 0x94|",
     "R mmio 10000020/4 x1 =40"},
    {"LoongArch, a register of the core",
     "kvm_iocsr: iocsr write len 4 gpa 0x1004 val 0x1|"
     "kvm_userspace_exit: reason 0x26 (38)|",
     "W iocsr 1004/4 x1"},
    {"a cut recording begins with an exit", X_MMIO OUT("20"), "W pio 20/1 x0"},
    {"and ends within a read", MISS("4", "9000") X_MMIO, "R mmio 9000/4 x1"},
};

START_TEST(lines_become_accesses)
{
    size_t row = (size_t)_i / 2;

    replay_moving(rows[row].events, _i % 2 != 0);
    ck_assert_msg(strcmp(said, rows[row].accesses) == 0, "%s:\n%s\nnot\n%s",
                  rows[row].what, said, rows[row].accesses);
}
END_TEST

START_TEST(every_line_is_counted_once)
{
    replay(OUT("402") X_IO X_IO IN("71") MISS("4", "9000")
               X_MMIO LOAD("4", "9000") STORE("1", "9fff") STORE("3", "a000")
                   X_MMIO
           "kvm_pio: pio_read at 0x170 size 2 count 9 val 0x1 (...)|"
           "kvm_set_irq: gsi 4 level 0 source 0|"
           "kvm_ack_irq: irqchip PIC slave pin 1|" X_EINTR
           "kvm_userspace_exit: reason KVM_EXIT_HLT (5)|" EXIT ENTRY);
    ck_assert_uint_eq(counts.pio_writes, 1);
    ck_assert_uint_eq(counts.pio_reads, 2);
    ck_assert_uint_eq(counts.pio_elements, 11);
    ck_assert_uint_eq(counts.mmio_reads, 1);
    ck_assert_uint_eq(counts.mmio_unsatisfied, 1);
    ck_assert_uint_eq(counts.mmio_writes, 2);
    ck_assert_uint_eq(counts.userspace_exits, 6);
    ck_assert_uint_eq(counts.exits_io, 2);
    ck_assert_uint_eq(counts.exits_mmio, 2);
    ck_assert_uint_eq(counts.exits_restarted, 1);
    ck_assert_uint_eq(counts.exits_other, 1);
    ck_assert_uint_eq(counts.exits_loose, 0);
    ck_assert_uint_eq(counts.split_writes, 1);
    ck_assert_uint_eq(counts.set_irqs, 1);
    ck_assert_uint_eq(counts.acked_irqs, 1);
    ck_assert_uint_eq(counts.exits, 1);
    ck_assert_uint_eq(counts.entries, 1);
}
END_TEST

START_TEST(an_exit_that_nothing_explains_is_counted)
{
    replay(X_MMIO X_MMIO OUT("20"));
    ck_assert_uint_eq(counts.exits_loose, 2);
    ck_assert_str_eq(said, "W pio 20/1 x0");
}
END_TEST

START_TEST(only_what_ends_at_a_page_is_split)
{
    static const struct {
        const char *events;
        uint64_t split, loose;
    } cases[] = {
        {STORE("1", "9fff") STORE("3", "a000"), 1, 0},
        {STORE("4", "9000") STORE("4", "9004"), 0, 0},
        {STORE("2", "9ffe") STORE("4", "a000"), 0, 0},
        {STORE("2", "9ffe") STORE("2", "a002"), 0, 0},
        {STORE("1", "9fff") X_MMIO STORE("3", "a000"), 0, 0},
        {STORE("1", "9fff") ENTRY STORE("3", "a000"), 0, 0},
        {STORE("8", "9000") X_MMIO X_MMIO OUT("20"), 0, 1},
        {STORE("16", "9000") X_MMIO X_MMIO OUT("20"), 0, 0},
        {STORE("16", "9000") X_MMIO X_MMIO X_MMIO OUT("20"), 0, 1},
    };

    replay(cases[_i].events);
    ck_assert_uint_eq(counts.split_writes, cases[_i].split);
    ck_assert_uint_eq(counts.exits_loose, cases[_i].loose);
}
END_TEST

START_TEST(threads_beyond_the_limit_are_counted_and_left_out)
{
    struct bus_log *log;
    struct vmc_record record = {.kind = VMC_REC_KVM_PIO,
                                .args = {VMC_REC_WRITE, 1, 0x402, 1, 1}};

    said[0] = '\0';
    ck_assert_int_eq(bus_log_new(&log, &ops, NULL), VMC_OK);
    for (uint32_t i = 0; i < BUS_LOG_THREADS_MAX + 5U; i++) {
        record.thread = i * 64;
        bus_log_take(log, &record, "");
    }
    ck_assert_uint_eq(bus_log_counts(log)->threads_many, 5);
    ck_assert_uint_eq(bus_log_counts(log)->pio_writes, BUS_LOG_THREADS_MAX + 5);
    ck_assert_uint_eq(bus_log_thread_count(log), BUS_LOG_THREADS_MAX);
    ck_assert_uint_eq(bus_log_thread(log, 3), 192);
    bus_log_free(log);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus_log");
    TCase *c = tcase_create("bus_log");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, lines_become_accesses, 0, 2 * VMC_COUNT_OF(rows));
    tcase_add_test(c, every_line_is_counted_once);
    tcase_add_test(c, an_exit_that_nothing_explains_is_counted);
    tcase_add_loop_test(c, only_what_ends_at_a_page_is_split, 0, 9);
    tcase_add_test(c, threads_beyond_the_limit_are_counted_and_left_out);
    return s;
}
