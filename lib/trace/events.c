/* SPDX-License-Identifier: MIT */
/*
 * Names are looked up by a hash over their last eight bytes and their length.
 * The formats are those of QEMU's trace-events files and of the kernel's
 * tracepoints; where they changed, each form has its row, the newest first.
 */
#include "trace/events_priv.h"

#include <stdlib.h>
#include <string.h>

#define ACCESS "%{unsatisfied-read|read|write}0"

static const struct vmc_event events[] = {
    {"loongarch_extioi_setirq", VMC_REC_EXTIOI_SETIRQ,
     "set extirq irq %d0 level %d1", 0},
    {"loongarch_extioi_readw", VMC_REC_EXTIOI_READ, "addr: %x0 val: %x1", 0},
    {"loongarch_extioi_writew", VMC_REC_EXTIOI_WRITE, "addr: %x0 val: %x1", 0},
    {"loongarch_msi_set_irq", VMC_REC_MSI_SET_IRQ, "set msi irq %d0", 0},
    {"loongarch_pch_pic_irq_handler", VMC_REC_PCH_PIC_IRQ, "irq %d0 level %d1",
     0},
    /* The three old regions begin at 0, 0x3a0 and 0x100 of the window. */
    {"loongarch_pch_pic_read", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_write", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_low_readw", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_low_writew", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_pch_pic_high_readw", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0x3a0},
    {"loongarch_pch_pic_high_writew", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0x3a0},
    {"loongarch_pch_pic_readb", VMC_REC_PCH_PIC_READ,
     "size: %d2 addr: %x0 val: %x1", 0x100},
    {"loongarch_pch_pic_writeb", VMC_REC_PCH_PIC_WRITE,
     "size: %d2 addr: %x0 val: %x1", 0x100},
    {"loongson_ipi_read", VMC_REC_IPI_READ, "size: %d2 addr: %x0 val: %x1", 0},
    {"loongson_ipi_write", VMC_REC_IPI_WRITE, "size: %d2 addr: %x0 val: %x1",
     0},
    {"loongarch_ipi_read", VMC_REC_IPI_READ, "size: %d2 addr: %x0 val: %x1", 0},
    {"loongarch_ipi_write", VMC_REC_IPI_WRITE, "size: %d2 addr: %x0 val: %x1",
     0},
    {"kvm_arch_handle_exit", VMC_REC_KVM_LOONG_EXIT,
     "kvm arch handle exit, the reason number: %d0", 0},
    {"kvm_set_intr", VMC_REC_KVM_SET_INTR,
     "kvm set interrupt, irq num: %d0, level: %d1", 0},
    {"virtio_queue_notify", VMC_REC_VIRTIO_QUEUE_NOTIFY,
     "vdev %p0 n %d1 vq %p2", 0},
    {"virtio_notify", VMC_REC_VIRTIO_NOTIFY, "vdev %p0 vq %p1", 0},
    {"virtqueue_pop", VMC_REC_VIRTQUEUE_POP,
     "vq %p0 elem %p1 in_num %d2 out_num %d3", 0},
    {"virtqueue_fill", VMC_REC_VIRTQUEUE_FILL,
     "vq %p0 elem %p1 len %d2 idx %d3", 0},
    {"virtqueue_flush", VMC_REC_VIRTQUEUE_FLUSH, "vq %p0 count %d1", 0},
    {"virtio_balloon_handle_output", VMC_REC_BALLOON_OUTPUT,
     "section name: %w1 gpa: %x0", 0},
    {"virtio_balloon_get_config", VMC_REC_BALLOON_GET_CONFIG,
     "num_pages: %u0 actual: %u1", 0},
    {"virtio_balloon_set_config", VMC_REC_BALLOON_SET_CONFIG,
     "actual: %u0 oldactual: %u1", 0},
    {"virtio_balloon_to_target", VMC_REC_BALLOON_TO_TARGET,
     "balloon target: %x0 num_pages: %u1", 0},
    {"virtio_balloon_bad_addr", VMC_REC_BALLOON_BAD_ADDR, "%x0", 0},
    {"balloon_event", VMC_REC_BALLOON_EVENT, "opaque %p0 addr %d1", 0},
    {"ram_block_discard_range", VMC_REC_RAM_DISCARD,
     "%s0@%p1 + %x2: madvise: %d3 fallocate: %d4 ret: %u5", 0},
    {"virtio_mem_plug_request", VMC_REC_MEM_PLUG, "addr=%x0 nb_blocks=%d1", 0},
    {"virtio_mem_unplug_request", VMC_REC_MEM_UNPLUG, "addr=%x0 nb_blocks=%d1",
     0},
    {"virtio_mem_unplug_all_request", VMC_REC_MEM_UNPLUG_ALL, "", 0},
    {"virtio_mem_unplugged_all", VMC_REC_MEM_UNPLUGGED_ALL, "", 0},
    {"virtio_mem_state_request", VMC_REC_MEM_STATE, "addr=%x0 nb_blocks=%d1",
     0},
    {"virtio_mem_send_response", VMC_REC_MEM_RESPONSE, "type=%d0", 0},
    {"virtio_mem_state_response", VMC_REC_MEM_STATE_RESPONSE, "state=%d0", 0},
    {"virtio_mem_resized_usable_region", VMC_REC_MEM_RESIZED,
     "old_size=%x0new_size=%x1", 0},

    {"kvm_entry", VMC_REC_KVM_ENTRY,
     "vcpu %d0, rip %x1 intr_info %x2 error_code %x3", 0},
    {"kvm_entry", VMC_REC_KVM_ENTRY,
     "vcpu %d0, rip %x1 intr_info %x2 error_code %x3%{-|[immediate exit]}4", 0},
    {"kvm_entry", VMC_REC_KVM_ENTRY, "vcpu %d0, rip %x1", 0},
    {"kvm_entry", VMC_REC_KVM_ENTRY, "vcpu %d0, rip %x1%{-|[immediate exit]}4",
     0},
    {"kvm_entry", VMC_REC_KVM_ENTRY, "PC: %x1", 0}, /* arm64 */
    {"kvm_enter", VMC_REC_KVM_ENTRY, "vcpu %d0 PC: %x1", 0},
    {"kvm_enter", VMC_REC_KVM_ENTRY, "PC: %x1", 0},
    {"kvm_reenter", VMC_REC_KVM_ENTRY, "vcpu %d0 PC: %x1", 0},
    {"kvm_reenter", VMC_REC_KVM_ENTRY, "PC: %x1", 0},
    {"kvm_out", VMC_REC_KVM_OUT, "vcpu %d0 PC: %x1", 0},
    {"kvm_out", VMC_REC_KVM_OUT, "PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "[%s2] PC: %x1", 0},
    {"kvm_exit", VMC_REC_KVM_EXIT,
     "vcpu %d0 reason %s2 rip %x1 info1 %x3 info2 %x4 intr_info %x5 "
     "error_code %x6 requests %x7",
     0},
    {"kvm_exit", VMC_REC_KVM_EXIT,
     "vcpu %d0 reason %s2 rip %x1 info1 %x3 info2 %x4 intr_info %x5 "
     "error_code %x6",
     0},
    {"kvm_exit", VMC_REC_KVM_EXIT, "reason %s2 rip %x1 info %h3 %h4",
     0}, /* x86 before 5.10 */
    {"kvm_exit", VMC_REC_KVM_EXIT, "%s8: HSR_EC: %x3 (%s2), PC: %x1", 0},
    {"kvm_exit_idle", VMC_REC_KVM_EXIT_IDLE, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit_idle", VMC_REC_KVM_EXIT_IDLE, "[%s2] PC: %x1", 0},
    {"kvm_exit_cache", VMC_REC_KVM_EXIT_CACHE, "vcpu %d0 [%s2] PC: %x1", 0},
    {"kvm_exit_cache", VMC_REC_KVM_EXIT_CACHE, "[%s2] PC: %x1", 0},
    {"kvm_exit_gspr", VMC_REC_KVM_EXIT_GSPR, "vcpu %d0 Inst word: %x1", 0},
    {"kvm_exit_gspr", VMC_REC_KVM_EXIT_GSPR, "Inst word: %x1", 0},
    {"kvm_iocsr", VMC_REC_KVM_IOCSR, "iocsr " ACCESS " len %d1 gpa %x2 val %x3",
     0},
    {"kvm_mmio", VMC_REC_KVM_MMIO, "mmio " ACCESS " len %d1 gpa %x2 val %x3",
     0},
    {"kvm_fast_mmio", VMC_REC_KVM_FAST_MMIO, "fast mmio at gpa %x0", 0},
    {"kvm_pio", VMC_REC_KVM_PIO,
     "pio_%{-|read|write}0 at %x2 size %d1 count %d4 val %x3", 0},
    {"kvm_pio", VMC_REC_KVM_PIO,
     "pio_%{-|read|write}0 at %x2 size %d1 count %d4 val %x3 (...)", 0},
    {"kvm_ioregionfd_cmd", VMC_REC_IOREGIONFD_CMD,
     "%w0 bus %w1 gpa %x2 len %d3 off %x4 data %x5 user %x6 resp %d7", 0},
    {"kvm_ioregionfd_resp", VMC_REC_IOREGIONFD_RESP,
     "gpa %x0 data %x1 lat %d2 ns err %d3", 0},
    {"kvm_userspace_exit", VMC_REC_KVM_USERSPACE_EXIT, "reason %s1(%d0)", 0},
    {"kvm_set_irq", VMC_REC_KVM_SET_IRQ, "gsi %d0 level %d1 source %d2", 0},
    {"kvm_ack_irq", VMC_REC_KVM_ACK_IRQ, "irqchip %s0 pin %d1", 0},
    {"kvm_msi_set_irq", VMC_REC_KVM_MSI_SET_IRQ, "dst %h0 vec %d1 %r2", 0},
    {"kvm_vcpu_wakeup", VMC_REC_KVM_VCPU_WAKEUP,
     "%{wait|poll}1 time %d0 ns, polling %{invalid|valid}2", 0},
    {"kvm_halt_poll_ns", VMC_REC_KVM_HALT_POLL,
     "vcpu %d3: halt_poll_ns %d1 (%{shrink|grow}0 %d2)", 0},
    {"kvm_aux", VMC_REC_KVM_AUX, "%w0 %s1 PC: %x2", 0},
    {"kvm_vpid_change", VMC_REC_KVM_VPID_CHANGE, "VPID: %x0", 0},

    {"irq_handler_entry", VMC_REC_IRQ_HANDLER_ENTRY, "irq=%d0 name=%r1", 0},
    {"irq_handler_exit", VMC_REC_IRQ_HANDLER_EXIT,
     "irq=%d0 ret=%{unhandled|handled}1", 0},
    {"rcu_utilization", VMC_REC_RCU_UTILIZATION, "%r0", 0},
    {"rcu_grace_period", VMC_REC_RCU_GRACE_PERIOD, "%w0 %d1 %r2", 0},
    {"rcu_future_grace_period", VMC_REC_RCU_FUTURE_GP,
     "%w0 %d1 %d2 %d3 %d4 %d5 %r6", 0},
    {"rcu_grace_period_init", VMC_REC_RCU_GP_INIT, "%w0 %d1 %d2 %d3 %d4 %h5",
     0},
    {"rcu_quiescent_state_report", VMC_REC_RCU_QS_REPORT,
     "%w0 %d1 %h2>%h3 %d4 %d5 %d6 %d7", 0},
    {"rcu_fqs", VMC_REC_RCU_FQS, "%w0 %d1 %d2 %r3", 0},
    {"rcu_watching", VMC_REC_RCU_WATCHING, "%w0 %h1 %h2 %h3", 0},
    {"rcu_dyntick", VMC_REC_RCU_WATCHING, "%w0 %h1 %h2 %h3", 0},
    {"rcu_callback", VMC_REC_RCU_CALLBACK, "%w0 rhp=%h1 func=%w2 %d3", 0},
    {"rcu_segcb_stats", VMC_REC_RCU_SEGCB_STATS,
     "%s0 seglen: (DONE=%d1, WAIT=%d2, NEXT_READY=%d3, NEXT=%d4) "
     "gp_seq: (DONE=%d8, WAIT=%d5, NEXT_READY=%d6, NEXT=%d7)",
     0},
    {"rcu_batch_start", VMC_REC_RCU_BATCH_START, "%w0 CBs=%d1 bl=%d2", 0},
    {"rcu_invoke_callback", VMC_REC_RCU_INVOKE, "%w0 rhp=%h1 func=%w2", 0},
    {"rcu_invoke_kvfree_callback", VMC_REC_RCU_INVOKE_KVFREE,
     "%w0 rhp=%h1 func=%d2", 0},
    {"rcu_invoke_kfree_callback", VMC_REC_RCU_INVOKE_KVFREE,
     "%w0 rhp=%h1 func=%d2", 0},
    {"rcu_invoke_kfree_bulk_callback", VMC_REC_RCU_INVOKE_BULK,
     "%w0 bulk=%h2 nr_records=%d1", 0},
    {"rcu_batch_end", VMC_REC_RCU_BATCH_END, "%w0 CBs-invoked=%d1 idle=%r2", 0},
    {"rcu_sr_normal", VMC_REC_RCU_SR_NORMAL, "%w0 rhp=%h1 event=%r2", 0},
    {"rcu_barrier", VMC_REC_RCU_BARRIER, "%w0 %w1 cpu %d2 remaining %d3 # %d4",
     0},
    {"rcu_exp_grace_period", VMC_REC_RCU_EXP_GP, "%w0 %d1 %r2", 0},
    {"rcu_stall_warning", VMC_REC_RCU_STALL, "%w0 %r1", 0},
    {"cpuhp_enter", VMC_REC_CPUHP_ENTER, "cpu: %d0 target: %d1 step: %d2 (%s3)",
     0},
    {"cpuhp_multi_enter", VMC_REC_CPUHP_MULTI_ENTER,
     "cpu: %d0 target: %d1 step: %d2 (%s3)", 0},
    {"cpuhp_exit", VMC_REC_CPUHP_EXIT, "cpu: %d0 state: %d1 step: %d2 ret: %d3",
     0},
};

enum { SLOTS = 512 };

struct vmc_event_table {
    uint16_t first[SLOTS]; /* index + 1 of an event's first row */
    uint8_t name_bytes[VMC_COUNT_OF(events)];
    uint8_t same_name[VMC_COUNT_OF(events)]; /* rows from here on */
};

static uint32_t hash_name(const char *name, size_t bytes)
{
    uint64_t tail = 0;

    if (bytes >= 8) {
        memcpy(&tail, name + bytes - 8, 8);
    } else {
        memcpy(&tail, name, bytes);
    }
    tail = (tail ^ bytes * UINT64_C(0x2545f4914f6cdd1d)) *
           UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(tail >> 55) % SLOTS;
}

struct vmc_event_table *vmc_event_table_new(void)
{
    struct vmc_event_table *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < VMC_COUNT_OF(events); i++) {
        size_t bytes = strlen(events[i].name);
        uint32_t slot = hash_name(events[i].name, bytes);

        table->name_bytes[i] = (uint8_t)bytes;
        table->same_name[i] = 1;
        if (i > 0 && strcmp(events[i - 1].name, events[i].name) == 0) {
            for (size_t n = i;
                 n-- > 0 && strcmp(events[n].name, events[i].name) == 0;) {
                table->same_name[n]++;
            }
            continue;
        }
        while (table->first[slot] != 0) {
            slot = (slot + 1) % SLOTS;
        }
        table->first[slot] = (uint16_t)(i + 1);
    }
    return table;
}

void vmc_event_table_free(struct vmc_event_table *table)
{
    free(table);
}

const struct vmc_event *vmc_event_find(const struct vmc_event_table *table,
                                       const char *name, size_t name_bytes,
                                       uint32_t *count)
{
    for (uint32_t slot = hash_name(name, name_bytes); table->first[slot] != 0;
         slot = (slot + 1) % SLOTS) {
        size_t i = table->first[slot] - 1U;

        if (table->name_bytes[i] == name_bytes &&
            memcmp(events[i].name, name, name_bytes) == 0) {
            *count = table->same_name[i];
            return &events[i];
        }
    }
    *count = 0;
    return NULL;
}

const struct vmc_event *vmc_event_of(enum vmc_record_kind kind)
{
    for (size_t i = 0; i < VMC_COUNT_OF(events); i++) {
        if (events[i].kind == kind && events[i].base == 0) {
            return &events[i];
        }
    }
    return NULL;
}
