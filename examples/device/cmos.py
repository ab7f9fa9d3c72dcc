#!/usr/bin/env python3
"""A device process: the CMOS memory of a PC, behind ports 0x70 and 0x71.

    vmcycle device --replay traces/kvm-bios-pc.ftrace.txt.zst \\
        --range 0x70-0x71 --exec 'exec python3 examples/device/cmos.py'

Commands of 32 bytes come in on descriptor 3, answers of 32 bytes go out on 4.
"""
import os
import struct

COMMAND = struct.Struct("<BB6xQQ8s")  # verb, flags, user_data, offset, data
READ, WRITE, WANTS_ANSWER = 0, 1, 0x10

index, memory = 0, bytearray(128)


def read_command():
    """The next 32 bytes, however they come; None when the guest is gone."""
    command = b""
    while len(command) < COMMAND.size:
        more = os.read(3, COMMAND.size - len(command))
        if not more:
            return None
        command += more
    return COMMAND.unpack(command)


while (command := read_command()) is not None:
    verb, flags, user_data, offset, data = command
    answer = 0
    if verb == WRITE and offset == 0:
        index = data[0] & 0x7f  # the highest bit masks the NMI
    elif verb == WRITE:
        memory[index] = data[0]
    elif verb == READ and offset == 1:
        answer = memory[index]
    if flags & WANTS_ANSWER:
        os.write(4, struct.pack("<Q24x", answer))
