/* SPDX-License-Identifier: MIT */
/* The catalogue of defects (spec 8), row by row: the driver or host as it was
 * shows the symptom, the right one does not and keeps all invariants. */
#include "balloon/bitmap_priv.h"
#include "tests/balloon_rig.h"

#include "base/rng.h"
#include "suite.h"

#define GIB (UINT64_C(1) << 30)

static struct rig rig;
static struct vm *const vm = &rig.vms[0];

/* What only a look in the middle of a run can tell. */
static uint64_t least_leak, before_bytes;

/* Until nothing is left to do or something is broken; nothing is asserted. */
static void run(void)
{
    while (vm->crash == NULL && rig_step(&rig)) {
    }
    if (vm->check.broken == 0) {
        (void)check_rest(vm);
    }
}

/* ---- Pages ---------------------------------------------------------------*/

static struct vmc_page_run runs[6000];
static struct vmc_page_run longest[1];

/* @count pages, one every @step from @first on. */
static void scatter(struct vmc_balloon_config *config, uint32_t first,
                    uint32_t step, uint32_t count)
{
    ck_assert_uint_le(count, VMC_COUNT_OF(runs));
    for (uint32_t i = 0; i < count; i++) {
        runs[i] = (struct vmc_page_run){.first = first + i * step, .count = 1};
    }
    config->recorded = runs;
    config->recorded_count = count;
}

static void one_run(struct vmc_balloon_config *config, uint32_t first,
                    uint32_t count)
{
    longest[0] =
        (struct vmc_page_run){.first = first, .count = count & INT32_MAX};
    config->recorded = longest;
    config->recorded_count = 1;
}

/* ---- Guests --------------------------------------------------------------*/

typedef void configure_fn(struct vmc_balloon_config *config, bool is_posted);

static void plain(struct vmc_balloon_config *config, bool is_posted)
{
    (void)config;
    (void)is_posted;
}

/* The reproducer of D1: 2 words a page, of two chunks. */
static void scattered(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->guest_bytes = 8 * GIB;
    scatter(config, 0x40001, 128, 6000);
}

static void scattered_never_sent(struct vmc_balloon_config *config,
                                 bool is_posted)
{
    scattered(config, is_posted);
    config->faults.fail_add_first = 1;
    config->faults.fail_add_count = UINT32_MAX;
}

/* Two messages out, two back; the second, or the fourth, is not sent. */
static void half_fails(struct vmc_balloon_config *config, bool is_posted)
{
    scattered(config, is_posted);
    config->faults.fail_add_first = 2;
    config->faults.fail_add_count = 1;
}

static void half_back_fails(struct vmc_balloon_config *config, bool is_posted)
{
    scattered(config, is_posted);
    config->faults.fail_add_first = 4;
    config->faults.fail_add_count = 1;
}

static void far_apart(struct vmc_balloon_config *config, bool is_posted)
{
    static const struct vmc_page_run pages[] = {
        {.first = 1000, .count = 2},
        {.first = (40 << 18) + 5, .count = 1},
        {.first = 42 << 18, .count = 1}};

    (void)is_posted;
    config->guest_bytes = 64 * GIB;
    config->recorded = pages;
    config->recorded_count = VMC_COUNT_OF(pages);
}

static void on_a_word(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->guest_bytes = 8 * GIB;
    scatter(config, 0x30000, 1, 1);
}

/* What is taken later lies below. */
static void downwards(struct vmc_balloon_config *config, bool is_posted)
{
    static const struct vmc_page_run pages[] = {
        {.first = 0x9000, .count = 1024}, {.first = 0x8000, .count = 1024}};

    (void)is_posted;
    config->recorded = pages;
    config->recorded_count = VMC_COUNT_OF(pages);
}

static void one_chunk(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->guest_bytes = 8 * GIB;
    config->faults.chunk_max = 1;
    scatter(config, 0x1000, 1000, 2000);
}

static void third_fails(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.fail_add_first = 3;
    config->faults.fail_add_count = 1;
}

static void second_fails(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.fail_add_first = 2;
    config->faults.fail_add_count = 1;
}

/* Example A of the specification. */
static void example(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    one_run(config, 0x10005, 100);
}

static void big_endian(struct vmc_balloon_config *config, bool is_posted)
{
    example(config, is_posted);
    config->faults.is_big_endian = true;
}

