/* SPDX-License-Identifier: MIT */
/*
 * What a reader wants to know first, from whatever the runs have measured.
 * Three tables say where it is found: what was timed, what was split into
 * stages, what was checked. A run gives the answers that its results hold; a
 * question that no run answers is not asked.
 */
#include "sim/report/report_answers.h"

#include <math.h>
#include <string.h>

#include "sim/report/report_html.h"
#include "sim/report/report_parts.h"

/* ---- Where the answers are ---------------------------------------------- */

/* What was timed, by recording and by model: distributions in ns, and totals
 * in ms. The first that a run has is its answer. */
static const struct timed {
    const char *recorded, *simulated, *what;
    const char *asked; /* "How long did ... take?" */
    bool is_total;
} timed[] = {
    {"interrupts.recorded_latency_ns", "interrupts.simulated_latency_ns",
     "interrupt, raised to status read", "interrupts", false},
    {"bus.recorded_exit_ns", "bus.simulated_exit_ns",
     "exit to resumption of the guest", "exits", false},
    {"rcu.grace_period_ns", "rcu.predicted.grace_period_ns", "grace period",
     "grace periods", false},
    {"balloon.recorded_ms", "balloon.simulated_ms", "all balloon messages",
     "the balloon", true},
    {"", "balloon.total_ms", "balloon operation", "the operation", true},
};

/* What was split into stages; @count of them is what the means are of. */
static const struct staged {
    const char *stages, *count;
    double ns; /* of the unit */
} staged[] = {
    {"interrupts.stages_ns", "interrupts.simulated_seen", 1},
    {"balloon.stages_ms", NULL, 1e6},
};

/* What was compared with the recording, and how often it was otherwise. */
static const struct checked {
    const char *count, *wrong, *what;
} checked[] = {
    {"interrupts.register_reads", "interrupts.mismatches", "register reads"},
    {"interrupts.ipi_reads", "interrupts.ipi_mismatches", "IPI reads"},
    {"interrupts.pch_pic_reads", "interrupts.pch_pic_mismatches",
     "PCH-PIC reads"},
    {"interrupts.inputs_predicted", "interrupts.inputs_unexplained",
     "interrupt inputs"},
    {NULL, "interrupts.inputs_missing", "inputs that did not come"},
    {"bus.model.checked", "bus.mismatches", "accesses by who served them"},
    {"rcu.callbacks_invoked", "rcu.violations", "callbacks by RCU's rules"},
    {"balloon.config_reads", "balloon.wrong_target", "balloon targets"},
    {"balloon.config_writes", "balloon.wrong_actual", "balloon sizes"},
};

static const struct timed *timed_of(const struct report_run *run)
{
    for (size_t i = 0; i < VMC_COUNT_OF(timed); i++) {
        const char *path = timed[i].recorded[0] != '\0' ? timed[i].recorded
                                                        : timed[i].simulated;
        const json_t *found = html_dig(run->root, path);

        if (timed[i].is_total ? html_number(run->root, path) > 0
                              : html_number(found, "count") > 0) {
            return &timed[i];
        }
    }
    return NULL;
}

static const struct staged *staged_of(const struct report_run *run)
{
    for (size_t i = 0; i < VMC_COUNT_OF(staged); i++) {
        if (json_is_object(html_dig(run->root, staged[i].stages))) {
            return &staged[i];
        }
    }
    return NULL;
}

/* ns of quantile @key of what @run timed, recorded or simulated; negative when
 * it has none. */
static double quantile_ns(const struct report_run *run, bool is_simulated,
                          const char *key)
{
    const struct timed *at = timed_of(run);
    const json_t *found =
        at == NULL
            ? NULL
            : html_dig(run->root, is_simulated ? at->simulated : at->recorded);

    if (found == NULL) {
        return -1;
    }
    if (at->is_total) {
        return strcmp(key, "p50") == 0 ? json_number_value(found) * 1e6 : -1;
    }
    return html_number(found, "count") > 0 ? html_number(found, key) : -1;
}

static void put_time(FILE *page, double ns)
{
    char text[HTML_TEXT_BYTES];

    (void)fputs(ns >= 0 ? html_time(text, ns) : "&ndash;", page);
}

/* ---- How long ----------------------------------------------------------- */

/* The least and the most of a quantile over the runs that timed the same as
 * the first that timed anything. */
