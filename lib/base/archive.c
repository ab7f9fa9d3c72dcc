/* SPDX-License-Identifier: MIT */
/*
 * The bytes are a sequence of parts, all alike:
 *
 *     length of the name (8 bits), the name, length of the content (64 bits),
 *     the content
 *
 * A section is a part whose content is parts. While it is being saved its
 * length is 0; its end goes back and writes it. Lengths are little-endian, so
 * that a tool can walk through an archive wherever it was made; contents are
 * whatever the memory held.
 */
#include "base/archive.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, ROOM_BYTES_MIN = 1 << 16, BITS_PER_BYTE = 8 };

struct vmc_archive {
    bool is_loading;
    enum vmc_status status;
    struct vmc_error error;
    /* Saving: what there is so far. */
    unsigned char *saved;
    size_t room_bytes;
    /* Loading: borrowed. */
    const unsigned char *data;
    size_t size_bytes; /* of either */
    size_t at_bytes;   /* how much has been loaded */
    /* Open sections, the outermost first. For a save the mark is behind
     * the length, for a load where the section ends. */
    struct {
        char name[VMC_ARCHIVE_NAME_BYTES_MAX];
        size_t mark_bytes;
    } sections[VMC_ARCHIVE_DEPTH_MAX];
    uint32_t depth;
};

/* ---- Life --------------------------------------------------------------- */

enum vmc_status vmc_archive_new(struct vmc_archive **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? VMC_OK : VMC_E_NOMEM;
}

enum vmc_status vmc_archive_open(struct vmc_archive **out, const void *data,
                                 size_t size_bytes)
{
    enum vmc_status status = vmc_archive_new(out);

    if (status == VMC_OK) {
        (*out)->is_loading = true;
        (*out)->data = data;
        (*out)->size_bytes = size_bytes;
    }
    return status;
}

void vmc_archive_free(struct vmc_archive *archive)
{
    if (archive != NULL) {
        free(archive->saved);
        free(archive);
    }
}

bool vmc_archive_is_loading(const struct vmc_archive *archive)
{
    return archive->is_loading;
}

/* ---- Failure ------------------------------------------------------------ */

void vmc_archive_fail(struct vmc_archive *archive, enum vmc_status status,
                      const char *format, ...)
{
    char reason[VMC_ERROR_BYTES_MAX], path[VMC_ERROR_BYTES_MAX] = "";
    va_list arguments;

    if (archive->status != VMC_OK) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    for (uint32_t i = 0; i < archive->depth; i++) {
        size_t used = strlen(path);

        (void)snprintf(path + used, sizeof(path) - used, "%s%s",
                       i > 0 ? "/" : "", archive->sections[i].name);
    }
    archive->status = vmc_fail(&archive->error, status, "%s%s%s", path,
                               archive->depth > 0 ? ": " : "", reason);
}

bool vmc_archive_is_good(const struct vmc_archive *archive)
{
    return archive->status == VMC_OK;
}

enum vmc_status vmc_archive_status(const struct vmc_archive *archive,
                                   struct vmc_error *error)
{
    if (archive->status != VMC_OK) {
        return vmc_fail(error, archive->status, "%s", archive->error.text);
    }
    if (archive->is_loading && archive->depth == 0 &&
        archive->at_bytes != archive->size_bytes) {
        return vmc_fail(error, VMC_E_FORMAT, "%zu bytes are left over",
                        archive->size_bytes - archive->at_bytes);
    }
    return VMC_OK;
}

const void *vmc_archive_data(const struct vmc_archive *archive,
                             size_t *size_bytes)
{
    assert(!archive->is_loading && archive->depth == 0);
    *size_bytes = archive->size_bytes;
    return archive->saved;
}

/* ---- Saving ------------------------------------------------------------- */

static void put_length(unsigned char *at, uint64_t length)
{
    for (int i = 0; i < LENGTH_BYTES; i++) {
        at[i] = (unsigned char)(length >> BITS_PER_BYTE * i);
    }
}

