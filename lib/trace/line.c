/* SPDX-License-Identifier: MIT */
/*
 * Every event has a pattern that says how its arguments are printed:
 *
 *     %d0   a decimal number, maybe negative, into argument 0
 *     %x1   a hexadecimal number with 0x, into argument 1
 *     %h2   a hexadecimal number, with or without 0x
 *     %w3   a word, up to a blank or what the pattern has next
 *     %s4   text up to what the pattern has next
 *     %r5   the rest of the line
 *     %{a|b}6   one of the words; the argument is its place in the list
 *
 * A blank in a pattern stands for any number of blanks, also none: QEMU prints
 * "addr: 0x400val: 0x20". Other characters stand for themselves. An event may
 * have several patterns, which are tried in order; tracepoints change.
 *
 * Names are looked up by a hash over their last eight bytes and their length.
 */
#include <stdlib.h>
#include <string.h>

#include "trace/line_priv.h"

enum { SLOTS = 512, STAMP_DIGITS = 9, CPU_DIGITS_MIN = 3 };

struct event {
    const char *name;
    enum vmc_record_kind kind;
    const char *pattern;
    uint64_t base; /* added to argument 0: old names count from elsewhere */
};

#define ACCESS "%{unsatisfied-read|read|write}0"

static const struct event events[] = {
    {"loongarch_extioi_setirq", VMC_REC_EXTIOI_SETIRQ,
     "set extirq irq %d0 level %d1", 0},
    {"loongarch_extioi_readw", VMC_REC_EXTIOI_READ, "addr: %x0 val: %x1", 0},
    {"loongarch_extioi_writew", VMC_REC_EXTIOI_WRITE, "addr: %x0 val: %x1", 0},
    {"loongarch_msi_set_irq", VMC_REC_MSI_SET_IRQ, "set msi irq %d0", 0},
    {"loongarch_pch_pic_irq_handler", VMC_REC_PCH_PIC_IRQ, "irq %d0 level %d1",
     0},
    /* The three old regions begin at 0, 0x3a0 and 0x100 of the window. */
    {"loongarch_pch_pic_read", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_write", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_low_readw", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_low_writew", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_high_readw", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0x3a0},
    {"loongarch_pch_pic_high_writew", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0x3a0},
    {"loongarch_pch_pic_readb", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0x100},
    {"loongarch_pch_pic_writeb", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0x100},
    {"loongson_ipi_read", VMC_REC_IPI_READ, "size: %d2 addr: %x0 val: %x1", 0},
    {"loongson_ipi_write", VMC_REC_IPI_WRITE, "size: %d2 addr: %x0 val: %x1",
     0},
    {"loongarch_ipi_read", VMC_REC_IPI_READ, "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_ipi_write", VMC_REC_IPI_WRITE, "size: %d2 addr: %x0 val: %x1",
     0},
    {"kvm_arch_handle_exit", VMC_REC_KVM_LOONG_EXIT,
     "kvm arch handle exit, the reason number: %d0", 0},
    {"kvm_set_intr", VMC_REC_KVM_SET_INTR,
     "kvm set interrupt, irq num: %d0, level: %d1", 0},
    {"virtio_queue_notify", VMC_REC_VIRTIO_QUEUE_NOTIFY,
     "vdev %x0 n %d1 vq %x2", 0},
    {"virtio_notify", VMC_REC_VIRTIO_NOTIFY, "vdev %x0 vq %x1", 0},
    {"virtqueue_pop", VMC_REC_VIRTQUEUE_POP,
     "vq %x0 elem %x1 in_num %d2 out_num %d3", 0},
    {"virtqueue_fill", VMC_REC_VIRTQUEUE_FILL,
     "vq %x0 elem %x1 len %d2 idx %d3", 0},
    {"virtqueue_flush", VMC_REC_VIRTQUEUE_FLUSH, "vq %x0 count %d1", 0},
    {"virtio_balloon_handle_output", VMC_REC_BALLOON_OUTPUT,
     "section name: %w1 gpa: %x0", 0},
    {"virtio_balloon_get_config", VMC_REC_BALLOON_GET_CONFIG,
     "num_pages: %d0 actual: %d1", 0},
    {"virtio_balloon_set_config", VMC_REC_BALLOON_SET_CONFIG,
     "actual: %d0 oldactual: %d1", 0},
    {"virtio_balloon_to_target", VMC_REC_BALLOON_TO_TARGET,
     "balloon target: %x0 num_pages: %d1", 0},
    {"virtio_balloon_bad_addr", VMC_REC_BALLOON_BAD_ADDR, "%x0", 0},

    {"kvm_entry", VMC_REC_KVM_ENTRY, "vcpu %d0, rip %x1", 0},
    {"kvm_enter", VMC_REC_KVM_ENTRY, "vcpu %d0 PC: %x1", 0},
    {"kvm_enter", VMC_REC_KVM_ENTRY, "PC: %x1", 0},
    {"kvm_reenter", VMC_REC_KVM_ENTRY, "vcpu %d0 PC: %x1", 0},
    {"kvm_reenter", VMC_REC_KVM_ENTRY, "PC: %x1", 0},
    {"kvm_out", VMC_REC_KVM_OUT, "vcpu %d0 PC: %x1", 0},
    {"kvm_out", VMC_REC_KVM_OUT, "PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "[%s2] PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "vcpu %d0 reason %w2 rip %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "reason %w2 rip %x1", 0},
    {"kvm_exit_idle", VMC_REC_KVM_EXIT_IDLE, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit_idle", VMC_REC_KVM_EXIT_IDLE, "[%s2] PC: %x1", 0},
    {"kvm_exit_cache", VMC_REC_KVM_EXIT_CACHE, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit_cache", VMC_REC_KVM_EXIT_CACHE, "[%s2] PC: %x1", 0},
    {"kvm_exit_gspr", VMC_REC_KVM_EXIT_GSPR, "vcpu %d0 Inst word: %x1", 0},
    {"kvm_exit_gspr", VMC_REC_KVM_EXIT_GSPR, "Inst word: %x1", 0},
    {"kvm_iocsr", VMC_REC_KVM_IOCSR, "iocsr " ACCESS " len %d1 gpa %x2 val %x3",
     0},
    {"kvm_mmio", VMC_REC_KVM_MMIO, "mmio " ACCESS " len %d1 gpa %x2 val %x3",
     0},
    {"kvm_pio", VMC_REC_KVM_PIO,
     "pio_%{-|read|write}0 at %x2 size %d1 count %d4 val %x3", 0},
    {"kvm_userspace_exit", VMC_REC_KVM_USERSPACE_EXIT, "reason %s1(%d0)", 0},
    {"kvm_set_irq", VMC_REC_KVM_SET_IRQ, "gsi %d0 level %d1 source %d2", 0},
    {"kvm_ack_irq", VMC_REC_KVM_ACK_IRQ, "irqchip %s0 pin %d1", 0},
    {"kvm_msi_set_irq", VMC_REC_KVM_MSI_SET_IRQ, "dst %h0 vec %d1 %r2", 0},
    {"kvm_vcpu_wakeup", VMC_REC_KVM_VCPU_WAKEUP,
     "%{wait|poll}1 time %d0 ns, polling %{invalid|valid}2", 0},
    {"kvm_halt_poll_ns", VMC_REC_KVM_HALT_POLL,
     "vcpu %d3: halt_poll_ns %d1 (%{shrink|grow}0 %d2)", 0},
    {"kvm_aux", VMC_REC_KVM_AUX, "%w0 %s1 PC: %x2", 0},
    {"kvm_vpid_change", VMC_REC_KVM_VPID_CHANGE, "VPID: %x0", 0},

    {"irq_handler_entry", VMC_REC_IRQ_HANDLER_ENTRY, "irq=%d0 name=%r1", 0},
    {"irq_handler_exit", VMC_REC_IRQ_HANDLER_EXIT,
     "irq=%d0 ret=%{unhandled|handled}1", 0},
    {"rcu_utilization", VMC_REC_RCU_UTILIZATION, "%r0", 0},
    {"rcu_grace_period", VMC_REC_RCU_GRACE_PERIOD, "%w0 %d1 %r2", 0},
    {"rcu_future_grace_period", VMC_REC_RCU_FUTURE_GP,
     "%w0 %d1 %d2 %d3 %d4 %d5 %r6", 0},
    {"rcu_grace_period_init", VMC_REC_RCU_GP_INIT, "%w0 %d1 %d2 %d3 %d4 %h5",
     0},
    {"rcu_quiescent_state_report", VMC_REC_RCU_QS_REPORT,
     "%w0 %d1 %h2>%h3 %d4 %d5 %d6 %d7", 0},
    {"rcu_fqs", VMC_REC_RCU_FQS, "%w0 %d1 %d2 %r3", 0},
    {"rcu_watching", VMC_REC_RCU_WATCHING, "%w0 %h1 %h2 %h3", 0},
    {"rcu_dyntick", VMC_REC_RCU_WATCHING, "%w0 %h1 %h2 %h3", 0},
    {"rcu_callback", VMC_REC_RCU_CALLBACK, "%w0 rhp=%h1 func=%w2 %d3", 0},
    {"rcu_segcb_stats", VMC_REC_RCU_SEGCB_STATS,
     "%s0 seglen: (DONE=%d1, WAIT=%d2, NEXT_READY=%d3, NEXT=%d4) "
     "gp_seq: (DONE=%d7, WAIT=%d5, NEXT_READY=%d6, NEXT=%d7)",
     0},
    {"rcu_batch_start", VMC_REC_RCU_BATCH_START, "%w0 CBs=%d1 bl=%d2", 0},
    {"rcu_invoke_callback", VMC_REC_RCU_INVOKE, "%w0 rhp=%h1 func=%w2", 0},
    {"rcu_invoke_kvfree_callback", VMC_REC_RCU_INVOKE_KVFREE,
     "%w0 rhp=%h1 func=%d2", 0},
    {"rcu_invoke_kfree_callback", VMC_REC_RCU_INVOKE_KVFREE,
     "%w0 rhp=%h1 func=%d2", 0},
    {"rcu_invoke_kfree_bulk_callback", VMC_REC_RCU_INVOKE_BULK,
     "%w0 bulk=%h2 nr_records=%d1", 0},
    {"rcu_batch_end", VMC_REC_RCU_BATCH_END, "%w0 CBs-invoked=%d1 idle=%r2", 0},
    {"rcu_sr_normal", VMC_REC_RCU_SR_NORMAL, "%w0 rhp=%h1 event=%r2", 0},
    {"rcu_barrier", VMC_REC_RCU_BARRIER, "%w0 %w1 cpu %d2 remaining %d3 # %d4",
     0},
    {"rcu_exp_grace_period", VMC_REC_RCU_EXP_GP, "%w0 %d1 %r2", 0},
    {"rcu_stall_warning", VMC_REC_RCU_STALL, "%w0 %r1", 0},
    {"cpuhp_enter", VMC_REC_CPUHP_ENTER, "cpu: %d0 target: %d1 step: %d2 (%s3)",
     0},
    {"cpuhp_multi_enter", VMC_REC_CPUHP_MULTI_ENTER,
     "cpu: %d0 target: %d1 step: %d2 (%s3)", 0},
    {"cpuhp_exit", VMC_REC_CPUHP_EXIT, "cpu: %d0 state: %d1 step: %d2 ret: %d3",
     0},
};

struct vmc_line_table {
    uint16_t first[SLOTS]; /* index + 1 of an event's first pattern */
    uint8_t name_bytes[VMC_COUNT_OF(events)];
    uint8_t same_name[VMC_COUNT_OF(events)]; /* patterns from here on */
};

/* ---- Names -------------------------------------------------------------- */

static uint32_t hash_name(const char *name, size_t bytes)
{
    uint64_t tail = 0;

    memcpy(&tail, bytes >= 8 ? name + bytes - 8 : name, bytes < 8 ? bytes : 8);
    tail = (tail ^ bytes * UINT64_C(0x2545f4914f6cdd1d)) *
           UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(tail >> 55) % SLOTS;
}

struct vmc_line_table *vmc_line_table_new(void)
{
    struct vmc_line_table *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < VMC_COUNT_OF(events); i++) {
        size_t bytes = strlen(events[i].name);
        uint32_t slot = hash_name(events[i].name, bytes);

        table->name_bytes[i] = (uint8_t)bytes;
        table->same_name[i] = 1;
        if (i > 0 && strcmp(events[i - 1].name, events[i].name) == 0) {
            for (size_t n = i;
                 n-- > 0 && strcmp(events[n].name, events[i].name) == 0;) {
                table->same_name[n]++;
            }
            continue;
        }
        while (table->first[slot] != 0) {
            slot = (slot + 1) % SLOTS;
        }
        table->first[slot] = (uint16_t)(i + 1);
    }
    return table;
}

void vmc_line_table_free(struct vmc_line_table *table)
{
    free(table);
}

/* The first pattern of the event called @name; the count when unknown. */
static size_t find_event(const struct vmc_line_table *table, const char *name,
                         size_t bytes)
{
    for (uint32_t slot = hash_name(name, bytes); table->first[slot] != 0;
         slot = (slot + 1) % SLOTS) {
        size_t i = table->first[slot] - 1U;

        if (table->name_bytes[i] == bytes &&
            memcmp(events[i].name, name, bytes) == 0) {
            return i;
        }
    }
    return VMC_COUNT_OF(events);
}

/* ---- Scanning ----------------------------------------------------------- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(char c)
{
    unsigned d = (unsigned char)c - (unsigned)'0';

    if (d <= 9) {
        return d;
    }
    d = ((unsigned char)c | 0x20U) - (unsigned)'a';
    return d < 6 ? d + 10 : 16;
}

/* NULL when there is no number, or one beyond 64 bits. */
static const char *scan_hex(const char *at, const char *end, bool needs_prefix,
                            uint64_t *value)
{
    uint64_t number = 0;
    const char *start;

    if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x') {
        at += 2;
    } else if (needs_prefix) {
        return NULL;
    }
    for (start = at; at < end; at++) {
        unsigned digit = digit_of(*at);

        if (digit == 16) {
            break;
        }
        if (number >> 60 != 0) {
            return NULL;
        }
        number = number << 4 | digit;
    }
    *value = number;
    return at > start ? at : NULL;
}

static const char *scan_decimal(const char *at, const char *end,
                                uint64_t *value)
{
    bool is_negative = at < end && *at == '-';
    uint64_t number = 0;
    const char *start;

    at += is_negative;
    for (start = at; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';

        if (digit > 9) {
            break;
        }
        if (number > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        number = number * 10 + digit;
    }
    *value = is_negative ? -number : number;
    return at > start ? at : NULL;
}

/* Text up to the pattern's next character (a blank also stops a word). */
static const char *scan_text(const char *at, const char *end, char stop,
                             bool is_word, const char **text_end)
{
    const char *start = at;

    while (at < end && *at != stop && !(is_word && *at == ' ')) {
        at++;
    }
    *text_end = at;
    while (!is_word && *text_end > start && (*text_end)[-1] == ' ') {
        (*text_end)--;
    }
    return *text_end > start ? at : NULL;
}

/* Text up to the literal that follows in the pattern, for which one character
 * is too little: " pin ", " seglen: ". */
static const char *scan_until(const char *at, const char *end,
                              const char *pattern, const char **text_end)
{
    char literal[32] = "";
    size_t bytes = 0;

    /* The literal ends at its next blank, for blanks may be missing. */
    while (pattern[bytes] != '\0' && pattern[bytes] != '%' &&
           (bytes == 0 || pattern[bytes] != ' ') &&
           bytes < sizeof(literal) - 1) {
        literal[bytes] = pattern[bytes];
        bytes++;
    }
    if (bytes <= 1) {
        return scan_text(at, end, literal[0], false, text_end);
    }
    for (const char *p = at; (size_t)(end - p) >= bytes; p++) {
        if (memcmp(p, literal, bytes) == 0) {
            *text_end = p;
            return p > at ? p : NULL;
        }
    }
    return NULL;
}

/* One of the words of "{a|b|c}": *value is its place. */
static const char *scan_choice(const char *at, const char *end,
                               const char **pattern, uint64_t *value)
{
    const char *choice = *pattern + 1;
    const char *found = NULL;
    uint64_t place = 0;

    for (;;) {
        size_t bytes = strcspn(choice, "|}");

        if (found == NULL && (size_t)(end - at) >= bytes &&
            memcmp(at, choice, bytes) == 0) {
            found = at + bytes;
            *value = place;
        }
        place++;
        choice += bytes;
        if (*choice++ == '}') {
            break;
        }
    }
    *pattern = choice;
    return found;
}

/* ---- Patterns ----------------------------------------------------------- */

/* Read one conversion; *pattern stands behind its '%'. NULL: no match. */
static const char *scan_argument(const char *at, const char *end,
                                 const char **pattern, struct vmc_texts *texts,
                                 struct vmc_record *record)
{
    char what = **pattern;
    uint64_t value = 0;
    const char *text = at;
    const char *text_end = end;
    const char *next;

    if (what == '{') {
        next = scan_choice(at, end, pattern, &value);
    } else {
        const char *after = *pattern + 2;

        switch (what) {
        case 'd':
            next = scan_decimal(at, end, &value);
            break;
        case 'x':
        case 'h':
            next = scan_hex(at, end, what == 'x', &value);
            break;
        case 'w':
            next = scan_text(at, end, *after, true, &text_end);
            break;
        case 's':
            next = scan_until(at, end, after, &text_end);
            break;
        default: /* r */
            next = end;
            while (text_end > text && text_end[-1] == ' ') {
                text_end--;
            }
            break;
        }
        if (next != NULL && (what == 'w' || what == 's' || what == 'r')) {
            value = vmc_texts_number(texts, text, (size_t)(text_end - text));
        }
        ++*pattern;
    }
    record->args[**pattern - '0'] = value;
    ++*pattern;
    return next;
}

static bool match(const char *at, const char *end, const char *pattern,
                  struct vmc_texts *texts, struct vmc_record *record)
{
    while (*pattern != '\0') {
        if (*pattern == ' ') {
            at = skip_blanks(at, end);
            pattern++;
        } else if (*pattern == '%') {
            pattern++;
            at = scan_argument(at, end, &pattern, texts, record);
            if (at == NULL) {
                return false;
            }
        } else {
            if (at == end || *at != *pattern) {
                return false;
            }
            at++;
            pattern++;
        }
    }
    return true;
}

/* "restart" and "error" stand in the place of a reason: the number is then an
 * errno (include/trace/events/kvm.h prints both with one format). */
static void fix_userspace_exit(const struct vmc_texts *texts,
                               struct vmc_record *record)
{
    const char *name = vmc_texts_get(texts, record->args[1]);

    if (strcmp(name, "restart") == 0 || strcmp(name, "error") == 0) {
        record->args[2] = record->args[0];
        record->args[0] = 0;
    }
}

static enum vmc_line_result parse_event(const struct vmc_line_table *table,
                                        const char *at, const char *end,
                                        struct vmc_texts *texts,
                                        const struct vmc_line *line,
                                        struct vmc_record *record)
{
    size_t first = find_event(table, line->name, line->name_bytes);

    if (first == VMC_COUNT_OF(events)) {
        return VMC_LINE_UNKNOWN;
    }
    at = skip_blanks(at, end);
    for (size_t i = first; i < first + table->same_name[first]; i++) {
        memset(record->args, 0, sizeof(record->args));
        if (match(at, end, events[i].pattern, texts, record)) {
            record->kind = (uint16_t)events[i].kind;
            record->args[0] += events[i].base;
            if (events[i].kind == VMC_REC_KVM_USERSPACE_EXIT) {
                fix_userspace_exit(texts, record);
            }
            return VMC_LINE_RECORD;
        }
    }
    return VMC_LINE_BAD;
}

/* ---- What stands before the event --------------------------------------- */

/* "SECONDS.FRACTION", up to nine decimals. */
static const char *scan_seconds(const char *at, const char *end,
                                uint64_t *stamp_ns)
{
    uint64_t seconds, scale = 1000000000;
    uint64_t fraction = 0;
    const char *start;

    at = scan_decimal(at, end, &seconds);
    if (at == NULL || at == end || *at != '.' ||
        seconds > UINT64_MAX / 1000000000 - 1) {
        return NULL;
    }
    for (start = ++at; at < end && at - start <= STAMP_DIGITS; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';

        if (digit > 9) {
            break;
        }
        scale /= 10;
        fraction += digit * scale;
    }
    *stamp_ns = seconds * 1000000000 + fraction;
    return at > start ? at : NULL;
}

/* Days from 1970-01-01, by counting whole 400-year eras. */
static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = year - (month <= 2);
    uint64_t era = y / 400;
    uint64_t of_era = y % 400;
    uint64_t of_year =
        (153 * (month + (month > 2 ? -3ULL : 9ULL)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

/* "2026-11-21T07:33:25.123456Z ", as QEMU prints with -msg timestamp=on. */
static const char *scan_iso(const char *at, const char *end, uint64_t *stamp_ns)
{
    static const struct {
        char after;
        uint32_t digits, min, max;
    } parts[] = {{'-', 4, 1970, 2500},
                 {'-', 2, 1, 12},
                 {'T', 2, 1, 31},
                 {':', 2, 0, 23},
                 {':', 2, 0, 59}};
    uint64_t values[VMC_COUNT_OF(parts)];
    uint64_t seconds_ns;

    for (size_t i = 0; i < VMC_COUNT_OF(parts); i++) {
        const char *next = scan_decimal(at, end, &values[i]);

        if (next == NULL || next - at != parts[i].digits || next == end ||
            *next != parts[i].after || values[i] < parts[i].min ||
            values[i] > parts[i].max) {
            return NULL;
        }
        at = next + 1;
    }
    at = scan_seconds(at, end, &seconds_ns);
    if (at == NULL || at == end || *at != 'Z') {
        return NULL;
    }
    *stamp_ns =
        ((days_of(values[0], values[1], values[2]) * 24 + values[3]) * 60 +
         values[4]) *
            UINT64_C(60000000000) +
        seconds_ns;
    return at + 1;
}

/* "TID@SECONDS.MICROS:" or an ISO stamp. NULL when it is neither. */
static const char *scan_qemu_head(const char *at, const char *end,
                                  uint64_t *thread, uint64_t *stamp_ns)
{
    const char *next = scan_decimal(at, end, thread);

    if (next != NULL && next < end && *next == '@') {
        next = scan_seconds(next + 1, end, stamp_ns);
        return next != NULL && next < end && *next == ':' ? next + 1 : NULL;
    }
    *thread = 0;
    next = scan_iso(at, end, stamp_ns);
    return next != NULL ? skip_blanks(next, end) : NULL;
}

/* The '[' of "[003]": three digits at least, which the name of a task that
 * happens to hold brackets seldom has. */
static const char *find_cpu(const char *at, const char *end)
{
    for (; at < end; at++) {
        const char *digits = at + 1;

        if (*at != '[') {
            continue;
        }
        while (digits < end && digit_of(*digits) <= 9) {
            digits++;
        }
        if (digits >= at + CPU_DIGITS_MIN + 1 && digits < end &&
            *digits == ']') {
            return at;
        }
    }
    return NULL;
}

/* "   COMM-PID    (TGID) [CPU] FLAGS SECONDS.MICROS: " (spec section 18.3). */
static const char *scan_ftrace_head(const char *at, const char *end,
                                    struct vmc_record *record,
                                    uint64_t *stamp_ns)
{
    static const char idle[] = "<idle>";
    const char *bracket = find_cpu(at, end);
    const char *dash = bracket;
    const char *comm = skip_blanks(at, end);
    const char *flags;
    uint64_t pid, cpu;

    if (bracket == NULL) {
        return NULL;
    }
    while (dash > at && *dash != '-') {
        dash--;
    }
    if (dash == at || scan_decimal(dash + 1, end, &pid) == NULL) {
        return NULL;
    }
    flags = scan_decimal(bracket + 1, end, &cpu);
    if (flags == NULL || cpu > UINT8_MAX || pid > UINT32_MAX) {
        return NULL;
    }
    flags = skip_blanks(flags + 1, end);
    record->thread = (uint32_t)pid;
    record->cpu = (uint8_t)cpu;
    record->flags = 0;
    if ((size_t)(dash - comm) == sizeof(idle) - 1 &&
        memcmp(comm, idle, sizeof(idle) - 1) == 0) {
        record->flags |= VMC_REC_IDLE_TASK;
    }
    if (end - flags >= 3) {
        record->flags |= memchr("dDbX", flags[0], 4) ? VMC_REC_IRQS_OFF : 0;
        record->flags |=
            memchr("NnpBbLl", flags[1], 7) ? VMC_REC_NEED_RESCHED : 0;
        record->flags |= memchr("ZzHh", flags[2], 4) ? VMC_REC_HARDIRQ : 0;
        record->flags |= memchr("Hs", flags[2], 2) ? VMC_REC_SOFTIRQ : 0;
    }
    while (flags < end && *flags != ' ') {
        flags++;
    }
    at = scan_seconds(skip_blanks(flags, end), end, stamp_ns);
    return at != NULL && at < end && *at == ':' ? skip_blanks(at + 1, end)
                                                : NULL;
}

enum vmc_line_result vmc_line_parse(const struct vmc_line_table *table,
                                    enum vmc_line_format format, const char *at,
                                    const char *end, struct vmc_texts *texts,
                                    struct vmc_line *line,
                                    struct vmc_record *record)
{
    char stop = format == VMC_LINE_QEMU ? ' ' : ':';
    uint64_t thread;
    const char *start = at;

    if (end > at && end[-1] == '\r') {
        end--;
    }
    if (skip_blanks(at, end) == end || *at == '#') {
        return VMC_LINE_NOTHING;
    }
    if (format == VMC_LINE_QEMU) {
        at = scan_qemu_head(at, end, &thread, &line->stamp_ns);
        record->thread = (uint32_t)thread;
        record->cpu = record->flags = 0;
    } else {
        at = scan_ftrace_head(at, end, record, &line->stamp_ns);
    }
    if (at == NULL) {
        line->name = start;
        line->name_bytes = 0;
        return VMC_LINE_UNKNOWN;
    }
    line->name = at;
    while (at < end && *at != stop && *at != ' ') {
        at++;
    }
    line->name_bytes = (size_t)(at - line->name);
    at += at < end && *at == ':';
    return parse_event(table, at, end, texts, line, record);
}

bool vmc_line_looks_like(enum vmc_line_format format, const char *at,
                         const char *end)
{
    static const char tracer[] = "# tracer:";
    struct vmc_record record = {0};
    uint64_t thread, stamp_ns;

    if (format == VMC_LINE_QEMU) {
        return scan_qemu_head(at, end, &thread, &stamp_ns) != NULL;
    }
    return ((size_t)(end - at) >= sizeof(tracer) - 1 &&
            memcmp(at, tracer, sizeof(tracer) - 1) == 0) ||
           scan_ftrace_head(at, end, &record, &stamp_ns) != NULL;
}
