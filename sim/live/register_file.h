/* SPDX-License-Identifier: MIT */
/**
 * register_file.h - the registers of a small device, described in lines.
 *
 * A line is one register, or a window that the registers after it lie in:
 *
 *     # offset width kind [reset [name]]
 *     window 7                    # commands with user_data 7
 *     0x00  4  rw       0xdead    control
 *     0x04  4  w1c      0xff      status
 *     0x100 256 ram               buffer
 *
 * On a command line ':' may stand for a blank. Registers before the first
 * window answer every user_data that no window names.
 *
 * An access may cover part of a register, or several: each gets its bytes, in
 * ascending order. A byte where there is no register reads as 0, is ignored
 * when written, and makes the access one that nobody claimed.
 *
 * Units    Offsets are bytes from the start of the window.
 * Owner    A register file is plain data without pointers.
 */
#ifndef VMC_SIM_LIVE_REGISTER_FILE_H
#define VMC_SIM_LIVE_REGISTER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum {
    REGISTERS_MAX = 256,
    REGISTER_WINDOWS_MAX = 16,
    REGISTER_RAM_BYTES_MAX = 1 << 16, /**< of all of kind ram */
    REGISTER_NAME_BYTES = 24,
    REGISTER_LINE_BYTES_MAX = 200,
};

/** What reading and writing a register does. */
enum register_kind {
    REGISTER_RW,
    REGISTER_RO,      /**< writes change nothing */
    REGISTER_WO,      /**< reads as 0; value() sees what was written */
    REGISTER_W1C,     /**< writing a 1 clears the bit */
    REGISTER_RC,      /**< reading clears what was read */
    REGISTER_COUNTER, /**< each read adds 1, after it gave the value */
    REGISTER_TALLY,   /**< each write adds 1, whatever is written */
    REGISTER_SUM,     /**< each write adds what is written */
    REGISTER_RAM,     /**< bytes, as many as the width says */
    REGISTER_KIND_COUNT
};

/** One register. Fields belong to register_file.c. */
struct register_entry {
    uint64_t offset;
    uint64_t value, reset;
    uint32_t width_bytes;
    uint32_t ram_index; /**< its first byte in ram */
    uint8_t kind;       /**< enum register_kind */
    char name[REGISTER_NAME_BYTES];
};

/** Registers [first, end), in ascending order of offset. */
struct register_window {
    uint64_t user_data;
    uint32_t first, end;
    bool is_default; /**< answers every user_data that no other one has */
};

/** Zeroed memory is a file without registers. */
struct register_file {
    uint32_t register_count, window_count, ram_bytes;
    struct register_window windows[REGISTER_WINDOWS_MAX];
    struct register_entry registers[REGISTERS_MAX];
    uint8_t ram[REGISTER_RAM_BYTES_MAX];
};

/** One access to it. */
struct register_access {
    uint64_t user_data, offset;
    uint64_t data; /**< the bytes, the lowest address in the lowest byte */
    uint8_t length_bytes; /**< 0 to 8; 0 touches nothing and is claimed */
    bool is_write;
};

/**
 * Add what @line says; an empty line or a comment adds nothing.
 * Fails    VMC_E_FORMAT, VMC_E_RANGE, with a text in @error; the file is then
 *          unchanged.
 */
enum vmc_status register_file_add(struct register_file *file, const char *line,
                                  struct vmc_error *error);

/**
 * Add every line of the text file @path.
 * Fails    as register_file_add(), with FILE:LINE; VMC_E_IO.
 */
enum vmc_status register_file_load(struct register_file *file, const char *path,
                                   struct vmc_error *error);

/** All registers to their reset values, all ram to 0. */
void register_file_reset(struct register_file *file);

/**
 * Do @access. A read puts its bytes into @access->data, the rest is 0.
 * Returns  false when a byte of it belongs to no register.
 * Asserts  the length is at most 8.
 */
bool register_file_access(struct register_file *file,
                          struct register_access *access);

/** The register called @name, or NULL: its value is for tests and reports. */
const struct register_entry *
register_file_find(const struct register_file *file, const char *name);

/** The word for @kind in a line. */
const char *register_kind_name(enum register_kind kind);

#endif
