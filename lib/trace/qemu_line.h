/* SPDX-License-Identifier: MIT */
/**
 * qemu_line.h - records as QEMU's log backend prints them.
 *
 * What was imported from a log can so become one again, and what a simulated
 * device did can be read by whoever reads logs, vmcycle's importer first:
 *
 *     26358@12.345678:virtio_balloon_get_config num_pages: 0 actual: 0
 *
 * The stamp is the record's time, so it counts from the first record; a log
 * has whole us. An event that QEMU has renamed is printed under the new name.
 */
#ifndef VMC_TRACE_QEMU_LINE_H
#define VMC_TRACE_QEMU_LINE_H

#include "base/base.h"
#include "trace/record.h"

enum { VMC_QEMU_LINE_BYTES_MAX = 1024 };

/** True when @kind is an event of QEMU, and not of ftrace. */
bool vmc_record_is_qemu(enum vmc_record_kind kind);

/**
 * Print @record, with its line end and a null behind it. @text gives the
 * string that a text argument names; it gets @owner.
 * Returns  the bytes, without the null.
 * Asserts  vmc_record_is_qemu() of its kind.
 */
size_t vmc_qemu_line(char line[VMC_QEMU_LINE_BYTES_MAX],
                     const struct vmc_record *record,
                     const char *(*text)(const void *owner, uint64_t number),
                     const void *owner);

#endif
