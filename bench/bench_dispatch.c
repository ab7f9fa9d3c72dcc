/* SPDX-License-Identifier: MIT */
/*
 * How fast recorded accesses go through the buses: put together from lines,
 * looked up, checked, and simulated in time; from records in memory, from the
 * native format and from text. Beside it what anybody can do with the same text
 * in the same run: count its lines with wc, and read it without a model. Then
 * the simulation alone, design by design.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/compare/design_run.h"
#include "sim/replay/dispatch_profile.h"
#include "sim/replay/replay.h"
#include "trace/input.h"
#include "trace/writer.h"

enum { ROUNDS = 5, COPIES = 20, RECORDS_MAX = 1 << 17 };

static const char source_path[] = "traces/kvm-bios-pc.ftrace.txt.zst";
static const char text_path[] = "build/bench-dispatch.txt";
static const char native_path[] = "build/bench-dispatch.vmct";

/* Processor time: other work on this host does not count. */
static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench_dispatch: %s\n", what);
    exit(EXIT_FAILURE);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), by_value);
    return values[ROUNDS / 2];
}

static struct vmc_reader *open_trace(const char *path)
{
    struct vmc_reader *reader;
    struct vmc_error error = {""};

    if (vmc_reader_open(&reader, path, NULL, &error) != VMC_OK) {
        stop(error.text);
    }
    return reader;
}

/* The recording as text, many times, and that in the native form. The stamps of
 * a copy run back; the reader holds them. */
static void make_files(void)
{
    FILE *file = fopen(text_path, "wb");
    struct vmc_error error = {""};
    const struct vmc_record *records;
    struct vmc_writer *writer = NULL;
    struct vmc_reader *reader;
    uint32_t count;

    for (int i = 0; i < COPIES && file != NULL; i++) {
        struct vmc_input *input;

        if (vmc_input_open(&input, source_path, &error) != VMC_OK) {
            stop(error.text);
        }
        while (vmc_input_fill(input, &error) == VMC_OK) {
            size_t bytes;
            const char *at = vmc_input_peek(input, &bytes);

            (void)fwrite(at, 1, bytes, file);
            vmc_input_use(input, bytes);
        }
        vmc_input_close(input);
    }
    if (file == NULL || fclose(file) != 0) {
        stop("cannot write the text");
    }
    reader = open_trace(text_path);
    file = fopen(native_path, "wb");
    while (file != NULL &&
           vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        if (writer == NULL && vmc_writer_new(&writer, file, reader) != VMC_OK) {
            stop("cannot write the native form");
        }
        (void)vmc_writer_add(writer, records, count);
    }
    if (file == NULL || writer == NULL) {
        stop("cannot write the native form");
    }
    (void)vmc_writer_end(writer, reader);
    vmc_writer_free(writer);
    vmc_reader_close(reader);
    (void)fclose(file);
}

static void *start_section(struct vmc_reader *reader,
                           struct replay_context *context)
{
    struct vmc_error error = {""};
    void *state;

    *context = (struct replay_context){
        .reader = reader, .semantics = "qemu", .is_checking = true};
    if (replay_bus.start(&state, context, &error) != VMC_OK) {
        stop(error.text);
    }
    return state;
}

/* End it; returns how many accesses it saw. */
static uint64_t end_section(void *state)
{
    static const char *const keys[] = {"mmio_reads", "mmio_writes", "pio_reads",
                                       "pio_writes"};
    FILE *nowhere = fopen("/dev/null", "w");
    json_t *json = NULL;
    uint64_t accesses = 0;

    if (nowhere == NULL || !replay_bus.finish(state, &json, nowhere)) {
        stop("the replay does not match");
    }
    for (size_t i = 0; i < VMC_COUNT_OF(keys); i++) {
        accesses +=
            (uint64_t)json_integer_value(json_object_get(json, keys[i]));
    }
    json_decref(json);
    replay_bus.free(state);
    (void)fclose(nowhere);
    return accesses;
}

/* A whole replay of the file at @path; without a model when !@has_model. */
static uint64_t replay_file(const char *path, bool has_model, double *seconds)
{
    struct vmc_reader *reader = open_trace(path);
    struct replay_context context;
    struct vmc_error error = {""};
    const struct vmc_record *records;
    void *state = start_section(reader, &context);
    uint64_t accesses, sum = 0;
    uint32_t count;
    double start = now_s();

    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            if (has_model) {
                replay_bus.record(state, &records[i]);
            } else {
                sum += records[i].args[0] + records[i].time_ns;
            }
        }
    }
    *seconds = now_s() - start + (sum == 1 ? 1 : 0);
    accesses = end_section(state);
    vmc_reader_close(reader);
    return accesses;
}

