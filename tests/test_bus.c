/* SPDX-License-Identifier: MIT */
/*
 * The search of a bus: what it finds, what it misses, and how many ranges it
 * looks at. Rows that start with TV are the vectors of KVM's behaviour; the
 * random test is judged by a second, recursive search over copied records.
 */
#include "ioregion/bus.h"

#include "base/rng.h"
#include "bus_rig.h"
#include "suite.h"

enum { MAX = 8 };

/* ---- Tables of ranges and keys ------------------------------------------ */

struct span {
    uint64_t addr, size_bytes;
};

struct key {
    uint64_t addr;
    int32_t len;
    const char *finds; /* registration numbers of the candidates, in order */
};

#define NEG(bytes) (UINT64_C(0) - (bytes))

static const struct {
    const char *what;
    struct span spans[MAX]; /* in the order of registration; ends at addr 0 */
    struct key keys[MAX];
    const char *order; /* of the array, as registration numbers */
} rows[] = {
    {"TV-18 range that ends at 2^64",
     {{NEG(16), 16}},
     {{NEG(16), 8, ""},
      {NEG(8), 8, "0"},
      {NEG(16), 16, "0"},
      {NEG(1), 1, "0"},
      {NEG(2), 1, ""},
      {NEG(4), 4, "0"}},
     "0"},
    {"TV-19 range that ends one below",
     {{NEG(17), 16}},
     {{NEG(17), 16, "0"},
      {NEG(17), 1, "0"},
      {NEG(9), 8, "0"},
      {NEG(2), 1, "0"},
      {NEG(5), 4, "0"},
      {NEG(1), 1, "0"}, /* outside, but its end is 0 and so not beyond */
      {NEG(2), 2, "0"}},
     "0"},
    {"TV-20 2 GiB capture everything above",
     {{0x10000000, 0x80000000}},
     {{0x10000000, 4, "0"},
      {0xa0000000, 4, "0"},
      {0xffffffff, 1, "0"},
      {0x0fffffff, 1, ""},
      {NEG(0x70000000), 1, ""}},
     "0"},
    {"TV-21 2 GiB above 2 GiB match nothing",
     {{0xc0000000, 0x80000000}},
     {{0xc0000000, 4, ""}, {0xffffffff, 1, ""}, {0x40000000, 1, ""}},
     "0"},
    {"TV-22 4 GiB become an exact address",
     {{0x10000, UINT64_C(1) << 32}},
     {{0x10000, 4, "0"}, {0x10004, 4, ""}, {0x10000, 8, "0"}},
     "0"},
    {"4 GiB and 4 become 4",
     {{0x10000, (UINT64_C(1) << 32) + 4}},
     {{0x10000, 4, "0"}, {0x10000, 5, ""}, {0x10003, 1, "0"}},
     "0"},
    {"TV-24 outer first: the inner one hides what is behind it",
     {{0x1000, 0x1000}, {0x1004, 4}},
     {{0x1000, 4, "0"},
      {0x1004, 4, "01"},
      {0x1008, 4, ""},
      {0x1ffc, 4, ""},
      {0x1004, 2, "01"}},
     "01"},
    {"TV-25 inner first",
     {{0x1004, 4}, {0x1000, 0x1000}},
     {{0x1000, 4, "1"}, {0x1004, 4, "01"}, {0x1008, 4, "1"}, {0x1004, 2, "01"}},
     "01"},
    {"TV-26 three inside one",
     {{0x1000, 0x1000}, {0x1004, 4}, {0x1100, 4}, {0x1200, 4}},
     {{0x1000, 4, "0"},
      {0x1004, 4, "01"},
      {0x1008, 4, ""},
      {0x1100, 4, "2"},
      {0x1180, 4, ""},
      {0x1200, 4, "3"},
      {0x1300, 4, ""}},
     "0123"},
    {"TV-28 sixteen bytes",
     {{0x1000, 16}},
     {{0x100f, 1, "0"},
      {0x1010, 1, ""},
      {0x100c, 4, "0"},
      {0x100d, 4, ""},
      {0x1008, 8, "0"},
      {0x0fff, 1, ""}},
     "0"},
    {"TV-29 an access never joins two ranges",
     {{0x1000, 16}, {0x1010, 16}},
     {{0x100e, 4, ""}, {0x100c, 8, ""}, {0x1010, 1, "1"}},
     "01"},
    {"TV-34 one start, four lengths",
     {{0x1000, 8}, {0x1000, 1}, {0x1000, 4}, {0x1000, 2}},
     {{0x1000, 1, "1320"},
      {0x1000, 2, "320"},
      {0x1000, 3, "20"},
      {0x1000, 4, "20"},
      {0x1000, 8, "0"}},
     "1320"},
    {"TV-35 no length, then one byte",
     {{0x1000, 0}, {0x1000, 1}},
     {{0x1000, 1, "01"}, {0x1000, 4, ""}},
     "01"},
    {"TV-35 one byte, then no length",
     {{0x1000, 1}, {0x1000, 0}},
     {{0x1000, 1, "01"}, {0x1000, 4, "1"}},
     "01"},
    {"TV-40 at an odd address", {{0x1001, 4}}, {{0x1001, 4, "0"}}, "0"},
    {"TV-42 a port range that reaches past the last port",
     {{0xfffe, 4}},
     {{0xfffe, 4, "0"}, {0xfffe, 2, "0"}, {0xffff, 4, ""}},
     "0"},
    {"equal ranges stay as they came",
     {{0x1000, 4}, {0x1000, 4}, {0x1000, 4}},
     {{0x1000, 4, "012"}, {0x1003, 1, "012"}},
     "012"},
    {"apart: by their starts",
     {{0x3000, 4}, {0x1000, 4}, {0x2000, 4}},
     {{0x1000, 4, "1"}, {0x2000, 4, "2"}, {0x3000, 4, "0"}, {0x4000, 4, ""}},
     "120"},
};

