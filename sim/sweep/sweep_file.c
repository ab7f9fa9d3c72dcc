/* SPDX-License-Identifier: MIT */
/*
 * A sweep file is read here and not by inih, whose lines end after 200 bytes:
 * lists are longer. All texts lie one behind the other in one buffer, lists and
 * ranges spread out, so that a point is found by arithmetic alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"
#include "sim/sweep/sweep_priv.h"

/* A file on its way in. */
struct reading {
    struct sweep *sweep;
    struct vmc_error why; /* of the line that is being read */
    char section[32];
    bool has_by, has_mode;
};

const char *sweep_keep(struct sweep *sweep, const char *text, size_t bytes)
{
    char *kept = sweep->text + sweep->text_bytes;

    if (bytes + 1 > SWEEP_TEXT_MAX - sweep->text_bytes) {
        return NULL;
    }
    memcpy(kept, text, bytes);
    kept[bytes] = '\0';
    sweep->text_bytes += (uint32_t)bytes + 1;
    return kept;
}

/* ---- [vary] ------------------------------------------------------------- */

static void set_kind(struct sweep_key *key)
{
    static const struct {
        const char *start;
        enum sweep_key_kind kind;
    } starts[] = {{"set ", SWEEP_SET}, {"flag ", SWEEP_FLAG}};
    static const char *const arguments[] = {"trace", "scenario", "argument"};

    key->kind = SWEEP_OPTION;
    key->word = key->name;
    for (size_t i = 0; i < VMC_COUNT_OF(starts); i++) {
        size_t bytes = strlen(starts[i].start);

        if (strncmp(key->name, starts[i].start, bytes) == 0) {
            key->kind = starts[i].kind;
            key->word = key->name + bytes;
            key->word += strspn(key->word, " ");
        }
    }
    for (size_t i = 0; i < VMC_COUNT_OF(arguments); i++) {
        if (strcmp(key->name, arguments[i]) == 0) {
            key->kind = SWEEP_ARGUMENT;
        }
    }
}

static enum vmc_status check_key(struct reading *reading,
                                 const struct sweep_key *key)
{
    struct sweep *sweep = reading->sweep;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        if (sweep->keys[i].kind == key->kind &&
            strcmp(sweep->keys[i].word, key->word) == 0) {
            return vmc_fail(&reading->why, VMC_E_FORMAT, "%s: varied twice",
                            key->name);
        }
    }
    for (uint32_t i = 0; i < key->value_count && key->kind == SWEEP_FLAG; i++) {
        if (strcmp(key->values[i], "yes") != 0 &&
            strcmp(key->values[i], "no") != 0) {
            return vmc_fail(&reading->why, VMC_E_FORMAT,
                            "%s: '%s'; expected yes or no", key->name,
                            key->values[i]);
        }
    }
    return VMC_OK;
}

static enum vmc_status read_key(struct reading *reading, const char *name,
                                const char *list)
{
    struct sweep *sweep = reading->sweep;
    struct sweep_key *key = &sweep->keys[sweep->key_count];
    enum vmc_status status;

    if (sweep->key_count == SWEEP_KEYS_MAX) {
        return vmc_fail(&reading->why, VMC_E_RANGE,
                        "more than %d keys are varied", SWEEP_KEYS_MAX);
    }
    key->name = sweep_keep(sweep, name, strlen(name));
    if (key->name == NULL) {
        return vmc_fail(&reading->why, VMC_E_RANGE, "the file is too long");
    }
    set_kind(key);
    status = sweep_add_values(sweep, key, list, &reading->why);
    if (status == VMC_OK) {
        status = check_key(reading, key);
    }
    sweep->key_count += status == VMC_OK;
    return status;
}

/* ---- [sweep] ------------------------------------------------------------ */

/* The next word of a command line, with quotes as a shell has them, put
 * together in @word. False at the end, or when a quote is not closed. */
static bool next_word(const char **at, char *word, bool *is_closed)
{
    const char *text = *at + strspn(*at, " ");
    char quote = '\0';
    bool is_there = *text != '\0';

    for (; *text != '\0' && (quote != '\0' || *text != ' '); text++) {
        if (quote == '\0' && (*text == '"' || *text == '\'')) {
            quote = *text;
        } else if (*text == quote) {
            quote = '\0';
        } else {
            *word++ = *text;
        }
    }
    *word = '\0';
    *is_closed = quote == '\0';
    *at = text;
    return is_there && *is_closed;
}

