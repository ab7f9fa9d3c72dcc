/* SPDX-License-Identifier: MIT */
/*
 * A window is a sorted run of the one array of registers, so the registers
 * under an access are neighbours: a binary search finds the first. Each then
 * works on its own bytes, under a mask, and does not know how wide the access
 * was. Registers of ram have their bytes elsewhere and the same search.
 */
#include "sim/live/register_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 5, WIDTH_MAX = 8 };

static const char *const kind_names[REGISTER_KIND_COUNT] = {
    [REGISTER_RW] = "rw",       [REGISTER_RO] = "ro",
    [REGISTER_WO] = "wo",       [REGISTER_W1C] = "w1c",
    [REGISTER_RC] = "rc",       [REGISTER_COUNTER] = "counter",
    [REGISTER_TALLY] = "tally", [REGISTER_SUM] = "sum",
    [REGISTER_RAM] = "ram",
};

const char *register_kind_name(enum register_kind kind)
{
    assert(kind < REGISTER_KIND_COUNT);
    return kind_names[kind];
}

/* The mask of @bytes whole bytes, 8 at most. */
static uint64_t mask_of(uint32_t bytes)
{
    return bytes >= WIDTH_MAX ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;
}

/* ---- Lines -------------------------------------------------------------- */

/* Cut a copy of @line into words; -1 when there are too many or too long. */
static int split(const char *line, char *copy, char *words[WORDS_MAX])
{
    static const char blanks[] = " \t\r\n:";
    int count = 0;
    char *rest = NULL;
    size_t size_bytes = strcspn(line, "#\n");

    if (size_bytes >= REGISTER_LINE_BYTES_MAX) {
        return -1;
    }
    memcpy(copy, line, size_bytes);
    copy[size_bytes] = '\0';
    for (char *word = strtok_r(copy, blanks, &rest); word != NULL;
         word = strtok_r(NULL, blanks, &rest)) {
        if (count == WORDS_MAX) {
            return -1;
        }
        words[count++] = word;
    }
    return count;
}

static enum vmc_status add_window(struct register_file *file, int count,
                                  char *words[], struct vmc_error *error)
{
    uint64_t user_data;

    if (count != 2 || vmc_parse_u64(&user_data, words[1]) != VMC_OK) {
        return vmc_fail(error, VMC_E_FORMAT, "expected: window USER_DATA");
    }
    for (uint32_t i = 0; i < file->window_count; i++) {
        if (!file->windows[i].is_default &&
            file->windows[i].user_data == user_data) {
            return vmc_fail(error, VMC_E_RANGE, "window %s is there twice",
                            words[1]);
        }
    }
    if (file->window_count == REGISTER_WINDOWS_MAX) {
        return vmc_fail(error, VMC_E_RANGE, "more than %d windows",
                        REGISTER_WINDOWS_MAX);
    }
    file->windows[file->window_count++] =
        (struct register_window){.user_data = user_data,
                                 .first = file->register_count,
                                 .end = file->register_count};
    return VMC_OK;
}

static enum vmc_status parse_register(struct register_entry *entry, int count,
                                      char *words[], struct vmc_error *error)
{
    uint64_t width_bytes = 0;
    int kind = 0;

    if (count < 3 || vmc_parse_u64(&entry->offset, words[0]) != VMC_OK ||
        vmc_parse_u64(&width_bytes, words[1]) != VMC_OK ||
        (count > 3 && vmc_parse_u64(&entry->reset, words[3]) != VMC_OK)) {
        return vmc_fail(error, VMC_E_FORMAT,
                        "expected: OFFSET WIDTH KIND [RESET [NAME]]");
    }
    while (kind < REGISTER_KIND_COUNT &&
           strcmp(words[2], kind_names[kind]) != 0) {
        kind++;
    }
    if (kind == REGISTER_KIND_COUNT) {
        return vmc_fail(error, VMC_E_FORMAT, "no register is of kind '%.40s'",
                        words[2]);
    }
    if (kind == REGISTER_RAM
            ? width_bytes == 0 || width_bytes > REGISTER_RAM_BYTES_MAX
            : width_bytes > WIDTH_MAX ||
                  __builtin_popcountll(width_bytes) != 1) {
        return vmc_fail(error, VMC_E_RANGE,
                        "width %s: expected 1, 2, 4 or 8, for ram up to %d",
                        words[1], REGISTER_RAM_BYTES_MAX);
    }
    if (entry->offset > UINT64_MAX - width_bytes ||
        (entry->reset & ~mask_of((uint32_t)width_bytes)) != 0 ||
        (kind == REGISTER_RAM && entry->reset != 0)) {
        return vmc_fail(error, VMC_E_RANGE,
                        "the offset or the reset value is too large");
    }
    if (count > 4 && strlen(words[4]) >= REGISTER_NAME_BYTES) {
        return vmc_fail(error, VMC_E_RANGE, "a name has at most %d letters",
                        REGISTER_NAME_BYTES - 1);
    }
    entry->kind = (uint8_t)kind;
    entry->width_bytes = (uint32_t)width_bytes;
    entry->value = entry->reset;
    (void)snprintf(entry->name, sizeof(entry->name), "%s",
                   count > 4 ? words[4] : "");
    return VMC_OK;
}

