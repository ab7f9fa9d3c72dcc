/* SPDX-License-Identifier: MIT */
/*
 * inih reads the INI syntax but throws comments away, and for us the comment
 * that ends a line is data: the source of the number. So the lines go through
 * a reader of our own, which keeps the comment of the line that inih is about
 * to hand to on_value() and counts lines for messages.
 *
 * Numbers may have a decimal fraction as long as the result is a whole number
 * of ticks; nothing is rounded.
 */
#include "profile/profile.h"

#include <ini.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/quantity.h"

enum { LINE_BYTES_MAX = 1024, ENTRIES_MAX = 4096, PATH_BYTES_MAX = 1024 };

static const char clocks_section[] = "clocks";
static const char clock_key[] = "clock";

struct vmc_profile {
    char *name;
    struct vmc_profile_entry *entries;
    uint32_t entry_count;
    char **sections;           /* names of sections that choose a clock ... */
    uint64_t *section_periods; /* ... its period in ticks ... */
    uint32_t *section_clocks;  /* ... and its place among the entries */
    uint32_t section_count;
};

/* What is known while a file is being read. */
struct parse {
    struct vmc_profile *profile;
    FILE *file;
    const char *path;
    char line[LINE_BYTES_MAX];
    const char *comment; /* of the current line, inside line; or NULL */
    uint32_t line_number;
    uint32_t failed_line; /* where status was set by on_value() */
    enum vmc_status status;
    struct vmc_error *error;
};

static char *copy_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);

    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

static void cut_blanks_at_end(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        text[--length] = '\0';
    }
}

/* Feed inih one line without its comment, which it is to see as nothing. */
static char *read_line(char *out, int out_bytes, void *stream)
{
    struct parse *parse = stream;
    char *comment;

    if (parse->status != VMC_OK ||
        fgets(parse->line, sizeof(parse->line), parse->file) == NULL) {
        return NULL;
    }
    parse->line_number++;
    if (strchr(parse->line, '\n') == NULL && !feof(parse->file)) {
        parse->status = vmc_fail(
            parse->error, VMC_E_FORMAT, "%s:%" PRIu32 ": longer than %d bytes",
            parse->path, parse->line_number, LINE_BYTES_MAX - 2);
        return NULL;
    }
    parse->comment = NULL;
    comment = strpbrk(parse->line, ";#");
    if (comment != NULL) {
        *comment++ = '\0';
        comment += strspn(comment, " \t");
        cut_blanks_at_end(comment);
        parse->comment = *comment != '\0' ? comment : NULL;
    }
    cut_blanks_at_end(parse->line);
    if (strlen(parse->line) + 2 > (size_t)out_bytes) {
        parse->status =
            vmc_fail(parse->error, VMC_E_FORMAT,
                     "%s:%" PRIu32 ": more than %d bytes before "
                     "the comment",
                     parse->path, parse->line_number, out_bytes - 2);
        return NULL;
    }
    (void)snprintf(out, (size_t)out_bytes, "%s\n", parse->line);
    return out;
}

