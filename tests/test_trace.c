/* SPDX-License-Identifier: MIT */
/*
 * Traces in and out: every event's text, both stamps, what cannot be read, and
 * the native format under damage.
 */
#include "trace/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/hash.h"
#include "base/rng.h"
#include "suite.h"
#include "trace/meta.h"
#include "trace/texts.h"
#include "trace/writer.h"

/* ---- Lines -------------------------------------------------------------- */

/* An event as a real program prints it, and what must come out. A text
 * argument is written as a string in @texts, at its place. */
static const struct {
    const char *line;
    enum vmc_record_kind kind;
    uint64_t args[VMC_REC_ARGS_MAX];
    const char *texts[VMC_REC_ARGS_MAX];
} lines[] = {
    {"7@1.5:loongarch_extioi_setirq set extirq irq 35 level 1",
     VMC_REC_EXTIOI_SETIRQ,
     {35, 1},
     {0}},
    {"7@1.5:loongarch_extioi_readw addr: 0x400val: 0x20",
     VMC_REC_EXTIOI_READ,
     {0x400, 0x20},
     {0}},
    {"7@1.5:loongarch_extioi_writew addr: 0xa0val: 0xffffffff",
     VMC_REC_EXTIOI_WRITE,
     {0xa0, 0xffffffff},
     {0}},
    {"7@1.5:loongarch_msi_set_irq set msi irq 3",
     VMC_REC_MSI_SET_IRQ,
     {3},
     {0}},
    {"7@1.5:loongarch_pch_pic_irq_handler irq 5 level 0",
     VMC_REC_PCH_PIC_IRQ,
     {5, 0},
     {0}},
    {"7@1.5:loongarch_pch_pic_low_readw size: 4 addr: 0x20val: 0x1",
     VMC_REC_PCH_PIC_READ,
     {0x20, 1, 4},
     {0}},
    {"7@1.5:loongarch_pch_pic_high_writew size: 4 addr: 0x40val: 0x0",
     VMC_REC_PCH_PIC_WRITE,
     {0x3e0, 0, 4},
     {0}},
    {"7@1.5:loongarch_pch_pic_writeb size: 1 addr: 0x1ffval: 0x7",
     VMC_REC_PCH_PIC_WRITE,
     {0x2ff, 7, 1},
     {0}},
    {"7@1.5:loongarch_pch_pic_readb size: 1 addr: 0x0val: 0x7",
     VMC_REC_PCH_PIC_READ,
     {0x100, 7, 1},
     {0}},
    {"7@1.5:loongarch_pch_pic_write size: 8 addr: 0x3e0val: 0x7",
     VMC_REC_PCH_PIC_WRITE,
     {0x3e0, 7, 8},
     {0}},
    {"7@1.5:loongson_ipi_write size: 4 addr: 0x40val: 0x80030001",
     VMC_REC_IPI_WRITE,
     {0x40, 0x80030001, 4},
     {0}},
    {"7@1.5:loongson_ipi_read size: 4 addr: 0x0val: 0x2",
     VMC_REC_IPI_READ,
     {0, 2, 4},
     {0}},
    {"7@1.5:kvm_arch_handle_exit kvm arch handle exit, the reason number: 38",
     VMC_REC_KVM_LOONG_EXIT,
     {38},
     {0}},
    {"7@1.5:kvm_set_intr kvm set interrupt, irq num: 3, level: 1",
     VMC_REC_KVM_SET_INTR,
     {3, 1},
     {0}},
    {"7@1.5:virtio_queue_notify vdev 0x55cc n 2 vq 0x77",
     VMC_REC_VIRTIO_QUEUE_NOTIFY,
     {0x55cc, 2, 0x77},
     {0}},
    {"7@1.5:virtio_notify vdev 0x55 vq 0x66",
     VMC_REC_VIRTIO_NOTIFY,
     {0x55, 0x66},
     {0}},
    {"7@1.5:virtqueue_pop vq 0x1 elem 0x2 in_num 0 out_num 1",
     VMC_REC_VIRTQUEUE_POP,
     {1, 2, 0, 1},
     {0}},
    {"7@1.5:virtqueue_fill vq 0x1 elem 0x2 len 64 idx 0",
     VMC_REC_VIRTQUEUE_FILL,
     {1, 2, 64, 0},
     {0}},
    {"7@1.5:virtqueue_flush vq 0x1 count 1",
     VMC_REC_VIRTQUEUE_FLUSH,
     {1, 1},
     {0}},
    {"7@1.5:virtio_balloon_handle_output section name: loongarch.ram gpa: "
     "0xc9c000",
     VMC_REC_BALLOON_OUTPUT,
     {0xc9c000, 0},
     {NULL, "loongarch.ram"}},
    {"7@1.5:virtio_balloon_get_config num_pages: 9 actual: 8",
     VMC_REC_BALLOON_GET_CONFIG,
     {9, 8},
     {0}},
    {"7@1.5:virtio_balloon_set_config actual: 256 oldactual: 0",
     VMC_REC_BALLOON_SET_CONFIG,
     {256, 0},
     {0}},
    {"7@1.5:virtio_balloon_to_target balloon target: 0x10000000 num_pages: "
     "196608",
     VMC_REC_BALLOON_TO_TARGET,
     {0x10000000, 196608},
     {0}},
    {"7@1.5:virtio_balloon_bad_addr 0x1000",
     VMC_REC_BALLOON_BAD_ADDR,
     {0x1000},
     {0}},

    {" q-1 [000] .....  1.500000: kvm_entry: vcpu 1, rip 0xfff0",
     VMC_REC_KVM_ENTRY,
     {1, 0xfff0},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_enter: vcpu 1 PC: 0x0fff0",
     VMC_REC_KVM_ENTRY,
     {1, 0xfff0},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_reenter: PC: 0x0fff0",
     VMC_REC_KVM_ENTRY,
     {0, 0xfff0},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_out: vcpu 2 PC: 0x10",
     VMC_REC_KVM_OUT,
     {2, 0x10},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_exit: vcpu 1 [0x16] PC: 0x10",
     VMC_REC_KVM_EXIT,
     {1, 0x10, 0},
     {NULL, NULL, "0x16"}},
    {" q-1 [000] .....  1.500000: kvm_exit: [0x16]PC: 0x10",
     VMC_REC_KVM_EXIT,
     {0, 0x10, 0},
     {NULL, NULL, "0x16"}},
    {" q-1 [000] .....  1.500000: kvm_exit: reason HLT rip 0x10 info 0 0",
     VMC_REC_KVM_EXIT,
     {0, 0x10, 0},
     {NULL, NULL, "HLT"}},
    {" q-1 [000] .....  1.500000: kvm_exit_idle: vcpu 1 [IDLE] PC: 0x10",
     VMC_REC_KVM_EXIT_IDLE,
     {1, 0x10, 0},
     {NULL, NULL, "IDLE"}},
    {" q-1 [000] .....  1.500000: kvm_exit_cache: [CACHE]PC: 0x10",
     VMC_REC_KVM_EXIT_CACHE,
     {0, 0x10, 0},
     {NULL, NULL, "CACHE"}},
    {" q-1 [000] .....  1.500000: kvm_exit_gspr: vcpu 1 Inst word: 0x06480c00",
     VMC_REC_KVM_EXIT_GSPR,
     {1, 0x06480c00},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_iocsr: iocsr write len 4 gpa 0x1040 val "
     "0x80010001",
     VMC_REC_KVM_IOCSR,
     {VMC_REC_WRITE, 4, 0x1040, 0x80010001},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_mmio: mmio unsatisfied-read len 4 gpa "
     "0xfee000f0 val 0x0",
     VMC_REC_KVM_MMIO,
     {VMC_REC_UNSATISFIED_READ, 4, 0xfee000f0, 0},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_mmio: mmio read len 4 gpa 0xfee000f0 "
     "val 0xff",
     VMC_REC_KVM_MMIO,
     {VMC_REC_READ, 4, 0xfee000f0, 0xff},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_pio: pio_write at 0x70 size 1 count 1 "
     "val 0x8f ",
     VMC_REC_KVM_PIO,
     {VMC_REC_WRITE, 1, 0x70, 0x8f, 1},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_pio: pio_read at 0x71 size 2 count 8 "
     "val 0x0 (...)",
     VMC_REC_KVM_PIO,
     {VMC_REC_READ, 2, 0x71, 0, 8},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_userspace_exit: reason KVM_EXIT_IO (2)",
     VMC_REC_KVM_USERSPACE_EXIT,
     {2, 0, 0},
     {NULL, "KVM_EXIT_IO"}},
    {" q-1 [000] .....  1.500000: kvm_userspace_exit: reason restart (4)",
     VMC_REC_KVM_USERSPACE_EXIT,
     {0, 0, 4},
     {NULL, "restart"}},
    {" q-1 [000] .....  1.500000: kvm_set_irq: gsi 4 level 0 source 0",
     VMC_REC_KVM_SET_IRQ,
     {4, 0, 0},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_ack_irq: irqchip PIC master pin 5",
     VMC_REC_KVM_ACK_IRQ,
     {0, 5},
     {"PIC master"}},
    {" q-1 [000] .....  1.500000: kvm_msi_set_irq: dst 2 vec 33 (Fixed|edge)",
     VMC_REC_KVM_MSI_SET_IRQ,
     {2, 33, 0},
     {NULL, NULL, "(Fixed|edge)"}},
    {" q-1 [000] .....  1.500000: kvm_vcpu_wakeup: wait time 288 ns, polling "
     "valid",
     VMC_REC_KVM_VCPU_WAKEUP,
     {288, 0, 1},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_halt_poll_ns: vcpu 1: halt_poll_ns "
     "20 (grow 10)",
     VMC_REC_KVM_HALT_POLL,
     {1, 20, 10, 1},
     {0}},
    {" q-1 [000] .....  1.500000: kvm_aux: save fpu PC: 0x10",
     VMC_REC_KVM_AUX,
     {0, 0, 0x10},
     {"save", "fpu"}},
    {" q-1 [000] .....  1.500000: kvm_vpid_change: VPID: 0x00000002",
     VMC_REC_KVM_VPID_CHANGE,
     {2},
     {0}},
    {" init-1 [002] d.h..  1.500000: irq_handler_entry: irq=18 name=virtio0-"
     "req.0 x",
     VMC_REC_IRQ_HANDLER_ENTRY,
     {18, 0},
     {NULL, "virtio0-req.0 x"}},
    {" init-1 [002] d.h..  1.500000: irq_handler_exit: irq=17 ret=handled",
     VMC_REC_IRQ_HANDLER_EXIT,
     {17, 1},
     {0}},
    {" init-1 [002] d.h..  1.500000: irq_handler_exit: irq=17 ret=unhandled",
     VMC_REC_IRQ_HANDLER_EXIT,
     {17, 0},
     {0}},
    {" init-1 [002] d.h..  1.500000: rcu_utilization: Start scheduler-tick",
     VMC_REC_RCU_UTILIZATION,
     {0},
     {"Start scheduler-tick"}},
    {" init-1 [002] d.h..  1.500000: rcu_grace_period: rcu_sched -1132 cpuend",
     VMC_REC_RCU_GRACE_PERIOD,
     {0, -UINT64_C(1132), 0},
     {"rcu_sched", NULL, "cpuend"}},
    {" init-1 [002] d.h..  1.500000: rcu_future_grace_period: rcu_sched -1128 "
     "-1124 0 0 3 Startleaf",
     VMC_REC_RCU_FUTURE_GP,
     {0, -UINT64_C(1128), -UINT64_C(1124), 0, 0, 3, 0},
     {"rcu_sched", NULL, NULL, NULL, NULL, NULL, "Startleaf"}},
    {" init-1 [002] d.h..  1.500000: rcu_grace_period_init: rcu_sched -1127 0 "
     "0 3 f",
     VMC_REC_RCU_GP_INIT,
     {0, -UINT64_C(1127), 0, 0, 3, 0xf},
     {"rcu_sched"}},
    {" init-1 [002] d.h..  1.500000: rcu_quiescent_state_report: rcu_sched "
     "-1127 4>b 0 0 3 0",
     VMC_REC_RCU_QS_REPORT,
     {0, -UINT64_C(1127), 4, 0xb, 0, 0, 3, 0},
     {"rcu_sched"}},
    {" init-1 [002] d.h..  1.500000: rcu_fqs: rcu_sched -1128 1 dti",
     VMC_REC_RCU_FQS,
     {0, -UINT64_C(1128), 1, 0},
     {"rcu_sched", NULL, NULL, "dti"}},
    {" <idle>-0 [002] d....  1.500000: rcu_watching: Startirq 0 1 0xfcc",
     VMC_REC_RCU_WATCHING,
     {0, 0, 1, 0xfcc},
     {"Startirq"}},
    {" <idle>-0 [002] d....  1.500000: rcu_dyntick: End 0 4000000000000000 "
     "0x1c",
     VMC_REC_RCU_WATCHING,
     {0, 0, UINT64_C(0x4000000000000000), 0x1c},
     {"End"}},
    {" init-1 [002] d....  1.500000: rcu_callback: rcu_sched "
     "rhp=000000006cc129f0 func=delayed_put_pid 1",
     VMC_REC_RCU_CALLBACK,
     {0, 0x6cc129f0, 0, 1},
     {"rcu_sched", NULL, "delayed_put_pid"}},
    {" init-1 [002] d....  1.500000: rcu_segcb_stats: SegCBQueued seglen: "
     "(DONE=1, WAIT=2, NEXT_READY=3, NEXT=4) gp_seq: (DONE=0, WAIT=18, "
     "NEXT_READY=22, NEXT=9)",
     VMC_REC_RCU_SEGCB_STATS,
     {0, 1, 2, 3, 4, 18, 22, 9},
     {"SegCBQueued"}},
    {" init-1 [002] d.s..  1.500000: rcu_batch_start: rcu_sched CBs=4 bl=10",
     VMC_REC_RCU_BATCH_START,
     {0, 4, 10},
     {"rcu_sched"}},
    {" init-1 [002] ..s..  1.500000: rcu_invoke_callback: rcu_sched "
     "rhp=000000006cc129f0 func=delayed_put_pid",
     VMC_REC_RCU_INVOKE,
     {0, 0x6cc129f0, 0},
     {"rcu_sched", NULL, "delayed_put_pid"}},
    {" init-1 [002] d.s..  1.500000: rcu_batch_end: rcu_sched CBs-invoked=2 "
     "idle=....",
     VMC_REC_RCU_BATCH_END,
     {0, 2, 0},
     {"rcu_sched", NULL, "...."}},
    {" kworker/0:0-7 [000] .....  1.500000: rcu_sr_normal: rcu_sched "
     "rhp=0x00000000cb6d2bd2 event=request",
     VMC_REC_RCU_SR_NORMAL,
     {0, 0xcb6d2bd2, 0},
     {"rcu_sched", NULL, "request"}},
    {" a b-c-7 (  99) [000] .....  1.500000: rcu_barrier: rcu_sched Begin cpu "
     "-1 remaining 0 # 4",
     VMC_REC_RCU_BARRIER,
     {0, 0, -UINT64_C(1), 0, 4},
     {"rcu_sched", "Begin"}},
    {" k-7 [000] .....  1.500000: rcu_exp_grace_period: rcu_sched -120 start",
     VMC_REC_RCU_EXP_GP,
     {0, -UINT64_C(120), 0},
     {"rcu_sched", NULL, "start"}},
    {" k-7 [000] .....  1.500000: rcu_stall_warning: rcu_sched SelfDetected",
     VMC_REC_RCU_STALL,
     {0, 0},
     {"rcu_sched", "SelfDetected"}},
    {" k-7 [000] .....  1.500000: rcu_invoke_kvfree_callback: rcu_sched "
     "rhp=0000000000000010 func=8",
     VMC_REC_RCU_INVOKE_KVFREE,
     {0, 0x10, 8},
     {"rcu_sched"}},
    {" k-7 [000] .....  1.500000: rcu_invoke_kfree_bulk_callback: rcu_sched "
     "bulk=0x0000000000000010 nr_records=3",
     VMC_REC_RCU_INVOKE_BULK,
     {0, 3, 0x10},
     {"rcu_sched"}},
    {" k-7 [000] .....  1.500000: cpuhp_enter: cpu: 0001 target: 145 step: "
     "236 (cpuhp_kick_ap_work)",
     VMC_REC_CPUHP_ENTER,
     {1, 145, 236, 0},
     {NULL, NULL, NULL, "cpuhp_kick_ap_work"}},
    {" k-7 [000] .....  1.500000: cpuhp_multi_enter: cpu: 0001 target: 145 "
     "step: 152 (blk)",
     VMC_REC_CPUHP_MULTI_ENTER,
     {1, 145, 152, 0},
     {NULL, NULL, NULL, "blk"}},
    {" k-7 [000] .....  1.500000: cpuhp_exit:  cpu: 0001  state: 234 step: 235 "
     "ret: -11",
     VMC_REC_CPUHP_EXIT,
     {1, 234, 235, -UINT64_C(11)},
     {0}},
    {"7@1.5:balloon_event opaque 0x55aa addr 4096",
     VMC_REC_BALLOON_EVENT,
     {0x55aa, 4096},
     {0}},
    {"7@1.5:ram_block_discard_range pc.ram@0x7f0000000000 + 0x200000: "
     "madvise: 1 fallocate: 0 ret: -22",
     VMC_REC_RAM_DISCARD,
     {0, 0x7f0000000000, 0x200000, 1, 0, 0xffffffea},
     {"pc.ram"}},
    {"7@1.5:virtio_mem_plug_request addr=0x140000000 nb_blocks=8",
     VMC_REC_MEM_PLUG,
     {0x140000000, 8},
     {0}},
    {"7@1.5:virtio_mem_unplug_request addr=0x140000000 nb_blocks=65535",
     VMC_REC_MEM_UNPLUG,
     {0x140000000, 65535},
     {0}},
    {"7@1.5:virtio_mem_unplug_all_request ", VMC_REC_MEM_UNPLUG_ALL, {0}, {0}},
    {"7@1.5:virtio_mem_unplugged_all ", VMC_REC_MEM_UNPLUGGED_ALL, {0}, {0}},
    {"7@1.5:virtio_mem_state_request addr=0x0 nb_blocks=1",
     VMC_REC_MEM_STATE,
     {0, 1},
     {0}},
    {"7@1.5:virtio_mem_send_response type=1", VMC_REC_MEM_RESPONSE, {1}, {0}},
    {"7@1.5:virtio_mem_state_response state=2",
     VMC_REC_MEM_STATE_RESPONSE,
     {2},
     {0}},
    {"7@1.5:virtio_mem_resized_usable_region old_size=0x0new_size=0x40000000",
     VMC_REC_MEM_RESIZED,
     {0, 0x40000000},
     {0}},
    /* Signed printing of 32 bits; a pointer that is none */
    {"7@1.5:virtio_balloon_get_config num_pages: -1 actual: -2147483648",
     VMC_REC_BALLOON_GET_CONFIG,
     {0xffffffff, 0x80000000},
     {0}},
    {"7@1.5:virtqueue_fill vq 0x1 elem (nil) len 64 idx 0",
     VMC_REC_VIRTQUEUE_FILL,
     {1, 0, 64, 0},
     {0}},

    {" k-7 [000] .....  1.500000: kvm_fast_mmio: fast mmio at gpa 0xfe000000",
     VMC_REC_KVM_FAST_MMIO,
     {0xfe000000},
     {0}},
    {" k-7 [000] .....  1.500000: kvm_ioregionfd_cmd: write bus mmio gpa "
     "0xfe000010 len 4 off 0x10 data 0xdeadbeef user 0x7 resp 1",
     VMC_REC_IOREGIONFD_CMD,
     {0, 0, 0xfe000010, 4, 0x10, 0xdeadbeef, 7, 1},
     {"write", "mmio"}},
    {" k-7 [000] .....  1.500000: kvm_ioregionfd_resp: gpa 0xfe000010 data 0x0 "
     "lat 7670 ns err -5",
     VMC_REC_IOREGIONFD_RESP,
     {0xfe000010, 0, 7670, -UINT64_C(5)},
     {0}},
    {" k-7 [000] .....  1.500000: kvm_exit: vcpu 1 reason EPT_MISCONFIG rip "
     "0xfff0 info1 0x0000000000000181 info2 0x0000000000000002 intr_info "
     "0x80000306 error_code 0x00000004 requests 0x0000000000000008",
     VMC_REC_KVM_EXIT,
     {1, 0xfff0, 0, 0x181, 2, 0x80000306, 4, 8},
     {NULL, NULL, "EPT_MISCONFIG"}},
    {" k-7 [000] .....  1.500000: kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), "
     "PC: 0xffff800080001234",
     VMC_REC_KVM_EXIT,
     {0, 0xffff800080001234, 0, 0x24},
     {NULL, NULL, "DABT_LOW", NULL, NULL, NULL, NULL, NULL, "TRAP"}},
    {" k-7 [000] .....  1.500000: kvm_entry: vcpu 2, rip 0xfff0 intr_info "
     "0x80000020 error_code 0x00000001[immediate exit]",
     VMC_REC_KVM_ENTRY,
     {2, 0xfff0, 0x80000020, 1, 1},
     {0}},
    {" k-7 [000] .....  1.500000: kvm_entry: vcpu 2, rip 0xfff0[immediate "
     "exit]",
     VMC_REC_KVM_ENTRY,
     {2, 0xfff0, 0, 0, 1},
     {0}},
    {" k-7 [000] .....  1.500000: kvm_pio: pio_read at 0x1f0 size 2 count 9 "
     "val 0x45 (...)",
     VMC_REC_KVM_PIO,
     {1, 2, 0x1f0, 0x45, 9},
     {0}},
};

