/* SPDX-License-Identifier: MIT */
/*
 * A worker is this program again, under its own command: nothing of one point
 * can reach another, and a crash is one failed point. The parent only starts
 * and waits; the log is written by it alone, in one write a line, so that
 * several parents may share a folder.
 */
#include "sim/sweep_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/progress.h"
#include "sim/report.h"
#include "stats/outfile.h"

extern char **environ;

enum { PATH_BYTES_MAX = 4096, FINGERPRINT_BYTES = 32 };

static const char log_head[] = "# point\tseed\texit\tms\tfingerprint\n";

static void path_of(char *path, const char *dir, const char *name)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%s", dir, name);
}

static void point_path(char *path, const char *dir, uint32_t point,
                       const char *kind)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/points/%" PRIu32 ".%s", dir, point,
                   kind);
}

/* ---- The folder --------------------------------------------------------- */

/* True when both files hold the same bytes. */
static bool are_equal(FILE *a, FILE *b)
{
    int x, y;

    do {
        x = getc(a);
        y = getc(b);
    } while (x == y && x != EOF);
    return x == y;
}

static enum vmc_status copy(const char *path, FILE *from,
                            struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);
    int c;

    if (status != VMC_OK) {
        return status;
    }
    while ((c = getc(from)) != EOF) {
        (void)putc(c, vmc_outfile_stream(out));
    }
    return vmc_outfile_commit(out, error);
}

