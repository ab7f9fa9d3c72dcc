/* SPDX-License-Identifier: MIT */
/*
 * Each routine is a function that is called once for each access. It finds its
 * place in routine->step (which part) and routine->index (where in a loop), and
 * the result of the last read in routine->read. Addresses are those of the
 * IOCSR space and of the PCH-PIC window (spec sections 2.2 and 6).
 */
#include "sim/machine/guest.h"

#include <stddef.h>

#include "base/base.h"

enum {
    MISC_FUNC = 0x420,
    IPI_STATUS = 0x1000,
    IPI_EN = 0x1004,
    IPI_CLEAR = 0x100c,
    MAILBOX0 = 0x1020,
    IPI_SEND = 0x1040,
    MAIL_SEND = 0x1048,
    ANY_SEND = 0x1158,
    NODETYPE = 0x14a0,
    IPMAP = 0x14c0,
    ENABLE = 0x1600,
    BOUNCE = 0x1680,
    COREISR = 0x1800,
    ROUTE = 0x1c00,
    VIRT_BASE = 0x40000000,
    PIC_BASE = 0x10000000,
    PIC_MASK = 0x20,
    PIC_HTMSI_EN = 0x40,
    PIC_EDGE = 0x60,
    PIC_CLEAR = 0x80,
    PIC_AUTO0 = 0xc0,
    PIC_AUTO1 = 0xe0,
    PIC_ROUTE = 0x100,
    PIC_VECTOR = 0x200,
    PIC_POLARITY = 0x3e0,
    PIC_TABLE_ENTRIES = 64,
    CPUS_PER_EIO_NODE = 4,
    CPUS_PER_VEIO_NODE = 256,
    MAP_NODES = 16,
};

static const uint32_t ones = UINT32_C(0xffffffff);
static const uint64_t blocking = UINT64_C(1) << 31;

/* ---- One line an access ------------------------------------------------- */

static bool iocsr_read(struct guest_access *access, uint8_t size_bytes,
                       uint64_t address)
{
    *access = (struct guest_access){
        .address = address, .bus = GUEST_IOCSR, .size_bytes = size_bytes};
    return true;
}

static bool iocsr_write(struct guest_access *access, uint8_t size_bytes,
                        uint64_t address, uint64_t data)
{
    *access = (struct guest_access){.address = address,
                                    .data = data,
                                    .bus = GUEST_IOCSR,
                                    .size_bytes = size_bytes,
                                    .is_write = true};
    return true;
}

static bool pic_read(struct guest_access *access, uint8_t size_bytes,
                     uint64_t offset)
{
    (void)iocsr_read(access, size_bytes, PIC_BASE + offset);
    access->bus = GUEST_MMIO;
    return true;
}

static bool pic_write(struct guest_access *access, uint8_t size_bytes,
                      uint64_t offset, uint64_t data)
{
    (void)iocsr_write(access, size_bytes, PIC_BASE + offset, data);
    access->bus = GUEST_MMIO;
    return true;
}

/* An ANY_SEND command: write @data at @address as vCPU with id @id, keeping
 * the bytes whose bit in @keep is 1. */
static uint64_t any_send(uint64_t address, uint32_t data, uint32_t keep,
                         uint32_t id)
{
    return blocking | address | (uint64_t)id << 16 | (uint64_t)keep << 27 |
           (uint64_t)data << 32;
}

/* ---- Facts about the guest ---------------------------------------------- */

bool guest_is_multi_pin(const struct guest *guest)
{
    return guest->generation >= GUEST_L3;
}

uint32_t guest_cores_per_node(const struct guest *guest)
{
    return guest->is_encoded ? CPUS_PER_VEIO_NODE : CPUS_PER_EIO_NODE;
}

static uint32_t node_of(const struct guest *guest, uint32_t vcpu)
{
    return guest->physical_ids[vcpu] / guest_cores_per_node(guest);
}

static bool is_served(const struct guest *guest, uint32_t vcpu)
{
    uint32_t node = node_of(guest, vcpu);

    return guest->online[vcpu] != 0 && node < MAP_NODES &&
           (guest->node_map >> node & 1) != 0;
}

