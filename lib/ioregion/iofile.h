/* SPDX-License-Identifier: MIT */
/**
 * iofile.h - the open files of a VMM, as far as a region file descriptor needs
 * them: what kind they are, who holds them, and their inode numbers.
 *
 * A descriptor names an open file; several may name the same one. A file lives
 * while a descriptor or the kernel holds it. Of sockets and pipes the end of
 * the kernel is meant; closing the last hold on it closes that end.
 *
 * Errors   Negative numbers of <errno.h>.
 * Owner    The caller; sockets are borrowed. Nothing is allocated.
 */
#ifndef VMC_IOREGION_IOFILE_H
#define VMC_IOREGION_IOFILE_H

#include "ioregion/socket.h"

enum { VMC_IOFILES_MAX = 64, VMC_IOFILE_FDS_MAX = 128 };

/** What a file is. */
enum vmc_iofile_kind {
    VMC_IOFILE_SOCKET, /**< a UNIX stream or seqpacket, or a pipe */
    VMC_IOFILE_EVENTFD,
    VMC_IOFILE_REGULAR,
    VMC_IOFILE_DIRECTORY,
    VMC_IOFILE_KVM, /**< a VM, a vCPU: it holds the VM in its turn */
};

/** An open file. */
struct vmc_iofile {
    enum vmc_iofile_kind kind;
    bool is_open, can_read, can_write, is_nonblocking;
    uint64_t inode;
    uint64_t opening; /**< no two files ever opened have the same */
    int32_t fd_count, kernel_count; /**< who holds it */
    struct vmc_socket *socket;      /**< of a socket only */
};

/** The descriptors of a VMM, and the files that they name. */
struct vmc_iofiles {
    struct vmc_iofile files[VMC_IOFILES_MAX];
    int32_t fds[VMC_IOFILE_FDS_MAX]; /**< the file, or -1 */
    uint64_t opening_count;
    uint32_t underflow_count; /**< puts of what nobody held */
};

/** Open nothing yet. */
void vmc_iofiles_init(struct vmc_iofiles *files);

/**
 * Open a file like @like, of which kind, access, inode and socket are used.
 * Returns  a descriptor, or -EMFILE.
 */
int vmc_iofile_open(struct vmc_iofiles *files, const struct vmc_iofile *like);

/** Open the kernel's end of @socket with an inode of its own; or -EMFILE. */
int vmc_iofile_open_socket(struct vmc_iofiles *files,
                           struct vmc_socket *socket);

/** Another descriptor of the same file; or -EBADF, -EMFILE. */
int vmc_iofile_dup(struct vmc_iofiles *files, int fd);

/** Give up @fd; -EBADF. */
int vmc_iofile_close(struct vmc_iofiles *files, int fd);

/** The file of @fd, or -EBADF. */
int vmc_iofile_find(const struct vmc_iofiles *files, int fd);

/** Set or clear O_NONBLOCK of the file of @fd; -EBADF. */
int vmc_iofile_set_nonblocking(struct vmc_iofiles *files, int fd, bool is_set);

/** The kernel holds @file, and lets go of it. -1 is allowed, for no file. */
void vmc_iofile_get(struct vmc_iofiles *files, int file);
void vmc_iofile_put(struct vmc_iofiles *files, int file);

/** How often the kernel holds files; 0 when nothing has leaked. */
uint32_t vmc_iofiles_held_count(const struct vmc_iofiles *files);

#endif
