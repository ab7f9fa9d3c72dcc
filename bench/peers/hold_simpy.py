"""SimPy: one process an event, each yielding timeout after timeout.

    hold_simpy.py HELD EVENTS small|exponential
"""
import random
import sys
import time

import simpy

BATCHES = 5
held, events = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(20261121)
if sys.argv[3][0] == "e":
    increments = [1 + int(rng.expovariate(1e-6)) for _ in range(1 << 16)]
else:
    increments = [rng.randint(1, 64) for _ in range(1 << 16)]
drawn = 0


def hold(env):
    global drawn
    while True:
        drawn += 1
        yield env.timeout(increments[drawn & 0xffff])


env = simpy.Environment()
for _ in range(held):
    env.process(hold(env))


def batch():
    began = time.process_time()
    for _ in range(events):
        env.step()
    return (time.process_time() - began) * 1e9 / events


for _ in range(held):  # the events that start the processes
    env.step()
batch()
print(f"{sorted(batch() for _ in range(BATCHES))[BATCHES // 2]:.1f}")
