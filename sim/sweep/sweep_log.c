/* SPDX-License-Identifier: MIT */
/*
 * The lock is one of open file descriptions on jobs.tsv itself: the kernel
 * drops it when its holder dies, and NFS carries it between machines, which
 * O_APPEND alone does not survive there (open(2), O_APPEND).
 */
#include "sim/sweep/sweep_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"

enum { PATH_BYTES_MAX = 4096, FINGERPRINT_BYTES = 32 };

static const char log_head[] = "# point\tseed\texit\tms\tfingerprint\n";
static const char cut_end[] = "#\n"; /* put behind a line that was cut */

static void log_path(char *path, const char *dir)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/jobs.tsv", dir);
}

static void result_path(char *path, const char *dir, uint32_t point)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/points/%" PRIu32 ".json", dir,
                   point);
}

bool sweep_has_ended(uint64_t exit_status)
{
    return exit_status == EXIT_GOOD || exit_status == EXIT_MISMATCH;
}

/* ---- The lock ----------------------------------------------------------- */

enum { CLAIM_WAIT_MS = 20, CLAIM_QUIET_MS = 1000 };

/* A lock of byte 0 stands for the log and the folder, one of byte N for point
 * N; what stands in those bytes has nothing to do with it. */
enum { LOG_BYTE = 0 };

