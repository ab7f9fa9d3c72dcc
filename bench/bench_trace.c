/* SPDX-License-Identifier: MIT */
/*
 * How fast traces are read: the native format, a QEMU log, and the peer that
 * everybody has, grep, on the same uncompressed log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace/input.h"
#include "trace/reader.h"
#include "trace/writer.h"

enum { ROUNDS = 5 };

static const char source_path[] = "traces/balloon-7of8g-4vcpu.qemu.log.zst";
static const char text_path[] = "build/bench-trace.log";
static const char native_path[] = "build/bench-trace.vmct";
/* To /dev/null grep would stop at the first match. */
static const char count_path[] = "build/bench-trace.count";

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench_trace: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Read a trace to its end; returns the records, *seconds is the time. */
static uint64_t read_trace(const char *path, double *seconds)
{
    struct vmc_reader *reader;
    const struct vmc_record *records;
    struct vmc_error error = {""};
    uint64_t total = 0, sum = 0;
    uint32_t count;
    double start = now_s();

    if (vmc_reader_open(&reader, path, NULL, &error) != VMC_OK) {
        stop(error.text);
    }
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            sum += records[i].args[0] + records[i].time_ns;
        }
        total += count;
    }
    vmc_reader_close(reader);
    *seconds = now_s() - start;
    if (sum == 0) {
        stop("nothing was read");
    }
    return total;
}

/* The uncompressed log and its native form. */
static void make_files(void)
{
    struct vmc_input *input;
    struct vmc_reader *reader;
    struct vmc_writer *writer = NULL;
    const struct vmc_record *records;
    struct vmc_error error = {""};
    FILE *file = fopen(text_path, "wb");
    uint32_t count;
    size_t bytes;

    if (file == NULL || vmc_input_open(&input, source_path, &error) != VMC_OK) {
        stop("cannot unpack the recording");
    }
    while (vmc_input_fill(input, &error) == VMC_OK) {
        const char *at = vmc_input_peek(input, &bytes);

        (void)fwrite(at, 1, bytes, file);
        vmc_input_use(input, bytes);
    }
    vmc_input_close(input);
    (void)fclose(file);
    file = fopen(native_path, "wb");
    if (file == NULL ||
        vmc_reader_open(&reader, text_path, NULL, &error) != VMC_OK) {
        stop("cannot write the native form");
    }
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        if (writer == NULL && vmc_writer_new(&writer, file, reader) != VMC_OK) {
            stop("cannot write the native form");
        }
        (void)vmc_writer_add(writer, records, count);
    }
    (void)vmc_writer_end(writer, reader);
    vmc_writer_free(writer);
    vmc_reader_close(reader);
    (void)fclose(file);
}

static double time_grep(void)
{
    double start = now_s();
    pid_t child = fork();
    int status;

    if (child == 0) {
        (void)!freopen(count_path, "w", stdout);
        (void)execlp("grep", "grep", "-c", "balloon", text_path, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, &status, 0);
    return now_s() - start;
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

int main(void)
{
    double native[ROUNDS], text[ROUNDS], packed[ROUNDS], grep[ROUNDS];
    uint64_t records = 0;

    make_files();
    for (int i = 0; i < ROUNDS; i++) {
        records = read_trace(native_path, &native[i]);
        (void)read_trace(text_path, &text[i]);
        (void)read_trace(source_path, &packed[i]);
        grep[i] = time_grep();
    }
    (void)printf("%-34s %10s\n", "reading 1.99 M records", "M/s");
    (void)printf("%-34s %10.1f\n", ".vmct",
                 (double)records / median(native) / 1e6);
    (void)printf("%-34s %10.1f\n", "QEMU log",
                 (double)records / median(text) / 1e6);
    (void)printf("%-34s %10.1f\n", "QEMU log, zstd",
                 (double)records / median(packed) / 1e6);
    (void)printf("%-34s %10.1f\n", "grep -c balloon, QEMU log",
                 (double)records / median(grep) / 1e6);
    (void)printf("QEMU log against grep: %.2f times its time\n",
                 median(text) / median(grep));
    (void)remove(text_path);
    (void)remove(native_path);
    (void)remove(count_path);
    return EXIT_SUCCESS;
}
