/* SPDX-License-Identifier: MIT */
/*
 * An instruction is a list of parts, one a page; a part is eaten chunk by
 * chunk. A chunk is looked for on the bus; a region may take it in pieces, when
 * it is told to split odd widths, and each piece is one command. What nobody
 * takes of a part becomes a fragment, to leave by exits when all parts have
 * been tried: that is the order of KVM, and the reason why a device in the
 * kernel may see the second half of a store before user space sees the first.
 *
 * While a vCPU waits it stands inside a section of the bus, on a walk. A signal
 * takes it out of both; the next run looks its chunk up anew and goes on with
 * its command only if it meets the same region, by its generation.
 */
#include "ioregion/region_run.h"

#include <errno.h>
#include <string.h>

#include "ioregion/iocheck.h"
#include "ioregion/region_priv.h"

enum { PAGE_BYTES = 4096, CHUNK_BYTES_MAX = 8, NONE = -1 };

void vmc_region_vcpu_init(struct vmc_region_vcpu *vcpu,
                          struct vmc_regions *regions, uint32_t id,
                          const struct vmc_region_vcpu_config *config)
{
    assert(regions->vcpu_count < VMC_REGION_VCPUS_MAX);
    assert(id < VMC_REGION_VCPUS_MAX);
    *vcpu = (struct vmc_region_vcpu){
        .regions = regions, .config = *config, .id = id, .region = NONE};
    regions->vcpus[regions->vcpu_count++] = vcpu;
}

void vmc_region_vcpu_access(struct vmc_region_vcpu *vcpu,
                            const struct vmc_region_access *access)
{
    uint32_t in_page = (uint32_t)(access->addr % PAGE_BYTES);
    uint32_t first = access->len;

    assert(vcpu->stage == VMC_REGION_IDLE);
    assert(access->len >= 1 && access->len <= VMC_REGION_ACCESS_BYTES_MAX);
    assert(access->bus == VMC_BUS_MMIO || access->bus == VMC_BUS_PIO);
    if (access->bus == VMC_BUS_MMIO && first > PAGE_BYTES - in_page) {
        first = PAGE_BYTES - in_page;
    }
    vcpu->now = *access;
    vcpu->stage = VMC_REGION_NEXT;
    memset(vcpu->parts, 0, sizeof(vcpu->parts));
    vcpu->parts[0].len = first;
    vcpu->parts[1].offset = first;
    vcpu->parts[1].len = access->len - first;
    vcpu->part_count = first == access->len ? 1 : 2;
    vcpu->part = vcpu->fragment = vcpu->fragment_count = 0;
    vcpu->piece_done = 0;
    vcpu->is_failure = false;
    vcpu->is_fast = access->tries_fast && access->bus == VMC_BUS_MMIO;
    vmc_iocheck_begin(vcpu->regions->checker, vcpu->id);
}

/* ---- In and out of the bus ---------------------------------------------- */

static void enter(struct vmc_region_vcpu *vcpu)
{
    if (!vcpu->is_inside) {
        vcpu->reader = vmc_bus_enter(vcpu->regions->bus);
        vcpu->is_inside = true;
    }
}

static void stop_walk(struct vmc_region_vcpu *vcpu)
{
    if (vcpu->has_walk) {
        vmc_bus_walk_stop(vcpu->regions->bus, &vcpu->walk);
        vcpu->has_walk = false;
    }
}

static void leave(struct vmc_region_vcpu *vcpu)
{
    stop_walk(vcpu);
    if (vcpu->is_inside) {
        vcpu->is_inside = false;
        vmc_bus_leave(vcpu->regions->bus, vcpu->reader);
        vmc_regions_reap(vcpu->regions);
    }
}

/* ---- Chunks and pieces -------------------------------------------------- */

/* Where the chunk starts in the instruction. */
static uint32_t chunk_offset(const struct vmc_region_vcpu *vcpu)
{
    return vcpu->parts[vcpu->part].offset + vcpu->parts[vcpu->part].done;
}