static uint64_t replay_memory(double *seconds)
{
    static struct vmc_record kept[RECORDS_MAX];
    struct vmc_reader *reader = open_trace(source_path);
    struct replay_context context;
    struct vmc_error error = {""};
    const struct vmc_record *records;
    void *state = start_section(reader, &context);
    uint64_t accesses, length_ns;
    uint32_t count, total = 0;
    double start;

    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count && total < RECORDS_MAX; i++) {
            kept[total++] = records[i];
        }
    }
    length_ns = kept[total - 1].time_ns + 1000000;
    start = now_s();
    for (int copy = 0; copy < COPIES; copy++) {
        for (uint32_t i = 0; i < total; i++) {
            replay_bus.record(state, &kept[i]);
            kept[i].time_ns += length_ns;
        }
    }
    *seconds = now_s() - start;
    accesses = end_section(state);
    vmc_reader_close(reader);
    return accesses;
}

static double time_wc(void)
{
    struct rusage usage;
    pid_t child = fork();
    int status;

    if (child == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        (void)execlp("wc", "wc", "-l", text_path, (char *)NULL);
        _exit(127);
    }
    (void)wait4(child, &status, 0, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void bench_replay(void)
{
    double memory[ROUNDS], native[ROUNDS], text[ROUNDS], plain[ROUNDS],
        wc[ROUNDS];
    uint64_t accesses = 0;
    double million;

    for (int i = 0; i < ROUNDS; i++) {
        accesses = replay_memory(&memory[i]);
        (void)replay_file(native_path, true, &native[i]);
        (void)replay_file(text_path, true, &text[i]);
        (void)replay_file(text_path, false, &plain[i]);
        wc[i] = time_wc();
    }
    million = (double)accesses / 1e6;
    (void)printf("%-40s %10s\n", "bus replay", "M accesses/s");
    (void)printf("%-40s %10.1f\n", "records in memory",
                 million / median(memory));
    (void)printf("%-40s %10.1f\n", ".vmct", million / median(native));
    (void)printf("%-40s %10.1f\n", "ftrace text", million / median(text));
    (void)printf("%-40s %10.1f\n", "ftrace text, read without a model",
                 million / median(plain));
    (void)printf("%-40s %10.1f\n", "ftrace text, wc -l", million / median(wc));
    (void)printf("the model's share of a text replay: %.0f %%\n",
                 100 * (1 - median(plain) / median(text)));
    (void)printf("text replay against wc -l: %.1f times its time\n",
                 median(text) / median(wc));
}

static void bench_designs(void)
{
    static struct design_result result;
    static struct access_list list;
    struct design_choice choice = {.takes_all_exits = true, .copies = 1};
    struct bus_ranges *ranges;
    struct vmc_error error = {""};

    if (bus_ranges_new(&ranges) != VMC_OK ||
        dispatch_profile_load(&choice.costs, DISPATCH_PROFILE_DEFAULT,
                              &error) != VMC_OK) {
        stop(error.text);
    }
    bus_ranges_begin(ranges);
    choice.ranges = ranges;
    if (access_list_read(&list, source_path, NULL, ranges, 170, &error) !=
        VMC_OK) {
        stop(error.text);
    }
    (void)printf("\n%-40s %10s\n", "simulation alone", "M accesses/s");
    for (uint32_t mode = 0; mode < VMC_DISPATCH_COUNT; mode++) {
        double seconds[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
            double start = now_s();

            if (design_run(&result, &list, &choice, mode) != VMC_OK) {
                stop("the simulation cannot start");
            }
            seconds[i] = now_s() - start;
        }
        (void)printf("%-40s %10.1f\n", vmc_dispatch_name(mode),
                     (double)list.count / median(seconds) / 1e6);
    }
    access_list_free(&list);
    bus_ranges_free(ranges);
}

int main(void)
{
    make_files();
    bench_replay();
    bench_designs();
    (void)remove(text_path);
    (void)remove(native_path);
    return EXIT_SUCCESS;
}