struct span {
    const struct timed *at;
    uint32_t runs;
    double low_ns, high_ns;
};

static struct span span_of(const struct report_run *runs, uint32_t count,
                           bool is_simulated, const char *key)
{
    struct span span = {0};

    for (size_t i = 0; i < VMC_COUNT_OF(timed) && span.runs == 0; i++) {
        for (uint32_t r = 0; r < count; r++) {
            double ns = quantile_ns(&runs[r], is_simulated, key);

            if (timed_of(&runs[r]) != &timed[i] || ns < 0) {
                continue;
            }
            span.at = &timed[i];
            span.low_ns = span.runs == 0 ? ns : fmin(span.low_ns, ns);
            span.high_ns = span.runs == 0 ? ns : fmax(span.high_ns, ns);
            span.runs++;
        }
    }
    return span;
}

static void put_span(FILE *page, struct span span)
{
    put_time(page, span.low_ns);
    if (span.high_ns > span.low_ns) {
        (void)fputs(" &ndash; ", page);
        put_time(page, span.high_ns);
    }
}

static void write_how_long(FILE *page, const struct report_run *runs,
                           uint32_t count)
{
    struct span recorded = span_of(runs, count, false, "p50");
    struct span simulated = span_of(runs, count, true, "p50");
    struct span tail = span_of(runs, count, false, "p99");
    struct span longest = span_of(runs, count, false, "max");
    struct span first = recorded.runs > 0 ? recorded : simulated;

    if (first.runs == 0) {
        return;
    }
    (void)fprintf(page,
                  "<div>\n<h2>How long did %s take?</h2>\n<p class=\"big\">",
                  first.at->asked);
    put_span(page, first);
    (void)fprintf(page, "</p>\n<p>%s: %s",
                  first.at->is_total ? "In all" : "Median", first.at->what);
    if (first.runs > 1) {
        (void)fprintf(page, ", of %u runs", (unsigned)first.runs);
    }
    if (recorded.runs > 0 && tail.at == first.at) {
        (void)fputs(". 99 of 100: up to ", page);
        put_span(page, tail);
        (void)fputs("; longest ", page);
        put_time(page, longest.high_ns);
    }
    if (recorded.runs > 0 && simulated.at == first.at) {
        (void)fputs(". Model: <b>", page);
        put_span(page, simulated);
        (void)fputs("</b>", page);
    }
    (void)fputs(".</p>\n</div>\n", page);
}

/* ---- Where the time went ------------------------------------------------ */

/* Add the stages of @run, as often as they happened. */
static void add_stages(struct parts *parts, const struct report_run *run,
                       const struct staged *at)
{
    double weight = at->count != NULL ? html_number(run->root, at->count) : 1;
    const char *stage;
    json_t *mean;

    parts->weight += weight;
    json_object_foreach(html_dig(run->root, at->stages), stage, mean)
    {
        parts_add(parts, stage, json_number_value(mean) * at->ns * weight);
    }
}

static void write_where(FILE *page, const struct report_run *runs,
                        uint32_t count, uint32_t *bars)
{
    struct parts parts = {0};
    struct part largest = {0}, second = {0};
    char text[HTML_TEXT_BYTES];

    for (size_t i = 0; i < VMC_COUNT_OF(staged) && parts.total_ns == 0; i++) {
        parts = (struct parts){0};
        for (uint32_t r = 0; r < count; r++) {
            if (staged_of(&runs[r]) == &staged[i]) {
                add_stages(&parts, &runs[r], &staged[i]);
            }
        }
    }
    if (parts.total_ns == 0) {
        return;
    }
    for (uint32_t i = 0; i < parts.count; i++) {
        if (parts.at[i].ns > largest.ns) {
            second = largest;
            largest = parts.at[i];
        } else if (parts.at[i].ns > second.ns) {
            second = parts.at[i];
        }
    }
    (void)fputs("<div>\n<h2>Where did the time go?</h2>\n<p class=\"big\">",
                page);
    html_text(page, largest.name);
    (void)fprintf(page, " %.0f&nbsp;%%", 100 * largest.ns / parts.total_ns);
    if (second.ns > 0) {
        (void)fputs(", ", page);
        html_text(page, second.name);
        (void)fprintf(page, " %.0f&nbsp;%%", 100 * second.ns / parts.total_ns);
    }
    (void)fputs("</p>\n", page);
    parts_bar(page, &parts, ++*bars);
    parts_legend(page, &parts);
    (void)fprintf(page, "<p class=\"more\">Means; the model takes %s in all.",
                  html_time(text, parts.total_ns / parts.weight));
    (void)fputs("</p>\n</div>\n", page);
}

