/* SPDX-License-Identifier: MIT */
/*
 * First the accesses are read and kept, then the device is started, then the
 * vCPUs run: whatever the device does, nothing waits but a vCPU. Each keeps its
 * own counts and histogram; they are added when all have ended.
 */
#include "sim/live/live_replay.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/replay/bus_log.h"
#include "sim/interrupted.h"
#include "sim/progress.h"
#include "stats/json.h"
#include "trace/reader.h"

enum {
    ROOM_FIRST = 4096,
    COUNT_MAX = 1 << 26,
    STRING_MAX = 4096, /* elements that one line can sensibly stand for */
    REGIONS_MAX = BUS_RANGES_MAX / 2,
    EXIT_GRACE_MS = 5000,
};

struct made_access {
    uint64_t offset, value;
    uint32_t count;
    uint16_t region;
    uint8_t size_bytes;
    bool is_write;
};

struct replay {
    const struct live_replay_config *config;
    struct live_replay_result *result;
    struct made_access *accesses;
    uint32_t count, room;
    bool is_full;
    uint32_t region_count;
    struct live_region regions[REGIONS_MAX];
    struct live_channel channel;
    struct live_process process;
    int ended_fd; /* counts vCPUs that have ended */
};

/* ---- Reading ---------------------------------------------------------------
 */

/* The range of @access, or -1. Without ranges ports are 0, memory is 1. */
static int range_of(const struct replay *replay,
                    const struct bus_access *access, uint64_t *first,
                    uint64_t *last)
{
    uint32_t count = bus_ranges_added(replay->config->ranges);

    for (uint32_t i = 0; i < count; i++) {
        const struct bus_range *range =
            bus_ranges_at(replay->config->ranges, i);

        if (range->space == access->space && access->addr >= range->first &&
            access->addr <= range->last) {
            *first = range->first;
            *last = range->last;
            return (int)i;
        }
    }
    *first = 0;
    *last = UINT64_MAX;
    return count != 0 || access->space == BUS_IOCSR ? -1
           : access->space == BUS_PIO               ? 0
                                                    : 1;
}

static bool grow(struct replay *replay)
{
    uint32_t room = replay->room == 0 ? ROOM_FIRST : 2 * replay->room;
    struct made_access *accesses;

    if (replay->count < replay->room) {
        return true;
    }
    if (room > COUNT_MAX) {
        return false;
    }
    accesses = realloc(replay->accesses, room * sizeof(*accesses));
    if (accesses == NULL) {
        return false;
    }
    replay->accesses = accesses;
    replay->room = room;
    return true;
}

static void keep(void *owner, const struct bus_access *access)
{
    struct replay *replay = owner;
    uint64_t first, last;
    int range = range_of(replay, access, &first, &last);

    replay->result->recorded++;
    if (range < 0) {
        replay->result->elsewhere++;
    } else if (access->len == 0 || access->len > 8 ||
               __builtin_popcount(access->len) != 1 ||
               last - access->addr < access->len - 1) {
        replay->result->unfit++;
    } else if (!grow(replay)) {
        replay->is_full = true;
    } else {
        replay->accesses[replay->count++] = (struct made_access){
            .offset = access->addr - first,
            .value = access->value,
            .count = access->count < STRING_MAX ? access->count : STRING_MAX,
            .region = (uint16_t)range,
            .size_bytes = (uint8_t)access->len,
            .is_write = access->is_write};
    }
}

/* Nobody asks what a model would claim: exits are not told apart here. */
static bool claims_nothing(void *owner, const struct bus_access *access)
{
    (void)owner;
    (void)access;
    return false;
}

static enum vmc_status pull(struct replay *replay, struct vmc_reader *reader,
                            struct vmc_error *error)
{
    static const struct bus_log_ops ops = {
        .claims = claims_nothing, .leaves = claims_nothing, .access = keep};
    const struct vmc_record *records;
    struct bus_log *log;
    uint32_t count;
    enum vmc_status status = bus_log_new(&log, &ops, replay);

