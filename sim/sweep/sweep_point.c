/* SPDX-License-Identifier: MIT */
/*
 * A program that is loaded anew takes a millisecond before it does anything,
 * as much as a small point; a copy saves that. Whatever the copy has to say it
 * says in its own files: bad arguments are one failed point, as they are for a
 * program.
 */
#include "sim/sweep/sweep_point.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/interrupted.h"

enum { PATH_BYTES_MAX = 4096 };

static void point_path(char *path, const struct sweep_place *place,
                       uint32_t point, const char *kind)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/points/%" PRIu32 ".%s", place->dir,
                   point, kind);
}

/* Put the file @path in the place of @fd. */
static bool redirect(int fd, const char *path, int flags)
{
    int opened = open(path, flags, 0666);

    if (opened < 0 || dup2(opened, fd) < 0) {
        (void)fprintf(stderr, "vmcycle: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (opened != fd) {
        (void)close(opened);
    }
    return true;
}

bool sweep_point_redirect(const struct sweep_place *place, uint32_t point)
{
    char text[PATH_BYTES_MAX];

    point_path(text, place, point, "txt.part");
    return redirect(STDIN_FILENO, "/dev/null", O_RDONLY) &&
           redirect(STDOUT_FILENO, text, O_WRONLY | O_CREAT | O_TRUNC) &&
           dup2(STDOUT_FILENO, STDERR_FILENO) >= 0;
}

enum vmc_status sweep_point_line(struct sweep_line *line,
                                 const struct sweep_place *place,
                                 uint32_t point)
{
    bool is_copy = place->program == NULL;

    if (sweep_arguments(&line->arguments, place->sweep, point) != VMC_OK) {
        return VMC_E_RANGE;
    }
    static_assert(sizeof(line->json) == PATH_BYTES_MAX, "room for a path");
    point_path(line->json, place, point, "json");
    (void)snprintf(line->name, sizeof(line->name), "vmcycle%s%s",
                   is_copy ? " " : "", is_copy ? place->sweep->command : "");
    line->argc = 0;
    line->argv[line->argc++] = line->name;
    for (uint32_t i = is_copy; i < line->arguments.count; i++) {
        line->argv[line->argc++] = line->arguments.words[i];
    }
    line->argv[line->argc++] = "--json";
    line->argv[line->argc++] = line->json;
    line->argv[line->argc] = NULL;
    return VMC_OK;
}

/* The life of the process, up to its exit status. */
static int live(const struct sweep_place *place, uint32_t point)
{
    static struct sweep_line line;
    const struct command *command = command_find(place->sweep->command);

    if (!sweep_point_redirect(place, point)) {
        return EXIT_BAD_INPUT;
    }
    if (sweep_point_line(&line, place, point) != VMC_OK) {
        (void)fprintf(
            stderr, "vmcycle: point %" PRIu32 ": its arguments are too long\n",
            point);
        return EXIT_BAD_INPUT;
    }
    if (place->program == NULL) {
        return interrupted_exit(command->run(line.argc, line.argv));
    }
    (void)execv(place->program, line.argv);
    (void)fprintf(stderr, "vmcycle: %s: %s\n", place->program, strerror(errno));
    return EXIT_BAD_INPUT;
}

pid_t sweep_fork(void)
{
    pid_t parent = getpid(), child;

    (void)fflush(NULL); /* or both would write what is waiting */
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(EXIT_INTERNAL);
        }
    }
    return child;
}

pid_t sweep_point_start(const struct sweep_place *place, uint32_t point,
                        struct vmc_error *error)
{
    pid_t child = sweep_fork();

    if (child == 0) {
        int end = live(place, point);

        if (place->program == NULL) {
            exit(end);
        }
        (void)fflush(stderr);
        _exit(end); /* this process has more to clean up than it knows of */
    }
    if (child < 0) {
        (void)vmc_fail(error, VMC_E_IO, "point %" PRIu32 ": cannot start: %s",
                       point, strerror(errno));
    }
    return child;
}

void sweep_point_end(const struct sweep_place *place, uint32_t point)
{
    char part[PATH_BYTES_MAX], text[PATH_BYTES_MAX];

    point_path(part, place, point, "txt.part");
    point_path(text, place, point, "txt");
    (void)rename(part, text); /* another program may have written none */
}

uint32_t sweep_exit_status(int wait_status)
{
    return WIFEXITED(wait_status) ? (uint32_t)WEXITSTATUS(wait_status)
                                  : 128U + (uint32_t)WTERMSIG(wait_status);
}
