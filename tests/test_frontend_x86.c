/* SPDX-License-Identifier: MIT */
/*
 * MMIO on x86: what is cut where, who gets which piece, and in which order.
 * Rows that start with TV are the vectors of KVM's behaviour; front_rig.h says
 * how their outcomes are written.
 */
#include "ioregion/frontend.h"

#include "base/rng.h"
#include "bus_rig.h"
#include "front_rig.h"
#include "ioregion/region_run.h"
#include "suite.h"

enum { STEPS = 14 };

enum action { END, ZONE, UNZONE, EVENT, WRITE, READ, IRQCHIP };

struct step {
    enum action action;
    uint64_t addr;
    uint32_t len;
    const char *log; /* of an access; of EVENT, the number of the eventfd */
};

#define Z(addr, size)                                                          \
    {                                                                          \
        ZONE, addr, size, NULL                                                 \
    }
#define E(addr, len, fd)                                                       \
    {                                                                          \
        EVENT, addr, len, fd                                                   \
    }
#define W(addr, len, log)                                                      \
    {                                                                          \
        WRITE, addr, len, log                                                  \
    }
#define R(addr, len, log)                                                      \
    {                                                                          \
        READ, addr, len, log                                                   \
    }

static const struct {
    const char *what;
    struct step steps[STEPS];
} rows[] = {
    {"TV-20 a zone of 2 GiB",
     {Z(0x10000000, 0x80000000), W(0x10000000, 4, "r10000000+4"),
      W(0xa0000000, 4, "xa0000000+4")}},
    {"TV-21 a zone of 2 GiB above 2 GiB",
     {Z(0xc0000000, 0x80000000), W(0xc0000000, 4, "xc0000000+4")}},
    {"TV-24 zone, then ioeventfd in it",
     {Z(0x10000, 0x1000), E(0x10004, 4, "0"), W(0x10000, 4, "r10000+4"),
      W(0x10004, 4, "r10004+4"), W(0x10008, 4, "x10008+4"),
      W(0x10ffc, 4, "x10ffc+4"), W(0x10004, 2, "r10004+2")}},
    {"TV-25 ioeventfd, then zone around it",
     {E(0x10004, 4, "0"), Z(0x10000, 0x1000), W(0x10000, 4, "r10000+4"),
      W(0x10004, 4, "e0"), W(0x10008, 4, "r10008+4"),
      W(0x10004, 2, "r10004+2")}},
    {"TV-26 zone, then three ioeventfds",
     {Z(0x10000, 0x1000), E(0x10004, 4, "0"), E(0x10100, 4, "1"),
      E(0x10200, 4, "2"), W(0x10000, 4, "r10000+4"), W(0x10004, 4, "r10004+4"),
      W(0x10008, 4, "x10008+4"), W(0x10100, 4, "e1"), W(0x10180, 4, "x10180+4"),
      W(0x10200, 4, "e2"), W(0x10300, 4, "x10300+4")}},
    {"TV-27 interrupt controllers in the kernel",
     {{IRQCHIP, 0, 0, NULL},
      Z(0xfec00000, 0x1000),
      W(0xfec00000, 4, "k"),
      W(0xfec00200, 4, "rfec00200+4"),
      E(0xfec00010, 4, "0"),
      E(0xfee000b0, 4, "1"),
      W(0xfec00010, 4, "k"),
      W(0xfec00080, 4, "xfec00080+4"),
      W(0xfee000b0, 4, "l")}},
    {"TV-28 a zone of 16 bytes",
     {Z(0x10000, 16), W(0x1000f, 1, "r1000f+1"), W(0x10010, 1, "x10010+1"),
      W(0x1000c, 4, "r1000c+4"), W(0x1000d, 4, "x1000d+4"),
      W(0x10008, 8, "r10008+8"), R(0x10000, 4, "x10000+4")}},
    {"TV-29 adjacent zones",
     {Z(0x10000, 16), Z(0x10010, 16), W(0x1000e, 4, "x1000e+4"),
      W(0x1000c, 8, "x1000c+8"), W(0x10010, 1, "r10010+1")}},
    {"TV-30 low byte before a zone, on another page",
     {Z(0x10000, 16), W(0xffff, 4, "r10000+3 xffff+1")}},
    {"TV-31 zones on both pages",
     {Z(0x10000, 0x1000), Z(0x11000, 0x1000),
      W(0x10ffe, 4, "r10ffe+2 r11000+2"), W(0x10ffd, 8, "r10ffd+3 r11000+5")}},
    {"TV-32 nobody there",
     {W(0x10ffd, 8, "x10ffd+3 x11000+5"), R(0x10fff, 4, "x10fff+1 x11000+3")}},
    {"TV-33 high half in the kernel comes first",
     {Z(0x11000, 0x1000), W(0x10ffe, 4, "r11000+2 x10ffe+2")}},
    {"TV-35 no length, then one byte",
     {E(0x10000, 0, "0"), Z(0x10000, 1), W(0x10000, 1, "e0"),
      W(0x10000, 4, "x10000+4")}},
    {"TV-35 one byte, then no length",
     {Z(0x10000, 1), E(0x10000, 0, "0"), W(0x10000, 1, "r10000+1"),
      W(0x10000, 4, "e0")}},
    {"TV-36 only the high half could be claimed",
     {E(0x10008, 8, "0"), W(0x10000, 16, "x10000+8 x10008+8")}},
    {"TV-37 the low half is claimed",
     {E(0x10000, 8, "0"), W(0x10000, 16, "e0 x10008+8")}},
    {"TV-38 a zone that ends in the middle",
     {Z(0x10000, 0x100), W(0x100f8, 16, "r100f8+8 x10100+8")}},
    {"TV-40 an odd address",
     {E(0x10001, 4, "0"), W(0x10001, 4, "e0"), W(0x10000, 4, "x10000+4")}},
    {"16 bytes over a page: the low part is cut as well",
     {W(0x10ff5, 16, "x10ff5+8 x10ffd+3 x11000+5")}},
    {"16 bytes over a page, the high part claimed",
     {Z(0x11000, 0x1000), W(0x10ff8, 16, "r11000+8 x10ff8+8")}},
    {"64 bytes",
     {Z(0x10000, 24),
      W(0x10000, 64,
        "r10000+8 r10008+8 r10010+8 x10018+8 x10020+8 x10028+8 x10030+8 "
        "x10038+8")}},
    {"a zone that is taken off",
     {Z(0x10000, 16),
      W(0x10000, 4, "r10000+4"),
      {UNZONE, 0x10000, 16, NULL},
      W(0x10000, 4, "x10000+4")}},
};

