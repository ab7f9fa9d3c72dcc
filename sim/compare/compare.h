/* SPDX-License-Identifier: MIT */
/**
 * compare.h - the same input through two or more designs, side by side.
 *
 * Each subject is a function with the arguments of the command; the front
 * chooses it by the option that names the subject.
 */
#ifndef VMC_SIM_COMPARE_COMPARE_H
#define VMC_SIM_COMPARE_COMPARE_H

/** Ways to route interrupts: EIOINTC, V-EIOINTC and what was proposed. */
int compare_irq(int argc, char **argv);

/** Ways to serve the accesses of a recorded KVM guest. */
int compare_dispatch(int argc, char **argv);

/** Ways to move the pages of a recorded balloon. */
int compare_balloon(int argc, char **argv);

/** Designs of destroying a vCPU, in time. */
int compare_destroy(int argc, char **argv);

/** Measured grace periods beside those of the timed model. */
int compare_grace(int argc, char **argv);

#endif
