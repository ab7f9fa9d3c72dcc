/* SPDX-License-Identifier: MIT */
/* Both ends of a region file descriptor. The device's end: any bytes as a
 * command; what is taken must come back when it is written again. The kernel's
 * end: the input says what four vCPUs do and what each call on a descriptor
 * answers, byte for byte; whatever that is, commands must leave whole and in
 * order, and the books of the channel must be right. */
#include "ioregion/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VCPUS = 4, COMMAND_BYTES = VMC_IOREGION_COMMAND_BYTES };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input, and what has gone over the wire. */
struct world {
    const uint8_t *data;
    size_t size;
    uint8_t line[COMMAND_BYTES]; /* the command that is being written */
    uint32_t line_bytes;
    uint8_t serials[256]; /* commands in the order in which they began */
    uint32_t serial_count, serial_at;
    uint32_t call_count;
};

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static uint8_t next(struct world *world)
{
    if (world->size == 0) {
        return 0;
    }
    world->size--;
    return *world->data++;
}

/* What a descriptor refuses with; 0 when it does not. */
static int64_t refusal(uint8_t choice)
{
    static const int64_t refusals[] = {VMC_CHANNEL_WOULD_BLOCK,
                                       VMC_CHANNEL_WOULD_BLOCK,
                                       -EINTR,
                                       -EAGAIN,
                                       -EPIPE,
                                       -ECONNRESET,
                                       -EIO,
                                       -EINVAL};

    return choice < 64 ? refusals[choice % 8] : 0;
}

static int64_t world_write(void *ends, const void *bytes, size_t size_bytes)
{
    struct world *world = ends;
    const uint8_t *from = bytes;
    uint8_t choice = next(world);
    int64_t result = refusal(choice);

    require(size_bytes > 0 && ++world->call_count < 100000);
    if (result != 0 || choice == 64) {
        return result;
    }
    result = 1 + choice % (int64_t)size_bytes;
    for (int64_t i = 0; i < result; i++) {
        if (world->line_bytes == 0) { /* byte 8 is the lowest of user data */
            world->serial_count++;
        }
        world->line[world->line_bytes++] = from[i];
        if (world->line_bytes == COMMAND_BYTES) {
            world->line_bytes = 0;
            require(world->serial_at < world->serial_count);
            require(world->line[8] == world->serials[world->serial_at % 256]);
            require(memcmp(&world->line[9], "\0\0\0\0\0\0\0", 7) == 0);
            world->serial_at++;
        }
    }
    return result;
}

static int64_t world_read(void *ends, void *bytes, size_t size_bytes)
{
    struct world *world = ends;
    uint8_t choice = next(world);
    int64_t result = refusal(choice);

    require(size_bytes > 0 && ++world->call_count < 100000);
    if (result != 0 || choice == 64) { /* 64: end of file */
        return result;
    }
    result = 1 + choice % (int64_t)size_bytes;
    memset(bytes, next(world), (size_t)result);
    return result;
}

static void use_channel(struct world *world)
{
    static const struct vmc_channel_ops ops = {.write = world_write,
                                               .read = world_read};
    struct vmc_channel_access accesses[VCPUS];
    struct vmc_channel_ends ends = {.ops = &ops, .ends = world};
    struct vmc_channel channel;
    uint8_t serial = 0, serials[VCPUS] = {0};
    uint64_t now = 0;

    memset(accesses, 0, sizeof(accesses));
    ends.keeps_messages = (next(world) & 1) != 0;
    vmc_channel_init(&channel, next(world) % 64);
    while (world->size > 0) {
        uint8_t choice = next(world);
        uint32_t vcpu = choice % VCPUS;
        struct vmc_channel_access *access = &accesses[vcpu];
        uint8_t bytes[COMMAND_BYTES], sent_bytes = access->sent_bytes;
        const char *wrong;

        now += choice >> 6;
        switch (access->stage == VMC_ACCESS_IDLE ? 0 : 1 + choice / 4 % 8) {
        case 0:
            serials[vcpu] = ++serial;
            vmc_ioregion_put_command(
                bytes,
                &(struct vmc_ioregion_command){.user_data = serial,
                                               .size_bytes = 4,
                                               .is_write = (choice & 4) != 0,
                                               .wants_response = true},
                (struct vmc_ioregion_format){VMC_IOREGION_H, false});
            vmc_channel_begin(access, vcpu, bytes, (choice & 8) != 0);
            sent_bytes = 0;
            break;
        case 1:
            (void)vmc_channel_interrupt(&channel, access);
            break;
        case 2:
            vmc_channel_retire(access, now + next(world));
            break;
        case 3:
            vmc_channel_abort(&channel, access, VMC_CAUSE_CLOSED);
            break;
        case 4:
            vmc_channel_drain(&channel, &ends);
            break;
        default:
            /* Its command begins, if it does, after all that have begun. */
            if (access->sent_bytes == 0) {
                world->serials[world->serial_count % 256] = serials[vcpu];
            }
            (void)vmc_channel_step(&channel, access, &ends, now);
            break;
        }
        require(access->sent_bytes >= sent_bytes ||
                access->stage == VMC_ACCESS_IDLE);
        wrong = vmc_channel_check(&channel);
        require(wrong == NULL);
    }
}

static void decode(const uint8_t *data, size_t size)
{
    for (int generation = 0; generation < 2 * VMC_IOREGION_GENERATION_COUNT;
         generation++) {
        struct vmc_ioregion_format format = {
            (enum vmc_ioregion_generation)(generation / 2),
            generation % 2 != 0};
        struct vmc_ioregion_command command, again;
        struct vmc_error error;
        uint8_t bytes[COMMAND_BYTES];

        if (vmc_ioregion_get_command(&command, data, size, format, &error) !=
            VMC_OK) {
            continue;
        }
        require(size == COMMAND_BYTES);
        vmc_ioregion_put_command(bytes, &command, format);
        require(vmc_ioregion_get_command(&again, bytes, sizeof(bytes), format,
                                         NULL) == VMC_OK);
        require(again.user_data == command.user_data &&
                again.offset_bytes == command.offset_bytes &&
                again.data == command.data &&
                again.size_bytes == command.size_bytes &&
                again.is_write == command.is_write &&
                again.wants_response == command.wants_response &&
                again.is_pio == command.is_pio);
        if (format.generation == VMC_IOREGION_H) { /* all but the data */
            require(memcmp(bytes, data, 24) == 0);
        }
        (void)vmc_ioregion_get_response(data, command.size_bytes, format);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;

    if (size == 0) {
        return 0;
    }
    if ((data[0] & 1) != 0) {
        decode(data + 1, size - 1);
        return 0;
    }
    memset(&world, 0, sizeof(world));
    world.data = data + 1;
    world.size = size - 1;
    use_channel(&world);
    return 0;
}
