/* SPDX-License-Identifier: MIT */
#include "trace/record.h"

#include <string.h>

#include "base/base.h"

/* Arg @index is a text. */
#define TEXT(index) (1U << (index))

static const struct {
    const char *name;
    uint32_t arg_count;
    uint32_t texts; /* one bit an arg */
} kinds[] = {
    [VMC_REC_NONE] = {"none", 0, 0},
    [VMC_REC_EXTIOI_SETIRQ] = {"loongarch_extioi_setirq", 2, 0},
    [VMC_REC_EXTIOI_READ] = {"loongarch_extioi_readw", 2, 0},
    [VMC_REC_EXTIOI_WRITE] = {"loongarch_extioi_writew", 2, 0},
    [VMC_REC_MSI_SET_IRQ] = {"loongarch_msi_set_irq", 1, 0},
    [VMC_REC_PCH_PIC_IRQ] = {"loongarch_pch_pic_irq_handler", 2, 0},
    [VMC_REC_PCH_PIC_READ] = {"loongarch_pch_pic_read", 3, 0},
    [VMC_REC_PCH_PIC_WRITE] = {"loongarch_pch_pic_write", 3, 0},
    [VMC_REC_IPI_READ] = {"loongson_ipi_read", 3, 0},
    [VMC_REC_IPI_WRITE] = {"loongson_ipi_write", 3, 0},
    [VMC_REC_KVM_LOONG_EXIT] = {"kvm_arch_handle_exit", 1, 0},
    [VMC_REC_KVM_SET_INTR] = {"kvm_set_intr", 2, 0},
    [VMC_REC_VIRTIO_QUEUE_NOTIFY] = {"virtio_queue_notify", 3, 0},
    [VMC_REC_VIRTIO_NOTIFY] = {"virtio_notify", 2, 0},
    [VMC_REC_VIRTQUEUE_POP] = {"virtqueue_pop", 4, 0},
    [VMC_REC_VIRTQUEUE_FILL] = {"virtqueue_fill", 4, 0},
    [VMC_REC_VIRTQUEUE_FLUSH] = {"virtqueue_flush", 2, 0},
    [VMC_REC_BALLOON_OUTPUT] = {"virtio_balloon_handle_output", 2, TEXT(1)},
    [VMC_REC_BALLOON_GET_CONFIG] = {"virtio_balloon_get_config", 2, 0},
    [VMC_REC_BALLOON_SET_CONFIG] = {"virtio_balloon_set_config", 2, 0},
    [VMC_REC_BALLOON_TO_TARGET] = {"virtio_balloon_to_target", 2, 0},
    [VMC_REC_BALLOON_BAD_ADDR] = {"virtio_balloon_bad_addr", 1, 0},
    [VMC_REC_KVM_ENTRY] = {"kvm_entry", 5, 0},
    [VMC_REC_KVM_EXIT] = {"kvm_exit", 9, TEXT(2) | TEXT(8)},
    [VMC_REC_KVM_EXIT_IDLE] = {"kvm_exit_idle", 3, TEXT(2)},
    [VMC_REC_KVM_EXIT_CACHE] = {"kvm_exit_cache", 3, TEXT(2)},
    [VMC_REC_KVM_EXIT_GSPR] = {"kvm_exit_gspr", 2, 0},
    [VMC_REC_KVM_OUT] = {"kvm_out", 2, 0},
    [VMC_REC_KVM_IOCSR] = {"kvm_iocsr", 4, 0},
    [VMC_REC_KVM_MMIO] = {"kvm_mmio", 4, 0},
    [VMC_REC_KVM_PIO] = {"kvm_pio", 5, 0},
    [VMC_REC_KVM_USERSPACE_EXIT] = {"kvm_userspace_exit", 3, TEXT(1)},
    [VMC_REC_KVM_SET_IRQ] = {"kvm_set_irq", 3, 0},
    [VMC_REC_KVM_ACK_IRQ] = {"kvm_ack_irq", 2, TEXT(0)},
    [VMC_REC_KVM_MSI_SET_IRQ] = {"kvm_msi_set_irq", 3, TEXT(2)},
    [VMC_REC_KVM_VCPU_WAKEUP] = {"kvm_vcpu_wakeup", 3, 0},
    [VMC_REC_KVM_HALT_POLL] = {"kvm_halt_poll_ns", 4, 0},
    [VMC_REC_KVM_AUX] = {"kvm_aux", 3, TEXT(0) | TEXT(1)},
    [VMC_REC_KVM_VPID_CHANGE] = {"kvm_vpid_change", 1, 0},
    [VMC_REC_IRQ_HANDLER_ENTRY] = {"irq_handler_entry", 2, TEXT(1)},
    [VMC_REC_IRQ_HANDLER_EXIT] = {"irq_handler_exit", 2, 0},
    [VMC_REC_RCU_UTILIZATION] = {"rcu_utilization", 1, TEXT(0)},
    [VMC_REC_RCU_GRACE_PERIOD] = {"rcu_grace_period", 3, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_FUTURE_GP] = {"rcu_future_grace_period", 7, TEXT(0) | TEXT(6)},
    [VMC_REC_RCU_GP_INIT] = {"rcu_grace_period_init", 6, TEXT(0)},
    [VMC_REC_RCU_QS_REPORT] = {"rcu_quiescent_state_report", 8, TEXT(0)},
    [VMC_REC_RCU_FQS] = {"rcu_fqs", 4, TEXT(0) | TEXT(3)},
    [VMC_REC_RCU_WATCHING] = {"rcu_watching", 4, TEXT(0)},
    [VMC_REC_RCU_CALLBACK] = {"rcu_callback", 4, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_SEGCB_STATS] = {"rcu_segcb_stats", 9, TEXT(0)},
    [VMC_REC_RCU_BATCH_START] = {"rcu_batch_start", 3, TEXT(0)},
    [VMC_REC_RCU_INVOKE] = {"rcu_invoke_callback", 3, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_INVOKE_KVFREE] = {"rcu_invoke_kvfree_callback", 3, TEXT(0)},
    [VMC_REC_RCU_INVOKE_BULK] = {"rcu_invoke_kfree_bulk_callback", 3, TEXT(0)},
    [VMC_REC_RCU_BATCH_END] = {"rcu_batch_end", 3, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_SR_NORMAL] = {"rcu_sr_normal", 3, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_BARRIER] = {"rcu_barrier", 5, TEXT(0) | TEXT(1)},
    [VMC_REC_RCU_EXP_GP] = {"rcu_exp_grace_period", 3, TEXT(0) | TEXT(2)},
    [VMC_REC_RCU_STALL] = {"rcu_stall_warning", 2, TEXT(0) | TEXT(1)},
    [VMC_REC_CPUHP_ENTER] = {"cpuhp_enter", 4, TEXT(3)},
    [VMC_REC_CPUHP_MULTI_ENTER] = {"cpuhp_multi_enter", 4, TEXT(3)},
    [VMC_REC_CPUHP_EXIT] = {"cpuhp_exit", 4, 0},
    [VMC_REC_BALLOON_EVENT] = {"balloon_event", 2, 0},
    [VMC_REC_RAM_DISCARD] = {"ram_block_discard_range", 6, TEXT(0)},
    [VMC_REC_MEM_PLUG] = {"virtio_mem_plug_request", 2, 0},
    [VMC_REC_MEM_UNPLUG] = {"virtio_mem_unplug_request", 2, 0},
    [VMC_REC_MEM_UNPLUG_ALL] = {"virtio_mem_unplug_all_request", 0, 0},
    [VMC_REC_MEM_UNPLUGGED_ALL] = {"virtio_mem_unplugged_all", 0, 0},
    [VMC_REC_MEM_STATE] = {"virtio_mem_state_request", 2, 0},
    [VMC_REC_MEM_RESPONSE] = {"virtio_mem_send_response", 1, 0},
    [VMC_REC_MEM_STATE_RESPONSE] = {"virtio_mem_state_response", 1, 0},
    [VMC_REC_MEM_RESIZED] = {"virtio_mem_resized_usable_region", 2, 0},
    [VMC_REC_KVM_FAST_MMIO] = {"kvm_fast_mmio", 1, 0},
    [VMC_REC_IOREGIONFD_CMD] = {"kvm_ioregionfd_cmd", 8, TEXT(0) | TEXT(1)},
    [VMC_REC_IOREGIONFD_RESP] = {"kvm_ioregionfd_resp", 4, 0},
};

static_assert(VMC_COUNT_OF(kinds) == VMC_REC_KIND_COUNT, "a row a kind");

const char *vmc_record_kind_name(enum vmc_record_kind kind)
{
    return kind < VMC_REC_KIND_COUNT ? kinds[kind].name : "unknown";
}

enum vmc_record_kind vmc_record_kind_named(const char *name)
{
    for (uint32_t i = VMC_REC_NONE + 1; i < VMC_REC_KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return (enum vmc_record_kind)i;
        }
    }
    return VMC_REC_NONE;
}

uint32_t vmc_record_arg_count(enum vmc_record_kind kind)
{
    return kind < VMC_REC_KIND_COUNT ? kinds[kind].arg_count : 0;
}

bool vmc_record_arg_is_text(enum vmc_record_kind kind, uint32_t index)
{
    return kind < VMC_REC_KIND_COUNT && index < VMC_REC_ARGS_MAX &&
           (kinds[kind].texts & TEXT(index)) != 0;
}