static const struct vmc_profile_entry *
find_entry(const struct vmc_profile *profile, const char *section,
           const char *key)
{
    for (uint32_t i = 0; i < profile->entry_count; i++) {
        const struct vmc_profile_entry *entry = &profile->entries[i];

        if (strcmp(entry->section, section) == 0 &&
            strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* The period of the clock that @section counts in, or 0 when it has none. */
static uint64_t period_of(const struct vmc_profile *profile,
                          const char *section)
{
    for (uint32_t i = 0; i < profile->section_count; i++) {
        if (strcmp(profile->sections[i], section) == 0) {
            return profile->section_periods[i];
        }
    }
    return 0;
}

static enum vmc_status choose_clock(struct parse *parse, const char *section,
                                    const char *clock)
{
    struct vmc_profile *profile = parse->profile;
    const struct vmc_profile_entry *period =
        find_entry(profile, clocks_section, clock);

    if (period == NULL || !period->is_time || period->value == 0) {
        return vmc_fail(parse->error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": section [%s] has no clock '%s' with "
                        "a period above this line",
                        parse->path, parse->line_number, clocks_section, clock);
    }
    if (period_of(profile, section) != 0 ||
        profile->section_count == ENTRIES_MAX) {
        return vmc_fail(parse->error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": section [%s] has a clock already",
                        parse->path, parse->line_number, section);
    }
    profile->sections[profile->section_count] = copy_text(section);
    if (profile->sections[profile->section_count] == NULL) {
        return VMC_E_NOMEM;
    }
    profile->section_clocks[profile->section_count] =
        (uint32_t)(period - profile->entries);
    profile->section_periods[profile->section_count++] = period->value;
    return VMC_OK;
}

static bool is_assumption(const char *source)
{
    static const char word[] = "assumed";

    return strncmp(source, word, sizeof(word) - 1) == 0;
}

/* Whether the number @text, which can be read, counts cycles of a clock. */
static bool is_in_cycles(const char *text)
{
    return strstr(text, "cycle") != NULL;
}

static enum vmc_status add_entry(struct parse *parse, const char *section,
                                 const char *key, const char *text)
{
    struct vmc_profile *profile = parse->profile;
    struct vmc_profile_entry *entry = &profile->entries[profile->entry_count];
    struct vmc_quantity quantity;
    struct vmc_error why;

    if (parse->comment == NULL) {
        return vmc_fail(parse->error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": %s.%s has no source; end the line "
                        "with '; SOURCE' or '; assumed'",
                        parse->path, parse->line_number, section, key);
    }
    if (find_entry(profile, section, key) != NULL ||
        profile->entry_count == ENTRIES_MAX) {
        return vmc_fail(parse->error, VMC_E_FORMAT,
                        "%s:%" PRIu32 ": %s.%s is there already", parse->path,
                        parse->line_number, section, key);
    }
    if (vmc_quantity_parse(&quantity, text, period_of(profile, section),
                           &why) != VMC_OK) {
        return vmc_fail(parse->error, VMC_E_FORMAT, "%s:%" PRIu32 ": %s.%s: %s",
                        parse->path, parse->line_number, section, key,
                        why.text);
    }
    entry->section = copy_text(section);
    entry->key = copy_text(key);
    entry->source = copy_text(parse->comment);
    entry->value = quantity.value;
    entry->is_time = quantity.is_time;
    entry->is_cycles = is_in_cycles(text);
    entry->line = parse->line_number;
    profile->entry_count++;
    if (entry->section == NULL || entry->key == NULL || entry->source == NULL) {
        return VMC_E_NOMEM;
    }
    entry->is_assumed = is_assumption(entry->source);
    return VMC_OK;
}

/* inih calls this for each "key = value"; 0 tells it that something is wrong.
 */
static int on_value(void *user, const char *section, const char *key,
                    const char *value)
{
    struct parse *parse = user;

    if (parse->status != VMC_OK) {
        return 0;
    }
    if (section[0] == '\0') {
        parse->status = vmc_fail(parse->error, VMC_E_FORMAT,
                                 "%s:%" PRIu32 ": '%s' stands before the "
                                 "first [section]",
                                 parse->path, parse->line_number, key);
    } else if (strcmp(key, clock_key) == 0) {
        parse->status = choose_clock(parse, section, value);
    } else {
        parse->status = add_entry(parse, section, key, value);
    }
    if (parse->status != VMC_OK) {
        parse->failed_line = parse->line_number;
    }
    return parse->status == VMC_OK;
}

/* The name of a profile is its file's, without folder and ending. */
static char *name_of(const char *path)
{
    static const char ending[] = ".ini";
    const char *slash = strrchr(path, '/');
    char *name = copy_text(slash != NULL ? slash + 1 : path);
    size_t length = name != NULL ? strlen(name) : 0;

    if (length > sizeof(ending) - 1 &&
        strcmp(name + length - (sizeof(ending) - 1), ending) == 0) {
        name[length - (sizeof(ending) - 1)] = '\0';
    }
    return name;
}

/* Write the path where @name is first found to @path, or the plain one. */
static FILE *open_named(char *path, const char *name)
{
    const char *folders[] = {getenv("VMCYCLE_PROFILES"), "profiles",
                             VMCYCLE_DATADIR "/profiles"};
    size_t length = strlen(name);

    if (strchr(name, '/') != NULL ||
        (length > 4 && strcmp(name + length - 4, ".ini") == 0)) {
        (void)snprintf(path, PATH_BYTES_MAX, "%s", name);
        return fopen(path, "re");
    }
    for (size_t i = 0; i < VMC_COUNT_OF(folders); i++) {
        FILE *file;

        if (folders[i] == NULL) {
            continue;
        }
        (void)snprintf(path, PATH_BYTES_MAX, "%s/%s.ini", folders[i], name);
        file = fopen(path, "re");
        if (file != NULL) {
            return file;
        }
    }
    (void)snprintf(path, PATH_BYTES_MAX, "%s", name);
    errno = ENOENT;
    return NULL;
}

static struct vmc_profile *new_profile(const char *path)
{
    struct vmc_profile *profile = calloc(1, sizeof(*profile));

    if (profile == NULL) {
        return NULL;
    }
    profile->name = name_of(path);
    profile->entries = calloc(ENTRIES_MAX, sizeof(*profile->entries));
    profile->sections = calloc(ENTRIES_MAX, sizeof(*profile->sections));
    profile->section_periods =
        calloc(ENTRIES_MAX, sizeof(*profile->section_periods));
    profile->section_clocks =
        calloc(ENTRIES_MAX, sizeof(*profile->section_clocks));
    if (profile->name == NULL || profile->entries == NULL ||
        profile->sections == NULL || profile->section_periods == NULL ||
        profile->section_clocks == NULL) {
        vmc_profile_free(profile);
        return NULL;
    }
    return profile;
}

enum vmc_status vmc_profile_load(struct vmc_profile **out, const char *name,
                                 struct vmc_error *error)
{
    char path[PATH_BYTES_MAX];
    struct parse parse = {.path = path, .error = error};
    int bad_line;

    *out = NULL;
    parse.file = open_named(path, name);
    if (parse.file == NULL) {
        return vmc_fail(error, VMC_E_IO, "profile '%s': %s", name,
                        strerror(errno));
    }
    parse.profile = new_profile(path);
    if (parse.profile == NULL) {
        (void)fclose(parse.file);
        return VMC_E_NOMEM;
    }
    bad_line = ini_parse_stream(read_line, &parse, on_value, &parse);
    if (parse.status == VMC_OK && ferror(parse.file) != 0) {
        parse.status =
            vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    } else if (bad_line > 0 && (parse.status == VMC_OK ||
                                (uint32_t)bad_line < parse.failed_line)) {
        /* inih goes on after a line that it cannot read, and what follows may
         * then look wrong to on_value(); the first bad line is the one. */
        parse.status = vmc_fail(error, VMC_E_FORMAT,
                                "%s:%d: expected [section] or key = value",
                                path, bad_line);
    }
    (void)fclose(parse.file);
    if (parse.status != VMC_OK) {
        vmc_profile_free(parse.profile);
        return parse.status;
    }
    *out = parse.profile;
    return VMC_OK;
}

void vmc_profile_free(struct vmc_profile *profile)
{
    if (profile == NULL) {
        return;
    }
    for (uint32_t i = 0; i < profile->entry_count; i++) {
        free((char *)profile->entries[i].section);
        free((char *)profile->entries[i].key);
        free((char *)profile->entries[i].source);
    }
    for (uint32_t i = 0; i < profile->section_count; i++) {
        free(profile->sections[i]);
    }
    free(profile->name);
    free(profile->entries);
    free(profile->sections);
    free(profile->section_periods);
    free(profile->section_clocks);
    free(profile);
}

const char *vmc_profile_name(const struct vmc_profile *profile)
{
    return profile->name;
}

uint32_t vmc_profile_count(const struct vmc_profile *profile)
{
    return profile->entry_count;
}

const struct vmc_profile_entry *
vmc_profile_at(const struct vmc_profile *profile, uint32_t index)
{
    assert(index < profile->entry_count);
    return &profile->entries[index];
}

bool vmc_profile_has(const struct vmc_profile *profile, const char *section)
{
    for (uint32_t i = 0; i < profile->entry_count; i++) {
        if (strcmp(profile->entries[i].section, section) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_listed(const struct vmc_profile_key *keys, uint32_t key_count,
                      const char *key)
{
    for (uint32_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

enum vmc_status vmc_profile_read(const struct vmc_profile *profile,
                                 const char *section,
                                 const struct vmc_profile_key *keys,
                                 uint32_t key_count, void *out,
                                 struct vmc_error *error)
{
    for (uint32_t i = 0; i < profile->entry_count; i++) {
        const struct vmc_profile_entry *entry = &profile->entries[i];

        if (strcmp(entry->section, section) == 0 &&
            !is_listed(keys, key_count, entry->key)) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "profile %s, line %" PRIu32
                            ": section [%s] has no key '%s'",
                            profile->name, entry->line, section, entry->key);
        }
    }
    for (uint32_t i = 0; i < key_count; i++) {
        const struct vmc_profile_entry *entry =
            find_entry(profile, section, keys[i].key);

        if (entry == NULL) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "profile %s: section [%s] lacks the key '%s'",
                            profile->name, section, keys[i].key);
        }
        if (entry->is_time != keys[i].is_time) {
            return vmc_fail(error, VMC_E_FORMAT,
                            "profile %s, line %" PRIu32 ": %s.%s needs %s",
                            profile->name, entry->line, section, entry->key,
                            keys[i].is_time ? "a unit of time or cycles"
                                            : "a plain number");
        }
        memcpy((char *)out + keys[i].offset_bytes, &entry->value,
               sizeof(entry->value));
    }
    return VMC_OK;
}

static bool is_clock(const struct vmc_profile *profile, uint32_t index)
{
    for (uint32_t s = 0; s < profile->section_count; s++) {
        if (profile->section_clocks[s] == index) {
            return true;
        }
    }
    return false;
}

/* What section @section gives in cycles is as many cycles of its clock, which
 * has changed. */
static void change_section(struct vmc_profile *profile, uint32_t section)
{
    uint64_t old = profile->section_periods[section];
    uint64_t period = profile->entries[profile->section_clocks[section]].value;

    profile->section_periods[section] = period;
    for (uint32_t i = 0; i < profile->entry_count; i++) {
        struct vmc_profile_entry *entry = &profile->entries[i];

        if (entry->is_cycles &&
            strcmp(entry->section, profile->sections[section]) == 0) {
            vmc_u128 ticks = ((vmc_u128)entry->value * period + old / 2) / old;

            entry->value = ticks < UINT64_MAX ? (uint64_t)ticks : UINT64_MAX;
        }
    }
}

enum vmc_status vmc_profile_set(struct vmc_profile *profile,
                                const char *assignment, struct vmc_error *error)
{
    const char *equals = strchr(assignment, '=');

    for (uint32_t i = 0; equals != NULL && i < profile->entry_count; i++) {
        struct vmc_profile_entry *entry = &profile->entries[i];
        size_t section_bytes = strlen(entry->section);
        struct vmc_quantity quantity;
        struct vmc_error why;
        char *source;

        if (strncmp(assignment, entry->section, section_bytes) != 0 ||
            assignment[section_bytes] != '.' ||
            strlen(entry->key) !=
                (size_t)(equals - assignment) - section_bytes - 1 ||
            strncmp(assignment + section_bytes + 1, entry->key,
                    strlen(entry->key)) != 0) {
            continue;
        }
        if (vmc_quantity_parse(&quantity, equals + 1,
                               period_of(profile, entry->section),
                               &why) != VMC_OK) {
            return vmc_fail(error, VMC_E_FORMAT, "'%s': %s", assignment,
                            why.text);
        }
        if (quantity.is_time != entry->is_time) {
            return vmc_fail(error, VMC_E_FORMAT, "'%s': %s.%s needs %s",
                            assignment, entry->section, entry->key,
                            entry->is_time ? "a unit of time or cycles"
                                           : "a plain number");
        }
        if (quantity.value == 0 && is_clock(profile, i)) {
            return vmc_fail(error, VMC_E_RANGE, "'%s': a clock has a period",
                            assignment);
        }
        source = copy_text("set by hand");
        if (source == NULL) {
            return VMC_E_NOMEM;
        }
        free((char *)entry->source);
        entry->source = source;
        entry->is_assumed = false;
        entry->is_cycles = is_in_cycles(equals + 1);
        entry->value = quantity.value;
        for (uint32_t s = 0; s < profile->section_count; s++) {
            if (profile->section_clocks[s] == i) {
                change_section(profile, s);
            }
        }
        return VMC_OK;
    }
    return vmc_fail(error, VMC_E_USAGE,
                    "'%s': expected SECTION.KEY=VALUE with a key of profile "
                    "%s",
                    assignment, profile->name);
}

enum vmc_status vmc_profile_load_changed(struct vmc_profile **out,
                                         const char *name,
                                         const char *const *changes,
                                         uint32_t change_count,
                                         struct vmc_error *error)
{
    enum vmc_status status = vmc_profile_load(out, name, error);

    for (uint32_t i = 0; *out != NULL && i < change_count && status == VMC_OK;
         i++) {
        status = vmc_profile_set(*out, changes[i], error);
    }
    if (status != VMC_OK) {
        vmc_profile_free(*out);
        *out = NULL;
    }
    return status;
}
