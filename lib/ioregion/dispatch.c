/* SPDX-License-Identifier: MIT */
/*
 * The stages of an access, by design. One table holds the lists; the closed
 * form adds them up, and the simulation (dispatch_sim.c) walks the same lists
 * and waits where the table has something that can be busy. So both cannot
 * disagree about what a design consists of, only about waiting.
 *
 *     kernel     EX DE LK DV EN
 *     ioeventfd  EX DE LK SG EN                      the consumer goes on alone
 *     coalesced  EX DE LK RG EN                      a full ring: as exit
 *     exit       EX DE LK UO VM UI EN
 *     process    EX DE LK UO VM TX SC DP RX SC UI EN
 *     sync       EX DE LK TX SC DP RX SC EN          one at a time a descriptor
 *     posted     EX DE LK TX EN                      reads as sync
 */
#include "ioregion/dispatch.h"

#include <assert.h>
#include <string.h>

#include "base/base.h"

/* A stage of a machine never takes longer than this: a second. */
static const uint64_t stage_ticks_max = UINT64_C(1000000000000);

static const char *const mode_names[VMC_DISPATCH_COUNT] = {
    [VMC_DISPATCH_KERNEL] = "kernel",
    [VMC_DISPATCH_IOEVENTFD] = "ioeventfd",
    [VMC_DISPATCH_COALESCED] = "coalesced",
    [VMC_DISPATCH_EXIT] = "exit",
    [VMC_DISPATCH_PROCESS] = "process",
    [VMC_DISPATCH_POSTED] = "ioregion-posted",
    [VMC_DISPATCH_SYNC] = "ioregion-sync",
};

static const struct {
    const char *name, *letters;
} stage_names[VMC_IO_STAGE_COUNT] = {
    [VMC_IO_EXIT] = {"exit", "EX"},     [VMC_IO_DECODE] = {"decode", "DE"},
    [VMC_IO_LOOKUP] = {"lookup", "LK"}, [VMC_IO_DEVICE] = {"device", "DV"},
    [VMC_IO_SIGNAL] = {"signal", "SG"}, [VMC_IO_RING] = {"ring", "RG"},
    [VMC_IO_LEAVE] = {"leave", "UO"},   [VMC_IO_VMM] = {"vmm", "VM"},
    [VMC_IO_DRAIN] = {"drain", "VM"},   [VMC_IO_MODEL] = {"model", "VM"},
    [VMC_IO_ENTER] = {"enter", "UI"},   [VMC_IO_SEND] = {"send", "TX"},
    [VMC_IO_SWITCH] = {"switch", "SC"}, [VMC_IO_PROCESS] = {"process", "DP"},
    [VMC_IO_REPLY] = {"reply", "RX"},   [VMC_IO_ENTRY] = {"entry", "EN"},
    [VMC_IO_LOCK] = {"lock", "--"},     [VMC_IO_FULL] = {"full", "--"},
    [VMC_IO_QUEUE] = {"queue", "--"},
};

/* VMC_IO_EXIT cannot stand at the end of a list, so it ends one. */
static const enum vmc_io_stage
    plans[VMC_DISPATCH_COUNT][VMC_DISPATCH_PLAN_MAX] = {
        [VMC_DISPATCH_KERNEL] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                                 VMC_IO_DEVICE, VMC_IO_ENTRY},
        [VMC_DISPATCH_IOEVENTFD] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                                    VMC_IO_SIGNAL, VMC_IO_ENTRY},
        [VMC_DISPATCH_COALESCED] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                                    VMC_IO_RING, VMC_IO_ENTRY},
        [VMC_DISPATCH_EXIT] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                               VMC_IO_LEAVE, VMC_IO_MODEL, VMC_IO_ENTER,
                               VMC_IO_ENTRY},
        [VMC_DISPATCH_PROCESS] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                                  VMC_IO_LEAVE, VMC_IO_VMM, VMC_IO_SEND,
                                  VMC_IO_SWITCH, VMC_IO_PROCESS, VMC_IO_REPLY,
                                  VMC_IO_SWITCH, VMC_IO_ENTER, VMC_IO_ENTRY},
        [VMC_DISPATCH_POSTED] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                                 VMC_IO_SEND, VMC_IO_ENTRY},
        [VMC_DISPATCH_SYNC] = {VMC_IO_EXIT, VMC_IO_DECODE, VMC_IO_LOOKUP,
                               VMC_IO_SEND, VMC_IO_SWITCH, VMC_IO_PROCESS,
                               VMC_IO_REPLY, VMC_IO_SWITCH, VMC_IO_ENTRY},
};

