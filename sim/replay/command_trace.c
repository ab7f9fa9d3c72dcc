/* SPDX-License-Identifier: MIT */
/* vmcycle import, info, dump: traces as files. */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/checkpoint.h"
#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/options.h"
#include "sim/progress.h"
#include "sim/replay/replay_run.h"
#include "stats/json.h"
#include "stats/outfile.h"
#include "trace/meta.h"
#include "trace/qemu_line.h"
#include "trace/reader.h"
#include "trace/writer.h"

enum { NAME_BYTES_MAX = 4 * 256 };

struct options {
    const char *path, *meta_path, *out_path, *json_path, *kind;
    uint64_t skip, limit;
    bool needs_output, is_qemu;
};

enum option_key {
    OPTION_META = 256,
    OPTION_SKIP,
    OPTION_LIMIT,
    OPTION_KIND,
    OPTION_QEMU
};

#define OPTION_META_ROW                                                        \
    {                                                                          \
        "meta", OPTION_META, "FILE", 0,                                        \
            "the description of the trace; default is the .meta beside it", 0  \
    }

static const struct argp_option import_options[] = {
    {"output", 'o', "FILE", 0, "the .vmct file to write", 0},
    OPTION_META_ROW,
    {0}};
static const struct argp_option info_options[] = {
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    OPTION_META_ROW,
    {0}};
