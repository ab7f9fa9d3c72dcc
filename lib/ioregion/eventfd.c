/* SPDX-License-Identifier: MIT */
/*
 * Two arrays: numbers, which lead to files, and files, which count how many
 * numbers and registrations lead to them. The lowest free place is taken, as a
 * process is used to.
 */
#include "ioregion/eventfd.h"

#include <errno.h>
#include <stdlib.h>

enum { FILES_MAX = 1 << 20, CLOSED = -1 };

struct file {
    uint64_t count;
    uint32_t holders; /* 0: the place is free */
    bool is_eventfd;
};

struct vmc_eventfds {
    struct file *files;
    int32_t *descriptors; /* the file of each, or CLOSED */
    uint32_t files_max, file_count;
    vmc_eventfd_woken_fn *woken;
    void *owner;
};

enum vmc_status vmc_eventfds_new(struct vmc_eventfds **out, uint32_t files_max)
{
    struct vmc_eventfds *table;

    *out = NULL;
    if (files_max == 0 || files_max > FILES_MAX) {
        return VMC_E_RANGE;
    }
    table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return VMC_E_NOMEM;
    }
    table->files_max = files_max;
    table->files = calloc(files_max, sizeof(*table->files));
    table->descriptors = calloc(files_max, sizeof(*table->descriptors));
    if (table->files == NULL || table->descriptors == NULL) {
        vmc_eventfds_free(table);
        return VMC_E_NOMEM;
    }
    for (uint32_t fd = 0; fd < files_max; fd++) {
        table->descriptors[fd] = CLOSED;
    }
    *out = table;
    return VMC_OK;
}

void vmc_eventfds_free(struct vmc_eventfds *table)
{
    if (table != NULL) {
        free(table->files);
        free(table->descriptors);
        free(table);
    }
}

void vmc_eventfds_on_signal(struct vmc_eventfds *table,
                            vmc_eventfd_woken_fn *woken, void *owner)
{
    table->woken = woken;
    table->owner = owner;
}

static int free_descriptor(const struct vmc_eventfds *table)
{
    for (uint32_t fd = 0; fd < table->files_max; fd++) {
        if (table->descriptors[fd] == CLOSED) {
            return (int)fd;
        }
    }
    return -EMFILE;
}

static int open_file(struct vmc_eventfds *table, uint64_t count,
                     bool is_eventfd)
{
    int fd = free_descriptor(table);
    uint32_t file = 0;

    while (file < table->files_max && table->files[file].holders != 0) {
        file++;
    }
    if (fd < 0 || file == table->files_max) {
        return -EMFILE;
    }
    table->files[file] = (struct file){count, 1, is_eventfd};
    table->descriptors[fd] = (int32_t)file;
    table->file_count++;
    return fd;
}

int vmc_eventfds_open(struct vmc_eventfds *table, uint64_t count)
{
    return open_file(table, count, true);
}

int vmc_eventfds_open_other(struct vmc_eventfds *table)
{
    return open_file(table, 0, false);
}

static int file_of(const struct vmc_eventfds *table, int fd)
{
    return fd < 0 || (uint32_t)fd >= table->files_max ||
                   table->descriptors[fd] == CLOSED
               ? -EBADF
               : (int)table->descriptors[fd];
}

int vmc_eventfds_find(const struct vmc_eventfds *table, int fd)
{
    int file = file_of(table, fd);

    return file >= 0 && !table->files[file].is_eventfd ? -EINVAL : file;
}

int vmc_eventfds_dup(struct vmc_eventfds *table, int fd)
{
    int file = file_of(table, fd);
    int copy;

    if (file < 0) {
        return file;
    }
    copy = free_descriptor(table);
    if (copy >= 0) {
        table->descriptors[copy] = file;
        vmc_eventfds_get(table, (uint32_t)file);
    }
    return copy;
}

int vmc_eventfds_close(struct vmc_eventfds *table, int fd)
{
    int file = file_of(table, fd);

    if (file < 0) {
        return file;
    }
    table->descriptors[fd] = CLOSED;
    vmc_eventfds_put(table, (uint32_t)file);
    return 0;
}

void vmc_eventfds_get(struct vmc_eventfds *table, uint32_t file)
{
    assert(file < table->files_max && table->files[file].holders != 0);
    table->files[file].holders++;
}

void vmc_eventfds_put(struct vmc_eventfds *table, uint32_t file)
{
    assert(file < table->files_max && table->files[file].holders != 0);
    table->files[file].holders--;
    table->file_count -= table->files[file].holders == 0;
}

void vmc_eventfds_signal(struct vmc_eventfds *table, uint32_t file)
{
    assert(file < table->files_max && table->files[file].holders != 0);
    if (table->files[file].count != VMC_EVENTFD_COUNT_MAX) {
        table->files[file].count++;
    }
    if (table->woken != NULL) {
        table->woken(table->owner, file);
    }
}

uint64_t vmc_eventfds_count(const struct vmc_eventfds *table, uint32_t file)
{
    assert(file < table->files_max);
    return table->files[file].count;
}

int vmc_eventfds_write(struct vmc_eventfds *table, int fd, uint64_t value)
{
    int file = vmc_eventfds_find(table, fd);

    if (file < 0) {
        return file;
    }
    if (value == VMC_EVENTFD_COUNT_MAX) {
        return -EINVAL;
    }
    if (value >= VMC_EVENTFD_COUNT_MAX - table->files[file].count) {
        return -EAGAIN;
    }
    table->files[file].count += value;
    return 0;
}

int vmc_eventfds_read(struct vmc_eventfds *table, int fd, uint64_t *value)
{
    int file = vmc_eventfds_find(table, fd);

    if (file < 0) {
        return file;
    }
    if (table->files[file].count == 0) {
        return -EAGAIN;
    }
    *value = table->files[file].count;
    table->files[file].count = 0;
    return 0;
}

uint32_t vmc_eventfds_file_count(const struct vmc_eventfds *table)
{
    return table->file_count;
}