const char *vmc_dispatch_name(enum vmc_dispatch mode)
{
    assert(mode < VMC_DISPATCH_COUNT);
    return mode_names[mode];
}

bool vmc_dispatch_find(enum vmc_dispatch *mode, const char *name)
{
    for (uint32_t i = 0; i < VMC_DISPATCH_COUNT; i++) {
        if (strcmp(mode_names[i], name) == 0) {
            *mode = (enum vmc_dispatch)i;
            return true;
        }
    }
    return false;
}

const char *vmc_io_stage_name(enum vmc_io_stage stage)
{
    assert(stage < VMC_IO_STAGE_COUNT);
    return stage_names[stage].name;
}

const char *vmc_io_stage_letters(enum vmc_io_stage stage)
{
    assert(stage < VMC_IO_STAGE_COUNT);
    return stage_names[stage].letters;
}

bool vmc_dispatch_serves_reads(enum vmc_dispatch mode)
{
    return mode != VMC_DISPATCH_IOEVENTFD && mode != VMC_DISPATCH_COALESCED;
}

enum vmc_dispatch vmc_dispatch_effective(enum vmc_dispatch mode, bool is_write)
{
    if (is_write) {
        return mode;
    }
    if (mode == VMC_DISPATCH_POSTED) {
        return VMC_DISPATCH_SYNC;
    }
    return vmc_dispatch_serves_reads(mode) ? mode : VMC_DISPATCH_EXIT;
}

uint32_t vmc_dispatch_plan(enum vmc_dispatch mode, bool is_write,
                           enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX])
{
    const enum vmc_io_stage *plan =
        plans[vmc_dispatch_effective(mode, is_write)];
    uint32_t count = 0;

    assert(mode < VMC_DISPATCH_COUNT);
    do {
        stages[count] = plan[count];
        count++;
    } while (plan[count] != VMC_IO_EXIT);
    return count;
}

bool vmc_dispatch_loop(enum vmc_dispatch mode, bool is_write, uint32_t *first,
                       uint32_t *end)
{
    enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX];
    uint32_t count = vmc_dispatch_plan(mode, is_write, stages);
    enum vmc_dispatch really = vmc_dispatch_effective(mode, is_write);
    enum vmc_io_stage from =
        really == VMC_DISPATCH_PROCESS ? VMC_IO_SEND : VMC_IO_LOOKUP;

    *first = 0;
    *end = count - (really == VMC_DISPATCH_PROCESS ? 2 : 1);
    while (stages[*first] != from) {
        ++*first;
    }
    return really != VMC_DISPATCH_EXIT;
}

static uint64_t decode_ticks(const struct vmc_dispatch_costs *costs,
                             const struct vmc_io_access *access)
{
    switch (access->space) {
    case VMC_IO_MMIO:
        return costs->decode_mmio;
    case VMC_IO_PIO:
        return access->is_write ? costs->decode_out : costs->decode_in;
    default:
        return 0;
    }
}

