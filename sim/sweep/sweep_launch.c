/* SPDX-License-Identifier: MIT */
/*
 * mpirun of Open MPI tells its children who they are by the environment; so
 * they know it before MPI is loaded. The two variables are among those that
 * its manual page promises to set ("mpirun(1), Environment Variables").
 */
#include "sim/sweep/sweep_launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t number_of(const char *variable, uint32_t otherwise)
{
    const char *text = getenv(variable);
    uint64_t number;

    return text != NULL && vmc_parse_u64(&number, text) == VMC_OK &&
                   number <= UINT32_MAX
               ? (uint32_t)number
               : otherwise;
}

uint32_t sweep_launch_ranks(void)
{
    return number_of("OMPI_COMM_WORLD_SIZE", 1);
}

uint32_t sweep_launch_rank(void)
{
    return number_of("OMPI_COMM_WORLD_RANK", 0);
}

enum vmc_status sweep_launch_mpi(char **argv, struct vmc_error *error)
{
    /* In the build tree, and where "make install" puts it. */
    static const char *const places[] = {"vmcycle-mpi",
                                         "../lib/vmcycle/vmcycle-mpi"};
    char self[PATH_MAX], path[PATH_MAX + 64];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *slash;

    if (bytes <= 0) {
        return vmc_fail(error, VMC_E_IO, "/proc/self/exe: %s", strerror(errno));
    }
    self[bytes] = '\0';
    slash = strrchr(self, '/');
    argv[0] = self;
    for (size_t i = 0; i < VMC_COUNT_OF(places); i++) {
        (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self), self,
                       places[i]);
        if (access(path, X_OK) == 0) {
            (void)execv(path, argv);
            return vmc_fail(error, VMC_E_IO, "%s: cannot start: %s", path,
                            strerror(errno));
        }
    }
    return vmc_fail(error, VMC_E_IO,
                    "started by mpirun as one of %u processes, but built "
                    "without MPI; install libopenmpi-dev and openmpi-bin and "
                    "build again, or use -j",
                    sweep_launch_ranks());
}
