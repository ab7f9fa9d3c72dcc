/* SPDX-License-Identifier: MIT */
#include "balloon/costs.h"

#include "base/base.h"

enum { HUGE_ORDER = 9 };

const char *vmc_balloon_stage_name(enum vmc_balloon_stage stage)
{
    static const char *const names[VMC_STAGE_COUNT] = {
        [VMC_STAGE_ALLOC] = "alloc",
        [VMC_STAGE_ENCODE] = "encode",
        [VMC_STAGE_SEND] = "send",
        [VMC_STAGE_ZAP] = "zap",
        [VMC_STAGE_TRANSLATE] = "translate",
        [VMC_STAGE_FLUSH] = "flush",
        [VMC_STAGE_MADVISE] = "madvise",
        [VMC_STAGE_FAULT] = "fault",
        [VMC_STAGE_PIN] = "pin",
        [VMC_STAGE_TOUCH] = "touch",
        [VMC_STAGE_SLEEP] = "sleep",
        [VMC_STAGE_WAIT] = "wait",
    };

    assert(stage < VMC_STAGE_COUNT);
    return names[stage];
}

/* Only two points are known, an order-0 page and an order-9 block. What lies
 * between is the line through them: a fixed part and a part a page. */
static uint64_t between(uint64_t page, uint64_t huge, uint32_t order)
{
    uint64_t pages = UINT64_C(1) << order;
    uint64_t huge_pages = UINT64_C(1) << HUGE_ORDER;

    if (huge <= page) {
        return page;
    }
    return page + (huge - page) * (pages - 1) / (huge_pages - 1);
}

uint64_t vmc_cost_alloc(const struct vmc_guest_costs *costs, uint32_t order)
{
    return between(costs->alloc, costs->alloc_huge, order);
}

uint64_t vmc_cost_free(const struct vmc_guest_costs *costs, uint32_t order)
{
    return between(costs->free, costs->free_huge, order);
}

uint64_t vmc_cost_round_trip(const struct vmc_send_costs *costs,
                             uint32_t descriptors, uint64_t served)
{
    uint64_t host, wake;

    assert(descriptors > 0);
    host = costs->wake_host + costs->pop +
           (descriptors - 1) * costs->map_descriptor + costs->push + costs->irq;
    wake = host + served <= costs->halt_poll ? costs->wake_polled
                                             : costs->wake_vcpu;
    return costs->add + costs->kick_exit + host + wake + costs->isr;
}

uint64_t vmc_cost_cadence(const struct vmc_send_costs *costs)
{
    return costs->config_read + costs->config_write + costs->requeue;
}