    if (status != VMC_OK) {
        return vmc_fail(error, status, "out of memory");
    }
    while ((status = vmc_reader_next(reader, &records, &count, error)) ==
           VMC_OK) {
        for (uint32_t i = 0; i < count; i++) {
            bus_log_take(log, &records[i],
                         records[i].kind == VMC_REC_KVM_USERSPACE_EXIT
                             ? vmc_reader_text(reader, records[i].args[1])
                             : "");
        }
    }
    bus_log_end(log);
    bus_log_free(log);
    return status == VMC_END ? VMC_OK : status;
}

static enum vmc_status read_trace(struct replay *replay,
                                  struct vmc_error *error)
{
    struct vmc_reader *reader;
    enum vmc_status status = interrupted_open(
        &reader, replay->config->trace_path, replay->config->meta_path, error);

    if (status != VMC_OK) {
        return status;
    }
    status = pull(replay, reader, error);
    vmc_reader_close(reader);
    if (status == VMC_OK && replay->is_full) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    if (status == VMC_OK && replay->count == 0 && !interrupted()) {
        return vmc_fail(error, VMC_E_FORMAT, "%s: no access for the device",
                        replay->config->trace_path);
    }
    return status;
}

/* ---- The device -------------------------------------------------------------
 */

static int run_child(void *context, const struct live_end *device)
{
    const struct live_replay_config *config = context;
    struct device_server_config server = config->server;
    struct device_server_counts counts;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* the vCPUs end first */
    (void)signal(SIGTERM, SIG_IGN);
    server.read_fd = device->read_fd;
    server.write_fd = device->write_fd;
    if (server.flip_fd < 0) {
        server.flip_fd = server.read_fd;
    }
    device_serve(&server, config->file, &counts);
    return counts.end == DEVICE_END_CLOSED || counts.end == DEVICE_END_EXIT ? 0
                                                                            : 1;
}

static enum vmc_status connect_to(struct live_end *guest,
                                  const struct live_replay_config *config,
                                  struct vmc_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int type =
        config->transport == LIVE_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
    int fd;

    if (strlen(config->connect_path) >= sizeof(address.sun_path)) {
        return vmc_fail(error, VMC_E_RANGE, "%s: the path of a socket is short",
                        config->connect_path);
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                   config->connect_path);
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        enum vmc_status status = vmc_fail(
            error, VMC_E_IO, "%s: %s", config->connect_path, strerror(errno));

        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    *guest = (struct live_end){fd, fd};
    return VMC_OK;
}

static enum vmc_status start_device(struct replay *replay,
                                    struct vmc_error *error)
{
    const struct live_replay_config *config = replay->config;
    const char *const argv[] = {"/bin/sh", "-c", config->command, NULL};
    struct live_replay_config copy = *config;
    struct live_end guest = {-1, -1}, device;
    enum vmc_status status;

    if (config->connect_path != NULL) {
        status = connect_to(&guest, config, error);
    } else {
        status = live_ends_open(&guest, &device, config->transport, error);
        if (status != VMC_OK) {
            return status;
        }
        status =
            config->command != NULL
                ? live_process_spawn(&replay->process, argv, &device, -1, error)
                : live_process_fork(&replay->process, run_child, &copy, &device,
                                    error);
    }
    if (status == VMC_OK) {
        status = live_channel_open(&replay->channel, &guest, config->timeout_ms,
                                   error);
    }
    live_end_close(&guest);
    if (status == VMC_OK) {
        replay->channel.format = config->server.format;
        for (uint32_t i = 0; i < replay->region_count; i++) {
            live_region_add(&replay->regions[i], &replay->channel, i,
                            config->is_posted);
        }
    }
    return status;
}

/* ---- The vCPUs --------------------------------------------------------------
 */

struct worker {
    struct replay *replay;
    pthread_t thread;
    struct live_vcpu vcpu;
    struct live_replay_result result;
};

static uint64_t mask_of(uint8_t size_bytes)
{
    return size_bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size_bytes) - 1;
}