static void act(const struct step *step)
{
    switch (step->action) {
    case END:
        break;
    case ZONE:
        ck_assert_int_eq(rig_zone(step->addr, step->len, 0), 0);
        break;
    case UNZONE:
        ck_assert_int_eq(rig_unzone(step->addr, step->len, 0), 0);
        break;
    case EVENT:
        ck_assert_int_eq(
            rig_event(step->addr, step->len, 0, 0, step->log[0] - '0'), 0);
        break;
    case IRQCHIP:
        ck_assert_int_eq(vmc_standins_add(&rig.standins, rig.bus), 0);
        break;
    case WRITE:
    case READ:
        rig.log[0] = rig.events[0] = '\0';
        rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, step->addr, step->len,
                                step->action == WRITE));
    }
}

static void set_up(void)
{
    rig_start(VMC_ARCH_X86, VMC_K6_12);
}

START_TEST(each_piece_goes_where_it_goes_in_kvm)
{
    for (int i = 0; i < STEPS && rows[_i].steps[i].action != END; i++) {
        const struct step *step = &rows[_i].steps[i];

        act(step);
        if (step->action == WRITE || step->action == READ) {
            ck_assert_msg(strcmp(rig.log, step->log) == 0, "%s: %#llx+%u: %s",
                          rows[_i].what, (unsigned long long)step->addr,
                          step->len, rig.log);
        }
    }
}
END_TEST