static void narrow(struct vmc_balloon_config *config, bool is_posted)
{
    example(config, is_posted);
    config->faults.is_32bit = true;
}

static void large_pages(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->page_bytes = 65536;
}

static void oom(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->has_deflate_on_oom = true;
}

static void big(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->guest_bytes = 8 * GIB;
}

static void without_header(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.probe_fails = 1;
}

static void without_chunk(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.probe_fails = 2;
}

static void without_buffer(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.probe_fails = 3;
}

static void without_feature(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.lacks_feature = true;
}

static void breaking(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.breaks_after = 1;
}

static void one_page(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    scatter(config, 0x10005, 1, 1);
}

static void one_page_of_8_gib(struct vmc_balloon_config *config, bool is_posted)
{
    one_page(config, is_posted);
    config->guest_bytes = 8 * GIB;
}

static void standard(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.is_standard_device = true;
}

static void one_buffer(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.has_one_buffer = true;
}

static void high(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    one_run(config, 0x18000, 1000);
}

/* Two runs, the first of which is 4096 pages. */
static void exactly_4096(struct vmc_balloon_config *config, bool is_posted)
{
    static const struct vmc_page_run pages[] = {
        {.first = 0x8000, .count = 4096}, {.first = 0xa000, .count = 5}};

    (void)is_posted;
    config->recorded = pages;
    config->recorded_count = VMC_COUNT_OF(pages);
}

static void not_inserted(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    config->faults.insert_fails = 700;
}

static void scattered_little(struct vmc_balloon_config *config, bool is_posted)
{
    (void)is_posted;
    scatter(config, 0x4001, 3, 512);
}

static void poisoned(struct vmc_balloon_config *config, bool is_posted)
{
    config->poison_byte = is_posted ? 0xaa : 0;
}

static void hugetlb(struct vmc_balloon_config *config, bool is_posted)
{
    config->backing = is_posted ? "hugetlb" : "anon";
}

static void older(struct vmc_balloon_config *config, bool is_posted)
{
    config->page_bytes = 65536;
    config->machine.ascending_arrays = is_posted;
}

static void legacy(struct vmc_balloon_config *config, bool is_posted)
{
    config->machine.legacy_config = is_posted;
}

static void assigned(struct vmc_balloon_config *config, bool is_posted)
{
    config->has_vfio = is_posted;
}

static void crumbs(struct vmc_balloon_config *config, bool is_posted)
{
    config->fragmentation = is_posted ? "frag:100" : "idle";
}

/* ---- What is done --------------------------------------------------------*/

typedef void drive_fn(bool is_posted);

static void resize(uint64_t pages)
{
    if (vm->crash == NULL && vm->check.broken == 0) {
        vm_resize(vm, pages);
        run();
    }
}

/* All that was prepared, and back. */
static void to_and_fro(bool is_posted)
{
    uint64_t pages = 0;

    (void)is_posted;
    for (uint32_t i = 0; i < vm->config.recorded_count; i++) {
        pages += vm->config.recorded[i].count;
    }
    resize(pages != 0 ? pages : 4096);
    if (vm->idle_rounds == 0) {
        resize(0);
    }
}

static void inflate(bool is_posted)
{
    (void)is_posted;
    resize(vm->config.recorded != NULL ? vm->config.recorded_count : 4096);
}

static void in_steps(bool is_posted)
{
    (void)is_posted;
    resize(1024);
    resize(2048);
    resize(1024);
    resize(0);
}

/* From 0x4e8 to 0x514: two bytes of actual change. */
static void over_a_byte(bool is_posted)
{
    (void)is_posted;
    resize(1000);
    resize(1300);
}

static void three_gib(bool is_posted)
{
    (void)is_posted;
    resize(3 * 262144);
}

static void beyond(bool is_posted)
{
    (void)is_posted;
    resize(vm_free_pages(vm) + 4096);
}

/* Compaction takes pages while the list is walked. */
static void compact_meanwhile(bool is_posted)
{
    (void)is_posted;
    vm_resize(vm, 4096);
    while (vm->bitmap->scan_end == 0) {
        ck_assert(rig_step(&rig));
    }
    vm_migrate(vm, 8);
    run();
}

