/* SPDX-License-Identifier: MIT */
/*
 * For a terminal, each column begins with three marks that say what the task
 * holds: a read section, "(" where it opens, "|" inside, ")" where it closes;
 * a lock, "[" "|" "]"; and how many references. The picture draws the same as
 * bars.
 *
 * Rows for gnuplot are blocks of lines, two blank lines apart, fields split by
 * tabs; a block that would be empty has one row that is not drawn:
 *
 *   0  lanes     column, name, 1 for an object
 *   1  holds     column, first step, last step, kind (enum story_hold), text
 *   2  steps     step, column, text, kind: 0 as usual, 1 broken, 2 idle
 *   3  arrows    from column, from step, to column, to step, kind: 0 started
 *                by, 1 freed there and met again here
 *   4  objects   column, first step, last step, count, text, kind: 0 alive,
 *                1 nobody holds it, 2 gone
 *   5  verdict   one text
 */
#include "sim/explore/counterexample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report/report.h"
#include "stats/outfile.h"

enum { CELL_BYTES = 128, GUTTER = 4, COLUMN_MAX = 40 };

/* The lanes that are worth a column, in their order, and how wide. */
struct columns {
    uint32_t count;
    uint8_t lanes[STORY_LANES_MAX];
    int widths[STORY_LANES_MAX];
};

static const struct story_moment *last_moment(const struct story *story)
{
    return &story->moments[story->step_count];
}

static void cell_text(const struct story_step *step, char text[CELL_BYTES])
{
    bool has_result = strcmp(step->result, "-") != 0;

    (void)snprintf(text, CELL_BYTES, "%s%s%s", step->what,
                   has_result ? " -> " : "", has_result ? step->result : "");
}

/* Lanes that do something, or are still there at the end. */
static void find_columns(const struct story *story, struct columns *columns)
{
    const struct story_moment *last = last_moment(story);

    columns->count = 0;
    for (uint8_t lane = 0; lane < last->lane_count; lane++) {
        int width = 0;
        bool is_busy = !last->lanes[lane].is_done && !story->ends_broken;

        for (uint32_t i = 0; i < story->step_count; i++) {
            char text[CELL_BYTES];

            if (story->steps[i].lane == lane) {
                is_busy = true;
                cell_text(&story->steps[i], text);
                width = (int)strlen(text) > width ? (int)strlen(text) : width;
            }
        }
        if (is_busy) {
            int name = (int)strlen(last->lanes[lane].name);

            width = name > width ? name : width;
            columns->lanes[columns->count] = lane;
            columns->widths[columns->count++] =
                GUTTER + (width < COLUMN_MAX ? width : COLUMN_MAX) + 2;
        }
    }
}

/* ---- For a terminal ----------------------------------------------------- */

static char mark(uint8_t before, uint8_t after, bool acts, const char *signs)
{
    if (acts && (before == 0) != (after == 0)) {
        return before == 0 ? signs[0] : signs[2];
    }
    return after > 0 ? signs[1] : ' ';
}

/* What happened to objects in step @i, after @gap blanks. */
static void print_changes(const struct story *story, uint32_t i, int gap,
                          FILE *to)
{
    const struct story_moment *before = &story->moments[i];
    const struct story_moment *after = &story->moments[i + 1];
    bool is_first = true;

    for (uint32_t k = 0; k < after->object_count; k++) {
        const struct story_object *old = &before->objects[k];
        const struct story_object *now = &after->objects[k];
        bool is_same = strcmp(old->state, now->state) == 0;

        if (is_same && old->count == now->count) {
            continue;
        }
        (void)fprintf(to, "%*s%s", is_first ? gap : 2, is_first ? "" : "; ",
                      now->name);
        is_first = false;
        if (!is_same) {
            (void)fprintf(to, " %s", now->state);
        }
        if (old->count != now->count) {
            (void)fprintf(to, "%s count %" PRId32, is_same ? "" : ",",
                          now->count);
        }
    }
}

/* Print @cell without the blanks at its end. Returns how many blanks are due
 * until the column of @width ends. */