static void register_all(struct vmc_bus *bus, struct probe_device *devices,
                         const struct span *spans)
{
    for (int i = 0; spans[i].addr != 0; i++) {
        devices[i] = probe_make(VMC_BUS_KERNEL, -EOPNOTSUPP);
        ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_MMIO, spans[i].addr,
                                          spans[i].size_bytes,
                                          &devices[i].device),
                         0);
    }
}

START_TEST(ranges_stand_and_are_found_as_in_kvm)
{
    struct probe_device devices[MAX];
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());

    register_all(bus, devices, rows[_i].spans);
    for (uint32_t at = 0; at < strlen(rows[_i].order); at++) {
        ck_assert_msg(vmc_bus_range(bus, VMC_BUS_MMIO, at).device ==
                          &devices[rows[_i].order[at] - '0'].device,
                      "%s: place %u", rows[_i].what, at);
    }
    for (const struct key *key = rows[_i].keys; key->len != 0; key++) {
        struct vmc_bus_walk walk;
        char found[MAX + 1] = "";
        uint32_t count = 0;

        if (vmc_bus_walk_start(bus, VMC_BUS_MMIO, key->addr, key->len, &walk) ==
            0) {
            do {
                found[count++] =
                    (char)('0' + (probe_of(vmc_bus_walk_device(bus, &walk)) -
                                  devices));
            } while (vmc_bus_walk_next(bus, &walk));
            vmc_bus_walk_stop(bus, &walk);
        }
        ck_assert_msg(strcmp(found, key->finds) == 0,
                      "%s: %#llx len %d found \"%s\"", rows[_i].what,
                      (unsigned long long)key->addr, key->len, found);
    }
    vmc_bus_free(bus);
}
END_TEST