START_TEST(tv_31_the_bytes_of_a_crossing_store)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        uint64_t value;
    } entries[] = {{0x10ffe, 2, 0xccdd},
                   {0x11000, 2, 0xaabb},
                   {0x10ffd, 3, 0x667788},
                   {0x11000, 5, 0x1122334455}};
    struct vmc_kvm_coalesced got;

    ck_assert_int_eq(rig_zone(0x10000, 0x1000, 0), 0);
    ck_assert_int_eq(rig_zone(0x11000, 0x1000, 0), 0);
    memcpy(rig.vcpu.data, "\xdd\xcc\xbb\xaa", 4);
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10ffe, 4, true));
    memcpy(rig.vcpu.data, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
    rig_serve(vmc_front_x86(&rig.front, &rig.vcpu, 0x10ffd, 8, true));
    for (size_t i = 0; i < VMC_COUNT_OF(entries); i++) {
        struct vmc_bus_access bytes = {.len = (int32_t)entries[i].len};

        ck_assert(vmc_coalesced_take(rig.coalesced, &got));
        ck_assert_uint_eq(got.phys_addr, entries[i].addr);
        ck_assert_uint_eq(got.len, entries[i].len);
        memcpy(bytes.data, got.data, got.len);
        ck_assert_uint_eq(vmc_bus_value(&bytes), entries[i].value);
    }
}
END_TEST

START_TEST(tv_39_memory_wins_over_every_device)
{
    struct vmc_front_slot slot = {
        .gpa = 0x10000, .size_bytes = 0x1000, .host = rig.memory};
    struct vmc_front_slot none = {.size_bytes = 0};

    rig.front.config.has_fast_mmio = true;
    ck_assert_int_eq(rig_event(0x10004, 4, 0, 0, 0), 0);
    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
    memcpy(rig.vcpu.data, "\1\2\3\4", 4);
    act(&(struct step)W(0x10004, 4, ""));
    ck_assert_str_eq(rig.log, "");
    ck_assert_mem_eq(rig.memory + 4, "\1\2\3\4", 4);
    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &none), 0);
    act(&(struct step)W(0x10004, 4, ""));
    ck_assert_str_eq(rig.log, "e0");
    slot.is_readonly = true;
    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
    act(&(struct step)W(0x10004, 4, ""));
    ck_assert_str_eq(rig.log, "e0");
    memset(rig.vcpu.data, 0, 8);
    act(&(struct step)R(0x10004, 4, ""));
    ck_assert_str_eq(rig.log, "");
    ck_assert_mem_eq(rig.vcpu.data, "\1\2\3\4", 4);
    act(&(struct step)W(0x10008, 4, ""));
    ck_assert_str_eq(rig.log, "x10008+4");
}
END_TEST

START_TEST(an_access_half_in_memory_is_half_an_exit)
{
    struct vmc_front_slot slot = {
        .gpa = 0x10000, .size_bytes = 0x1000, .host = rig.memory};

    ck_assert_int_eq(vmc_front_set_slot(&rig.front, 0, &slot), 0);
    memcpy(rig.memory + 0xffe, "\xaa\xbb", 2);
    act(&(struct step)R(0x10ffe, 4, ""));
    ck_assert_str_eq(rig.log, "x11000+2");
    ck_assert_uint_eq(rig.vcpu.data[0], 0xaa);
    ck_assert_uint_eq(rig.vcpu.data[1], 0xbb);
    ck_assert_uint_eq(rig.vcpu.data[2], rig_byte(0x11000));
    ck_assert_uint_eq(rig.vcpu.data[3], rig_byte(0x11001));
}
END_TEST

START_TEST(tv_80_a_pending_load_is_finished_before_the_immediate_exit)
{
    ck_assert_int_eq(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 4, false),
                     VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_MMIO);
    memcpy(rig.vcpu.run.mmio.data, "\x78\x56\x34\x12", 4);
    rig.vcpu.run.immediate_exit = 1;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
    ck_assert_mem_eq(rig.vcpu.data, "\x78\x56\x34\x12", 4);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, 6);
    ck_assert_int_eq(rig.vcpu.pending, VMC_PENDING_NONE);
}
END_TEST

