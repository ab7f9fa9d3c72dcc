/* SPDX-License-Identifier: MIT */
/* A guest whose options and operations are any bytes: targets, touches,
 * reports, compaction, out of memory, in any order and at any event. All
 * invariants hold after every event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/vm_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 10, EVENTS_MAX = 4000, MIB = 1 << 20 };

static struct vmc_balloon_costs costs;

static const struct {
    enum vmc_balloon_mechanism mechanism;
    const struct vm_driver *driver;
} mechanisms[] = {
    {VMC_MECHANISM_PFN, &driver_pfn},
    {VMC_MECHANISM_BITMAP_FIXED, &driver_bitmap},
    {VMC_MECHANISM_CHUNK, &driver_bitmap},
    {VMC_MECHANISM_SG, &driver_bitmap},
    {VMC_MECHANISM_CONTIGUOUS, &driver_contiguous},
    {VMC_MECHANISM_HUGE, &driver_huge},
    {VMC_MECHANISM_HYPERALLOC, &driver_hyperalloc},
    {VMC_MECHANISM_REPORTING, &driver_reporting},
};

static struct vmc_balloon_config config_of(const uint8_t *data)
{
    static const char *const backings[] = {"anon", "anon-4k", "64k", "hugetlb"};
    static const char *const names[] = {"idle", "frag:30", "punch:16M"};
    static const uint32_t page_bytes[] = {4096, 16384, 65536};

    return (struct vmc_balloon_config){
        .costs = &costs,
        .mechanism = mechanisms[data[0] % VMC_COUNT_OF(mechanisms)].mechanism,
        .guest_bytes = (uint64_t)(64 + 2 * (data[1] % 32)) * MIB,
        .machine = {.ascending_arrays = data[2] & 1,
                    .legacy_config = data[2] >> 1 & 1,
                    .frees_first = data[2] >> 2 & 1,
                    .used_bytes = (uint64_t)(data[3] % 16) * MIB},
        .backing = backings[data[4] % 4],
        .has_vfio = data[4] >= 0xe0 && data[4] % 4 == 0,
        .fragmentation = names[data[5] % 3],
        .page_bytes = page_bytes[data[6] % 3],
        .cpu_lists = data[7] % 4,
        .has_deflate_on_oom = (data[8] & 1) != 0,
        .is_stepped = (data[8] & 6) == 6,
        .layout = (enum vmc_layout)(data[8] >> 3 & 3),
        .seed = data[9],
        .iteration = 1,
        .audit_events = 500,
    };
}

static bool is_idle(const struct vm *vm, enum vm_worker_number number)
{
    return !vmc_flow_is_busy(&vm->workers[number].flow);
}

/* One operation, of two bytes. */
static void begin(struct vm *vm, uint8_t what, uint8_t how)
{
    uint64_t units = (vm->config.guest_bytes >> PAGE_SHIFT) /
                     vm->driver->unit_pages * how / 250;
    bool can_move = vm->driver->resize != NULL || vm->driver->fill != NULL;

    switch (what % 5) {
    case 0:
        if (can_move &&
            (vm->driver->resize == NULL || is_idle(vm, WORKER_SIZE))) {
            vm_resize(vm, units);
        }
        return;
    case 1:
        if (is_idle(vm, WORKER_TOUCH) && is_idle(vm, WORKER_OOM)) {
            vm_touch(vm, 1 + how * 64U);
        }
        return;
    case 2:
        if (is_idle(vm, WORKER_TOUCH) && is_idle(vm, WORKER_OOM)) {
            vm_touch_end(vm);
        }
        return;
    case 3:
        if (is_idle(vm, WORKER_REPORT) &&
            vm->config.mechanism == VMC_MECHANISM_REPORTING) {
            vm_report(vm);
        }
        return;
    default:
        if (vm->driver->unit_pages == 1 && vm->driver->leak != NULL &&
            is_idle(vm, WORKER_COMPACT)) {
            vm_migrate(vm, 1 + how % 16);
        }
    }
}

static void require(const struct vm *vm, bool is_true)
{
    if (!is_true) {
        (void)fprintf(stderr, "%s\n", vm->check.text);
        abort();
    }
}

static bool step(struct vm *vm, uint32_t *events)
{
    bool is_more = *events < EVENTS_MAX && vmc_engine_step(vm->engine);

    *events += is_more;
    if (is_more) {
        require(vm, check_event(vm));
    }
    return is_more;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmc_engine_config limits = {
        .events_max = 64, .handlers_max = WORKER_COUNT};
    static struct vm vm;
    struct vmc_actor actors[ROLE_COUNT];
    struct vmc_balloon_config config;
    struct vmc_engine *engine;
    uint32_t events = 0;

    if (size < OPTIONS) {
        return 0;
    }
    /* Any cost will do; differing ones keep events apart. */
    for (size_t i = 0; i < sizeof(costs) / sizeof(uint64_t); i++) {
        ((uint64_t *)&costs)[i] = 100 + i * 7;
    }
    memset(actors, 0, sizeof(actors));
    config = config_of(data);
    vm = (struct vm){.driver =
                         mechanisms[data[0] % VMC_COUNT_OF(mechanisms)].driver};
    if (vmc_engine_new(&engine, &limits) != VMC_OK) {
        return 0;
    }
    if (vm_init(&vm, &config, engine, actors, 0, NULL) == VMC_OK) {
        for (size_t at = OPTIONS; at + 2 < size; at += 3) {
            begin(&vm, data[at], data[at + 1]);
            for (uint32_t i = data[at + 2]; i > 0 && step(&vm, &events); i--) {
            }
        }
        while (step(&vm, &events)) {
        }
        if (events < EVENTS_MAX) {
            require(&vm, check_rest(&vm));
        }
        require(&vm, check_all(&vm));
        vm_fini(&vm);
    }
    vmc_engine_free(engine);
    return 0;
}
