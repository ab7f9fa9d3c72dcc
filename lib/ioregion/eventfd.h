/* SPDX-License-Identifier: MIT */
/**
 * eventfd.h - the descriptors of a process, as far as an ioeventfd needs them.
 *
 * A descriptor is a number that names an open file; several can name the same
 * one, and a registration holds the file without any. Of files there are two
 * kinds: eventfds, which count, and others, which only exist.
 *
 * Errors   Negative numbers of <errno.h>.
 * Owner    A file lives while a descriptor or a registration holds it.
 */
#ifndef VMC_IOREGION_EVENTFD_H
#define VMC_IOREGION_EVENTFD_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/** What a kernel may add up to; a process stays one below. */
#define VMC_EVENTFD_COUNT_MAX UINT64_MAX

struct vmc_eventfds;

/** Called with the file that was signalled, to wake who waits for it. */
typedef void vmc_eventfd_woken_fn(void *owner, uint32_t file);

/**
 * Make an empty table of @files_max descriptors and as many files.
 * Fails    VMC_E_RANGE, VMC_E_NOMEM; *@out is then NULL.
 */
enum vmc_status vmc_eventfds_new(struct vmc_eventfds **out, uint32_t files_max);

/** Free the table with all its files. NULL is allowed. */
void vmc_eventfds_free(struct vmc_eventfds *table);

/** Call @woken with @owner at every signal. NULL is allowed. */
void vmc_eventfds_on_signal(struct vmc_eventfds *table,
                            vmc_eventfd_woken_fn *woken, void *owner);

/** Open an eventfd that counts from @count. Returns a descriptor or -EMFILE. */
int vmc_eventfds_open(struct vmc_eventfds *table, uint64_t count);

/** Open a file that is no eventfd. Returns a descriptor or -EMFILE. */
int vmc_eventfds_open_other(struct vmc_eventfds *table);

/** Another descriptor of the same file; -EBADF, -EMFILE. */
int vmc_eventfds_dup(struct vmc_eventfds *table, int fd);

/** Give the number @fd up; -EBADF. */
int vmc_eventfds_close(struct vmc_eventfds *table, int fd);

/** The file of @fd; -EBADF when it is not open, -EINVAL for another kind. */
int vmc_eventfds_find(const struct vmc_eventfds *table, int fd);

/** Hold @file, and let go of it: as many puts as gets. */
void vmc_eventfds_get(struct vmc_eventfds *table, uint32_t file);
void vmc_eventfds_put(struct vmc_eventfds *table, uint32_t file);

/** Add one, as the kernel does: up to VMC_EVENTFD_COUNT_MAX, then no more. */
void vmc_eventfds_signal(struct vmc_eventfds *table, uint32_t file);

/** What @file counts now. */
uint64_t vmc_eventfds_count(const struct vmc_eventfds *table, uint32_t file);

/**
 * Add @value, as a process does without waiting.
 * Returns  0; -EBADF, -EINVAL; -EAGAIN when the sum would reach the maximum.
 */
int vmc_eventfds_write(struct vmc_eventfds *table, int fd, uint64_t value);

/** Take the count and leave 0; -EBADF, -EINVAL; -EAGAIN when it is 0. */
int vmc_eventfds_read(struct vmc_eventfds *table, int fd, uint64_t *value);

/** How many files are open: 0 when nothing has leaked. */
uint32_t vmc_eventfds_file_count(const struct vmc_eventfds *table);

#endif
