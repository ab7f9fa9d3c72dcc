/* SPDX-License-Identifier: MIT */
/* The checker of regions finds what is planted for it; and random VMs, with
 * devices that die, stall and repeat themselves, give it nothing to find. */
#include "ioregion/iocheck.h"

#include "base/rng.h"
#include "region_rig.h"

enum { BASE = 0x10000, WINDOW_BYTES = 0x1000, WINDOWS = 6 };
enum { PLANTS = 12, STEPS = 1500, SEEDS = 60, TIMEOUT = 40 };

static void plant(int fault)
{
    static const uint8_t command[32] = {1}, other[32] = {2};
    struct vmc_iocheck *check = &rig.check;
    struct vmc_channel *machine = &rig.regions->channels[0].machine;

    switch (fault) {
    case 0:
        vmc_iocheck_begin(check, 0);
        vmc_iocheck_served(check, 0, 0, 4);
        vmc_iocheck_served(check, 0, 3, 1);
        break;
    case 1:
        vmc_iocheck_begin(check, 0);
        vmc_iocheck_served(check, 0, 0, 3);
        vmc_iocheck_end(check, 0, 4);
        break;
    case 2:
        vmc_iocheck_received(check, 0, command);
        break;
    case 3:
        vmc_iocheck_sent(check, 0, command, 1);
        vmc_iocheck_received(check, 0, other);
        break;
    case 4:
        vmc_iocheck_removed(check, 1);
        vmc_iocheck_sent(check, 0, command, 1);
        break;
    case 5:
        vmc_iofile_get(&rig.files, 0);
        break;
    case 6:
        rig.files.files[0].kernel_count--;
        break;
    case 7:
        rig.regions->double_free_count = 1;
        break;
    case 8:
        machine->waiters[0].vcpu = 3;
        machine->waiter_count = 1;
        break;
    case 9:
        machine->owed_count = 1;
        break;
    case 10:
        rig.regions->channels[0].region_count++;
        break;
    case 11:
    default:
        rig.files.underflow_count++;
        break;
    }
}

START_TEST(a_planted_fault_is_found)
{
    struct vmc_iofiles files;
    const char *wrong;

    rig_set_up(VMC_REGION_H);
    ck_assert_int_eq(rig_add(BASE, 16, 0, 0), 0);
    ck_assert_ptr_null(vmc_iocheck_books(&rig.check, rig.regions));
    files = rig.files;
    plant(_i);
    wrong = vmc_iocheck_books(&rig.check, rig.regions);
    ck_assert_msg(wrong != NULL, "fault %d was not found", _i);
    rig.files = files;
    rig.regions->channels[0].region_count = 1;
    rig_tear_down();
}
END_TEST

/* ---- Random VMs ---------------------------------------------------------- */

/* The process behind one socket. */
static struct device {
    uint8_t bytes[32], byte_count; /* of a command that is coming in */
    uint64_t answers[4096];        /* due, oldest first */
    uint32_t answer_at, answer_count;
    uint8_t answered_bytes; /* of the oldest */
    bool is_dead;
} devices[RIG_SOCKETS];

static struct window {
    bool is_live, is_posted, is_sizeless;
    uint32_t at; /* its socket */
} windows[WINDOWS];

static uint64_t counts[VMC_CAUSE_COUNT], done_count, eintr_count, miss_count;
static uint64_t compared_count, locked_count, removal_count;

/* What a device answers to a read: no two places have the same. */
static uint64_t word_at(uint64_t user_data, uint64_t offset)
{
    return (user_data * 1000003 + offset + 1) * 0x9e3779b97f4a7c15;
}

static void device_take(uint32_t at)
{
    struct device *device = &devices[at];
    struct vmc_ioregion_command command;
    int64_t got = vmc_socket_read(&rig.sockets[at], VMC_SOCKET_DEVICE,
                                  &device->bytes[device->byte_count],
                                  32U - device->byte_count);

    if (got <= 0) {
        return;
    }
    device->byte_count = (uint8_t)(device->byte_count + got);
    if (device->byte_count < 32) {
        return;
    }
    device->byte_count = 0;
    if (rig.regions->checker == NULL) { /* posted code: it may be anything */
        if (vmc_ioregion_get_command(
                &command, device->bytes, 32,
                (struct vmc_ioregion_format){VMC_IOREGION_R3, false},
                NULL) != VMC_OK) {
            return;
        }
    } else {
        ck_assert_int_eq(
            vmc_ioregion_get_command(
                &command, device->bytes, 32,
                (struct vmc_ioregion_format){VMC_IOREGION_H, false}, NULL),
            VMC_OK);
        vmc_iocheck_received(&rig.check, (int32_t)at, device->bytes);
    }
    if (command.wants_response) {
        ck_assert_uint_lt(device->answer_count, 4096);
        device->answers[(device->answer_at + device->answer_count) % 4096] =
            word_at(command.user_data, command.offset_bytes);
        device->answer_count++;
    }
}