static struct vmc_reader *open_text(const char *text, size_t size_bytes)
{
    struct vmc_reader *reader = NULL;
    struct vmc_error error = {""};

    ck_assert_msg(vmc_reader_open_memory(&reader, text, size_bytes, "memory",
                                         &error) == VMC_OK,
                  "%s", error.text);
    return reader;
}

START_TEST(an_event_is_read_as_it_is_printed)
{
    struct vmc_reader *reader =
        open_text(lines[_i].line, strlen(lines[_i].line));
    const struct vmc_record *records;
    uint32_t count = 0;

    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_msg(count == 1, "%s", lines[_i].line);
    ck_assert_uint_eq(records[0].kind, lines[_i].kind);
    for (uint32_t i = 0; i < VMC_REC_ARGS_MAX; i++) {
        if (lines[_i].texts[i] != NULL) {
            ck_assert_str_eq(vmc_reader_text(reader, records[0].args[i]),
                             lines[_i].texts[i]);
        } else {
            ck_assert_msg(records[0].args[i] == lines[_i].args[i],
                          "%s: argument %u is %" PRIx64, lines[_i].line, i,
                          records[0].args[i]);
        }
    }
    ck_assert_uint_eq(vmc_reader_counts(reader)->skipped_lines, 0);
    vmc_reader_close(reader);
}
END_TEST

