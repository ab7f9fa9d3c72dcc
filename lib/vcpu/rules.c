/* SPDX-License-Identifier: MIT */
/* The table of rules: which are fatal, and what a kernel developer would have
 * used to find the same. V02 only warns by default: it fires in every schedule
 * of a walk that no section protects, and a search that stopped there would
 * never reach the use after free that it predicts. */
#include "vcpu/rules.h"

#include <string.h>

#include "base/base.h"

static const struct vmc_rule_info infos[VMC_RULE_COUNT] = {
    {"-", "no rule broken", "-", VMC_RULE_WARN},
    {"V01", "access to a freed object", "KASAN", VMC_RULE_FATAL},
    {"V02", "access that no token covers", "lockdep-RCU", VMC_RULE_WARN},
    {"V03", "read section closed twice", "preempt count", VMC_RULE_FATAL},
    {"V04", "section or lock held at exit", "lockdep", VMC_RULE_FATAL},
    {"V05", "sleep where sleeping is forbidden", "DEBUG_ATOMIC_SLEEP",
     VMC_RULE_FATAL},
    {"V06", "reference taken on a dead object", "refcount_t", VMC_RULE_FATAL},
    {"V07", "reference dropped that nobody held", "refcount_t", VMC_RULE_FATAL},
    {"V08", "reference count saturated", "refcount_t", VMC_RULE_WARN},
    {"V09", "freed in the wrong state", "-", VMC_RULE_FATAL},
    {"V10", "leak", "kmemleak", VMC_RULE_AT_END},
    {"V11", "VM freed before its vCPUs", "KASAN", VMC_RULE_FATAL},
    {"V12", "counter differs from its definition", "-", VMC_RULE_FATAL},
    {"V13", "lock taken again by its owner", "lockdep", VMC_RULE_FATAL},
    {"V14", "lock released by another, or freed held", "lockdep",
     VMC_RULE_FATAL},
    {"V15", "lock order has a cycle", "lockdep", VMC_RULE_FATAL},
    {"V16", "grace period awaited inside a section", "lockdep", VMC_RULE_FATAL},
    {"V17", "SRCU awaited under a lock its readers take", "lockdep >= 6.4",
     VMC_RULE_FATAL},
    {"V18", "callback head queued twice", "DEBUG_OBJECTS_RCU_HEAD",
     VMC_RULE_FATAL},
    {"V19", "freed while queued", "debug objects", VMC_RULE_FATAL},
    {"V20", "grace period ended too early", "rcutorture", VMC_RULE_FATAL},
    {"V21", "no progress: deadlock or stall", "stall detector", VMC_RULE_FATAL},
    {"V22", "list damaged", "DEBUG_LIST", VMC_RULE_FATAL},
    {"V23", "reached before it was initialised, or NULL", "KMSAN",
     VMC_RULE_FATAL},
    {"V24", "work waits for itself", "lockdep", VMC_RULE_FATAL},
    {"V25", "code ran after its module was gone", "-", VMC_RULE_FATAL},
    {"V26", "dropped while a shared pointer names it", "-", VMC_RULE_WARN},
    {"V27", "shared pointer read twice for one decision", "KCSAN",
     VMC_RULE_WARN},
    {"V28", "identity not unique or not constant", "-", VMC_RULE_FATAL},
    {"V29", "too many objects wait to be freed", "-", VMC_RULE_WARN},
    {"V30", "guest missed a broadcast", "-", VMC_RULE_FATAL},
    {"V31", "read of an uninitialised local", "KMSAN", VMC_RULE_FATAL},
    {"V32", "interrupt lost to a dying vCPU", "-", VMC_RULE_WARN},
    {"V33", "aggregate differs from the sum of its parts", "-", VMC_RULE_FATAL},
    {"V34", "pointer left to a freed object", "-", VMC_RULE_WARN},
    {"V35", "callbacks of a CPU out of order", "rcutorture", VMC_RULE_FATAL},
    {"V36", "replay differs", "-", VMC_RULE_FATAL},
};

const struct vmc_rule_info *vmc_rule_info(enum vmc_rule rule)
{
    assert(rule < VMC_RULE_COUNT);
    return &infos[rule];
}

enum vmc_rule vmc_rule_find(const char *id)
{
    for (int rule = 1; rule < VMC_RULE_COUNT; rule++) {
        if (strcmp(infos[rule].id, id) == 0) {
            return (enum vmc_rule)rule;
        }
    }
    return VMC_RULE_NONE;
}
