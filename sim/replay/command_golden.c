/* SPDX-License-Identifier: MIT */
/*
 * vmcycle golden: operation by operation, what a real machine model returned
 * and what ours does. The format is described beside the files.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"
#include "sim/interrupted.h"
#include "sim/machine/machine.h"
#include "sim/options.h"
#include "stats/json.h"

enum { LINE_BYTES_MAX = 512, FILES_MAX = 1024, FIELDS = 8 };

/* ESTAT bits that "estat" shows: hardware pins, PMC, timer, IPI. Bit 0 of
 * "estat_raw" is the recording program's own software interrupt. */
static const uint32_t estat_mask = 0x1ffc;
static const uint32_t estat_raw_extra = 1;

struct options {
    const char *paths[FILES_MAX];
    uint32_t path_count;
    const char *json_path;
};

static const struct argp_option option_table[] = {
    {"json", 'j', "FILE", 0, "write the result as JSON; - is standard output",
     0},
    {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'j':
        options->json_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        option_add(state, "a file", options->paths, &options->path_count,
                   FILES_MAX, argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "a FILE is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    option_table,
    parse_option,
    "FILE...",
    "Run golden vectors and compare every result and fault.",
    0,
    0,
    0};

enum op_kind {
    OP_IOCSR_READ,
    OP_IOCSR_READ_WIDE,
    OP_IOCSR_WRITE,
    OP_MMIO_READ,
    OP_MMIO_WRITE,
    OP_ESTAT,
    OP_ESTAT_RAW,
    OP_CPUID,
    OP_DELAY,
};

struct operation {
    uint64_t seq, cpu, size, address, value, result, fault;
    enum op_kind kind;
};

struct totals {
    uint64_t operations, checked, mismatches;
};

struct golden {
    struct machine machine;
    struct machine_config config;
    bool is_powered;
    bool is_cut; /* by a signal, before the end */
    const char *path;
    uint64_t line, next_seq;
    struct totals totals;
    /* The first mismatch, if there is one. */
    const char *first_path;
    uint64_t first_line, found_result, found_fault;
    struct operation first;
};

/* ---- Reading ------------------------------------------------------------ */

static enum vmc_status bad_line(const struct golden *golden,
                                struct vmc_error *error, const char *expected)
{
    return vmc_fail(error, VMC_E_FORMAT, "%s:%" PRIu64 ": expected %s",
                    golden->path, golden->line, expected);
}

static bool kind_named(enum op_kind *out, const char *name)
{
    static const char *const names[] = {
        [OP_IOCSR_READ] = "iocsr_r",  [OP_IOCSR_READ_WIDE] = "iocsr_rx",
        [OP_IOCSR_WRITE] = "iocsr_w", [OP_MMIO_READ] = "mmio_r",
        [OP_MMIO_WRITE] = "mmio_w",   [OP_ESTAT] = "estat",
        [OP_ESTAT_RAW] = "estat_raw", [OP_CPUID] = "cpuid",
        [OP_DELAY] = "delay",
    };

    for (size_t i = 0; i < VMC_COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum op_kind)i;
            return true;
        }
    }
    return false;
}

static bool needs_size(enum op_kind kind)
{
    return kind <= OP_MMIO_WRITE;
}

/* "seq cpu kind size addr val result fault" */
static enum vmc_status parse_operation(struct golden *golden,
                                       struct operation *op, char *text,
                                       struct vmc_error *error)
{
    char *fields[FIELDS + 1];
    uint64_t *const numbers[FIELDS] = {&op->seq,    &op->cpu,     NULL,
                                       &op->size,   &op->address, &op->value,
                                       &op->result, &op->fault};
    uint32_t count = 0;