static void compact(bool is_posted)
{
    (void)is_posted;
    resize(4096);
    vm_migrate(vm, 3);
    run();
    resize(0);
}

/* Memory runs out while an inflate has taken pages and told nothing yet. */
static void oom_meanwhile(bool is_posted)
{
    (void)is_posted;
    resize(4096);
    vm_touch(vm, 0);
    vm_resize(vm, 8192);
    while (vm->fresh.page_count == 0) {
        ck_assert(rig_step(&rig));
    }
    ck_assert(oom_notify(vm));
    run();
}

static void oom_later(bool is_posted)
{
    (void)is_posted;
    resize(4096);
    vm_touch(vm, 0);
    ck_assert(oom_notify(vm));
    run();
}

static void remove_driver(bool is_posted)
{
    (void)is_posted;
    bitmap_remove(vm);
}

static void nothing_follows(struct vm_worker *worker, uint32_t step)
{
    (void)worker;
    (void)step;
}

/* A good record for pages in use, then one that no right driver sends. */
static void hostile(bool is_posted)
{
    static const uint64_t bad[] = {
        UINT64_C(1) << 52 | 0x100,              /* shift 1 */
        UINT64_C(63) << 52,                     /* shift 63 */
        UINT64_C(13) << 52 | 0x101,             /* misaligned */
        UINT64_C(4) << 58 | UINT64_C(12) << 52, /* 4 bytes of bitmap */
        UINT64_C(8) << 58 | UINT64_C(12) << 52, /* 8 that are not there */
        UINT64_C(30) << 52,                     /* over the end of RAM */
    };
    struct vm_worker *worker = &vm->workers[WORKER_SIZE];
    static const struct vmc_vq_buffer buffers[] = {
        {.address = BUFFER_HEADER, .size_bytes = 8},
        {.address = BUFFER_RESPONSE, .size_bytes = 16}};

    (void)is_posted;
    before_bytes = vmc_host_backed_bytes(&vm->host);
    worker->step = nothing_follows;
    for (uint32_t i = 0; i < VMC_COUNT_OF(bad); i++) {
        uint64_t refused = vm->refused_messages;

        vm->payload.words[0] = vmc_wire_header(0x200, 12 + 6, 0);
        vm->payload.words[1] = bad[i];
        vm->payload.word_count = 2;
        vm->payload.header = vmc_wire_response(16);
        worker_tell(worker, QUEUE_INFLATE, buffers, 2, STEP_DRIVER);
        (void)vmc_engine_run_all(rig.engine);
        if (!vm_has_defect(vm, 28)) {
            ck_assert_uint_eq(vm->refused_messages, refused + 1);
        }
    }
    vm->payload.header = vmc_wire_response(8); /* and 16 are there */
    worker_tell(worker, QUEUE_INFLATE, buffers, 2, STEP_DRIVER);
    (void)vmc_engine_run_all(rig.engine);
    vm->check.broken = 0; /* the guest meant to */
}

static void hints_and_writes(bool is_posted)
{
    (void)is_posted;
    hint_begin(vm);
    run();
    (void)hint_shrink(vm, 1);
    vm_touch(vm, 500);
    run();
    vm_touch_end(vm);
}

static void touch_and_report(bool is_posted)
{
    (void)is_posted;
    vm_touch(vm, 90000);
    run();
    vm_touch_end(vm);
    before_bytes = vmc_host_backed_bytes(&vm->host);
    vm_report(vm);
    run();
}

static void touch_and_inflate(bool is_posted)
{
    (void)is_posted;
    vm_touch(vm, 90000);
    run();
    vm_touch_end(vm);
    before_bytes = vmc_host_backed_bytes(&vm->host);
    resize(65536);
}

static void to_a_part_of_a_page(bool is_posted)
{
    (void)is_posted;
    resize(1001);
}

/* Compaction has pages when the balloon is to shrink. */
static void leak_meanwhile(bool is_posted)
{
    resize(200);
    if (is_posted) {
        vm_migrate(vm, 32);
        while (vm->isolated.page_count == 0) {
            ck_assert(rig_step(&rig));
        }
    }
    vm_resize(vm, 0);
    while (rig_step(&rig)) {
        if (vm->leaving.page_count > 0 && vm->leaving.page_count < least_leak) {
            least_leak = vm->leaving.page_count;
        }
    }
    (void)check_rest(vm);
}