enum vmc_status sweep_open_folder(const char *dir, const char *file,
                                  struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    FILE *given, *kept;
    enum vmc_status status = report_make_folder(dir, error);

    path_of(path, dir, "points");
    if (status == VMC_OK) {
        status = report_make_folder(path, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    given = fopen(file, "r");
    if (given == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", file, strerror(errno));
    }
    path_of(path, dir, "sweep.ini");
    kept = fopen(path, "r");
    if (kept == NULL) {
        status = copy(path, given, error);
    } else {
        if (!are_equal(given, kept)) {
            status = vmc_fail(error, VMC_E_FORMAT,
                              "%s: holds another sweep than %s; expected an "
                              "empty folder or one of the same file",
                              dir, file);
        }
        (void)fclose(kept);
    }
    (void)fclose(given);
    return status;
}

/* ---- The log ------------------------------------------------------------ */

/* True when the point ran to its end, whatever it found. */
static bool has_ended(uint64_t exit_status)
{
    return exit_status == EXIT_GOOD || exit_status == EXIT_MISMATCH;
}

/* The numbers of a line of the log: point, seed, exit status, ms. */
enum { LOG_POINT, LOG_SEED, LOG_EXIT, LOG_MS, LOG_NUMBERS };

static bool parse_log_line(char *line, uint64_t numbers[LOG_NUMBERS])
{
    for (int i = 0; i < LOG_NUMBERS; i++) {
        char *tab = strchr(line, '\t');

        if (tab == NULL) {
            return false;
        }
        *tab = '\0';
        if (vmc_parse_u64(&numbers[i], line) != VMC_OK) {
            return false;
        }
        line = tab + 1;
    }
    return true;
}

/* Mark the points that have ended in @is_done, by number. A line that a crash
 * left unfinished is no line. */
static enum vmc_status read_log(const struct sweep_run *run, bool *is_done,
                                struct vmc_error *error)
{
    char path[PATH_BYTES_MAX], line[512];
    uint64_t number = 0;
    FILE *file;

    path_of(path, run->dir, "jobs.tsv");
    file = fopen(path, "r");
    if (file == NULL) {
        return errno == ENOENT
                   ? VMC_OK
                   : vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t numbers[LOG_NUMBERS];
        uint32_t point;

        number++;
        if (line[0] == '#' || strchr(line, '\n') == NULL) {
            continue;
        }
        if (!parse_log_line(line, numbers) || numbers[LOG_POINT] < 1 ||
            numbers[LOG_POINT] > run->sweep->point_count) {
            (void)fclose(file);
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s:%" PRIu64 ": expected point, seed, exit "
                            "status, ms, fingerprint",
                            path, number);
        }
        point = (uint32_t)numbers[LOG_POINT];
        point_path(path, run->dir, point, "json");
        is_done[point] =
            has_ended(numbers[LOG_EXIT]) && access(path, R_OK) == 0;
        path_of(path, run->dir, "jobs.tsv");
    }
    (void)fclose(file);
    return VMC_OK;
}

/* The fingerprint in the result of @point, or "-". */
static void find_fingerprint(const char *dir, uint32_t point, char *text)
{
    char path[PATH_BYTES_MAX];
    json_t *root;
    const char *found;

    point_path(path, dir, point, "json");
    root = json_load_file(path, 0, NULL);
    found = json_string_value(json_object_get(root, "fingerprint"));
    (void)snprintf(text, FINGERPRINT_BYTES, "%s", found != NULL ? found : "-");
    json_decref(root);
}

/* One write, so that lines of several writers do not mix. */
static enum vmc_status log_point(const struct sweep_run *run, uint32_t point,
                                 unsigned exit_status, int64_t ms,
                                 struct vmc_error *error)
{
    char path[PATH_BYTES_MAX], line[256], fingerprint[FINGERPRINT_BYTES];
    uint64_t seed =
        run->sweep->has_seed ? sweep_point_seed(run->sweep, point) : 0;
    int fd, bytes;
    bool is_written;

    find_fingerprint(run->dir, point, fingerprint);
    path_of(path, run->dir, "jobs.tsv");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bytes = snprintf(line, sizeof(line),
                     "%s%" PRIu32 "\t%" PRIu64 "\t%u\t%" PRId64 "\t%s\n",
                     fd >= 0 && lseek(fd, 0, SEEK_END) == 0 ? log_head : "",
                     point, seed, exit_status, ms, fingerprint);
    is_written = fd >= 0 && write(fd, line, (size_t)bytes) == bytes;
    if (fd >= 0) {
        is_written = close(fd) == 0 && is_written;
    }
    return is_written ? VMC_OK
                      : vmc_fail(error, VMC_E_IO, "%s: cannot write: %s", path,
                                 strerror(errno));
}

/* ---- Workers ------------------------------------------------------------ */

struct worker {
    pid_t pid; /* 0: idle */
    uint32_t point;
    int64_t start_ms;
};

static enum vmc_status start(struct worker *worker, const struct sweep_run *run,
                             uint32_t point, struct vmc_error *error)
{
    static struct sweep_arguments arguments;
    char json[PATH_BYTES_MAX], text[PATH_BYTES_MAX];
    char *argv[VMC_COUNT_OF(arguments.words) + 3];
    posix_spawn_file_actions_t actions;
    uint32_t count = 0;
    int failed;

    if (sweep_arguments(&arguments, run->sweep, point) != VMC_OK) {
        return vmc_fail(error, VMC_E_RANGE,
                        "point %" PRIu32 ": its arguments are too long", point);
    }
    point_path(json, run->dir, point, "json");
    point_path(text, run->dir, point, "txt");
    argv[count++] = "vmcycle";
    for (uint32_t i = 0; i < arguments.count; i++) {
        argv[count++] = arguments.words[i];
    }
    argv[count++] = "--json";
    argv[count++] = json;
    argv[count] = NULL;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                           O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, text,
                                           O_WRONLY | O_CREAT | O_TRUNC, 0666);
    (void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO,
                                           STDERR_FILENO);
    failed = posix_spawn(&worker->pid, "/proc/self/exe", &actions, NULL, argv,
                         environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    worker->point = point;
    worker->start_ms = host_now_ms();
    if (failed != 0) {
        worker->pid = 0;
        return vmc_fail(error, VMC_E_IO, "point %" PRIu32 ": cannot start: %s",
                        point, strerror(failed));
    }
    return VMC_OK;
}

/* Wait for any of them to end. A signal counts as a shell counts it. */
static enum vmc_status reap(struct worker *workers, struct sweep_run *run,
                            struct vmc_error *error)
{
    unsigned exit_status;
    int wait_status;
    pid_t pid;

    do {
        pid = waitpid(-1, &wait_status, 0);
    } while (pid < 0 && errno == EINTR);
    for (uint32_t i = 0; i < run->workers; i++) {
        if (pid <= 0 || workers[i].pid != pid) {
            continue;
        }
        workers[i].pid = 0;
        exit_status = WIFEXITED(wait_status)
                          ? (unsigned)WEXITSTATUS(wait_status)
                          : 128U + (unsigned)WTERMSIG(wait_status);
        run->ran++;
        run->mismatched += exit_status == EXIT_MISMATCH;
        run->failed += !has_ended(exit_status);
        return log_point(run, workers[i].point, exit_status,
                         host_now_ms() - workers[i].start_ms, error);
    }
    return pid > 0 ? VMC_OK
                   : vmc_fail(error, VMC_E_IO, "cannot wait for a worker: %s",
                              strerror(errno));
}

enum vmc_status sweep_run_points(struct sweep_run *run, struct vmc_error *error)
{
    struct worker workers[SWEEP_WORKERS_MAX] = {{0}};
    bool *is_done = calloc((size_t)run->sweep->point_count + 1, sizeof(bool));
    uint32_t point = run->first, busy = 0;
    enum vmc_status status = VMC_E_NOMEM;
    struct progress progress;

    assert(run->workers >= 1 && run->workers <= SWEEP_WORKERS_MAX);
    if (is_done != NULL) {
        status = read_log(run, is_done, error);
    }
    progress_start(&progress, "sweep", "points");
    while (status == VMC_OK && (point <= run->last || busy > 0)) {
        if (point <= run->last && is_done[point]) {
            run->skipped++;
            point++;
            continue;
        }
        for (uint32_t i = 0; i < run->workers && point <= run->last &&
                             busy < run->workers && status == VMC_OK;
             i++) {
            if (workers[i].pid == 0 && !is_done[point]) {
                status = start(&workers[i], run, point++, error);
                busy += status == VMC_OK;
            }
        }
        if (status == VMC_OK &&
            (busy == run->workers || (point > run->last && busy > 0))) {
            status = reap(workers, run, error);
            busy--;
            progress_add(&progress, 1);
        }
    }
    while (busy > 0 && waitpid(-1, NULL, 0) > 0) {
        busy--; /* those that were under way when something failed */
    }
    progress_end(&progress);
    free(is_done);
    return status;
}
