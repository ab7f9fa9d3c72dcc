/* SPDX-License-Identifier: MIT */
/**
 * balloon_run_log.h - a simulated balloon's log, as QEMU would have written it.
 *
 * What comes of it is read like a recording: by vmcycle replay, or by whatever
 * else reads such logs.
 */
#ifndef VMC_SIM_BALLOON_BALLOON_RUN_LOG_H
#define VMC_SIM_BALLOON_BALLOON_RUN_LOG_H

#include "balloon/balloon.h"
#include "stats/outfile.h"

struct balloon_run_log {
    struct vmc_outfile *out; /**< NULL once it is closed */
    const char *ram_name;
};

/** Open @path, and have @config tell of its run. Fails as outfiles do. */
enum vmc_status balloon_run_log_open(struct balloon_run_log *log,
                                     const char *path,
                                     struct vmc_balloon_config *config,
                                     struct vmc_error *error);

/** The run is over: give the file its name. Fails VMC_E_IO. */
enum vmc_status balloon_run_log_close(struct balloon_run_log *log,
                                      struct vmc_error *error);

/** The run has failed, or the log is closed already: leave nothing behind. */
void balloon_run_log_abandon(struct balloon_run_log *log);

#endif
