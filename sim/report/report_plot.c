/* SPDX-License-Identifier: MIT */
/*
 * gnuplot is a process of its own, started without a shell, and in a process
 * group of its own, so that a key that interrupts us leaves it to its work. A
 * script reads rows by the variables it is given: `plots`, the folder of the
 * scripts, and `dir`, that of the rows. It draws to its standard output, a file
 * without a name: a picture has its name when it is whole. What gnuplot says of
 * its picture is its own name; report_name_picture() puts the words of a person
 * in its place.
 */
#include "sim/report/report_plot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/report/report.h"
#include "sim/report/report_html.h"

extern char **environ;

enum { PATH_BYTES_MAX = 1024 };

/* The folder that holds the gnuplot scripts, or NULL. */
static const char *plots_folder(void)
{
    const char *folders[] = {getenv("VMCYCLE_PLOTS"), "sim/report",
                             VMCYCLE_DATADIR "/plots"};

    for (size_t i = 0; i < VMC_COUNT_OF(folders); i++) {
        char path[PATH_BYTES_MAX];

        if (folders[i] != NULL) {
            (void)snprintf(path, sizeof(path), "%s/style.gp", folders[i]);
            if (access(path, R_OK) == 0) {
                return folders[i];
            }
        }
    }
    return NULL;
}

/* Run gnuplot on @arguments; its standard output goes to the descriptor @to. */
static bool run(char **arguments, int to)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t child;
    int status, failed;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return false;
    }
    (void)posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    failed = posix_spawnp(&child, arguments[0], &actions, &attributes,
                          arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        return false;
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool draw(const char *script, const char *settings, int to)
{
    const char *plots = plots_folder();
    char *setting = NULL, path[PATH_BYTES_MAX];
    bool is_drawn = false;

    if (plots != NULL &&
        asprintf(&setting, "plots='%s'; %s", plots, settings) >= 0) {
        char *arguments[] = {"gnuplot", "-e", setting, path, NULL};

        (void)snprintf(path, sizeof(path), "%s/%s", plots, script);
        is_drawn = access(path, R_OK) == 0 && run(arguments, to);
        free(setting);
    }
    return is_drawn;
}

/* Copy the picture @from to @to, with @title and @text in the place of what
 * gnuplot says. Only the first title is the picture's; later ones are those
 * of curves. */
static void copy_named(FILE *from, FILE *to, const char *title,
                       const char *text)
{
    char line[4096];
    bool is_named = false;

    while (fgets(line, sizeof(line), from) != NULL) {
        if (!is_named && strncmp(line, "<title>", 7) == 0) {
            is_named = true;
            (void)fputs("<title>", to);
            html_text(to, title);
            (void)fputs("</title>\n<desc>", to);
            html_text(to, text);
            (void)fputs("</desc>\n", to);
        } else if (strncmp(line, "<desc>", 6) != 0) {
            (void)fputs(line, to);
        }
    }
}

/* Give what is in @drawn the name @path, and the words of a person. */
static bool keep_picture(FILE *drawn, const char *path, const char *title,
                         const char *text)
{
    struct vmc_outfile *out;

    if (vmc_outfile_open(&out, path, NULL) != VMC_OK) {
        return false;
    }
    rewind(drawn);
    copy_named(drawn, vmc_outfile_stream(out), title, text);
    return vmc_outfile_commit(out, NULL) == VMC_OK;
}

bool report_plot(const char *dir, const char *script, const char *image,
                 const char *title, const char *text)
{
    char settings[PATH_BYTES_MAX + 16], path[PATH_BYTES_MAX];
    bool is_drawn;
    FILE *drawn;

    /* gnuplot would read a quote in a name as the end of it. */
    if (strchr(dir, '\'') != NULL) {
        return false;
    }
    drawn = tmpfile();
    if (drawn == NULL) {
        return false;
    }
    (void)snprintf(settings, sizeof(settings), "dir='%s'", dir);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, image);
    is_drawn = draw(script, settings, fileno(drawn)) &&
               keep_picture(drawn, path, title, text);
    (void)fclose(drawn);
    return is_drawn;
}

enum vmc_status report_name_picture(const char *from, const char *path,
                                    const char *title, const char *text,
                                    struct vmc_error *error)
{
    FILE *image = fopen(from, "re");
    struct vmc_outfile *out;
    enum vmc_status status;

    if (image == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", from, strerror(errno));
    }
    status = vmc_outfile_open(&out, path, error);
    if (status == VMC_OK) {
        copy_named(image, vmc_outfile_stream(out), title, text);
    }
    (void)fclose(image);
    return status == VMC_OK ? vmc_outfile_commit(out, error) : status;
}

void plot_put_string(FILE *settings, const char *text)
{
    (void)fputc('\'', settings);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputc('\'', settings); /* written twice it is one */
        }
        (void)fputc(*text, settings);
    }
    (void)fputc('\'', settings);
}

enum vmc_status plot_to_stream(FILE **out, const char *script,
                               const char *settings, const char *title,
                               const char *text)
{
    FILE *drawn = tmpfile();

    *out = tmpfile();
    if (drawn != NULL && *out != NULL &&
        draw(script, settings, fileno(drawn))) {
        rewind(drawn);
        copy_named(drawn, *out, title, text);
        (void)fclose(drawn);
        rewind(*out);
        return VMC_OK;
    }
    if (drawn != NULL) {
        (void)fclose(drawn);
    }
    if (*out != NULL) {
        (void)fclose(*out);
        *out = NULL;
    }
    return VMC_E_IO;
}
