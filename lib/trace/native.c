/* SPDX-License-Identifier: MIT */
/*
 * A record is its kind, a byte of flags, and differences to the record before
 * it, arguments to the last record of the same kind. Most differences are
 * small, so most records are three to eight bytes.
 */
#include <string.h>

#include "trace/native_priv.h"

void vmc_put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

void vmc_put_u64(unsigned char *at, uint64_t value)
{
    vmc_put_u32(at, (uint32_t)value);
    vmc_put_u32(at + 4, (uint32_t)(value >> 32));
}

uint32_t vmc_get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

uint64_t vmc_get_u64(const unsigned char *at)
{
    return vmc_get_u32(at) | (uint64_t)vmc_get_u32(at + 4) << 32;
}

unsigned char *vmc_varint_put(unsigned char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (unsigned char)value;
    return at;
}

const unsigned char *vmc_varint_get(const unsigned char *at,
                                    const unsigned char *end, uint64_t *value)
{
    uint64_t number = 0;

    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char byte = *at++;

        if (shift == 63 && byte > 1) {
            return NULL;
        }
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = number;
            return at;
        }
    }
    return NULL;
}

/* Small numbers of either sign become small numbers. */
static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

unsigned char *vmc_native_encode(unsigned char *at,
                                 struct vmc_native_last *last,
                                 const struct vmc_record *record)
{
    uint32_t arg_count =
        vmc_record_arg_count((enum vmc_record_kind)record->kind);
    uint64_t *args = last->args[record->kind];
    unsigned flags = 0;

    flags |= record->thread == last->thread ? VMC_NATIVE_SAME_THREAD : 0;
    flags |= record->line == last->line + 1 ? VMC_NATIVE_NEXT_LINE : 0;
    flags |= record->cpu == last->cpu && record->flags == last->flags
                 ? VMC_NATIVE_SAME_CONTEXT
                 : 0;
    flags |= record->time_ns == last->time_ns ? VMC_NATIVE_SAME_TIME : 0;
    *at++ = (unsigned char)record->kind;
    *at++ = (unsigned char)flags;
    if ((flags & VMC_NATIVE_SAME_THREAD) == 0) {
        at = vmc_varint_put(at, record->thread);
    }
    if ((flags & VMC_NATIVE_NEXT_LINE) == 0) {
        at = vmc_varint_put(at, zigzag(record->line - last->line));
    }
    if ((flags & VMC_NATIVE_SAME_CONTEXT) == 0) {
        *at++ = record->cpu;
        *at++ = record->flags;
    }
    if ((flags & VMC_NATIVE_SAME_TIME) == 0) {
        at = vmc_varint_put(at, record->time_ns - last->time_ns);
    }
    for (uint32_t i = 0; i < arg_count; i++) {
        at = vmc_varint_put(at, zigzag(record->args[i] - args[i]));
        args[i] = record->args[i];
    }
    last->thread = record->thread;
    last->line = record->line;
    last->cpu = record->cpu;
    last->flags = record->flags;
    last->time_ns = record->time_ns;
    return at;
}

/* The short form of vmc_varint_get() for the byte that most numbers are. */
static inline const unsigned char *
get(const unsigned char *at, const unsigned char *end, uint64_t *value)
{
    if (at < end && *at < 0x80) {
        *value = *at;
        return at + 1;
    }
    return vmc_varint_get(at, end, value);
}

const unsigned char *vmc_native_decode(const unsigned char *at,
                                       const unsigned char *end,
                                       struct vmc_native_last *last,
                                       struct vmc_record *record)
{
    uint32_t kind, arg_count;
    uint64_t value, *args;
    unsigned flags;

    if (end - at < 2 || at[0] >= VMC_REC_KIND_COUNT || at[0] == VMC_REC_NONE ||
        at[1] > 15) {
        return NULL;
    }
    kind = at[0];
    flags = at[1];
    at += 2;
    if ((flags & VMC_NATIVE_SAME_THREAD) == 0) {
        at = get(at, end, &value);
        if (at == NULL || value > UINT32_MAX) {
            return NULL;
        }
        last->thread = (uint32_t)value;
    }
    if ((flags & VMC_NATIVE_NEXT_LINE) != 0) {
        last->line++;
    } else {
        at = get(at, end, &value);
        if (at == NULL) {
            return NULL;
        }
        last->line += unzigzag(value);
    }
    if ((flags & VMC_NATIVE_SAME_CONTEXT) == 0) {
        if (end - at < 2) {
            return NULL;
        }
        last->cpu = *at++;
        last->flags = *at++;
    }
    if ((flags & VMC_NATIVE_SAME_TIME) == 0) {
        at = get(at, end, &value);
        if (at == NULL ||
            __builtin_add_overflow(last->time_ns, value, &last->time_ns)) {
            return NULL;
        }
    }
    record->time_ns = last->time_ns;
    record->line = last->line;
    record->thread = last->thread;
    record->kind = (uint16_t)kind;
    record->cpu = last->cpu;
    record->flags = last->flags;
    args = last->args[kind];
    arg_count = vmc_record_arg_count((enum vmc_record_kind)kind);
    for (uint32_t i = 0; i < arg_count; i++) {
        at = get(at, end, &value);
        if (at == NULL) {
            return NULL;
        }
        args[i] += unzigzag(value);
    }
    memcpy(record->args, args, sizeof(record->args));
    return at;
}
