/* SPDX-License-Identifier: MIT */
/* The scenario W(r,m) of tests/scenarios for SPIN: R readers walk the list, M
 * vCPUs are closed, and the VM goes. Every d_step is one visible operation.
 *
 * To have the same states and not fewer, a reader keeps what it was given
 * (history), and tasks that start are numbered as they start (spawned); both
 * tell states apart in ours. Nobody dies: an ended process stays where it is,
 * for a death would be a step of its own. */
#ifndef R
#define R 2
#endif
#ifndef M
#define M 2
#endif
#define X 4 /* elements are 1 to M, below X; 0 is the end of the list */

#if M == 1
byte next[X];
#elif M == 2
byte next[X] = { 0, 2, 0, 0 };
#else
byte next[X] = { 0, 2, 3, 0 };
#endif
byte head = 1, count[X] = 1, waits[X], state[X];
bool freed[X], on[X] = true;
byte sections, users = 1 + M, lock;
byte freed_by; /* who dropped the VM last; each task knows if it was */
int spawned;

inline close_section(i)
{
    sections = sections & ~(1 << i);
    waits[1] = waits[1] & ~(1 << i);
    waits[2] = waits[2] & ~(1 << i);
    waits[3] = waits[3] & ~(1 << i)
}

inline drop_vm()
{
    users--;
    if
    :: users == 0 -> freed_by = _pid + 1
    :: else
    fi
}

inline unlist(x)
{
    if
    :: head == x -> head = next[x]
    :: else
    fi;
    if
    :: on[1] && next[1] == x -> next[1] = next[x]
    :: else
    fi;
    if
    :: on[2] && next[2] == x -> next[2] = next[x]
    :: else
    fi;
    on[x] = false /* and keeps its next pointer, as RCU demands */
}

active [R] proctype reader()
{
    byte n;
    int history;

    d_step { sections = sections | (1 << _pid) };
    d_step { n = head; history = history * X + n };
    do
    :: d_step { n != 0 -> assert(!freed[n]) };
       d_step {
           assert(!freed[n]);
           n = next[n];
           history = history * X + n
       }
    :: d_step { n == 0 -> close_section(_pid) };
       break
    od;
end: false
}

active [M] proctype closer()
{
    byte x = _pid - R + 1;

    d_step { assert(!freed[x] && count[x] == 1); count[x] = 0 };
    d_step { lock == 0 -> lock = 1 };
    d_step { assert(!freed[x]); unlist(x) };
    d_step { lock = 0 };
    d_step { waits[x] = sections; state[x] = 1; spawned = spawned * 8 + x };
end: false
}

/* The grace period of an element, and then its work item. */
active [M] proctype grace()
{
    byte x = _pid - R - M + 1;

end0: d_step {
        state[x] == 1 && waits[x] == 0 -> state[x] = 2;
        spawned = spawned * 8 + 4 + x
    };
    d_step { freed[x] = true };
    d_step { drop_vm() };
end: false
}

active proctype vmm()
{
    d_step { drop_vm() };
end: false
}
