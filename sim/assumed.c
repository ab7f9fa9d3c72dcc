/* SPDX-License-Identifier: MIT */
#include "sim/assumed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event/clock.h"
#include "stats/json.h"

enum { NAME_BYTES_MAX = 128 };

const char assumed_irq[] = "clocks router pin vcpu access guest";
const char assumed_balloon[] =
    "clocks balloon_send balloon_guest balloon_host balloon_machine";
const char assumed_dispatch[] = "clocks dispatch";
const char assumed_rcu[] = "clocks rcu";

/* True when @word is one of the @list, which has a blank between them. */
static bool is_listed(const char *word, const char *list)
{
    size_t bytes = strlen(word);

    for (const char *at = list; at != NULL; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, word, bytes) == 0 &&
            (at[bytes] == ' ' || at[bytes] == '\0')) {
            return true;
        }
    }
    return false;
}

/* {profile, name, value, unit}: times in ns, or in ps below whole ns. */
static json_t *describe(const struct vmc_profile *profile,
                        const struct vmc_profile_entry *entry)
{
    bool is_whole = entry->value % VMC_TICKS_PER_NS == 0;
    json_t *number = json_object();
    char name[NAME_BYTES_MAX];

    (void)snprintf(name, sizeof(name), "%s.%s", entry->section, entry->key);
    json_object_set_new(number, "profile",
                        json_string(vmc_profile_name(profile)));
    json_object_set_new(number, "name", json_string(name));
    json_object_set_new(number, "value",
                        vmc_json_u64(entry->is_time && is_whole
                                         ? entry->value / VMC_TICKS_PER_NS
                                         : entry->value));
    json_object_set_new(number, "unit",
                        json_string(!entry->is_time ? ""
                                    : is_whole      ? "ns"
                                                    : "ps"));
    return number;
}

void assumed_note(json_t *notes, const char *who,
                  const struct vmc_profile *profile, const char *sections)
{
    json_t *note, *list;
    uint32_t count = 0;

    if (notes == NULL) {
        return;
    }
    note = json_object();
    list = json_array();
    for (uint32_t i = 0; i < vmc_profile_count(profile); i++) {
        const struct vmc_profile_entry *entry = vmc_profile_at(profile, i);

        if (is_listed(entry->section, sections)) {
            count++;
            if (entry->is_assumed) {
                json_array_append_new(list, describe(profile, entry));
            }
        }
    }
    json_object_set_new(note, "name", json_string(vmc_profile_name(profile)));
    json_object_set_new(note, "numbers", json_integer(count));
    json_object_set_new(note, "list", list);
    json_object_set_new(notes, who, note);
}

static bool holds(const json_t *list, const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach((json_t *)list, i, one)
    {
        if (json_equal(one, value)) {
            return true;
        }
    }
    return false;
}

void assumed_tell(json_t *root, const json_t *notes, bool are_all)
{
    json_t *profiles = json_array(), *assumed = json_array();
    const char *who;
    json_t *note;

    json_object_foreach((json_t *)notes, who, note)
    {
        json_t *list = json_object_get(note, "list"), *number, *profile;
        size_t i;

        if (!are_all && json_object_get(root, who) == NULL) {
            continue;
        }
        profile = json_object();
        json_object_set(profile, "name", json_object_get(note, "name"));
        json_object_set_new(profile, "for", json_string(who));
        json_object_set(profile, "numbers", json_object_get(note, "numbers"));
        json_object_set_new(profile, "assumed",
                            json_integer((json_int_t)json_array_size(list)));
        json_array_append_new(profiles, profile);
        json_array_foreach(list, i, number)
        {
            if (!holds(assumed, number)) {
                json_array_append(assumed, number);
            }
        }
    }
    if (json_array_size(profiles) > 0) {
        json_object_set(root, "profiles", profiles);
        json_object_set(root, "assumed", assumed);
    }
    json_decref(profiles);
    json_decref(assumed);
}