/* ---- Does the model agree ----------------------------------------------- */

struct verdict {
    uint64_t count, wrong;
};

static struct verdict verdict_of(const struct report_run *run)
{
    struct verdict verdict = {0};

    for (size_t i = 0; i < VMC_COUNT_OF(checked); i++) {
        verdict.count += (uint64_t)html_number(run->root, checked[i].count);
        verdict.wrong += (uint64_t)html_number(run->root, checked[i].wrong);
    }
    return verdict;
}

/* "register reads 13 322" for each kind of check that the runs made. */
static void put_checks(FILE *page, const struct report_run *runs,
                       uint32_t count)
{
    const char *before = "";

    for (size_t i = 0; i < VMC_COUNT_OF(checked); i++) {
        uint64_t sum = 0, wrong = 0;
        char text[HTML_TEXT_BYTES];

        for (uint32_t r = 0; r < count; r++) {
            sum += (uint64_t)html_number(runs[r].root, checked[i].count);
            wrong += (uint64_t)html_number(runs[r].root, checked[i].wrong);
        }
        if (sum == 0 && wrong == 0) {
            continue;
        }
        (void)fprintf(page, "%s%s&nbsp;%s", before, html_count(text, sum),
                      checked[i].what);
        if (wrong > 0) {
            (void)fprintf(page, " (<b class=\"bad\">%s differ</b>)",
                          html_count(text, wrong));
        }
        before = ", ";
    }
}

/* How the model's times are to the recorded ones: they were recorded on some
 * machine, and predicted for the one of the profile. */
static void put_ratio(FILE *page, const struct report_run *runs, uint32_t count)
{
    double low = 0, high = 0;

    for (uint32_t r = 0; r < count; r++) {
        double recorded = quantile_ns(&runs[r], false, "p50");
        double simulated = quantile_ns(&runs[r], true, "p50");

        if (recorded > 0 && simulated > 0) {
            double ratio = simulated / recorded;

            low = high == 0 ? ratio : fmin(low, ratio);
            high = fmax(high, ratio);
        }
    }
    if (high > 0) {
        (void)fprintf(page,
                      " Times are those of the profile&rsquo;s machine: "
                      "%.2f",
                      low);
        if (high > low) {
            (void)fprintf(page, " to %.2f", high);
        }
        (void)fputs(" of the recorded ones.", page);
    }
}

static void write_agreement(FILE *page, const struct report_run *runs,
                            uint32_t count)
{
    struct verdict all = {0};
    char text[HTML_TEXT_BYTES];

    for (uint32_t r = 0; r < count; r++) {
        struct verdict one = verdict_of(&runs[r]);

        all.count += one.count;
        all.wrong += one.wrong;
    }
    if (all.count == 0 && all.wrong == 0) {
        return;
    }
    (void)fputs("<div>\n<h2>Did the model agree with the recording?</h2>\n",
                page);
    (void)fprintf(page, "<p class=\"big %s\">",
                  all.wrong == 0 ? "good" : "bad");
    if (all.wrong == 0) {
        (void)fprintf(page, "Yes, all %s checks", html_count(text, all.count));
    } else {
        (void)fprintf(page, "No, %s differ", html_count(text, all.wrong));
    }
    (void)fputs("</p>\n<p>Checked: ", page);
    put_checks(page, runs, count);
    (void)fputs(".", page);
    put_ratio(page, runs, count);
    (void)fputs("</p>\n</div>\n", page);
}

