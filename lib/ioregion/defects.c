/* SPDX-License-Identifier: MIT */
/*
 * How R1 and R3 carry an access to a descriptor, defects and all; each is
 * marked with its number (spec 10). R1 writes, then reads, and that is all. R3
 * takes a lock shared by regions with the response file's inode, and remembers
 * in the vCPU where a signal found it.
 */
#include <errno.h>

#include "ioregion/iocheck.h"
#include "ioregion/region_priv.h"

enum { BYTES = VMC_IOREGION_COMMAND_BYTES };

/* The waiter that unlocking would wake; a newcomer may be faster (D62). */
static bool is_first(const struct vmc_region_vcpu *vcpu,
                     const struct vmc_region *region)
{
    const struct vmc_regions *regions = vcpu->regions;

    for (uint32_t i = 0; i < regions->vcpu_count; i++) {
        const struct vmc_region_vcpu *other = regions->vcpus[i];

        if (other->rfc_ticket != 0 && other->rfc_ticket < vcpu->rfc_ticket &&
            other->region >= 0 &&
            regions->regions[other->region].channel == region->channel) {
            return false;
        }
    }
    return true;
}

static bool lock(struct vmc_region_vcpu *vcpu, const struct vmc_region *region,
                 struct vmc_region_channel *channel)
{
    bool is_new = vcpu->rfc_ticket == 0;

    if (!channel->is_busy && (is_new || is_first(vcpu, region))) {
        vcpu->rfc_ticket = 0;
        channel->is_busy = true;
        return true;
    }
    if (is_new) {
        vcpu->rfc_ticket = ++vcpu->regions->rfc_ticket;
    }
    if (vcpu->has_signal) { /* D42: the failed wait is taken for a lock */
        vcpu->rfc_ticket = 0;
        channel->is_busy = true;
        return true;
    }
    return false;
}

static enum vmc_region_outcome finish(struct vmc_region_vcpu *vcpu,
                                      struct vmc_region_channel *channel,
                                      int32_t error)
{
    vcpu->is_rfc_started = false;
    vcpu->rfc_error = error;
    channel->is_busy = false;
    return error == 0 ? VMC_REGION_SERVED : VMC_REGION_ERRED;
}

/* A step that did not finish, with a signal pending. R1 has no way to resume:
 * the guest gets an exit while the answer is still to come (D34). */
static enum vmc_region_outcome put_aside(struct vmc_region_vcpu *vcpu,
                                         struct vmc_region_channel *channel)
{
    if (vcpu->regions->config.profile == VMC_REGION_R1) {
        vcpu->has_signal = false;
        return finish(vcpu, channel, EINTR);
    }
    vcpu->is_rfc_started = false;
    vcpu->is_rfc_interrupted = true;
    return VMC_REGION_INTERRUPTED;
}

/* R3 turns EAGAIN into EINVAL; R1 hands it up. */
static int32_t error_of(const struct vmc_region_vcpu *vcpu, int64_t result)
{
    int32_t error = (int32_t)-result;

    return error == EAGAIN && vcpu->regions->config.profile == VMC_REGION_R3
               ? EINVAL
               : error;
}

static enum vmc_region_outcome send(struct vmc_region_vcpu *vcpu,
                                    const struct vmc_region *region,
                                    struct vmc_region_channel *channel,
                                    struct vmc_region_piece piece, bool *wants)
{
    bool is_r1 = vcpu->regions->config.profile == VMC_REGION_R1;
    struct vmc_channel_ends ends = vmc_region_ends(channel);
    const struct vmc_socket *socket = channel->write_end.socket;
    uint64_t sigpipes =
        socket == NULL ? 0 : socket->sigpipes[VMC_SOCKET_KERNEL];
    uint8_t bytes[BYTES];
    int64_t result;