static uint32_t chunk_len(const struct vmc_region_vcpu *vcpu)
{
    uint32_t rest = vcpu->parts[vcpu->part].len - vcpu->parts[vcpu->part].done;

    return rest < CHUNK_BYTES_MAX ? rest : CHUNK_BYTES_MAX;
}

static bool is_width(uint32_t len)
{
    return len != 0 && (len & (len - 1)) == 0;
}

/* The next piece: all of a chunk of a proper width, else the largest power of
 * two that is aligned and fits. */
static struct vmc_region_piece next_piece(const struct vmc_region_vcpu *vcpu)
{
    uint32_t offset = chunk_offset(vcpu) + vcpu->piece_done;
    uint32_t rest = chunk_len(vcpu) - vcpu->piece_done;
    uint64_t addr = vcpu->now.addr + offset;
    uint32_t len = 1;

    if (vcpu->is_fast) {
        return (struct vmc_region_piece){0, 0};
    }
    if (is_width(chunk_len(vcpu))) {
        return (struct vmc_region_piece){offset, rest};
    }
    while (2 * len <= rest && addr % (2 * len) == 0) {
        len *= 2;
    }
    return (struct vmc_region_piece){offset, len};
}

/* What has been served of the chunk is behind us. */
static void fold(struct vmc_region_vcpu *vcpu)
{
    vcpu->parts[vcpu->part].done += vcpu->piece_done;
    vcpu->piece_done = 0;
}

static void served(struct vmc_region_vcpu *vcpu, struct vmc_region_piece piece)
{
    if (piece.len == 0) { /* FAST: the instruction is skipped */
        piece.len = vcpu->now.len;
        for (uint32_t i = 0; i < vcpu->part_count; i++) {
            vcpu->parts[i].done = vcpu->parts[i].len;
        }
    } else {
        vcpu->piece_done += piece.len;
    }
    vmc_iocheck_served(vcpu->regions->checker, vcpu->id, piece.offset,
                       piece.len);
}

/* The chunk is nobody's: the rest of its part goes out. */
static void refuse(struct vmc_region_vcpu *vcpu)
{
    uint32_t part = vcpu->part;

    stop_walk(vcpu);
    fold(vcpu);
    vcpu->fragments[vcpu->fragment_count].offset =
        vcpu->parts[part].offset + vcpu->parts[part].done;
    vcpu->fragments[vcpu->fragment_count].len =
        vcpu->parts[part].len - vcpu->parts[part].done;
    vcpu->fragments[vcpu->fragment_count].done = 0;
    vcpu->fragment_count++;
    vcpu->part++;
    vcpu->stage = VMC_REGION_NEXT;
}

static void accept(struct vmc_region_vcpu *vcpu)
{
    stop_walk(vcpu);
    fold(vcpu);
    vcpu->stage = VMC_REGION_NEXT;
}

/* ---- Commands ----------------------------------------------------------- */

bool vmc_region_put(const struct vmc_region_vcpu *vcpu,
                    const struct vmc_region *region,
                    struct vmc_region_piece piece,
                    enum vmc_ioregion_generation generation,
                    uint8_t bytes[VMC_IOREGION_COMMAND_BYTES])
{
    bool is_fast = piece.len == 0;
    bool is_write = vcpu->now.is_write || is_fast;
    struct vmc_ioregion_command command = {
        .user_data = region->user_data,
        .offset_bytes = vcpu->now.addr + piece.offset - region->addr,
        .size_bytes = (uint8_t)piece.len,
        .is_write = is_write,
        .wants_response = !is_write || !region->is_posted};

    for (uint32_t i = 0; i < piece.len; i++) {
        command.data |= (uint64_t)vcpu->now.data[piece.offset + i] << 8 * i;
    }
    vmc_ioregion_put_command(bytes, &command,
                             (struct vmc_ioregion_format){generation, false});
    return command.wants_response;
}

