/* SPDX-License-Identifier: MIT */
/**
 * frontend.h - from an instruction of the guest to calls of the bus, and to
 * what user space is told when nobody in the kernel takes them.
 *
 * A front end does what the kernel does between an exit and the next entry: it
 * asks the memory slots, cuts the access into pieces that the bus takes, and
 * fills the exit record for what is left. An access that goes to user space is
 * complete only after the next vmc_front_run(), as after the next KVM_RUN.
 *
 * Returns  As inside KVM: VMC_FRONT_GUEST goes on with the guest,
 *          VMC_FRONT_EXIT returns to user space with an exit record, a
 *          negative errno returns to user space with that.
 * Owner    struct vmc_front_vcpu is plain data, to be saved by copying it.
 * Threads  One VM, one thread. Nothing is allocated.
 */
#ifndef VMC_IOREGION_FRONTEND_H
#define VMC_IOREGION_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "ioregion/bus.h"

enum { VMC_FRONT_EXIT = 0, VMC_FRONT_GUEST = 1 };

/** KVM_EXIT_... as they stand in exit_reason. */
enum {
    VMC_EXIT_IO = 2,
    VMC_EXIT_MMIO = 6,
    VMC_EXIT_INTR = 10,
    VMC_EXIT_ARM_NISV = 28,
    VMC_EXIT_LOONGARCH_IOCSR = 38
};

enum {
    VMC_FRONT_ACCESS_BYTES_MAX = 64, /**< of one load or store */
    VMC_FRONT_STRING_BYTES_MAX = 4096,
    VMC_FRONT_SLOTS_MAX = 32,
    VMC_FRONT_FRAGMENTS_MAX = 2,
    VMC_FRONT_READ_AHEAD_BYTES = 1024 /**< of REP INS; buffer in emulate.c */
};

/** The guests that there are front ends for. */
enum vmc_arch { VMC_ARCH_X86, VMC_ARCH_ARM64, VMC_ARCH_LOONGARCH };

/** The member mmio of struct kvm_run; IOCSR exits have the same. */
struct vmc_kvm_exit_mmio {
    uint64_t phys_addr;
    uint8_t data[8]; /**< the first len bytes, in guest memory order */
    uint32_t len;
    uint8_t is_write;
};

/** The member io of struct kvm_run. */
struct vmc_kvm_exit_io {
    uint8_t direction; /**< 0 in, 1 out */
    uint8_t size;
    uint16_t port;
    uint32_t count;
    uint64_t data_offset; /**< of the packed elements in the run mapping */
};

/** What user space sees of a vCPU. */
struct vmc_kvm_run {
    uint8_t immediate_exit; /**< in: return before the guest is entered */
    uint32_t exit_reason;
    struct vmc_kvm_exit_mmio mmio;
    struct vmc_kvm_exit_io io;
    struct {
        uint64_t esr_iss, fault_ipa;
    } arm_nisv;
    uint8_t io_data[VMC_FRONT_STRING_BYTES_MAX]; /**< page 1 of the mapping */
};

/** What the guest finds instead of its next instruction. */
enum vmc_front_fault {
    VMC_FAULT_NONE,
    VMC_FAULT_ADDRESS, /**< LoongArch ADE: no such address, or no decode */
    VMC_FAULT_ABORT    /**< arm64: a data abort was injected */
};

/** What is left over from the last return to user space. */
enum vmc_front_pending {
    VMC_PENDING_NONE,
    VMC_PENDING_MMIO,       /**< an exit record waits for its answer */
    VMC_PENDING_MMIO_AGAIN, /**< a handler was interrupted */
    VMC_PENDING_PIO,
    VMC_PENDING_PIO_AGAIN,
    VMC_PENDING_IOCSR
};

/** A vCPU as a front end sees it. Zeroed but for its index. */
struct vmc_front_vcpu {
    uint32_t index;
    struct vmc_kvm_run run;
    bool is_signalled;          /**< in: a signal is pending for the thread */
    enum vmc_front_fault fault; /**< out: of the last access */

