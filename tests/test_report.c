/* SPDX-License-Identifier: MIT */
/* Pieces of a report: words of numbers, cells of a heat map, files of rows,
 * pictures on their way into the page. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report/report_heat.h"
#include "sim/report/report_html.h"
#include "sim/report/report_picture.h"
#include "sim/report/report_rows.h"
#include "suite.h"

static char dir[] = P_tmpdir "/vmcycle-report-XXXXXX";

static void path_of(char path[256], const char *name)
{
    (void)snprintf(path, 256, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    path_of(path, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_folder(void)
{
    static const char *const names[] = {"from.tsv", "to.tsv"};
    char path[256];

    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        path_of(path, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

/* ---- Words of numbers --------------------------------------------------- */

static const struct {
    double ns;
    const char *text;
} times[] = {
    {0, "0\u00a0ns"},
    {7, "7\u00a0ns"},
    {999, "999\u00a0ns"},
    {90.9, "90.9\u00a0ns"},
    {1000, "1\u00a0µs"},
    {9151, "9.15\u00a0µs"},
    {24063, "24.1\u00a0µs"},
    {111103, "111\u00a0µs"},
    {4816895, "4.82\u00a0ms"},
    {1e9, "1\u00a0s"},
    {3086478348, "3.09\u00a0s"},
    {3.6e12, "3600\u00a0s"},
    {-2500, "-2.50\u00a0µs"},
};

START_TEST(a_time_has_the_unit_that_fits)
{
    char text[HTML_TEXT_BYTES];

    ck_assert_str_eq(html_time(text, times[_i].ns), times[_i].text);
}
END_TEST

static const struct {
    uint64_t value;
    const char *text;
} counts[] = {
    {0, "0"},
    {999, "999"},
    {1000, "1\u202f000"},
    {103577, "103\u202f577"},
    {UINT64_MAX, "18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615"},
};

START_TEST(digits_stand_in_groups_of_three)
{
    char text[HTML_TEXT_BYTES];

    ck_assert_str_eq(html_count(text, counts[_i].value), counts[_i].text);
}
END_TEST

static const struct {
    const char *name;
    double value;
    const char *text;
} named[] = {
    {"interrupts.recorded_latency_ns.p50", 24063, "24.1\u00a0µs"},
    {"interrupts.recorded_latency_ns.count", 1657, "1\u202f657"},
    {"balloon.stages_ms.alloc", 2264.92416, "2.26\u00a0s"},
    {"total_ms", 0.5, "500\u00a0µs"},
    {"columns", 7, "7"},
    {"transcript_ns_of", 7000, "7\u202f000"},
    {"gib_per_s", 5.83188928302827, "5.83189"},
    {"low_percent", -2.5, "-2.5"},
};

START_TEST(the_name_of_a_number_tells_its_unit)
{
    char text[HTML_TEXT_BYTES];

    ck_assert_str_eq(html_number_text(text, named[_i].name, named[_i].value),
                     named[_i].text);
}
END_TEST

/* ---- Heat --------------------------------------------------------------- */

enum { SPAN = 101 }; /* no multiple of the columns, so that cells end inside */

/* One row at each time, with the latency time * time. */
static void write_squares(void)
{
    char *text = malloc(SPAN * 64), *at = text;

    at += snprintf(at, 64, "time_ns\tvcpu\tvector\tlatency_ns\n");
    for (uint64_t t = 0; t < SPAN; t++) {
        at += snprintf(at, 64, "%" PRIu64 "\t0\t7\t%" PRIu64 "\n", 1000 + t,
                       t * t);
    }
    write_file("from.tsv", text);
    free(text);
}

START_TEST(every_row_is_in_the_cell_that_holds_it)
{
    struct report_rows cells;
    uint64_t sum = 0;

    write_squares();
    ck_assert(heat_write(dir, "from.tsv", "to.tsv"));
    ck_assert(report_rows_init(&cells, dir, "to.tsv"));
    ck_assert_uint_eq(cells.columns, 5);
    for (uint32_t row = 0; row < cells.count; row++) {
        uint64_t bounds[5], inside = 0;

        for (uint32_t c = 0; c < 5; c++) {
            bounds[c] = strtoull(report_rows_at(&cells, row, c), NULL, 10);
        }
        for (uint64_t t = 0; t < SPAN; t++) {
            inside += 1000 + t >= bounds[0] && 1000 + t < bounds[1] &&
                      t * t >= bounds[2] && t * t < bounds[3];
        }
        ck_assert_uint_eq(inside, bounds[4]);
        sum += inside;
    }
    ck_assert_uint_eq(sum, SPAN);
    report_rows_fini(&cells);
}
END_TEST

START_TEST(one_row_is_one_cell_and_the_longest_has_one_too)
{
    struct report_rows cells;

    write_file("from.tsv", "time_ns\tlatency_ns\n5\t18446744073709551615\n");
    ck_assert(heat_write(dir, "from.tsv", "to.tsv"));
    ck_assert(report_rows_init(&cells, dir, "to.tsv"));
    ck_assert_uint_eq(cells.count, 1);
    ck_assert_str_eq(report_rows_at(&cells, 0, 0), "5");
    ck_assert_str_eq(report_rows_at(&cells, 0, 2), "13835058055282163712");
    ck_assert_str_eq(report_rows_at(&cells, 0, 3), "18446744073709551615");
    ck_assert_str_eq(report_rows_at(&cells, 0, 4), "1");
    report_rows_fini(&cells);
}
END_TEST

START_TEST(without_rows_there_is_no_heat)
{
    ck_assert(!heat_write(dir, "from.tsv", "to.tsv"));
    write_file("from.tsv", "time_ns\tlatency_ns\nx\ty\n\n7\n");
    ck_assert(!heat_write(dir, "from.tsv", "to.tsv"));
}
END_TEST