void vmc_region_take(struct vmc_region_vcpu *vcpu,
                     struct vmc_region_piece piece,
                     enum vmc_ioregion_generation generation,
                     const uint8_t bytes[VMC_IOREGION_RESPONSE_BYTES])
{
    uint64_t data = vmc_ioregion_get_response(
                        bytes, (uint8_t)piece.len,
                        (struct vmc_ioregion_format){generation, false})
                        .data;

    for (uint32_t i = 0; i < piece.len && !vcpu->now.is_write; i++) {
        vcpu->now.data[piece.offset + i] = (uint8_t)(data >> 8 * i);
    }
}

static struct vmc_region_channel *channel_of(const struct vmc_region_vcpu *vcpu,
                                             const struct vmc_region *region)
{
    return &vcpu->regions->channels[region->channel];
}

static bool can_begin(const struct vmc_region_vcpu *vcpu,
                      const struct vmc_region *region)
{
    return region->state == VMC_REGION_LIVE &&
           (vcpu->is_fast ||
            ((is_width(chunk_len(vcpu)) || vcpu->config.splits_odd) &&
             (vcpu->now.is_write || region->size_bytes != 0)));
}

static void begin(struct vmc_region_vcpu *vcpu, const struct vmc_region *region,
                  struct vmc_region_piece piece)
{
    uint8_t bytes[VMC_IOREGION_COMMAND_BYTES];
    bool wants_response =
        vmc_region_put(vcpu, region, piece, VMC_IOREGION_H, bytes);

    vmc_channel_begin(&vcpu->access, vcpu->id, bytes, wants_response);
    vcpu->region = (int32_t)(region - vcpu->regions->regions);
    vcpu->region_generation = region->generation;
}

enum vmc_region_outcome vmc_region_step(struct vmc_region_vcpu *vcpu,
                                        const struct vmc_region *region,
                                        struct vmc_region_piece piece,
                                        uint64_t now)
{
    struct vmc_region_channel *channel = channel_of(vcpu, region);
    struct vmc_channel_ends ends = vmc_region_ends(channel);
    uint8_t sent_bytes;

    if (vcpu->access.stage == VMC_ACCESS_IDLE) {
        begin(vcpu, region, piece);
    }
    sent_bytes = vcpu->access.sent_bytes;
    vcpu->want = vmc_channel_step(&channel->machine, &vcpu->access, &ends, now);
    if (sent_bytes == 0 && vcpu->access.sent_bytes != 0) {
        vmc_iocheck_sent(vcpu->regions->checker, channel->write_file,
                         vcpu->access.command, region->generation);
    }
    switch (vcpu->want) {
    case VMC_CHANNEL_DONE:
        if (vcpu->access.wants_response) {
            vmc_region_take(vcpu, piece, VMC_IOREGION_H, vcpu->access.response);
        }
        return VMC_REGION_SERVED;
    case VMC_CHANNEL_FAILED:
        return VMC_REGION_FAILED;
    case VMC_CHANNEL_GONE:
        return VMC_REGION_PASSED;
    case VMC_CHANNEL_WAIT_TURN:
    case VMC_CHANNEL_WAIT_WRITE:
    case VMC_CHANNEL_WAIT_READ:
    default:
        break;
    }
    if (!vcpu->has_signal) {
        return VMC_REGION_WAITS;
    }
    (void)vmc_channel_interrupt(&channel->machine, &vcpu->access);
    return VMC_REGION_INTERRUPTED;
}

static enum vmc_region_outcome serve(struct vmc_region_vcpu *vcpu,
                                     struct vmc_region *region, uint64_t now)
{
    enum vmc_region_outcome outcome = VMC_REGION_PASSED;

