/* SPDX-License-Identifier: MIT */
/**
 * input.h - bytes of a trace: from a file, a pipe or memory, plain or zstd.
 *
 * There is one buffer. fill() keeps what has not been used, moves it to the
 * front and reads more behind it, so that whatever fits into the buffer can be
 * looked at in one piece.
 */
#ifndef VMC_TRACE_INPUT_H
#define VMC_TRACE_INPUT_H

#include "base/base.h"

enum { VMC_INPUT_BUFFER_BYTES = 1 << 19 };

struct vmc_input;

/**
 * Open @path; "-" is standard input.
 * Owner    *@out is the caller's, for vmc_input_close(); NULL on failure.
 * Fails    VMC_E_IO, VMC_E_NOMEM, with a line in @error.
 */
enum vmc_status vmc_input_open(struct vmc_input **out, const char *path,
                               struct vmc_error *error);

/** Read from @size_bytes at @data, borrowed; @name is for messages. */
enum vmc_status vmc_input_open_memory(struct vmc_input **out, const void *data,
                                      size_t size_bytes, const char *name,
                                      struct vmc_error *error);

/** NULL is allowed. */
void vmc_input_close(struct vmc_input *input);

/** What can be looked at: *@size_bytes from the pointer returned. The byte
 * behind them can be read too; after fill() it is a newline. */
const char *vmc_input_peek(const struct vmc_input *input, size_t *size_bytes);

/** @size_bytes of it are used up. Asserts there are as many. */
void vmc_input_use(struct vmc_input *input, size_t size_bytes);

/**
 * Make more visible.
 * Returns  VMC_OK with more bytes than before, VMC_END when there are none or
 *          the buffer is full.
 * Fails    VMC_E_IO; VMC_E_FORMAT when the compressed data is damaged or cut.
 *          What was visible stays so.
 */
enum vmc_status vmc_input_fill(struct vmc_input *input,
                               struct vmc_error *error);

/** Bytes used up so far, after decompression. */
uint64_t vmc_input_offset(const struct vmc_input *input);

/** The name for messages. */
const char *vmc_input_name(const struct vmc_input *input);

#endif