    *wants = vmc_region_put(vcpu, region, piece,
                            is_r1 ? VMC_IOREGION_R1 : VMC_IOREGION_R3, bytes);
    result = ends.ops->write(ends.ends, bytes, sizeof(bytes));
    if (result == BYTES) {
        vmc_iocheck_sent(vcpu->regions->checker, channel->write_file, bytes,
                         region->generation);
        return VMC_REGION_SERVED;
    }
    if (result == VMC_CHANNEL_WOULD_BLOCK) {
        return vcpu->has_signal ? put_aside(vcpu, channel) : VMC_REGION_WAITS;
    }
    if (socket != NULL && socket->sigpipes[VMC_SOCKET_KERNEL] != sigpipes) {
        if (!vcpu->config.handles_sigpipe) { /* D57 */
            return VMC_REGION_KILLED;
        }
        vcpu->has_signal = true;
        return put_aside(vcpu, channel);
    }
    if (result >= 0) { /* D50: the whole command is sent again */
        return vcpu->has_signal && !is_r1 ? put_aside(vcpu, channel)
                                          : finish(vcpu, channel, EIO);
    }
    return finish(vcpu, channel, error_of(vcpu, result));
}

static enum vmc_region_outcome receive(struct vmc_region_vcpu *vcpu,
                                       struct vmc_region_channel *channel,
                                       struct vmc_region_piece piece)
{
    bool is_r1 = vcpu->regions->config.profile == VMC_REGION_R1;
    struct vmc_channel_ends ends = vmc_region_ends(channel);
    uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES];
    int64_t result = ends.ops->read(ends.ends, bytes, sizeof(bytes));

    if (result == BYTES) {
        vmc_region_take(vcpu, piece, is_r1 ? VMC_IOREGION_R1 : VMC_IOREGION_R3,
                        bytes);
        return finish(vcpu, channel, 0);
    }
    if (result == VMC_CHANNEL_WOULD_BLOCK) {
        return vcpu->has_signal ? put_aside(vcpu, channel) : VMC_REGION_WAITS;
    }
    if (result > 0 && vcpu->has_signal && !is_r1) { /* D50: and thrown away */
        return put_aside(vcpu, channel);
    }
    return finish(vcpu, channel, result >= 0 ? EIO : error_of(vcpu, result));
}

static void start(struct vmc_region_vcpu *vcpu, const struct vmc_region *region)
{
    vcpu->is_rfc_started = true;
    vcpu->region = (int32_t)(region - vcpu->regions->regions);
    vcpu->region_generation = region->generation;
    if (vcpu->is_rfc_interrupted) { /* D49: by whichever region is next */
        vcpu->is_rfc_interrupted = false;
    } else {
        bool has_lock = vcpu->regions->config.profile == VMC_REGION_R3 &&
                        region->read_file >= 0;

        vcpu->rfc_state = has_lock ? VMC_RFC_LOCK : VMC_RFC_SEND;
    }
}

enum vmc_region_outcome vmc_rfc_serve(struct vmc_region_vcpu *vcpu,
                                      const struct vmc_region *region,
                                      struct vmc_region_piece piece)
{
    struct vmc_regions *regions = vcpu->regions;
    struct vmc_region_channel *channel = &regions->channels[region->channel];

    if (piece.len != 0 && (piece.len & (piece.len - 1)) != 0) {
        return VMC_REGION_PASSED; /* D53 */
    }
    if (regions->config.is_stub) {
        return VMC_REGION_SERVED; /* D06, D10 */
    }
    if (!vcpu->is_rfc_started) {
        start(vcpu, region);
    }
    if (vcpu->rfc_state == VMC_RFC_LOCK) {
        if (!lock(vcpu, region, channel)) {
            return VMC_REGION_WAITS;
        }
        vcpu->rfc_state = VMC_RFC_SEND;
    }
    if (vcpu->rfc_state == VMC_RFC_SEND) {
        bool wants;
        enum vmc_region_outcome outcome =
            send(vcpu, region, channel, piece, &wants);

        if (outcome != VMC_REGION_SERVED) {
            return outcome;
        }
        if (!wants || region->read_file < 0) { /* D56: nor waits for its read */
            return finish(vcpu, channel, 0);
        }
        vcpu->rfc_state = VMC_RFC_REPLY;
    }
    return receive(vcpu, channel, piece);
}