    do {
        struct vmc_region_piece piece = next_piece(vcpu);

        if (vcpu->regions->config.profile != VMC_REGION_H) {
            piece.len = vcpu->is_fast ? 0 : chunk_len(vcpu);
            outcome = vmc_rfc_serve(vcpu, region, piece);
        } else if (vcpu->has_expired) {
            vcpu->has_expired = false;
            outcome = VMC_REGION_FAILED;
        } else if (vcpu->access.stage == VMC_ACCESS_IDLE &&
                   !can_begin(vcpu, region)) {
            return VMC_REGION_PASSED;
        } else {
            outcome = vmc_region_step(vcpu, region, piece, now);
        }
        if (outcome == VMC_REGION_SERVED) {
            served(vcpu, piece);
        }
    } while (outcome == VMC_REGION_SERVED && !vcpu->is_fast &&
             vcpu->piece_done < chunk_len(vcpu));
    return outcome;
}

/* ---- Candidates --------------------------------------------------------- */

void vmc_region_forsake(struct vmc_region_vcpu *vcpu,
                        enum vmc_channel_cause cause)
{
    if (vcpu->access.stage != VMC_ACCESS_IDLE) {
        struct vmc_region *region = &vcpu->regions->regions[vcpu->region];

        assert(region->generation == vcpu->region_generation);
        vmc_channel_abort(&channel_of(vcpu, region)->machine, &vcpu->access,
                          cause);
    }
    vcpu->has_expired = false;
}

static bool call_device(struct vmc_region_vcpu *vcpu,
                        struct vmc_bus_device *device)
{
    uint32_t offset = chunk_offset(vcpu), len = chunk_len(vcpu);
    struct vmc_bus_access access = {.addr = vcpu->now.addr + offset,
                                    .len = vcpu->is_fast ? 0 : (int32_t)len,
                                    .vcpu = vcpu->id};
    int result;

    memcpy(access.data, &vcpu->now.data[offset], len);
    if (vcpu->now.is_write || vcpu->is_fast) {
        result = vmc_bus_device_write(device, &access);
    } else {
        result = vmc_bus_device_read(device, &access);
    }
    if (result != 0) {
        return false;
    }
    vmc_region_forsake(
        vcpu, VMC_CAUSE_REMOVED); /* of a region it now stands before */
    if (!vcpu->now.is_write && !vcpu->is_fast) {
        memcpy(&vcpu->now.data[offset], access.data, len);
    }
    served(vcpu, vcpu->is_fast ? (struct vmc_region_piece){0, 0}
                               : (struct vmc_region_piece){offset, len});
    return true;
}

static struct vmc_region *region_of(const struct vmc_region_vcpu *vcpu,
                                    struct vmc_bus_device *device)
{
    return vcpu->is_fast ? VMC_CONTAINER_OF(device, struct vmc_region, fast)
                         : vmc_region_of(device);
}

/* From the candidate that the walk stands on to the one that takes the chunk.
 * PASSED when there is none. */
static enum vmc_region_outcome offer(struct vmc_region_vcpu *vcpu, uint64_t now)
{
    struct vmc_bus *bus = vcpu->regions->bus;
    bool goes_on = vcpu->regions->config.profile == VMC_REGION_R1;

    do {
        struct vmc_bus_device *device = vmc_bus_walk_device(bus, &vcpu->walk);
        enum vmc_region_outcome outcome;

        if (device->kind != VMC_BUS_IOREGION) {
            if (call_device(vcpu, device)) {
                return VMC_REGION_SERVED;
            }
            continue;
        }
        if (vcpu->access.stage != VMC_ACCESS_IDLE &&
            region_of(vcpu, device)->generation != vcpu->region_generation) {
            vmc_region_forsake(vcpu, VMC_CAUSE_REMOVED);
        }
        outcome = serve(vcpu, region_of(vcpu, device), now);
        if (outcome != VMC_REGION_PASSED &&
            (outcome != VMC_REGION_ERRED || !goes_on)) {
            return outcome;
        }
        if (vcpu->piece_done != 0) { /* the rest is looked for anew */
            return VMC_REGION_SERVED;
        }
    } while (vmc_bus_walk_next(bus, &vcpu->walk));
    return VMC_REGION_PASSED;
}