static const struct argp_option dump_options[] = {
    {"skip", OPTION_SKIP, "N", 0, "leave out the first N records", 0},
    {"limit", OPTION_LIMIT, "N", 0, "print at most N records", 0},
    {"kind", OPTION_KIND, "NAME", 0, "print only events of this name", 0},
    {"qemu", OPTION_QEMU, 0, 0,
     "print lines as QEMU's log has them, times from the first record on", 0},
    OPTION_META_ROW,
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'o':
        options->out_path = argument;
        return 0;
    case 'j':
        options->json_path = argument;
        return 0;
    case OPTION_META:
        options->meta_path = argument;
        return 0;
    case OPTION_SKIP:
        options->skip = option_number(state, "--skip", argument, 0, UINT64_MAX);
        return 0;
    case OPTION_LIMIT:
        options->limit =
            option_number(state, "--limit", argument, 0, UINT64_MAX);
        return 0;
    case OPTION_KIND:
        if (vmc_record_kind_named(argument) == VMC_REC_NONE) {
            argp_error(state,
                       "'%s' is no event; vmct(5) lists those that are known",
                       argument);
        }
        options->kind = argument;
        return 0;
    case OPTION_QEMU:
        options->is_qemu = true;
        return 0;
    case ARGP_KEY_ARG:
        option_take_one(state, &options->path, argument, "trace");
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a TRACE is needed");
        return 0;
    case ARGP_KEY_END:
        if (options->needs_output && options->out_path == NULL) {
            argp_error(state, "-o OUT.vmct is needed");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp import_parser = {
    import_options,
    parse_option,
    "TRACE",
    "Turn a trace into the native format.",
    0,
    0,
    0};
static const struct argp info_parser = {
    info_options,
    parse_option,
    "TRACE",
    "Say what a trace holds, or what run a checkpoint is of.",
    0,
    0,
    0};
static const struct argp dump_parser = {
    dump_options,
    parse_option,
    "TRACE",
    "Print the records of a trace, one a line: time in ns, line, thread, cpu, "
    "flags, event, arguments: numbers in hexadecimal, texts in quotes.",
    0,
    0,
    0};

/* Called with each batch; a failing status ends the reading. */
typedef enum vmc_status batch_fn(void *owner, const struct vmc_record *records,
                                 uint32_t count, struct vmc_error *error);

/* Read @reader to its end. Damage is kept in @damage and is no failure here:
 * what came before it has been handed on. */
static enum vmc_status read_all(struct vmc_reader *reader, batch_fn *on_batch,
                                void *owner, const char *what,
                                struct vmc_error *damage,
                                struct vmc_error *error)
{
    struct progress progress;
    enum vmc_status status = VMC_OK;

    progress_start(&progress, what, "records");
    while (status == VMC_OK) {
        const struct vmc_record *records;
        uint32_t count;
        enum vmc_status read =
            vmc_reader_next(reader, &records, &count, damage);

        if (count > 0) {
            status = on_batch(owner, records, count, error);
        }
        progress_add(&progress, count);
        if (read == VMC_E_NOMEM) {
            status = read;
        } else if (read != VMC_OK) {
            break;
        }
    }
    progress_end(&progress);
    return status;
}

/* Say when a signal ended the reading; @root may be NULL. */
static void tell_interruption(const struct vmc_reader *reader, json_t *root,
                              FILE *table)
{
    const struct vmc_reader_counts *counts = vmc_reader_counts(reader);
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu64 " records", counts->records);
    interrupted_tell(root, table, counts->is_stopped, what);
}

static int finish(enum vmc_status status, const struct vmc_error *error,
                  const struct vmc_error *damage)
{
    if (status != VMC_OK && status != VMC_END) {
        return command_failed(status, error);
    }
    return damage->text[0] != '\0' ? command_failed(VMC_E_FORMAT, damage)
                                   : EXIT_GOOD;
}

/* ---- import ------------------------------------------------------------- */

struct import {
    struct vmc_reader *reader;
    struct vmc_writer *writer;
    struct vmc_outfile *out;
};

static enum vmc_status import_batch(void *owner,
                                    const struct vmc_record *records,
                                    uint32_t count, struct vmc_error *error)
{
    struct import *import = owner;
    enum vmc_status status = VMC_OK;

    /* The header holds metadata that the first record completes. */
    if (import->writer == NULL) {
        status = vmc_writer_new(
            &import->writer, vmc_outfile_stream(import->out), import->reader);
    }
    if (status == VMC_OK) {
        status = vmc_writer_add(import->writer, records, count);
    }
    return status == VMC_OK ? VMC_OK
                            : vmc_fail(error, status, "cannot write: %s",
                                       vmc_status_name(status));
}

int command_import(int argc, char **argv)
{
    struct options options = {.needs_output = true};
    struct import import = {0};
    struct vmc_error error = {""}, damage = {""};
    enum vmc_status status;

    argp_parse(&import_parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    status = interrupted_open(&import.reader, options.path, options.meta_path,
                              &error);
    if (status == VMC_OK) {
        status = vmc_outfile_open(&import.out, options.out_path, &error);
    }
    if (status == VMC_OK) {
        status = read_all(import.reader, import_batch, &import, "import",
                          &damage, &error);
    }
    if (status == VMC_OK) {
        status = import_batch(&import, NULL, 0, &error); /* an empty trace */
    }
    if (status == VMC_OK) {
        status = vmc_writer_end(import.writer, import.reader);
    }
    if (status == VMC_OK) {
        const struct vmc_reader_counts *counts =
            vmc_reader_counts(import.reader);

        status = vmc_outfile_commit(import.out, &error);
        (void)fprintf(command_table(options.out_path),
                      "%" PRIu64 " records from %" PRIu64 " lines%s\n",
                      counts->records, counts->lines,
                      counts->is_stopped ? "; cut short" : "");
        tell_interruption(import.reader, NULL, stderr);
    } else {
        vmc_outfile_abandon(import.out);
    }
    vmc_writer_free(import.writer);
    vmc_reader_close(import.reader);
    return finish(status, &error, &damage);
}

/* ---- info --------------------------------------------------------------- */

struct thread {
    uint32_t id;
    uint64_t records;
};

struct info {
    uint64_t kinds[VMC_REC_KIND_COUNT];
    uint64_t last_time_ns;
    struct thread *threads; /* by id */
    uint32_t thread_count, thread_room, last_thread;
};

/* The place of @id among the threads, or where it would stand. */
static uint32_t find_thread(const struct info *info, uint32_t id)
{
    uint32_t low = 0, high = info->thread_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (info->threads[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum vmc_status add_thread(struct info *info, uint32_t at, uint32_t id)
{
    if (info->thread_count == info->thread_room) {
        uint32_t room = info->thread_room == 0 ? 64 : 2 * info->thread_room;
        struct thread *threads =
            realloc(info->threads, room * sizeof(*threads));

        if (threads == NULL) {
            return VMC_E_NOMEM;
        }
        info->threads = threads;
        info->thread_room = room;
    }
    memmove(&info->threads[at + 1], &info->threads[at],
            (info->thread_count - at) * sizeof(*info->threads));
    info->threads[at] = (struct thread){.id = id};
    info->thread_count++;
    return VMC_OK;
}

static enum vmc_status count_thread(struct info *info, uint32_t id)
{
    uint32_t at = info->last_thread;

    if (at >= info->thread_count || info->threads[at].id != id) {
        at = find_thread(info, id);
        if (at == info->thread_count || info->threads[at].id != id) {
            enum vmc_status status = add_thread(info, at, id);

            if (status != VMC_OK) {
                return status;
            }
        }
        info->last_thread = at;
    }
    info->threads[at].records++;
    return VMC_OK;
}

static enum vmc_status info_batch(void *owner, const struct vmc_record *records,
                                  uint32_t count, struct vmc_error *error)
{
    struct info *info = owner;

    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        enum vmc_status status = count_thread(info, records[i].thread);

        if (status != VMC_OK) {
            return status;
        }
        info->kinds[records[i].kind]++;
        info->last_time_ns = records[i].time_ns;
    }
    return VMC_OK;
}

/* How many records each thread has: what a .meta's vcpu_threads is made of. */
static json_t *describe_threads(const struct info *info, FILE *table)
{
    json_t *threads = json_object();

    for (uint32_t i = 0; i < info->thread_count; i++) {
        const struct thread *thread = &info->threads[i];
        char id[16];

        (void)snprintf(id, sizeof(id), "%" PRIu32, thread->id);
        json_object_set_new(threads, id, vmc_json_u64(thread->records));
        (void)fprintf(table, "%12" PRIu64 " by thread %s\n", thread->records,
                      id);
    }
    return threads;
}

static json_t *describe_info(struct vmc_reader *reader, const struct info *info,
                             FILE *table)
{
    const struct vmc_reader_counts *counts = vmc_reader_counts(reader);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"records", counts->records},
        {"lines", counts->lines},
        {"skipped_lines", counts->skipped_lines},
        {"unknown_events", counts->unknown_events},
        {"time_clamped", counts->time_clamped},
        {"duration_ns", info->last_time_ns},
        {"threads", info->thread_count},
        {"texts", vmc_reader_text_count(reader)},
        {"blocks", vmc_reader_block_count(reader)},
    };
    json_t *root = json_object(), *meta = json_object();
    json_t *kinds = json_object(), *unknown = json_object();
    const char *key, *value;
    char name[NAME_BYTES_MAX], text[VMC_META_BYTES_MAX];
    uint64_t count;

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "format", json_string(vmc_reader_format(reader)));
    (void)fprintf(table, "%-16s %s\n", "format", vmc_reader_format(reader));
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        json_object_set_new(root, rows[i].key, vmc_json_u64(rows[i].value));
        (void)fprintf(table, "%-16s %" PRIu64 "\n", rows[i].key, rows[i].value);
    }
    json_object_set_new(root, "truncated", json_boolean(counts->is_truncated));
    for (uint32_t i = 0; (key = vmc_reader_meta_at(reader, i, &value)) != NULL;
         i++) {
        json_object_set_new(
            meta, vmc_json_utf8(name, sizeof(name), key),
            json_string(vmc_json_utf8(text, sizeof(text), value)));
        (void)fprintf(table, "meta %s = %s\n", key, value);
    }
    for (uint32_t i = 0; i < VMC_REC_KIND_COUNT; i++) {
        if (info->kinds[i] > 0) {
            key = vmc_record_kind_name((enum vmc_record_kind)i);
            json_object_set_new(kinds, key, vmc_json_u64(info->kinds[i]));
            (void)fprintf(table, "%12" PRIu64 " %s\n", info->kinds[i], key);
        }
    }
    for (uint32_t i = 0;
         (key = vmc_reader_unknown_at(reader, i, &count)) != NULL; i++) {
        (void)vmc_json_utf8(name, sizeof(name), key);
        json_object_set_new(unknown, name, vmc_json_u64(count));
        (void)fprintf(table, "%12" PRIu64 " %s (unknown)\n", count, name);
    }
    json_object_set_new(root, "meta", meta);
    json_object_set_new(root, "events", kinds);
    json_object_set_new(root, "unknown", unknown);
    json_object_set_new(root, "records_by_thread",
                        describe_threads(info, table));
    return root;
}