START_TEST(the_linear_mode_misses_nothing)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus_access access;
    struct probe_device devices[MAX];
    struct vmc_bus *bus;

    config.lookup = VMC_BUS_LINEAR;
    bus = bus_make(config);
    register_all(bus, devices,
                 (const struct span[]){{0x1000, 0x1000}, {0x1004, 4}, {0}});
    ck_assert_int_eq(vmc_bus_find(bus, VMC_BUS_MMIO, 0x1008, 4, &access), 0);
    ck_assert_uint_eq(access.probes, 1);
    devices[1].result = 0;
    access = (struct vmc_bus_access){.addr = 0x1004, .len = 4};
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), 0);
    ck_assert_ptr_eq(access.server, &devices[1].device);
    ck_assert_uint_eq(access.tried, 2);
    ck_assert_uint_eq(access.probes, 2);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(the_linear_mode_goes_on_behind_a_gap)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus_access access = {.addr = 0x1010, .len = 4};
    struct probe_device devices[MAX];
    struct vmc_bus *bus;

    config.lookup = VMC_BUS_LINEAR;
    bus = bus_make(config);
    register_all(
        bus, devices,
        (const struct span[]){{0x1000, 0x40}, {0x1004, 4}, {0x1010, 4}, {0}});
    devices[2].result = 0;
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access), 0);
    ck_assert_uint_eq(devices[0].writes, 1);
    ck_assert_uint_eq(devices[1].writes, 0);
    ck_assert_ptr_eq(access.server, &devices[2].device);
    ck_assert_uint_eq(access.probes, 3);
    vmc_bus_free(bus);
}
END_TEST

START_TEST(a_device_at_an_address_is_the_first_candidate_for_a_byte)
{
    struct probe_device devices[MAX];
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());

    register_all(bus, devices,
                 (const struct span[]){{0x1000, 8}, {0x1000, 2}, {0}});
    ck_assert_ptr_eq(vmc_bus_device_at(bus, VMC_BUS_MMIO, 0x1000),
                     &devices[1].device);
    ck_assert_ptr_eq(vmc_bus_device_at(bus, VMC_BUS_MMIO, 0x1002),
                     &devices[0].device);
    ck_assert_ptr_eq(vmc_bus_device_at(bus, VMC_BUS_MMIO, 0x1007),
                     &devices[0].device);
    ck_assert_ptr_null(vmc_bus_device_at(bus, VMC_BUS_MMIO, 0x1008));
    ck_assert_ptr_null(vmc_bus_device_at(bus, VMC_BUS_PIO, 0x1000));
    vmc_bus_free(bus);
}
END_TEST

/* ---- What the devices answer -------------------------------------------- */

static const struct {
    const char *what;
    int answers[2];
    bool stops_on_error;
    int result;
    uint32_t tried;
    int server; /* -1 none */
} answers[] = {
    {"first takes it", {0, 0}, false, 0, 1, 0},
    {"second takes it", {-EOPNOTSUPP, 0}, false, 0, 2, 1},
    {"nobody", {-EOPNOTSUPP, -EOPNOTSUPP}, false, -EOPNOTSUPP, 2, -1},
    {"mainline goes on after an error", {-EIO, 0}, false, 0, 2, 1},
    {"mainline forgets an error", {-EIO, -EINTR}, false, -EOPNOTSUPP, 2, -1},
    {"posted series stops at an error", {-EIO, 0}, true, -EIO, 1, -1},
    {"and goes on after a refusal", {-EOPNOTSUPP, 0}, true, 0, 2, 1},
    {"and returns a late error", {-EOPNOTSUPP, -EINTR}, true, -EINTR, 2, -1},
};

START_TEST(candidates_are_tried_until_one_handles_it)
{
    struct vmc_bus_config config = vmc_bus_defaults();

    config.stops_on_error = answers[_i].stops_on_error;
    for (int is_write = 0; is_write < 2; is_write++) {
        struct vmc_bus *bus = bus_make(config);
        struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
        struct probe_device devices[MAX];
        int result;

        register_all(bus, devices,
                     (const struct span[]){{0x1000, 4}, {0x1000, 8}, {0}});
        devices[0].result = answers[_i].answers[0];
        devices[1].result = answers[_i].answers[1];
        result = is_write ? vmc_bus_write(bus, VMC_BUS_MMIO, &access)
                          : vmc_bus_read(bus, VMC_BUS_MMIO, &access);
        ck_assert_msg(result == answers[_i].result, "%s: %d", answers[_i].what,
                      result);
        ck_assert_uint_eq(access.tried, answers[_i].tried);
        ck_assert_ptr_eq(access.server,
                         answers[_i].server < 0
                             ? NULL
                             : &devices[answers[_i].server].device);
        for (int i = 0; i < 2; i++) {
            uint32_t asked = (uint32_t)i < answers[_i].tried;

            ck_assert_uint_eq(devices[i].writes, is_write ? asked : 0);
            ck_assert_uint_eq(devices[i].reads, is_write ? 0 : asked);
        }
        vmc_bus_free(bus);
    }
}
END_TEST