/* Look the next chunk up. */
static enum vmc_region_outcome look_up(struct vmc_region_vcpu *vcpu,
                                       uint64_t now)
{
    uint64_t addr = vcpu->now.addr + chunk_offset(vcpu);
    int32_t len = vcpu->is_fast ? 0 : (int32_t)chunk_len(vcpu);
    struct vmc_bus_device *front = NULL;

    if (vcpu->now.bus == VMC_BUS_MMIO && !vcpu->is_fast) {
        front = vmc_bus_front_at(vcpu->regions->bus, addr, len);
    }
    if (front != NULL && call_device(vcpu, front)) {
        return VMC_REGION_SERVED;
    }
    if (vmc_bus_walk_start(vcpu->regions->bus,
                           vcpu->is_fast ? VMC_BUS_FAST : vcpu->now.bus, addr,
                           len, &vcpu->walk) != 0) {
        return VMC_REGION_PASSED;
    }
    vcpu->has_walk = true;
    return offer(vcpu, now);
}

/* ---- Exits -------------------------------------------------------------- */

static enum vmc_region_run exit_with(struct vmc_region_vcpu *vcpu,
                                     enum vmc_region_exit_reason reason,
                                     uint32_t offset, uint32_t len)
{
    leave(vcpu);
    vcpu->stage = VMC_REGION_OUTSIDE;
    vcpu->exit = (struct vmc_region_exit){.reason = reason,
                                          .bus = vcpu->now.bus,
                                          .addr = vcpu->now.addr + offset,
                                          .len = len,
                                          .is_write = vcpu->now.is_write};
    if (vcpu->now.is_write) {
        memcpy(vcpu->exit.data, &vcpu->now.data[offset], len);
    }
    return VMC_REGION_RUN_EXIT;
}

static enum vmc_region_run exit_failed(struct vmc_region_vcpu *vcpu)
{
    struct vmc_region_piece piece = next_piece(vcpu);
    uint64_t user_data = vcpu->regions->regions[vcpu->region].user_data;

    (void)exit_with(vcpu, VMC_REGION_EXIT_FAILURE, piece.offset, piece.len);
    vcpu->is_failure = true;
    vcpu->exit.user_data = user_data;
    vcpu->exit.cause = vcpu->access.cause;
    vcpu->exit.error = vcpu->access.error;
    return VMC_REGION_RUN_EXIT;
}

static enum vmc_region_run exit_fragment(struct vmc_region_vcpu *vcpu)
{
    uint32_t at = vcpu->fragment;
    uint32_t rest = vcpu->fragments[at].len - vcpu->fragments[at].done;

    return exit_with(vcpu,
                     vcpu->now.bus == VMC_BUS_PIO ? VMC_REGION_EXIT_IO
                                                  : VMC_REGION_EXIT_MMIO,
                     vcpu->fragments[at].offset + vcpu->fragments[at].done,
                     rest < CHUNK_BYTES_MAX ? rest : CHUNK_BYTES_MAX);
}

/* User space is back: what it left in the record is the value. The record is
 * its own to write, so only the value is taken from it (D48). */
static void finish_exit(struct vmc_region_vcpu *vcpu)
{
    uint32_t at = vcpu->fragment;
    struct vmc_region_piece piece;

    if (vcpu->is_failure) {
        piece = next_piece(vcpu);
    } else {
        uint32_t rest = vcpu->fragments[at].len - vcpu->fragments[at].done;

        piece.offset = vcpu->fragments[at].offset + vcpu->fragments[at].done;
        piece.len = rest < CHUNK_BYTES_MAX ? rest : CHUNK_BYTES_MAX;
    }
    if (!vcpu->now.is_write) {
        memcpy(&vcpu->now.data[piece.offset], vcpu->exit.data, piece.len);
    }
    if (vcpu->is_failure) {
        vcpu->is_failure = false;
        served(vcpu, piece);
        if (!vcpu->is_fast) {
            fold(vcpu);
        }
    } else {
        vmc_iocheck_served(vcpu->regions->checker, vcpu->id, piece.offset,
                           piece.len);
        vcpu->fragments[at].done += piece.len;
        vcpu->fragment += vcpu->fragments[at].done == vcpu->fragments[at].len;
    }
    vcpu->stage = VMC_REGION_NEXT;
}