/* What a search of schedules has found is an answer of its own. */
static void write_search(FILE *page, const struct report_run *runs,
                         uint32_t count)
{
    for (uint32_t r = 0; r < count; r++) {
        const json_t *explore = html_dig(runs[r].root, "explore");
        const char *verdict =
            json_string_value(json_object_get(explore, "verdict"));
        const char *what =
            json_string_value(html_dig(explore, "violation.description"));

        if (verdict == NULL) {
            continue;
        }
        (void)fprintf(page,
                      "<div>\n<h2>Does a schedule break a rule?</h2>\n"
                      "<p class=\"big %s\">",
                      strcmp(verdict, "violation") == 0 ? "bad"
                      : strcmp(verdict, "clean") == 0   ? "good"
                                                        : "");
        html_text(page, verdict);
        (void)fputs("</p>\n<p>", page);
        html_text(page, runs[r].name);
        (void)fputs(": ", page);
        if (what != NULL) {
            html_text(page, what);
            (void)fputs(". ", page);
        }
        html_value(page, "failing", html_dig(explore, "failing"));
        (void)fputs(" of ", page);
        html_value(page, "schedules", html_dig(explore, "schedules"));
        (void)fputs(" schedules break a rule.</p>\n</div>\n", page);
    }
}

/* ---- Run by run --------------------------------------------------------- */

static void write_row(FILE *page, const struct report_run *run, uint32_t index,
                      uint32_t *bars)
{
    const struct timed *at = timed_of(run);
    const struct staged *stages = staged_of(run);
    struct verdict verdict = verdict_of(run);
    struct parts parts = {0};
    char text[HTML_TEXT_BYTES];

    (void)fprintf(page, "<tr><th scope=\"row\"><a href=\"#run-%u\">",
                  (unsigned)index);
    html_text(page, run->name);
    (void)fputs("</a></th><td>", page);
    (void)fputs(at != NULL ? at->what : "&ndash;", page);
    (void)fputs("</td><td class=\"n\">", page);
    put_time(page, quantile_ns(run, false, "p50"));
    (void)fputs("</td><td class=\"n\">", page);
    put_time(page, quantile_ns(run, false, "p99"));
    (void)fputs("</td><td class=\"n\">", page);
    put_time(page, quantile_ns(run, true, "p50"));
    (void)fputs("</td><td class=\"stack\">", page);
    if (stages != NULL) {
        add_stages(&parts, run, stages);
    }
    if (parts.total_ns > 0) {
        parts_bar(page, &parts, ++*bars);
    } else {
        (void)fputs("&ndash;", page);
    }
    (void)fputs("</td><td>", page);
    if (verdict.wrong > 0) {
        (void)fprintf(page, "<b class=\"bad\">no, %s differ</b>",
                      html_count(text, verdict.wrong));
    } else if (verdict.count > 0) {
        (void)fprintf(page, "<span class=\"good\">yes, all %s</span>",
                      html_count(text, verdict.count));
    } else {
        html_value(page, "", html_dig(run->root, "explore.verdict"));
    }
    (void)fputs("</td></tr>\n", page);
}

/* True when the run has something to say in the table. */
static bool has_row(const struct report_run *run)
{
    return timed_of(run) != NULL || staged_of(run) != NULL ||
           verdict_of(run).count > 0 ||
           html_dig(run->root, "explore.verdict") != NULL;
}

static void write_table(FILE *page, const struct report_run *runs,
                        uint32_t count, uint32_t *bars)
{
    (void)fputs(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Run by run\">\n<table class=\"runs\">\n<thead><tr>"
        "<th scope=\"col\">Run</th><th scope=\"col\">What was timed"
        "</th><th scope=\"col\" class=\"n\">Median</th>"
        "<th scope=\"col\" class=\"n\">99 of 100</th>"
        "<th scope=\"col\" class=\"n\">Model, median</th>"
        "<th scope=\"col\">Where the time went</th>"
        "<th scope=\"col\">Agrees</th></tr></thead>\n<tbody>\n",
        page);
    for (uint32_t r = 0; r < count; r++) {
        if (has_row(&runs[r])) {
            write_row(page, &runs[r], r + 1, bars);
        }
    }
    (void)fputs("</tbody></table>\n</div>\n", page);
}

void answers_write(FILE *page, const struct report_run *runs, uint32_t count)
{
    uint32_t bars = 0;

    (void)fputs("<div class=\"answers\">\n", page);
    write_how_long(page, runs, count);
    write_where(page, runs, count, &bars);
    write_agreement(page, runs, count);
    write_search(page, runs, count);
    (void)fputs("</div>\n", page);
    for (uint32_t r = 0; r < count && count > 1; r++) {
        if (has_row(&runs[r])) {
            write_table(page, runs, count, &bars);
            break;
        }
    }
}