START_TEST(a_missing_handler_refuses)
{
    static const struct vmc_bus_ops no_ops = {.kind = "none"};
    struct vmc_bus_device device = {.ops = &no_ops, .kind = VMC_BUS_KERNEL};
    struct vmc_bus_access access = {.addr = 0x1000, .len = 4};
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());

    ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_PIO, 0x1000, 4, &device), 0);
    ck_assert_int_eq(vmc_bus_read(bus, VMC_BUS_PIO, &access), -EOPNOTSUPP);
    ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_PIO, &access), -EOPNOTSUPP);
    ck_assert_int_eq(vmc_bus_unregister(bus, VMC_BUS_PIO, &device), 0);
    vmc_bus_free(bus);
}
END_TEST

static const struct {
    const char *what;
    int64_t cookie;
    int answers[2]; /* of [0x1000,4) and [0x1000,8) */
    uint64_t addr;
    int result;
    uint32_t tried;
} cookies[] = {
    {"none", -1, {0, 0}, 0x1000, 0, 1},
    {"right", 1, {0, 0}, 0x1000, 1, 1},
    {"too large", 2, {0, 0}, 0x1000, 0, 1},
    {"of another address", 0, {0, 0}, 0x1004, 1, 1},
    {"refused, then searched", 1, {0, -EOPNOTSUPP}, 0x1000, 0, 2},
    {"refused twice", 0, {-EOPNOTSUPP, 0}, 0x1000, 1, 3},
    {"nobody", 0, {-1, -1}, 0x1000, -EOPNOTSUPP, 3},
};

START_TEST(a_cookie_is_a_guess_at_the_range)
{
    struct probe_device devices[MAX];
    struct vmc_bus *bus = bus_make(vmc_bus_defaults());
    struct vmc_bus_access access = {
        .addr = cookies[_i].addr, .len = 4, .server = &devices[2].device};
    int result;

    for (int i = 0; i < 2; i++) {
        devices[i] = probe_make(VMC_BUS_KERNEL, cookies[_i].answers[i]);
        ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_CCW, 0x1000,
                                          i == 0 ? 4 : 8, &devices[i].device),
                         0);
    }
    result =
        vmc_bus_write_cookie(bus, VMC_BUS_CCW, &access, cookies[_i].cookie);
    ck_assert_msg(result == cookies[_i].result, "%s: %d", cookies[_i].what,
                  result);
    ck_assert_uint_eq(access.tried, cookies[_i].tried);
    ck_assert_uint_eq(devices[0].writes + devices[1].writes, access.tried);
    ck_assert_ptr_eq(access.server,
                     result < 0 ? NULL : &devices[result].device);
    vmc_bus_free(bus);
}
END_TEST

/* ---- The twin ----------------------------------------------------------- */

struct record {
    uint64_t addr;
    int len;
    struct probe_device *probe;
};

struct twin {
    struct record records[256];
    int count;
    int probes, walked;
};

/* Does @in hold @addr..@addr+@len? 0 yes; else on which side it lies. */
static int side(uint64_t addr, int len, struct record in)
{
    if (addr < in.addr) {
        return -1;
    }
    if (in.len == 0) {
        return addr == in.addr ? 0 : 1;
    }
    return addr + (uint64_t)(int64_t)len <= in.addr + (uint64_t)(int64_t)in.len
               ? 0
               : 1;
}

static void twin_insert(struct twin *twin, struct record record)
{
    int place = twin->count++;

    for (int i = twin->count - 2; i >= 0; i--) {
        if (side(twin->records[i].addr, twin->records[i].len, record) > 0) {
            place = i;
        }
    }
    for (int i = twin->count - 1; i > place; i--) {
        twin->records[i] = twin->records[i - 1];
    }
    twin->records[place] = record;
}

