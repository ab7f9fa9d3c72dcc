/* SPDX-License-Identifier: MIT */
/* The designs as procedures. Names that they expect in the scenario:
 *
 *   vm_lock     the mutex of the VM (every design)
 *   list_lock   the leaf spinlock of f1 and f2
 */
#include "vcpu/protocol.h"

static const char text[] =
    "# The seed's put: the last one sleeps on the VM's mutex.\n"
    "proc vcpu_put v tag\n"
    "    if dec v tag\n"
    "        lock vm_lock\n"
    "        list_del v\n"
    "        unlock vm_lock\n"
    "        call_rcu v\n"
    "    end\n"
    "end\n";

const char *vmc_life_protocol(void)
{
    return text;
}
