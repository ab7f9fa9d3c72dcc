/* SPDX-License-Identifier: MIT */
/* virtio-mem: what the device answers to each request, and what the driver
 * does about blocks that cannot be emptied and devices that are busy. */
#include "tests/balloon_rig.h"

#include "suite.h"

enum { BLOCK = 32768, PART = 512, PARTS = 64 };

static struct rig rig;
static struct vm *const vm = &rig.vms[0];

static void start(uint32_t busy_answers)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_VIRTIO_MEM);

    config.faults.busy_answers = busy_answers;
    config.audit_events = 64;
    rig_start(&rig, &config, 1);
}

static void nothing_follows(struct vm_worker *worker, uint32_t step)
{
    (void)worker;
    (void)step;
}

/* Ask the device past the driver. */
static struct vmc_mem_response ask(uint16_t type, uint64_t address_bytes,
                                   uint16_t block_count)
{
    static const struct vmc_vq_buffer buffers[] = {
        {.address = BUFFER_REQUEST, .size_bytes = VMC_MEM_REQUEST_BYTES},
        {.address = BUFFER_REQUEST,
         .size_bytes = VMC_MEM_RESPONSE_BYTES,
         .is_writable = true}};
    struct vm_worker *worker = &vm->workers[WORKER_SIZE];
    vm_step_fn *before = worker->step;

    worker->step = nothing_follows;
    vmc_mem_put_request(vm->payload.request,
                        (struct vmc_mem_request){.type = type,
                                                 .address_bytes = address_bytes,
                                                 .block_count = block_count});
    worker_tell(worker, QUEUE_INFLATE, buffers, 2, STEP_DRIVER);
    (void)vmc_engine_run_all(rig.engine);
    worker->step = before;
    return vmc_mem_get_response(vm->payload.response);
}

#define MIB(n) ((uint64_t)(n) << 20)

/* After the driver has unplugged the top block, [384, 512) MiB. */
static const struct {
    uint16_t type;
    uint64_t address_bytes;
    uint16_t count, answer, state;
} requests[] = {
    {VMC_MEM_STATE, MIB(384), 64, VMC_MEM_ACK, 1},
    {VMC_MEM_STATE, MIB(256), 64, VMC_MEM_ACK, 0},
    {VMC_MEM_STATE, MIB(382), 2, VMC_MEM_ACK, 2},
    {VMC_MEM_STATE, MIB(384), 65, VMC_MEM_ERROR, 0},
    {VMC_MEM_UNPLUG, MIB(384), 64, VMC_MEM_ERROR, 0}, /* it is already */
    {VMC_MEM_UNPLUG, MIB(382), 2, VMC_MEM_ERROR, 0},  /* half of it is */
    {VMC_MEM_UNPLUG, MIB(257), 1, VMC_MEM_ERROR, 0},  /* not aligned */
    {VMC_MEM_UNPLUG, MIB(256), 0, VMC_MEM_ERROR, 0},
    {VMC_MEM_UNPLUG, MIB(512), 1, VMC_MEM_ERROR, 0}, /* no memory */
    {VMC_MEM_UNPLUG, UINT64_MAX & ~(MIB(2) - 1), 9, VMC_MEM_ERROR, 0},
    {VMC_MEM_PLUG, MIB(256), 64, VMC_MEM_ERROR, 0}, /* it is plugged */
    {VMC_MEM_PLUG, MIB(384), 64, VMC_MEM_NACK, 0},  /* nobody wants it */
    {7, MIB(256), 1, VMC_MEM_ERROR, 0},
};

START_TEST(a_request_that_makes_no_sense_changes_nothing)
{
    uint64_t backed;
    struct vmc_mem_response response;

    start(0);
    vm_resize(vm, 1);
    rig_run(&rig);
    backed = vmc_host_backed_bytes(&vm->host);
    response =
        ask(requests[_i].type, requests[_i].address_bytes, requests[_i].count);
    ck_assert_uint_eq(response.type, requests[_i].answer);
    ck_assert_uint_eq(response.state, requests[_i].state);
    ck_assert_uint_eq(vmc_host_backed_bytes(&vm->host), backed);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, PARTS);
    ck_assert_uint_eq(vm->refused_messages,
                      requests[_i].answer == VMC_MEM_ACK ? 0 : 1);
    rig_end(&rig);
}
END_TEST

START_TEST(all_memory_goes_when_all_is_asked_for)
{
    start(0);
    ck_assert_uint_eq(ask(VMC_MEM_UNPLUG_ALL, 0, 0).type, VMC_MEM_ACK);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, 4 * PARTS);
    ck_assert_uint_eq(vmc_host_backed_bytes(&vm->host), 0);
    rig_end(&rig);
}
END_TEST

/* 50 s, then twice as long each time, but no longer than 5 min. */
START_TEST(a_busy_device_is_asked_again_later)
{
    static const uint64_t waits_s[] = {0, 50, 150, 350, 650, 950};
    uint32_t busy = (uint32_t)_i;

    start(busy);
    vm_resize(vm, 1);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 1);
    ck_assert_uint_eq(vm->refused_messages, busy);
    ck_assert_uint_eq(vm->messages, busy + 1);
    ck_assert_uint_eq(vm->account.ticks[VMC_STAGE_SLEEP],
                      waits_s[busy] * UINT64_C(1000000000000));
    vm_resize(vm, 0);
    vm->mem.busy_answers = busy;
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 0);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, 0);
    rig_end(&rig);
}
END_TEST

