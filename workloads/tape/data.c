/* data.c: see data.h. */
#include "workloads/tape/data.h"

static bool compare(const struct rope *is, uint64_t seed, uint64_t offset)
{
    struct rope should;
    rope_init(&should);
    rope_add_pattern(&should, seed, offset, is->length);
    bool good = rope_equal(is, &should);
    rope_fini(&should);
    return good;
}

bool tape_declared(struct port *p, const struct archive *a, uint32_t volume, uint64_t first,
                   uint64_t offset, struct rope *data)
{
    uint64_t block = archive_block(a);
    bool good = true;
    while (data->length > 0 && good) {
        char label[HSM_LABEL];
        uint64_t at, into = offset % block, n = block - into;
        struct rope part;
        archive_place(a, volume, first + offset / block, label, &at);
        n = n < data->length ? n : data->length;
        rope_init(&part);
        rope_add_slice(&part, data, 0, n);
        rope_drop_front(data, n);
        good = compare(&part, base_hash_text(label), at * block + into);
        if (!good)
            port_fail(p, "block %llu of cartridge %s is not what it was declared to hold",
                      (unsigned long long)at, label);
        rope_fini(&part);
        offset += n;
    }
    rope_fini(data);
    return good;
}

bool tape_appended(struct port *p, uint32_t volume, uint64_t first, uint64_t seed, uint64_t offset,
                   struct rope *data)
{
    bool good = compare(data, seed, offset);
    if (!good)
        port_fail(p,
                  "byte %llu of what was appended at block %llu of volume %u is not what was "
                  "written",
                  (unsigned long long)offset, (unsigned long long)first, volume);
    rope_fini(data);
    return good;
}