static int open_log(const char *dir)
{
    char path[PATH_BYTES_MAX];

    log_path(path, dir);
    return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* Lock @count bytes from @start; false with errno. */
static bool lock_bytes(int fd, off_t start, off_t count, int how)
{
    struct flock bytes = {.l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = start,
                          .l_len = count};
    int failed;

    do {
        failed = fcntl(fd, how, &bytes);
    } while (failed != 0 && errno == EINTR);
    return failed == 0;
}

int sweep_lock(const char *dir)
{
    int fd = open_log(dir);

    if (fd >= 0 && !lock_bytes(fd, LOG_BYTE, 1, F_OFD_SETLKW)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

int sweep_claim(const char *dir, uint32_t first, uint32_t last)
{
    const struct timespec pause = {.tv_nsec = CLAIM_WAIT_MS * 1000000L};
    int fd = open_log(dir);
    bool is_mine = false;

    for (int waited_ms = 0; fd >= 0; waited_ms += CLAIM_WAIT_MS) {
        is_mine = lock_bytes(fd, (off_t)first, (off_t)last - (off_t)first + 1,
                             F_OFD_SETLK);
        if (is_mine || (errno != EAGAIN && errno != EACCES) || interrupted()) {
            break;
        }
        if (waited_ms == CLAIM_QUIET_MS) {
            (void)fprintf(stderr,
                          "vmcycle: %s: waiting for another process that runs "
                          "some of these points\n",
                          dir);
        }
        (void)nanosleep(&pause, NULL);
    }
    if (fd >= 0 && !is_mine) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void sweep_unlock(int lock)
{
    if (lock >= 0) {
        (void)close(lock);
    }
}

/* ---- Reading ------------------------------------------------------------ */

/* The numbers of a line of the log: point, seed, exit status, ms. */
enum { LOG_POINT, LOG_SEED, LOG_EXIT, LOG_MS, LOG_NUMBERS };

static bool parse_line(char *line, uint64_t numbers[LOG_NUMBERS])
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

static enum sweep_state state_of(const char *dir, uint32_t point,
                                 uint64_t exit_status)
{
    char path[PATH_BYTES_MAX];

    result_path(path, dir, point);
    return sweep_has_ended(exit_status) && access(path, R_OK) == 0
               ? SWEEP_ENDED
               : SWEEP_FAILED;
}

enum vmc_status sweep_log_read(const struct sweep *sweep, const char *dir,
                               uint8_t *states, struct vmc_error *error)
{
    char path[PATH_BYTES_MAX], line[512];
    uint64_t number = 0;
    FILE *file;

    log_path(path, dir);
    file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT
                   ? VMC_OK
                   : vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t numbers[LOG_NUMBERS];

        number++;
        if (line[0] == '#' || strchr(line, '\n') == NULL ||
            strstr(line, cut_end) != NULL) {
            continue;
        }
        if (!parse_line(line, numbers) || numbers[LOG_POINT] < 1 ||
            numbers[LOG_POINT] > sweep->point_count) {
            (void)fclose(file);
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s:%" PRIu64 ": expected point, seed, exit "
                            "status, ms, fingerprint",
                            path, number);
        }
        states[numbers[LOG_POINT]] = (uint8_t)state_of(
            dir, (uint32_t)numbers[LOG_POINT], numbers[LOG_EXIT]);
    }
    (void)fclose(file);
    return VMC_OK;
}

enum vmc_status sweep_log_count(const struct sweep *sweep, const char *dir,
                                uint32_t *untried, uint32_t *missing,
                                struct vmc_error *error)
{
    uint8_t *states = calloc((size_t)sweep->point_count + 1, 1);
    int lock = sweep_lock(dir); /* NFS then reads what others have written */
    enum vmc_status status = states != NULL
                                 ? sweep_log_read(sweep, dir, states, error)
                                 : VMC_E_NOMEM;

    *untried = *missing = 0;
    for (uint32_t i = 1; status == VMC_OK && i <= sweep->point_count; i++) {
        *untried += states[i] == SWEEP_UNTRIED;
        *missing += states[i] != SWEEP_ENDED;
    }
    sweep_unlock(lock);
    free(states);
    return status;
}

/* ---- Writing ------------------------------------------------------------ */

/* The fingerprint in the result of @point, or "-". Results are written with a
 * line for each member, so this one is found without reading the others, which
 * the workers would wait for. */
static void find_fingerprint(const char *dir, uint32_t point, char *text)
{
    static const char start[] = "  \"fingerprint\": \"";
    char path[PATH_BYTES_MAX], *line = NULL;
    size_t room = 0;
    FILE *file;

    (void)snprintf(text, FINGERPRINT_BYTES, "-");
    result_path(path, dir, point);
    file = fopen(path, "re");
    while (file != NULL && getline(&line, &room, file) > 0) {
        if (strncmp(line, start, strlen(start)) == 0) {
            (void)snprintf(text, FINGERPRINT_BYTES, "%.*s",
                           (int)strcspn(line + strlen(start), "\""),
                           line + strlen(start));
            break;
        }
    }
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* What a line must start with: the head in an empty file, the end of the line
 * before it where a crash left half a one. */
static const char *line_start(int fd)
{
    off_t bytes = lseek(fd, 0, SEEK_END);
    char last = '\n';

    if (bytes == 0) {
        return log_head;
    }
    return pread(fd, &last, 1, bytes - 1) == 1 && last != '\n' ? cut_end : "";
}

enum vmc_status sweep_log_add(const struct sweep *sweep, const char *dir,
                              const struct sweep_outcome *outcome,
                              struct vmc_error *error)
{
    char line[256], fingerprint[FINGERPRINT_BYTES];
    uint32_t point = outcome->point;
    uint64_t seed = sweep->has_seed ? sweep_point_seed(sweep, point) : 0;
    bool is_written = false;
    int fd, bytes;

    find_fingerprint(dir, point, fingerprint);
    fd = open_log(dir);
    if (fd >= 0) {
        (void)lock_bytes(fd, LOG_BYTE, 1, F_OFD_SETLKW);
        /* One write, so that lines do not mix even without a lock. */
        bytes = snprintf(line, sizeof(line),
                         "%s%" PRIu32 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRId64
                         "\t%s\n",
                         line_start(fd), point, seed, outcome->exit_status,
                         outcome->ms, fingerprint);
        is_written = write(fd, line, (size_t)bytes) == bytes;
        is_written = close(fd) == 0 && is_written;
    }
    return is_written
               ? VMC_OK
               : vmc_fail(error, VMC_E_IO, "%s/jobs.tsv: cannot write: %s", dir,
                          strerror(errno));
}