static int print_cell(const char *cell, int gap, int width, FILE *to)
{
    int used = (int)strlen(cell);

    while (used > 0 && cell[used - 1] == ' ') {
        used--;
    }
    if (used == 0) {
        return gap + width;
    }
    (void)fprintf(to, "%*s%.*s", gap, "", used, cell);
    return used < width ? width - used : 2;
}

static void print_step(const struct story *story, const struct columns *columns,
                       uint32_t i, FILE *to)
{
    const struct story_step *step = &story->steps[i];
    bool is_last = i + 1 == story->step_count;
    bool is_broken = is_last && story->ends_broken;
    int gap = 2; /* blanks that are due, so that no line ends with them */

    (void)fprintf(to, "%s%4" PRIu32,
                  is_broken       ? "=>"
                  : step->is_idle ? " ~"
                                  : "  ",
                  i);
    for (uint32_t c = 0; c < columns->count; c++) {
        uint8_t lane = columns->lanes[c];
        const uint8_t *before = story->moments[i].lanes[lane].holds;
        const uint8_t *after = story->moments[i + 1].lanes[lane].holds;
        bool acts = step->lane == lane;
        char text[CELL_BYTES] = "", cell[CELL_BYTES + GUTTER];
        uint8_t references = after[STORY_REFERENCE];

        if (acts) {
            cell_text(step, text);
        }
        (void)snprintf(
            cell, sizeof(cell), "%c%c%c %s",
            mark(before[STORY_SECTION], after[STORY_SECTION], acts, "(|)"),
            mark(before[STORY_LOCK], after[STORY_LOCK], acts, "[|]"),
            references == 0 ? ' '
                            : (char)('0' + (references < 9 ? references : 9)),
            text);
        gap = print_cell(cell, gap, columns->widths[c], to);
    }
    if (is_broken) {
        (void)fprintf(to, "%*s<== %s", gap, "", story->rule_name);
    } else {
        print_changes(story, i, gap, to);
    }
    (void)fputc('\n', to);
}

/* What the marks mean that have been used. */
static void print_legend(const struct story *story, FILE *to)
{
    static const char *const words[] = {
        "(|) inside a read section", "[|] holds a lock", "1 holds a reference",
        "~ the failure does not depend on it"};
    bool is_used[VMC_COUNT_OF(words)] = {false};
    const char *separator = "";

    for (uint32_t i = 0; i <= story->step_count; i++) {
        is_used[STORY_HOLDS] =
            is_used[STORY_HOLDS] ||
            (i < story->step_count && story->steps[i].is_idle);
        for (uint32_t lane = 0; lane < story->moments[i].lane_count; lane++) {
            for (int kind = 0; kind < STORY_HOLDS; kind++) {
                is_used[kind] = is_used[kind] ||
                                story->moments[i].lanes[lane].holds[kind] != 0;
            }
        }
    }
    for (size_t i = 0; i < VMC_COUNT_OF(words); i++) {
        if (is_used[i]) {
            (void)fprintf(to, "%s%s", separator, words[i]);
            separator = "   ";
        }
    }
    (void)fputs(*separator != '\0' ? "\n" : "", to);
}

void counterexample_print(const struct story *story, FILE *to)
{
    const struct story_moment *last = last_moment(story);
    struct columns columns;

    find_columns(story, &columns);
    (void)fprintf(to, "  step  ");
    for (uint32_t c = 0; c < columns.count; c++) {
        (void)fprintf(to, "%*s%-*s", GUTTER, "", columns.widths[c] - GUTTER,
                      last->lanes[columns.lanes[c]].name);
    }
    (void)fputs("objects\n", to);
    for (uint32_t i = 0; i < story->step_count; i++) {
        print_step(story, &columns, i, to);
    }
    if (story->rule != 0 && !story->ends_broken) {
        (void)fprintf(to, "=> end  no step is left  <== %s\n",
                      story->rule_name);
    }
    print_legend(story, to);
}

/* ---- For gnuplot -------------------------------------------------------- */

/* Text that can stand in a field. */
static void field(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        bool is_plain = *text >= ' ' && *text != '"' && *text != '\\';

        (void)fputc(is_plain ? *text : '?', to);
    }
}