START_TEST(a_device_that_stays_busy_is_left_alone)
{
    start(UINT32_MAX);
    vm_resize(vm, 2);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 0);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, 0);
    ck_assert(check_all(vm));
    rig_end(&rig);
}
END_TEST

/* A page that cannot be moved keeps its 2 MiB, not its 128. */
START_TEST(of_a_block_that_cannot_be_emptied_parts_go)
{
    uint32_t stays = 3 * BLOCK + 5 * PART + 17;
    uint64_t free_pages, messages;

    start(0);
    ck_assert_uint_eq(vm_isolate(vm, stays, 1, VMC_PAGE_INFLATING), 1);
    vm_mark(vm, stays, 1, VMC_PAGE_USED_UNMOVABLE);
    free_pages = vm_free_pages(vm);
    vm_resize(vm, 1);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 1);
    ck_assert_uint_eq(vm->messages, PARTS);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, PARTS);
    ck_assert_int_eq(vm_state(vm, stays), VMC_PAGE_USED_UNMOVABLE);
    for (uint32_t part = 0; part < PARTS; part++) {
        ck_assert_int_eq(vm_state(vm, 3 * BLOCK + part * PART) ==
                             VMC_PAGE_UNPLUGGED,
                         part != 5);
    }
    ck_assert_int_eq(vm_state(vm, 3 * BLOCK - PART), VMC_PAGE_UNPLUGGED);
    ck_assert_uint_eq(vm_free_pages(vm), free_pages - BLOCK);
    messages = vm->messages;
    vm_resize(vm, 0);
    rig_run(&rig);
    ck_assert_uint_eq(vm->messages, messages + PARTS);
    ck_assert_uint_eq(vm_free_pages(vm), free_pages);
    ck_assert_uint_eq(vm->mem.unplugged_blocks, 0);
    rig_end(&rig);
}
END_TEST

/* The device becomes busy for good with ten parts of a unit plugged. */
START_TEST(a_unit_that_is_back_in_part_is_counted_in_parts)
{
    uint32_t stays = 3 * BLOCK + 17;

    start(0);
    ck_assert_uint_eq(vm_isolate(vm, stays, 1, VMC_PAGE_INFLATING), 1);
    vm_mark(vm, stays, 1, VMC_PAGE_USED_UNMOVABLE);
    vm_resize(vm, 1);
    rig_run(&rig);
    vm_resize(vm, 0);
    while (vm->mem.back < 10) {
        ck_assert(rig_step(&rig));
    }
    vm->mem.busy_answers = UINT32_MAX;
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 0);
    ck_assert_uint_eq(vm->mem.parts, vm->mem.unplugged_blocks);
    ck_assert_uint_eq(vm->mem.parts, PARTS - 10);
    rig_end(&rig);
}
END_TEST

/* What is in use and can be moved is moved, as far as there is room. */
START_TEST(a_guest_gives_what_it_can)
{
    start(0);
    vm_touch(vm, 2 * BLOCK);
    rig_run(&rig);
    vm_resize(vm, 4);
    rig_run(&rig);
    ck_assert_uint_eq(vm->program.page_count, 2 * BLOCK);
    ck_assert_uint_lt(vm->held_units, 2);
    ck_assert_uint_gt(vm->mem.unplugged_blocks, PARTS / 2);
    ck_assert_uint_lt(vm_free_pages(vm), 2 * PART + 1024);
    ck_assert(check_all(vm));
    vm_touch_end(vm);
    vm_resize(vm, 0);
    rig_run(&rig);
    ck_assert_uint_eq(vm->held_units, 0);
    rig_end(&rig);
}
END_TEST

/* Reporting has a device that can fail, too: what it did not take is free and
 * not flagged, and nobody tries again by himself. */
START_TEST(a_report_that_fails_leaves_free_memory_as_it_was)
{
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_REPORTING);
    struct vmc_free_area area = {
        .zone = VMC_ZONE_DMA32, .order = 10, .type = VMC_TYPE_MOVABLE};
    uint64_t free_pages;
    uint32_t page, flagged = 0;

    config.faults.fail_add_first = 2;
    config.faults.fail_add_count = 1;
    rig_start(&rig, &config, 1);
    free_pages = vm_free_pages(vm);
    vm_report(vm);
    rig_run(&rig);
    ck_assert_uint_eq(vm->messages, 1);
    ck_assert_uint_eq(vm->passes, 1);
    ck_assert_uint_eq(vm_free_pages(vm), free_pages);
    ck_assert_uint_eq(vmc_memmap_count(vm->map, VMC_PAGE_REPORTING), 0);
    for (page = vmc_memmap_area_first(vm->map, area); page != VMC_PAGE_NONE;
         page = vmc_memmap_area_next(vm->map, page)) {
        flagged += vmc_memmap_is_reported(vm->map, page);
    }
    ck_assert_uint_eq(flagged, 32);
    rig_end(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_mem");
    TCase *c = tcase_create("virtio-mem");

    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_request_that_makes_no_sense_changes_nothing, 0,
                        VMC_COUNT_OF(requests));
    tcase_add_test(c, all_memory_goes_when_all_is_asked_for);
    tcase_add_loop_test(c, a_busy_device_is_asked_again_later, 0, 6);
    tcase_add_test(c, a_device_that_stays_busy_is_left_alone);
    tcase_add_test(c, of_a_block_that_cannot_be_emptied_parts_go);
    tcase_add_test(c, a_guest_gives_what_it_can);
    tcase_add_test(c, a_unit_that_is_back_in_part_is_counted_in_parts);
    tcase_add_test(c, a_report_that_fails_leaves_free_memory_as_it_was);
    return s;
}