/* ---- Symptoms ------------------------------------------------------------*/

typedef bool shows_fn(void);

static bool is_wrecked(void)
{
    return vm->crash != NULL;
}

static bool is_untold_or_foreign(void)
{
    return vm->check.broken != 0;
}

static bool is_refused(void)
{
    return vm->refused_messages > 0;
}

static bool is_misread(void)
{
    return vm->bad_addresses > 0 || vm->check.broken != 0;
}

/* 2000 pages, walked once or more often. */
static bool is_walked_often(void)
{
    return vm->account.ticks[VMC_STAGE_ENCODE] >
           2 * 2000 * rig_costs.guest.list_walk;
}

static bool is_told_at_once(void)
{
    return vm->space.actual_changes == 1;
}

static bool sleeps_with_lock(void)
{
    return vm->actors[vm_actor(vm, ROLE_BALLOON)].longest_ticks >=
           rig_costs.guest.retry_sleep;
}

static bool frees_wildly(void)
{
    return vm->bitmap->wild_frees > 0;
}

static bool leaks(void)
{
    return vm->bitmap->live_bytes > 0;
}

static bool has_allocated(void)
{
    return vm->bitmap->allocated_bytes > 0;
}

static bool is_silent(void)
{
    return !vm->bitmap->is_degraded;
}

static bool is_large(void)
{
    return vm->payload_bytes > UINT64_C(6000) * 12;
}

static bool clears_everything(void)
{
    return vm->account.ticks[VMC_STAGE_ENCODE] >
           rig_costs.guest.clear_chunk * 4;
}

static bool is_unnamed(void)
{
    return vm->unnamed_messages > 0;
}

static bool obeys(void)
{
    return vm->crash != NULL ||
           vmc_host_backed_bytes(&vm->host) != before_bytes;
}

static bool loses_writes(void)
{
    return vm->hint.lost_pages > 0;
}

static bool frees_nothing(void)
{
    return vmc_host_backed_bytes(&vm->host) == before_bytes;
}

static bool goes_to_and_fro(void)
{
    return vm->reversals > IDLE_ROUNDS_MAX;
}

/* Every round of the worker writes actual once; byte by byte is four times. */
static bool shows_what_lies_between(void)
{
    return vm->space.actual_changes > vm->messages;
}

static bool leaks_less(void)
{
    return least_leak < 200;
}

static bool reports_nothing(void)
{
    return vm->pages_told == 0;
}

/* Sixteen messages of 256 pages take no more than a few milliseconds, but for
 * the sleeps. */
static bool sleeps(void)
{
    return vm->account.ticks[VMC_STAGE_SLEEP] >= rig_costs.guest.retry_sleep;
}

/* ---- The catalogue -------------------------------------------------------*/

enum { BASELINE = 0 };