static bool make_room(struct vmc_archive *archive, size_t more_bytes)
{
    size_t needed_bytes = archive->size_bytes + more_bytes;
    unsigned char *saved;

    if (needed_bytes <= archive->room_bytes) {
        return true;
    }
    needed_bytes = vmc_round_up_pow2(
        needed_bytes < ROOM_BYTES_MIN ? ROOM_BYTES_MIN : needed_bytes);
    saved = realloc(archive->saved, needed_bytes);
    if (saved == NULL) {
        vmc_archive_fail(archive, VMC_E_NOMEM, "out of memory");
        return false;
    }
    archive->saved = saved;
    archive->room_bytes = needed_bytes;
    return true;
}

static void put(struct vmc_archive *archive, const void *data,
                size_t size_bytes)
{
    if (size_bytes > 0) {
        memcpy(archive->saved + archive->size_bytes, data, size_bytes);
    }
    archive->size_bytes += size_bytes;
}

/* The head of a part, and room for its content. */
static bool save_head(struct vmc_archive *archive, const char *name,
                      uint64_t size_bytes, size_t room_bytes)
{
    size_t name_bytes = strlen(name);
    unsigned char length[LENGTH_BYTES];
    unsigned char short_length = (unsigned char)name_bytes;

    assert(name_bytes < VMC_ARCHIVE_NAME_BYTES_MAX);
    if (!make_room(archive, 1 + name_bytes + LENGTH_BYTES + room_bytes)) {
        return false;
    }
    put_length(length, size_bytes);
    put(archive, &short_length, 1);
    put(archive, name, name_bytes);
    put(archive, length, sizeof(length));
    return true;
}

/* ---- Loading ------------------------------------------------------------ */

/* Where the innermost open section ends. */
static size_t end_bytes(const struct vmc_archive *archive)
{
    return archive->depth > 0 ? archive->sections[archive->depth - 1].mark_bytes
                              : archive->size_bytes;
}

static uint64_t get_length(const unsigned char *at)
{
    uint64_t length = 0;

    for (int i = LENGTH_BYTES - 1; i >= 0; i--) {
        length = length << BITS_PER_BYTE | at[i];
    }
    return length;
}

/* Step over the head of the part @name; its content lies at at_bytes then. */
static bool load_head(struct vmc_archive *archive, const char *name,
                      uint64_t *size_bytes)
{
    size_t left_bytes = end_bytes(archive) - archive->at_bytes;
    const unsigned char *at = archive->data + archive->at_bytes;
    size_t name_bytes = left_bytes > 0 ? at[0] : 0;
    size_t head_bytes = 1 + name_bytes + LENGTH_BYTES;

    if (left_bytes == 0) {
        vmc_archive_fail(archive, VMC_E_FORMAT, "it ends where '%s' should be",
                         name);
        return false;
    }
    if (left_bytes < head_bytes ||
        get_length(at + 1 + name_bytes) > left_bytes - head_bytes) {
        vmc_archive_fail(archive, VMC_E_FORMAT, "cut off inside '%.*s'",
                         (int)(name_bytes < left_bytes ? name_bytes : 0),
                         (const char *)at + 1);
        return false;
    }
    if (name_bytes != strlen(name) || memcmp(at + 1, name, name_bytes) != 0) {
        vmc_archive_fail(archive, VMC_E_FORMAT,
                         "has '%.*s' where '%s' should be", (int)name_bytes,
                         (const char *)at + 1, name);
        return false;
    }
    *size_bytes = get_length(at + 1 + name_bytes);
    archive->at_bytes += head_bytes;
    return true;
}

/* Step over a part of @size_bytes; NULL when it is not the next. */
static const void *load_part(struct vmc_archive *archive, const char *name,
                             size_t size_bytes)
{
    const void *content;
    uint64_t found_bytes;

    if (!load_head(archive, name, &found_bytes)) {
        return NULL;
    }
    if (found_bytes != size_bytes) {
        vmc_archive_fail(archive, VMC_E_FORMAT,
                         "'%s' has %llu bytes, and %zu here", name,
                         (unsigned long long)found_bytes, size_bytes);
        return NULL;
    }
    content = archive->data + archive->at_bytes;
    archive->at_bytes += size_bytes;
    return content;
}

/* ---- Either ------------------------------------------------------------- */

void vmc_archive_bytes(struct vmc_archive *archive, const char *name,
                       void *data, size_t size_bytes)
{
    if (archive->status != VMC_OK) {
        return;
    }
    if (archive->is_loading) {
        const void *content = load_part(archive, name, size_bytes);

        if (content != NULL && size_bytes > 0) {
            memcpy(data, content, size_bytes);
        }
    } else if (save_head(archive, name, size_bytes, size_bytes)) {
        put(archive, data, size_bytes);
    }
}

