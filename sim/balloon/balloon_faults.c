/* SPDX-License-Identifier: MIT */
/*
 * Defects and their triggers by name. A defect alone is often harmless: it
 * takes an allocation that fails, a device that breaks, a guest of another
 * byte order to show. Both are lists of names.
 */
#include "sim/balloon/balloon.h"

#include <string.h>

enum { DEFECT_D_MAX = 32, DEFECT_S_MAX = 8 };

/* A number at *@text, and past it; 0 where there is none, or too large. */
static uint64_t take_number(const char **text, uint64_t most)
{
    uint64_t number = 0;

    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (number <= most) {
            number = number * 10 + (uint64_t)(**text - '0');
        }
    }
    return number <= most ? number : 0;
}

enum vmc_status balloon_defects(uint64_t *out, const char *text,
                                struct vmc_error *error)
{
    uint64_t defects = 0;

    if (strcmp(text, "all") == 0 || strcmp(text, "none") == 0) {
        *out = text[0] == 'a' ? VMC_BALLOON_AS_POSTED : 0;
        return VMC_OK;
    }
    for (const char *at = text; *at != '\0';) {
        bool is_successor = *at == 'S';
        uint64_t number;

        at += *at == 'S' || *at == 'D';
        number = take_number(&at, is_successor ? DEFECT_S_MAX : DEFECT_D_MAX);
        if (number == 0 || (*at != '\0' && *at != ',')) {
            return vmc_fail(error, VMC_E_USAGE,
                            "defects '%s': expected all, none, or D1 to D32 "
                            "and S1 to S8 with commas between",
                            text);
        }
        defects |= VMC_DEFECT(is_successor ? VMC_DEFECT_S(number) : number);
        at += *at == ',';
    }
    *out = defects;
    return VMC_OK;
}

/* Where a fault of this name is kept; a flag has no number. */
static const struct fault {
    const char *name;
    size_t offset;
    bool has_number;
} faults[] = {
    {"chunks", offsetof(struct vmc_balloon_faults, chunk_max), true},
    {"probe", offsetof(struct vmc_balloon_faults, probe_fails), true},
    {"break", offsetof(struct vmc_balloon_faults, breaks_after), true},
    {"insert", offsetof(struct vmc_balloon_faults, insert_fails), true},
    {"busy", offsetof(struct vmc_balloon_faults, busy_answers), true},
    {"add", offsetof(struct vmc_balloon_faults, fail_add_first), true},
    {"adds", offsetof(struct vmc_balloon_faults, fail_add_count), true},
    {"big-endian", offsetof(struct vmc_balloon_faults, is_big_endian), false},
    {"32bit", offsetof(struct vmc_balloon_faults, is_32bit), false},
    {"one-buffer", offsetof(struct vmc_balloon_faults, has_one_buffer), false},
    {"standard-device", offsetof(struct vmc_balloon_faults, is_standard_device),
     false},
    {"no-feature", offsetof(struct vmc_balloon_faults, lacks_feature), false},
};

static const struct fault *find_fault(const char *text, size_t length)
{
    for (uint32_t i = 0; i < VMC_COUNT_OF(faults); i++) {
        if (strlen(faults[i].name) == length &&
            memcmp(faults[i].name, text, length) == 0) {
            return &faults[i];
        }
    }
    return NULL;
}

enum vmc_status balloon_faults(struct vmc_balloon_faults *out, const char *text,
                               struct vmc_error *error)
{
    struct vmc_balloon_faults set = {0};

    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "=,");
        const struct fault *fault = find_fault(at, length);
        uint32_t number = 0;

        at += length;
        if (fault != NULL && fault->has_number && *at == '=') {
            at++;
            number = (uint32_t)take_number(&at, UINT32_MAX);
        }
        if (fault == NULL || fault->has_number != (number != 0) ||
            (*at != '\0' && *at != ',')) {
            return vmc_fail(
                error, VMC_E_USAGE,
                "faults '%s': expected add=N, adds=N, chunks=N, "
                "probe=N, break=N, insert=N, busy=N, big-endian, 32bit, "
                "one-buffer, standard-device, no-feature, with "
                "commas between",
                text);
        }
        if (fault->has_number) {
            *(uint32_t *)(void *)((char *)&set + fault->offset) = number;
        } else {
            *(bool *)(void *)((char *)&set + fault->offset) = true;
        }
        at += *at == ',';
    }
    if (set.fail_add_first != 0 && set.fail_add_count == 0) {
        set.fail_add_count = 1;
    }
    *out = set;
    return VMC_OK;
}
