/* SPDX-License-Identifier: MIT */
/**
 * archive.h - the changing state of a run as bytes that outlive the process.
 *
 * A module describes its state once, for both directions: the same function
 * saves to an archive and loads from it, so that the two cannot drift apart.
 *
 *     void counter_archive(struct counter *self, struct vmc_archive *to)
 *     {
 *         vmc_archive_begin(to, "counter");
 *         vmc_archive_bytes(to, "values", self->values,
 *                           sizeof(self->values));
 *         VMC_ARCHIVE(to, self->total);
 *         vmc_archive_end(to);
 *     }
 *
 * What is written has a name and a length in front of each part, and a load
 * checks both. The first thing that does not fit makes the archive fail: it
 * then changes nothing any more, every later call is a no-op, and
 * vmc_archive_status() tells what it was. So only who must allocate asks in
 * between.
 *
 * State is plain data without pointers. What was configured is not part of it:
 * a load goes into an object that was made with the same configuration, which
 * vmc_archive_same() makes sure of. The
 * bytes are those of this byte order and these struct layouts, which all
 * builds of one version on one architecture share.
 *
 * An archive guards against mistakes, not against malice: parts are checked
 * for their lengths, numbers inside them are believed. Whoever keeps one in a
 * file adds a checksum.
 *
 * Threads  One archive, one thread.
 */
#ifndef VMC_BASE_ARCHIVE_H
#define VMC_BASE_ARCHIVE_H

#include "base/base.h"

enum {
    VMC_ARCHIVE_DEPTH_MAX = 16,      /**< sections inside sections */
    VMC_ARCHIVE_NAME_BYTES_MAX = 64, /**< of one part, with its NUL */
};

struct vmc_archive;

/**
 * Make an empty archive to save to.
 * Owner    *@out is the caller's, for vmc_archive_free(); NULL on failure.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status vmc_archive_new(struct vmc_archive **out);

/**
 * Make an archive that loads from the @size_bytes at @data.
 * Owner    as vmc_archive_new(); @data is borrowed until then.
 * Fails    VMC_E_NOMEM.
 */
enum vmc_status vmc_archive_open(struct vmc_archive **out, const void *data,
                                 size_t size_bytes);

/** Free @archive. NULL is allowed. */
void vmc_archive_free(struct vmc_archive *archive);

/** True for an archive that loads. */
bool vmc_archive_is_loading(const struct vmc_archive *archive);

/**
 * Save or load a part of a fixed size: the @size_bytes at @data. A load that
 * fails leaves them as they are.
 * Asserts  @name is short enough. The same for the other calls.
 */
void vmc_archive_bytes(struct vmc_archive *archive, const char *name,
                       void *data, size_t size_bytes);

/** The same for one object, which is named by how it is written here. */
#define VMC_ARCHIVE(archive, object)                                           \
    vmc_archive_bytes((archive), #object, &(object), sizeof(object))

/**
 * Save what was configured: the @size_bytes at @data. A load changes nothing
 * and fails when they are not the same here.
 */
void vmc_archive_same(struct vmc_archive *archive, const char *name,
                      const void *data, size_t size_bytes);

/**
 * Save @count, or load it, for a part whose size varies. More than @count_max
 * does not fit.
 * Returns  the count that holds from here on; 0 when the archive has failed.
 */
uint64_t vmc_archive_count(struct vmc_archive *archive, const char *name,
                           uint64_t count, uint64_t count_max);

/**
 * How much of a loading archive has not been loaded yet, as a bound for what
 * to allocate. SIZE_MAX for one that saves.
 */
size_t vmc_archive_left_bytes(const struct vmc_archive *archive);

/**
 * Save or load an array that grows: *@count items of @item_bytes at *@items,
 * which has room for *@room of them. A load makes room by realloc(3) where
 * there is too little, and gives 0 to what is behind the last item.
 * Owner    *@items stays the caller's, who frees it.
 */
void vmc_archive_array(struct vmc_archive *archive, const char *name,
                       void **items, uint32_t *count, uint32_t *room,
                       size_t item_bytes);

/**
 * Begin a section: everything up to the matching end belongs to it, and a load
 * must use all of it.
 * Asserts  fewer than VMC_ARCHIVE_DEPTH_MAX are open.
 */
void vmc_archive_begin(struct vmc_archive *archive, const char *name);

/** End the section begun last. Asserts there is one. */
void vmc_archive_end(struct vmc_archive *archive);

/**
 * Make @archive fail with @status and a printf-style reason, in front of which
 * the names of the open sections will stand. Only the first failure counts.
 */
void vmc_archive_fail(struct vmc_archive *archive, enum vmc_status status,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** True while nothing has failed. */
bool vmc_archive_is_good(const struct vmc_archive *archive);

/**
 * What came of it.
 * Fails    VMC_E_FORMAT when a part did not fit or, outside of all sections,
 *          something is left over after a load; VMC_E_NOMEM; what
 *          vmc_archive_fail() was given. With a line in @error.
 */
enum vmc_status vmc_archive_status(const struct vmc_archive *archive,
                                   struct vmc_error *error);

/**
 * All that was saved so far: *@size_bytes of it.
 * Owner    Borrowed, until the next call on @archive.
 */
const void *vmc_archive_data(const struct vmc_archive *archive,
                             size_t *size_bytes);

#endif
