/* SPDX-License-Identifier: MIT */
/**
 * protocol.h - the operations of the designs v4, f1, f2, f3 and f4 as
 * procedures of the scenario language.
 *
 * Every scenario may call them. They find the locks and pointers that they
 * need by name in the scenario that calls them; the head of protocol.c lists
 * the names.
 */
#ifndef VMC_VCPU_PROTOCOL_H
#define VMC_VCPU_PROTOCOL_H

/** The text that is compiled before every scenario. Static storage. */
const char *vmc_life_protocol(void);

#endif
