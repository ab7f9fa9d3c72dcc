/* SPDX-License-Identifier: MIT */
/* Any bytes as a message from a guest: the first byte chooses the format. What
 * passes the check must decode to its end, into RAM, and leave a host whose
 * books are right. */
#include "balloon/host.h"
#include "balloon/wire.h"

#include <stdlib.h>

enum { RAM_PAGES = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_ram(const void *owner, struct vmc_wire_range range)
{
    (void)owner;
    return range.count <= RAM_PAGES && range.pfn <= RAM_PAGES - range.count;
}

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vmc_host host;
    struct vmc_host_effect effect = {0};
    struct vmc_wire_cursor cursor;
    struct vmc_wire_range range;
    struct vmc_mem_request request;
    struct vmc_partial partial = {0};
    enum vmc_wire_format format;

    if (host.frames == NULL) {
        require(vmc_host_init(&host, &(struct vmc_host_config){
                                         .page_max = RAM_PAGES,
                                         .host_page_bytes = 4096,
                                         .has_thp = true}) == VMC_OK);
    }
    if (size < 1) {
        return 0;
    }
    format = (enum vmc_wire_format)(data[0] % (VMC_WIRE_CHUNK + 1));
    data++;
    size--;
    (void)vmc_mem_get_request(data, size, &request);
    if (vmc_wire_check(format, data, size, is_ram, NULL) != VMC_OK) {
        return 0;
    }
    vmc_host_touch(&host, 0, RAM_PAGES, &effect);
    vmc_wire_open(&cursor, format, data, size);
    while (vmc_wire_next(&cursor, &range) == VMC_OK) {
        if (!is_ram(NULL, range)) {
            require(format == VMC_WIRE_PFNS);
        } else if (format == VMC_WIRE_PFNS) {
            vmc_host_inflate(&host, &partial, range.pfn, &effect);
        } else {
            vmc_host_discard(&host, range.pfn, range.count, &effect);
            require(!vmc_host_is_present(&host, range.pfn));
        }
    }
    require(size - cursor.at < (format == VMC_WIRE_PFNS ? 4 : 1));
    require(vmc_host_audit(&host, NULL) == VMC_OK);
    return 0;
}