/* ---- Rows --------------------------------------------------------------- */

static const struct {
    const char *text;
    bool is_read;
    uint32_t columns, rows;
} files[] = {
    {"", false, 0, 0},
    {"a\tb", false, 0, 0}, /* a line that is not ended is none */
    {"a\tb\n", true, 2, 0},
    {"a\n1\n2\n", true, 1, 2},
    {"a\tb\n1\t2\n3\t\n", true, 2, 2},
    {"a\tb\n1\t2\n3\n4\t5\n", true, 2, 1},
    {"a\tb\n1\t2\t3\n", true, 2, 0},
    {"a\tb\n1\t2\n3\t4", true, 2, 1},
};

START_TEST(rows_end_with_the_first_that_is_none)
{
    struct report_rows rows;

    write_file("from.tsv", files[_i].text);
    ck_assert_int_eq(report_rows_init(&rows, dir, "from.tsv"),
                     files[_i].is_read);
    if (files[_i].is_read) {
        ck_assert_uint_eq(rows.columns, files[_i].columns);
        ck_assert_uint_eq(rows.count, files[_i].rows);
        ck_assert_str_eq(report_rows_name(&rows, 0), "a");
        ck_assert_uint_eq(report_rows_find(&rows, "b"), 1);
        report_rows_fini(&rows);
    }
}
END_TEST

/* ---- Pictures ----------------------------------------------------------- */

#define HEAD                                                                   \
    "<svg viewBox=\"0 0 500 370\">\n<title>A</title>\n<desc>B &lt; "           \
    "C</desc>\n<g id=\"canvas\">\n<rect fill=\"#ffffff\"/>\n<defs>\n"          \
    "<path id='gpPt1'/></defs>\n"

static const struct {
    const char *svg, *has, *has_not;
} pictures[] = {
    {HEAD "</svg>", "aria-labelledby=\"p5-t p5-d\"", "<rect"},
    {HEAD "</svg>", "<desc id=\"p5-d\">B &lt; C</desc>", "gpPt1"},
    {HEAD "<use xlink:href='#gpPt1'/></svg>", "<use href='#p5-gpPt1'/>",
     "xlink"},
    {HEAD "<use xlink:href='#gpPt1'/></svg>", "<path id='p5-gpPt1'/>",
     "id='gp"},
    {HEAD "<g id=\"x\"><title>dir.\"/a\"</title></g></svg>", "<g id=\"p5-x\">",
     "dir."},
    {HEAD "<path stroke='rgb(  0, 114, 178)'/></svg>", "stroke='var(--c1)'",
     "rgb("},
    {HEAD "<path stroke='rgb(51,51,51)'/></svg>", "stroke='var(--soft)'",
     "rgb("},
    {HEAD "<path stroke='rgb(1,2,3)'/></svg>", "stroke='#010203'", "rgb("},
    {HEAD "<path stroke='rgb(1,2'/></svg>", "stroke='rgb(1,2'", "var("},
    {HEAD "<g color=\"black\"/></svg>", "color=\"currentColor\"", "black"},
    {HEAD "<text font-family=\"sans-serif\">x</text></svg>", "<text>x", "sans"},
    {HEAD "<g fill='url(#a)'/></svg>", "url(#p5-a)", "url(#a"},
};

START_TEST(a_picture_takes_the_colours_and_ids_of_the_page)
{
    char *page = NULL;
    size_t bytes;
    FILE *to = open_memstream(&page, &bytes), *from = tmpfile();
    uint32_t number = 4;

    (void)fputs(pictures[_i].svg, from);
    ck_assert(picture_write(to, from, &number));
    (void)fclose(to);
    (void)fclose(from);
    ck_assert_uint_eq(number, 5);
    ck_assert_msg(strstr(page, pictures[_i].has) != NULL, "no %s in %s",
                  pictures[_i].has, page);
    ck_assert_msg(strstr(page, pictures[_i].has_not) == NULL, "%s in %s",
                  pictures[_i].has_not, page);
    free(page);
}
END_TEST

START_TEST(a_picture_with_a_program_stays_outside)
{
    char *page = NULL;
    size_t bytes;
    FILE *to = open_memstream(&page, &bytes), *from = tmpfile();
    uint32_t number = 4;

    (void)fputs(HEAD "<script>1</script></svg>", from);
    ck_assert(!picture_write(to, from, &number));
    (void)fclose(to);
    (void)fclose(from);
    ck_assert_uint_eq(number, 4);
    ck_assert_uint_eq(bytes, 0);
    free(page);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("report");
    TCase *c = tcase_create("report");

    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, a_time_has_the_unit_that_fits, 0,
                        VMC_COUNT_OF(times));
    tcase_add_loop_test(c, digits_stand_in_groups_of_three, 0,
                        VMC_COUNT_OF(counts));
    tcase_add_loop_test(c, the_name_of_a_number_tells_its_unit, 0,
                        VMC_COUNT_OF(named));
    tcase_add_test(c, every_row_is_in_the_cell_that_holds_it);
    tcase_add_test(c, one_row_is_one_cell_and_the_longest_has_one_too);
    tcase_add_test(c, without_rows_there_is_no_heat);
    tcase_add_loop_test(c, rows_end_with_the_first_that_is_none, 0,
                        VMC_COUNT_OF(files));
    tcase_add_loop_test(c, a_picture_takes_the_colours_and_ids_of_the_page, 0,
                        VMC_COUNT_OF(pictures));
    tcase_add_test(c, a_picture_with_a_program_stays_outside);
    return s;
}