    for (char *word = strtok(text, " \r\n"); word != NULL && count <= FIELDS;
         word = strtok(NULL, " \r\n")) {
        fields[count++] = word;
    }
    if (count != FIELDS) {
        return bad_line(golden, error,
                        "seq cpu kind size addr val result fault");
    }
    if (!kind_named(&op->kind, fields[2])) {
        return bad_line(golden, error, "a known kind of operation");
    }
    for (uint32_t i = 0; i < FIELDS; i++) {
        if (numbers[i] != NULL &&
            vmc_parse_u64(numbers[i], fields[i]) != VMC_OK) {
            return bad_line(golden, error, "numbers around the kind");
        }
    }
    if (op->cpu >= golden->config.vcpu_count) {
        return bad_line(golden, error, "a cpu below the header's smp");
    }
    if (needs_size(op->kind) && op->size != 1 && op->size != 2 &&
        op->size != 4 && op->size != 8) {
        return bad_line(golden, error, "a size of 1, 2, 4 or 8");
    }
    return VMC_OK;
}

static enum vmc_status parse_ids(struct golden *golden, const char *text,
                                 struct vmc_error *error)
{
    char copy[LINE_BYTES_MAX];
    uint32_t count = 0;

    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = strtok(copy, " ,\r\n"); word != NULL;
         word = strtok(NULL, " ,\r\n")) {
        uint64_t id;

        if (vmc_parse_u64(&id, word) != VMC_OK || id >= MACHINE_VCPUS_MAX ||
            count == MACHINE_VCPUS_MAX) {
            return bad_line(golden, error, "physical ids below 256");
        }
        golden->config.physical_ids[count++] = (uint16_t)id;
    }
    if (golden->config.vcpu_count != 0 && count != golden->config.vcpu_count) {
        return bad_line(golden, error, "one physical id for each CPU of smp");
    }
    golden->config.vcpu_count = count;
    return VMC_OK;
}

static enum vmc_status power_on(struct golden *golden, struct vmc_error *error)
{
    if (golden->config.vcpu_count == 0 ||
        machine_init(&golden->machine, &golden->config) != VMC_OK) {
        return bad_line(golden, error,
                        "a header with smp and archid before the reset");
    }
    golden->is_powered = true;
    return VMC_OK;
}

/* A line that begins with '#': header, reset or note. */
static enum vmc_status read_comment(struct golden *golden, const char *text,
                                    struct vmc_error *error)
{
    uint64_t smp;
    char word[16];

    text += 1 + strspn(text + 1, " ");
    if (strncmp(text, "reset", 5) == 0) {
        return power_on(golden, error);
    }
    if (strncmp(text, "smp:", 4) == 0) {
        (void)snprintf(word, sizeof(word), "%s",
                       text + 4 + strspn(text + 4, " "));
        word[strcspn(word, " \r\n")] = '\0';
        if (vmc_parse_u64(&smp, word) != VMC_OK || smp < 1 ||
            smp > MACHINE_VCPUS_MAX) {
            return bad_line(golden, error, "smp from 1 to 256");
        }
        golden->config.vcpu_count = (uint32_t)smp;
        for (uint32_t i = 0; i < smp; i++) {
            golden->config.physical_ids[i] = (uint16_t)i;
        }
    } else if (strncmp(text, "archid:", 7) == 0) {
        return parse_ids(golden, text + 7, error);
    } else if (strncmp(text, "machine:", 8) == 0) {
        /* Plain "-M virt" has the extension (observation C1). */
        golden->config.layout = strstr(text, "v-eiointc=off") != NULL
                                    ? VMC_EIO_LAYOUT_NONE
                                    : VMC_EIO_LAYOUT_FINAL;
    }
    return VMC_OK;
}

/* ---- Running ------------------------------------------------------------ */

static uint64_t cut(uint64_t value, uint64_t size_bytes)
{
    return size_bytes >= 8 ? value
                           : value & ((UINT64_C(1) << (8 * size_bytes)) - 1);
}

