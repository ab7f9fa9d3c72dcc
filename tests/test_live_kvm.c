/* SPDX-License-Identifier: MIT */
/*
 * The model beside the KVM of this host: random ioctls and guest accesses go to
 * both, and everything that user space can see must be equal: results, exit
 * records, the ring byte by byte, counts of eventfds, registers, memory.
 *
 * It needs an x86-64 host with /dev/kvm and runs when VMCYCLE_LIVE_KVM is set
 * to a number of operations. The guest is in long mode, maps 4 GiB one to one,
 * executes one instruction at a time and ends it by an OUT to a port of its
 * own. Every second seed has KVM's interrupt controllers in the kernel.
 */
#include "ioregion/frontend.h"

#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

#if defined(__x86_64__) && defined(__linux__)

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rng.h"
#include "front_rig.h"

enum {
    PAGE = 4096,
    CODE = 0x8000,   /* guest addresses: an instruction */
    STRING = 0x9000, /* and what it reads or writes */
    MEMORY_BYTES = 1 << 20,
    FDS = 4,
    BYTES_MAX = 64,
    END_PORT = 0xf4
};

#define IOAPIC UINT64_C(0xfec00000)
#define WINDOW UINT64_C(0xd0000000) /* and two pages, for devices */

static struct {
    int vm, vcpu;
    struct kvm_run *run;
    uint8_t *memory, *slot;
    struct vmc_kvm_ring *ring;
    int fds[FDS]; /* eventfd, eventfd, copy of the first, pipe */
    char log[RIG_LOG_BYTES];
} live;

static bool has_irqchip;
static char model_log[RIG_LOG_BYTES];
static uint64_t
    slot_kind; /* of page WINDOW + PAGE: none, writable, read-only */

static int check(int result)
{
    ck_assert_int_ge(result, 0);
    return result;
}

/* ---- The live side ---------------------------------------------------------
 */

static void set_long_mode(void)
{
    enum {
        PML4 = 0x1000,
        PDPT = 0x2000,
        PD = 0x3000,
        PRESENT = 3,
        HUGE = 0x83
    };
    struct kvm_segment code = {.limit = UINT32_MAX,
                               .selector = 8,
                               .type = 11,
                               .present = 1,
                               .s = 1,
                               .l = 1,
                               .g = 1};
    struct kvm_segment data = code;
    struct kvm_sregs sregs;
    uint64_t *memory = (uint64_t *)(void *)live.memory;

    memory[PML4 / 8] = PDPT | PRESENT;
    for (uint64_t i = 0; i < 4; i++) {
        memory[PDPT / 8 + i] = (PD + i * PAGE) | PRESENT;
    }
    for (uint64_t i = 0; i < 2048; i++) {
        memory[PD / 8 + i] = i << 21 | HUGE;
    }
    data.selector = 16;
    data.type = 3;
    data.l = 0;
    data.db = 1;
    check(ioctl(live.vcpu, KVM_GET_SREGS, &sregs));
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr3 = PML4;
    sregs.cr4 = 0x620;      /* PAE, OSFXSR, OSXMMEXCPT */
    sregs.cr0 = 0x80000013; /* PG, ET, MP, PE */
    sregs.efer = 0x500;     /* LME, LMA */
    check(ioctl(live.vcpu, KVM_SET_SREGS, &sregs));
}

static void set_slot(uint32_t number, uint64_t gpa, uint64_t bytes,
                     uint32_t flags, void *host)
{
    struct kvm_userspace_memory_region region = {.slot = number,
                                                 .flags = flags,
                                                 .guest_phys_addr = gpa,
                                                 .memory_size = bytes,
                                                 .userspace_addr =
                                                     (uint64_t)(uintptr_t)host};

    check(ioctl(live.vm, KVM_SET_USER_MEMORY_REGION, &region));
}

static void *map(size_t bytes, int fd)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE,
             fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

