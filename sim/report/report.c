/* SPDX-License-Identifier: MIT */
/*
 * The page from top to bottom: the answers, of several runs a comparison, then
 * a section a run. Everything in it was measured before and lies in the runs'
 * folders; the page only tells it.
 */
#include "sim/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/report/report_answers.h"
#include "sim/report/report_compare.h"
#include "sim/report/report_findings.h"
#include "sim/report/report_gallery.h"
#include "sim/report/report_html.h"
#include "sim/report/report_run.h"
#include "stats/json.h"

enum { PATH_BYTES_MAX = 1024 };

enum vmc_status report_make_folder(const char *path, struct vmc_error *error)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return vmc_fail(error, VMC_E_IO, "%s: cannot make the folder: %s", path,
                        strerror(errno));
    }
    return VMC_OK;
}

enum vmc_status report_open_rows(struct vmc_outfile **out, const char *dir,
                                 const char *name, struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return vmc_outfile_open(out, path, error);
}

/* ---- The page ----------------------------------------------------------- */

static void write_title(FILE *page, const struct report_run *runs,
                        uint32_t count)
{
    (void)fputs("<header>\n<h1>vmcycle: ", page);
    if (count == 1) {
        html_text(page, runs[0].name);
        (void)fputs("</h1>\n", page);
    } else {
        (void)fprintf(page, "%u runs</h1>\n", (unsigned)count);
    }
    (void)fputs("</header>\n<main>\n", page);
}

/* Say of which runs there is only a part, before anything is said of them. */
static void write_interrupted(FILE *page, const struct report_run *runs,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (json_is_true(json_object_get(runs[i].root, "interrupted"))) {
            (void)fputs("<p class=\"bad\"><b>Interrupted:</b> ", page);
            html_text(page, runs[i].name);
            (void)fputs(" was ended by a signal; what follows is of the part "
                        "before it.</p>\n",
                        page);
        }
    }
}

static void write_page(FILE *page, const struct report_run *runs,
                       uint32_t count, uint32_t reference)
{
    uint32_t pictures = 0;

    html_head(page, "vmcycle report");
    write_title(page, runs, count);
    write_interrupted(page, runs, count);
    answers_write(page, runs, count);
    if (count > 1) {
        compare_write(page, runs, count, reference, &pictures);
    }
    for (uint32_t i = 0; i < count; i++) {
        report_run_write(page, &runs[i], i + 1, &pictures);
    }
    findings_write_assumed(page, runs, count);
    (void)fputs("</main>\n<footer>Written by vmcycle " VMCYCLE_VERSION
                " from the files of the runs; nothing is loaded from "
                "elsewhere.</footer>\n</body>\n</html>\n",
                page);
}

/* True when a run beside the @index-th has its name. */
static bool is_shared(const struct report_run *runs, uint32_t count,
                      uint32_t index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != index && strcmp(runs[i].name, runs[index].name) == 0) {
            return true;
        }
    }
    return false;
}

/* Two runs of one input are called by their folders, and where these have one
 * name, too, they get numbers. */
static void tell_apart(struct report_run *runs, uint32_t count)
{
    bool *is_to_change = calloc(count, sizeof(bool));

    for (int pass = 0; pass < 2 && is_to_change != NULL; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            is_to_change[i] = is_shared(runs, count, i);
        }
        for (uint32_t i = 0; i < count; i++) {
            size_t bytes = strlen(runs[i].name);

            if (is_to_change[i] && pass == 0) {
                report_run_use_folder(&runs[i]);
            } else if (is_to_change[i]) {
                (void)snprintf(runs[i].name + bytes,
                               sizeof(runs[i].name) - bytes, " #%u",
                               (unsigned)(i + 1));
            }
        }
    }
    free(is_to_change);
}

static enum vmc_status write_runs(const char *path,
                                  const struct report_run *runs, uint32_t count,
                                  uint32_t reference, struct vmc_error *error)
{
    struct vmc_outfile *out;
    enum vmc_status status = vmc_outfile_open(&out, path, error);

    if (status != VMC_OK) {
        return status;
    }
    write_page(vmc_outfile_stream(out), runs, count, reference);
    return vmc_outfile_commit(out, error);
}

enum vmc_status report_write_page(const char *path, const char *const *dirs,
                                  uint32_t dir_count, uint32_t reference,
                                  struct vmc_error *error)
{
    struct report_run *runs = calloc(dir_count, sizeof(*runs));
    enum vmc_status status = runs != NULL ? VMC_OK : VMC_E_NOMEM;
    uint32_t count = 0;

    while (status == VMC_OK && count < dir_count) {
        status = report_run_init(&runs[count], dirs[count], error);
        count += status == VMC_OK;
    }
    if (status == VMC_OK) {
        tell_apart(runs, count);
        status = write_runs(path, runs, count, reference, error);
    }
    for (uint32_t i = 0; i < count; i++) {
        report_run_fini(&runs[i]);
    }
    free(runs);
    return status;
}

enum vmc_status report_write(const json_t *root, const char *dir,
                             struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    enum vmc_status status;

    (void)snprintf(path, sizeof(path), "%s/report.json", dir);
    status = vmc_json_write(root, path, error);
    if (status != VMC_OK) {
        return status;
    }
    gallery_draw(dir, root);
    (void)snprintf(path, sizeof(path), "%s/index.html", dir);
    return report_write_page(path, &dir, 1, 0, error);
}