static int twin_search(struct twin *twin, uint64_t addr, int len, int low,
                       int count)
{
    int middle = low + count / 2;
    int where;

    if (count == 0) {
        return -1;
    }
    twin->probes++;
    where = side(addr, len, twin->records[middle]);
    if (where < 0) {
        return twin_search(twin, addr, len, low, count / 2);
    }
    return where == 0
               ? middle
               : twin_search(twin, addr, len, middle + 1, (count - 1) / 2);
}

static int twin_first(struct twin *twin, uint64_t addr, int len)
{
    int at;

    twin->probes = twin->walked = 0;
    at = twin_search(twin, addr, len, 0, twin->count);
    for (; at > 0 && side(addr, len, twin->records[at - 1]) == 0; at--) {
        twin->walked++;
    }
    return at;
}

/* The same by looking at one after the other. */
static int twin_scan(struct twin *twin, uint64_t addr, int len, int from)
{
    for (int at = from; at < twin->count; at++) {
        twin->probes++;
        if (side(addr, len, twin->records[at]) == 0) {
            return at;
        }
    }
    return -1;
}

/* The candidate behind @at, or -1. */
static int twin_next(struct twin *twin, uint64_t addr, int len, int at,
                     bool is_linear)
{
    if (is_linear) {
        return twin_scan(twin, addr, len, at + 1);
    }
    return at + 1 < twin->count && side(addr, len, twin->records[at + 1]) == 0
               ? at + 1
               : -1;
}

static uint64_t random_addr(struct vmc_rng *rng, uint64_t spread)
{
    const uint64_t bases[] = {0, 0x1000, 0x80000000, UINT64_MAX - spread + 1};

    return bases[vmc_rng_below(rng, VMC_COUNT_OF(bases))] +
           vmc_rng_below(rng, spread);
}

static uint64_t random_size(struct vmc_rng *rng)
{
    switch (vmc_rng_below(rng, 12)) {
    case 0:
        return 0;
    case 1:
        return UINT64_C(0x80000000) + vmc_rng_below(rng, 64);
    case 2:
        return (UINT64_C(1) << 32) + vmc_rng_below(rng, 3);
    default:
        return 1 + vmc_rng_below(rng, 40);
    }
}

/* Every second seed has ranges that do not meet: the search has a way of its
 * own there. They stand 16 apart. */
static bool is_taken(const struct twin *twin, uint64_t addr)
{
    for (int i = 0; i < twin->count; i++) {
        if (twin->records[i].addr == addr) {
            return true;
        }
    }
    return false;
}