/* ---- EIOINTC ------------------------------------------------------------ */

/* Where the extension's two registers, or one, are and which bits count. */
struct extension {
    uint32_t features, config; /* addresses */
    uint32_t has_cpu_encode, enable_cpu_encode;
};

static struct extension extension_of(const struct guest *guest)
{
    switch (guest->extension) {
    case GUEST_EXTENSION_A: /* its one indicator stands for all */
        return (struct extension){VIRT_BASE, VIRT_BASE, 1U << 0, 1U << 15};
    case GUEST_EXTENSION_B:
        return (struct extension){VIRT_BASE, VIRT_BASE + 4, 1U << 1, 1U << 1};
    case GUEST_EXTENSION_FINAL:
    case GUEST_EXTENSION_NONE:
        break;
    }
    return (struct extension){VIRT_BASE, VIRT_BASE + 4, 1U << 3, 1U << 3};
}

static bool extension_init(struct guest *guest, struct guest_routine *r,
                           struct guest_access *access)
{
    struct extension extension = extension_of(guest);

    if (guest->extension == GUEST_EXTENSION_NONE ||
        guest->generation < GUEST_L2) {
        return false;
    }
    switch (r->step++) {
    case 0:
        return iocsr_read(access, 4, extension.features);
    case 1:
        if ((r->read & extension.has_cpu_encode) == 0) {
            return false;
        }
        if (extension.config != extension.features) {
            return iocsr_read(access, 4, extension.config);
        }
        r->step++; /* one register: what was read is what to change */
        /* fall through */
    case 2:
        guest->is_encoded = true;
        r->step = 3;
        return iocsr_write(access, 4, extension.config,
                           r->read | extension.enable_cpu_encode);
    default:
        return false;
    }
}

/* The pin byte of the @word-th group of four in IPMAP. */
static uint32_t ipmap_word(const struct guest *guest, uint32_t word)
{
    static const uint32_t multi_pin[] = {0x02020101, 0x08080404};

    if (guest_is_multi_pin(guest)) {
        return multi_pin[word % VMC_COUNT_OF(multi_pin)];
    }
    return UINT32_C(0x01010101) << guest->parent_pin;
}

static uint32_t initial_route(const struct guest *guest)
{
    if (guest->is_encoded) {
        return guest->physical_ids[0] * UINT32_C(0x01010101);
    }
    return (UINT32_C(1) << guest->physical_ids[0] % CPUS_PER_EIO_NODE) *
           UINT32_C(0x01010101);
}

static bool router_init(const struct guest *guest, struct guest_routine *r,
                        struct guest_access *access)
{
    uint32_t i = r->index++;
    uint32_t vectors = guest->vector_count;

    if (guest->physical_ids[r->vcpu] % guest_cores_per_node(guest) != 0) {
        return false;
    }
    if (i == 0) {
        return iocsr_read(access, 8, MISC_FUNC);
    }
    if (i == 1) {
        return iocsr_write(access, 8, MISC_FUNC, r->read | UINT64_C(1) << 48);
    }
    i -= 2;
    if (i < vectors / 32) { /* NODETYPE[k] = 1 << k, two of them a word */
        uint32_t pair = UINT32_C(1) << (2 * i) |
                        (uint32_t)(UINT64_C(1) << (2 * i + 1) << 16);

        return iocsr_write(access, 4, NODETYPE + 4 * i, pair);
    }
    i -= vectors / 32;
    if (i < vectors / 128) {
        return iocsr_write(access, 4, IPMAP + 4 * i, ipmap_word(guest, i));
    }
    i -= vectors / 128;
    if (i < vectors / 4) {
        return iocsr_write(access, 4, ROUTE + 4 * i, initial_route(guest));
    }
    i -= vectors / 4;
    if (i < 2 * (vectors / 32)) {
        return iocsr_write(access, 4,
                           (i % 2 == 0 ? ENABLE : BOUNCE) + 4 * (i / 2), ones);
    }
    return false;
}

static bool set_affinity_encoded(const struct guest *guest,
                                 struct guest_routine *r,
                                 struct guest_access *access)
{
    uint32_t enable = ENABLE + 4 * (r->vector / 32);
    uint32_t route = ROUTE + (r->vector & ~3U);
    uint32_t shift = 8 * (r->vector % 4);
    uint32_t id = guest->physical_ids[r->target];

