/* SPDX-License-Identifier: MIT */
/*
 * One table: the rows that a picture needs, the script that draws them, and
 * what is said to those who do not see it. That is no name of the picture but
 * what one would read off it, with the numbers of the run.
 */
#include "sim/report/report_gallery.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report/report.h"
#include "sim/report/report_heat.h"
#include "sim/report/report_html.h"
#include "sim/report/report_picture.h"

enum { PATH_BYTES_MAX = 1024 };

/* ---- What the pictures say ---------------------------------------------- */

/* " Recorded: 1 657, median 24.1 µs, 99 of 100 up to ..." */
static void tell_hist(FILE *text, const json_t *hist, const char *name)
{
    char count[HTML_TEXT_BYTES], p50[HTML_TEXT_BYTES], p99[HTML_TEXT_BYTES],
        max[HTML_TEXT_BYTES];

    if (html_number(hist, "count") > 0) {
        (void)fprintf(
            text, " %s: %s, median %s, 99 of 100 up to %s, longest %s.", name,
            html_count(count, (uint64_t)html_number(hist, "count")),
            html_time(p50, html_number(hist, "p50")),
            html_time(p99, html_number(hist, "p99")),
            html_time(max, html_number(hist, "max")));
    }
}

static void tell_latency(FILE *text, const json_t *root)
{
    (void)fputs("Percentile curves of interrupt latency, from the raised input "
                "to the first status read that shows it.",
                text);
    tell_hist(text, html_dig(root, "interrupts.recorded_latency_ns"),
              "Recorded");
    tell_hist(text, html_dig(root, "interrupts.simulated_latency_ns"),
              "Simulated");
}

static void tell_rcu(FILE *text, const json_t *root)
{
    (void)fputs("Percentile curves of grace periods, and of callbacks from "
                "call to run.",
                text);
    tell_hist(text, html_dig(root, "rcu.grace_period_ns"),
              "Grace periods recorded");
    tell_hist(text, html_dig(root, "rcu.predicted.grace_period_ns"),
              "predicted");
    tell_hist(text, html_dig(root, "rcu.callback_latency_ns"),
              "Callbacks recorded");
    tell_hist(text, html_dig(root, "rcu.predicted.callback_latency_ns"),
              "predicted");
}

/* What the names of the stages mean; irqsim.h has more words. */
static const char *meaning_of(const char *stage)
{
    static const struct {
        const char *stage, *meaning;
    } known[] = {
        {"router", "passing the routers"},
        {"pin", "to the pin of the vCPU"},
        {"busy", "until another handler ends"},
        {"kick", "making a running vCPU look"},
        {"wake", "waking an idle one"},
        {"entry", "exception entry"},
        {"dispatch", "until the handler reads the status"},
        {"clear", "until it clears it"},
    };

    for (size_t i = 0; i < VMC_COUNT_OF(known); i++) {
        if (strcmp(known[i].stage, stage) == 0) {
            return known[i].meaning;
        }
    }
    return "another stage";
}

static void tell_stages(FILE *text, const json_t *root)
{
    const char *stage;
    json_t *mean;
    char time[HTML_TEXT_BYTES];
    const char *before = " ";

    (void)fputs("Stages of a simulated interrupt, one after the other, mean "
                "times:",
                text);
    json_object_foreach(html_dig(root, "interrupts.stages_ns"), stage, mean)
    {
        if (json_number_value(mean) > 0) {
            (void)fprintf(text, "%s%s (%s) %s", before, stage,
                          meaning_of(stage),
                          html_time(time, json_number_value(mean)));
            before = ", ";
        }
    }
    (void)fputc('.', text);
}

static void tell_heat(FILE *text, const json_t *root)
{
    (void)fputs("How many interrupts waited how long, over the time of the "
                "recording; a shade for each doubling.",
                text);
    tell_hist(text, html_dig(root, "interrupts.recorded_latency_ns"), "In all");
}

static void tell_heat_ipi(FILE *text, const json_t *root)
{
    (void)fputs("The same for interrupts from one vCPU to another, from "
                "sending to the status read that shows it.",
                text);
    tell_hist(text, html_dig(root, "interrupts.recorded_ipi_ns"), "In all");
}

static void tell_map(FILE *text, const json_t *root)
{
    const json_t *vcpus = html_dig(root, "interrupts.per_cpu");
    const json_t *vcpu;
    size_t i;
    char count[HTML_TEXT_BYTES];

    (void)fputs("Interrupts taken, by vector and vCPU. Delivered to", text);
    json_array_foreach((json_t *)vcpus, i, vcpu)
    {
        (void)fprintf(
            text, "%s vCPU %zu: %s", i > 0 ? "," : "", i,
            html_count(count, (uint64_t)html_number(vcpu, "delivered")));
    }
    (void)fputc('.', text);
}

/* Every picture, in the order of the page. Without a script it was drawn by
 * whoever wrote its rows; with @counted the rows are counted from those. */
