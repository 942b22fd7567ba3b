/* input.c: opens, reads and hashes files; cuts their text into lines. */
#include "sim/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static bool goes_up(const char *name)
{
    for (const char *p = name; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += n;
    }
    return false;
}

/* True when what a descriptor names is the folder of another or lies below it, whatever links led
 * there. */
static bool lies_below(int fd, int folder)
{
    char path[2][PATH_MAX + 1] = { { 0 } }, link[64];
    const int fds[2] = { fd, folder };
    for (int i = 0; i < 2; i++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fds[i]);
        if (readlink(link, path[i], PATH_MAX) < 0)
            return false;
    }
    size_t n = strcmp(path[1], "/") == 0 ? 0 : strlen(path[1]);
    return strncmp(path[0], path[1], n) == 0 && (path[0][n] == '/' || path[0][n] == 0);
}

/* A descriptor that only names the file; -1 with errno. */
static int find(const char *dir, const char *name)
{
    if (!dir)
        return open(name, O_PATH | O_CLOEXEC);
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int fd = goes_up(name) ? -1 : openat(folder, name, O_PATH | O_CLOEXEC);
    int why = goes_up(name) ? EXDEV : errno;
    if (fd >= 0 && !lies_below(fd, folder)) {
        close(fd);
        fd = -1;
        why = EXDEV;
    }
    close(folder);
    errno = why;
    return fd;
}

/* Opens it to read once it is known to be a regular file; -1 with a sentence. */
static int open_regular(struct input *in, const char *dir, struct err *e)
{
    char path[64];
    struct stat st;
    if (dir && (in->name[0] == 0 || in->name[0] == '/')) {
        err_set(e, "'%s': name a file below the configuration's folder", in->name);
        return -1;
    }
    int named = find(dir, in->name), fd = -1;
    int why = errno;
    in->missing = named < 0 && (why == ENOENT || why == ENOTDIR);
    if (in->missing)
        err_set(e, "there is no file '%s'", in->shown);
    else if (named < 0 && dir && why == EXDEV)
        err_set(e, "'%s' leads out of the folder '%s'", in->name, dir);
    else if (named < 0 || fstat(named, &st) != 0)
        err_set(e, "'%s' cannot be opened: %s", in->shown, strerror(named < 0 ? why : errno));
    else if (S_ISDIR(st.st_mode))
        err_set(e, "'%s' is a folder", in->shown);
    else if (!S_ISREG(st.st_mode))
        err_set(e, "'%s' is not a regular file", in->shown);
    else {
        snprintf(path, sizeof path, "/proc/self/fd/%d", named);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            err_set(e, "'%s' cannot be opened: %s", in->shown, strerror(errno));
    }
    if (named >= 0)
        close(named);
    return fd;
}

/* Reads to the end, wherever that is by then. */
static bool read_all(struct input *in, int fd, size_t max, struct err *e)
{
    size_t room = 0;
    for (;;) {
        if (in->length + 1 >= room)
            in->text = base_realloc(in->text, room = room ? room * 2 : 65536);
        ssize_t n = read(fd, in->text + in->length, room - in->length - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, "'%s' cannot be read: %s", in->shown, strerror(errno));
        in->length += (size_t)n;
        in->text[in->length] = 0;
        if (in->length > max)
            return err_set(e, "'%s' has more than %zu KiB", in->shown, max / 1024);
        if (n == 0)
            return true;
    }
}

bool input_read(struct input *in, const char *dir, const char *name, size_t max, struct err *e)
{
    bool bare = !dir || strcmp(dir, ".") == 0;
    *in = (struct input){ .name = base_strdup(name),
                          .shown = bare ? base_strdup(name) : base_printf("%s/%s", dir, name) };
    int fd = open_regular(in, dir, e);
    bool good = fd >= 0 && read_all(in, fd, max, e);
    if (fd >= 0)
        close(fd);
    if (good) {
        XXH128_hash_t h = XXH3_128bits(in->text, in->length);
        snprintf(in->hash, sizeof in->hash, "%016llx%016llx", (unsigned long long)h.high64,
                 (unsigned long long)h.low64);
        return true;
    }
    bool missing = in->missing;
    input_fini(in);
    in->missing = missing;
    return false;
}

void input_fini(struct input *in)
{
    free(in->name);
    free(in->shown);
    free(in->text);
    *in = (struct input){ 0 };
}

/* What begins a file that another program would call text. */
static const char *mark_of(const struct input *in)
{
    if (in->length >= 3 && memcmp(in->text, "\xef\xbb\xbf", 3) == 0)
        return "a byte order mark";
    if (in->length >= 2 &&
        (memcmp(in->text, "\xff\xfe", 2) == 0 || memcmp(in->text, "\xfe\xff", 2) == 0))
        return "the byte order mark of UTF-16";
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool input_line(struct input_lines *l, char *out, size_t size, struct err *e)
{
    const struct input *in = l->in;
    while (l->at < in->length) {
        const char *line = in->text + l->at, *end = memchr(line, '\n', in->length - l->at);
        size_t n = end ? (size_t)(end - line) : in->length - l->at;
        l->at += n + 1;
        l->number++;
        if (l->number == 1 && mark_of(in))
            return err_set(e, "%s:1: it begins with %s: save it as plain text without one",
                           in->shown, mark_of(in));
        if (memchr(line, 0, n))
            return err_set(e, "%s:%zu: there is a zero byte: this is no text", in->shown,
                           l->number);
        const char *comment = memchr(line, '#', n);
        n = comment ? (size_t)(comment - line) : n;
        for (; n > 0 && is_blank(line[n - 1]); n--)
            ;
        for (; n > 0 && is_blank(line[0]); n--)
            line++;
        if (n >= size)
            return err_set(e, "%s:%zu: a line of %zu characters: at most %zu are read", in->shown,
                           l->number, n, size - 1);
        memcpy(out, line, n);
        out[n] = 0;
        if (n > 0)
            return true;
    }
    return false;
}