START_TEST(a_second_fragment_comes_before_the_immediate_exit)
{
    ck_assert_int_eq(vmc_front_x86(&rig.front, &rig.vcpu, 0x10fff, 4, true),
                     VMC_FRONT_EXIT);
    rig.vcpu.run.immediate_exit = 1;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.mmio.phys_addr, 0x11000);
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), -EINTR);
}
END_TEST

START_TEST(a_written_exit_reason_changes_nothing)
{
    ck_assert_int_eq(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 4, false),
                     VMC_FRONT_EXIT);
    memcpy(rig.vcpu.run.mmio.data, "\1\2\3\4", 4);
    rig.vcpu.run.exit_reason = VMC_EXIT_IO;
    rig.vcpu.run.mmio.len = 1000;
    rig.vcpu.run.mmio.is_write = 1;
    ck_assert_int_eq(vmc_front_run(&rig.front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_mem_eq(rig.vcpu.data, "\1\2\3\4", 4);
}
END_TEST

/* ---- The FAST bus ------------------------------------------------------- */

START_TEST(a_misconfiguration_is_served_by_address_alone)
{
    rig.front.config.has_fast_mmio = true;
    ck_assert_int_eq(rig_event(0x10000, 0, 0, 0, 0), 0);
    memset(rig.vcpu.data, 0x77, 8);
    act(&(struct step)W(0x10000, 4, ""));
    ck_assert_str_eq(rig.log, "e0");
    ck_assert_str_eq(rig.events, "fast mmio at gpa 0x10000");
    act(&(struct step)R(0x10000, 4, ""));
    ck_assert_str_eq(rig.log, "e0");
    ck_assert_uint_eq(rig.vcpu.data[0], 0x77);
    act(&(struct step)W(0x10001, 1, ""));
    ck_assert_str_eq(rig.log, "x10001+1");
    ck_assert_uint_eq(rig.front.counts.fast, 2);
}
END_TEST

/* A handler is inside a section: what it takes off is not destroyed under it.
 */
static int take_off(struct vmc_bus_device *device,
                    const struct vmc_bus_access *access)
{
    enum vmc_bus_index index = access->len == 0 ? VMC_BUS_FAST : VMC_BUS_MMIO;

    ck_assert_int_eq(vmc_bus_unregister(rig.bus, index, device), 0);
    ck_assert(!vmc_bus_is_quiet(rig.bus));
    ck_assert_uint_eq(probe_of(device)->destroyed, 0);
    return 0;
}

static const struct vmc_bus_ops leaving_ops = {
    .kind = "leaving", .write = take_off, .destroy = probe_destroy};

START_TEST(a_handler_may_take_its_device_off)
{
    struct probe_device device = probe_make(VMC_BUS_KERNEL, 0);

    rig.front.config.has_fast_mmio = _i != 0;
    device.device.ops = &leaving_ops;
    ck_assert_int_eq(vmc_bus_register(rig.bus,
                                      _i != 0 ? VMC_BUS_FAST : VMC_BUS_MMIO,
                                      0x10000, 0, &device.device),
                     0);
    ck_assert_int_eq(vmc_front_x86(&rig.front, &rig.vcpu, 0x10000, 4, true),
                     VMC_FRONT_GUEST);
    ck_assert_uint_eq(device.destroyed, 1);
    ck_assert(vmc_bus_is_quiet(rig.bus));
}
END_TEST

START_TEST(without_one_a_load_exits)
{
    ck_assert_int_eq(rig_event(0x10000, 0, 0, 0, 0), 0);
    act(&(struct step)R(0x10000, 4, ""));
    ck_assert_str_eq(rig.log, "x10000+4");
    act(&(struct step)W(0x10000, 4, ""));
    ck_assert_str_eq(rig.log, "e0");
}
END_TEST

/* ---- What tracing would print ------------------------------------------- */

static const struct {
    const char *what;
    struct step steps[3];
    const char *events; /* of the last step */
} traces[] = {
    {"store to user space",
     {W(0x10000, 4, "")},
     "mmio write len 4 gpa 0x10000 val 0x3020100 "
     "reason KVM_EXIT_MMIO (6)"},
    {"store to an ioeventfd: written before it is dispatched",
     {E(0x10000, 4, "0"), W(0x10000, 4, "")},
     "mmio write len 4 gpa 0x10000 val 0x3020100"},
    {"load from user space",
     {R(0x10000, 4, "")},
     "mmio unsatisfied-read len 4 gpa 0x10000 val 0x0 "
     "reason KVM_EXIT_MMIO (6) mmio read len 4 gpa 0x10000 val 0x46352413"},
    {"load in the middle of a page",
     {R(0x10104, 4, "")},
     "mmio unsatisfied-read len 4 gpa 0x10104 val 0x0 "
     "reason KVM_EXIT_MMIO (6) mmio read len 4 gpa 0x10104 val 0x8a796857"},
    {"load over a page: first address, last length",
     {R(0x10fff, 4, "")},
     "mmio unsatisfied-read len 3 gpa 0x10fff val 0x0 "
     "reason KVM_EXIT_MMIO (6) reason KVM_EXIT_MMIO (6) "
     "mmio read len 4 gpa 0x10fff val 0x3625148a"},
    {"load of 16 bytes: the address has moved",
     {R(0x10000, 16, "")},
     "mmio unsatisfied-read len 16 gpa 0x10000 val 0x0 "
     "reason KVM_EXIT_MMIO (6) reason KVM_EXIT_MMIO (6) "
     "mmio read len 16 gpa 0x10008 val 0x8a79685746352413"},
    {"store over a page: one a part",
     {W(0x10ffe, 4, "")},
     "mmio write len 2 gpa 0x10ffe val 0x100 "
     "mmio write len 2 gpa 0x11000 val 0x302 "
     "reason KVM_EXIT_MMIO (6) reason KVM_EXIT_MMIO (6)"},
    {"load from the kernel",
     {{IRQCHIP, 0, 0, NULL}, R(0xfec00000, 4, "")},
     "mmio read len 4 gpa 0xfec00000 val 0x0"},
};

START_TEST(tracing_prints_what_a_kernel_prints)
{
    for (uint8_t i = 0; i < 16; i++) {
        rig.vcpu.data[i] = i;
    }
    for (int i = 0; i < 3; i++) {
        act(&traces[_i].steps[i]);
    }
    ck_assert_msg(strcmp(rig.events, traces[_i].events) == 0, "%s: %s",
                  traces[_i].what, rig.events);
}
END_TEST

/* ---- Handlers that are interrupted -------------------------------------- */

static int interrupted_write(struct vmc_bus_device *device,
                             const struct vmc_bus_access *access)
{
    struct probe_device *probe = probe_of(device);

    probe->writes++;
    probe->last = *access;
    return probe->writes == 1 ? -EINTR : 0;
}

static int interrupted_read(struct vmc_bus_device *device,
                            struct vmc_bus_access *access)
{
    struct probe_device *probe = probe_of(device);

    memset(access->data, 0x5a, (size_t)access->len);
    probe->reads++;
    probe->last = *access;
    return probe->reads == 1 ? -EINTR : 0;
}

static const struct vmc_bus_ops interrupted_ops = {.kind = "interrupted",
                                                   .read = interrupted_read,
                                                   .write = interrupted_write};

START_TEST(an_interrupted_handler_is_called_again_with_the_same_piece)
{
    bool stops_on_error = _i != 0;
    struct vmc_bus_config config = vmc_bus_defaults();
    struct probe_device device = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    device.device.ops = &interrupted_ops;
    config.stops_on_error = stops_on_error;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x11000, 16, &device.device), 0);
    /* The low part goes to user space, the high part is interrupted first. */
    if (!stops_on_error) {
        ck_assert_int_eq(vmc_front_x86(&front, &rig.vcpu, 0x10ffe, 4, false),
                         VMC_FRONT_EXIT);
        ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_EXIT);
        ck_assert_uint_eq(device.reads, 1);
    } else {
        ck_assert_int_eq(vmc_front_x86(&front, &rig.vcpu, 0x10ffe, 4, false),
                         -EINTR);
        ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_INTR);
        ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_EXIT);
        ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_MMIO);
        ck_assert_uint_eq(rig.vcpu.run.mmio.phys_addr, 0x10ffe);
        ck_assert_uint_eq(rig.vcpu.run.mmio.len, 2);
        ck_assert_uint_eq(device.reads, 2);
        ck_assert_uint_eq(device.last.addr, 0x11000);
        memcpy(rig.vcpu.run.mmio.data, "\1\2", 2);
        ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_GUEST);
        ck_assert_mem_eq(rig.vcpu.data, "\1\2\x5a\x5a", 4);
    }
    vmc_bus_free(bus);
}
END_TEST

