/* SPDX-License-Identifier: MIT */
/**
 * explore_search.h - the search behind vmcycle explore: its options, its
 * budget in host time, and its result as text and as JSON.
 */
#ifndef VMC_SIM_EXPLORE_EXPLORE_SEARCH_H
#define VMC_SIM_EXPLORE_EXPLORE_SEARCH_H

#include <argp.h>
#include <jansson.h>
#include <stdio.h>

#include "explore/search.h"
#include "sim/explore/explore_keep.h"
#include "sim/progress.h"

/** What is to be searched, and how far. Fields belong to explore_search.c. */
struct explore_search {
    struct vmc_search_config config;
    uint64_t time_limit_ms; /**< 0: none */
    int64_t start_ms;
    uint64_t steps_shown;
    struct explore_keep keep; /**< its checkpoints */
    bool is_interrupted;      /**< a signal ended it, see interrupted.h */
    struct progress progress;
};

/** Options of a search, for the children of a command's parser; the input is
 * a struct explore_search after explore_search_init(). */
extern const struct argp explore_search_argp;

/** Put the defaults into *@search. */
void explore_search_init(struct explore_search *search);

/** Add what a checkpoint and the search that goes on from it must agree about
 * to search->keep.terms. */
void explore_search_add_terms(struct explore_search *search);

/**
 * Search @model, with a progress bar when it takes long.
 * Fails    as vmc_search(), with a line in @error.
 */
enum vmc_status explore_search_run(struct explore_search *search,
                                   struct vmc_search_result *result,
                                   const struct vmc_model_ops *ops, void *model,
                                   struct vmc_error *error);

/** The word for the verdict: "violation", or what the absence of one is worth:
 * "clean" when exhaustive, else "bounded" or "sampled". */
const char *explore_search_verdict(const struct vmc_search_result *result,
                                   bool is_violation);

/** Print the counts and the guarantee, one line each. */
void explore_search_print(const struct explore_search *search,
                          const struct vmc_search_result *result, FILE *to);

/** Add the keys of the result to @root. */
void explore_search_describe(const struct explore_search *search,
                             const struct vmc_search_result *result,
                             json_t *root);

/** A hash over all that was found. */
uint64_t explore_search_fingerprint(const struct vmc_search_result *result);

#endif