START_TEST(every_kind_has_a_line_here)
{
    bool is_shown[VMC_REC_KIND_COUNT] = {[VMC_REC_NONE] = true};

    for (size_t i = 0; i < VMC_COUNT_OF(lines); i++) {
        is_shown[lines[i].kind] = true;
    }
    for (int i = 0; i < VMC_REC_KIND_COUNT; i++) {
        ck_assert_msg(is_shown[i], "no line shows %s",
                      vmc_record_kind_name((enum vmc_record_kind)i));
    }
    ck_assert_str_eq(vmc_record_kind_name(VMC_REC_KIND_COUNT), "unknown");
}
END_TEST

/* A truncated known event is bad; anything else at worst unknown. */
START_TEST(a_line_cut_anywhere_is_a_record_or_counted)
{
    static char text[1024];

    for (size_t i = 0; i < VMC_COUNT_OF(lines); i++) {
        for (size_t cut = 1; cut < strlen(lines[i].line); cut++) {
            const char *head = lines[i].kind < VMC_REC_KVM_ENTRY
                                   ? "7@1.0:virtqueue_flush vq 0x1 count 1\n"
                                   : "# tracer: nop\n";
            size_t bytes = (size_t)snprintf(text, sizeof(text), "%s%.*s\n",
                                            head, (int)cut, lines[i].line);
            struct vmc_reader *reader = open_text(text, bytes);
            const struct vmc_reader_counts *counts = vmc_reader_counts(reader);
            const struct vmc_record *records;
            uint32_t count;

            while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
            }
            ck_assert_uint_eq(counts->lines, 2);
            ck_assert_uint_le(counts->records + counts->skipped_lines +
                                  counts->unknown_events,
                              2);
            vmc_reader_close(reader);
        }
    }
}
END_TEST

