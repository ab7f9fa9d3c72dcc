/* SPDX-License-Identifier: MIT */
/* vmcycle device: a device process that serves a register file. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/command.h"
#include "sim/options.h"
#include "sim/replay/bus_ranges.h"
#include "sim/live/device_server.h"
#include "sim/interrupted.h"
#include "sim/live/live_replay.h"
#include "stats/json.h"

enum { DELAY_DEFAULT_US = 100000 };

struct options {
    struct register_file file;
    struct device_server_config server;
    struct live_replay_config replay;
    struct bus_ranges *ranges;
    const char *listen_path, *json_path;
    bool uses_packets, serves_once, is_verbose;
};

enum option_key {
    OPTION_READ_FD = 256,
    OPTION_WRITE_FD,
    OPTION_LISTEN,
    OPTION_PACKETS,
    OPTION_ONCE,
    OPTION_BATCH,
    OPTION_PROTOCOL,
    OPTION_FAIL_UNCLAIMED,
    OPTION_REPLAY,
    OPTION_META,
    OPTION_RANGE,
    OPTION_RANGES,
    OPTION_TRANSPORT,
    OPTION_CONNECT,
    OPTION_EXEC,
    OPTION_POSTED,
    OPTION_TIMEOUT,
    OPTION_VCPUS,
    OPTION_ANSWER,
    OPTION_SPOIL,
    OPTION_DELAY,
    OPTION_EXIT_AFTER,
    OPTION_FLIP,
    OPTION_FLIP_FD,
};

static const struct argp_option option_table[] = {
    {0, 0, 0, 0, "Registers:", 1},
    {"register", 'r', "OFFSET:WIDTH:KIND[:RESET[:NAME]]", 0,
     "add a register; KIND is rw, ro, wo, w1c, rc, counter, tally, sum or ram",
     1},
    {"window", 'w', "USER_DATA", 0,
     "the registers that follow answer commands with this user_data only", 1},
    {"fail-unclaimed", OPTION_FAIL_UNCLAIMED, 0, 0,
     "answer an access to no register with the FAILED bit", 1},
    {0, 0, 0, 0, "Where commands come from:", 2},
    {"read-fd", OPTION_READ_FD, "N", 0,
     "take commands from this descriptor; default is 0", 2},
    {"write-fd", OPTION_WRITE_FD, "N", 0,
     "answer on this one; default is the one of --read-fd, or 1", 2},
    {"listen", OPTION_LISTEN, "PATH", 0,
     "serve who connects to this UNIX socket, one after the other", 2},
    {"packets", OPTION_PACKETS, 0, 0,
     "the UNIX socket is SOCK_SEQPACKET, not SOCK_STREAM", 2},
    {"once", OPTION_ONCE, 0, 0, "end with the first who has connected", 2},
    {"batch", OPTION_BATCH, "N", 0,
     "take at most N commands at once; default is 64", 2},
    {"protocol", OPTION_PROTOCOL, "p20|r1|r3|h", 0,
     "generation of the wire protocol; default is h", 2},
    {0, 0, 0, 0, "A recorded guest against a device:", 5},
    {"replay", OPTION_REPLAY, "TRACE", 0,
     "make the accesses of this recording, against a child that serves the "
     "registers, or against another process",
     5},
    {"range", OPTION_RANGE, "START-END[:pio|mmio] [NAME]", 0,
     "a region; its number, from 0, is its user_data; default is all ports "
     "and all of memory",
     5},
    {"range-file", OPTION_RANGES, "FILE", 0, "regions, a line each", 5},
    {"transport", OPTION_TRANSPORT, "stream|seqpacket|pipes", 0,
     "what joins guest and device; default is stream", 5},
    {"connect", OPTION_CONNECT, "PATH", 0,
     "the device listens on this UNIX socket", 5},
    {"exec", OPTION_EXEC, "COMMAND", 0,
     "the device is this shell command; it reads 3 and answers on 4", 5},
    {"posted", OPTION_POSTED, 0, 0, "writes want no answer", 5},
    {"timeout", OPTION_TIMEOUT, "MILLISECONDS", 0,
     "an answer may take so long; default is for ever", 5},
    {"vcpus", OPTION_VCPUS, "N", 0,
     "so many vCPUs make all the accesses, on one descriptor", 5},
    {"meta", OPTION_META, "FILE", 0,
     "the description of the trace; default is the .meta beside it", 5},
    {0, 0, 0, 0, "Misbehaviour, for tests:", 3},
    {"answer", OPTION_ANSWER, "HOW", 0,
     "short, cut, long, late, twice, never or failed instead of right", 3},
    {"spoil", OPTION_SPOIL, "N", 0, "only the N-th answer; default is all", 3},
    {"delay", OPTION_DELAY, "MICROSECONDS", 0,
     "before every answer, or before the late part of a spoilt one; "
     "default is 0, or 100000",
     3},
    {"exit-after", OPTION_EXIT_AFTER, "N", 0,
     "end at the N-th command, without an answer to it", 3},
    {"flip-nonblock", OPTION_FLIP, "N", 0,
     "make a descriptor non-blocking at the N-th command", 3},
    {"flip-fd", OPTION_FLIP_FD, "FD", 0,
     "which one; default is the one of --read-fd", 3},
    {0, 0, 0, 0, "Results:", 4},
    {"json", 'j', "FILE", 0, "write what was served as JSON", 4},
    {"verbose", 'v', 0, 0, "say on standard error how serving ended", 4},
    {0}};

static void add_line(struct argp_state *state, struct options *options,
                     const char *prefix, const char *text)
{
    char line[2 * REGISTER_LINE_BYTES_MAX];
    struct vmc_error error = {""};

    (void)snprintf(line, sizeof(line), "%s%.*s", prefix,
                   REGISTER_LINE_BYTES_MAX, text);
    if (register_file_add(&options->file, line, &error) != VMC_OK) {
        argp_error(state, "'%s': %s", text, error.text);
    }
}

static void choose_answer(struct argp_state *state, struct options *options,
                          const char *text)
{
    for (int i = 0; i < DEVICE_ANSWER_COUNT; i++) {
        if (strcmp(text, device_answer_name((enum device_answer)i)) == 0) {
            options->server.answer = (enum device_answer)i;
            return;
        }
    }
    argp_error(state, "--answer '%s': no such way", text);
}

static void choose_protocol(struct argp_state *state, struct options *options,
                            const char *text)
{
    static const char *const names[VMC_IOREGION_GENERATION_COUNT] = {
        [VMC_IOREGION_P20] = "p20",
        [VMC_IOREGION_R1] = "r1",
        [VMC_IOREGION_R3] = "r3",
        [VMC_IOREGION_H] = "h"};

    for (int i = 0; i < VMC_IOREGION_GENERATION_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->server.format.generation = (enum vmc_ioregion_generation)i;
            return;
        }
    }
    argp_error(state, "--protocol '%s': expected p20, r1, r3 or h", text);
}

/* What only spoils answers. */
static error_t parse_misbehaviour(int key, char *argument,
                                  struct argp_state *state)
{
    struct options *options = state->input;
    struct device_server_config *server = &options->server;