static void live_start(void)
{
    int kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    int pipes[2];

    live.vm = check(ioctl(kvm, KVM_CREATE_VM, 0));
    live.memory = map(MEMORY_BYTES, -1);
    live.slot = map(PAGE, -1);
    set_slot(0, 0, MEMORY_BYTES, 0, live.memory);
    if (has_irqchip) {
        check(ioctl(live.vm, KVM_CREATE_IRQCHIP, 0));
    }
    live.vcpu = check(ioctl(live.vm, KVM_CREATE_VCPU, 0));
    live.run =
        map((size_t)check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)), live.vcpu);
    live.ring =
        (struct vmc_kvm_ring *)(void *)((char *)live.run +
                                        PAGE * check(ioctl(
                                                   live.vm, KVM_CHECK_EXTENSION,
                                                   KVM_CAP_COALESCED_MMIO)));
    set_long_mode();
    live.fds[0] = check(eventfd(0, EFD_NONBLOCK));
    live.fds[1] = check(eventfd(0, EFD_NONBLOCK));
    live.fds[2] = check(dup(live.fds[0]));
    check(pipe(pipes));
    live.fds[3] = pipes[0];
    close(kvm);
}

/* What an ioctl returns inside the kernel. */
static int live_ioctl(unsigned long request, void *args)
{
    return ioctl(live.vm, request, args) < 0 ? -errno : 0;
}

/* ---- Both sides: exits and their answers -----------------------------------
 */

static void note_mmio(char *log, uint64_t gpa, uint32_t len, bool is_write,
                      uint8_t *data)
{
    char text[64];
    int used = snprintf(text, sizeof(text), "%c%llx+%u", is_write ? 'w' : 'r',
                        (unsigned long long)gpa, len);

    ck_assert_uint_le(len, 8);
    for (uint32_t i = 0; i < len; i++) {
        if (is_write) {
            used += snprintf(text + used, sizeof(text) - (size_t)used, ":%02x",
                             data[i]);
        } else {
            data[i] = rig_byte(gpa + i);
        }
    }
    rig_note(log, text);
}

static void note_io(char *log, uint32_t port, uint32_t size, uint32_t count,
                    bool is_out, uint8_t *data)
{
    char text[32 + 3 * BYTES_MAX];
    int used = snprintf(text, sizeof(text), "%s%x*%ux%u", is_out ? "out" : "in",
                        port, size, count);

    ck_assert_uint_le(size * count, BYTES_MAX);
    for (uint32_t i = 0; i < size * count; i++) {
        if (is_out) {
            used += snprintf(text + used, sizeof(text) - (size_t)used, ":%02x",
                             data[i]);
        } else {
            data[i] = (uint8_t)(rig_byte(i) + port);
        }
    }
    rig_note(log, text);
}

/* Which calls of KVM_RUN for an access are made with immediate_exit: a bit
 * each; the first, which begins it, and the last possible ones are not. */
static uint32_t cuts;

static uint8_t is_cut_short(uint32_t exits)
{
    return exits != 0 && exits < 24 && (cuts >> exits & 1) != 0;
}

static void note_interrupt(char *log, uint32_t reason)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "i%u", reason);
    rig_note(log, text);
}

static void live_execute(const void *code, size_t bytes, struct kvm_regs *regs)
{
    memcpy(live.memory + CODE, code, bytes);
    memcpy(live.memory + CODE + bytes, "\xe6\xf4", 2); /* out %al, $0xf4 */
    regs->rip = CODE;
    regs->rflags = 2;
    check(ioctl(live.vcpu, KVM_SET_REGS, regs));
    for (uint32_t exits = 0;; exits++) {
        struct kvm_run *run = live.run;

        run->immediate_exit = is_cut_short(exits);
        if (ioctl(live.vcpu, KVM_RUN, 0) < 0) {
            ck_assert_int_eq(errno, EINTR);
            note_interrupt(live.log, run->exit_reason);
            continue;
        }
        ck_assert(run->exit_reason == KVM_EXIT_MMIO ||
                  run->exit_reason == KVM_EXIT_IO);
        if (run->exit_reason == KVM_EXIT_MMIO) {
            note_mmio(live.log, run->mmio.phys_addr, run->mmio.len,
                      run->mmio.is_write != 0, run->mmio.data);
        } else if (run->io.port == END_PORT) {
            break;
        } else {
            note_io(live.log, run->io.port, run->io.size, run->io.count,
                    run->io.direction != 0,
                    (uint8_t *)run + run->io.data_offset);
        }
    }
    /* An exit is complete only after the next KVM_RUN. */
    live.run->immediate_exit = 1;
    ck_assert_int_eq(ioctl(live.vcpu, KVM_RUN, 0), -1);
    ck_assert_int_eq(errno, EINTR);
    live.run->immediate_exit = 0;
    check(ioctl(live.vcpu, KVM_GET_REGS, regs));
}