START_TEST(stamps_are_relative_and_never_run_back)
{
    static const char text[] = "7@10.000005:virtqueue_flush vq 0x1 count 1\n"
                               "8@10.000004:virtqueue_flush vq 0x1 count 1\n"
                               "9@10.000007:virtqueue_flush vq 0x1 count 1\n"
                               "9@9.000007:virtqueue_flush vq 0x1 count 1\n";
    static const uint64_t times_ns[] = {0, 0, 2000, 2000};
    struct vmc_reader *reader = open_text(text, sizeof(text) - 1);
    const struct vmc_record *records;
    uint32_t count;

    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_uint_eq(count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(records[i].time_ns, times_ns[i]);
        ck_assert_uint_eq(records[i].line, i + 1);
    }
    ck_assert_uint_eq(records[1].thread, 8);
    ck_assert_uint_eq(vmc_reader_counts(reader)->time_clamped, 2);
    ck_assert_str_eq(vmc_reader_meta(reader, "start_ns"), "10000005000");
    vmc_reader_close(reader);
}
END_TEST

START_TEST(the_newer_stamp_of_qemu_is_read_too)
{
    static const char text[] =
        "2026-11-21T07:33:25.123456Z virtqueue_flush vq 0x1 count 1\n"
        "2026-11-21T07:33:25.123457Z virtqueue_flush vq 0x1 count 2\n"
        "2024-02-29T23:59:59.999999Z virtqueue_flush vq 0x1 count 2\n";
    struct vmc_reader *reader = open_text(text, sizeof(text) - 1);
    const struct vmc_record *records;
    uint32_t count;

    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(records[1].time_ns, 1000);
    /* 20778 days, 7 h, 33 min and 25 s after the start of 1970 */
    ck_assert_str_eq(vmc_reader_meta(reader, "start_ns"),
                     "1795246405123456000");
    vmc_reader_close(reader);
}
END_TEST

START_TEST(flags_and_cpu_of_an_ftrace_line_are_kept)
{
    static const char text[] =
        "# tracer: nop\n"
        "  <idle>-0       [003] dNh..     0.5: rcu_utilization: a\n"
        "   kworker/u17:1-59  [201] ..s1.     0.6: rcu_utilization: a\n"
        "   x [9] y-60  [001] d.H..     0.7: rcu_utilization: a\n";
    struct vmc_reader *reader = open_text(text, sizeof(text) - 1);
    const struct vmc_record *records;
    uint32_t count;

    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(records[2].thread, 60);
    ck_assert_uint_eq(records[0].cpu, 3);
    ck_assert_uint_eq(records[0].flags,
                      VMC_REC_IRQS_OFF | VMC_REC_NEED_RESCHED |
                          VMC_REC_HARDIRQ | VMC_REC_IDLE_TASK);
    ck_assert_uint_eq(records[1].cpu, 201);
    ck_assert_uint_eq(records[1].thread, 59);
    ck_assert_uint_eq(records[1].flags, VMC_REC_SOFTIRQ);
    vmc_reader_close(reader);
}
END_TEST

START_TEST(what_is_unknown_or_bad_is_counted_and_named)
{
    static const char text[] = "7@1.0:virtqueue_flush vq 0x1 count 1\n"
                               "7@1.1:some_event a b c\n"
                               "7@1.1:other_event\n"
                               "7@1.1:some_event d\n"
                               "qemu: a warning\n"
                               "\n"
                               "7@1.2:virtqueue_flush vq zzz count 1\n"
                               "7@1.2:virtqueue_flush vq 0x1ffffffffffffffff "
                               "count 1\n"
                               "7@1.3:virtqueue_flush vq 0x2 count 1\n";
    struct vmc_reader *reader = open_text(text, sizeof(text) - 1);
    const struct vmc_reader_counts *counts = vmc_reader_counts(reader);
    const struct vmc_record *records;
    uint32_t total = 0, count;
    uint64_t times;

    while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
        total += count;
    }
    ck_assert_uint_eq(total, 2);
    ck_assert_uint_eq(counts->records, 2);
    ck_assert_uint_eq(counts->lines, 9);
    ck_assert_uint_eq(counts->skipped_lines, 2);
    ck_assert_uint_eq(counts->first_bad_line, 7);
    ck_assert_uint_eq(counts->unknown_events, 4);
    ck_assert(!counts->is_truncated);
    ck_assert_str_eq(vmc_reader_unknown_at(reader, 0, &times),
                     "(not an event)");
    ck_assert_str_eq(vmc_reader_unknown_at(reader, 1, &times), "other_event");
    ck_assert_str_eq(vmc_reader_unknown_at(reader, 2, &times), "some_event");
    ck_assert_uint_eq(times, 2);
    ck_assert_ptr_null(vmc_reader_unknown_at(reader, 3, &times));
    vmc_reader_close(reader);
}
END_TEST

/* Lines that no program prints whole: two torn into one, a zero byte, a number
 * that no thread has. */
static const struct {
    const char *line;
    size_t bytes;
    bool is_unknown; /* else known, but bad */
} torn[] = {
#define TORN(text, is_unknown)                                                 \
    {                                                                          \
        text, sizeof(text) - 1, is_unknown                                     \
    }
    TORN("7@1.1:loongarch_pch_pic_irq_handler irq 5 level 07@1.2:virtqueue_f",
         false),
    TORN("7@1.1:loongarch_extioi_readw addr: 0x40val: 0x20 7@1.2:x", false),
    TORN("7@1.1:virtqueue_flush vq 0x1 count 12, count 3", false),
    TORN("7@1.1:virtio_balloon_handle_output section name: a\0b gpa: 0x1000",
         false),
    TORN("7@1.1:virtqueue_\0flush vq 0x1 count 1", true),
    TORN("\0", true),
    TORN("4294967296@1.1:virtqueue_flush vq 0x1 count 1", true),
    TORN("-1@1.1:virtqueue_flush vq 0x1 count 1", true),
    TORN("7@1.1234567890:virtqueue_flush vq 0x1 count 1", true),
    TORN("7@1.1 virtqueue_flush vq 0x1 count 1", true),
};