static const struct row {
    const char *id;
    uint32_t number; /* BASELINE: the guest makes the difference */
    enum vmc_balloon_mechanism mechanism;
    configure_fn *configure;
    drive_fn *drive;
    shows_fn *shows;
    uint64_t also; /* defects that both have */
} rows[] = {
    {"D1", 1, VMC_MECHANISM_BITMAP, scattered, inflate, is_wrecked, 0},
    {"D2", 2, VMC_MECHANISM_BITMAP, far_apart, to_and_fro, is_wrecked, 0},
    {"D3", 3, VMC_MECHANISM_BITMAP, on_a_word, to_and_fro, is_untold_or_foreign,
     0},
    {"D4", 4, VMC_MECHANISM_BITMAP, downwards, in_steps, is_untold_or_foreign,
     0},
    {"D5", 5, VMC_MECHANISM_BITMAP, one_chunk, inflate, is_walked_often, 0},
    {"D6", 6, VMC_MECHANISM_BITMAP, plain, compact_meanwhile, is_wrecked, 0},
    {"D7 leak", 7, VMC_MECHANISM_BITMAP, third_fails, in_steps,
     is_untold_or_foreign, 0},
    {"D7 inflate", 7, VMC_MECHANISM_BITMAP, second_fails, in_steps,
     is_untold_or_foreign, 0},
    {"D7 half", 7, VMC_MECHANISM_BITMAP, half_fails, inflate,
     is_untold_or_foreign, 0},
    {"D7 half back", 7, VMC_MECHANISM_BITMAP, half_back_fails, to_and_fro,
     is_untold_or_foreign, 0},
    {"D8", 8, VMC_MECHANISM_BITMAP, scattered_never_sent, inflate, is_wrecked,
     VMC_DEFECT(7)},
    {"D9", 9, VMC_MECHANISM_BITMAP, big_endian, to_and_fro,
     is_untold_or_foreign, 0},
    {"D10", 10, VMC_MECHANISM_BITMAP, big_endian, to_and_fro, is_refused, 0},
    {"D11", 11, VMC_MECHANISM_BITMAP, narrow, to_and_fro, is_refused, 0},
    {"D12", 12, VMC_MECHANISM_BITMAP, large_pages, to_and_fro,
     is_untold_or_foreign, 0},
    {"D13", 13, VMC_MECHANISM_BITMAP, oom, oom_meanwhile, is_untold_or_foreign,
     0},
    {"D14", 14, VMC_MECHANISM_BITMAP, oom, oom_later, is_wrecked, 0},
    {"D15", 15, VMC_MECHANISM_BITMAP, big, three_gib, is_told_at_once, 0},
    {"D16", 16, VMC_MECHANISM_BITMAP, plain, beyond, sleeps_with_lock, 0},
    {"D17", 17, VMC_MECHANISM_BITMAP, without_header, remove_driver,
     frees_wildly, 0},
    {"D18 chunk", 18, VMC_MECHANISM_BITMAP, without_chunk, remove_driver,
     frees_wildly, 0},
    {"D18 buffer", 18, VMC_MECHANISM_BITMAP, without_buffer, remove_driver,
     frees_wildly, 0},
    {"D19", 19, VMC_MECHANISM_BITMAP, without_header, inflate, is_refused, 0},
    {"D20", 20, VMC_MECHANISM_BITMAP, plain, remove_driver, leaks, 0},
    {"D21", 21, VMC_MECHANISM_BITMAP, without_feature, to_and_fro,
     has_allocated, 0},
    {"D22", 22, VMC_MECHANISM_BITMAP, breaking, in_steps, is_wrecked, 0},
    {"D23", 23, VMC_MECHANISM_BITMAP, second_fails, compact,
     is_untold_or_foreign, 0},
    {"D24", 24, VMC_MECHANISM_BITMAP, one_chunk, to_and_fro, is_silent, 0},
    {"D25", 25, VMC_MECHANISM_BITMAP, scattered, inflate, is_large, 0},
    {"D26", 26, VMC_MECHANISM_BITMAP, one_page_of_8_gib, inflate,
     clears_everything, 0},
    {"D27", 27, VMC_MECHANISM_BITMAP, plain, to_and_fro, is_unnamed, 0},
    {"D28", 28, VMC_MECHANISM_BITMAP_FIXED, plain, hostile, obeys, 0},
    {"D29", 29, VMC_MECHANISM_BITMAP_FIXED, example, to_and_fro,
     is_untold_or_foreign, 0},
    {"D29 one page", 29, VMC_MECHANISM_BITMAP_FIXED, one_page, to_and_fro,
     is_untold_or_foreign, 0},
    {"D30", 30, VMC_MECHANISM_BITMAP, standard, to_and_fro, is_misread, 0},
    {"D31", 31, VMC_MECHANISM_BITMAP_FIXED, one_buffer, to_and_fro, is_refused,
     0},
    {"D32", 32, VMC_MECHANISM_BITMAP_FIXED, high, to_and_fro, is_refused, 0},
    {"S1", 33, VMC_MECHANISM_CHUNK, exactly_4096, to_and_fro,
     is_untold_or_foreign, 0},
    {"S2", 34, VMC_MECHANISM_CHUNK, plain, to_and_fro, is_untold_or_foreign, 0},
    {"S3", 35, VMC_MECHANISM_CHUNK, big_endian, to_and_fro, is_misread, 0},
    {"S4", 36, VMC_MECHANISM_SG, not_inserted, to_and_fro, is_untold_or_foreign,
     0},
    {"S5", 37, VMC_MECHANISM_SG, scattered_little, to_and_fro,
     is_untold_or_foreign, 0},
    {"S6", 38, VMC_MECHANISM_SG, oom, oom_later, is_untold_or_foreign, 0},
    {"S7", 39, VMC_MECHANISM_HINTING, plain, hints_and_writes, loses_writes, 0},
    {"S8", BASELINE, VMC_MECHANISM_REPORTING, poisoned, touch_and_report,
     frees_nothing, 0},
    {"B1", BASELINE, VMC_MECHANISM_PFN, hugetlb, touch_and_inflate,
     frees_nothing, 0},
    {"B2", BASELINE, VMC_MECHANISM_PFN, plain, NULL, sleeps, 0},
    {"B3", BASELINE, VMC_MECHANISM_PFN, older, to_a_part_of_a_page,
     goes_to_and_fro, 0},
    {"B4", BASELINE, VMC_MECHANISM_PFN, legacy, over_a_byte,
     shows_what_lies_between, 0},
    {"B5", BASELINE, VMC_MECHANISM_PFN, plain, leak_meanwhile, leaks_less, 0},
    {"B6", BASELINE, VMC_MECHANISM_PFN, assigned, touch_and_inflate,
     frees_nothing, 0},
    {"B7", BASELINE, VMC_MECHANISM_REPORTING, crumbs, touch_and_report,
     reports_nothing, 0},
};