START_TEST(an_interrupted_store_is_traced_once)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct probe_device device = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    device.device.ops = &interrupted_ops;
    config.stops_on_error = true;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    vmc_front_on_event(&front, rig_on_event, &rig);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x10000, 16, &device.device), 0);
    memset(rig.vcpu.data, 0, 4);
    ck_assert_int_eq(vmc_front_x86(&front, &rig.vcpu, 0x10000, 4, true),
                     -EINTR);
    ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_GUEST);
    ck_assert_uint_eq(device.writes, 2);
    ck_assert_str_eq(rig.events, "mmio write len 4 gpa 0x10000 val 0x0 "
                                 "reason restart (4)");
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_device_that_vanished_meanwhile_makes_it_an_exit)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct probe_device device = probe_make(VMC_BUS_IOREGION, 0);
    struct vmc_front front;
    struct vmc_bus *bus;

    device.device.ops = &interrupted_ops;
    config.stops_on_error = true;
    bus = bus_make(config);
    vmc_front_init(&front, bus, &rig.front.config);
    ck_assert_int_eq(
        vmc_bus_register(bus, VMC_BUS_MMIO, 0x10000, 16, &device.device), 0);
    ck_assert_int_eq(vmc_front_x86(&front, &rig.vcpu, 0x10000, 4, true),
                     -EINTR);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_MMIO, &device.device), 0);
    ck_assert_int_eq(vmc_front_run(&front, &rig.vcpu), VMC_FRONT_EXIT);
    ck_assert_uint_eq(rig.vcpu.run.exit_reason, VMC_EXIT_MMIO);
    ck_assert_uint_eq(device.writes, 1);
    vmc_bus_free(bus);
}
END_TEST