static enum vmc_status read_words(struct reading *reading, const char *value,
                                  char *word)
{
    struct sweep *sweep = reading->sweep;
    bool is_closed;

    while (next_word(&value, word, &is_closed)) {
        const char *kept = sweep_keep(sweep, word, strlen(word));

        if (kept == NULL || sweep->word_count == SWEEP_WORDS_MAX) {
            return vmc_fail(&reading->why, VMC_E_RANGE,
                            "run: more than %d words", SWEEP_WORDS_MAX);
        }
        sweep->words[sweep->word_count++] = kept;
    }
    return is_closed ? VMC_OK
                     : vmc_fail(&reading->why, VMC_E_FORMAT,
                                "run: a quote that is not closed");
}

static enum vmc_status read_run(struct reading *reading, const char *value)
{
    struct sweep *sweep = reading->sweep;
    char *word = malloc(strlen(value) + 1);
    enum vmc_status status;

    if (word == NULL) {
        return VMC_E_NOMEM;
    }
    status = read_words(reading, value, word);
    free(word);
    if (status != VMC_OK) {
        return status;
    }
    if (sweep->word_count == 0) {
        return vmc_fail(&reading->why, VMC_E_FORMAT,
                        "run: expected a command of vmcycle");
    }
    sweep->command = sweep->words[0];
    if (strcmp(sweep->command, "sweep") == 0) {
        return vmc_fail(&reading->why, VMC_E_FORMAT, "run: a sweep of sweeps");
    }
    if (command_find(sweep->command) == NULL) {
        return vmc_fail(&reading->why, VMC_E_FORMAT, "run: no command '%s'",
                        sweep->command);
    }
    return VMC_OK;
}

static enum vmc_status read_sweep(struct reading *reading, const char *name,
                                  const char *value)
{
    struct sweep *sweep = reading->sweep;

    if (strcmp(name, "run") == 0) {
        return sweep->command == NULL
                   ? read_run(reading, value)
                   : vmc_fail(&reading->why, VMC_E_FORMAT, "run: given twice");
    }
    if (strcmp(name, "mode") == 0 && !reading->has_mode &&
        (strcmp(value, "cross") == 0 || strcmp(value, "zip") == 0)) {
        sweep->is_zip = value[0] == 'z';
        reading->has_mode = true;
        return VMC_OK;
    }
    if (strcmp(name, "seed") == 0 && !sweep->has_seed &&
        vmc_parse_u64(&sweep->seed, value) == VMC_OK) {
        sweep->has_seed = true;
        return VMC_OK;
    }
    return vmc_fail(&reading->why, VMC_E_FORMAT,
                    "%.40s = %.40s; expected run = COMMAND, mode = cross or "
                    "zip, seed = N, each once",
                    name, value);
}

/* ---- [sensitivity] ------------------------------------------------------ */

static enum vmc_status read_by(struct reading *reading, const char *value)
{
    uint64_t percent;

    if (reading->has_by || vmc_parse_u64(&percent, value) != VMC_OK ||
        percent < 1 || percent > 99) {
        return vmc_fail(&reading->why, VMC_E_FORMAT,
                        "by = %.40s; expected 1 to 99, percent, once", value);
    }
    reading->sweep->sensitivity.by_percent = (uint32_t)percent;
    reading->has_by = true;
    return VMC_OK;
}

static enum vmc_status read_sensitivity(struct reading *reading,
                                        const char *name, const char *value)
{
    struct sweep_sensitivity *into = &reading->sweep->sensitivity;
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"of", &into->of}, {"only", &into->only}, {"profile", &into->profile}};

    for (size_t i = 0; i < VMC_COUNT_OF(texts); i++) {
        if (strcmp(name, texts[i].name) == 0 && *texts[i].text == NULL) {
            *texts[i].text = sweep_keep(reading->sweep, value, strlen(value));
            return *value != '\0' && *texts[i].text != NULL
                       ? VMC_OK
                       : vmc_fail(&reading->why, VMC_E_FORMAT,
                                  "%s: expected a name", name);
        }
    }
    if (strcmp(name, "by") == 0) {
        return read_by(reading, value);
    }
    if (strcmp(name, "numbers") == 0 &&
        (strcmp(value, "assumed") == 0 || strcmp(value, "all") == 0)) {
        into->has_sourced = value[1] == 'l';
        return VMC_OK;
    }
    return vmc_fail(&reading->why, VMC_E_FORMAT,
                    "%.40s = %.40s; expected of = RESULT, by = PERCENT, "
                    "profile = NAME, only = GLOB, numbers = assumed or all, "
                    "each once",
                    name, value);
}