static void model_serve(int result)
{
    struct vmc_kvm_run *run = &rig.vcpu.run;

    for (uint32_t exits = 1; result != VMC_FRONT_GUEST; exits++) {
        if (result < 0) {
            ck_assert_int_eq(result, -EINTR);
            note_interrupt(model_log, run->exit_reason);
        } else if (run->exit_reason == VMC_EXIT_MMIO) {
            note_mmio(model_log, run->mmio.phys_addr, run->mmio.len,
                      run->mmio.is_write != 0, run->mmio.data);
        } else {
            note_io(model_log, run->io.port, run->io.size, run->io.count,
                    run->io.direction != 0, run->io_data);
        }
        run->immediate_exit = is_cut_short(exits);
        result = vmc_front_run(&rig.front, &rig.vcpu);
    }
}

/* ---- Operations ------------------------------------------------------------
 */

static struct vmc_rng rng;

static uint64_t pick(uint64_t limit)
{
    return vmc_rng_below(&rng, limit);
}

/* An address around the end of the window's first page, or further away; or of
 * an interrupt controller, where only the end of an interrupt is harmless. */
static uint64_t pick_addr(void)
{
    if (has_irqchip && pick(4) == 0) {
        return pick(4) == 0 ? 0xfee000b0 : IOAPIC + pick(0x120);
    }
    return WINDOW + (pick(8) == 0 ? pick(64) * 61 : PAGE - 48 + pick(96));
}

static uint16_t pick_port(void)
{
    if (has_irqchip && pick(4) == 0) {
        static const uint16_t masks[] = {0x21, 0xa1, 0x4d0, 0x4d1, 0x1f, 0x22};

        return masks[pick(VMC_COUNT_OF(masks))];
    }
    return (uint16_t)(pick(8) == 0 ? 0xfff0 + pick(16) : 0x500 + pick(24));
}

static uint32_t pick_size(void)
{
    switch (pick(16)) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)(0x80000000 + pick(4) * 0x1fffffff);
    case 2:
        return (uint32_t)(PAGE + pick(64));
    default:
        return (uint32_t)(1 + pick(48));
    }
}

static void zone_both(uint64_t addr, uint32_t size, uint32_t pio, bool is_added)
{
    struct kvm_coalesced_mmio_zone zone = {
        .addr = addr, .size = size, .pio = pio};
    struct vmc_kvm_zone same = {addr, size, pio};
    int result = is_added ? vmc_coalesced_register(rig.coalesced, &same)
                          : vmc_coalesced_unregister(rig.coalesced, &same);

    ck_assert_int_eq(result,
                     live_ioctl(is_added ? KVM_REGISTER_COALESCED_MMIO
                                         : KVM_UNREGISTER_COALESCED_MMIO,
                                &zone));
}

static void do_zone(bool is_added)
{
    uint32_t pio = pick(24) == 0 ? 2 : pick(3) == 0;
    uint64_t addr = pio ? pick_port() : pick_addr();

    zone_both(addr, is_added || pick(4) == 0 ? pick_size() : (uint32_t)pick(8),
              pio, is_added);
}