START_TEST(a_torn_line_is_never_a_record)
{
    static const char good[] = "7@1.0:virtqueue_flush vq 0x1 count 1\n";
    char text[256];
    struct vmc_reader *reader;
    const struct vmc_reader_counts *counts;
    const struct vmc_record *records;
    uint32_t count;

    memcpy(text, good, sizeof(good) - 1);
    memcpy(text + sizeof(good) - 1, torn[_i].line, torn[_i].bytes);
    text[sizeof(good) - 1 + torn[_i].bytes] = '\n';
    reader = open_text(text, sizeof(good) + torn[_i].bytes);
    counts = vmc_reader_counts(reader);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_END);
    ck_assert_uint_eq(counts->records, 1);
    ck_assert_uint_eq(counts->lines, 2);
    ck_assert_uint_eq(counts->skipped_lines, !torn[_i].is_unknown);
    ck_assert_uint_eq(counts->unknown_events, torn[_i].is_unknown);
    ck_assert(!counts->is_truncated);
    vmc_reader_close(reader);
}
END_TEST

/* The last line has no newline. @is_event: all of an event stands there. */
static const struct {
    const char *line;
    bool is_event;
} unfinished[] = {
    {"7@1.1:virtqueue_flush vq 0x1 count 1", true},
    {"7@1.1:virtqueue_flush vq 0x1 count", false},
    {"7@1.1:virtqueue_fl", false},
    {"7@1", false},
};

START_TEST(a_trace_that_ends_in_a_line_is_cut_short)
{
    static const char good[] = "7@1.0:virtqueue_flush vq 0x1 count 1\n";
    static char text[8192];
    const struct vmc_record *records;
    struct vmc_error error = {""};
    struct vmc_reader *reader;
    uint32_t count, expected = 0;
    size_t bytes = 0;

    for (; bytes < 6000; bytes += sizeof(good) - 1) {
        memcpy(text + bytes, good, sizeof(good) - 1);
        expected++;
    }
    memcpy(text + bytes, unfinished[_i].line, strlen(unfinished[_i].line));
    bytes += strlen(unfinished[_i].line);
    expected += unfinished[_i].is_event;
    reader = open_text(text, bytes);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, &error), VMC_OK);
    ck_assert_uint_eq(count, expected); /* all of them, before the damage */
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, &error),
                     unfinished[_i].is_event ? VMC_END : VMC_E_FORMAT);
    ck_assert_int_eq(strstr(error.text, "line 164 is cut short") != NULL,
                     !unfinished[_i].is_event);
    ck_assert(vmc_reader_counts(reader)->is_truncated);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, &error),
                     VMC_END);
    vmc_reader_close(reader);
}
END_TEST

/* 4 KiB and more were once passed over in silence. */
START_TEST(a_long_last_line_without_newline_is_counted)
{
    static char text[20000] = "7@1.0:virtqueue_flush vq 0x1 count 1\n";
    struct vmc_reader *reader;
    const struct vmc_record *records;
    uint32_t count;

    memset(text + 37, 'x', sizeof(text) - 37);
    reader = open_text(text, sizeof(text));
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL),
                     VMC_E_FORMAT);
    ck_assert_uint_eq(vmc_reader_counts(reader)->lines, 2);
    ck_assert_uint_eq(vmc_reader_counts(reader)->unknown_events, 1);
    vmc_reader_close(reader);
}
END_TEST

START_TEST(kinds_have_names_and_texts)
{
    ck_assert_int_eq(vmc_record_kind_named("kvm_mmio"), VMC_REC_KVM_MMIO);
    ck_assert_int_eq(vmc_record_kind_named("none"), VMC_REC_NONE);
    ck_assert_int_eq(vmc_record_kind_named("kvm_mmi"), VMC_REC_NONE);
    ck_assert(vmc_record_arg_is_text(VMC_REC_KVM_EXIT, 2));
    ck_assert(!vmc_record_arg_is_text(VMC_REC_KVM_EXIT, 1));
    ck_assert(!vmc_record_arg_is_text(VMC_REC_KVM_EXIT, 64));
    ck_assert(!vmc_record_arg_is_text(VMC_REC_KIND_COUNT, 0));
    for (size_t i = 0; i < VMC_COUNT_OF(lines); i++) {
        for (uint32_t arg = 0; arg < VMC_REC_ARGS_MAX; arg++) {
            bool is_text = vmc_record_arg_is_text(lines[i].kind, arg);

            ck_assert_msg(is_text || lines[i].texts[arg] == NULL,
                          "arg %u of %s is a text", arg, lines[i].line);
            ck_assert(!is_text || arg < vmc_record_arg_count(lines[i].kind));
        }
    }
}
END_TEST

START_TEST(a_line_without_end_is_passed_over)
{
    size_t bytes = 3u << 20;
    char *text = malloc(bytes);
    struct vmc_reader *reader;
    const struct vmc_record *records;
    uint32_t total = 0, count;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', bytes);
    memcpy(text, "7@1.0:virtqueue_flush vq 0x1 count 1\n", 37);
    memcpy(text + bytes - 38, "\n7@1.0:virtqueue_flush vq 0x1 count 1\n", 38);
    reader = open_text(text, bytes);
    while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
        total += count;
    }
    ck_assert_uint_eq(total, 2);
    ck_assert_uint_eq(vmc_reader_counts(reader)->lines, 3);
    ck_assert_uint_eq(vmc_reader_counts(reader)->unknown_events, 1);
    vmc_reader_close(reader);
    free(text);
}
END_TEST

/* ---- The native format -------------------------------------------------- */

static char *native;
static size_t native_bytes;

/* The ftrace lines above, @repeats times, with times that go up, and some that
 * nobody knows. */
static char *make_text(uint32_t repeats, size_t *size_bytes)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, size_bytes);
    uint32_t micros = 0;

    ck_assert_ptr_nonnull(file);
    (void)fputs("# tracer: nop\n", file);
    for (uint32_t r = 0; r < repeats; r++) {
        for (size_t i = 0; i < VMC_COUNT_OF(lines); i++) {
            const char *stamp = strstr(lines[i].line, "1.500000: ");

            if (stamp != NULL) {
                micros += 1 + (uint32_t)i * 7 % 13;
                (void)fprintf(file, "%.*s%u.%06u%s\n",
                              (int)(stamp - lines[i].line), lines[i].line,
                              micros / 1000000, micros % 1000000, stamp + 8);
            }
        }
        (void)fprintf(file, " k-7 [000] ..... 1.0: what_%u: x\n", r % 3);
    }
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

static void make_native(uint32_t repeats)
{
    size_t text_bytes;
    char *text = make_text(repeats, &text_bytes);
    struct vmc_reader *reader = open_text(text, text_bytes);
    struct vmc_writer *writer = NULL;
    const struct vmc_record *records;
    FILE *file = open_memstream(&native, &native_bytes);
    uint32_t count;

    ck_assert_ptr_nonnull(file);
    while (vmc_reader_next(reader, &records, &count, NULL) == VMC_OK) {
        if (writer == NULL) {
            ck_assert_int_eq(vmc_writer_new(&writer, file, reader), VMC_OK);
        }
        ck_assert_int_eq(vmc_writer_add(writer, records, count), VMC_OK);
    }
    ck_assert_int_eq(vmc_writer_end(writer, reader), VMC_OK);
    vmc_writer_free(writer);
    vmc_reader_close(reader);
    ck_assert_int_eq(fclose(file), 0);
    free(text);
}