/* False: a signal came before it had ended. */
static bool make(struct worker *worker, const struct made_access *made)
{
    struct live_replay_result *result = &worker->result;
    struct live_access access = {.offset = made->offset,
                                 .data = made->value,
                                 .size_bytes = made->size_bytes,
                                 .is_write = made->is_write};
    uint64_t start_ns = host_now_ns();
    enum live_outcome outcome;

    do {
        outcome = live_access(&worker->replay->regions[made->region],
                              &worker->vcpu, &access);
    } while (outcome == LIVE_INTERRUPTED && !interrupted());
    if (outcome == LIVE_INTERRUPTED) {
        return false;
    }
    result->outcomes[outcome]++;
    result->reads += !made->is_write;
    result->writes += made->is_write;
    if (outcome == LIVE_SERVED) {
        vmc_hist_add(&result->round_trip_ns, host_now_ns() - start_ns);
        result->reads_equal +=
            !made->is_write &&
            access.data == (made->value & mask_of(made->size_bytes));
    } else {
        result->causes[access.cause]++;
    }
    return !interrupted();
}

static void *work(void *context)
{
    struct worker *worker = context;
    const struct replay *replay = worker->replay;
    const uint64_t one = 1;

    worker->result.is_cut = interrupted();
    for (uint32_t i = 0; i < replay->count && !worker->result.is_cut; i++) {
        const struct made_access *made = &replay->accesses[i];
        uint32_t n = 0;

        while (n < made->count && make(worker, made)) {
            n++;
        }
        worker->result.is_cut = n < made->count;
    }
    (void)!write(replay->ended_fd, &one, sizeof(one));
    return NULL;
}

/* Wait for @count vCPUs; at a signal call them away from what they wait for. */
static void wait_for(const struct replay *replay, struct worker *workers,
                     uint32_t count)
{
    uint64_t ended;

    for (uint32_t left = count; left > 0; left -= (uint32_t)ended) {
        if (!interrupted_poll(replay->ended_fd)) {
            break;
        }
        if (read(replay->ended_fd, &ended, sizeof(ended)) != sizeof(ended)) {
            break;
        }
    }
    for (uint32_t i = 0; i < count && interrupted(); i++) {
        live_vcpu_kick(&workers[i].vcpu);
    }
}

static void add_result(struct live_replay_result *to,
                       const struct live_replay_result *more)
{
    to->reads += more->reads;
    to->writes += more->writes;
    to->reads_equal += more->reads_equal;
    to->is_cut = to->is_cut || more->is_cut;
    for (int i = 0; i < LIVE_OUTCOME_COUNT; i++) {
        to->outcomes[i] += more->outcomes[i];
    }
    for (int i = 0; i < VMC_CAUSE_COUNT; i++) {
        to->causes[i] += more->causes[i];
    }
    vmc_hist_merge(&to->round_trip_ns, &more->round_trip_ns);
}

/* Run all vCPUs; one that cannot be made is an error, the others still end. */
static enum vmc_status run_vcpus(struct replay *replay, struct worker *workers,
                                 struct vmc_error *error)
{
    enum vmc_status status = VMC_OK;
    uint32_t started = 0;
    sigset_t ours, before; /* signals are for the thread that waits */

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ours, &before);
    for (; started < replay->config->vcpu_count; started++) {
        struct worker *worker = &workers[started];

        worker->replay = replay;
        status = live_vcpu_open(&worker->vcpu, started, error);
        if (status != VMC_OK) {
            break;
        }
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            live_vcpu_close(&worker->vcpu);
            status = vmc_fail(error, VMC_E_IO, "no thread for a vCPU");
            break;
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    wait_for(replay, workers, started);
    for (uint32_t i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        live_vcpu_close(&workers[i].vcpu);
        add_result(replay->result, &workers[i].result);
    }
    return status;
}

static enum vmc_status run(struct replay *replay, struct vmc_error *error)
{
    struct worker *workers =
        calloc(replay->config->vcpu_count, sizeof(*workers));
    enum vmc_status status;

    if (workers == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    replay->ended_fd = eventfd(0, EFD_CLOEXEC);
    status = replay->ended_fd >= 0
                 ? start_device(replay, error)
                 : vmc_fail(error, VMC_E_IO, "%s", strerror(errno));
    if (status == VMC_OK) {
        status = run_vcpus(replay, workers, error);
        replay->result->discarded = replay->channel.machine.discarded_count;
        live_channel_close(&replay->channel);
    }
    replay->result->device_status =
        live_process_stop(&replay->process, EXIT_GRACE_MS);
    if (replay->ended_fd >= 0) {
        (void)close(replay->ended_fd);
    }
    free(workers);
    return status;
}

enum vmc_status live_replay(struct live_replay_result *result,
                            const struct live_replay_config *config,
                            struct vmc_error *error)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    enum vmc_status status;

