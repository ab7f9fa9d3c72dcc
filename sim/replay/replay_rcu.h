/* SPDX-License-Identifier: MIT */
/**
 * replay_rcu.h - recorded grace periods and callbacks, checked and predicted.
 */
#ifndef VMC_SIM_REPLAY_REPLAY_RCU_H
#define VMC_SIM_REPLAY_REPLAY_RCU_H

#include "sim/replay/replay.h"

/** The section "rcu"; absent from traces without events of RCU. */
extern const struct replay_section replay_rcu;

#endif
