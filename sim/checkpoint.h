/* SPDX-License-Identifier: MIT */
/**
 * checkpoint.h - a run stopped in a file, to be gone on with elsewhere.
 *
 * A checkpoint is an archive (base/archive.h) of everything that the run has
 * changed so far, in a file that appears whole or not at all, with a version
 * and a checksum. In front of the state stand the terms of the run: names and
 * values of all that was asked for, as "--semantics" = "kvm". A run may go on
 * from a checkpoint only when its own terms are the same; the first that
 * differs is told.
 *
 *     magic "VMCKPT\r\n", format, byte order  8 + 4 + 4 bytes
 *     stored and plain length                 8 + 8
 *     checksum of the lengths and what was stored, vmc_hash128()      16
 *     the terms and the archive, compressed together by zstd
 *
 * The same run gives the same bytes, whatever build of one version and
 * architecture makes them.
 */
#ifndef VMC_SIM_CHECKPOINT_H
#define VMC_SIM_CHECKPOINT_H

#include "base/archive.h"
#include "base/base.h"

enum {
    CHECKPOINT_TERMS_MAX = 64,
    CHECKPOINT_NAME_BYTES = 40,
    CHECKPOINT_VALUE_BYTES = 256,
};

/** What a run was asked for. Zeroed memory is no terms. */
struct checkpoint_terms {
    struct {
        char name[CHECKPOINT_NAME_BYTES], value[CHECKPOINT_VALUE_BYTES];
    } terms[CHECKPOINT_TERMS_MAX];
    uint32_t count;
};

/**
 * Add a term, its value printf-style; too long a value ends in the hash of all
 * of it.
 * Asserts  there is room.
 */
void checkpoint_add_term(struct checkpoint_terms *terms, const char *name,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Write what @body, an archive that was saved to, holds to the file @path.
 * Fails    VMC_E_IO, VMC_E_NOMEM, or as @body did, with a line in @error.
 */
enum vmc_status checkpoint_write(const char *path,
                                 const struct checkpoint_terms *terms,
                                 const struct vmc_archive *body,
                                 struct vmc_error *error);

struct checkpoint;

/**
 * Read the checkpoint @path for a run on @terms; NULL: on whatever terms.
 * Owner    *@out is the caller's, for checkpoint_close(); NULL on failure.
 * Fails    VMC_E_IO; VMC_E_FORMAT for what is no checkpoint, of another
 *          version, cut, damaged or on other terms; VMC_E_NOMEM. With a line
 *          in @error.
 */
enum vmc_status checkpoint_open(struct checkpoint **out, const char *path,
                                const struct checkpoint_terms *terms,
                                struct vmc_error *error);

/** The terms of the run that wrote it. They live until close. */
const struct checkpoint_terms *
checkpoint_terms(const struct checkpoint *checkpoint);

/** True when the file @path begins as checkpoints do. A pipe does not: what is
 * read of it is gone. */
bool checkpoint_is(const char *path);

/** What was written as the body, to load from. Lives until close. */
struct vmc_archive *checkpoint_body(struct checkpoint *checkpoint);

/**
 * Everything should have been loaded by now.
 * Fails    VMC_E_FORMAT, VMC_E_NOMEM with the file and the reason in @error
 *          when something did not fit.
 */
enum vmc_status checkpoint_check(const struct checkpoint *checkpoint,
                                 struct vmc_error *error);

/** Free it. NULL is allowed. */
void checkpoint_close(struct checkpoint *checkpoint);

#endif
