/* SPDX-License-Identifier: MIT */
/*
 * The numbers of a profile as the key that varies fastest: "-", which is the
 * run as it is, then a lowered and a raised value of every number.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "sim/sweep/sweep_priv.h"

enum { ASSIGNMENT_BYTES_MAX = 320 };

/* Options of the commands that name a profile. */
static const char *const profile_options[] = {"--machine", "--profile", "-p"};

/* The profile that the run names, or NULL. The last word counts. */
static const char *named_profile(const struct sweep *sweep)
{
    const char *name = NULL;

    for (uint32_t i = 1; i < sweep->word_count; i++) {
        for (size_t o = 0; o < VMC_COUNT_OF(profile_options); o++) {
            const char *option = profile_options[o];
            size_t bytes = strlen(option);

            if (strncmp(sweep->words[i], option, bytes) != 0) {
                continue;
            }
            if (sweep->words[i][bytes] == '=') {
                name = sweep->words[i] + bytes + 1;
            } else if (sweep->words[i][bytes] == '\0' &&
                       i + 1 < sweep->word_count) {
                name = sweep->words[i + 1];
            }
        }
    }
    return name;
}

static enum vmc_status choose_profile(struct sweep *sweep,
                                      struct vmc_error *error)
{
    struct sweep_sensitivity *sensitivity = &sweep->sensitivity;

    for (uint32_t i = 0; i < sweep->key_count; i++) {
        for (size_t o = 0; o < VMC_COUNT_OF(profile_options); o++) {
            if (strcmp(sweep->keys[i].name,
                       profile_options[o] + strspn(profile_options[o], "-")) ==
                0) {
                return vmc_fail(error, VMC_E_USAGE,
                                "%s: [sensitivity] is about the numbers of one "
                                "profile, and [vary] has %s",
                                sweep->path, sweep->keys[i].name);
            }
        }
    }
    if (sensitivity->profile == NULL) {
        sensitivity->profile = named_profile(sweep);
    }
    return sensitivity->profile != NULL
               ? VMC_OK
               : vmc_fail(error, VMC_E_USAGE,
                          "%s: expected --machine or --profile in run, or "
                          "profile = NAME in [sensitivity]",
                          sweep->path);
}

/* @value times @percent / 100, to the nearest. */
static uint64_t share_of(uint64_t value, uint32_t percent)
{
    return (uint64_t)(((vmc_u128)value * percent + 50) / 100);
}

static enum vmc_status add_assignment(struct sweep *sweep,
                                      struct sweep_key *key,
                                      const struct sweep_number *number,
                                      uint64_t value, struct vmc_error *error)
{
    char text[ASSIGNMENT_BYTES_MAX];
    int bytes = snprintf(text, sizeof(text), "%s=%" PRIu64 "%s", number->name,
                         value, number->is_time ? " ps" : "");
    const char *kept = bytes < (int)sizeof(text)
                           ? sweep_keep(sweep, text, (size_t)bytes)
                           : NULL;

    if (kept == NULL || key->value_count == SWEEP_VALUES_MAX) {
        return vmc_fail(error, VMC_E_RANGE,
                        "%s: more than %d numbers, or too long a name",
                        sweep->path, SWEEP_NUMBERS_MAX);
    }
    key->values[key->value_count++] = kept;
    return VMC_OK;
}

static enum vmc_status add_number(struct sweep *sweep, struct sweep_key *key,
                                  const struct vmc_profile_entry *entry,
                                  const char *name, struct vmc_error *error)
{
    struct sweep_sensitivity *sensitivity = &sweep->sensitivity;
    struct sweep_number number = {
        .name = sweep_keep(sweep, name, strlen(name)),
        .value = entry->value,
        .low = share_of(entry->value, 100 - sensitivity->by_percent),
        .high = share_of(entry->value, 100 + sensitivity->by_percent),
        .is_time = entry->is_time,
        .is_assumed = entry->is_assumed,
    };
    enum vmc_status status;

    if (number.low == number.value || number.high == number.value) {
        sensitivity->unvaried_count++;
        return VMC_OK;
    }
    if (number.name == NULL || sensitivity->number_count == SWEEP_NUMBERS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "%s: more than %d numbers",
                        sweep->path, SWEEP_NUMBERS_MAX);
    }
    sensitivity->numbers[sensitivity->number_count++] = number;
    status = add_assignment(sweep, key, &number, number.low, error);
    return status == VMC_OK
               ? add_assignment(sweep, key, &number, number.high, error)
               : status;
}

static enum vmc_status add_entries(struct sweep *sweep, struct sweep_key *key,
                                   const struct vmc_profile *profile,
                                   struct vmc_error *error)
{
    const struct sweep_sensitivity *sensitivity = &sweep->sensitivity;
    enum vmc_status status = VMC_OK;

    for (uint32_t i = 0; i < vmc_profile_count(profile) && status == VMC_OK;
         i++) {
        const struct vmc_profile_entry *entry = vmc_profile_at(profile, i);
        char name[ASSIGNMENT_BYTES_MAX];

        (void)snprintf(name, sizeof(name), "%s.%s", entry->section, entry->key);
        if ((entry->is_assumed || sensitivity->has_sourced) &&
            (sensitivity->only == NULL ||
             fnmatch(sensitivity->only, name, 0) == 0)) {
            status = add_number(sweep, key, entry, name, error);
        }
    }
    return status;
}

enum vmc_status sweep_add_numbers(struct sweep *sweep, struct vmc_error *error)
{
    struct sweep_sensitivity *sensitivity = &sweep->sensitivity;
    struct sweep_key *key = &sweep->keys[sweep->key_count];
    struct vmc_profile *profile = NULL;
    enum vmc_status status = choose_profile(sweep, error);

    if (status == VMC_OK) {
        status = vmc_profile_load(&profile, sensitivity->profile, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    *key = (struct sweep_key){.name = "number",
                              .word = "number",
                              .kind = SWEEP_NUMBER,
                              .value_count = 1,
                              .values = {"-"}};
    sensitivity->numbers =
        calloc(SWEEP_NUMBERS_MAX, sizeof(struct sweep_number));
    status = sensitivity->numbers != NULL
                 ? add_entries(sweep, key, profile, error)
                 : VMC_E_NOMEM;
    vmc_profile_free(profile);
    if (status == VMC_OK && sensitivity->number_count == 0) {
        status = vmc_fail(
            error, VMC_E_USAGE,
            "%s: no %snumber of profile %s%s%s can be varied", sweep->path,
            sensitivity->has_sourced ? "" : "assumed ", sensitivity->profile,
            sensitivity->only != NULL ? " that matches " : "",
            sensitivity->only != NULL ? sensitivity->only : "");
    }
    if (status != VMC_OK) {
        return status;
    }
    sweep->key_count++;
    return sweep_count_points(sweep, error);
}
