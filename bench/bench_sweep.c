/* SPDX-License-Identifier: MIT */
/*
 * A sweep by one worker and by two, in turns, on points of several sizes; the
 * same with what the points have in common begun for each anew; and, as a
 * peer, the same command lines given to xargs -P 2, which starts the program
 * for each and makes no rows.
 *
 * Rows: points, seconds of -j 1 and -j 2 and the ratio of the two, of -j 2
 * --no-share, of the peer. Time is that of the wall. Each figure is the median
 * of ROUNDS; the ratio, too, of what -j 1 and -j 2 took one after the other.
 * The last row is the machine's own: two lots of arithmetic one after the
 * other, and at once. On processors that are shared with others it is below 2,
 * too.
 *
 * All of them write to memory: ext4 takes up to half of the time of a small
 * point to make a file where others have just been deleted.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "sim/command.h"

enum { ROUNDS = 7, PATH_BYTES = 512, ARITHMETIC = 100000000 };

enum form { ONE, TWO, ANEW, PEER, FORM_COUNT };

static const struct {
    const char *name, *text;
} sweeps[] = {
    {"balloon, 256 M", "run = balloon --guest 256M\n[vary]\n"
                       "mechanism = pfn, huge, sg\nmove = 2M..160M +2M\n"},
    {"balloon, 4 G", "run = balloon --guest 4G\n[vary]\n"
                     "mechanism = pfn, sg\nmove = 10M..1000M +10M\n"},
    {"balloon, 256 M, 10 cycles by 20 costs",
     "run = balloon --guest 256M --memory touched\n[vary]\n"
     "set balloon_send.pop = 1 us .. 20 us\niteration = 1..10\n"},
    {"replay, 4 vCPUs, 200 wake-ups",
     "run = replay traces/eiointc-4vcpu.qemu.log.zst\n[vary]\n"
     "set vcpu.wake = 1 us .. 200 us\n"},
};

/* A lot of arithmetic, in a process of its own. */
static pid_t start_arithmetic(void)
{
    pid_t child = fork();

    if (child == 0) {
        volatile uint64_t x = 1;

        for (uint32_t i = 0; i < ARITHMETIC; i++) {
            x = x * 3 + 1;
        }
        _exit(EXIT_SUCCESS);
    }
    return child;
}

static double wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Run @command of a shell; false when it fails. */
static bool shell(const char *command)
{
    return system(command) == 0;
}

/* vmcycle sweep FILE @option..., in a process of its own and without a word. */
static void run_sweep(const char *top, const char *option, const char *more)
{
    char file[PATH_BYTES], folder[PATH_BYTES];
    char name[] = "vmcycle sweep", o[] = "-o", one[16], two[16];
    char *argv[] = {name, file, o, folder, one, two, NULL};
    int status = 0;
    pid_t child;

    (void)snprintf(file, sizeof(file), "%s/sweep.ini", top);
    (void)snprintf(folder, sizeof(folder), "%s/folder", top);
    (void)snprintf(one, sizeof(one), "%s", option);
    (void)snprintf(two, sizeof(two), "%s", more);
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        _exit(freopen("/dev/null", "w", stdout) == NULL ||
              command_sweep(more[0] != '\0' ? 6 : 5, argv) == EXIT_BAD_INPUT);
    }
    if (waitpid(child, &status, 0) != child || status != 0) {
        (void)fprintf(stderr, "the sweep in %s failed\n", top);
        exit(EXIT_FAILURE);
    }
}

static void run_form(const char *top, const char *peer, int form)
{
    switch (form) {
    case ONE:
        run_sweep(top, "-j1", "");
        return;
    case TWO:
        run_sweep(top, "-j2", "");
        return;
    case ANEW:
        run_sweep(top, "-j2", "--no-share");
        return;
    default:
        (void)shell(peer);
    }
}

/* What every form of the sweep in @top took, round by round. */
static void measure(double seconds[FORM_COUNT][ROUNDS], const char *top,
                    const char *peer)
{
    char clear[2 * PATH_BYTES];

    (void)snprintf(clear, sizeof(clear), "rm -rf %s/folder", top);
    for (int round = 0; round < ROUNDS; round++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            double start;

            (void)shell(clear);
            start = wall_seconds();
            run_form(top, peer, form);
            seconds[form][round] = wall_seconds() - start;
        }
    }
}