/* ---- Any access: each byte is served once, by the right one -------------- */

struct claim {
    struct vmc_bus_device device;
    uint8_t seen[0x3000]; /* how often each byte of the window was offered */
};

enum { WINDOW = 0x10000, PAGE_BYTES = 0x1000 };

static int claim_read(struct vmc_bus_device *device,
                      struct vmc_bus_access *access)
{
    struct claim *claim = VMC_CONTAINER_OF(device, struct claim, device);

    ck_assert_int_le(access->len, 8);
    ck_assert_uint_eq(access->addr >> 12,
                      (access->addr + (uint64_t)access->len - 1) >> 12);
    for (int i = 0; i < access->len; i++) {
        claim->seen[access->addr - WINDOW + (uint64_t)i]++;
        access->data[i] = rig_byte(access->addr + (uint64_t)i);
    }
    return 0;
}

static int claim_write(struct vmc_bus_device *device,
                       const struct vmc_bus_access *access)
{
    struct vmc_bus_access copy = *access;

    return claim_read(device, &copy);
}

static const struct vmc_bus_ops claim_ops = {
    .kind = "claim", .read = claim_read, .write = claim_write};

START_TEST(every_byte_of_any_access_is_served_once)
{
    static struct claim claims[12];
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    memset(claims, 0, sizeof(claims));
    for (size_t i = 0; i < VMC_COUNT_OF(claims); i++) {
        claims[i].device =
            (struct vmc_bus_device){.ops = &claim_ops, .kind = VMC_BUS_KERNEL};
        ck_assert_int_eq(
            vmc_bus_register(rig.bus, VMC_BUS_MMIO,
                             WINDOW + 0xf80 + vmc_rng_below(&rng, 0x100),
                             1 + vmc_rng_below(&rng, 40), &claims[i].device),
            0);
    }
    for (int round = 0; round < 400; round++) {
        uint64_t gpa = WINDOW + 0xf60 + vmc_rng_below(&rng, 0x140);
        uint32_t size_bytes = (uint32_t)(1 + vmc_rng_below(&rng, 32));
        bool is_write = vmc_rng_below(&rng, 2) == 0;
        uint8_t served[64] = {0};
        int result;

        for (size_t i = 0; i < VMC_COUNT_OF(claims); i++) {
            memset(claims[i].seen, 0, sizeof(claims[i].seen));
        }
        memset(rig.vcpu.data, 0, sizeof(rig.vcpu.data));
        result =
            vmc_front_x86(&rig.front, &rig.vcpu, gpa, size_bytes, is_write);
        while (result == VMC_FRONT_EXIT) {
            struct vmc_kvm_exit_mmio *mmio = &rig.vcpu.run.mmio;

            ck_assert_uint_ge(mmio->len, 1);
            ck_assert_uint_le(mmio->len, 8);
            for (uint32_t i = 0; i < mmio->len; i++) {
                served[mmio->phys_addr + i - gpa]++;
                if (!is_write) {
                    mmio->data[i] = rig_byte(mmio->phys_addr + i);
                }
            }
            result = vmc_front_run(&rig.front, &rig.vcpu);
        }
        ck_assert_int_eq(result, VMC_FRONT_GUEST);
        for (uint32_t at = 0; at < size_bytes; at++) {
            for (size_t i = 0; i < VMC_COUNT_OF(claims); i++) {
                served[at] += claims[i].seen[gpa - WINDOW + at];
            }
            ck_assert_uint_eq(served[at], 1);
            ck_assert_uint_eq(rig.vcpu.data[at],
                              is_write ? 0 : rig_byte(gpa + at));
        }
        rig.events[0] = '\0';
    }
    for (size_t i = 0; i < VMC_COUNT_OF(claims); i++) {
        ck_assert_int_eq(
            vmc_bus_unregister(rig.bus, VMC_BUS_MMIO, &claims[i].device), 0);
    }
}
END_TEST