/* Put @entry into the last window, at its place in ascending order. */
static enum vmc_status insert(struct register_file *file,
                              const struct register_entry *entry,
                              struct vmc_error *error)
{
    struct register_window *window = &file->windows[file->window_count - 1];
    uint32_t at = window->end;

    while (at > window->first &&
           file->registers[at - 1].offset > entry->offset) {
        at--;
    }
    if ((at > window->first &&
         file->registers[at - 1].offset + file->registers[at - 1].width_bytes >
             entry->offset) ||
        (at < window->end &&
         entry->offset + entry->width_bytes > file->registers[at].offset)) {
        return vmc_fail(error, VMC_E_RANGE, "two registers overlap");
    }
    memmove(&file->registers[at + 1], &file->registers[at],
            (window->end - at) * sizeof(*entry));
    file->registers[at] = *entry;
    file->register_count++;
    window->end++;
    return VMC_OK;
}

static enum vmc_status add_register(struct register_file *file, int count,
                                    char *words[], struct vmc_error *error)
{
    struct register_entry entry = {.ram_index = file->ram_bytes};
    enum vmc_status status = parse_register(&entry, count, words, error);
    bool is_first = file->window_count == 0;
    uint32_t ram_bytes;

    if (status != VMC_OK) {
        return status;
    }
    ram_bytes = entry.kind == REGISTER_RAM ? entry.width_bytes : 0;
    if (file->register_count == REGISTERS_MAX ||
        ram_bytes > REGISTER_RAM_BYTES_MAX - file->ram_bytes) {
        return vmc_fail(error, VMC_E_RANGE,
                        "more than %d registers, or %d bytes of ram",
                        REGISTERS_MAX, REGISTER_RAM_BYTES_MAX);
    }
    if (is_first) {
        file->windows[file->window_count++] =
            (struct register_window){.is_default = true};
    }
    status = insert(file, &entry, error);
    if (status == VMC_OK) {
        file->ram_bytes += ram_bytes;
    }
    return status;
}

enum vmc_status register_file_add(struct register_file *file, const char *line,
                                  struct vmc_error *error)
{
    char copy[REGISTER_LINE_BYTES_MAX];
    char *words[WORDS_MAX];
    int count = split(line, copy, words);

    if (count < 0) {
        return vmc_fail(error, VMC_E_FORMAT, "the line is too long");
    }
    if (count == 0) {
        return VMC_OK;
    }
    return strcmp(words[0], "window") == 0
               ? add_window(file, count, words, error)
               : add_register(file, count, words, error);
}

enum vmc_status register_file_load(struct register_file *file, const char *path,
                                   struct vmc_error *error)
{
    char line[2 * REGISTER_LINE_BYTES_MAX];
    struct vmc_error why = {""};
    enum vmc_status status = VMC_OK;
    FILE *in = fopen(path, "re");
    int number = 0;

    if (in == NULL) {
        return vmc_fail(error, VMC_E_IO, "%s: %s", path, strerror(errno));
    }
    while (status == VMC_OK && fgets(line, sizeof(line), in) != NULL) {
        number++;
        status = register_file_add(file, line, &why);
    }
    if (status != VMC_OK) {
        (void)vmc_fail(error, status, "%s:%d: %s", path, number, why.text);
    } else if (ferror(in) != 0) {
        status = vmc_fail(error, VMC_E_IO, "%s: cannot be read", path);
    }
    (void)fclose(in);
    return status;
}

void register_file_reset(struct register_file *file)
{
    for (uint32_t i = 0; i < file->register_count; i++) {
        file->registers[i].value = file->registers[i].reset;
    }
    memset(file->ram, 0, file->ram_bytes);
}

/* ---- Accesses ----------------------------------------------------------- */