static uint32_t column_of(const struct columns *columns, uint8_t lane)
{
    uint32_t c = 0;

    while (c < columns->count && columns->lanes[c] != lane) {
        c++;
    }
    return c;
}

static void end_block(FILE *to)
{
    (void)fputs("\n\n", to);
}

static void lane_rows(const struct story *story, const struct columns *columns,
                      FILE *to)
{
    const struct story_moment *last = last_moment(story);

    for (uint32_t c = 0; c < columns->count; c++) {
        (void)fprintf(to, "%" PRIu32 "\t", c);
        field(to, last->lanes[columns->lanes[c]].name);
        (void)fputs("\t0\n", to);
    }
    for (uint32_t k = 0; k < last->object_count; k++) {
        (void)fprintf(to, "%" PRIu32 "\t", columns->count + k);
        field(to, last->objects[k].name);
        (void)fputs("\t1\n", to);
    }
    end_block(to);
}

/* A bar for every stretch of moments in which a lane holds something. */
static void hold_rows(const struct story *story, const struct columns *columns,
                      FILE *to)
{
    (void)fputs("-9\t0\t0\t0\t-\n", to);
    for (uint32_t c = 0; c < columns->count; c++) {
        for (int kind = 0; kind < STORY_HOLDS; kind++) {
            uint32_t from = 0;
            uint8_t held = 0;

            for (uint32_t i = 0; i <= story->step_count; i++) {
                uint8_t now =
                    story->moments[i].lanes[columns->lanes[c]].holds[kind];
                uint32_t step = i > 0 ? i - 1 : 0;

                if (held != 0 && (now == 0 || i == story->step_count)) {
                    (void)fprintf(
                        to, "%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%d\t-\n", c,
                        from, step, kind);
                } else if (held == 0 && now != 0) {
                    from = step;
                }
                held = now;
            }
        }
    }
    end_block(to);
}

static void step_rows(const struct story *story, const struct columns *columns,
                      FILE *to)
{
    (void)fputs("0\t-9\t-\t0\n", to);
    for (uint32_t i = 0; i < story->step_count; i++) {
        const struct story_step *step = &story->steps[i];
        bool is_broken = i + 1 == story->step_count && story->ends_broken;
        char text[CELL_BYTES];

        cell_text(step, text);
        (void)fprintf(to, "%" PRIu32 "\t%" PRIu32 "\t", i,
                      column_of(columns, step->lane));
        field(to, text);
        (void)fprintf(to, "\t%d\n", is_broken ? 1 : step->is_idle ? 2 : 0);
    }
    end_block(to);
}

static void arrow_rows(const struct story *story, const struct columns *columns,
                       FILE *to)
{
    const struct story_step *last =
        story->step_count > 0 ? &story->steps[story->step_count - 1] : NULL;

    (void)fputs("-9\t0\t-9\t0\t0\n", to);
    for (uint32_t i = 0; i < story->step_count; i++) {
        const struct story_step *step = &story->steps[i];
        uint32_t to_step = i + 1, kind = 0;
        uint8_t lane = step->spawned;

        while (to_step < story->step_count &&
               story->steps[to_step].lane != lane) {
            to_step++;
        }
        if (step->effect == STORY_FREES && story->ends_broken && step != last &&
            strcmp(step->subject, last->subject) == 0) {
            kind = 1;
            lane = last->lane;
            to_step = story->step_count - 1;
        } else if (lane == STORY_NOBODY || to_step == story->step_count) {
            continue;
        }
        (void)fprintf(to,
                      "%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32
                      "\t%" PRIu32 "\n",
                      column_of(columns, step->lane), i,
                      column_of(columns, lane), to_step, kind);
    }
    end_block(to);
}

static bool is_same_object(const struct story_object *a,
                           const struct story_object *b)
{
    return a->count == b->count && strcmp(a->state, b->state) == 0 &&
           strcmp(a->name, b->name) == 0;
}