static void do_ioeventfd(bool is_removal)
{
    static const uint32_t lens[] = {0, 1, 2, 4, 8, 4, 2, 1, 0, 3, 16};
    bool is_port = pick(3) == 0;
    uint64_t fd = pick(24) == 0 ? pick(FDS + 1) : pick(3);
    struct kvm_ioeventfd args = {
        .datamatch = pick(3) == 0 ? pick(0x200) : pick(3),
        .addr = is_port ? pick_port() : pick_addr(),
        .len = lens[pick(pick(8) == 0 ? 11 : 9)],
        .fd = fd == FDS ? -1 : live.fds[fd],
        .flags = (uint32_t)((is_port ? KVM_IOEVENTFD_FLAG_PIO : 0) |
                            (pick(2) ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                            (is_removal ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0) |
                            (pick(32) == 0 ? 1U << pick(8) : 0))};
    struct vmc_kvm_ioeventfd same;

    if (pick(32) == 0) {
        args.addr = UINT64_MAX - pick(12);
    } else if (is_removal && vmc_ioeventfds_count(rig.ioeventfds) != 0) {
        struct vmc_ioeventfd_info info = vmc_ioeventfds_at(
            rig.ioeventfds,
            (uint32_t)pick(vmc_ioeventfds_count(rig.ioeventfds)));

        args.addr = info.addr;
        args.len = info.len;
        args.datamatch = info.datamatch;
        args.fd = live.fds[pick(8) == 0 ? pick(3) : info.file];
        args.flags = KVM_IOEVENTFD_FLAG_DEASSIGN |
                     (info.is_wildcard ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH) |
                     (info.bus == VMC_BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0);
    }
    memcpy(&same, &args, sizeof(same));
    for (int i = 0; i < FDS; i++) {
        if (args.fd == live.fds[i]) {
            same.fd = i;
        }
    }
    ck_assert_int_eq(vmc_ioeventfd(rig.ioeventfds, &same),
                     live_ioctl(KVM_IOEVENTFD, &args));
}

/* A register of 16 bytes is filled from guest memory and written back there. */
static void mmio_both(uint64_t addr, uint32_t kind, bool is_write,
                      uint64_t value)
{
    static const struct {
        uint32_t bytes;
        const char *store, *load;
        size_t code_bytes;
    } kinds[] = {
        {1, "\x88\x07", "\x8a\x07", 2},
        {2, "\x66\x89\x07", "\x66\x8b\x07", 3},
        {4, "\x89\x07", "\x8b\x07", 2},
        {8, "\x48\x89\x07", "\x48\x8b\x07", 3},
        {16, "\x0f\x10\x06\x0f\x11\x07", "\x0f\x10\x07\x0f\x11\x06", 6}};
    uint32_t bytes = kinds[kind].bytes;
    uint8_t *wide = live.memory + STRING;
    struct kvm_regs regs = {.rdi = addr, .rsi = STRING, .rax = value};

    memcpy(wide, "\0\1\2\3\4\5\6\7high half", 16);
    memcpy(wide, &value, 8);
    memcpy(rig.vcpu.data, wide, 16);
    model_serve(
        vmc_front_x86(&rig.front, &rig.vcpu, regs.rdi, bytes, is_write));
    live_execute(is_write ? kinds[kind].store : kinds[kind].load,
                 kinds[kind].code_bytes, &regs);
    ck_assert_mem_eq(rig.vcpu.data, bytes == 16 ? (void *)wide : &regs.rax,
                     bytes);
}

static void do_mmio(void)
{
    uint32_t kind = (uint32_t)pick(5);
    uint64_t addr = pick_addr();
    bool is_write = pick(4) != 0 || addr >= IOAPIC; /* which has registers */

    mmio_both(addr, kind, is_write, pick(2) ? pick(3) : vmc_rng_next(&rng));
}

static void do_port(void)
{
    static const struct {
        uint8_t size;
        const char *out, *in;
        size_t code_bytes;
    } kinds[] = {{1, "\xee", "\xec", 1},
                 {2, "\x66\xef", "\x66\xed", 2},
                 {4, "\xef", "\xed", 1}};
    uint32_t kind = (uint32_t)pick(3);
    uint16_t port = pick_port();
    bool is_out = pick(4) != 0 || port < 0x500;
    struct kvm_regs regs = {.rdx = port,
                            .rax = pick(2) ? pick(3) : vmc_rng_next(&rng)};

    rig.vcpu.rax = regs.rax;
    model_serve(
        is_out ? vmc_front_out(&rig.front, &rig.vcpu, port, kinds[kind].size)
               : vmc_front_in(&rig.front, &rig.vcpu, port, kinds[kind].size));
    live_execute(is_out ? kinds[kind].out : kinds[kind].in,
                 kinds[kind].code_bytes, &regs);
    ck_assert_uint_eq(rig.vcpu.rax, regs.rax);
}

static void do_string(void)
{
    static const char *const codes[2][3] = {
        {"\xf3\x6e", "\xf3\x66\x6f", "\xf3\x6f"},  /* rep outs */
        {"\xf3\x6c", "\xf3\x66\x6d", "\xf3\x6d"}}; /* rep ins */
    uint32_t kind = (uint32_t)pick(3);
    uint16_t port = pick_port();
    uint32_t is_in = port >= 0x500 && pick(2) == 0;
    struct vmc_front_string string = {.port = port,
                                      .size = (uint8_t)(1U << kind),
                                      .is_in = is_in != 0,
                                      .count = 1 + (uint32_t)pick(8)};
    uint64_t at = STRING + (pick(2) ? PAGE - 1 - pick(16) : pick(64));
    struct kvm_regs regs = {
        .rsi = at, .rdi = at, .rcx = string.count, .rdx = string.port};

    string.room_bytes = (uint32_t)(PAGE - at % PAGE);
    for (uint32_t i = 0; i < BYTES_MAX; i++) {
        live.memory[at + i] = rig.vcpu.string[i] = (uint8_t)pick(3);
    }
    model_serve(vmc_front_rep(&rig.front, &rig.vcpu, &string));
    live_execute(codes[is_in][kind], kind == 1 ? 3 : 2, &regs);
    ck_assert_mem_eq(rig.vcpu.string, live.memory + at, BYTES_MAX);
}

/* User space moves the ring's indices, mostly as it should. */
static void do_ring(void)
{
    struct vmc_kvm_ring *ring = vmc_coalesced_ring(rig.coalesced);

    if (pick(8) == 0) {
        ring->first = (uint32_t)pick(180);
        ring->last = (uint32_t)(pick(2) ? 168 + pick(4) : pick(170));
    } else if (pick(4) == 0) {
        ring->first = (ring->last + (uint32_t)pick(4) + 1) % 170;
    } else {
        ring->first = ring->last;
    }
    live.ring->first = ring->first;
    live.ring->last = ring->last;
}

static void do_slot(void)
{
    struct vmc_front_slot slot = {.gpa = WINDOW + PAGE};

    if (slot_kind != 0) {
        set_slot(1, WINDOW + PAGE, 0, 0, NULL);
        ck_assert_int_eq(vmc_front_set_slot(&rig.front, 1, &slot), 0);
    }
    slot_kind = pick(3);
    if (slot_kind != 0) {
        slot.size_bytes = PAGE;
        slot.is_readonly = slot_kind == 2;
        slot.host = rig.memory;
        set_slot(1, WINDOW + PAGE, PAGE,
                 slot.is_readonly ? KVM_MEM_READONLY : 0, live.slot);
        ck_assert_int_eq(vmc_front_set_slot(&rig.front, 1, &slot), 0);
    }
}

/* ---- What must be equal after each ------------------------------------------
 */

static void compare_all(uint64_t step)
{
    ck_assert_msg(strcmp(model_log, live.log) == 0,
                  "step %llu: model \"%s\", kernel \"%s\"",
                  (unsigned long long)step, model_log, live.log);
    ck_assert_msg(
        memcmp(vmc_coalesced_ring(rig.coalesced), live.ring, 8 + 170 * 24) == 0,
        "step %llu: the rings differ", (unsigned long long)step);
    ck_assert_mem_eq(rig.memory, live.slot, PAGE);
    for (int i = 0; i < 2; i++) {
        uint64_t value = 0, same = 0;
        ssize_t got = read(live.fds[i], &value, sizeof(value));
        int result = vmc_eventfds_read(rig.files, i, &same);

        ck_assert_msg((got == 8) == (result == 0) && value == same,
                      "step %llu: eventfd %d: model %llu, kernel %llu",
                      (unsigned long long)step, i, (unsigned long long)same,
                      (unsigned long long)value);
    }
}

/* How many operations are asked for; 0 for no comparison at all. */
static uint64_t wanted_count(void)
{
    const char *wanted = getenv("VMCYCLE_LIVE_KVM");

    return wanted == NULL ? 0 : strtoull(wanted, NULL, 10);
}

static void start_both(uint64_t seed)
{
    vmc_rng_init(&rng, seed);
    rig_start(VMC_ARCH_X86, VMC_K6_18);
    vmc_front_on_event(&rig.front, NULL, NULL);
    ck_assert_int_eq(vmc_eventfds_close(rig.files, 3), 0);
    ck_assert_int_eq(vmc_eventfds_close(rig.files, 2), 0);
    ck_assert_int_eq(vmc_eventfds_dup(rig.files, 0), 2);
    ck_assert_int_eq(vmc_eventfds_open_other(rig.files), 3);
    has_irqchip = seed % 2 != 0;
    if (has_irqchip) {
        ck_assert_int_eq(vmc_standins_add(&rig.standins, rig.bus), 0);
    }
    live_start();
}

/* Zones of 2 GiB, which no removal of that size takes off. */
START_TEST(sizes_beyond_31_bits_agree_with_the_kernel)
{
    static const struct {
        enum { ADD, REMOVE, STORE } action;
        uint64_t addr;
        uint32_t size;
    } steps[] = {
        {ADD, 0x10000000, 0x80000000}, {STORE, 0x10000000, 0},
        {STORE, 0xa0000000, 0},        {REMOVE, 0x10000000, 0x80000000},
        {STORE, 0x10000000, 0},        {REMOVE, 0x10000000, 0x7fffffff},
        {STORE, 0x10000000, 0},        {ADD, 0xc0000000, 0x80000000},
        {STORE, 0xc0000000, 0},        {REMOVE, 0xc0000000, 0xffffffff},
        {ADD, 0x20000000, 0xffffffff}, {STORE, 0x20000000, 0},
        {STORE, 0xfffffff0, 0},        {REMOVE, 0x90000000, 0},
        {STORE, 0x20000000, 0},
    };

    if (wanted_count() == 0) {
        return;
    }
    start_both(0);
    cuts = 0;
    for (size_t i = 0; i < VMC_COUNT_OF(steps); i++) {
        model_log[0] = live.log[0] = '\0';
        if (steps[i].action == STORE) {
            mmio_both(steps[i].addr, 2, true, i);
        } else {
            zone_both(steps[i].addr, steps[i].size, 0, steps[i].action == ADD);
        }
        compare_all(i);
    }
    rig_stop();
}
END_TEST

START_TEST(random_operations_agree_with_the_kernel)
{
    uint64_t count = wanted_count();

    if (count == 0) {
        return;
    }
    start_both((uint64_t)_i);
    for (uint64_t step = 0; step < count; step++) {
        model_log[0] = live.log[0] = '\0';
        cuts = pick(2) ? (uint32_t)vmc_rng_next(&rng) : 0;
        switch (pick(16)) {
        case 0:
        case 1:
            do_zone(true);
            break;
        case 2:
            do_zone(false);
            break;
        case 3:
        case 4:
            do_ioeventfd(false);
            break;
        case 5:
            do_ioeventfd(true);
            break;
        case 6:
        case 7:
            do_port();
            break;
        case 8:
            do_string();
            break;
        case 9:
            do_ring();
            break;
        case 10:
            if (pick(4) == 0) {
                do_slot();
            }
            break;
        default:
            do_mmio();
        }
        compare_all(step);
    }
    rig_stop();
}
END_TEST

static void add_tests(TCase *c)
{
    tcase_set_timeout(c, 600);
    tcase_add_test(c, sizes_beyond_31_bits_agree_with_the_kernel);
    tcase_add_loop_test(c, random_operations_agree_with_the_kernel, 0, 4);
}

#else

START_TEST(only_an_x86_host_has_what_this_compares_with)
{
}
END_TEST

static void add_tests(TCase *c)
{
    tcase_add_test(c, only_an_x86_host_has_what_this_compares_with);
}

#endif

Suite *suite(void)
{
    Suite *s = suite_create("live_kvm");
    TCase *c = tcase_create("live_kvm");

    suite_add_tcase(s, c);
    add_tests(c);
    return s;
}