    /** in: what a store stores. out: what a load got. */
    uint8_t data[VMC_FRONT_ACCESS_BYTES_MAX];
    uint64_t value; /**< out: the register of a load on arm64, LoongArch */
    uint64_t rax;   /**< in and out: of IN and OUT */
    uint64_t pc;    /**< in and out: LoongArch, moved by the emulation */
    uint32_t rd;    /**< out: LoongArch, number of the register of a load */
    uint8_t string[VMC_FRONT_STRING_BYTES_MAX]; /**< of INS and OUTS */

    enum vmc_front_pending pending;
    struct {
        uint64_t gpa;
        uint32_t size_bytes, cursor;
        bool is_write, has_begun_part, is_signed, is_64bit;
        uint32_t fragment, fragment_count;
        struct {
            uint64_t gpa;
            uint32_t at, len; /**< in data */
        } fragments[VMC_FRONT_FRAGMENTS_MAX];
    } mmio;
    struct {
        uint16_t port;
        uint8_t size;
        bool is_in, is_string, is_batched;
        uint32_t count, done;   /**< elements of the instruction */
        uint32_t batch, cursor; /**< elements of the batch at done */
        uint32_t room_bytes;    /**< to the end of the page of an INS */
    } pio;
};

/** What a kernel with tracing switched on would print. */
enum vmc_front_event_kind {
    VMC_EVENT_MMIO_UNSATISFIED,
    VMC_EVENT_MMIO_READ,
    VMC_EVENT_MMIO_WRITE,
    VMC_EVENT_PIO_READ,
    VMC_EVENT_PIO_WRITE,
    VMC_EVENT_FAST_MMIO,
    VMC_EVENT_USERSPACE_EXIT
};

/** One line that KVM would trace. Which fields count depends on the kind. */
struct vmc_front_event {
    enum vmc_front_event_kind kind;
    uint32_t vcpu;
    uint64_t addr; /**< or port */
    uint32_t len, count;
    uint64_t value;
    uint32_t reason;
    int result; /**< what KVM_RUN returns */
};

/** Called with each event, as it happens. */
typedef void vmc_front_event_fn(void *owner,
                                const struct vmc_front_event *event);

/** How the machine behaves. */
struct vmc_front_config {
    enum vmc_arch arch;  /**< of the guest */
    bool has_fast_mmio;  /**< VMX, by EPT misconfiguration */
    bool reports_nisv;   /**< KVM_CAP_ARM_NISV_TO_USER is enabled */
    bool is_protected;   /**< arm64: a protected VM */
    uint32_t page_bytes; /**< of the guest: where accesses are cut */
    uint64_t gpa_limit;  /**< LoongArch: first address beyond; 0 for none */
};

/** Guest memory. */
struct vmc_front_slot {
    uint64_t gpa, size_bytes; /**< 0: the place is free */
    bool is_readonly;
    uint8_t *host; /**< borrowed; NULL for memory whose content is nobody's */
};

/** What a VM's front ends count. */
struct vmc_front_counts {
    uint64_t ram, fast, fronts, bus, refused; /**< pieces, by who took them */
    uint64_t exits_mmio, exits_io;     /**< to user space, by their reason */
    uint64_t exits_iocsr, exits_other; /**< likewise */
    uint64_t mmio_exit_kernel, mmio_exit_user; /**< arm64 statistics */
};

/** The front ends of a VM. */
struct vmc_front {
    struct vmc_front_config config;
    struct vmc_bus *bus;
    struct vmc_front_slot slots[VMC_FRONT_SLOTS_MAX];
    struct vmc_front_counts counts;
    vmc_front_event_fn *event;
    void *owner;
};

/** x86 with 4 KiB pages, or arm64 with 4 KiB, or LoongArch with 16 KiB. */
struct vmc_front_config vmc_front_defaults(enum vmc_arch arch);

