/* SPDX-License-Identifier: MIT */
/**
 * bus_log.h - the accesses of a recorded KVM guest, put together from lines.
 *
 * A recording says in several lines what one access did: it left the guest, it
 * was a write of so much there, KVM_RUN returned to user space, the guest went
 * on. Which lines there are depends on the access, on the architecture and on
 * which events were switched on. The log keeps one state for each thread and
 * gives out whole accesses, in the order in which their ends became known.
 *
 * Units    Times are ns since the first record.
 */
#ifndef VMC_SIM_REPLAY_BUS_LOG_H
#define VMC_SIM_REPLAY_BUS_LOG_H

#include "base/archive.h"
#include "base/base.h"
#include "trace/record.h"

enum { BUS_LOG_THREADS_MAX = 1024 };

enum bus_space { BUS_MMIO, BUS_PIO, BUS_IOCSR, BUS_SPACE_COUNT };

/** "mmio", "pio", "iocsr". */
const char *bus_space_name(enum bus_space space);

/** How the recorded time of an access is known. */
enum bus_time {
    BUS_TIME_NONE,  /**< not at all */
    BUS_TIME_BOUND, /**< up to the next event of its thread: at most that */
    BUS_TIME_EXACT, /**< to the resumption of the guest or end of the read */
};

/** One access of the guest, or the part of it in one page. */
struct bus_access {
    uint64_t addr, value;
    uint64_t line; /**< of its first event of the access itself */
    uint64_t start_ns, end_ns;
    uint32_t len;    /**< bytes of an element */
    uint32_t count;  /**< elements of a string instruction, else 1 */
    uint32_t exits;  /**< returns to user space that it took */
    uint16_t thread; /**< in the order of first appearance, from 0 */
    uint8_t space;   /**< enum bus_space */
    uint8_t time;    /**< enum bus_time */
    bool is_write;
    bool is_fast;      /**< by the address alone, before decoding */
    bool is_guessed;   /**< the log does not say whose exit it was */
    uint8_t unused[5]; /**< 0, so that a checkpoint has no bytes by chance */
};

/** Lines by kind, and what did not fit together. */
struct bus_log_counts {
    uint64_t mmio_reads, mmio_writes, mmio_unsatisfied;
    uint64_t pio_reads, pio_writes, pio_elements; /**< elements of all lines */
    uint64_t iocsr_reads, iocsr_writes, iocsr_unsatisfied;
    uint64_t fast_mmio;
    uint64_t ioregionfd_commands, ioregionfd_responses;
    uint64_t entries, exits; /**< kvm_entry and kvm_exit */
    uint64_t userspace_exits;
    uint64_t exits_io, exits_mmio, exits_iocsr, exits_other, exits_restarted;
    uint64_t exits_loose; /**< for an access, but none is in the log */
    uint64_t set_irqs, acked_irqs, msi_irqs, wakeups;
    uint64_t split_reads;  /**< read whose lines differ in address or size */
    uint64_t split_writes; /**< writes of two parts, at a page's end */
    uint64_t guesses;      /**< exits that two accesses could have caused */
    uint64_t threads_many; /**< lines of threads beyond the limit */
    uint64_t max_len_line; /**< first line with an impossible length, or 0 */
};

/** Who uses a log. */
struct bus_log_ops {
    /** Would the model serve @access in the kernel? Asked where the log does
     * not say whose exit it shows. */
    bool (*claims)(void *owner, const struct bus_access *access);
    /** Has the model seen accesses like @access leave to user space? Asked when
     * neither of two is claimed. */
    bool (*leaves)(void *owner, const struct bus_access *access);
    /** One access is complete. */
    void (*access)(void *owner, const struct bus_access *access);
};

struct bus_log;

/** Make an empty log. Fails VMC_E_NOMEM. @ops and @owner are borrowed. */
enum vmc_status bus_log_new(struct bus_log **out, const struct bus_log_ops *ops,
                            void *owner);
void bus_log_free(struct bus_log *log);

/** Take one record; kinds that are not of the bus are passed over. @reason is
 * the text of a return to user space, "" for other kinds. */
void bus_log_take(struct bus_log *log, const struct vmc_record *record,
                  const char *reason);

/** The trace has ended: what is under way is given out as it stands. */
void bus_log_end(struct bus_log *log);

/** Save or load all that records have changed. */
void bus_log_archive(struct bus_log *log, struct vmc_archive *archive);

const struct bus_log_counts *bus_log_counts(const struct bus_log *log);

/** How many threads there are, and the host's number of one. */
uint32_t bus_log_thread_count(const struct bus_log *log);
uint32_t bus_log_thread(const struct bus_log *log, uint32_t index);

#endif
