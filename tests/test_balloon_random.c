/* SPDX-License-Identifier: MIT */
/* A thousand guests of any configuration: targets change in the middle of an
 * inflate, programs touch memory meanwhile, pages are reported, compaction
 * moves pages of the balloon, two guests share a host thread. All invariants
 * are on after every event, and all of memory is gone through now and then. */
#include "base/rng.h"
#include "tests/balloon_rig.h"

#include "suite.h"

enum { GUESTS = 40, LOOPS = 25, OPERATIONS = 12, PLUG_MIB = 512 };

static struct rig rig;
static struct vmc_rng rng;

static uint64_t draw(uint64_t below)
{
    return vmc_rng_below(&rng, below);
}

static const char *draw_fragmentation(void)
{
    static const char *const names[] = {"idle",    "idle",     "frag:5",
                                        "frag:60", "punch:8M", "punch:24M"};

    return names[draw(VMC_COUNT_OF(names))];
}

static struct vmc_balloon_config draw_config(void)
{
    static const char *const backings[] = {"anon", "anon",  "anon-4k",
                                           "64k",  "shmem", "hugetlb"};
    static const uint32_t page_bytes[] = {4096, 4096, 16384, 65536};
    static const enum vmc_balloon_mechanism mechanisms[] = {
        VMC_MECHANISM_PFN,        VMC_MECHANISM_BITMAP_FIXED,
        VMC_MECHANISM_CHUNK,      VMC_MECHANISM_SG,
        VMC_MECHANISM_CONTIGUOUS, VMC_MECHANISM_HUGE,
        VMC_MECHANISM_VIRTIO_MEM, VMC_MECHANISM_HYPERALLOC,
        VMC_MECHANISM_REPORTING,
    };
    enum vmc_balloon_mechanism mechanism =
        mechanisms[draw(VMC_COUNT_OF(mechanisms))];
    struct vmc_balloon_config config = rig_config(mechanism);

    config.guest_bytes = mechanism == VMC_MECHANISM_VIRTIO_MEM
                             ? (uint64_t)PLUG_MIB << 20
                             : (64 + 2 * draw(64)) << 20;
    config.machine.ascending_arrays = draw(2);
    config.machine.legacy_config = draw(2);
    config.machine.frees_first = draw(4) == 0;
    config.machine.used_bytes = draw(24) << 20;
    config.has_vfio = draw(4) == 0;
    config.backing = config.has_vfio ? "anon" : backings[draw(6)];
    config.fragmentation = draw_fragmentation();
    config.page_bytes = page_bytes[draw(4)];
    config.cpu_lists = draw(2) == 0 ? 0 : 1 + (uint32_t)draw(3);
    config.has_deflate_on_oom = draw(3) == 0;
    config.is_stepped = draw(6) == 0;
    config.layout = (enum vmc_layout)draw(4);
    config.seed = vmc_rng_next(&rng);
    config.audit_events =
        mechanism == VMC_MECHANISM_VIRTIO_MEM ? 50 : 20 + (uint32_t)draw(200);
    return config;
}

static bool is_idle(const struct vm *vm, enum vm_worker_number number)
{
    return !vmc_flow_is_busy(&vm->workers[number].flow) &&
           vm->workers[number].flow.state.event == VMC_EVENT_NONE;
}

static bool can_move(const struct vm *vm)
{
    return vm->driver->resize != NULL || vm->driver->fill != NULL;
}

static void resize(struct vm *vm)
{
    uint64_t units = (vm->config.guest_bytes >> 12) / vm->driver->unit_pages;
    uint64_t most = draw(4) == 0 ? units + 1 : units * 3 / 4 + 1;

    /* Without a worker of its own, an operation has to be over first. */
    if (can_move(vm) &&
        (vm->driver->resize == NULL || is_idle(vm, WORKER_SIZE))) {
        vm_resize(vm, draw(5) == 0 ? 0 : draw(most));
    }
}

static void begin_something(struct vm *vm)
{
    switch (draw(6)) {
    case 0:
    case 1:
        resize(vm);
        return;
    case 2:
        if (is_idle(vm, WORKER_TOUCH) && is_idle(vm, WORKER_OOM)) {
            vm_touch(vm, 1 + draw(6000));
        }
        return;
    case 3:
        if (is_idle(vm, WORKER_TOUCH) && is_idle(vm, WORKER_OOM)) {
            vm_touch_end(vm);
        }
        return;
    case 4:
        if (is_idle(vm, WORKER_REPORT) &&
            vm->config.mechanism == VMC_MECHANISM_REPORTING) {
            vm_report(vm);
        }
        return;
    default:
        if (vm->driver->unit_pages == 1 && vm->driver->leak != NULL &&
            is_idle(vm, WORKER_COMPACT)) {
            vm_migrate(vm, 1 + draw(40));
        }
    }
}

static void run_guests(uint32_t number)
{
    struct vmc_balloon_config configs[2] = {draw_config(), draw_config()};
    uint32_t count = 1 + (uint32_t)(draw(3) == 0);

    rig_start(&rig, configs, count);
    if (count == 2 && draw(2) == 0) {
        rig.vms[1].actor_of[ROLE_MAIN] = rig.vms[0].actor_of[ROLE_MAIN];
    }
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t events = draw(120);

        begin_something(&rig.vms[draw(count)]);
        while (events-- > 0 && rig_step(&rig)) {
        }
    }
    while (rig_step(&rig)) {
    }
    for (uint32_t i = 0; i < count; i++) {
        struct vm *vm = &rig.vms[i];

        ck_assert_msg(vm->check.broken == 0 && check_rest(vm) && check_all(vm),
                      "guests %u, guest %u, %s, %s, %s: %s", number, i,
                      vmc_balloon_mechanism_name(vm->config.mechanism),
                      vm->config.backing, vm->config.fragmentation,
                      vm->check.text);
    }
    rig_end(&rig);
}

START_TEST(guests_of_any_kind_keep_all_invariants)
{
    vmc_rng_init(&rng, 0xba1100 + (uint64_t)_i);
    for (uint32_t i = 0; i < GUESTS; i++) {
        run_guests((uint32_t)_i * GUESTS + i);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_random");
    TCase *c = tcase_create("balloon_random");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, guests_of_any_kind_keep_all_invariants, 0, LOOPS);
    suite_add_tcase(s, c);
    return s;
}