/* ---- The walker of regions, which waits and resumes, cuts the same ----------
 */

static char calls[RIG_LOG_BYTES];

static int noted_read(struct vmc_bus_device *device,
                      struct vmc_bus_access *access)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%llx+%d",
                   (unsigned long long)access->addr, access->len);
    rig_note(calls, text);
    for (int i = 0; i < access->len; i++) {
        access->data[i] = rig_byte(access->addr + (uint64_t)i);
    }
    return device->kind == VMC_BUS_ZONE ? -EOPNOTSUPP : 0;
}

static int noted_write(struct vmc_bus_device *device,
                       const struct vmc_bus_access *access)
{
    struct vmc_bus_access copy = *access;

    return noted_read(device, &copy);
}

static const struct vmc_bus_ops noted_ops = {
    .kind = "noted", .read = noted_read, .write = noted_write};

static void note_exit(uint64_t addr, uint32_t len, bool is_write, uint8_t *data)
{
    char text[64];
    int used =
        snprintf(text, sizeof(text), "x%llx+%u", (unsigned long long)addr, len);

    for (uint32_t i = 0; i < len; i++) {
        if (is_write) {
            used += snprintf(text + used, sizeof(text) - (size_t)used, ":%02x",
                             data[i]);
        } else {
            data[i] = rig_byte(addr + i);
        }
    }
    rig_note(calls, text);
}

static void run_here(uint64_t gpa, uint32_t len, bool is_write)
{
    struct vmc_kvm_exit_mmio *mmio = &rig.vcpu.run.mmio;
    int result = vmc_front_x86(&rig.front, &rig.vcpu, gpa, len, is_write);

    while (result == VMC_FRONT_EXIT) {
        note_exit(mmio->phys_addr, mmio->len, is_write, mmio->data);
        result = vmc_front_run(&rig.front, &rig.vcpu);
    }
}

static void run_there(struct vmc_region_vcpu *vcpu,
                      const struct vmc_region_access *access)
{
    vmc_region_vcpu_access(vcpu, access);
    while (vmc_region_vcpu_run(vcpu, 0) == VMC_REGION_RUN_EXIT) {
        note_exit(vcpu->exit.addr, vcpu->exit.len, access->is_write,
                  vcpu->exit.data);
    }
}