/* The same for a checkpoint: what it belongs to, and where it is. */
static json_t *describe_checkpoint(struct checkpoint *checkpoint, FILE *table)
{
    const struct checkpoint_terms *terms = checkpoint_terms(checkpoint);
    json_t *root = json_object(), *list = json_object();
    struct replay_position position;
    char name[NAME_BYTES_MAX], text[VMC_META_BYTES_MAX];

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "format", json_string("checkpoint"));
    (void)fprintf(table, "%-24s checkpoint\n", "format");
    if (replay_run_position(&position, checkpoint) == VMC_OK) {
        json_object_set_new(root, "records", vmc_json_u64(position.records));
        json_object_set_new(root, "time_ns", vmc_json_u64(position.time_ns));
        (void)fprintf(table, "%-24s %" PRIu64 "\n%-24s %" PRIu64 "\n",
                      "records", position.records, "time_ns", position.time_ns);
    }
    for (uint32_t i = 0; i < terms->count; i++) {
        json_object_set_new(
            list, vmc_json_utf8(name, sizeof(name), terms->terms[i].name),
            json_string(
                vmc_json_utf8(text, sizeof(text), terms->terms[i].value)));
        (void)fprintf(table, "%-24s %s\n", terms->terms[i].name,
                      terms->terms[i].value);
    }
    json_object_set_new(root, "terms", list);
    return root;
}

static int checkpoint_info(const struct options *options)
{
    struct vmc_error error = {""};
    struct checkpoint *checkpoint;
    enum vmc_status status =
        checkpoint_open(&checkpoint, options->path, NULL, &error);

    if (status == VMC_OK) {
        json_t *root =
            describe_checkpoint(checkpoint, command_table(options->json_path));

        if (options->json_path != NULL) {
            status = vmc_json_write(root, options->json_path, &error);
        }
        json_decref(root);
    }
    checkpoint_close(checkpoint);
    return status == VMC_OK ? EXIT_GOOD : command_failed(status, &error);
}

