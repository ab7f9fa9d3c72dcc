/* SPDX-License-Identifier: MIT */
/**
 * record.h - what one line of a recording says, whatever format it came in.
 *
 * Units    Times are ns since the first record of the trace.
 */
#ifndef VMC_TRACE_RECORD_H
#define VMC_TRACE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

/**
 * The events that a recording can hold. The list is append-only: its numbers
 * are part of the native format. The comment gives the meaning of the args.
 * "text" is the number of a string, see vmc_reader_text().
 */
enum vmc_record_kind {
    VMC_REC_NONE,
    /* QEMU, LoongArch interrupt path */
    VMC_REC_EXTIOI_SETIRQ,  /**< irq, level */
    VMC_REC_EXTIOI_READ,    /**< addr from 0x1400, value; 4 bytes */
    VMC_REC_EXTIOI_WRITE,   /**< addr from 0x1400, value; 4 bytes */
    VMC_REC_MSI_SET_IRQ,    /**< irq = vector - 32 */
    VMC_REC_PCH_PIC_IRQ,    /**< pin, level */
    VMC_REC_PCH_PIC_READ,   /**< addr from 0x10000000, value, size */
    VMC_REC_PCH_PIC_WRITE,  /**< addr from 0x10000000, value, size */
    VMC_REC_IPI_READ,       /**< addr & 0xff, value, size */
    VMC_REC_IPI_WRITE,      /**< addr & 0xff, value, size */
    VMC_REC_KVM_LOONG_EXIT, /**< kvm_arch_handle_exit: reason */
    VMC_REC_KVM_SET_INTR,   /**< irq, level */
    /* QEMU, virtio and balloon */
    VMC_REC_VIRTIO_QUEUE_NOTIFY, /**< vdev, queue index, vq */
    VMC_REC_VIRTIO_NOTIFY,       /**< vdev, vq */
    VMC_REC_VIRTQUEUE_POP,       /**< vq, elem, in_num, out_num */
    VMC_REC_VIRTQUEUE_FILL,      /**< vq, elem, len, idx */
    VMC_REC_VIRTQUEUE_FLUSH,     /**< vq, count */
    VMC_REC_BALLOON_OUTPUT,      /**< gpa, text of the section name */
    VMC_REC_BALLOON_GET_CONFIG,  /**< num_pages, actual */
    VMC_REC_BALLOON_SET_CONFIG,  /**< actual, oldactual */
    VMC_REC_BALLOON_TO_TARGET,   /**< target bytes, num_pages */
    VMC_REC_BALLOON_BAD_ADDR,    /**< gpa */
    /* ftrace, system kvm */
    VMC_REC_KVM_ENTRY,      /**< vcpu, pc (kvm_enter, kvm_entry, reenter);
                               x86: intr_info, error code, 1 when it left
                               at once */
    VMC_REC_KVM_EXIT,       /**< vcpu, pc, text of the reason; x86: info1,
                               info2, intr_info, error code, requests;
                               arm64: class, 4 zeros, text of the exit */
    VMC_REC_KVM_EXIT_IDLE,  /**< vcpu, pc, text of the reason */
    VMC_REC_KVM_EXIT_CACHE, /**< vcpu, pc, text of the reason */
    VMC_REC_KVM_EXIT_GSPR,  /**< vcpu, instruction word */
    VMC_REC_KVM_OUT,        /**< vcpu, pc */
    VMC_REC_KVM_IOCSR,      /**< enum vmc_record_access, len, gpa, val */
    VMC_REC_KVM_MMIO,       /**< enum vmc_record_access, len, gpa, val */
    VMC_REC_KVM_PIO, /**< enum vmc_record_access, size, port, val, count */
    VMC_REC_KVM_USERSPACE_EXIT, /**< reason number, text of its name, errno */
    VMC_REC_KVM_SET_IRQ,        /**< gsi, level, source */
    VMC_REC_KVM_ACK_IRQ,        /**< text of the chip, pin */
    VMC_REC_KVM_MSI_SET_IRQ,    /**< dst, vector, text of the rest */
    VMC_REC_KVM_VCPU_WAKEUP,    /**< wait ns, is poll, is valid */
    VMC_REC_KVM_HALT_POLL,      /**< 1 when grown, new ns, old ns, vcpu */
    VMC_REC_KVM_AUX,            /**< text op, text state, pc */
    VMC_REC_KVM_VPID_CHANGE,    /**< vpid */
    /* ftrace, systems rcu, irq and cpuhp */
    VMC_REC_IRQ_HANDLER_ENTRY, /**< irq, text of the name */
    VMC_REC_IRQ_HANDLER_EXIT,  /**< irq, 1 when handled */
    VMC_REC_RCU_UTILIZATION,   /**< text of what */
    VMC_REC_RCU_GRACE_PERIOD,  /**< text flavour, sequence, text event */
    VMC_REC_RCU_FUTURE_GP,   /**< flavour, seq, seq_req, level, lo, hi, event */
    VMC_REC_RCU_GP_INIT,     /**< flavour, seq, level, lo, hi, mask */
    VMC_REC_RCU_QS_REPORT,   /**< flavour, seq, mask, qsmask, level, lo, hi,
                                gp_tasks */
    VMC_REC_RCU_FQS,         /**< flavour, seq, cpu, text event */
    VMC_REC_RCU_WATCHING,    /**< text polarity, old, new, counter */
    VMC_REC_RCU_CALLBACK,    /**< flavour, rhp, text func, queue length */
    VMC_REC_RCU_SEGCB_STATS, /**< text context; lengths of DONE, WAIT,
                                NEXT_READY, NEXT; gp_seq of WAIT, NEXT_READY,
                                NEXT, DONE */
    VMC_REC_RCU_BATCH_START, /**< flavour, callbacks, batch limit */
    VMC_REC_RCU_INVOKE,      /**< flavour, rhp, text func */
    VMC_REC_RCU_INVOKE_KVFREE, /**< flavour, rhp, offset */
    VMC_REC_RCU_INVOKE_BULK,   /**< flavour, count, pointer */
    VMC_REC_RCU_BATCH_END,     /**< flavour, invoked, text idle flags */
    VMC_REC_RCU_SR_NORMAL,     /**< flavour, rhp, text event */
    VMC_REC_RCU_BARRIER,       /**< flavour, text event, cpu, count, done */
    VMC_REC_RCU_EXP_GP,        /**< flavour, seq, text event */
    VMC_REC_RCU_STALL,         /**< flavour, text */
    VMC_REC_CPUHP_ENTER,       /**< cpu, target, step, text func */
    VMC_REC_CPUHP_MULTI_ENTER, /**< cpu, target, step, text func */
    VMC_REC_CPUHP_EXIT,        /**< cpu, state, step, ret */
    /* QEMU, virtio-mem and memory */
    VMC_REC_BALLOON_EVENT,      /**< opaque, addr */
    VMC_REC_RAM_DISCARD,        /**< text of the block, host address, bytes,
                                   madvise, fallocate, ret */
    VMC_REC_MEM_PLUG,           /**< addr, blocks */
    VMC_REC_MEM_UNPLUG,         /**< addr, blocks */
    VMC_REC_MEM_UNPLUG_ALL,     /**< (none) */
    VMC_REC_MEM_UNPLUGGED_ALL,  /**< (none) */
    VMC_REC_MEM_STATE,          /**< addr, blocks */
    VMC_REC_MEM_RESPONSE,       /**< type */
    VMC_REC_MEM_STATE_RESPONSE, /**< state */
    VMC_REC_MEM_RESIZED,        /**< old bytes, new bytes */
    /* ftrace, ways of an access */
    VMC_REC_KVM_FAST_MMIO,   /**< gpa */
    VMC_REC_IOREGIONFD_CMD,  /**< text command, text bus, gpa, len, offset,
                                data, user data, response wanted */
    VMC_REC_IOREGIONFD_RESP, /**< gpa, data, latency ns, errno */
    VMC_REC_KIND_COUNT
};

