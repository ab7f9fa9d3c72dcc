/* SPDX-License-Identifier: MIT */
#include "sim/explore/explore_keep.h"

#include <stdio.h>

#include "sim/interrupted.h"

enum { PATH_BYTES_MAX = 4096 };

static const struct argp_option option_table[] = {
    {"checkpoint-every", OPTION_CHECKPOINT_EVERY, "N", 0,
     "write a checkpoint into the folder of --checkpoint after every N states, "
     "or runs",
     0},
    {"checkpoint", OPTION_CHECKPOINT, "DIR", 0,
     "folder for checkpoints: NUMBER.ckpt, and interrupted.ckpt when SIGINT "
     "or SIGTERM ends the search",
     0},
    {"resume", OPTION_RESUME, "FILE", 0,
     "go on from this checkpoint, of the same search", 0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct explore_keep *keep = state->input;

    switch (key) {
    case OPTION_CHECKPOINT_EVERY:
        if (vmc_parse_u64(&keep->every, argument) != VMC_OK ||
            keep->every == 0) {
            argp_error(state, "--checkpoint-every '%s': expected a number",
                       argument);
        }
        return 0;
    case OPTION_CHECKPOINT:
        keep->options.folder = argument;
        return 0;
    case OPTION_RESUME:
        keep->options.resume = argument;
        return 0;
    case ARGP_KEY_END:
        if (keep->every != 0 && keep->options.folder == NULL) {
            argp_error(state, "--checkpoint-every needs --checkpoint DIR");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp explore_keep_argp = {option_table, parse_option, NULL, NULL,
                                       NULL,         NULL,         NULL};

static bool is_due(void *context, uint64_t done)
{
    struct explore_keep *keep = context;

    keep->is_signal = interrupted() && !keep->has_kept_signal;
    if (keep->is_signal) {
        return true;
    }
    if (done < keep->last) {
        keep->last = 0; /* another rung of a ladder counts anew */
    }
    if (keep->every == 0 || done - keep->last < keep->every) {
        return false;
    }
    keep->last = done;
    keep->number++;
    return true;
}

static void archive(void *context, struct vmc_archive *archive)
{
    struct explore_keep *keep = context;

    VMC_ARCHIVE(archive, keep->number);
    VMC_ARCHIVE(archive, keep->last);
}

static enum vmc_status keep_where(void *context,
                                  const struct vmc_archive *where)
{
    struct explore_keep *keep = context;
    char path[PATH_BYTES_MAX];

    checkpoint_options_path(
        &keep->options, keep->is_signal ? CHECKPOINT_INTERRUPTED : keep->number,
        path, sizeof(path));
    keep->has_kept_signal = keep->has_kept_signal || keep->is_signal;
    return checkpoint_write(path, &keep->terms, where, &keep->error);
}

enum vmc_status explore_keep_open(struct explore_keep *keep,
                                  struct vmc_search_config *config,
                                  struct vmc_error *error)
{
    enum vmc_status status;

    if (keep->options.folder == NULL && keep->options.resume == NULL) {
        return VMC_OK;
    }
    status = checkpoint_options_check(&keep->options, error);
    if (status == VMC_OK && keep->options.resume != NULL) {
        status = checkpoint_open(&keep->from, keep->options.resume,
                                 &keep->terms, error);
    }
    if (status != VMC_OK) {
        return status;
    }
    keep->has_kept_signal = keep->options.folder == NULL;
    keep->keeper = (struct vmc_search_keeper){
        .is_due = is_due,
        .archive = archive,
        .keep = keep_where,
        .context = keep,
        .resume = keep->from != NULL ? checkpoint_body(keep->from) : NULL};
    config->keeper = &keep->keeper;
    return VMC_OK;
}

void explore_keep_explain(const struct explore_keep *keep,
                          enum vmc_status status, struct vmc_error *error)
{
    struct vmc_error why = keep->error;

    if (status == VMC_E_FORMAT && keep->from != NULL) {
        (void)checkpoint_check(keep->from, &why);
    }
    if (why.text[0] != '\0') {
        *error = why;
    }
}

bool explore_keep_may_end(const struct explore_keep *keep)
{
    return keep->options.folder == NULL || keep->has_kept_signal;
}

void explore_keep_tell(const struct explore_keep *keep)
{
    char path[PATH_BYTES_MAX];

    if (keep->options.folder != NULL && keep->has_kept_signal) {
        checkpoint_options_path(&keep->options, CHECKPOINT_INTERRUPTED, path,
                                sizeof(path));
        (void)fprintf(stderr, "vmcycle: to go on: --resume %s\n", path);
    }
}

void explore_keep_close(struct explore_keep *keep)
{
    checkpoint_close(keep->from);
    keep->from = NULL;
}
