/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sim/sweep/sweep_result.h"

enum { PATH_BYTES_MAX = 4096, LIST_MAX = 64 };

/* What differs between two runs that did the same. */
static bool is_of_the_host(const char *key)
{
    return strcmp(key, "wall_ms") == 0 || strcmp(key, "version") == 0;
}

static void walk(const json_t *value, const char *name,
                 sweep_number_fn *on_number, void *owner);

/* Go on with @value, which is called @key in what is called @prefix. */
static void walk_into(const json_t *value, const char *prefix, const char *key,
                      sweep_number_fn *on_number, void *owner)
{
    char name[SWEEP_NAME_BYTES_MAX];
    int bytes = snprintf(name, sizeof(name), "%s%s%s", prefix,
                         prefix[0] != '\0' ? "." : "", key);

    if (bytes < (int)sizeof(name)) {
        walk(value, name, on_number, owner);
    }
}

static void walk(const json_t *value, const char *name,
                 sweep_number_fn *on_number, void *owner)
{
    const char *key;
    json_t *inner;
    size_t i;

    if (json_is_number(value) || json_is_string(value)) {
        on_number(owner, name, value);
    }
    json_object_foreach((json_t *)value, key, inner)
    {
        if (!is_of_the_host(key) &&
            (!json_is_string(inner) || strcmp(key, "fingerprint") == 0)) {
            walk_into(inner, name, key, on_number, owner);
        }
    }
    if (json_array_size(value) > LIST_MAX) {
        return;
    }
    json_array_foreach(value, i, inner)
    {
        char place[24];

        (void)snprintf(place, sizeof(place), "%zu", i);
        if (!json_is_string(inner)) {
            walk_into(inner, name, place, on_number, owner);
        }
    }
}

void sweep_each_number(const json_t *root, sweep_number_fn *on_number,
                       void *owner)
{
    walk(root, "", on_number, owner);
}

json_t *sweep_load_result(const char *dir, uint32_t point)
{
    char path[PATH_BYTES_MAX];
    json_t *root;

    (void)snprintf(path, sizeof(path), "%s/points/%" PRIu32 ".json", dir,
                   point);
    root = json_load_file(path, 0, NULL);
    if (json_is_true(json_object_get(root, "interrupted"))) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

struct wanted {
    const char *name;
    double *value;
    bool is_found;
};

static void compare_name(void *owner, const char *name, const json_t *value)
{
    struct wanted *wanted = owner;

    if (json_is_number(value) && strcmp(name, wanted->name) == 0) {
        *wanted->value = json_number_value(value);
        wanted->is_found = true;
    }
}

bool sweep_find_number(const json_t *root, const char *name, double *value)
{
    struct wanted wanted = {.name = name, .value = value};

    walk(root, "", compare_name, &wanted);
    return wanted.is_found;
}

struct names {
    char *text;
    size_t used, room;
};

static void add_name(void *owner, const char *name, const json_t *value)
{
    struct names *names = owner;
    int bytes;

    if (names->used + strlen(name) + 3 > names->room || json_is_string(value)) {
        return;
    }
    bytes = snprintf(names->text + names->used, names->room - names->used,
                     "%s%s", names->used > 0 ? ", " : "", name);
    names->used += (size_t)bytes;
}

void sweep_list_numbers(const json_t *root, char *text, size_t room_bytes)
{
    struct names names = {.text = text, .room = room_bytes};

    text[0] = '\0';
    walk(root, "", add_name, &names);
}
