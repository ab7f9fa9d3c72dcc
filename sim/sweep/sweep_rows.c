/* SPDX-License-Identifier: MIT */
/*
 * To read the results takes longer than to write the rows, and would be the
 * only thing that a sweep does on one processor. So helpers, copies of this
 * process, each read a part of the points. A helper says which columns its part
 * has; it is told which the whole has, and then gives the rows of its part,
 * which are put together in the order of the parts.
 */
#include "sim/sweep/sweep_rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/report/report.h"
#include "sim/sweep/sweep_log.h"
#include "sim/sweep/sweep_point.h"
#include "sim/sweep/sweep_result.h"
#include "sim/sweep/sweep_run.h"
#include "sim/sweep/sweep_table.h"

enum {
    PART_POINTS_MIN = 32, /* fewer are read sooner than a helper starts */
    BLOCK_BYTES = 1 << 14,
};

/* What a helper says of its part before the names of its columns. */
struct part_head {
    uint32_t missing, column_count;
    bool is_cut;
};

struct helper {
    pid_t pid; /* 0: none */
    FILE *from, *to;
};

/* The rows under way. The first part is read by this process. */
struct merge {
    const struct sweep *sweep;
    const char *dir;
    struct sweep_table *table;
    struct helper helpers[SWEEP_WORKERS_MAX];
    uint32_t helper_count, missing;
    bool is_cut;
};

/* ---- What helpers and this process tell each other ----------------------- */

static void write_names(const struct sweep_table *table, FILE *to)
{
    for (uint32_t i = 0; i < sweep_table_column_count(table); i++) {
        const char *name = sweep_table_column(table, i);

        (void)fwrite(name, strlen(name) + 1, 1, to);
    }
}

/* Add @count names from @from to the columns of @table. */
static bool read_names(struct sweep_table *table, uint32_t count, FILE *from)
{
    char name[SWEEP_NAME_BYTES_MAX];

    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        int c;

        while ((c = getc(from)) > 0 && at < sizeof(name) - 1) {
            name[at++] = (char)c;
        }
        name[at] = '\0';
        if (c != 0) {
            return false;
        }
        (void)sweep_table_add_column(table, name);
    }
    return true;
}

/* ---- A helper ------------------------------------------------------------ */

/* Tell the columns of @part, hear those of the whole and give the rows. Returns
 * the exit status of the process. */
static int help(struct sweep_table *part, const struct helper *parent)
{
    const struct part_head head = {.missing = sweep_table_missing(part),
                                   .column_count =
                                       sweep_table_column_count(part),
                                   .is_cut = sweep_table_is_cut(part)};
    uint32_t count;

    (void)fwrite(&head, sizeof(head), 1, parent->to);
    write_names(part, parent->to);
    if (fflush(parent->to) != 0 ||
        fread(&count, sizeof(count), 1, parent->from) != 1) {
        return EXIT_INTERNAL;
    }
    sweep_table_clear_columns(part);
    if (!read_names(part, count, parent->from)) {
        return EXIT_INTERNAL;
    }
    sweep_table_write_rows(part, parent->to);
    return fflush(parent->to) == 0 && !ferror(parent->to) ? EXIT_GOOD
                                                          : EXIT_INTERNAL;
}

/* Both directions of the socket @fd as streams. */
static bool open_streams(struct helper *helper, int fd)
{
    int copy = dup(fd);

    helper->from = fdopen(fd, "r");
    helper->to = copy >= 0 ? fdopen(copy, "w") : NULL;
    return helper->from != NULL && helper->to != NULL;
}

static void close_streams(struct helper *helper)
{
    if (helper->from != NULL) {
        (void)fclose(helper->from);
    }
    if (helper->to != NULL) {
        (void)fclose(helper->to);
    }
    helper->from = helper->to = NULL;
}

/* What a helper inherits of those before it. If it kept that, they would not
 * notice that this process has gone. */
static void close_inherited(struct merge *merge)
{
    for (uint32_t i = 0; i < merge->helper_count; i++) {
        close_streams(&merge->helpers[i]);
    }
}

/* The life of a helper for points @first to @last. */
static int live(const struct merge *merge, uint32_t first, uint32_t last,
                int fd)
{
    struct helper parent = {0};
    struct sweep_table *part;

    if (!open_streams(&parent, fd) ||
        sweep_table_new(&part, merge->sweep, merge->dir, first, last) !=
            VMC_OK) {
        return EXIT_INTERNAL;
    }
    return help(part, &parent);
}

static enum vmc_status start_helper(struct merge *merge, uint32_t first,
                                    uint32_t last)
{
    struct helper *helper = &merge->helpers[merge->helper_count];
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return VMC_E_IO;
    }
    helper->pid = sweep_fork();
    if (helper->pid == 0) {
        (void)close(ends[0]);
        close_inherited(merge);
        _exit(live(merge, first, last, ends[1]));
    }
    (void)close(ends[1]);
    if (helper->pid < 0) {
        (void)close(ends[0]);
        return VMC_E_IO;
    }
    merge->helper_count++;
    return open_streams(helper, ends[0]) ? VMC_OK : VMC_E_IO;
}