/* The median of what -j 1 took for each second of -j 2. */
static double speed_up(double seconds[FORM_COUNT][ROUNDS])
{
    double ratios[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        ratios[round] = seconds[ONE][round] / seconds[TWO][round];
    }
    return bench_median(ratios, ROUNDS);
}

/* The row of the machine. */
static void measure_machine(double seconds[FORM_COUNT][ROUNDS])
{
    for (int round = 0; round < ROUNDS; round++) {
        double start = wall_seconds();

        (void)waitpid(start_arithmetic(), NULL, 0);
        (void)waitpid(start_arithmetic(), NULL, 0);
        seconds[ONE][round] = wall_seconds() - start;
        start = wall_seconds();
        (void)start_arithmetic();
        (void)waitpid(start_arithmetic(), NULL, 0);
        (void)waitpid(-1, NULL, 0);
        seconds[TWO][round] = wall_seconds() - start;
    }
}

/* The same points for xargs: the words behind "N vmcycle" of --list, each run
 * with a result of its own. */
static bool make_peer(char *peer, const char *top, const char *program)
{
    char list[4 * PATH_BYTES];

    (void)snprintf(list, sizeof(list),
                   "%s sweep %s/sweep.ini --list | cut -f2 | "
                   "sed 's/^vmcycle //' | nl -ba -w1 | "
                   "sed 's|^\\([0-9]*\\)\t\\(.*\\)|\\2 --json %s/peer/\\1|' "
                   "> %s/list && mkdir -p %s/peer",
                   program, top, top, top, top);
    (void)snprintf(peer, 4 * PATH_BYTES,
                   "xargs -P 2 -L 1 %s < %s/list > /dev/null 2>&1", program,
                   top);
    return shell(list);
}

static uint32_t count_lines(const char *top)
{
    char path[PATH_BYTES];
    uint32_t lines = 0;
    FILE *file;
    int c;

    (void)snprintf(path, sizeof(path), "%s/list", top);
    file = fopen(path, "r");
    while (file != NULL && (c = getc(file)) != EOF) {
        lines += c == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return lines;
}

static bool write_file(const char *top, const char *text)
{
    char path[PATH_BYTES];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/sweep.ini", top);
    file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    (void)fprintf(file, "[sweep]\n%s", text);
    return fclose(file) == 0;
}

int main(int argc, char **argv)
{
    char shared[] = "/dev/shm/bench-sweep-XXXXXX";
    char disk[] = "/tmp/bench-sweep-XXXXXX", program[PATH_BYTES];
    const char *top = mkdtemp(shared) != NULL ? shared : mkdtemp(disk);
    char peer[4 * PATH_BYTES], clear[PATH_BYTES];
    double seconds[FORM_COUNT][ROUNDS], ratio;
    const char *slash = strrchr(argv[0], '/');

    (void)argc;
    command_prepare();
    if (top == NULL) {
        return EXIT_FAILURE;
    }
    (void)snprintf(program, sizeof(program), "%.*s../vmcycle",
                   slash != NULL ? (int)(slash - argv[0]) + 1 : 0, argv[0]);
    (void)printf("%-38s %6s %8s %8s %6s %9s %8s\n", "sweep", "points",
                 "-j 1, s", "-j 2, s", "ratio", "no-share", "xargs");
    for (size_t i = 0; i < VMC_COUNT_OF(sweeps); i++) {
        if (!write_file(top, sweeps[i].text) ||
            !make_peer(peer, top, program)) {
            return EXIT_FAILURE;
        }
        measure(seconds, top, peer);
        ratio = speed_up(seconds);
        (void)printf("%-38s %6u %8.3f %8.3f %6.2f %9.3f %8.3f\n",
                     sweeps[i].name, count_lines(top),
                     bench_median(seconds[ONE], ROUNDS),
                     bench_median(seconds[TWO], ROUNDS), ratio,
                     bench_median(seconds[ANEW], ROUNDS),
                     bench_median(seconds[PEER], ROUNDS));
        (void)fflush(stdout);
    }
    measure_machine(seconds);
    ratio = speed_up(seconds);
    (void)printf("%-38s %6s %8.3f %8.3f %6.2f\n", "nothing but arithmetic", "2",
                 bench_median(seconds[ONE], ROUNDS),
                 bench_median(seconds[TWO], ROUNDS), ratio);
    (void)snprintf(clear, sizeof(clear), "rm -rf %s", top);
    return shell(clear) ? EXIT_SUCCESS : EXIT_FAILURE;
}