    switch (r->step++) {
    case 0:
        return iocsr_write(access, 4, enable, ones & ~(1U << r->vector % 32));
    case 1:
        return iocsr_read(access, 4, route);
    case 2:
        return iocsr_write(access, 4, route,
                           ((uint32_t)r->read & ~(UINT32_C(0xff) << shift)) |
                               (id & 0xff) << shift);
    case 3:
        return iocsr_write(access, 4, enable, ones);
    default:
        return false;
    }
}

/* The next vCPU from @from on whose node this controller serves; the count
 * when there is none. */
static uint32_t next_served(const struct guest *guest, uint32_t from)
{
    while (from < guest->vcpu_count && !is_served(guest, from)) {
        from++;
    }
    return from;
}

/* The driver repeats the same write for every CPU of a node: it wants one for
 * each node and loops over CPUs. */
static bool set_affinity_legacy(const struct guest *guest,
                                struct guest_routine *r,
                                struct guest_access *access)
{
    uint32_t enable = ENABLE + 4 * (r->vector / 32);
    uint32_t shift = 8 * (r->vector % 4);
    uint32_t id = guest->physical_ids[r->target];
    uint32_t node, route;

    switch (r->step) {
    case 0:
        r->step++;
        return iocsr_write(
            access, 8, ANY_SEND,
            any_send(enable, ones & ~(1U << r->vector % 32), 0, 0));
    case 1:
        r->index = next_served(guest, r->index);
        if (r->index < guest->vcpu_count) {
            node = node_of(guest, r->index++);
            route = 1U << id % CPUS_PER_EIO_NODE |
                    (node == 0 ? id / CPUS_PER_EIO_NODE : node) << 4;
            return iocsr_write(access, 8, ANY_SEND,
                               any_send(ROUTE + (r->vector & ~3U),
                                        (route & 0xff) << shift,
                                        0xf & ~(1U << r->vector % 4),
                                        node * CPUS_PER_EIO_NODE));
        }
        r->step++;
        return iocsr_write(access, 8, ANY_SEND, any_send(enable, ones, 0, 0));
    default:
        return false;
    }
}

/* The first word and the number of words that a dispatch looks at. */
static uint32_t dispatch_words(const struct guest *guest, uint32_t pin,
                               uint32_t *first)
{
    if (guest_is_multi_pin(guest)) {
        *first = pin;
        return pin < guest->vector_count / 64 ? 1 : 0;
    }
    *first = 0;
    return guest->vector_count / 64;
}

static bool dispatch(const struct guest *guest, struct guest_routine *r,
                     struct guest_access *access)
{
    uint32_t first;
    uint32_t words = dispatch_words(guest, r->pin, &first);
    uint32_t word;

    r->pending = 0;
    if (r->step == 1) { /* the word has been read */
        word = first + r->index;
        r->step = 0;
        r->index++;
        if (r->read != 0 || guest->generation == GUEST_L0) {
            r->words_pending += r->read != 0;
            r->pending = r->read;
            r->pending_base = 64 * word;
            return iocsr_write(access, 8, COREISR + 8 * word, r->read);
        }
    }
    if (r->index >= words) {
        return false;
    }
    r->step = 1;
    return iocsr_read(access, 8, COREISR + 8 * (first + r->index));
}

/* ---- IPI and SMP -------------------------------------------------------- */

static uint64_t mail_send(uint64_t data, uint32_t id, uint32_t half)
{
    return blocking | half << 2 | (uint64_t)id << 16 | data << 32;
}

static bool send_mail(const struct guest *guest, struct guest_routine *r,
                      struct guest_access *access)
{
    uint32_t id = guest->physical_ids[r->target];

    switch (r->step++) {
    case 0: /* the high half goes first */
        return iocsr_write(access, 8, MAIL_SEND,
                           mail_send(r->data >> 32, id, 1));
    case 1:
        return iocsr_write(access, 8, MAIL_SEND, mail_send(r->data, id, 0));
    default:
        return false;
    }
}