static void device_answer(uint32_t at, struct vmc_rng *rng)
{
    struct device *device = &devices[at];
    uint32_t rest = 32U - device->answered_bytes;
    uint32_t count = vmc_rng_below(rng, 3) == 0
                         ? 1 + (uint32_t)vmc_rng_below(rng, rest)
                         : rest;
    uint8_t bytes[32];
    int64_t put;

    if (device->answer_count == 0) {
        return;
    }
    vmc_ioregion_put_response(
        bytes,
        (struct vmc_ioregion_response){device->answers[device->answer_at],
                                       false},
        8, (struct vmc_ioregion_format){VMC_IOREGION_H, false});
    put = vmc_socket_write(&rig.sockets[at], VMC_SOCKET_DEVICE,
                           &bytes[device->answered_bytes], count, false);
    if (put > 0) {
        device->answered_bytes = (uint8_t)(device->answered_bytes + put);
        if (device->answered_bytes == 32) {
            device->answered_bytes = 0;
            device->answer_at = (device->answer_at + 1) % 4096;
            device->answer_count--;
        }
    }
}

static void toggle_window(uint32_t i, struct vmc_rng *rng)
{
    struct window *window = &windows[i];
    uint64_t addr = BASE + (uint64_t)i * WINDOW_BYTES;
    int result;

    if (window->is_live) {
        result = rig_remove(addr, window->is_sizeless ? 0 : WINDOW_BYTES, 0);
        ck_assert(result == 0 || result == VMC_BUS_LOCKED);
        window->is_live = result != 0;
        removal_count += result == 0;
    } else {
        window->is_sizeless = vmc_rng_below(rng, 6) == 0;
        window->is_posted = window->is_sizeless || vmc_rng_below(rng, 2) == 0;
        window->at = (uint32_t)vmc_rng_below(rng, RIG_SOCKETS);
        result = rig_add(addr, window->is_sizeless ? 0 : WINDOW_BYTES,
                         window->is_posted ? VMC_REGION_POSTED_WRITES : 0,
                         window->at);
        ck_assert(result == 0 || result == VMC_BUS_LOCKED ||
                  result == -EINVAL || /* while O_NONBLOCK is set */
                  rig.regions->checker == NULL);
        window->is_live = result == 0;
    }
    locked_count += result == VMC_BUS_LOCKED;
}

/* The value of one chunk, from the windows it touched: only a chunk that a
 * device answered is compared, and each of its bytes must fit. */
static void compare_read(uint32_t vcpu, uint32_t at, uint64_t addr)
{
    const struct vmc_region_access *access = &rig.vcpus[vcpu].now;
    uint64_t word = word_at(at + 1, (addr - BASE) % WINDOW_BYTES);

    compared_count++;
    for (uint32_t i = 0; i < access->len; i++) {
        ck_assert_msg(access->data[i] == (uint8_t)(word >> 8 * i),
                      "seed %d: vCPU %u got another answer than its own",
                      (int)rig.seed, vcpu);
    }
}