/* Compare two readers record by record; how many @found has. */
static uint64_t compare(struct vmc_reader *found, struct vmc_reader *expected)
{
    const struct vmc_record *a, *b = NULL;
    uint32_t a_count, b_count = 0, b_at = 0;
    uint64_t total = 0;

    while (vmc_reader_next(found, &a, &a_count, NULL) == VMC_OK) {
        for (uint32_t i = 0; i < a_count; i++, b_at++) {
            if (b_at == b_count) {
                ck_assert_int_eq(vmc_reader_next(expected, &b, &b_count, NULL),
                                 VMC_OK);
                b_at = 0;
            }
            ck_assert_mem_eq(&a[i], &b[b_at], sizeof(a[i]));
            total++;
        }
    }
    return total;
}

START_TEST(the_native_format_carries_everything)
{
    size_t text_bytes;
    char *text = make_text(3000, &text_bytes); /* three blocks */
    struct vmc_reader *from_text = open_text(text, text_bytes);
    struct vmc_reader *from_native;
    const struct vmc_record *records;
    uint32_t count;
    uint64_t times = 0, times_native = 0;

    make_native(3000);
    from_native = open_text(native, native_bytes);
    ck_assert_str_eq(vmc_reader_format(from_native), "vmct");
    ck_assert_uint_gt(compare(from_native, from_text), 65536 * 2);
    ck_assert_int_eq(vmc_reader_next(from_text, &records, &count, NULL),
                     VMC_END);
    ck_assert_mem_eq(vmc_reader_counts(from_native),
                     vmc_reader_counts(from_text),
                     sizeof(struct vmc_reader_counts));
    ck_assert_uint_eq(vmc_reader_text_count(from_native),
                      vmc_reader_text_count(from_text));
    for (uint32_t i = 0; i <= vmc_reader_text_count(from_text); i++) {
        ck_assert_str_eq(vmc_reader_text(from_native, i),
                         vmc_reader_text(from_text, i));
    }
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_str_eq(vmc_reader_unknown_at(from_native, i, &times_native),
                         vmc_reader_unknown_at(from_text, i, &times));
        ck_assert_uint_eq(times_native, times);
    }
    ck_assert_uint_gt(vmc_reader_block_count(from_native), 2);
    vmc_reader_close(from_native);
    vmc_reader_close(from_text);
    free(native);
    free(text);
}
END_TEST

/* Read @bytes of the damaged trace; what comes out must be a beginning of the
 * good one. Returns the number of records. */
static uint64_t read_damaged(const char *data, size_t bytes, bool *is_whole)
{
    struct vmc_reader *reader = NULL, *good;
    const struct vmc_record *records;
    struct vmc_error error = {""};
    enum vmc_status status;
    uint32_t count;
    uint64_t total;

    *is_whole = false;
    if (vmc_reader_open_memory(&reader, data, bytes, "memory", &error) !=
        VMC_OK) {
        ck_assert_ptr_null(reader);
        ck_assert_str_ne(error.text, "");
        return 0;
    }
    if (strcmp(vmc_reader_format(reader), "vmct") != 0) {
        vmc_reader_close(reader);
        return 0;
    }
    good = open_text(native, native_bytes);
    total = compare(reader, good);
    status = vmc_reader_next(reader, &records, &count, &error);
    ck_assert_int_eq(status, VMC_END);
    *is_whole = !vmc_reader_counts(reader)->is_truncated;
    vmc_reader_close(good);
    vmc_reader_close(reader);
    return total;
}

START_TEST(every_prefix_is_an_error_or_a_shorter_trace)
{
    bool is_whole;

    make_native(2);
    for (size_t bytes = 0; bytes < native_bytes; bytes++) {
        char *copy = malloc(bytes + 1); /* so that over-reads are seen */

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, native, bytes);
        (void)read_damaged(copy, bytes, &is_whole);
        ck_assert_msg(!is_whole, "a prefix of %zu bytes passes for whole",
                      bytes);
        free(copy);
    }
    ck_assert_uint_gt(read_damaged(native, native_bytes, &is_whole), 0);
    ck_assert(is_whole);
    free(native);
}
END_TEST

/* All records of two readers, and what comes behind them. */
static void check_same(struct vmc_reader *a, struct vmc_reader *b)
{
    const struct vmc_record *of_a = NULL, *of_b = NULL;
    uint32_t left_a = 0, left_b = 0;
    enum vmc_status status_a = VMC_OK, status_b = VMC_OK;
    struct vmc_error error_a = {""}, error_b = {""};

    for (;;) {
        if (left_a == 0) {
            status_a = vmc_reader_next(a, &of_a, &left_a, &error_a);
        }
        if (left_b == 0) {
            status_b = vmc_reader_next(b, &of_b, &left_b, &error_b);
        }
        ck_assert_int_eq(status_a, status_b);
        if (status_a != VMC_OK) {
            break;
        }
        ck_assert_mem_eq(of_a++, of_b++, sizeof(*of_a));
        left_a--;
        left_b--;
    }
    ck_assert_str_eq(error_a.text, error_b.text);
    ck_assert_int_eq(vmc_reader_next(a, &of_a, &left_a, &error_a), VMC_END);
    ck_assert_int_eq(vmc_reader_next(b, &of_b, &left_b, &error_b), VMC_END);
    ck_assert_uint_eq(vmc_reader_counts(a)->records,
                      vmc_reader_counts(b)->records);
    ck_assert_int_eq(vmc_reader_counts(a)->is_truncated,
                     vmc_reader_counts(b)->is_truncated);
    ck_assert_uint_eq(vmc_reader_text_count(a), vmc_reader_text_count(b));
}

/* Whole, empty of records, and damaged in the middle. */
START_TEST(a_trace_that_is_kept_gives_what_it_would_have_given)
{
    static const char no_event[] = "7@1.5:some_event of nobody\n";
    struct vmc_reader *kept, *plain;
    struct vmc_error error;

    make_native(5);
    if (_i == 2) {
        native[native_bytes * 2 / 3] ^= 0x55;
    }
    kept = _i == 1 ? open_text(no_event, sizeof(no_event) - 1)
                   : open_text(native, native_bytes);
    plain = _i == 1 ? open_text(no_event, sizeof(no_event) - 1)
                    : open_text(native, native_bytes);
    ck_assert_int_eq(vmc_reader_keep(kept, 1 << 20, &error), VMC_OK);
    check_same(kept, plain);
    vmc_reader_close(kept);
    vmc_reader_close(plain);
    free(native);
}
END_TEST

START_TEST(no_more_is_kept_than_is_allowed)
{
    const struct vmc_record *records;
    struct vmc_reader *reader;
    struct vmc_error error;
    uint64_t total = 0;
    uint32_t count;

    make_native(2);
    reader = open_text(native, native_bytes);
    while (vmc_reader_next(reader, &records, &count, &error) == VMC_OK) {
        total += count;
    }
    vmc_reader_close(reader);
    reader = open_text(native, native_bytes);
    ck_assert_int_eq(vmc_reader_keep(reader, total, &error), VMC_OK);
    vmc_reader_close(reader);
    reader = open_text(native, native_bytes);
    ck_assert_int_eq(vmc_reader_keep(reader, total - 1, &error), VMC_E_RANGE);
    vmc_reader_close(reader);
    free(native);
}
END_TEST

START_TEST(bytes_behind_the_end_mark_are_damage)
{
    bool is_whole;
    uint64_t total;
    char *copy;

    make_native(2);
    total = read_damaged(native, native_bytes, &is_whole);
    copy = malloc(native_bytes + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, native, native_bytes);
    copy[native_bytes] = '\0';
    ck_assert_uint_eq(read_damaged(copy, native_bytes + 1, &is_whole), total);
    ck_assert(!is_whole);
    free(copy);
    free(native);
}
END_TEST