/** Direction of a recorded access. */
enum vmc_record_access {
    VMC_REC_UNSATISFIED_READ,
    VMC_REC_READ,
    VMC_REC_WRITE
};

enum { VMC_REC_ARGS_MAX = 9 };

/** One event. Args beyond those of its kind are 0. */
struct vmc_record {
    uint64_t time_ns; /**< never less than the record before; see format.md */
    uint64_t line;    /**< in the text it came from, from 1 */
    uint32_t thread;  /**< host thread or task id */
    uint16_t kind;    /**< enum vmc_record_kind */
    uint8_t cpu;      /**< of an ftrace line; 0 elsewhere */
    uint8_t flags;    /**< of an ftrace line: enum vmc_record_flag */
    uint64_t args[VMC_REC_ARGS_MAX];
};

/** The context characters of an ftrace line that a model may want. */
enum vmc_record_flag {
    VMC_REC_IRQS_OFF = 1,
    VMC_REC_NEED_RESCHED = 2,
    VMC_REC_HARDIRQ = 4,
    VMC_REC_SOFTIRQ = 8,
    VMC_REC_IDLE_TASK = 16, /**< the task is <idle> */
};

/** The name of @kind as the recording program prints it; never NULL. */
const char *vmc_record_kind_name(enum vmc_record_kind kind);

/** The kind with this name; VMC_REC_NONE when there is none. */
enum vmc_record_kind vmc_record_kind_named(const char *name);

/** How many args a record of @kind has. */
uint32_t vmc_record_arg_count(enum vmc_record_kind kind);

/** True when arg @index of @kind is the number of a text. */
bool vmc_record_arg_is_text(enum vmc_record_kind kind, uint32_t index);

#endif