/* One vCPU goes on, or begins something. */
static void go(uint32_t id, struct vmc_rng *rng)
{
    struct vmc_region_vcpu *vcpu = &rig.vcpus[id];
    enum vmc_region_run run;
    uint32_t at = 0;
    bool was_served = false;

    if (vcpu->stage == VMC_REGION_IDLE) {
        struct vmc_region_access access = {
            .bus = VMC_BUS_MMIO,
            .addr = BASE + vmc_rng_below(rng, WINDOWS) * WINDOW_BYTES +
                    (vmc_rng_below(rng, 8) == 0 ? 0xffa : 0) +
                    vmc_rng_below(rng, 8),
            .len = 1U << vmc_rng_below(rng, 4),
            .is_write = vmc_rng_below(rng, 2) == 0,
            .tries_fast = vmc_rng_below(rng, 4) == 0};

        memset(access.data, (int)vmc_rng_below(rng, 256), 8);
        vmc_region_vcpu_access(vcpu, &access);
    }
    if (vcpu->region >= 0 && vcpu->access.stage != VMC_ACCESS_IDLE) {
        at = (uint32_t)rig.regions->regions[vcpu->region].user_data - 1;
        was_served = true;
    }
    run = rig_run(id);
    switch (run) {
    case VMC_REGION_RUN_DONE:
        done_count++;
        if (was_served && rig.regions->checker != NULL && !vcpu->now.is_write &&
            !vcpu->is_fast && vcpu->part_count == 1 &&
            vcpu->fragment_count == 0 && vcpu->parts[0].done != 0 &&
            vcpu->exit.reason != VMC_REGION_EXIT_FAILURE &&
            (vcpu->now.len & (vcpu->now.len - 1)) == 0) {
            compare_read(id, at, vcpu->now.addr);
        }
        vcpu->exit.reason = VMC_REGION_EXIT_NONE;
        break;
    case VMC_REGION_RUN_EXIT:
        counts[vcpu->exit.cause] +=
            vcpu->exit.reason == VMC_REGION_EXIT_FAILURE;
        miss_count += vcpu->exit.reason == VMC_REGION_EXIT_MMIO;
        break;
    case VMC_REGION_RUN_EINTR:
        eintr_count++;
        break;
    case VMC_REGION_RUN_WAIT:
    default:
        break;
    }
}

/* True when nothing is on its way, so that more bytes can only be wrong. While
 * an answer is due they could not be told from it. */
static bool is_unused(uint32_t at)
{
    const struct vmc_socket *socket = &rig.sockets[at];

    for (uint32_t i = 0; i < RIG_CHANNELS; i++) {
        const struct vmc_region_channel *channel = &rig.regions->channels[i];

        if (channel->write_file == (int32_t)at &&
            (channel->machine.owed_count != 0 ||
             channel->machine.waiter_count != 0)) {
            return false;
        }
    }
    return socket->flows[0].count + socket->flows[1].count == 0 &&
           devices[at].answer_count == 0 && devices[at].byte_count == 0;
}

/* A device does something that no device should. */
static void misbehave(uint32_t at, struct vmc_rng *rng)
{
    struct device *device = &devices[at];

    switch (vmc_rng_below(rng, 12)) {
    case 0:
        vmc_socket_close(&rig.sockets[at], VMC_SOCKET_DEVICE);
        device->is_dead = true;
        break;
    case 1: /* an answer to nothing, when that is what it is */
        if (!device->is_dead && is_unused(at)) {
            rig_answer_part(at, 0xbad, 0, 13);
        }
        break;
    default:
        (void)vmc_iofile_set_nonblocking(&rig.files, rig.fds[at],
                                         vmc_rng_below(rng, 2) == 0);
        break;
    }
}

static void act(struct vmc_rng *rng)
{
    uint32_t vcpu = (uint32_t)vmc_rng_below(rng, RIG_VCPUS);
    uint32_t at = (uint32_t)vmc_rng_below(rng, RIG_SOCKETS);
    uint64_t choice = vmc_rng_below(rng, 1000);

    rig.now += vmc_rng_below(rng, 3);
    if (choice < 450) {
        go(vcpu, rng);
    } else if (choice < 650) {
        if (!devices[at].is_dead) {
            device_take(at);
        }
    } else if (choice < 850) {
        if (!devices[at].is_dead) {
            device_answer(at, rng);
        }
    } else if (choice < 920) {
        vmc_region_vcpu_signal(&rig.vcpus[vcpu]);
    } else if (choice < 960) {
        toggle_window((uint32_t)vmc_rng_below(rng, WINDOWS), rng);
    } else if (choice < 980) {
        vmc_region_vcpu_expire(&rig.vcpus[vcpu], rig.now);
    } else if (choice < 990) {
        vmc_region_vcpu_close(&rig.vcpus[vcpu]);
    } else {
        misbehave(at, rng);
    }
    rig_check();
}