static void object_rows(const struct story *story,
                        const struct columns *columns, FILE *to)
{
    (void)fputs("-9\t0\t0\t0\t-\t0\n", to);
    for (uint32_t k = 0; k < last_moment(story)->object_count; k++) {
        uint32_t from = 0;

        for (uint32_t i = 0; i <= story->step_count; i++) {
            const struct story_object *object = &story->moments[i].objects[k];
            bool is_last = i == story->step_count;

            if (!is_last &&
                is_same_object(object, &story->moments[i + 1].objects[k])) {
                continue;
            }
            if (object->name[0] != '\0' && strcmp(object->state, "none") != 0) {
                (void)fprintf(to, "%" PRIu32 "\t%d\t%d\t%" PRId32 "\t",
                              columns->count + k, (int)from - 1, (int)i - 1,
                              object->count);
                field(to, object->state);
                (void)fprintf(to, "\t%d\n",
                              object->is_gone                           ? 2
                              : object->count <= 0 && !object->is_plain ? 1
                                                                        : 0);
            }
            from = i + 1;
        }
    }
    end_block(to);
}

void counterexample_rows(const struct story *story, FILE *to)
{
    struct columns columns;

    find_columns(story, &columns);
    (void)fputs("# ", to);
    field(to, story->head);
    (void)fputc('\n', to);
    lane_rows(story, &columns, to);
    hold_rows(story, &columns, to);
    step_rows(story, &columns, to);
    arrow_rows(story, &columns, to);
    object_rows(story, &columns, to);
    field(to, story->rule != 0 ? story->why : "no rule is broken");
    (void)fputc('\n', to);
}

void counterexample_describe(const struct story *story, FILE *to)
{
    (void)fprintf(to, "%s\n",
                  story->rule != 0 ? story->why : "No rule is broken.");
    for (uint32_t i = 0; i < story->step_count; i++) {
        char text[CELL_BYTES];

        cell_text(&story->steps[i], text);
        (void)fprintf(to, "Step %" PRIu32 ", %s: %s.\n", i,
                      story->steps[i].task, text);
    }
}

/* ---- The picture -------------------------------------------------------- */

enum { PATH_BYTES = 1024 };

/* Bring the picture @from to @path, with its words. */
static enum vmc_status copy_picture(const struct story *story, const char *from,
                                    const char *path, struct vmc_error *error)
{
    char *text = NULL;
    size_t size_bytes;
    FILE *memory = open_memstream(&text, &size_bytes);
    enum vmc_status status;

    if (memory == NULL) {
        return VMC_E_NOMEM;
    }
    counterexample_describe(story, memory);
    (void)fclose(memory);
    status = report_name_picture(from, path, story->head, text, error);
    free(text);
    return status;
}

/* Draw in the folder @dir and bring the picture to @path. */
static enum vmc_status draw_in(const struct story *story, const char *dir,
                               const char *path, struct vmc_error *error)
{
    char name[PATH_BYTES + 32];
    enum vmc_status status =
        vmc_fail(error, VMC_E_IO, "%s: no picture; is gnuplot there?", path);
    FILE *file;

    (void)snprintf(name, sizeof(name), "%s/counterexample.tsv", dir);
    file = fopen(name, "we");
    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", name, strerror(errno));
    }
    counterexample_rows(story, file);
    if (fclose(file) == 0 &&
        report_plot(dir, "counterexample.gp", "counterexample.svg", "", "")) {
        char drawn[PATH_BYTES + 32];

        (void)snprintf(drawn, sizeof(drawn), "%s/counterexample.svg", dir);
        status = copy_picture(story, drawn, path, error);
        (void)unlink(drawn);
    }
    (void)unlink(name);
    return status;
}

enum vmc_status counterexample_draw(const struct story *story, const char *path,
                                    struct vmc_error *error)
{
    const char *where = getenv("TMPDIR");
    char dir[PATH_BYTES];
    enum vmc_status status;

    (void)snprintf(dir, sizeof(dir), "%s/vmcycle-XXXXXX",
                   where != NULL && *where != '\0' ? where : "/tmp");
    if (mkdtemp(dir) == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", dir, strerror(errno));
    }
    status = draw_in(story, dir, path, error);
    (void)rmdir(dir);
    return status;
}
