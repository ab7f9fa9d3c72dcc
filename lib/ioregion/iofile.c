/* SPDX-License-Identifier: MIT */
/* Two tables; the lowest free number is taken, as POSIX wants it. A put that
 * nobody has earned is counted, for some of the posted code makes them. */
#include "ioregion/iofile.h"

#include <errno.h>
#include <string.h>

enum { NONE = -1, FIRST_INODE = 1000 };

void vmc_iofiles_init(struct vmc_iofiles *files)
{
    memset(files, 0, sizeof(*files));
    for (uint32_t i = 0; i < VMC_IOFILE_FDS_MAX; i++) {
        files->fds[i] = NONE;
    }
}

static int name_file(struct vmc_iofiles *files, int file)
{
    for (int fd = 0; fd < VMC_IOFILE_FDS_MAX; fd++) {
        if (files->fds[fd] == NONE) {
            files->fds[fd] = file;
            files->files[file].fd_count++;
            return fd;
        }
    }
    return -EMFILE;
}

int vmc_iofile_open(struct vmc_iofiles *files, const struct vmc_iofile *like)
{
    for (int file = 0; file < VMC_IOFILES_MAX; file++) {
        if (!files->files[file].is_open) {
            int fd;

            files->files[file] = *like;
            files->files[file].fd_count = 0;
            files->files[file].kernel_count = 0;
            files->files[file].opening = ++files->opening_count;
            fd = name_file(files, file);
            files->files[file].is_open = fd >= 0;
            return fd;
        }
    }
    return -EMFILE;
}

int vmc_iofile_open_socket(struct vmc_iofiles *files, struct vmc_socket *socket)
{
    int fd =
        vmc_iofile_open(files, &(struct vmc_iofile){.kind = VMC_IOFILE_SOCKET,
                                                    .can_read = true,
                                                    .can_write = true,
                                                    .socket = socket});

    if (fd >= 0) {
        files->files[files->fds[fd]].inode =
            FIRST_INODE + (uint64_t)files->fds[fd];
    }
    return fd;
}

int vmc_iofile_find(const struct vmc_iofiles *files, int fd)
{
    return fd < 0 || fd >= VMC_IOFILE_FDS_MAX || files->fds[fd] == NONE
               ? -EBADF
               : files->fds[fd];
}

int vmc_iofile_dup(struct vmc_iofiles *files, int fd)
{
    int file = vmc_iofile_find(files, fd);

    return file < 0 ? file : name_file(files, file);
}

static void close_if_unheld(struct vmc_iofile *file)
{
    if (file->is_open && file->fd_count <= 0 && file->kernel_count <= 0) {
        file->is_open = false;
        if (file->socket != NULL) {
            vmc_socket_close(file->socket, VMC_SOCKET_KERNEL);
        }
    }
}

int vmc_iofile_close(struct vmc_iofiles *files, int fd)
{
    int file = vmc_iofile_find(files, fd);

    if (file < 0) {
        return file;
    }
    files->fds[fd] = NONE;
    files->files[file].fd_count--;
    close_if_unheld(&files->files[file]);
    return 0;
}

int vmc_iofile_set_nonblocking(struct vmc_iofiles *files, int fd, bool is_set)
{
    int at = vmc_iofile_find(files, fd);
    struct vmc_iofile *file;

    if (at < 0) {
        return at;
    }
    file = &files->files[at];
    file->is_nonblocking = is_set;
    if (file->socket != NULL) {
        file->socket->is_nonblocking[VMC_SOCKET_KERNEL] = is_set;
    }
    return 0;
}

void vmc_iofile_get(struct vmc_iofiles *files, int file)
{
    if (file != NONE) {
        assert(files->files[file].is_open);
        files->files[file].kernel_count++;
    }
}

void vmc_iofile_put(struct vmc_iofiles *files, int file)
{
    if (file == NONE) {
        return;
    }
    if (files->files[file].kernel_count <= 0) {
        files->underflow_count++;
        return;
    }
    files->files[file].kernel_count--;
    close_if_unheld(&files->files[file]);
}

uint32_t vmc_iofiles_held_count(const struct vmc_iofiles *files)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < VMC_IOFILES_MAX; i++) {
        count += (uint32_t)files->files[i].kernel_count;
    }
    return count;
}