/* ---- The file ----------------------------------------------------------- */

static const struct {
    const char *name;
    enum vmc_status (*read)(struct reading *reading, const char *name,
                            const char *value);
} sections[] = {{"sweep", read_sweep},
                {"vary", read_key},
                {"sensitivity", read_sensitivity}};

static enum vmc_status read_pair(struct reading *reading, const char *name,
                                 const char *value)
{
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        if (strcmp(reading->section, sections[i].name) == 0) {
            return sections[i].read(reading, name, value);
        }
    }
    return vmc_fail(&reading->why, VMC_E_FORMAT,
                    "expected [sweep] before the first KEY = VALUE");
}

static enum vmc_status read_section(struct reading *reading, const char *name)
{
    for (size_t i = 0; i < VMC_COUNT_OF(sections); i++) {
        if (strcmp(name, sections[i].name) == 0) {
            (void)snprintf(reading->section, sizeof(reading->section), "%s",
                           name);
            return VMC_OK;
        }
    }
    return vmc_fail(&reading->why, VMC_E_FORMAT,
                    "section [%.40s]; expected [sweep], [vary] or "
                    "[sensitivity]",
                    name);
}

static void cut_at_end(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && text[length - 1] == ' ') {
        text[--length] = '\0';
    }
}

/* One line, without its end; it is taken apart. */
static enum vmc_status read_line(struct reading *reading, char *line)
{
    char *equals, *comment;

    for (char *at = line; *at != '\0'; at++) {
        if (*at == '\t' || *at == '\r') {
            *at = ' ';
        } else if ((unsigned char)*at < ' ') {
            return vmc_fail(&reading->why, VMC_E_FORMAT,
                            "byte 0x%02x is no text", (unsigned)*at);
        }
    }
    line += strspn(line, " ");
    comment = *line == ';' || *line == '#' ? line : strstr(line, " ;");
    if (comment != NULL) {
        *comment = '\0';
    }
    cut_at_end(line);
    if (*line == '\0') {
        return VMC_OK;
    }
    if (*line == '[' && line[strlen(line) - 1] == ']') {
        line[strlen(line) - 1] = '\0';
        return read_section(reading, line + 1);
    }
    equals = strchr(line, '=');
    if (equals == NULL || equals == line) {
        return vmc_fail(&reading->why, VMC_E_FORMAT,
                        "expected KEY = VALUE or [SECTION]");
    }
    *equals = '\0';
    cut_at_end(line);
    return read_pair(reading, line, equals + 1 + strspn(equals + 1, " "));
}

static enum vmc_status read_lines(struct reading *reading, char *text,
                                  size_t bytes, struct vmc_error *error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors' first bytes */
    uint32_t number = 0;
    char *line = text;

    if (strncmp(line, mark, sizeof(mark) - 1) == 0) {
        line += sizeof(mark) - 1;
    }
    while (line < text + bytes) {
        char *end = memchr(line, '\n', (size_t)(text + bytes - line));
        enum vmc_status status;

        end = end != NULL ? end : text + bytes;
        *end = '\0';
        number++;
        status =
            strlen(line) == (size_t)(end - line)
                ? read_line(reading, line)
                : vmc_fail(&reading->why, VMC_E_FORMAT, "byte 0x00 is no text");
        if (status != VMC_OK) {
            return vmc_fail(error, status, "%s:%" PRIu32 ": %s",
                            reading->sweep->path, number, reading->why.text);
        }
        line = end + 1;
    }
    return VMC_OK;
}

/* What no line alone can say. */
static enum vmc_status check_whole(const struct reading *reading,
                                   struct vmc_error *error)
{
    const struct sweep *sweep = reading->sweep;
    const struct sweep_sensitivity *sensitivity = &sweep->sensitivity;

