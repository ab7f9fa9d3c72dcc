/* SPDX-License-Identifier: MIT */
/**
 * rules.h - the invariants V01 to V36 that the validator checks.
 *
 * The numbers are those of the life-cycle specification and of every report.
 */
#ifndef VMC_VCPU_RULES_H
#define VMC_VCPU_RULES_H

#include <stdint.h>

/** One rule each; 0 is "no rule was broken". */
enum vmc_rule {
    VMC_RULE_NONE,
    VMC_V01_USE_AFTER_FREE,
    VMC_V02_NO_TOKEN,
    VMC_V03_UNBALANCED_SECTION,
    VMC_V04_HELD_AT_EXIT,
    VMC_V05_SLEEP_IN_ATOMIC,
    VMC_V06_RESURRECTION,
    VMC_V07_UNDERFLOW,
    VMC_V08_SATURATED,
    VMC_V09_FREED_IN_WRONG_STATE,
    VMC_V10_LEAK,
    VMC_V11_VM_BEFORE_VCPU,
    VMC_V12_COUNTERS_DIFFER,
    VMC_V13_RECURSIVE_LOCK,
    VMC_V14_NOT_OWNER,
    VMC_V15_LOCK_ORDER,
    VMC_V16_SYNC_IN_SECTION,
    VMC_V17_SRCU_LOCK_CYCLE,
    VMC_V18_HEAD_QUEUED_TWICE,
    VMC_V19_FREED_WHILE_QUEUED,
    VMC_V20_EARLY_GRACE_PERIOD,
    VMC_V21_NO_PROGRESS,
    VMC_V22_LIST_DAMAGE,
    VMC_V23_NOT_INITIALISED,
    VMC_V24_WAITS_FOR_ITSELF,
    VMC_V25_TEXT_GONE,
    VMC_V26_STILL_PUBLISHED,
    VMC_V27_DOUBLE_LOAD,
    VMC_V28_IDENTITY,
    VMC_V29_TOO_MANY_ZOMBIES,
    VMC_V30_MISSED_BROADCAST,
    VMC_V31_POISONED_LOCAL,
    VMC_V32_INTERRUPT_LOST,
    VMC_V33_AGGREGATE,
    VMC_V34_DANGLING,
    VMC_V35_CALLBACK_ORDER,
    VMC_V36_NOT_DETERMINISTIC,
    VMC_RULE_COUNT
};

/** What happens when a rule is broken. */
enum vmc_rule_class {
    VMC_RULE_FATAL, /**< the run ends there */
    VMC_RULE_WARN,  /**< it is noted, the run goes on */
    VMC_RULE_AT_END /**< looked at only when nothing can happen any more */
};

/** What a person is told of a rule. */
struct vmc_rule_info {
    const char *id;          /**< "V01" */
    const char *title;       /**< a few words for a table */
    const char *kernel_tool; /**< which tool of Linux finds the like, or "-" */
    enum vmc_rule_class class_default; /**< unless a scenario has another */
};

/** What is known of @rule. Asserts it is below VMC_RULE_COUNT. */
const struct vmc_rule_info *vmc_rule_info(enum vmc_rule rule);

/** The rule named @id, as "V01"; VMC_RULE_NONE when there is none. */
enum vmc_rule vmc_rule_find(const char *id);

#endif