/**
 * Begin without memory slots.
 * Owner    @bus is borrowed, @config copied.
 * Asserts  the page is a power of two.
 */
void vmc_front_init(struct vmc_front *front, struct vmc_bus *bus,
                    const struct vmc_front_config *config);

/** Call @event with @owner for what tracing would print. NULL is allowed. */
void vmc_front_on_event(struct vmc_front *front, vmc_front_event_fn *event,
                        void *owner);

/**
 * Set memory slot number @slot; a size of 0 deletes it.
 * Owner    the host memory is borrowed.
 * Returns  0; -EINVAL for a number, an alignment or an end that cannot be, and
 *          for deleting what is not there; -EEXIST when it meets another;
 *          VMC_BUS_LOCKED, for it takes slots_lock too.
 */
int vmc_front_set_slot(struct vmc_front *front, uint32_t slot,
                       const struct vmc_front_slot *memory);

/**
 * A load or store of the guest on x86: @size_bytes at @gpa, which may cross a
 * page. A store takes vcpu->data, a load puts its bytes there.
 * Asserts  nothing is pending; 1 to VMC_FRONT_ACCESS_BYTES_MAX bytes.
 * Order    All pieces are offered in the kernel before the first exit.
 */
int vmc_front_x86(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  uint64_t gpa, uint32_t size_bytes, bool is_write);

/**
 * OUT and IN of @size 1, 2 or 4 bytes, from and to vcpu->rax.
 * Asserts  nothing is pending; the size.
 */
int vmc_front_out(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  uint16_t port, uint8_t size);
int vmc_front_in(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                 uint16_t port, uint8_t size);

/** REP OUTS or INS of @count elements, from and to vcpu->string. */
struct vmc_front_string {
    uint16_t port;
    uint8_t size;
    bool is_in;
    uint32_t count;
    uint32_t room_bytes; /**< to the end of the page of an INS; 0: enough */
    bool is_batched;     /**< OUTS all at once, as SEV-ES does */
};

/**
 * A string instruction. OUTS goes out an element at a time, INS reads ahead.
 * Asserts  nothing is pending; the elements fit.
 */
int vmc_front_rep(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                  const struct vmc_front_string *string);

/** A data abort of arm64, from its syndrome. */
struct vmc_front_abort {
    uint64_t gpa;
    uint32_t size_bytes; /**< 1, 2, 4, 8 */
    bool is_write;
    bool has_syndrome; /**< else size and register are not known */
    bool is_signed;    /**< the load extends the sign */
    bool is_64bit;     /**< the register is an X one */
    uint64_t value;    /**< what a store stores */
    uint64_t esr_iss;
};

/** That abort. A load puts its register into vcpu->value. */
int vmc_front_arm64(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                    const struct vmc_front_abort *abort);

/**
 * A load or store of LoongArch: the instruction word @badi at @gpa, with
 * @value in its register if it stores. Before 6.18 no bus is asked.
 */
int vmc_front_loongarch(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                        uint32_t badi, uint64_t gpa, uint64_t value);

/** An IOCSR access that no device in the kernel took. */
int vmc_front_iocsr(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                    uint32_t addr, uint32_t size_bytes, bool is_write,
                    uint64_t value);

/**
 * KVM_RUN: finish what is pending with what user space put into the exit
 * record, then look at immediate_exit and signals, then go on.
 * Returns  VMC_FRONT_GUEST; VMC_FRONT_EXIT for the next piece; -EINTR. With
 *          immediate_exit the exit_reason stays what it was.
 */
int vmc_front_run(struct vmc_front *front, struct vmc_front_vcpu *vcpu);

/**
 * The text of @event, as the kernel's trace has it after the event's name.
 * Returns  its length, as snprintf() does.
 */
int vmc_front_event_text(const struct vmc_front_event *event, char *text,
                         size_t size_bytes);

/** The name of @event's kind in a trace, "kvm_mmio" and so on. */
const char *vmc_front_event_name(const struct vmc_front_event *event);

#endif