    switch (key) {
    case OPTION_ANSWER:
        choose_answer(state, options, argument);
        return 0;
    case OPTION_SPOIL:
        server->spoil_at =
            option_number(state, "--spoil", argument, 1, UINT64_MAX);
        return 0;
    case OPTION_DELAY:
        server->delay_us = (uint32_t)option_number(state, "--delay", argument,
                                                   0, UINT32_MAX - 1);
        return 0;
    case OPTION_EXIT_AFTER:
        server->exit_after =
            option_number(state, "--exit-after", argument, 1, UINT64_MAX);
        return 0;
    case OPTION_FLIP:
        server->flip_after =
            option_number(state, "--flip-nonblock", argument, 1, UINT64_MAX);
        return 0;
    case OPTION_FLIP_FD:
        server->flip_fd =
            (int)option_number(state, "--flip-fd", argument, 0, INT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void choose_transport(struct argp_state *state, struct options *options,
                             const char *text)
{
    for (int i = 0; i < LIVE_TRANSPORT_COUNT; i++) {
        if (strcmp(text, live_transport_name((enum live_transport)i)) == 0) {
            options->replay.transport = (enum live_transport)i;
            return;
        }
    }
    argp_error(state, "--transport '%s': expected stream, seqpacket or pipes",
               text);
}

static void add_range(struct argp_state *state, struct options *options,
                      const char *text, bool is_file)
{
    struct vmc_error error = {""};
    enum vmc_status status =
        is_file ? bus_ranges_add_file(options->ranges, text, &error)
                : bus_ranges_add(options->ranges, text, &error);

    if (status != VMC_OK) {
        argp_error(state, "%s", error.text);
    }
}

/* What belongs to a recorded guest. */
static error_t parse_replay(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    struct live_replay_config *replay = &options->replay;

    switch (key) {
    case OPTION_REPLAY:
        replay->trace_path = argument;
        return 0;
    case OPTION_META:
        replay->meta_path = argument;
        return 0;
    case OPTION_RANGE:
    case OPTION_RANGES:
        add_range(state, options, argument, key == OPTION_RANGES);
        return 0;
    case OPTION_TRANSPORT:
        choose_transport(state, options, argument);
        return 0;
    case OPTION_CONNECT:
        replay->connect_path = argument;
        return 0;
    case OPTION_EXEC:
        replay->command = argument;
        return 0;
    case OPTION_POSTED:
        replay->is_posted = true;
        return 0;
    case OPTION_TIMEOUT:
        replay->timeout_ms =
            option_number(state, "--timeout", argument, 0, INT32_MAX);
        return 0;
    case OPTION_VCPUS:
        replay->vcpu_count = (uint32_t)option_number(state, "--vcpus", argument,
                                                     1, LIVE_VCPUS_MAX);
        return 0;
    default:
        return parse_misbehaviour(key, argument, state);
    }
}

/* What the options leave open. */
static void complete(struct argp_state *state, struct options *options)
{
    struct device_server_config *server = &options->server;

    if (options->listen_path != NULL &&
        (server->read_fd >= 0 || server->write_fd >= 0)) {
        argp_error(state, "--listen brings its own descriptors");
    }
    if (server->write_fd < 0) {
        server->write_fd =
            server->read_fd < 0 ? STDOUT_FILENO : server->read_fd;
    }
    if (server->read_fd < 0) {
        server->read_fd = STDIN_FILENO;
    }
    if (server->delay_us == UINT32_MAX) {
        server->delay_us = server->answer == DEVICE_ANSWER_LATE ||
                                   server->answer == DEVICE_ANSWER_SHORT
                               ? DELAY_DEFAULT_US
                               : 0;
    }
    if (options->replay.trace_path == NULL &&
        (options->replay.connect_path != NULL ||
         options->replay.command != NULL)) {
        argp_error(state, "--connect and --exec are for --replay");
    }
    if (options->replay.trace_path != NULL && options->listen_path != NULL) {
        argp_error(state, "--replay does not listen");
    }
    if (options->replay.connect_path != NULL &&
        (options->replay.command != NULL ||
         options->replay.transport == LIVE_PIPES)) {
        argp_error(state, "--connect goes with a socket, and without --exec");
    }
    if (options->file.register_count == 0 &&
        options->replay.connect_path == NULL &&
        options->replay.command == NULL) {
        argp_error(state, "a FILE or a --register is needed");
    }
}

static void load_file(struct argp_state *state, struct options *options,
                      const char *path)
{
    struct vmc_error error = {""};
    enum vmc_status status = register_file_load(&options->file, path, &error);

    if (status != VMC_OK) {
        argp_failure(state, EXIT_BAD_INPUT, 0, "%s", error.text);
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    struct device_server_config *server = &options->server;

    switch (key) {
    case 'r':
        add_line(state, options, "", argument);
        return 0;
    case 'w':
        add_line(state, options, "window ", argument);
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case 'v':
        options->is_verbose = true;
        return 0;
    case OPTION_READ_FD:
        server->read_fd =
            (int)option_number(state, "--read-fd", argument, 0, INT32_MAX);
        return 0;
    case OPTION_WRITE_FD:
        server->write_fd =
            (int)option_number(state, "--write-fd", argument, 0, INT32_MAX);
        return 0;
    case OPTION_LISTEN:
        options->listen_path = argument;
        return 0;
    case OPTION_PACKETS:
        options->uses_packets = true;
        return 0;
    case OPTION_ONCE:
        options->serves_once = true;
        return 0;
    case OPTION_BATCH:
        server->batch_max = (uint32_t)option_number(state, "--batch", argument,
                                                    1, DEVICE_BATCH_MAX);
        return 0;
    case OPTION_PROTOCOL:
        choose_protocol(state, options, argument);
        return 0;
    case OPTION_FAIL_UNCLAIMED:
        server->fails_unclaimed = true;
        return 0;
    case ARGP_KEY_ARG:
        load_file(state, options, argument);
        return 0;
    case ARGP_KEY_END:
        complete(state, options);
        return 0;
    default:
        return parse_replay(key, argument, state);
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "[FILE...]",
    "Serve registers to a virtual machine over the ioregion wire protocol: "
    "commands of 32 bytes in, answers of 32 bytes out. FILE has a register a "
    "line: OFFSET WIDTH KIND [RESET [NAME]].",
    0,
    0,
    0};

/* ---- Listening ---------------------------------------------------------- */

/* What a signal must remove; a signal handler has no other way to know. */
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

static void remove_socket(int number)
{
    (void)unlink(socket_path);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* A socket that nobody listens on any more may be replaced; nothing else. */
static bool is_stale(const struct sockaddr_un *address, int type)
{
    struct stat status;
    bool is_refused;
    int fd;

    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    is_refused =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED;
    (void)close(fd);
    return is_refused;
}

static enum vmc_status listen_at(int *out, const struct options *options,
                                 struct vmc_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int type = options->uses_packets ? SOCK_SEQPACKET : SOCK_STREAM;
    int fd;

    if (strlen(options->listen_path) >= sizeof(address.sun_path)) {
        return vmc_fail(error, VMC_E_RANGE, "%s: the path of a socket is short",
                        options->listen_path);
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                   options->listen_path);
    if (is_stale(&address, type)) {
        (void)unlink(address.sun_path);
    }
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        enum vmc_status status = vmc_fail(error, VMC_E_IO, "%s: %s",
                                          address.sun_path, strerror(errno));

        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    memcpy(socket_path, address.sun_path, sizeof(socket_path));
    (void)signal(SIGHUP, remove_socket);
    if (listen(fd, SOMAXCONN) != 0) {
        (void)unlink(address.sun_path);
        (void)close(fd);
        return vmc_fail(error, VMC_E_IO, "%s: cannot listen", address.sun_path);
    }
    *out = fd;
    return VMC_OK;
}

/* ---- Serving ------------------------------------------------------------ */

static void add_counts(struct device_server_counts *to,
                       const struct device_server_counts *more)
{
    to->commands += more->commands;
    to->reads += more->reads;
    to->writes += more->writes;
    to->posted += more->posted;
    to->answers += more->answers;
    to->batches += more->batches;
    to->batch_max =
        more->batch_max > to->batch_max ? more->batch_max : to->batch_max;
    to->unclaimed += more->unclaimed;
    to->end = more->end;
}

static void serve_one(struct options *options,
                      struct device_server_counts *total)
{
    struct device_server_counts counts;
    struct device_server_config server = options->server;

    if (server.flip_fd < 0) {
        server.flip_fd = server.read_fd;
    }
    device_serve(&server, &options->file, &counts);
    add_counts(total, &counts);
    if (options->is_verbose) {
        (void)fprintf(
            stderr,
            "vmcycle device: %" PRIu64 " commands (%" PRIu64 " reads, %" PRIu64
            " writes, %" PRIu64 " of them posted), %" PRIu64 " answers; %s\n",
            counts.commands, counts.reads, counts.writes, counts.posted,
            counts.answers, device_end_text(counts.end));
    }
}

static enum vmc_status serve_socket(struct options *options,
                                    struct device_server_counts *total,
                                    struct vmc_error *error)
{
    int listener = -1;
    enum vmc_status status = listen_at(&listener, options, error);

    if (status != VMC_OK) {
        return status;
    }
    (void)printf("listening on %s\n", options->listen_path);
    (void)fflush(stdout);
    total->end = DEVICE_END_STOPPED;
    while (status == VMC_OK && interrupted_poll(listener)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            status = errno == EINTR || errno == EAGAIN || errno == ECONNABORTED
                         ? VMC_OK
                         : vmc_fail(error, VMC_E_IO, "%s: %s",
                                    options->listen_path, strerror(errno));
            continue;
        }
        options->server.read_fd = fd;
        options->server.write_fd = fd;
        serve_one(options, total);
        (void)close(fd);
        if (options->serves_once || total->end == DEVICE_END_EXIT) {
            break;
        }
    }
    (void)unlink(options->listen_path);
    (void)close(listener);
    return status;
}

static enum vmc_status write_json(const struct device_server_counts *counts,
                                  const struct options *options,
                                  struct vmc_error *error)
{
    json_t *root = json_object();
    json_t *registers = json_object();
    enum vmc_status status;

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "commands", vmc_json_u64(counts->commands));
    json_object_set_new(root, "reads", vmc_json_u64(counts->reads));
    json_object_set_new(root, "writes", vmc_json_u64(counts->writes));
    json_object_set_new(root, "posted", vmc_json_u64(counts->posted));
    json_object_set_new(root, "answers", vmc_json_u64(counts->answers));
    json_object_set_new(root, "batches", vmc_json_u64(counts->batches));
    json_object_set_new(root, "batch_max", vmc_json_u64(counts->batch_max));
    json_object_set_new(root, "unclaimed", vmc_json_u64(counts->unclaimed));
    json_object_set_new(root, "end", json_string(device_end_text(counts->end)));
    for (uint32_t i = 0; i < options->file.register_count; i++) {
        const struct register_entry *entry = &options->file.registers[i];

        if (entry->name[0] != '\0' && entry->kind != REGISTER_RAM) {
            json_object_set_new(registers, entry->name,
                                vmc_json_u64(entry->value));
        }
    }
    json_object_set_new(root, "registers", registers);
    json_object_set_new(root, "interrupted",
                        json_boolean(counts->end == DEVICE_END_STOPPED));
    status = vmc_json_write(root, options->json_path, error);
    json_decref(root);
    return status;
}

static enum vmc_status replay(struct options *options, bool *is_good,
                              struct vmc_error *error)
{
    struct live_replay_result *result = calloc(1, sizeof(*result));
    enum vmc_status status;
    json_t *root;

    if (result == NULL) {
        return VMC_E_NOMEM;
    }
    options->replay.ranges = options->ranges;
    options->replay.file = &options->file;
    options->replay.server = options->server;
    status = live_replay(result, &options->replay, error);
    if (status == VMC_OK) {
        *is_good = live_replay_is_good(result);
        interrupted_tell(NULL, command_table(options->json_path),
                         result->is_cut, "the accesses below");
        live_replay_print(result, command_table(options->json_path));
    }
    if (status == VMC_OK && options->json_path != NULL) {
        root = live_replay_json(result);
        json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
        json_object_set_new(
            root, "transport",
            json_string(live_transport_name(options->replay.transport)));
        json_object_set_new(root, "interrupted", json_boolean(result->is_cut));
        status = vmc_json_write(root, options->json_path, error);
        json_decref(root);
    }
    free(result);
    return status;
}

static enum vmc_status serve(struct options *options, bool *is_good,
                             struct vmc_error *error)
{
    struct device_server_counts total = {.commands = 0};
    enum vmc_status status = VMC_OK;

    (void)signal(SIGPIPE, SIG_IGN);
    if (options->listen_path != NULL) {
        status = serve_socket(options, &total, error);
    } else if (fcntl(options->server.read_fd, F_GETFD) < 0 ||
               fcntl(options->server.write_fd, F_GETFD) < 0) {
        status = vmc_fail(error, VMC_E_IO, "descriptor %d or %d is not open",
                          options->server.read_fd, options->server.write_fd);
    } else {
        serve_one(options, &total);
    }
    if (status == VMC_OK && options->json_path != NULL) {
        status = write_json(&total, options, error);
    }
    *is_good = total.end == DEVICE_END_CLOSED || total.end == DEVICE_END_EXIT;
    return status;
}

int command_device(int argc, char **argv)
{
    struct options *options = calloc(1, sizeof(*options));
    struct vmc_error error = {""};
    enum vmc_status status;
    bool is_good = false;

    if (options == NULL || bus_ranges_new(&options->ranges) != VMC_OK) {
        free(options);
        return command_failed(VMC_E_NOMEM, &error);
    }
    options->server = (struct device_server_config){
        .read_fd = -1,
        .write_fd = -1,
        .flip_fd = -1,
        .batch_max = DEVICE_BATCH_MAX,
        .format = {.generation = VMC_IOREGION_H,
                   .is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__},
        .delay_us = UINT32_MAX,
    };
    options->replay.vcpu_count = 1;
    argp_parse(&parser, argc, argv, 0, NULL, options);
    interrupted_watch();
    status = options->replay.trace_path != NULL
                 ? replay(options, &is_good, &error)
                 : serve(options, &is_good, &error);
    bus_ranges_free(options->ranges);
    free(options);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return is_good ? EXIT_GOOD : EXIT_MISMATCH;
}