int command_info(int argc, char **argv)
{
    struct options options = {0};
    struct vmc_error error = {""}, damage = {""};
    struct vmc_reader *reader;
    struct info info = {0};
    enum vmc_status status;

    argp_parse(&info_parser, argc, argv, 0, NULL, &options);
    if (checkpoint_is(options.path)) {
        return checkpoint_info(&options);
    }
    interrupted_watch();
    status = interrupted_open(&reader, options.path, options.meta_path, &error);
    if (status == VMC_OK) {
        status = read_all(reader, info_batch, &info, "info", &damage, &error);
    }
    if (status == VMC_OK) {
        json_t *root =
            describe_info(reader, &info, command_table(options.json_path));

        tell_interruption(reader, root, command_table(options.json_path));
        if (options.json_path != NULL) {
            status = vmc_json_write(root, options.json_path, &error);
        }
        json_decref(root);
    }
    free(info.threads);
    vmc_reader_close(reader);
    return finish(status, &error, &damage);
}

/* ---- dump --------------------------------------------------------------- */

struct dump {
    const struct options *options;
    const struct vmc_reader *reader;
    uint64_t seen, printed;
};

/* In quotes, on one line, whatever bytes it has. */
static void print_text(const char *text)
{
    (void)fputs(" \"", stdout);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            (void)printf("\\%c", c);
        } else if (c < ' ' || c >= 0x7f) {
            (void)printf("\\x%02x", c);
        } else {
            (void)putchar(c);
        }
    }
    (void)putchar('"');
}

static void print_record(const struct dump *dump,
                         const struct vmc_record *record)
{
    enum vmc_record_kind kind = (enum vmc_record_kind)record->kind;

    (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu32 " %u %u %s",
                 record->time_ns, record->line, record->thread, record->cpu,
                 record->flags, vmc_record_kind_name(kind));
    for (uint32_t i = 0; i < vmc_record_arg_count(kind); i++) {
        if (vmc_record_arg_is_text(kind, i)) {
            print_text(vmc_reader_text(dump->reader, record->args[i]));
        } else {
            (void)printf(" %#" PRIx64, record->args[i]);
        }
    }
    (void)putchar('\n');
}

static const char *text_of(const void *reader, uint64_t number)
{
    return vmc_reader_text(reader, number);
}

static enum vmc_status print_qemu(const struct dump *dump,
                                  const struct vmc_record *record,
                                  struct vmc_error *error)
{
    enum vmc_record_kind kind = (enum vmc_record_kind)record->kind;
    char line[VMC_QEMU_LINE_BYTES_MAX];
    size_t bytes;

    if (!vmc_record_is_qemu(kind)) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "line %" PRIu64 ": %s is no event of QEMU's log",
                        record->line, vmc_record_kind_name(kind));
    }
    bytes = vmc_qemu_line(line, record, text_of, dump->reader);
    (void)fwrite(line, 1, bytes, stdout);
    return VMC_OK;
}

static enum vmc_status dump_batch(void *owner, const struct vmc_record *records,
                                  uint32_t count, struct vmc_error *error)
{
    struct dump *dump = owner;
    const struct options *options = dump->options;

    for (uint32_t i = 0; i < count; i++) {
        if (options->kind != NULL &&
            strcmp(vmc_record_kind_name((enum vmc_record_kind)records[i].kind),
                   options->kind) != 0) {
            continue;
        }
        if (dump->seen++ < options->skip) {
            continue;
        }
        if (dump->printed == options->limit) {
            return VMC_END;
        }
        dump->printed++;
        if (!options->is_qemu) {
            print_record(dump, &records[i]);
        } else if (print_qemu(dump, &records[i], error) != VMC_OK) {
            return VMC_E_FORMAT;
        }
    }
    if (ferror(stdout) != 0) {
        return vmc_fail(error, VMC_E_IO, "standard output: cannot write");
    }
    return VMC_OK;
}

int command_dump(int argc, char **argv)
{
    struct options options = {.limit = UINT64_MAX};
    struct vmc_error error = {""}, damage = {""};
    struct dump dump = {.options = &options};
    struct vmc_reader *reader;
    enum vmc_status status;

    argp_parse(&dump_parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    status = interrupted_open(&reader, options.path, options.meta_path, &error);
    if (status == VMC_OK) {
        dump.reader = reader;
        status = read_all(reader, dump_batch, &dump, "dump", &damage, &error);
        tell_interruption(reader, NULL, stderr);
    }
    vmc_reader_close(reader);
    return finish(status, &error, &damage);
}
