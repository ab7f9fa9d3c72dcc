/* SPDX-License-Identifier: MIT */
#include "stats/outfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char part_suffix[] = ".part";

struct vmc_outfile {
    FILE *stream;
    char *path, *part_path; /* both NULL for standard output */
    bool is_direct;         /* a device or a pipe: there is nothing to rename */
};

static bool is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) &&
           !S_ISDIR(status.st_mode);
}

enum vmc_status vmc_outfile_open(struct vmc_outfile **out, const char *path,
                                 struct vmc_error *error)
{
    struct vmc_outfile *file = calloc(1, sizeof(*file));
    size_t path_bytes = strlen(path) + 1;

    *out = NULL;
    if (file == NULL) {
        return VMC_E_NOMEM;
    }
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        *out = file;
        return VMC_OK;
    }
    file->path = malloc(path_bytes);
    file->part_path = malloc(path_bytes + sizeof(part_suffix));
    if (file->path == NULL || file->part_path == NULL) {
        vmc_outfile_abandon(file);
        return VMC_E_NOMEM;
    }
    memcpy(file->path, path, path_bytes);
    memcpy(file->part_path, path, path_bytes - 1);
    memcpy(file->part_path + path_bytes - 1, part_suffix, sizeof(part_suffix));
    file->is_direct = is_special(path);
    file->stream = fopen(file->is_direct ? path : file->part_path,
                         file->is_direct ? "wbe" : "w+be");
    if (file->stream == NULL) {
        enum vmc_status status =
            vmc_fail(error, VMC_E_IO, "%s: cannot open for writing: %s", path,
                     strerror(errno));

        vmc_outfile_abandon(file);
        return status;
    }
    *out = file;
    return VMC_OK;
}

FILE *vmc_outfile_stream(struct vmc_outfile *out)
{
    return out->stream;
}

static void release(struct vmc_outfile *out)
{
    free(out->path);
    free(out->part_path);
    free(out);
}

enum vmc_status vmc_outfile_commit(struct vmc_outfile *out,
                                   struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;
    const char *name = out->path != NULL ? out->path : "standard output";
    bool is_written = fflush(out->stream) == 0 && ferror(out->stream) == 0;

    if (out->path != NULL) {
        is_written = fclose(out->stream) == 0 && is_written;
        if (is_written && !out->is_direct) {
            is_written = rename(out->part_path, out->path) == 0;
        }
    }
    if (!is_written) {
        status = vmc_fail(error, VMC_E_IO, "%s: cannot write: %s", name,
                          strerror(errno));
        if (out->part_path != NULL && !out->is_direct) {
            (void)remove(out->part_path);
        }
    }
    release(out);
    return status;
}

/* ---- Checkpoints -------------------------------------------------------- */

/* Read the file back, for it is nowhere else. */
static void *read_back(struct vmc_outfile *out, uint64_t size_bytes)
{
    char *content = malloc(size_bytes > 0 ? size_bytes : 1);

    if (content == NULL) {
        return NULL;
    }
    rewind(out->stream);
    if (fread(content, 1, size_bytes, out->stream) != size_bytes ||
        fseek(out->stream, 0, SEEK_END) != 0) {
        free(content);
        return NULL;
    }
    return content;
}

static bool replace(struct vmc_outfile *out, const void *content,
                    uint64_t size_bytes)
{
    rewind(out->stream);
    return ftruncate(fileno(out->stream), 0) == 0 &&
           fwrite(content, 1, size_bytes, out->stream) == size_bytes;
}

void vmc_outfile_archive(struct vmc_outfile *out, struct vmc_archive *archive)
{
    bool is_loading = vmc_archive_is_loading(archive);
    uint64_t size_bytes;
    void *content;
    long end;

    if (out->path == NULL || out->is_direct) {
        vmc_archive_fail(archive, VMC_E_USAGE,
                         "%s cannot be part of a checkpoint: name a file",
                         out->path != NULL ? out->path : "standard output");
        return;
    }
    end = fflush(out->stream) == 0 ? ftell(out->stream) : -1;
    if (end < 0) {
        vmc_archive_fail(archive, VMC_E_IO, "%s: cannot write: %s", out->path,
                         strerror(errno));
        return;
    }
    size_bytes = vmc_archive_count(archive, "bytes", (uint64_t)end,
                                   vmc_archive_left_bytes(archive));
    if (!vmc_archive_is_good(archive)) {
        return;
    }
    content = is_loading ? malloc(size_bytes + 1) : read_back(out, size_bytes);
    if (content == NULL) {
        vmc_archive_fail(archive, VMC_E_IO, "%s: cannot be read back",
                         out->path);
        return;
    }
    vmc_archive_bytes(archive, "content", content, size_bytes);
    if (is_loading && vmc_archive_is_good(archive) &&
        !replace(out, content, size_bytes)) {
        vmc_archive_fail(archive, VMC_E_IO, "%s: cannot write", out->path);
    }
    free(content);
}

void vmc_outfile_abandon(struct vmc_outfile *out)
{
    if (out == NULL) {
        return;
    }
    if (out->path != NULL && out->stream != NULL) {
        (void)fclose(out->stream);
        if (!out->is_direct) {
            (void)remove(out->part_path);
        }
    }
    release(out);
}