uint64_t vmc_dispatch_stage_ticks(const struct vmc_dispatch_costs *costs,
                                  const struct vmc_dispatch_place *place,
                                  enum vmc_io_stage stage,
                                  const struct vmc_io_access *access)
{
    switch (stage) {
    case VMC_IO_EXIT:
        return costs->exit;
    case VMC_IO_DECODE:
        return decode_ticks(costs, access);
    case VMC_IO_LOOKUP:
        return costs->lookup + costs->probe * access->probes;
    case VMC_IO_DEVICE:
        return costs->device;
    case VMC_IO_SIGNAL:
        return costs->signal + costs->wake;
    case VMC_IO_RING:
        return costs->ring;
    case VMC_IO_LEAVE:
        return costs->leave;
    case VMC_IO_VMM:
        return costs->vmm;
    case VMC_IO_MODEL:
        return costs->vmm + costs->process;
    case VMC_IO_DRAIN:
        return (costs->drain + costs->process) * (costs->ring_entries - 1);
    case VMC_IO_ENTER:
        return costs->enter + (access->is_write ? 0 : costs->complete_read);
    case VMC_IO_SEND:
        return costs->send + costs->wake;
    case VMC_IO_SWITCH:
        return costs->schedule + (place->has_other_cpu ? costs->idle_wake : 0);
    case VMC_IO_PROCESS:
        return costs->receive + costs->process;
    case VMC_IO_REPLY:
        return costs->reply + costs->wake;
    case VMC_IO_ENTRY:
        return costs->entry;
    default: /* waiting: not when nobody is in the way */
        return 0;
    }
}

uint64_t vmc_dispatch_ticks(const struct vmc_dispatch_costs *costs,
                            const struct vmc_dispatch_place *place,
                            enum vmc_dispatch mode,
                            const struct vmc_io_access *access)
{
    enum vmc_io_stage stages[VMC_DISPATCH_PLAN_MAX];
    uint32_t count = vmc_dispatch_plan(mode, access->is_write, stages);
    uint32_t first, end;
    uint64_t more = access->elements > 1 ? access->elements - 1 : 0;
    uint64_t ticks = 0;

    if (!vmc_dispatch_loop(mode, access->is_write, &first, &end)) {
        more = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t once =
            vmc_dispatch_stage_ticks(costs, place, stages[i], access);

        ticks += i >= first && i < end ? once * (1 + more) : once;
    }
    return ticks;
}

uint64_t vmc_dispatch_coalesced_ticks(const struct vmc_dispatch_costs *costs,
                                      const struct vmc_dispatch_place *place,
                                      const struct vmc_io_access *access)
{
    uint64_t absorbed = costs->ring_entries - 1;
    uint64_t full =
        vmc_dispatch_ticks(costs, place, VMC_DISPATCH_EXIT, access) +
        vmc_dispatch_stage_ticks(costs, place, VMC_IO_DRAIN, access);

    assert(access->is_write);
    return (absorbed * vmc_dispatch_ticks(costs, place, VMC_DISPATCH_COALESCED,
                                          access) +
            full) /
           (absorbed + 1);
}

bool vmc_dispatch_costs_are_sane(const struct vmc_dispatch_costs *costs)
{
    const uint64_t ticks[] = {
        costs->exit,          costs->entry,      costs->decode_mmio,
        costs->decode_in,     costs->decode_out, costs->lookup,
        costs->probe,         costs->device,     costs->signal,
        costs->wake,          costs->ring,       costs->drain,
        costs->leave,         costs->vmm,        costs->enter,
        costs->complete_read, costs->send,       costs->schedule,
        costs->idle_wake,     costs->receive,    costs->process,
        costs->reply,         costs->handoff,
    };

    for (size_t i = 0; i < VMC_COUNT_OF(ticks); i++) {
        if (ticks[i] > stage_ticks_max) {
            return false;
        }
    }
    return costs->ring_entries >= 2 &&
           costs->ring_entries <= VMC_DISPATCH_RING_MAX &&
           costs->socket_commands >= 1 &&
           costs->socket_commands <= VMC_DISPATCH_SOCKET_MAX &&
           costs->socket_resume < costs->socket_commands;
}