START_TEST(random_operations_agree_with_a_naive_bus)
{
    static struct probe_device probes[256];
    struct vmc_rng rng;
    struct twin twin = {.count = 0};
    struct vmc_bus_config config = vmc_bus_defaults();
    bool is_apart = _i % 2 != 0;
    bool is_linear = _i / 2 % 2 != 0;
    struct vmc_bus *bus;

    config.lookup = is_linear ? VMC_BUS_LINEAR : VMC_BUS_FAITHFUL;
    bus = bus_make(config);
    vmc_rng_init(&rng, (uint64_t)_i);
    for (int step = 0; step < 3000; step++) {
        uint64_t dice = vmc_rng_below(&rng, 16);
        uint64_t addr = random_addr(&rng, is_apart ? 1024 : 64);
        uint64_t place = is_apart ? addr & ~UINT64_C(15) : addr;
        int len = (int)vmc_rng_below(&rng, 9);
        int first;
        struct vmc_bus_access access = {
            .addr = addr, .len = len, .tried = 99, .server = &probes->device};
        struct probe_device *taker = NULL;
        int tried = 0;

        if (dice < 2 && twin.count < 200 &&
            !(is_apart && is_taken(&twin, place))) {
            uint64_t size_bytes =
                is_apart ? vmc_rng_below(&rng, 17) : random_size(&rng);
            struct probe_device *probe = probes;

            while (probe->device.ops != NULL) {
                probe++;
            }
            *probe = probe_make(VMC_BUS_KERNEL,
                                vmc_rng_below(&rng, 3) == 0 ? 0 : -EOPNOTSUPP);
            ck_assert_int_eq(vmc_bus_register(bus, VMC_BUS_MMIO, place,
                                              size_bytes, &probe->device),
                             0);
            twin_insert(&twin, (struct record){place, (int)(uint32_t)size_bytes,
                                               probe});
        } else if (dice == 2 && twin.count > 0) {
            int at = (int)vmc_rng_below(&rng, (uint64_t)twin.count);
            struct probe_device *probe = twin.records[at].probe;

            ck_assert_int_eq(
                vmc_bus_unregister(bus, VMC_BUS_MMIO, &probe->device), 0);
            ck_assert_uint_eq(probe->destroyed, 1);
            probe->device.ops = NULL;
            twin.count--;
            for (; at < twin.count; at++) {
                twin.records[at] = twin.records[at + 1];
            }
        }
        ck_assert_uint_eq(vmc_bus_range_count(bus, VMC_BUS_MMIO),
                          (uint32_t)twin.count);
        twin.probes = twin.walked = 0;
        first = is_linear ? twin_scan(&twin, addr, len, 0)
                          : twin_first(&twin, addr, len);
        ck_assert_int_eq(vmc_bus_find(bus, VMC_BUS_MMIO, addr, len, &access),
                         first);
        ck_assert_int_eq(access.probes, twin.probes);
        ck_assert_int_eq(access.walked, twin.walked);
        ck_assert_uint_eq(access.tried, 0);
        for (int at = first; at >= 0 && taker == NULL;) {
            tried++;
            if (twin.records[at].probe->result == 0) {
                taker = twin.records[at].probe;
            } else {
                at = twin_next(&twin, addr, len, at, is_linear);
            }
        }
        ck_assert_int_eq(vmc_bus_write(bus, VMC_BUS_MMIO, &access),
                         taker == NULL ? -EOPNOTSUPP : 0);
        ck_assert_ptr_eq(access.server, taker == NULL ? NULL : &taker->device);
        ck_assert_int_eq(access.tried, tried);
        ck_assert_int_eq(access.probes, twin.probes);
        ck_assert_int_eq(access.walked, twin.walked);
    }
    vmc_bus_free(bus);
    memset(probes, 0, sizeof(probes));
}
END_TEST

START_TEST(a_configuration_beyond_the_limits_is_refused)
{
    struct vmc_bus_config config = vmc_bus_defaults();
    struct vmc_bus *bus;

    config.ranges_max = 0;
    ck_assert_int_eq(vmc_bus_new(&bus, &config), VMC_E_RANGE);
    ck_assert_ptr_null(bus);
    config.ranges_max = UINT32_MAX;
    ck_assert_int_eq(vmc_bus_new(&bus, &config), VMC_E_RANGE);
    config = vmc_bus_defaults();
    config.version = VMC_K_COUNT;
    ck_assert_int_eq(vmc_bus_new(&bus, &config), VMC_E_RANGE);
    vmc_bus_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("bus");
    TCase *c = tcase_create("bus");

    suite_add_tcase(s, c);
    tcase_add_loop_test(c, ranges_stand_and_are_found_as_in_kvm, 0,
                        (int)VMC_COUNT_OF(rows));
    tcase_add_test(c, the_linear_mode_misses_nothing);
    tcase_add_test(c, the_linear_mode_goes_on_behind_a_gap);
    tcase_add_test(c, a_device_at_an_address_is_the_first_candidate_for_a_byte);
    tcase_add_loop_test(c, candidates_are_tried_until_one_handles_it, 0,
                        (int)VMC_COUNT_OF(answers));
    tcase_add_test(c, a_missing_handler_refuses);
    tcase_add_loop_test(c, a_cookie_is_a_guess_at_the_range, 0,
                        (int)VMC_COUNT_OF(cookies));
    tcase_add_loop_test(c, random_operations_agree_with_a_naive_bus, 0, 30);
    tcase_add_test(c, a_configuration_beyond_the_limits_is_refused);
    return s;
}