static uint64_t run_mmio(struct golden *golden, const struct operation *op,
                         uint64_t *fault)
{
    uint32_t cpu = (uint32_t)op->cpu;
    uint64_t value = 0;
    enum vmc_status status =
        op->kind == OP_MMIO_READ
            ? machine_mmio_read(&golden->machine, op->address,
                                (uint32_t)op->size, &value)
            : machine_mmio_write(&golden->machine, op->address,
                                 (uint32_t)op->size, op->value);

    if (status == VMC_OK) {
        return value;
    }
    vmc_cpuintc_fault(&golden->machine.cpus[cpu], MACHINE_ADEM & 0xff,
                      MACHINE_ADEM >> 8);
    *fault = 1;
    return MACHINE_ADEM;
}

static uint64_t run_operation(struct golden *golden, const struct operation *op,
                              uint64_t *fault)
{
    struct machine *machine = &golden->machine;
    uint32_t cpu = (uint32_t)op->cpu;
    uint64_t value;

    switch (op->kind) {
    case OP_IOCSR_READ:
    case OP_IOCSR_READ_WIDE:
        value =
            machine_iocsr_read(machine, cpu, op->address, (uint32_t)op->size);
        return op->kind == OP_IOCSR_READ
                   ? cut(value, op->size)
                   : vmc_iocsr_extend(&machine->iocsr, value,
                                      (uint32_t)op->size);
    case OP_IOCSR_WRITE:
        machine_iocsr_write(machine, cpu, op->address, (uint32_t)op->size,
                            op->value);
        return 0;
    case OP_MMIO_READ:
    case OP_MMIO_WRITE:
        return run_mmio(golden, op, fault);
    case OP_ESTAT:
        return vmc_cpuintc_estat(&machine->cpus[cpu]) & estat_mask;
    case OP_ESTAT_RAW:
        return vmc_cpuintc_estat(&machine->cpus[cpu]) | estat_raw_extra;
    case OP_CPUID:
        return cpu;
    case OP_DELAY:
        return 0;
    }
    return 0;
}

static void check_operation(struct golden *golden, const struct operation *op)
{
    uint64_t fault = 0;
    uint64_t result = run_operation(golden, op, &fault);

    golden->totals.operations++;
    golden->totals.checked++;
    if (result == op->result && fault == op->fault) {
        return;
    }
    if (golden->totals.mismatches++ == 0) {
        golden->first_path = golden->path;
        golden->first_line = golden->line;
        golden->first = *op;
        golden->found_result = result;
        golden->found_fault = fault;
    }
}

static enum vmc_status run_line(struct golden *golden, char *text,
                                struct vmc_error *error)
{
    struct operation op = {0};
    enum vmc_status status;

    if (text[strspn(text, " \r\n")] == '\0') {
        return VMC_OK;
    }
    if (text[0] == '#') {
        return read_comment(golden, text, error);
    }
    if (!golden->is_powered) {
        return bad_line(golden, error, "'# reset' before the first operation");
    }
    status = parse_operation(golden, &op, text, error);
    if (status != VMC_OK) {
        return status;
    }
    if (op.seq != golden->next_seq) {
        return bad_line(golden, error, "the next sequence number");
    }
    golden->next_seq++;
    check_operation(golden, &op);
    return VMC_OK;
}

static enum vmc_status run_file(struct golden *golden, const char *path,
                                struct vmc_error *error)
{
    FILE *file = fopen(path, "re");
    char text[LINE_BYTES_MAX];
    enum vmc_status status = VMC_OK;