/* Damages of several kinds; each is found, or harmless. */
START_TEST(a_damaged_trace_never_gives_a_wrong_record)
{
    struct vmc_rng rng;
    bool is_whole;
    char *copy;

    make_native(2);
    copy = malloc(native_bytes);
    ck_assert_ptr_nonnull(copy);
    vmc_rng_init(&rng, (uint64_t)_i);
    for (int n = 0; n < 1000; n++) {
        uint64_t at = vmc_rng_below(&rng, native_bytes);
        uint64_t bytes = 1 + vmc_rng_below(&rng, 16);

        memcpy(copy, native, native_bytes);
        for (uint64_t i = at; i < at + bytes && i < native_bytes; i++) {
            switch (vmc_rng_below(&rng, 4)) {
            case 0:
                copy[i] = 0;
                break;
            case 1:
                copy[i] = (char)0xff;
                break;
            case 2:
                copy[i] ^= (char)(1U << vmc_rng_below(&rng, 8));
                break;
            default:
                copy[i] = (char)vmc_rng_next(&rng);
            }
        }
        (void)read_damaged(copy, native_bytes, &is_whole);
        ck_assert_msg(!is_whole || memcmp(copy, native, native_bytes) == 0,
                      "seed %d, damage %d passes for whole", _i, n);
    }
    free(copy);
    free(native);
}
END_TEST

START_TEST(a_block_may_not_claim_too_much)
{
    struct vmc_reader *reader;
    const struct vmc_record *records;
    struct vmc_error error = {""};
    uint32_t count;
    char *block;

    make_native(2);
    block = memmem(native, native_bytes, "VBLK", 4);
    ck_assert_ptr_nonnull(block);
    memset(block + 4, 0xff, 12); /* records, raw and packed bytes */
    reader = open_text(native, native_bytes);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, &error),
                     VMC_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "beyond the limit"));
    vmc_reader_close(reader);
    free(native);
}
END_TEST

/* A whole file around one block and one summary, all sums right. */
static size_t craft(unsigned char *file, const char *block, size_t block_bytes,
                    uint32_t records, uint32_t texts, const char *summary,
                    size_t summary_bytes)
{
    static const char meta[] = "vcpus = 1\n";
    unsigned char *at = file;
    size_t packed;
    uint64_t offset;

#define PUT32(place, value)                                                    \
    for (int byte = 0; byte < 4; byte++)                                       \
    (place)[byte] = (unsigned char)((uint32_t)(value) >> (8 * byte))
    memcpy(at, "VMCT\1\0\0\0", 8);
    PUT32(at + 8, sizeof(meta) - 1);
    memcpy(at + 16, meta, sizeof(meta) - 1);
    PUT32(at + 12, vmc_crc32c(vmc_crc32c(0, at, 12), meta, sizeof(meta) - 1));
    at += 16 + sizeof(meta) - 1;
    packed = ZSTD_compress(at + 40, 1000, block, block_bytes, 1);
    memset(at, 0, 40);
    memcpy(at, "VBLK", 4);
    PUT32(at + 4, records);
    PUT32(at + 8, block_bytes);
    PUT32(at + 12, packed);
    PUT32(at + 32, texts);
    PUT32(at + 36, vmc_crc32c(vmc_crc32c(0, at, 36), at + 40, packed));
    at += 40 + packed;
    offset = (uint64_t)(at - file);
    packed = ZSTD_compress(at + 16, 1000, summary, summary_bytes, 1);
    memcpy(at, "VSUM", 4);
    PUT32(at + 4, summary_bytes);
    PUT32(at + 8, packed);
    PUT32(at + 12, vmc_crc32c(vmc_crc32c(0, at, 12), at + 16, packed));
    at += 16 + packed;
    memcpy(at, "VEND", 4);
    PUT32(at + 8, offset);
    PUT32(at + 12, offset >> 32);
    PUT32(at + 4, vmc_crc32c(0, at + 8, 8));
#undef PUT32
    return (size_t)(at + 16 - file);
}

/* virtqueue_flush (kind 16) with arguments 1 and 2, line 1, same all else. */
#define RECORD "\x10\x0f\x02\x04"
/* One record, one line, nothing else. */
#define SUMMARY     "\1\1\0\0\0\0\0\0\0"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *what;
    const char *block;
    size_t block_bytes;
    uint32_t records, texts;
    const char *summary;
    size_t summary_bytes;
    const char *message; /* NULL: the file is good */
} crafted[] = {
    {"a good one", BYTES(RECORD), 1, 0, BYTES(SUMMARY), NULL},
    {"a text", BYTES("\2hi" RECORD), 1, 1, BYTES(SUMMARY), NULL},
    {"an unknown name", BYTES(RECORD), 1, 0, BYTES("\1\1\0\7\0\0\0\1\1x\7\0"),
     NULL},
    {"no records", BYTES(RECORD), 0, 0, BYTES(SUMMARY), "contents of a block"},
    {"too many records", BYTES(RECORD), 65537, 0, BYTES(SUMMARY),
     "contents of a block"},
    {"a record too few", BYTES(RECORD), 2, 0, BYTES(SUMMARY), "a record"},
    {"no such kind", BYTES("\xc8\x0f\x02\x04"), 1, 0, BYTES(SUMMARY),
     "a record"},
    {"kind none", BYTES("\0\x0f\x02\x04"), 1, 0, BYTES(SUMMARY), "a record"},
    {"no such flags", BYTES("\x10\x1f\x02\x04"), 1, 0, BYTES(SUMMARY),
     "a record"},
    {"a thread beyond 32 bits", BYTES("\x10\x0e\xff\xff\xff\xff\x1f\x02\x04"),
     1, 0, BYTES(SUMMARY), "a record"},
    {"a line that is cut", BYTES("\x10\x0d\xff"), 1, 0, BYTES(SUMMARY),
     "a record"},
    {"a context that is cut", BYTES("\x10\x0b\1"), 1, 0, BYTES(SUMMARY),
     "a record"},
    {"a time that is cut", BYTES("\x10\x07\xff"), 1, 0, BYTES(SUMMARY),
     "a record"},
    {"a time beyond 64 bits",
     BYTES("\x10\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\2\4\x10\x07\1\2"
           "\4"),
     2, 0, BYTES(SUMMARY), "a record"},
    {"an argument beyond 64 bits",
     BYTES("\x10\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\4"), 1, 0,
     BYTES(SUMMARY), "a record"},
    {"an empty text", BYTES("\0" RECORD), 1, 1, BYTES(SUMMARY),
     "contents of a block"},
    {"a text twice", BYTES("\1a\1a" RECORD), 1, 2, BYTES(SUMMARY),
     "contents of a block"},
    {"a text that is cut", BYTES("\x20" RECORD), 1, 1, BYTES(SUMMARY),
     "contents of a block"},
    {"texts without end", BYTES(""), 1, 1, BYTES(SUMMARY),
     "contents of a block"},
    {"another count in the summary", BYTES(RECORD), 1, 0,
     BYTES("\2\1\0\0\0\0\0\0\0"), "the summary"},
    {"a summary that is cut", BYTES(RECORD), 1, 0, BYTES("\1\1"),
     "the summary"},
    {"truncated twice", BYTES(RECORD), 1, 0, BYTES("\1\1\0\0\0\0\2\0\0"),
     "the summary"},
    {"a name that is cut", BYTES(RECORD), 1, 0, BYTES("\1\1\0\0\0\0\0\1\x50x"),
     "the summary"},
    {"a name without count", BYTES(RECORD), 1, 0, BYTES("\1\1\0\0\0\0\0\1\1x"),
     "the summary"},
};

