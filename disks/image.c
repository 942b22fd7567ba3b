/* image.c: media as files. */
#include "disks/image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disks/store.h"

#define CHUNK (1u << 20)

static char *name_of(const struct blkdev *d, const char *dir, const char *part)
{
    struct blk_describe about;
    d->ops->describe(d, &about);
    for (char *c = about.name; *c; c++)
        *c = isalnum((unsigned char)*c) || *c == '.' ? *c : '-';
    return base_printf("%s/%s%s%s.img", dir, about.name, part ? "." : "", part ? part : "");
}

static bool bad(struct err *e, const char *name, const char *what)
{
    return err_set(e, "the image '%s' cannot be %s: %s", name, what, strerror(errno));
}

static bool save_store(const struct store *t, const char *name, struct err *e)
{
    uint32_t size = store_sector_bytes(t);
    uint64_t first, count, end = 0;
    bool good = true;
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return bad(e, name, "made");
    uint8_t *bytes = base_alloc(CHUNK);
    for (uint64_t from = 0; good && store_next(t, from, &first, &count); from = first + count) {
        uint64_t some = CHUNK / size > 0 ? CHUNK / size : 1;
        first = first > from ? first : from;
        for (uint64_t k = 0; good && k < count; k += some) {
            struct rope r;
            uint64_t n = count - k < some ? count - k : some;
            rope_init(&r);
            store_read(t, first + k, n, &r);
            rope_read(&r, 0, r.length, bytes);
            good = pwrite(fd, bytes, r.length, (off_t)((first + k) * size)) == (ssize_t)r.length;
            rope_fini(&r);
        }
        end = (first + count) * size;
    }
    good = good && ftruncate(fd, (off_t)end) == 0;
    if (!good)
        bad(e, name, "written");
    free(bytes);
    return (close(fd) == 0 || bad(e, name, "written")) && good;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* Sectors that are zeros stay unwritten; n: whole sectors. */
static void take(struct store *t, uint64_t sector, const uint8_t *bytes, size_t n)
{
    uint32_t size = store_sector_bytes(t);
    for (size_t i = 0, run; i < n; i += run) {
        struct rope r;
        run = size;
        if (is_zero(bytes + i, size))
            continue;
        while (i + run < n && !is_zero(bytes + i + run, size))
            run += size;
        rope_init(&r);
        rope_add_bytes(&r, bytes + i, run);
        store_write(t, sector + i / size, run / size, &r);
        rope_fini(&r);
    }
}

static bool load_store(struct store *t, const char *name, uint32_t *found, struct err *e)
{
    uint32_t size = store_sector_bytes(t);
    size_t room = CHUNK / size > 0 ? CHUNK / size * size : size;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || bad(e, name, "read");
    uint8_t *bytes = base_alloc(room);
    bool good = true;
    ++*found;
    for (off_t at = 0, next; good && (next = lseek(fd, at, SEEK_DATA)) >= 0;) {
        at = next / (off_t)size * (off_t)size; /* whole sectors */
        ssize_t n = pread(fd, bytes, room, at);
        good = n >= 0 || bad(e, name, "read");
        if (n <= 0)
            break;
        size_t whole = ((size_t)n + size - 1) / size * size;
        memset(bytes + n, 0, whole - (size_t)n);
        take(t, (uint64_t)at / size, bytes, whole);
        at += (off_t)whole;
    }
    free(bytes);
    close(fd);
    return good;
}

static bool each(const struct blkdev *d, const char *dir, uint32_t *found, struct err *e)
{
    static const char *const parts[] = { "data", "parity" };
    struct blkdev *m = NULL;
    struct store *t = NULL;
    bool good = true, two = d->ops->medium && d->ops->medium(d, 1) != NULL;
    for (uint32_t i = 0; good && i < 2 && d->ops->medium && (t = d->ops->medium(d, i)); i++) {
        char *name = name_of(d, dir, two ? parts[i] : NULL);
        good = found ? load_store(t, name, found, e) : save_store(t, name, e);
        free(name);
    }
    for (uint32_t i = 0; good && d->ops->member && (m = d->ops->member(d, i)); i++)
        good = each(m, dir, found, e);
    return good;
}

bool blk_image_save(const struct blkdev *d, const char *dir, struct err *e)
{
    return each(d, dir, NULL, e);
}

bool blk_image_load(const struct blkdev *d, const char *dir, uint32_t *found, struct err *e)
{
    return each(d, dir, found, e);
}