static const struct register_window *window_of(const struct register_file *file,
                                               uint64_t user_data)
{
    const struct register_window *window = NULL;

    for (uint32_t i = 0; i < file->window_count; i++) {
        if (file->windows[i].is_default) {
            window = &file->windows[i];
        } else if (file->windows[i].user_data == user_data) {
            return &file->windows[i];
        }
    }
    return window;
}

/* The first register of @window that ends behind @offset. */
static uint32_t first_at(const struct register_file *file,
                         const struct register_window *window, uint64_t offset)
{
    uint32_t low = window->first, high = window->end;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct register_entry *entry = &file->registers[middle];

        if (entry->offset + entry->width_bytes <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* What the bytes under @mask give, in the place they have in the register. */
static uint64_t read_bytes(struct register_entry *entry, uint64_t mask)
{
    uint64_t value = entry->value & mask;

    if (entry->kind == REGISTER_WO) {
        return 0;
    }
    if (entry->kind == REGISTER_RC) {
        entry->value &= ~mask;
    } else if (entry->kind == REGISTER_COUNTER) {
        entry->value = (entry->value + 1) & mask_of(entry->width_bytes);
    }
    return value;
}

static void write_bytes(struct register_entry *entry, uint64_t value,
                        uint64_t mask)
{
    switch ((enum register_kind)entry->kind) {
    case REGISTER_RW:
    case REGISTER_WO:
    case REGISTER_COUNTER:
        entry->value = (entry->value & ~mask) | value;
        break;
    case REGISTER_W1C:
        entry->value &= ~value;
        break;
    case REGISTER_TALLY:
        entry->value = (entry->value + 1) & mask_of(entry->width_bytes);
        break;
    case REGISTER_SUM:
        entry->value = (entry->value + value) & mask_of(entry->width_bytes);
        break;
    case REGISTER_RO:
    case REGISTER_RC:
    case REGISTER_RAM:
    case REGISTER_KIND_COUNT:
        break;
    }
}

/* Bytes [from, from + bytes) of ram that belong to @entry. */
static uint64_t access_ram(struct register_file *file,
                           const struct register_entry *entry, uint64_t from,
                           uint32_t bytes, bool is_write, uint64_t data)
{
    uint8_t *at = &file->ram[entry->ram_index + from];
    uint64_t value = 0;

    assert(entry->ram_index + from + bytes <= file->ram_bytes);
    for (uint32_t i = 0; i < bytes; i++) {
        if (is_write) {
            at[i] = (uint8_t)(data >> 8 * i);
        }
        value |= (uint64_t)at[i] << 8 * i;
    }
    return value;
}

bool register_file_access(struct register_file *file,
                          struct register_access *access)
{
    const struct register_window *window = window_of(file, access->user_data);
    uint64_t in = access->data, out = 0;
    uint64_t end = access->offset + access->length_bytes;
    uint32_t claimed_bytes = 0;

    assert(access->length_bytes <= WIDTH_MAX);
    access->data = access->is_write ? in : 0;
    if (window == NULL || end < access->offset) {
        return access->length_bytes == 0;
    }
    for (uint32_t i = first_at(file, window, access->offset);
         i < window->end && file->registers[i].offset < end; i++) {
        struct register_entry *entry = &file->registers[i];
        uint64_t low =
            entry->offset > access->offset ? entry->offset : access->offset;
        uint64_t high = entry->offset + entry->width_bytes;
        uint32_t bytes = (uint32_t)((high < end ? high : end) - low);
        unsigned here = 8 * (unsigned)(low - access->offset);
        uint64_t data = in >> here & mask_of(bytes);

        claimed_bytes += bytes;
        if (entry->kind == REGISTER_RAM) {
            out |= access_ram(file, entry, low - entry->offset, bytes,
                              access->is_write, data)
                   << here;
        } else {
            unsigned there = 8 * (unsigned)(low - entry->offset);
            uint64_t mask = mask_of(bytes) << there;

            if (access->is_write) {
                write_bytes(entry, data << there, mask);
            } else {
                out |= read_bytes(entry, mask) >> there << here;
            }
        }
    }
    if (!access->is_write) {
        access->data = out;
    }
    return claimed_bytes == access->length_bytes;
}

const struct register_entry *
register_file_find(const struct register_file *file, const char *name)
{
    for (uint32_t i = 0; i < file->register_count; i++) {
        if (strcmp(file->registers[i].name, name) == 0) {
            return &file->registers[i];
        }
    }
    return NULL;
}