    if (sweep->command == NULL) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: expected run = COMMAND in [sweep]", sweep->path);
    }
    if (sensitivity->of == NULL &&
        (reading->has_by || sensitivity->only != NULL ||
         sensitivity->profile != NULL || sensitivity->has_sourced)) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: expected of = RESULT in [sensitivity]",
                        sweep->path);
    }
    if (sweep->key_count == 0 && sensitivity->of == NULL) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: expected something in [vary]",
                        sweep->path);
    }
    if (sensitivity->of != NULL && sweep->is_zip) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "%s: mode = zip does not go with [sensitivity]",
                        sweep->path);
    }
    for (uint32_t i = 0; i < sweep->key_count && sweep->has_seed; i++) {
        if (strcmp(sweep->keys[i].name, "seed") == 0) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "%s: [sweep] gives each point its seed, and [vary] "
                            "another",
                            sweep->path);
        }
    }
    return VMC_OK;
}

enum vmc_status sweep_parse(struct sweep **out, const char *path,
                            const char *text, size_t bytes,
                            struct vmc_error *error)
{
    struct reading reading = {.sweep = calloc(1, sizeof(struct sweep))};
    struct sweep *sweep = reading.sweep;
    char *lines = malloc(bytes + 1);
    enum vmc_status status = VMC_E_NOMEM;

    *out = NULL;
    if (sweep != NULL && lines != NULL) {
        sweep->source = malloc(bytes + 1);
    }
    if (sweep != NULL && sweep->source != NULL) {
        memcpy(lines, text, bytes);
        memcpy(sweep->source, text, bytes);
        lines[bytes] = sweep->source[bytes] = '\0';
        sweep->source_bytes = bytes;
        sweep->path = path;
        sweep->sensitivity.by_percent = 10;
        status = read_lines(&reading, lines, bytes, error);
    }
    free(lines);
    if (status == VMC_OK) {
        status = check_whole(&reading, error);
    }
    if (status == VMC_OK) {
        status = sweep_count_points(sweep, error);
    }
    if (status != VMC_OK) {
        sweep_free(sweep);
        return status;
    }
    *out = sweep;
    return VMC_OK;
}

/* Add the file @path to @text, which has room for SWEEP_SOURCE_MAX. */
static enum vmc_status read_file(char *text, const char *path,
                                 struct vmc_error *error)
{
    size_t length = strlen(text);
    FILE *file = fopen(path, "re");
    bool is_whole;

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    errno = 0;
    length += fread(text + length, 1, SWEEP_SOURCE_MAX - length, file);
    is_whole = feof(file) != 0 && ferror(file) == 0;
    (void)fclose(file);
    text[length] = '\0';
    if (!is_whole) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path,
                        errno != 0 ? strerror(errno) : "more than 1 MiB");
    }
    return strlen(text) == length
               ? VMC_OK
               : vmc_fail(error, VMC_E_FORMAT, "%s: is no text", path);
}

enum vmc_status sweep_load(struct sweep **out, const char *path,
                           const char *run, const char *sensitivity,
                           struct vmc_error *error)
{
    static const char ending[] = "\n";
    size_t more = (run != NULL ? strlen(run) : 0) +
                  (sensitivity != NULL ? strlen(sensitivity) : 0) + 64;
    char *text = calloc(1, SWEEP_SOURCE_MAX + more + 1);
    enum vmc_status status = VMC_OK;
    size_t length;

    *out = NULL;
    if (text == NULL) {
        return VMC_E_NOMEM;
    }
    if (path != NULL) {
        status = read_file(text, path, error);
    } else {
        (void)snprintf(text, more, "[sweep]\nrun = %s\n", run);
    }
    length = strlen(text);
    if (status == VMC_OK && sensitivity != NULL) {
        (void)snprintf(text + length, more, "%s[sensitivity]\n%s",
                       length > 0 && text[length - 1] != '\n' ? ending : "",
                       sensitivity);
    }
    if (status == VMC_OK) {
        status = sweep_parse(out, path != NULL ? path : "--run", text,
                             strlen(text), error);
    }
    free(text);
    if (status == VMC_OK && (*out)->sensitivity.of != NULL) {
        status = sweep_add_numbers(*out, error);
        if (status != VMC_OK) {
            sweep_free(*out);
            *out = NULL;
        }
    }
    return status;
}