/* B2: beyond what is free, or not. */
static void inflate_far(bool is_posted)
{
    resize(is_posted ? vm_free_pages(vm) + 4096 : 4096);
}

static bool run_row(const struct row *row, bool is_posted, uint64_t defects)
{
    struct vmc_balloon_config config = rig_config(row->mechanism);

    least_leak = 200;
    row->configure(&config, is_posted);
    config.defects = defects;
    rig_start(&rig, &config, 1);
    (row->drive != NULL ? row->drive : inflate_far)(is_posted);
    return row->shows();
}

START_TEST(a_defect_shows_where_it_is_and_nowhere_else)
{
    const struct row *row = &rows[_i];
    uint64_t defect = row->number != BASELINE ? VMC_DEFECT(row->number) : 0;

    ck_assert_msg(run_row(row, true, row->also | defect), "%s: no symptom",
                  row->id);
    rig_end(&rig);
    ck_assert_msg(!run_row(row, false, row->also), "%s: symptom without it",
                  row->id);
    if (row->also == 0) {
        ck_assert_msg(vm->crash == NULL, "%s: %s", row->id, vm->crash);
        ck_assert_msg(vm->check.broken == 0 && check_all(vm), "%s: %s", row->id,
                      vm->check.text);
    }
    rig_end(&rig);
}
END_TEST

/* What a driver with many defects does is anybody's guess, but it is data: the
 * run ends, with whatever it has broken. */
START_TEST(defects_together_end_in_a_verdict)
{
    const struct row *row = &rows[(uint32_t)_i % VMC_COUNT_OF(rows)];
    struct vmc_rng rng;

    vmc_rng_init(&rng, (uint64_t)_i);
    if (row->drive == hostile || row->configure == far_apart ||
        row->drive == compact_meanwhile || row->drive == oom_meanwhile ||
        row->drive == oom_later) {
        return; /* they look for a moment that other defects never reach */
    }
    (void)run_row(row, true, vmc_rng_next(&rng));
    rig_end(&rig);
    (void)run_row(row, true, VMC_BALLOON_AS_POSTED | row->also);
    rig_end(&rig);
}
END_TEST

/* Each worked example of the catalogue, to the letter. */
START_TEST(a_crash_says_which_defect_it_was)
{
    const struct row *row = &rows[_i];
    size_t length = strcspn(row->id, " ");

    if (row->shows != is_wrecked) {
        return;
    }
    ck_assert(run_row(row, true, row->also | VMC_DEFECT(row->number)));
    ck_assert_msg(strncmp(vm->crash, row->id, length) == 0 &&
                      vm->crash[length] == ':',
                  "%s: %s", row->id, vm->crash);
    rig_end(&rig);
}
END_TEST

/* ---- Messages that are refused whole -------------------------------------*/