    if (file == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    golden->path = path;
    golden->line = golden->next_seq = 0;
    golden->is_powered = false;
    golden->config = (struct machine_config){.semantics = MACHINE_QEMU,
                                             .layout = VMC_EIO_LAYOUT_FINAL};
    interrupted_input(fileno(file));
    while (status == VMC_OK && fgets(text, sizeof(text), file) != NULL &&
           !interrupted()) {
        golden->line++;
        if (strchr(text, '\n') == NULL && !feof(file)) {
            status = bad_line(golden, error, "a line of at most 510 bytes");
        } else {
            status = run_line(golden, text, error);
        }
    }
    interrupted_input(-1);
    golden->is_cut = interrupted();
    if (status == VMC_OK && ferror(file) != 0) {
        status = vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    if (status == VMC_OK && golden->next_seq == 0 && !golden->is_cut) {
        golden->line++;
        status = bad_line(golden, error, "at least one operation");
    }
    (void)fclose(file);
    return status;
}

/* ---- Telling ------------------------------------------------------------ */

static json_t *describe_first(const struct golden *golden)
{
    json_t *first = json_object();

    json_object_set_new(first, "file", json_string(golden->first_path));
    json_object_set_new(first, "line", vmc_json_u64(golden->first_line));
    json_object_set_new(first, "seq", vmc_json_u64(golden->first.seq));
    json_object_set_new(first, "expected_result",
                        vmc_json_hex(golden->first.result));
    json_object_set_new(first, "expected_fault",
                        vmc_json_u64(golden->first.fault));
    json_object_set_new(first, "found_result",
                        vmc_json_hex(golden->found_result));
    json_object_set_new(first, "found_fault",
                        vmc_json_u64(golden->found_fault));
    return first;
}

static json_t *describe(const struct golden *golden)
{
    json_t *root = json_object();

    json_object_set_new(root, "version", json_string(VMCYCLE_VERSION));
    json_object_set_new(root, "operations",
                        vmc_json_u64(golden->totals.operations));
    json_object_set_new(root, "checked", vmc_json_u64(golden->totals.checked));
    json_object_set_new(root, "mismatches",
                        vmc_json_u64(golden->totals.mismatches));
    json_object_set_new(root, "first_mismatch",
                        golden->totals.mismatches > 0 ? describe_first(golden)
                                                      : json_null());
    return root;
}

static void print_file(FILE *table, const struct golden *golden,
                       const struct totals *before)
{
    (void)fprintf(table,
                  "%-48s %8" PRIu64 " operations %6" PRIu64 " mismatches\n",
                  golden->path, golden->totals.operations - before->operations,
                  golden->totals.mismatches - before->mismatches);
}

static void print_first(FILE *table, const struct golden *golden)
{
    if (golden->totals.mismatches > 0) {
        (void)fprintf(
            table,
            "first: %s:%" PRIu64 ": expected %#" PRIx64 " fault %" PRIu64
            ", found %#" PRIx64 " fault %" PRIu64 "\n",
            golden->first_path, golden->first_line, golden->first.result,
            golden->first.fault, golden->found_result, golden->found_fault);
    }
}

/* Say when a signal ended the run. */
static void tell_interruption(const struct golden *golden, json_t *root,
                              FILE *table)
{
    char what[64];

    (void)snprintf(what, sizeof(what), "%" PRIu64 " operations",
                   golden->totals.operations);
    interrupted_tell(root, table, golden->is_cut, what);
}

int command_golden(int argc, char **argv)
{
    struct options options = {.path_count = 0};
    struct vmc_error error = {""};
    struct golden *golden = calloc(1, sizeof(*golden));
    enum vmc_status status = VMC_OK;
    uint64_t mismatches;
    FILE *table;

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    interrupted_watch();
    table = command_table(options.json_path);
    if (golden == NULL) {
        return command_failed(VMC_E_NOMEM, &error);
    }
    for (uint32_t i = 0;
         i < options.path_count && status == VMC_OK && !golden->is_cut; i++) {
        struct totals before = golden->totals;

        status = run_file(golden, options.paths[i], &error);
        if (status == VMC_OK) {
            print_file(table, golden, &before);
        }
    }
    if (status == VMC_OK) {
        json_t *root = describe(golden);

        print_first(table, golden);
        tell_interruption(golden, root, table);
        if (options.json_path != NULL) {
            status = vmc_json_write(root, options.json_path, &error);
        }
        json_decref(root);
    }
    mismatches = golden->totals.mismatches;
    free(golden);
    if (status != VMC_OK) {
        return command_failed(status, &error);
    }
    return mismatches == 0 ? EXIT_GOOD : EXIT_MISMATCH;
}