/* A region that is being removed is not waited for from outside the bus: it
 * may be gone as soon as this vCPU has left. */
static enum vmc_region_run interrupted(struct vmc_region_vcpu *vcpu)
{
    vcpu->has_signal = false;
    if (vcpu->access.is_retired) {
        vmc_region_forsake(vcpu, VMC_CAUSE_REMOVED);
    }
    leave(vcpu);
    vcpu->stage = VMC_REGION_AWAY;
    vcpu->exit.reason = VMC_REGION_EXIT_INTR;
    return VMC_REGION_RUN_EINTR;
}

/* ---- Runs --------------------------------------------------------------- */

static enum vmc_region_run done(struct vmc_region_vcpu *vcpu, bool was_outside)
{
    leave(vcpu);
    vcpu->stage = VMC_REGION_IDLE;
    vmc_iocheck_end(vcpu->regions->checker, vcpu->id, vcpu->now.len);
    if (was_outside && vcpu->has_signal) {
        vcpu->has_signal = false;
        return VMC_REGION_RUN_EINTR;
    }
    return VMC_REGION_RUN_DONE;
}

/* R3 asks the exit reason, which user space may have changed, whether it was
 * interrupted (D48); if not, it takes the access for an exit that is back. */
static bool is_misled(const struct vmc_region_vcpu *vcpu)
{
    return vcpu->regions->config.profile == VMC_REGION_R3 &&
           vcpu->stage == VMC_REGION_AWAY &&
           vcpu->exit.reason != VMC_REGION_EXIT_INTR;
}

enum vmc_region_run vmc_region_vcpu_run(struct vmc_region_vcpu *vcpu,
                                        uint64_t now)
{
    bool was_outside = vcpu->stage == VMC_REGION_OUTSIDE;

    assert(vcpu->stage != VMC_REGION_IDLE);
    vcpu->regions->now = now;
    if (is_misled(vcpu)) {
        refuse(vcpu);
        vcpu->stage = VMC_REGION_OUTSIDE;
    }
    if (vcpu->stage == VMC_REGION_OUTSIDE) {
        finish_exit(vcpu);
    }
    if (vcpu->stage == VMC_REGION_AWAY) {
        vcpu->stage = VMC_REGION_NEXT;
    }
    enter(vcpu);
    for (;;) {
        enum vmc_region_outcome outcome;

        if (vcpu->stage == VMC_REGION_SERVING) {
            outcome = offer(vcpu, now);
        } else {
            while (vcpu->part < vcpu->part_count && chunk_len(vcpu) == 0) {
                vcpu->part++;
            }
            if (vcpu->part == vcpu->part_count) {
                return vcpu->fragment < vcpu->fragment_count
                           ? exit_fragment(vcpu)
                           : done(vcpu, was_outside);
            }
            outcome = look_up(vcpu, now);
        }
        switch (outcome) {
        case VMC_REGION_SERVED:
            accept(vcpu);
            break;
        case VMC_REGION_PASSED:
        case VMC_REGION_ERRED:
            vmc_region_forsake(vcpu, VMC_CAUSE_REMOVED);
            if (vcpu->is_fast) { /* now decode it, and try the other bus */
                stop_walk(vcpu);
                vcpu->is_fast = false;
                vcpu->stage = VMC_REGION_NEXT;
            } else {
                refuse(vcpu);
            }
            break;
        case VMC_REGION_FAILED:
            if (!vcpu->config.falls_back) {
                return exit_failed(vcpu);
            }
            vcpu->is_fast = false;
            refuse(vcpu);
            break;
        case VMC_REGION_WAITS:
            vcpu->stage = VMC_REGION_SERVING;
            return VMC_REGION_RUN_WAIT;
        case VMC_REGION_INTERRUPTED:
            if (vcpu->regions->config.profile == VMC_REGION_H ||
                !vcpu->config.drops_eintr) {
                return interrupted(vcpu);
            }
            vcpu->has_signal = false; /* D54: taken for a miss */
            refuse(vcpu);
            break;
        case VMC_REGION_KILLED:
        default:
            leave(vcpu);
            vcpu->stage = VMC_REGION_IDLE;
            vcpu->exit.reason = VMC_REGION_EXIT_KILLED;
            return VMC_REGION_RUN_EXIT;
        }
    }
}