/* All devices answer all there is, nobody is disturbed: every access ends. */
static void settle(struct vmc_rng *rng)
{
    bool is_busy = true;

    for (uint32_t at = 0; at < RIG_SOCKETS; at++) {
        (void)vmc_iofile_set_nonblocking(&rig.files, rig.fds[at], false);
    }
    for (int round = 0; is_busy; round++) {
        ck_assert_msg(round < 20000, "seed %d: an access does not end",
                      (int)rig.seed);
        is_busy = false;
        for (uint32_t at = 0; at < RIG_SOCKETS; at++) {
            if (!devices[at].is_dead) {
                device_take(at);
                device_answer(at, rng);
            }
        }
        for (uint32_t id = 0; id < RIG_VCPUS; id++) {
            if (rig.vcpus[id].stage != VMC_REGION_IDLE) {
                is_busy = true;
                go(id, rng);
            }
        }
    }
    ck_assert(vmc_bus_is_quiet(rig.bus));
    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (windows[i].is_live) {
            toggle_window(i, rng);
            ck_assert(!windows[i].is_live);
        }
    }
    ck_assert_uint_eq(vmc_iofiles_held_count(&rig.files), 0);
}

static void run_seed(enum vmc_region_profile profile, uint64_t seed)
{
    struct vmc_regions_config config = vmc_regions_defaults();
    struct vmc_region_vcpu_config vcpu = {.falls_back = seed % 5 == 0,
                                          .splits_odd = seed % 2 == 0};
    enum vmc_kvm_version version = VMC_K5_11;
    struct vmc_rng rng;

    if (profile == VMC_REGION_H) {
        version = seed % 7 == 0 ? VMC_K6_18 : VMC_K6_12;
    }
    vmc_rng_init(&rng, seed);
    memset(devices, 0, sizeof(devices));
    memset(windows, 0, sizeof(windows));
    config.profile = profile;
    config.regions_max = RIG_CHANNELS;
    config.timeout_ticks = seed % 3 == 0 ? TIMEOUT : 0;
    config.removal_ticks = TIMEOUT;
    rig_set_up_as(&config, version, &vcpu,
                  (enum vmc_socket_kind)(seed % VMC_SOCKET_KIND_COUNT));
    for (uint32_t at = 0; at < RIG_SOCKETS; at++) {
        if (seed % 4 == 0) {
            rig.sockets[at].chunk_bytes = 13;
        }
        if (seed % 4 == 1) {
            rig.sockets[at].room_bytes = 768; /* one command */
        }
    }
    rig.seed = seed;
    for (int step = 0; step < STEPS; step++) {
        act(&rng);
    }
    if (profile == VMC_REGION_H) {
        settle(&rng);
    }
    rig_tear_down();
}

/* The posted code loses, doubles and hangs; the model of it must not. */
START_TEST(random_vms_as_posted_do_not_break_the_model)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run_seed(VMC_REGION_R1, seed);
        run_seed(VMC_REGION_R3, seed);
    }
    ck_assert_uint_gt(done_count, 1000);
    ck_assert_uint_gt(miss_count, 100);
}
END_TEST

/* Every seed alone, so that a failure names it; then what they all reached. */
START_TEST(random_vms_lose_nothing_and_hang_nowhere)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run_seed(VMC_REGION_H, (uint64_t)_i * SEEDS + seed);
    }
    ck_assert_uint_gt(done_count, 1000);
    ck_assert_uint_gt(compared_count, 100);
    ck_assert_uint_gt(eintr_count, 100);
    ck_assert_uint_gt(miss_count, 100);
    ck_assert_uint_gt(removal_count, 100);
    ck_assert_uint_gt(locked_count, 0);
    for (int cause = VMC_CAUSE_NONE + 1; cause < VMC_CAUSE_COUNT; cause++) {
        bool is_rare = cause == VMC_CAUSE_IO || cause == VMC_CAUSE_DEVICE ||
                       cause == VMC_CAUSE_CLOSED;

        ck_assert_msg(is_rare || counts[cause] != 0, "no failure by %s",
                      vmc_channel_cause_name((enum vmc_channel_cause)cause));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("iocheck");
    TCase *c = tcase_create("iocheck");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, a_planted_fault_is_found, 0, PLANTS);
    tcase_add_loop_test(c, random_vms_lose_nothing_and_hang_nowhere, 0, 4);
    tcase_add_test(c, random_vms_as_posted_do_not_break_the_model);
    suite_add_tcase(s, c);
    return s;
}