static const struct picture {
    const char *rows, *script, *image, *title;
    void (*tell)(FILE *text, const json_t *root); /* or, as it is: */
    const char *text;
    const char *counted;
} pictures[] = {
    {"recorded.hgrm", "latency.gp", "latency.svg", "Interrupt latency",
     tell_latency, NULL, NULL},
    {"stages.tsv", "stages.gp", "stages.svg",
     "Where the time of an interrupt goes", tell_stages, NULL, NULL},
    {"heat.tsv", "heat.gp", "heat.svg", "Interrupt latency over time",
     tell_heat, NULL, "timeline.tsv"},
    {"heat-ipi.tsv", "heat-ipi.gp", "heat-ipi.svg", "IPI latency over time",
     tell_heat_ipi, NULL, "timeline-ipi.tsv"},
    {"map.tsv", "map.gp", "map.svg", "Interrupts by vector and vCPU", tell_map,
     NULL, NULL},
    {"balloon.tsv", "balloon.gp", "balloon.svg", "The balloon over time", NULL,
     "Balloon size over time, and where the time of a message goes", NULL},
    {"balloon-stages.tsv", "balloon-stages.gp", "balloon-stages.svg",
     "Where the time of a balloon operation goes", NULL,
     "Where the simulated time of a balloon operation goes: a bar for each "
     "mechanism, stage upon stage, in ms",
     NULL},
    {"balloon-map.tsv", "balloon-map.gp", "balloon-map.svg",
     "Memory before and after", NULL,
     "Guest memory before and after the operation, by address: holes, what is "
     "in use, free and how it is backed, and what is in the balloon",
     NULL},
    {"rcu.tsv", "rcu.gp", "rcu.svg", "Grace periods and callbacks", tell_rcu,
     NULL, NULL},
    {"bus.tsv", "bus.gp", "bus.svg", "Exits by address range", NULL,
     "Time from exit to resumption by address range", NULL},
    {"compare-irq.tsv", "compare-irq.gp", "compare-irq.svg",
     "What an affinity change costs, by design", NULL,
     "Register accesses that move one interrupt to another vCPU, by number of "
     "vCPUs, for each design",
     NULL},
    {"compare-dispatch.tsv", "compare-dispatch.gp", "compare-dispatch.svg",
     "What an access costs, by design", NULL,
     "Mean time of a recorded access, stage upon stage, and what 99 of 100 do "
     "not exceed, for each design that serves it",
     NULL},
    {"destroy.tsv", "destroy.gp", "destroy.svg", "What destroying a vCPU costs",
     NULL,
     "Mean time from the last close of a vCPU until it is freed, for each "
     "design, tick rate and load; the rows are in destroy.tsv.",
     NULL},
    {NULL, NULL, "counterexample.svg", "", NULL, "", NULL},
};

/* ---- Drawing, and showing ----------------------------------------------- */

static void join_path(char *path, const char *dir, const char *name)
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%s", dir, name);
}

/* Draw @picture, in the words that suit the run. */
static bool draw_picture(const struct picture *picture, const char *dir,
                         const json_t *root)
{
    char *text = NULL;
    size_t bytes;
    FILE *memory;
    bool is_drawn;

    if (picture->tell == NULL) {
        return report_plot(dir, picture->script, picture->image, picture->title,
                           picture->text);
    }
    memory = open_memstream(&text, &bytes);
    if (memory == NULL) {
        return false;
    }
    picture->tell(memory, root);
    (void)fclose(memory);
    is_drawn =
        report_plot(dir, picture->script, picture->image, picture->title, text);
    free(text);
    return is_drawn;
}

void gallery_draw(const char *dir, const json_t *root)
{
    for (size_t i = 0; i < VMC_COUNT_OF(pictures); i++) {
        const struct picture *picture = &pictures[i];
        char path[PATH_BYTES_MAX];

        if (picture->counted != NULL) {
            (void)heat_write(dir, picture->counted, picture->rows);
        }
        if (picture->script == NULL) {
            continue;
        }
        join_path(path, dir, picture->rows);
        if (access(path, R_OK) != 0) {
            continue;
        }
        if (!draw_picture(picture, dir, root)) {
            (void)fprintf(stderr, "vmcycle: no picture %s of %s\n",
                          picture->image, dir);
        }
    }
}

void gallery_write(FILE *page, const char *dir, uint32_t *number)
{
    bool is_any = false;

    for (size_t i = 0; i < VMC_COUNT_OF(pictures); i++) {
        char path[PATH_BYTES_MAX];
        FILE *image;

        join_path(path, dir, pictures[i].image);
        image = fopen(path, "rbe");
        if (image == NULL) {
            continue;
        }
        if (!is_any) {
            (void)fputs("<div class=\"pictures\">\n", page);
            is_any = true;
        }
        (void)picture_write(page, image, number);
        (void)fclose(image);
    }
    if (is_any) {
        (void)fputs("</div>\n", page);
    }
}