static const struct {
    enum vmc_balloon_mechanism mechanism;
    uint32_t size_bytes, word_count;
    uint64_t words[4];
} messages[] = {
    /* A list whose last word has no other; one that names no memory. */
    {VMC_MECHANISM_CHUNK, 24, 3, {0x200 << 12, 64 << 12, 0x300 << 12}},
    {VMC_MECHANISM_CHUNK,
     32,
     4,
     {0x200 << 12, 64 << 12, 0x1ffff << 12, 2 << 12}},
    {VMC_MECHANISM_CHUNK, 32, 4, {0x200 << 12, 64 << 12, 0x300 << 12, 1}},
    {VMC_MECHANISM_CHUNK, 32, 4, {0x200 << 12, 64 << 12, 0x300 << 12, 0}},
    /* A header that says more than the buffers hold. */
    {VMC_MECHANISM_BITMAP_FIXED,
     8,
     2,
     {UINT64_C(18) << 52 | 0x200, UINT64_C(18) << 52 | 0x240}},
};

START_TEST(a_message_with_a_fault_has_no_effect)
{
    struct vmc_balloon_config config = rig_config(messages[_i].mechanism);
    struct vmc_vq_buffer buffers[] = {
        {.address = BUFFER_HEADER, .size_bytes = 8},
        {.address = BUFFER_RESPONSE, .size_bytes = messages[_i].size_bytes}};
    bool is_list = messages[_i].mechanism == VMC_MECHANISM_CHUNK;
    uint64_t backed;

    rig_start(&rig, &config, 1);
    backed = vmc_host_backed_bytes(&vm->host);
    memcpy(vm->payload.words, messages[_i].words, sizeof(messages[_i].words));
    vm->payload.word_count = messages[_i].word_count;
    vm->payload.header = vmc_wire_response(messages[_i].word_count * 8);
    vm->workers[WORKER_SIZE].step = nothing_follows;
    worker_tell(&vm->workers[WORKER_SIZE], QUEUE_INFLATE,
                is_list ? &buffers[1] : buffers, is_list ? 1 : 2, STEP_DRIVER);
    (void)vmc_engine_run_all(rig.engine);
    ck_assert_uint_eq(vm->refused_messages, 1);
    ck_assert_uint_eq(vm->pages_told, 0);
    ck_assert_uint_eq(vmc_host_backed_bytes(&vm->host), backed);
    rig_end(&rig);
}
END_TEST

/* A run that goes on in the next chunk is two. */
START_TEST(a_run_ends_where_its_chunk_ends)
{
    static const struct vmc_page_run pages[] = {
        {.first = 0x60000, .count = 1}, {.first = 0x70000, .count = 0x40000}};
    /* The window begins with the first page, so a chunk ends at 0xa0000. */
    static const uint64_t words[][2] = {
        {0x60000, 12}, {0x70000, 29}, {0x90000, 28}, {0xa0000, 28}};
    struct vmc_balloon_config config = rig_config(VMC_MECHANISM_BITMAP);

    config.guest_bytes = 8 * GIB;
    config.defects = VMC_DEFECT(15); /* all in one call */
    config.recorded = pages;
    config.recorded_count = VMC_COUNT_OF(pages);
    rig_start(&rig, &config, 1);
    vm_resize(vm, 0x40001);
    while (vm->payload.word_count == 0) {
        ck_assert(rig_step(&rig));
    }
    ck_assert_uint_eq(vm->payload.word_count, VMC_COUNT_OF(words));
    for (uint32_t i = 0; i < VMC_COUNT_OF(words); i++) {
        ck_assert_uint_eq(
            vm->payload.words[i],
            vmc_wire_header(words[i][0], (uint32_t)words[i][1], 0));
    }
    run();
    ck_assert_uint_eq(vm->check.broken, 0);
    rig_end(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("balloon_defects");
    TCase *c = tcase_create("defects");

    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_defect_shows_where_it_is_and_nowhere_else, 0,
                        VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, defects_together_end_in_a_verdict, 0,
                        2 * VMC_COUNT_OF(rows));
    tcase_add_loop_test(c, a_message_with_a_fault_has_no_effect, 0,
                        VMC_COUNT_OF(messages));
    tcase_add_test(c, a_run_ends_where_its_chunk_ends);
    tcase_add_loop_test(c, a_crash_says_which_defect_it_was, 0,
                        VMC_COUNT_OF(rows));
    return s;
}