START_TEST(the_walker_of_regions_cuts_the_same)
{
    static struct vmc_iofiles files;
    static struct vmc_region_vcpu vcpu;
    struct vmc_regions_config config = vmc_regions_defaults();
    struct vmc_region_vcpu_config vcpu_config = {0};
    struct vmc_bus_device devices[8];
    struct vmc_regions *regions;
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    vmc_iofiles_init(&files);
    ck_assert_int_eq(vmc_regions_new(&regions, rig.bus, &files, &config),
                     VMC_OK);
    vmc_region_vcpu_init(&vcpu, regions, 1, &vcpu_config);
    for (size_t i = 0; i < VMC_COUNT_OF(devices); i++) {
        devices[i] = (struct vmc_bus_device){
            .ops = &noted_ops, .kind = i < 3 ? VMC_BUS_ZONE : VMC_BUS_KERNEL};
        ck_assert_int_eq(
            vmc_bus_register(rig.bus, VMC_BUS_MMIO,
                             WINDOW + PAGE_BYTES - 32 + vmc_rng_below(&rng, 48),
                             1 + vmc_rng_below(&rng, 24), &devices[i]),
            0);
    }
    for (int round = 0; round < 300; round++) {
        struct vmc_region_access access = {
            .bus = VMC_BUS_MMIO,
            .addr = WINDOW + PAGE_BYTES - 40 + vmc_rng_below(&rng, 60),
            .len = (uint32_t)(1 + vmc_rng_below(&rng, 16)),
            .is_write = vmc_rng_below(&rng, 2) == 0};
        char here[RIG_LOG_BYTES];

        for (uint8_t i = 0; i < 16; i++) {
            access.data[i] = rig.vcpu.data[i] = (uint8_t)(i * 17 + round);
        }
        calls[0] = rig.events[0] = '\0';
        run_here(access.addr, access.len, access.is_write);
        memcpy(here, calls, sizeof(here));
        calls[0] = '\0';
        run_there(&vcpu, &access);
        ck_assert_str_eq(here, calls);
        ck_assert_mem_eq(rig.vcpu.data,
                         access.is_write ? access.data : vcpu.now.data,
                         access.len);
    }
    for (size_t i = 0; i < VMC_COUNT_OF(devices); i++) {
        ck_assert_int_eq(vmc_bus_unregister(rig.bus, VMC_BUS_MMIO, &devices[i]),
                         0);
    }
    vmc_bus_set_veto(rig.bus, NULL, NULL);
    vmc_regions_free(regions);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("frontend_x86");
    TCase *c = tcase_create("frontend_x86");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, set_up, rig_stop);
    tcase_add_loop_test(c, each_piece_goes_where_it_goes_in_kvm, 0,
                        (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, tv_31_the_bytes_of_a_crossing_store);
    tcase_add_test(c, tv_39_memory_wins_over_every_device);
    tcase_add_test(c, an_access_half_in_memory_is_half_an_exit);
    tcase_add_test(c,
                   tv_80_a_pending_load_is_finished_before_the_immediate_exit);
    tcase_add_test(c, a_second_fragment_comes_before_the_immediate_exit);
    tcase_add_test(c, a_written_exit_reason_changes_nothing);
    tcase_add_test(c, a_misconfiguration_is_served_by_address_alone);
    tcase_add_loop_test(c, a_handler_may_take_its_device_off, 0, 2);
    tcase_add_test(c, without_one_a_load_exits);
    tcase_add_loop_test(c, tracing_prints_what_a_kernel_prints, 0,
                        (int)VMC_COUNT_OF(traces));
    tcase_add_loop_test(
        c, an_interrupted_handler_is_called_again_with_the_same_piece, 0, 2);
    tcase_add_test(c, an_interrupted_store_is_traced_once);
    tcase_add_test(c, a_device_that_vanished_meanwhile_makes_it_an_exit);
    tcase_add_loop_test(c, every_byte_of_any_access_is_served_once, 0, 20);
    tcase_add_loop_test(c, the_walker_of_regions_cuts_the_same, 0, 20);
    return s;
}
