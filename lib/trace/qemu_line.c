/* SPDX-License-Identifier: MIT */
/* The patterns that lines are read by are those they are printed by. */
#include "trace/qemu_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "trace/events_priv.h"
#include "trace/pattern_priv.h"

enum { NS_PER_US = 1000, US_PER_S = 1000000 };

bool vmc_record_is_qemu(enum vmc_record_kind kind)
{
    return (kind > VMC_REC_NONE && kind < VMC_REC_KVM_ENTRY) ||
           (kind >= VMC_REC_BALLOON_EVENT && kind <= VMC_REC_MEM_RESIZED);
}

size_t vmc_qemu_line(char line[VMC_QEMU_LINE_BYTES_MAX],
                     const struct vmc_record *record,
                     const char *(*text)(const void *owner, uint64_t number),
                     const void *owner)
{
    const struct vmc_text_source texts = {text, owner};
    const struct vmc_event *event = vmc_event_of(record->kind);
    uint64_t us = record->time_ns / NS_PER_US;
    const size_t room = VMC_QEMU_LINE_BYTES_MAX - 1; /* for the line end */
    size_t bytes;

    assert(vmc_record_is_qemu(record->kind) && event != NULL);
    bytes = (size_t)snprintf(
        line, room, "%" PRIu32 "@%" PRIu64 ".%06" PRIu64 ":%s ", record->thread,
        us / US_PER_S, us % US_PER_S, event->name);
    bytes += vmc_pattern_print(line + bytes, room - bytes, event->pattern,
                               record, &texts);
    if (bytes >= room) { /* texts have a limit, so it is only for readers */
        bytes = room - 1;
    }
    line[bytes++] = '\n';
    line[bytes] = '\0';
    return bytes;
}