static bool send_ipi(const struct guest *guest, struct guest_routine *r,
                     struct guest_access *access)
{
    if (r->step++ != 0) {
        return false;
    }
    return iocsr_write(
        access, 4, IPI_SEND,
        blocking | (uint64_t)guest->physical_ids[r->target] << 16 | r->action);
}

static bool boot_secondary(const struct guest *guest, struct guest_routine *r,
                           struct guest_access *access)
{
    if (r->step < 2) {
        return send_mail(guest, r, access);
    }
    if (r->step++ > 2) {
        return false;
    }
    return iocsr_write(access, 4, IPI_SEND,
                       blocking | (uint64_t)guest->physical_ids[r->target]
                                      << 16);
}

static bool receive_ipi(struct guest_routine *r, struct guest_access *access)
{
    switch (r->step++) {
    case 0:
        return iocsr_read(access, 4, IPI_STATUS);
    case 1:
        return iocsr_write(access, 4, IPI_CLEAR, r->read);
    default:
        return false;
    }
}

/* What a secondary's firmware does after its IPI, and the kernel's start. */
static bool start_secondary(struct guest_routine *r,
                            struct guest_access *access)
{
    switch (r->step++) {
    case 0:
        return iocsr_read(access, 4, MAILBOX0);
    case 1:
        return iocsr_read(access, 4, IPI_STATUS);
    case 2:
        return iocsr_write(access, 4, IPI_CLEAR, r->read);
    case 3:
        return iocsr_read(access, 8, MAILBOX0);
    case 4:
        return iocsr_write(access, 4, IPI_EN, ones);
    case 5:
        return iocsr_write(access, 8, MAILBOX0, 0);
    default:
        return false;
    }
}

/* ---- PCH-PIC ------------------------------------------------------------ */

/* The reset loop writes through a table that still holds 255 everywhere, so
 * all 64 vector bytes go to offset 0x2ff (spec 13.7). */
static bool pic_init(struct guest_routine *r, struct guest_access *access)
{
    static const struct {
        uint32_t offset, data;
    } words[] = {{PIC_MASK, UINT32_MAX},
                 {PIC_CLEAR, UINT32_MAX},
                 {PIC_AUTO0, 0},
                 {PIC_AUTO1, 0},
                 {PIC_HTMSI_EN, UINT32_MAX}};
    uint32_t i = r->index++;

    if (i == 0) {
        return pic_read(access, 8, 0);
    }
    i--;
    if (i < 2 * PIC_TABLE_ENTRIES) {
        if (i % 2 == 0) {
            return pic_write(access, 1, PIC_VECTOR + 255,
                             (r->data + i / 2) & 0xff);
        }
        return pic_write(access, 1, PIC_ROUTE + i / 2, 1);
    }
    i -= 2 * PIC_TABLE_ENTRIES;
    if (i < 2 * VMC_COUNT_OF(words)) {
        uint32_t half = i / (uint32_t)VMC_COUNT_OF(words);

        i %= (uint32_t)VMC_COUNT_OF(words);
        return pic_write(access, 4, words[i].offset + 4 * half, words[i].data);
    }
    return false;
}

/* Read @offset at step @at and write it back with the pin's bit changed. */
static bool modify_bit(struct guest_routine *r, struct guest_access *access,
                       uint32_t at, uint32_t offset, bool is_set)
{
    uint32_t bit = 1U << r->pin % 32;
    uint32_t word = offset + 4 * (r->pin / 32);

    if (r->step == at) {
        r->step++;
        return pic_read(access, 4, word);
    }
    r->step++;
    return pic_write(access, 4, word,
                     is_set ? (uint32_t)r->read | bit
                            : (uint32_t)r->read & ~bit);
}

static bool pic_set_type(struct guest_routine *r, struct guest_access *access)
{
    bool is_edge =
        r->data == GUEST_EDGE_RISING || r->data == GUEST_EDGE_FALLING;
    bool is_low = r->data == GUEST_LEVEL_LOW || r->data == GUEST_EDGE_FALLING;

    if (r->step < 2) {
        return modify_bit(r, access, 0, PIC_EDGE, is_edge);
    }
    return r->step < 4 && modify_bit(r, access, 2, PIC_POLARITY, is_low);
}

