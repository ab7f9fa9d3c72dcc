/* SPDX-License-Identifier: MIT */
/* The importer of qemu text, fed with anything. A line that it knows stands
 * first, so that the rest is taken for that format. */
#include "tests/fuzz/fuzz_trace.h"

#include <stdlib.h>
#include <string.h>

static const char head[] = "1@1.0:virtqueue_flush vq 0x1 count 1\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    uint8_t *text = malloc(sizeof(head) + size_bytes);

    if (text == NULL) {
        return 0;
    }
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + sizeof(head) - 1, data, size_bytes);
    (void)round_trip(text, sizeof(head) - 1 + size_bytes);
    free(text);
    return 0;
}
