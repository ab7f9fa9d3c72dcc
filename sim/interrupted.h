/* SPDX-License-Identifier: MIT */
/**
 * interrupted.h - SIGINT and SIGTERM: somebody wants the run to end, in order.
 *
 * The first signal is only noted. The loops of the commands ask for it between
 * two records, events, steps or points; they then finish their outputs with
 * what they have, say in them that it is not all, and the program exits with
 * 128 and the number of the signal. A later signal ends the program at once, as
 * if nobody watched: outputs that have no name yet never get one. What comes
 * within INTERRUPTED_ONE_MS of the first is the same wish: timeout(1), say,
 * tells first the process and then its group.
 *
 * Signals belong to the process, so what is known of them does, too.
 *
 * Threads  interrupted() may be asked by any; the rest is the main thread's.
 */
#ifndef VMC_SIM_INTERRUPTED_H
#define VMC_SIM_INTERRUPTED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "trace/reader.h"

enum { INTERRUPTED_ONE_MS = 200 };

/**
 * Note SIGINT and SIGTERM from now on, instead of dying of them. One that is
 * ignored stays so. Calls of the system are restarted, so that no output is
 * lost; who waits for input, for a process or for a peer uses the calls below.
 */
void interrupted_watch(void);

/** Whether a signal has come. Cheap enough for every event. */
bool interrupted(void);

/** The same for a loop that then ends: what is written from here on is of a
 * part, and interrupted_cut() says so to whoever writes it. */
bool interrupted_ends(void);

/** Whether a loop has ended so. */
bool interrupted_cut(void);

/** "SIGINT" or "SIGTERM", whichever came first; "" before. */
const char *interrupted_name(void);

/** The exit status: 128 and the signal, or @end when none has come. */
int interrupted_exit(int end);

/**
 * From the signal on, @fd is at its end: whoever waits in read() for it, then
 * or later, gets what an empty file gives. -1 for none; one at a time.
 * Owner    @fd stays open, for its owner to close after interrupted_input(-1).
 */
void interrupted_input(int fd);

/** Wait until @fd can be read. False: a signal came first. */
bool interrupted_poll(int fd);

/** vmc_reader_open() for a trace that ends, as if it were cut, at the signal,
 * even while standard input keeps it waiting. */
enum vmc_status interrupted_open(struct vmc_reader **out, const char *path,
                                 const char *meta_path,
                                 struct vmc_error *error);

/**
 * Wait for any child to end, as waitpid() does.
 * Returns  its number; 0 when none has, and a signal came; -1 with errno.
 */
pid_t interrupted_wait(int *wait_status);

/**
 * Say in @root, which may be NULL, whether the run was ended before its end;
 * and when it was, on @table and standard error, too. @what was done until
 * then: "12 records", say.
 */
void interrupted_tell(json_t *root, FILE *table, bool is_partial,
                      const char *what);

#endif