void vmc_archive_same(struct vmc_archive *archive, const char *name,
                      const void *data, size_t size_bytes)
{
    if (archive->status != VMC_OK) {
        return;
    }
    if (archive->is_loading) {
        const void *content = load_part(archive, name, size_bytes);

        if (content != NULL && size_bytes > 0 &&
            memcmp(data, content, size_bytes) != 0) {
            vmc_archive_fail(archive, VMC_E_FORMAT,
                             "'%s' is not what it was then", name);
        }
    } else if (save_head(archive, name, size_bytes, size_bytes)) {
        put(archive, data, size_bytes);
    }
}

uint64_t vmc_archive_count(struct vmc_archive *archive, const char *name,
                           uint64_t count, uint64_t count_max)
{
    assert(archive->is_loading || count <= count_max);
    vmc_archive_bytes(archive, name, &count, sizeof(count));
    if (archive->status == VMC_OK && count > count_max) {
        vmc_archive_fail(
            archive, VMC_E_FORMAT, "'%s' is %llu, and at most %llu fit", name,
            (unsigned long long)count, (unsigned long long)count_max);
    }
    return archive->status == VMC_OK ? count : 0;
}

size_t vmc_archive_left_bytes(const struct vmc_archive *archive)
{
    return archive->is_loading ? archive->size_bytes - archive->at_bytes
                               : SIZE_MAX;
}

/* What is left cannot hold more items than it has bytes, so a wrong count
 * does not make anybody allocate the world. */
static uint32_t items_max(const struct vmc_archive *archive, size_t item_bytes)
{
    size_t left = vmc_archive_left_bytes(archive) / item_bytes;

    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

void vmc_archive_array(struct vmc_archive *archive, const char *name,
                       void **items, uint32_t *count, uint32_t *room,
                       size_t item_bytes)
{
    uint32_t new_count = (uint32_t)vmc_archive_count(
        archive, name, *count, items_max(archive, item_bytes));

    if (archive->status != VMC_OK) {
        return;
    }
    if (new_count > *room) {
        void *more = realloc(*items, new_count * item_bytes);

        if (more == NULL) {
            vmc_archive_fail(archive, VMC_E_NOMEM, "out of memory");
            return;
        }
        *items = more;
        *room = new_count;
    }
    vmc_archive_bytes(archive, name, *items, new_count * item_bytes);
    if (archive->is_loading && archive->status == VMC_OK) {
        *count = new_count;
        if (*room > new_count) {
            memset((char *)*items + new_count * item_bytes, 0,
                   (*room - new_count) * item_bytes);
        }
    }
}

/* ---- Sections ----------------------------------------------------------- */

void vmc_archive_begin(struct vmc_archive *archive, const char *name)
{
    uint64_t size_bytes = 0;

    assert(archive->depth < VMC_ARCHIVE_DEPTH_MAX);
    if (archive->status == VMC_OK && archive->is_loading) {
        (void)load_head(archive, name, &size_bytes);
    } else if (archive->status == VMC_OK) {
        (void)save_head(archive, name, 0, 0);
    }
    (void)snprintf(archive->sections[archive->depth].name,
                   VMC_ARCHIVE_NAME_BYTES_MAX, "%s", name);
    archive->sections[archive->depth].mark_bytes =
        archive->is_loading ? archive->at_bytes + size_bytes
                            : archive->size_bytes;
    archive->depth++;
}

void vmc_archive_end(struct vmc_archive *archive)
{
    size_t mark_bytes;

    assert(archive->depth > 0);
    mark_bytes = archive->sections[archive->depth - 1].mark_bytes;
    if (archive->status == VMC_OK && archive->is_loading &&
        archive->at_bytes != mark_bytes) {
        vmc_archive_fail(archive, VMC_E_FORMAT, "%zu bytes are left over",
                         mark_bytes - archive->at_bytes);
    } else if (archive->status == VMC_OK && !archive->is_loading) {
        put_length(archive->saved + mark_bytes - LENGTH_BYTES,
                   archive->size_bytes - mark_bytes);
    }
    archive->depth--;
}
