/* SPDX-License-Identifier: MIT */
/*
 * The texts of KVM's trace events, after include/trace/events/kvm.h of Linux
 * 6.12. Names of exit reasons end at 30 there; a later one is printed as a
 * number, 0x26 for IOCSR.
 */
#include "ioregion/frontend.h"

#include <errno.h>
#include <stdio.h>

static const char *const reasons[] = {"UNKNOWN",
                                      "EXCEPTION",
                                      "IO",
                                      "HYPERCALL",
                                      "DEBUG",
                                      "HLT",
                                      "MMIO",
                                      "IRQ_WINDOW_OPEN",
                                      "SHUTDOWN",
                                      "FAIL_ENTRY",
                                      "INTR",
                                      "SET_TPR",
                                      "TPR_ACCESS",
                                      "S390_SIEIC",
                                      "S390_RESET",
                                      "DCR",
                                      "NMI",
                                      "INTERNAL_ERROR",
                                      "OSI",
                                      "PAPR_HCALL",
                                      "S390_UCONTROL",
                                      "WATCHDOG",
                                      "S390_TSCH",
                                      "EPR",
                                      "SYSTEM_EVENT",
                                      "S390_STSI",
                                      "IOAPIC_EOI",
                                      "HYPERV",
                                      "ARM_NISV",
                                      "X86_RDMSR",
                                      "X86_WRMSR"};

static int mmio_text(const struct vmc_front_event *event, const char *what,
                     char *text, size_t size_bytes)
{
    return snprintf(text, size_bytes, "mmio %s len %u gpa 0x%llx val 0x%llx",
                    what, event->len, (unsigned long long)event->addr,
                    (unsigned long long)event->value);
}

static int pio_text(const struct vmc_front_event *event, const char *what,
                    char *text, size_t size_bytes)
{
    return snprintf(
        text, size_bytes, "pio_%s at 0x%llx size %u count %u val 0x%llx %s",
        what, (unsigned long long)event->addr, event->len, event->count,
        (unsigned long long)event->value, event->count > 1 ? "(...)" : "");
}

static int exit_text(const struct vmc_front_event *event, char *text,
                     size_t size_bytes)
{
    if (event->result < 0) {
        return snprintf(text, size_bytes, "reason %s (%d)",
                        event->result == -EINTR ? "restart" : "error",
                        -event->result);
    }
    if (event->reason >= VMC_COUNT_OF(reasons)) {
        return snprintf(text, size_bytes, "reason 0x%x (%u)", event->reason,
                        event->reason);
    }
    return snprintf(text, size_bytes, "reason KVM_EXIT_%s (%u)",
                    reasons[event->reason], event->reason);
}

int vmc_front_event_text(const struct vmc_front_event *event, char *text,
                         size_t size_bytes)
{
    switch (event->kind) {
    case VMC_EVENT_MMIO_UNSATISFIED:
        return mmio_text(event, "unsatisfied-read", text, size_bytes);
    case VMC_EVENT_MMIO_READ:
        return mmio_text(event, "read", text, size_bytes);
    case VMC_EVENT_MMIO_WRITE:
        return mmio_text(event, "write", text, size_bytes);
    case VMC_EVENT_PIO_READ:
        return pio_text(event, "read", text, size_bytes);
    case VMC_EVENT_PIO_WRITE:
        return pio_text(event, "write", text, size_bytes);
    case VMC_EVENT_FAST_MMIO:
        return snprintf(text, size_bytes, "fast mmio at gpa 0x%llx",
                        (unsigned long long)event->addr);
    case VMC_EVENT_USERSPACE_EXIT:
        break;
    }
    return exit_text(event, text, size_bytes);
}

const char *vmc_front_event_name(const struct vmc_front_event *event)
{
    switch (event->kind) {
    case VMC_EVENT_MMIO_UNSATISFIED:
    case VMC_EVENT_MMIO_READ:
    case VMC_EVENT_MMIO_WRITE:
        return "kvm_mmio";
    case VMC_EVENT_PIO_READ:
    case VMC_EVENT_PIO_WRITE:
        return "kvm_pio";
    case VMC_EVENT_FAST_MMIO:
        return "kvm_fast_mmio";
    case VMC_EVENT_USERSPACE_EXIT:
        break;
    }
    return "kvm_userspace_exit";
}