/* ---- The merge ----------------------------------------------------------- */

/* Take the columns of @helper behind those that there are. */
static bool take_columns(struct merge *merge, const struct helper *helper)
{
    struct part_head head;

    if (fread(&head, sizeof(head), 1, helper->from) != 1 ||
        !read_names(merge->table, head.column_count, helper->from)) {
        return false;
    }
    merge->missing += head.missing;
    merge->is_cut |= head.is_cut;
    return true;
}

static bool tell_columns(const struct merge *merge, const struct helper *helper)
{
    uint32_t count = sweep_table_column_count(merge->table);

    (void)fwrite(&count, sizeof(count), 1, helper->to);
    write_names(merge->table, helper->to);
    return fflush(helper->to) == 0;
}

/* Rows are whole when the helper has ended well. */
static bool take_rows(struct helper *helper, FILE *file)
{
    char block[BLOCK_BYTES];
    size_t bytes;
    int wait_status;
    pid_t pid;

    while ((bytes = fread(block, 1, sizeof(block), helper->from)) > 0) {
        (void)fwrite(block, 1, bytes, file);
    }
    do {
        pid = waitpid(helper->pid, &wait_status, 0);
    } while (pid < 0 && errno == EINTR);
    helper->pid = 0;
    return pid > 0 && sweep_exit_status(wait_status) == EXIT_GOOD;
}

static bool write_all(struct merge *merge, FILE *file)
{
    bool is_good = true;

    merge->missing = sweep_table_missing(merge->table);
    for (uint32_t i = 0; i < merge->helper_count && is_good; i++) {
        is_good = take_columns(merge, &merge->helpers[i]);
    }
    for (uint32_t i = 0; i < merge->helper_count && is_good; i++) {
        is_good = tell_columns(merge, &merge->helpers[i]);
    }
    sweep_table_write_head(merge->table, file);
    sweep_table_write_rows(merge->table, file);
    for (uint32_t i = 0; i < merge->helper_count && is_good; i++) {
        is_good = take_rows(&merge->helpers[i], file);
    }
    merge->is_cut |= sweep_table_is_cut(merge->table);
    return is_good;
}

static uint32_t part_count(const struct sweep *sweep, uint32_t workers)
{
    uint32_t most = sweep->point_count / PART_POINTS_MIN;

    most = most < workers ? most : workers;
    return most > 1 ? most : 1;
}

/* Start helpers for all parts but the first, and read that one. */
static enum vmc_status begin(struct merge *merge, uint32_t parts)
{
    uint64_t points = merge->sweep->point_count;
    enum vmc_status status = VMC_OK;

    for (uint32_t i = 1; i < parts && status == VMC_OK; i++) {
        status = start_helper(merge, (uint32_t)(points * i / parts) + 1,
                              (uint32_t)(points * (i + 1) / parts));
    }
    return status == VMC_OK
               ? sweep_table_new(&merge->table, merge->sweep, merge->dir, 1,
                                 (uint32_t)(points / parts))
               : status;
}

/* Those that are left have nobody to talk to any more, and end. */
static void end_helpers(struct merge *merge)
{
    for (uint32_t i = 0; i < merge->helper_count; i++) {
        close_streams(&merge->helpers[i]);
        if (merge->helpers[i].pid > 0) {
            (void)waitpid(merge->helpers[i].pid, NULL, 0);
        }
    }
}

static enum vmc_status write_file(struct merge *merge, struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status =
        report_open_rows(&out, merge->dir, "rows.tsv", error);

    if (status != VMC_OK) {
        return status;
    }
    if (!write_all(merge, vmc_outfile_stream(out))) {
        vmc_outfile_abandon(out);
        return vmc_fail(error, VMC_E_IO,
                        "%s/rows.tsv: a helper that reads results has died",
                        merge->dir);
    }
    return vmc_outfile_commit(out, error);
}

enum vmc_status sweep_write_rows(const struct sweep *sweep, const char *dir,
                                 uint32_t workers, uint32_t *missing,
                                 struct vmc_error *error)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct merge merge = {.sweep = sweep, .dir = dir};
    int lock = sweep_lock(dir);
    enum vmc_status status;

    (void)sigaction(SIGPIPE, &ignore, &before); /* of a helper that has died */
    status = begin(&merge, part_count(sweep, workers));

    if (status == VMC_OK) {
        status = write_file(&merge, error);
    } else {
        status = vmc_fail(error, status, "%s: cannot read the results", dir);
    }
    if (status == VMC_OK && merge.is_cut) {
        (void)fprintf(stderr,
                      "vmcycle: %s/rows.tsv: the results have more than %d "
                      "numbers; the rest is in %s/points\n",
                      dir, SWEEP_COLUMNS_MAX, dir);
    }
    *missing = merge.missing;
    end_helpers(&merge);
    (void)sigaction(SIGPIPE, &before, NULL);
    sweep_unlock(lock);
    sweep_table_free(merge.table);
    return status;
}
