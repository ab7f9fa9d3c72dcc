/* SPDX-License-Identifier: MIT */
/* Nothing here looks at how the model decides: only at what it did. */
#include "ioregion/iocheck.h"

#include <string.h>

void vmc_iocheck_init(struct vmc_iocheck *check)
{
    memset(check, 0, sizeof(*check));
}

static void blame(struct vmc_iocheck *check, const char *what)
{
    if (check->wrong == NULL) {
        check->wrong = what;
    }
}

void vmc_iocheck_begin(struct vmc_iocheck *check, uint32_t vcpu)
{
    if (check != NULL) {
        check->served[vcpu] = 0;
    }
}

void vmc_iocheck_served(struct vmc_iocheck *check, uint32_t vcpu,
                        uint32_t offset, uint32_t len)
{
    uint32_t bits = ((1U << len) - 1) << offset;

    if (check == NULL) {
        return;
    }
    assert(offset + len <= VMC_REGION_ACCESS_BYTES_MAX);
    if ((check->served[vcpu] & bits) != 0) {
        blame(check, "a byte of an access was served twice");
    }
    check->served[vcpu] |= bits;
    check->served_count++;
}

void vmc_iocheck_end(struct vmc_iocheck *check, uint32_t vcpu, uint32_t len)
{
    if (check != NULL && check->served[vcpu] != (1U << len) - 1) {
        blame(check, "an access ended with bytes that nobody served");
    }
}

void vmc_iocheck_sent(struct vmc_iocheck *check, int32_t file,
                      const uint8_t *command, uint64_t generation)
{
    uint32_t at;

    if (check == NULL) {
        return;
    }
    assert(file >= 0 && file < VMC_IOFILES_MAX);
    if (check->is_removed[generation % VMC_IOCHECK_GENERATIONS]) {
        blame(check, "a region was used after its removal had returned");
    }
    if (check->files[file].count == VMC_IOCHECK_COMMANDS) {
        blame(check, "more commands under way than a descriptor holds");
        return;
    }
    at = (check->files[file].head + check->files[file].count) %
         VMC_IOCHECK_COMMANDS;
    memcpy(check->files[file].commands[at], command,
           VMC_IOREGION_COMMAND_BYTES);
    check->files[file].count++;
}

void vmc_iocheck_received(struct vmc_iocheck *check, int32_t file,
                          const uint8_t *command)
{
    uint32_t at = check->files[file].head;

    check->received_count++;
    if (check->files[file].count == 0) {
        blame(check, "a device got a command that nobody sent");
        return;
    }
    if (memcmp(check->files[file].commands[at], command,
               VMC_IOREGION_COMMAND_BYTES) != 0) {
        blame(check, "a device got another command than the next one sent");
    }
    check->files[file].head = (at + 1) % VMC_IOCHECK_COMMANDS;
    check->files[file].count--;
}

void vmc_iocheck_removed(struct vmc_iocheck *check, uint64_t generation)
{
    if (check != NULL) {
        check->is_removed[generation % VMC_IOCHECK_GENERATIONS] = 1;
    }
}

void vmc_iocheck_forget(struct vmc_iocheck *check, int32_t file)
{
    check->files[file].count = 0;
}

static void compare_files(struct vmc_iocheck *check,
                          const struct vmc_regions *regions)
{
    for (int32_t file = 0; file < VMC_IOFILES_MAX; file++) {
        int32_t held = 0;

        for (uint32_t i = 0; i < regions->config.regions_max; i++) {
            const struct vmc_region *region = &regions->regions[i];

            if (region->state != VMC_REGION_FREE) {
                held +=
                    (region->read_file == file) + (region->write_file == file);
            }
        }
        if (regions->files->files[file].kernel_count != held) {
            blame(check, "a file is not held once for each use of it");
        }
        if (held != 0 && !regions->files->files[file].is_open) {
            blame(check, "a file that is held was closed");
        }
    }
    if (regions->files->underflow_count != 0) {
        blame(check, "a file was let go of that nobody held");
    }
    if (regions->double_free_count != 0) {
        blame(check, "a region was freed twice");
    }
}

static bool is_on(const struct vmc_regions *regions, uint32_t id,
                  uint32_t channel)
{
    for (uint32_t i = 0; i < regions->vcpu_count; i++) {
        const struct vmc_region_vcpu *vcpu = regions->vcpus[i];

        if (vcpu->id == id) {
            return vcpu->access.stage >= VMC_ACCESS_TURN && vcpu->region >= 0 &&
                   regions->regions[vcpu->region].channel == (int32_t)channel;
        }
    }
    return false;
}

static void compare_channel(struct vmc_iocheck *check,
                            const struct vmc_regions *regions, uint32_t at)
{
    const struct vmc_region_channel *channel = &regions->channels[at];
    const char *wrong = vmc_channel_check(&channel->machine);
    uint32_t count = 0;

    for (uint32_t i = 0; i < regions->config.regions_max; i++) {
        count += regions->regions[i].state != VMC_REGION_FREE &&
                 regions->regions[i].channel == (int32_t)at;
    }
    if (count != channel->region_count) {
        blame(check, "a channel counts other regions than it has");
    }
    if (wrong != NULL) {
        blame(check, wrong);
    }
    for (uint32_t i = 0; i < channel->machine.waiter_count; i++) {
        if (!is_on(regions, channel->machine.waiters[i].vcpu, at)) {
            blame(check, "a channel waits for a vCPU that has left");
        }
    }
}

const char *vmc_iocheck_books(struct vmc_iocheck *check,
                              const struct vmc_regions *regions)
{
    compare_files(check, regions);
    for (uint32_t at = 0; at < regions->config.regions_max; at++) {
        if (regions->channels[at].region_count != 0) {
            compare_channel(check, regions, at);
        }
    }
    for (uint32_t i = 0; i < regions->vcpu_count; i++) {
        const struct vmc_region_vcpu *vcpu = regions->vcpus[i];

        const struct vmc_region *region;

        if (vcpu->access.stage == VMC_ACCESS_IDLE || vcpu->region < 0) {
            continue;
        }
        region = &regions->regions[vcpu->region];
        if (region->generation != vcpu->region_generation ||
            region->state == VMC_REGION_FREE) {
            blame(check, "a vCPU is on a region that is gone");
        }
    }
    return check->wrong;
}
