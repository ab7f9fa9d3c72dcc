/* SPDX-License-Identifier: MIT */
/*
 * A finding is an object of the results with a line number; which keys it has
 * besides is its own affair, and they become the columns. Of each kind the page
 * shows the first SHOWN_MAX and says how many there are: the rest is in the
 * run's folder.
 */
#include "sim/report/report_findings.h"

#include <stdlib.h>
#include <string.h>

#include "sim/report/report_html.h"

enum { SHOWN_MAX = 20, KEYS_MAX = 8 };

/* What there is to find. Lists with a key "what" hold several kinds; @what
 * picks one of them. @total: where the number of all of them is. */
static const struct kind {
    const char *list, *what, *total, *words;
    bool is_bad;
} kinds[] = {
    {"interrupts.first_mismatch", NULL, "interrupts.mismatches",
     "register reads that the model has otherwise; this is the first", true},
    {"bus.mismatch_list", NULL, "bus.mismatches",
     "accesses that another served than the range says", true},
    {"rcu.first_violation", NULL, "rcu.violations",
     "broken rules of RCU; this is the first", true},
    {"interrupts.findings", "lost", "interrupts.lost",
     "interrupts lost: cleared, and no read had shown them", true},
    {"interrupts.findings", "unfinished", "interrupts.unfinished",
     "interrupts unfinished: pending when the recording ends", false},
    {"interrupts.findings", "spurious", "interrupts.spurious",
     "spurious dispatches: no status word showed a bit", false},
    {"interrupts.findings", "withdrawn", "interrupts.withdrawn",
     "interrupts withdrawn: the input fell before anybody looked", false},
    {"interrupts.findings", "redelivered", "interrupts.redelivered",
     "interrupts redelivered: a route or enable bit changed meanwhile", false},
};

static bool is_of_kind(const json_t *finding, const struct kind *kind)
{
    const char *what = json_string_value(json_object_get(finding, "what"));

    return kind->what == NULL ||
           (what != NULL && strcmp(what, kind->what) == 0);
}

/* The columns of a table whose first row is @finding. */
static size_t columns_of(const json_t *finding, const struct kind *kind,
                         const char *keys[KEYS_MAX])
{
    const char *key;
    json_t *value;
    size_t count = 0;

    json_object_foreach((json_t *)finding, key, value)
    {
        if (count < KEYS_MAX &&
            (kind->what == NULL || strcmp(key, "what") != 0)) {
            keys[count++] = key;
        }
    }
    return count;
}

static void write_finding(FILE *page, const json_t *finding,
                          const char *const *keys, size_t count)
{
    (void)fputs("<tr>", page);
    for (size_t k = 0; k < count; k++) {
        const json_t *value = json_object_get(finding, keys[k]);

        (void)fprintf(page, "<td%s>",
                      json_is_number(value) ? " class=\"n\"" : "");
        html_value(page, keys[k], value);
        (void)fputs("</td>", page);
    }
    (void)fputs("</tr>\n", page);
}

static size_t write_list(FILE *page, const json_t *list,
                         const struct kind *kind)
{
    const char *keys[KEYS_MAX];
    size_t i, key_count = 0, shown = 0;
    const json_t *finding;

    (void)fputs("<div class=\"wide\"><table>\n", page);
    json_array_foreach((json_t *)list, i, finding)
    {
        if (shown == SHOWN_MAX || !is_of_kind(finding, kind)) {
            continue;
        }
        if (shown == 0) {
            key_count = columns_of(finding, kind, keys);
            (void)fputs("<thead><tr>", page);
            for (size_t k = 0; k < key_count; k++) {
                (void)fprintf(page, "<th scope=\"col\"%s>",
                              json_is_number(json_object_get(finding, keys[k]))
                                  ? " class=\"n\""
                                  : "");
                html_text(page, keys[k]);
                (void)fputs("</th>", page);
            }
            (void)fputs("</tr></thead>\n<tbody>\n", page);
        }
        write_finding(page, finding, keys, key_count);
        shown++;
    }
    (void)fputs(shown > 0 ? "</tbody></table></div>\n" : "</table></div>\n",
                page);
    return shown;
}

static void write_kind(FILE *page, const json_t *root, const struct kind *kind,
                       const json_t *found)
{
    uint64_t total = (uint64_t)html_number(root, kind->total);
    json_t *list = json_is_array(found) ? json_incref((json_t *)found)
                                        : json_pack("[O]", found);
    char text[HTML_TEXT_BYTES];
    size_t shown;

    (void)fprintf(page, "<details%s><summary%s>%s %s</summary>\n",
                  kind->is_bad ? " open" : "",
                  kind->is_bad ? " class=\"bad\"" : "", html_count(text, total),
                  kind->words);
    shown = write_list(page, list, kind);
    if (shown < total) {
        (void)fprintf(page, "<p class=\"more\">%s more; ",
                      html_count(text, total - shown));
        (void)fputs(kind->what != NULL
                        ? "findings.tsv in the run&rsquo;s folder has up to "
                          "1000 of each kind.</p>\n"
                        : "report.json says what is known of them.</p>\n",
                    page);
    }
    (void)fputs("</details>\n", page);
    json_decref(list);
}

