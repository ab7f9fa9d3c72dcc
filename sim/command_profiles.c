/* SPDX-License-Identifier: MIT */
/* vmcycle profiles: which timing profiles there are, and where their numbers
 * come from. */
#include <argp.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "profile/profile.h"
#include "sim/command.h"
#include "sim/options.h"
#include "stats/json.h"

struct options {
    const char *name, *json_path;
};

static const struct argp_option option_table[] = {
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'j':
        options->json_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        option_take_one(state, &options->name, argument, "profile");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "[PROFILE]",
    "List the timing profiles, or the numbers of one with their sources.",
    0,
    0,
    0};

static uint32_t assumed_count(const struct vmc_profile *profile)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < vmc_profile_count(profile); i++) {
        count += vmc_profile_at(profile, i)->is_assumed;
    }
    return count;
}

static void print_value(FILE *to, const struct vmc_profile_entry *entry)
{
    if (entry->is_time) {
        (void)fprintf(to, "%" PRIu64 ".%03" PRIu64 " ns", entry->value / 1000,
                      entry->value % 1000);
    } else {
        (void)fprintf(to, "%" PRIu64, entry->value);
    }
}

static json_t *describe(const struct vmc_profile *profile, FILE *table)
{
    json_t *entries = json_array();

    for (uint32_t i = 0; i < vmc_profile_count(profile); i++) {
        const struct vmc_profile_entry *entry = vmc_profile_at(profile, i);
        json_t *object = json_object();

        (void)fprintf(table, "%s.%-24s ", entry->section, entry->key);
        print_value(table, entry);
        (void)fprintf(table, "  ; %s\n", entry->source);
        json_object_set_new(object, "section", json_string(entry->section));
        json_object_set_new(object, "key", json_string(entry->key));
        json_object_set_new(object, entry->is_time ? "ps" : "value",
                            vmc_json_u64(entry->value));
        json_object_set_new(object, "assumed", json_boolean(entry->is_assumed));
        json_object_set_new(object, "source", json_string(entry->source));
        json_array_append_new(entries, object);
    }
    return entries;
}

/* Add the profile @name to @list, and a line to @table. */
static enum vmc_status add_profile(json_t *list, FILE *table, const char *name,
                                   bool is_whole, struct vmc_error *error)
{
    struct vmc_profile *profile;
    enum vmc_status status = vmc_profile_load(&profile, name, error);
    json_t *object;

    if (status != VMC_OK) {
        return status;
    }
    (void)fprintf(table, "%-16s %4" PRIu32 " numbers, %3" PRIu32 " assumed\n",
                  vmc_profile_name(profile), vmc_profile_count(profile),
                  assumed_count(profile));
    object = json_object();
    json_object_set_new(object, "name", json_string(vmc_profile_name(profile)));
    json_object_set_new(object, "numbers",
                        json_integer(vmc_profile_count(profile)));
    json_object_set_new(object, "assumed",
                        json_integer(assumed_count(profile)));
    if (is_whole) {
        json_object_set_new(object, "entries", describe(profile, table));
    }
    json_array_append_new(list, object);
    vmc_profile_free(profile);
    return VMC_OK;
}

/* All profiles of the first folder that has some, in the order of names. */
static enum vmc_status add_all(json_t *list, FILE *table,
                               struct vmc_error *error)
{
    const char *folders[] = {getenv("VMCYCLE_PROFILES"), "profiles",
                             VMCYCLE_DATADIR "/profiles"};
    enum vmc_status status = VMC_OK;

    for (size_t i = 0; i < VMC_COUNT_OF(folders); i++) {
        char pattern[1024];
        glob_t found;

        if (folders[i] == NULL) {
            continue;
        }
        (void)snprintf(pattern, sizeof(pattern), "%s/*.ini", folders[i]);
        if (glob(pattern, 0, NULL, &found) != 0) {
            continue;
        }
        for (size_t n = 0; n < found.gl_pathc && status == VMC_OK; n++) {
            status = add_profile(list, table, found.gl_pathv[n], false, error);
        }
        globfree(&found);
        return status;
    }
    return vmc_fail(error, VMC_E_IO,
                    "no profiles in $VMCYCLE_PROFILES, profiles/ or %s",
                    VMCYCLE_DATADIR "/profiles");
}

int command_profiles(int argc, char **argv)
{
    struct options options = {NULL, NULL};
    struct vmc_error error = {""};
    enum vmc_status status;
    json_t *root, *list;
    FILE *table;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    table = command_table(options.json_path);
    root = json_object();
    list = json_array();
    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "profiles", list);
    status = options.name != NULL
                 ? add_profile(list, table, options.name, true, &error)
                 : add_all(list, table, &error);
    if (status == VMC_OK && options.json_path != NULL) {
        status = vmc_json_write(root, options.json_path, &error);
    }
    json_decref(root);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}
