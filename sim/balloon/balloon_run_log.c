/* SPDX-License-Identifier: MIT */
/* Every record is a line. The RAM's name is that of the machine with this
 * layout, for readers that conclude from it where RAM lies. */
#include "sim/balloon/balloon_run_log.h"

#include "trace/qemu_line.h"

static const char *text_of(const void *owner, uint64_t number)
{
    const struct balloon_run_log *log = owner;

    return number == 1 ? log->ram_name : "";
}

static void write_line(void *owner, const struct vmc_record *record)
{
    struct balloon_run_log *log = owner;
    char line[VMC_QEMU_LINE_BYTES_MAX];
    size_t bytes = vmc_qemu_line(line, record, text_of, log);

    (void)fwrite(line, 1, bytes, vmc_outfile_stream(log->out));
}

enum vmc_status balloon_run_log_open(struct balloon_run_log *log,
                                     const char *path,
                                     struct vmc_balloon_config *config,
                                     struct vmc_error *error)
{
    static const char *const names[] = {[VMC_LAYOUT_I440FX] = "pc.ram",
                                        [VMC_LAYOUT_Q35] = "pc.ram",
                                        [VMC_LAYOUT_VIRT] = "loongarch.ram",
                                        [VMC_LAYOUT_FLAT] = "ram"};

    log->ram_name = names[config->layout];
    config->on_record = write_line;
    config->record_owner = log;
    return vmc_outfile_open(&log->out, path, error);
}

enum vmc_status balloon_run_log_close(struct balloon_run_log *log,
                                      struct vmc_error *error)
{
    struct vmc_outfile *out = log->out;

    log->out = NULL;
    return vmc_outfile_commit(out, error);
}

void balloon_run_log_abandon(struct balloon_run_log *log)
{
    vmc_outfile_abandon(log->out);
    log->out = NULL;
}