void findings_write(FILE *page, const struct report_run *run)
{
    const json_t *bad_line = html_dig(run->root, "trace.first_bad_line");
    bool is_any = false;

    for (size_t i = 0; i < VMC_COUNT_OF(kinds); i++) {
        const json_t *found = html_dig(run->root, kinds[i].list);

        if (html_number(run->root, kinds[i].total) == 0 || found == NULL ||
            json_is_null(found)) {
            continue;
        }
        if (!is_any) {
            (void)fputs("<h3>Lines to look up</h3>\n", page);
            is_any = true;
        }
        write_kind(page, run->root, &kinds[i], found);
    }
    if (json_is_integer(bad_line)) {
        (void)fputs("<p class=\"bad\">Lines that could not be read: ", page);
        html_value(page, "", html_dig(run->root, "trace.skipped_lines"));
        (void)fputs(", the first is line ", page);
        html_value(page, "", bad_line);
        (void)fputs(".</p>\n", page);
    }
    if (json_is_true(html_dig(run->root, "trace.truncated"))) {
        (void)fputs("<p class=\"bad\">The recording is cut short.</p>\n", page);
    }
}

/* ---- What was assumed --------------------------------------------------- */

/* True when @name is a profile of a run before the @index-th, or an earlier
 * one of that run. */
static bool was_told(const struct report_run *runs, uint32_t index,
                     size_t profile, const char *name)
{
    for (uint32_t r = 0; r <= index; r++) {
        const json_t *list = html_dig(runs[r].root, "profiles"), *one;
        size_t i;

        json_array_foreach((json_t *)list, i, one)
        {
            const char *known = json_string_value(json_object_get(one, "name"));

            if (r == index && i == profile) {
                return false;
            }
            if (known != NULL && strcmp(known, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The numbers of profile @name, of all runs, each value once. */
static void write_numbers(FILE *page, const struct report_run *runs,
                          uint32_t count, const char *name)
{
    json_t *told = json_object();

    for (uint32_t r = 0; r < count; r++) {
        const json_t *list = html_dig(runs[r].root, "assumed"), *one;
        size_t i;

        json_array_foreach((json_t *)list, i, one)
        {
            const char *of = json_string_value(json_object_get(one, "profile"));
            char *all = json_dumps(one, JSON_COMPACT);

            if (of != NULL && all != NULL && strcmp(of, name) == 0 &&
                json_object_get(told, all) == NULL) {
                json_object_set_new(told, all, json_true());
                (void)fputs("<tr><th scope=\"row\">", page);
                html_value(page, "", json_object_get(one, "name"));
                (void)fputs("</th><td class=\"n\">", page);
                html_value(page, "", json_object_get(one, "value"));
                (void)fputs("</td><td>", page);
                html_value(page, "", json_object_get(one, "unit"));
                (void)fputs("</td></tr>\n", page);
            }
            free(all);
        }
    }
    json_decref(told);
}

/* The names of the runs that read the profile @name. */
static void write_users(FILE *page, const struct report_run *runs,
                        uint32_t count, const char *name)
{
    const char *before = "";

    for (uint32_t r = 0; r < count; r++) {
        const json_t *list = html_dig(runs[r].root, "profiles"), *one;
        size_t i;

        json_array_foreach((json_t *)list, i, one)
        {
            const char *of = json_string_value(json_object_get(one, "name"));

            if (of != NULL && strcmp(of, name) == 0) {
                (void)fputs(before, page);
                html_text(page, runs[r].name);
                before = ", ";
                break;
            }
        }
    }
}

static void write_profile(FILE *page, const struct report_run *runs,
                          uint32_t count, const json_t *profile,
                          const char *name)
{
    (void)fputs("<details><summary><b>", page);
    html_text(page, name);
    (void)fputs("</b>: ", page);
    html_value(page, "", json_object_get(profile, "assumed"));
    (void)fputs(" of ", page);
    html_value(page, "", json_object_get(profile, "numbers"));
    (void)fputs(" numbers are assumed; used by ", page);
    write_users(page, runs, count, name);
    (void)fputs("</summary>\n<table><thead><tr><th scope=\"col\">number</th>"
                "<th scope=\"col\" class=\"n\">value</th>"
                "<th scope=\"col\">unit</th></tr></thead>\n<tbody>\n",
                page);
    write_numbers(page, runs, count, name);
    (void)fputs("</tbody></table>\n</details>\n", page);
}

void findings_write_assumed(FILE *page, const struct report_run *runs,
                            uint32_t count)
{
    bool is_any = false;

    for (uint32_t r = 0; r < count; r++) {
        const json_t *list = html_dig(runs[r].root, "profiles"), *one;
        size_t i;

        json_array_foreach((json_t *)list, i, one)
        {
            const char *name = json_string_value(json_object_get(one, "name"));

            if (name == NULL || was_told(runs, r, i, name)) {
                continue;
            }
            if (!is_any) {
                (void)fputs(
                    "<section id=\"assumed\">\n<h2>What was assumed</h2>\n"
                    "<p>Simulated times rest on the numbers of a timing "
                    "profile. These have no published source; "
                    "<code>vmcycle profiles NAME</code> has the sources of "
                    "the others.</p>\n",
                    page);
                is_any = true;
            }
            write_profile(page, runs, count, one, name);
        }
    }
    if (is_any) {
        (void)fputs("</section>\n", page);
    }
}