void vmc_region_vcpu_signal(struct vmc_region_vcpu *vcpu)
{
    vcpu->has_signal = true;
}

/* ---- Ends --------------------------------------------------------------- */

uint64_t vmc_region_vcpu_deadline(const struct vmc_region_vcpu *vcpu)
{
    return vcpu->access.stage == VMC_ACCESS_IDLE ? UINT64_MAX
                                                 : vcpu->access.deadline;
}

void vmc_region_vcpu_expire(struct vmc_region_vcpu *vcpu, uint64_t now)
{
    if (vcpu->stage == VMC_REGION_AWAY &&
        vcpu->access.stage != VMC_ACCESS_IDLE && now >= vcpu->access.deadline) {
        vmc_region_forsake(vcpu, VMC_CAUSE_TIMEOUT);
        vcpu->has_expired = true;
    }
}

void vmc_region_vcpu_close(struct vmc_region_vcpu *vcpu)
{
    vmc_region_forsake(vcpu, VMC_CAUSE_CLOSED);
    leave(vcpu);
    vcpu->stage = VMC_REGION_IDLE;
    vcpu->has_signal = false;
    vcpu->is_rfc_started = false; /* R3: whatever it had locked stays (D51) */
    vcpu->rfc_ticket = 0;
}

void vmc_region_retire(struct vmc_regions *regions,
                       const struct vmc_region *region, uint64_t now)
{
    uint64_t ticks = regions->config.removal_ticks;
    uint64_t deadline = ticks > UINT64_MAX - now ? UINT64_MAX : now + ticks;

    for (uint32_t i = 0; i < regions->vcpu_count; i++) {
        struct vmc_region_vcpu *vcpu = regions->vcpus[i];

        if (vcpu->region < 0 || region != &regions->regions[vcpu->region] ||
            region->generation != vcpu->region_generation) {
            continue;
        }
        if (vcpu->stage == VMC_REGION_AWAY) {
            vmc_region_forsake(vcpu, VMC_CAUSE_REMOVED);
        } else if (vcpu->access.stage != VMC_ACCESS_IDLE) {
            vmc_channel_retire(&vcpu->access, deadline);
        }
    }
}

bool vmc_region_vcpu_may_go(const struct vmc_region_vcpu *vcpu, uint64_t now)
{
    const struct vmc_region_channel *channel;

    if (vcpu->stage != VMC_REGION_SERVING || vcpu->has_signal ||
        vcpu->access.stage == VMC_ACCESS_IDLE || now >= vcpu->access.deadline) {
        return true;
    }
    channel = channel_of(vcpu, &vcpu->regions->regions[vcpu->region]);
    if (!vmc_channel_is_turn(&channel->machine, &vcpu->access)) {
        return false;
    }
    if (vcpu->want == VMC_CHANNEL_WAIT_WRITE) {
        return channel->write_end.socket == NULL ||
               vmc_socket_wakes_writer(channel->write_end.socket,
                                       VMC_SOCKET_KERNEL);
    }
    if (vcpu->want == VMC_CHANNEL_WAIT_READ) {
        return channel->read_end.socket == NULL ||
               vmc_socket_is_readable(channel->read_end.socket,
                                      VMC_SOCKET_KERNEL);
    }
    return true;
}