static bool pic_alloc(struct guest_routine *r, struct guest_access *access)
{
    return r->step++ == 0 &&
           pic_write(access, 1, PIC_VECTOR + r->pin, r->vector);
}

static bool pic_mask(struct guest_routine *r, struct guest_access *access)
{
    return r->step < 2 && modify_bit(r, access, 0, PIC_MASK, true);
}

static bool pic_unmask(struct guest_routine *r, struct guest_access *access)
{
    if (r->step == 0) {
        r->step++;
        return pic_write(access, 4, PIC_CLEAR + 4 * (r->pin / 32),
                         1U << r->pin % 32);
    }
    return r->step < 3 && modify_bit(r, access, 1, PIC_MASK, false);
}

static bool pic_ack(struct guest_routine *r, struct guest_access *access)
{
    uint32_t bit = 1U << r->pin % 32;

    switch (r->step++) {
    case 0:
        return pic_read(access, 4, PIC_EDGE + 4 * (r->pin / 32));
    case 1:
        return (r->read & bit) != 0 &&
               pic_write(access, 4, PIC_CLEAR + 4 * (r->pin / 32), bit);
    default:
        return false;
    }
}

bool guest_next(struct guest *guest, struct guest_routine *routine,
                uint64_t read, struct guest_access *access)
{
    routine->read = read;
    switch (routine->kind) {
    case GUEST_EXTENSION_INIT:
        return extension_init(guest, routine, access);
    case GUEST_ROUTER_INIT:
        return router_init(guest, routine, access);
    case GUEST_SET_AFFINITY:
        return guest->is_encoded ? set_affinity_encoded(guest, routine, access)
                                 : set_affinity_legacy(guest, routine, access);
    case GUEST_DISPATCH:
        return dispatch(guest, routine, access);
    case GUEST_IPI_SEND:
        return send_ipi(guest, routine, access);
    case GUEST_IPI_RECEIVE:
        return receive_ipi(routine, access);
    case GUEST_MAIL_SEND:
        return send_mail(guest, routine, access);
    case GUEST_BOOT_SECONDARY:
        return boot_secondary(guest, routine, access);
    case GUEST_SECONDARY_START:
        return start_secondary(routine, access);
    case GUEST_PIC_INIT:
        return pic_init(routine, access);
    case GUEST_PIC_SET_TYPE:
        return pic_set_type(routine, access);
    case GUEST_PIC_ALLOC:
        return pic_alloc(routine, access);
    case GUEST_PIC_MASK:
        return pic_mask(routine, access);
    case GUEST_PIC_UNMASK:
        return pic_unmask(routine, access);
    case GUEST_PIC_ACK:
        return pic_ack(routine, access);
    case GUEST_ROUTINE_COUNT:
        break;
    }
    assert(false); /* a routine of no kind */
    return false;
}

const char *guest_routine_name(enum guest_routine_kind kind)
{
    static const char *const names[] = {
        [GUEST_EXTENSION_INIT] = "extension init",
        [GUEST_ROUTER_INIT] = "router init",
        [GUEST_SET_AFFINITY] = "set affinity",
        [GUEST_DISPATCH] = "dispatch",
        [GUEST_IPI_SEND] = "send IPI",
        [GUEST_IPI_RECEIVE] = "receive IPI",
        [GUEST_MAIL_SEND] = "send mail",
        [GUEST_BOOT_SECONDARY] = "boot secondary",
        [GUEST_SECONDARY_START] = "start secondary",
        [GUEST_PIC_INIT] = "PCH-PIC init",
        [GUEST_PIC_SET_TYPE] = "PCH-PIC set type",
        [GUEST_PIC_ALLOC] = "PCH-PIC allocate",
        [GUEST_PIC_MASK] = "PCH-PIC mask",
        [GUEST_PIC_UNMASK] = "PCH-PIC unmask",
        [GUEST_PIC_ACK] = "PCH-PIC ack",
    };

    static_assert(VMC_COUNT_OF(names) == GUEST_ROUTINE_COUNT, "a name a kind");
    return names[kind];
}