    assert(config->vcpu_count >= 1 && config->vcpu_count <= LIVE_VCPUS_MAX);
    memset(result, 0, sizeof(*result));
    if (replay == NULL) {
        return vmc_fail(error, VMC_E_NOMEM, "out of memory");
    }
    replay->config = config;
    replay->result = result;
    replay->process.pid_fd = -1;
    replay->region_count = bus_ranges_added(config->ranges);
    if (replay->region_count == 0) {
        replay->region_count = 2;
    }
    status = read_trace(replay, error);
    if (status == VMC_OK) {
        status = run(replay, error);
    }
    free(replay->accesses);
    free(replay);
    return status;
}

/* ---- Telling
 * ----------------------------------------------------------------- */

bool live_replay_is_good(const struct live_replay_result *result)
{
    return result->outcomes[LIVE_SERVED] == result->reads + result->writes;
}

json_t *live_replay_json(const struct live_replay_result *result)
{
    json_t *root = json_object();
    json_t *causes = json_object();

    json_object_set_new(root, "recorded", vmc_json_u64(result->recorded));
    json_object_set_new(root, "elsewhere", vmc_json_u64(result->elsewhere));
    json_object_set_new(root, "unfit", vmc_json_u64(result->unfit));
    json_object_set_new(root, "reads", vmc_json_u64(result->reads));
    json_object_set_new(root, "writes", vmc_json_u64(result->writes));
    for (int i = 0; i < LIVE_OUTCOME_COUNT; i++) {
        if (i != LIVE_INTERRUPTED) {
            json_object_set_new(root, live_outcome_name((enum live_outcome)i),
                                vmc_json_u64(result->outcomes[i]));
        }
    }
    for (int i = 0; i < VMC_CAUSE_COUNT; i++) {
        if (result->causes[i] != 0) {
            json_object_set_new(
                causes, vmc_channel_cause_name((enum vmc_channel_cause)i),
                vmc_json_u64(result->causes[i]));
        }
    }
    json_object_set_new(root, "causes", causes);
    json_object_set_new(root, "reads_equal", vmc_json_u64(result->reads_equal));
    json_object_set_new(root, "discarded", vmc_json_u64(result->discarded));
    json_object_set_new(root, "round_trip_ns",
                        vmc_json_hist(&result->round_trip_ns));
    return root;
}

static void print_device(int status, FILE *table)
{
    if (status == -1) {
        return;
    }
    if (WIFSIGNALED(status)) {
        (void)fprintf(table, "device     ended by signal %d\n",
                      WTERMSIG(status));
    } else {
        (void)fprintf(table, "device     ended with status %d\n",
                      WEXITSTATUS(status));
    }
}

void live_replay_print(const struct live_replay_result *result, FILE *table)
{
    struct vmc_hist_summary summary =
        vmc_hist_summarize(&result->round_trip_ns);

    (void)fprintf(table,
                  "recorded   %" PRIu64 " accesses, %" PRIu64
                  " of them elsewhere, %" PRIu64 " not fit for a command\n",
                  result->recorded, result->elsewhere, result->unfit);
    (void)fprintf(table,
                  "made       %" PRIu64 " reads, %" PRIu64 " writes: %" PRIu64
                  " served, %" PRIu64 " failed, %" PRIu64 " unclaimed\n",
                  result->reads, result->writes, result->outcomes[LIVE_SERVED],
                  result->outcomes[LIVE_FAILED],
                  result->outcomes[LIVE_UNCLAIMED]);
    for (int i = 0; i < VMC_CAUSE_COUNT; i++) {
        if (result->causes[i] != 0) {
            (void)fprintf(table, "  %-8s %" PRIu64 "\n",
                          vmc_channel_cause_name((enum vmc_channel_cause)i),
                          result->causes[i]);
        }
    }
    (void)fprintf(table, "reads      %" PRIu64 " of %" PRIu64 " as recorded\n",
                  result->reads_equal, result->reads);
    (void)fprintf(table,
                  "round trip p50 %.1f us, p99 %.1f us, longest %.1f us\n",
                  (double)summary.p50 / 1000, (double)summary.p99 / 1000,
                  (double)summary.max / 1000);
    print_device(result->device_status, table);
}