START_TEST(contents_that_make_no_sense_are_damage)
{
    unsigned char file[4096];
    size_t bytes = craft(file, crafted[_i].block, crafted[_i].block_bytes,
                         crafted[_i].records, crafted[_i].texts,
                         crafted[_i].summary, crafted[_i].summary_bytes);
    struct vmc_reader *reader = open_text((char *)file, bytes);
    const struct vmc_record *records;
    struct vmc_error error = {""};
    uint32_t count, total = 0;
    enum vmc_status status;

    while ((status = vmc_reader_next(reader, &records, &count, &error)) ==
           VMC_OK) {
        total += count;
    }
    if (crafted[_i].message == NULL) {
        ck_assert_msg(status == VMC_END && total == 1, "%s: %s",
                      crafted[_i].what, error.text);
        ck_assert(!vmc_reader_counts(reader)->is_truncated);
    } else {
        ck_assert_msg(status == VMC_E_FORMAT, "%s is let through",
                      crafted[_i].what);
        ck_assert_msg(strstr(error.text, crafted[_i].message) != NULL,
                      "%s: '%s'", crafted[_i].what, error.text);
        ck_assert(vmc_reader_counts(reader)->is_truncated);
    }
    vmc_reader_close(reader);
}
END_TEST

START_TEST(a_writer_notices_a_full_disk)
{
    struct vmc_reader *reader = open_text(lines[0].line, strlen(lines[0].line));
    struct vmc_writer *writer = NULL;
    FILE *file = fopen("/dev/full", "w");
    const struct vmc_record *records;
    uint32_t count;
    enum vmc_status status;

    ck_assert_ptr_nonnull(file);
    (void)setvbuf(file, NULL, _IONBF, 0);
    ck_assert_int_eq(vmc_reader_next(reader, &records, &count, NULL), VMC_OK);
    status = vmc_writer_new(&writer, file, reader);
    ck_assert_int_eq(status, VMC_E_IO);
    ck_assert_ptr_null(writer);
    vmc_writer_free(NULL);
    vmc_reader_close(reader);
    (void)fclose(file);
}
END_TEST

/* ---- Metadata and texts ------------------------------------------------- */

START_TEST(metadata_is_pairs_and_comments)
{
    static const char text[] = "# a comment\n\n  vcpus = 4 \r\n"
                               "empty =\nkey = a = b\nvcpus = 5\n; more";
    struct vmc_meta *meta = calloc(1, sizeof(*meta));
    struct vmc_error error = {""};

    ck_assert_ptr_nonnull(meta);
    ck_assert_int_eq(vmc_meta_parse(meta, text, sizeof(text) - 1, "m", &error),
                     VMC_OK);
    ck_assert_str_eq(vmc_meta_get(meta, "vcpus"), "5");
    ck_assert_str_eq(vmc_meta_get(meta, "empty"), "");
    ck_assert_str_eq(vmc_meta_get(meta, "key"), "a = b");
    ck_assert_ptr_null(vmc_meta_get(meta, "none"));
    ck_assert_uint_eq(meta->pair_count, 3);
    ck_assert_int_eq(vmc_meta_parse(meta, "a = 1\n= 2\n", 10, "m", &error),
                     VMC_E_FORMAT);
    ck_assert_str_eq(error.text, "m:2: expected key = value");
    for (int i = 0; i < 300; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)vmc_meta_set(meta, key, "v");
    }
    ck_assert_uint_eq(meta->pair_count, VMC_META_PAIRS_MAX);
    ck_assert_int_eq(vmc_meta_set(meta, "one_more", "v"), VMC_E_RANGE);
    free(meta);
}
END_TEST

static const struct {
    const char *trace, *meta;
} meta_paths[] = {
    {"traces/a-4vcpu.qemu.log.zst", "traces/a-4vcpu.meta"},
    {"a.ftrace.txt", "a.meta"},
    {"/x.log/y.vmct", "/x.log/y.meta"},
    {"./plain", "./plain.meta"},
};

START_TEST(a_trace_has_its_description_beside_it)
{
    char path[64];

    ck_assert(vmc_meta_path(path, sizeof(path), meta_paths[_i].trace));
    ck_assert_str_eq(path, meta_paths[_i].meta);
    ck_assert(!vmc_meta_path(path, 5, meta_paths[_i].trace));
}
END_TEST

START_TEST(texts_have_numbers_and_a_limit)
{
    struct vmc_texts *texts = vmc_texts_new();
    char text[400];

    ck_assert_ptr_nonnull(texts);
    ck_assert_uint_eq(vmc_texts_number(texts, "", 0), 0);
    ck_assert_uint_eq(vmc_texts_number(texts, "ab", 2), 1);
    ck_assert_uint_eq(vmc_texts_number(texts, "abc", 3), 2);
    ck_assert_uint_eq(vmc_texts_number(texts, "ab", 2), 1);
    ck_assert_str_eq(vmc_texts_get(texts, 2), "abc");
    ck_assert_str_eq(vmc_texts_get(texts, 3), "");
    memset(text, 'x', sizeof(text));
    ck_assert_uint_eq(
        strlen(vmc_texts_get(texts, vmc_texts_number(texts, text, 400))),
        VMC_TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < VMC_TEXTS_MAX + 100; i++) {
        int bytes = snprintf(text, sizeof(text), "number %u", i);

        (void)vmc_texts_number(texts, text, (size_t)bytes);
    }
    ck_assert_uint_le(vmc_texts_count(texts), VMC_TEXTS_MAX);
    ck_assert_str_eq(vmc_texts_get(texts, vmc_texts_number(texts, "late", 4)),
                     "(too many texts)");
    vmc_texts_free(texts);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("trace");
    TCase *c = tcase_create("trace");

    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, an_event_is_read_as_it_is_printed, 0,
                        (int)VMC_COUNT_OF(lines));
    tcase_add_test(c, every_kind_has_a_line_here);
    tcase_add_test(c, a_line_cut_anywhere_is_a_record_or_counted);
    tcase_add_test(c, stamps_are_relative_and_never_run_back);
    tcase_add_test(c, the_newer_stamp_of_qemu_is_read_too);
    tcase_add_test(c, flags_and_cpu_of_an_ftrace_line_are_kept);
    tcase_add_test(c, what_is_unknown_or_bad_is_counted_and_named);
    tcase_add_loop_test(c, a_torn_line_is_never_a_record, 0,
                        VMC_COUNT_OF(torn));
    tcase_add_loop_test(c, a_trace_that_ends_in_a_line_is_cut_short, 0,
                        VMC_COUNT_OF(unfinished));
    tcase_add_test(c, a_long_last_line_without_newline_is_counted);
    tcase_add_test(c, kinds_have_names_and_texts);
    tcase_add_test(c, a_line_without_end_is_passed_over);
    tcase_add_test(c, the_native_format_carries_everything);
    tcase_add_test(c, every_prefix_is_an_error_or_a_shorter_trace);
    tcase_add_loop_test(c, a_trace_that_is_kept_gives_what_it_would_have_given,
                        0, 3);
    tcase_add_test(c, no_more_is_kept_than_is_allowed);
    tcase_add_test(c, bytes_behind_the_end_mark_are_damage);
    tcase_add_loop_test(c, a_damaged_trace_never_gives_a_wrong_record, 0, 10);
    tcase_add_test(c, a_block_may_not_claim_too_much);
    tcase_add_loop_test(c, contents_that_make_no_sense_are_damage, 0,
                        (int)VMC_COUNT_OF(crafted));
    tcase_add_test(c, a_writer_notices_a_full_disk);
    tcase_add_test(c, metadata_is_pairs_and_comments);
    tcase_add_loop_test(c, a_trace_has_its_description_beside_it, 0,
                        (int)VMC_COUNT_OF(meta_paths));
    tcase_add_test(c, texts_have_numbers_and_a_limit);
    return s;
}
