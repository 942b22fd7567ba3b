/* clean.c: the filter, and the two streams that go through it. */
#include "cli/clean.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a text of UTF-8 stands: it may be handed over in pieces. */
struct state {
    int fd;
    int left;     /* bytes of a character that are still to come */
    bool held_c2; /* the first byte of U+0080 to U+00BF waits for its second */
};

/* Bytes of the character that begins with `c`, after it. */
static int follow(unsigned char c)
{
    return c >= 0xc2 && c <= 0xdf ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
}

/* Filters n bytes into `out` (room for n + 1); returns how many there are. */
static size_t filter(struct state *s, const char *in, size_t n, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)in[i];
        bool more = (c & 0xc0) == 0x80;
        if (s->held_c2) {
            bool control = more && c < 0xa0;
            out[used++] = more && !control ? (char)0xc2 : '?';
            s->held_c2 = false;
            if (more) {
                out[used++] = control ? '?' : (char)c;
                continue;
            }
        }
        if (c == 0xc2) {
            s->held_c2 = true;
            s->left = 0;
        } else if (more && s->left > 0) {
            s->left--;
            out[used++] = (char)c;
        } else {
            s->left = follow(c);
            bool good = c < 0x80 ? c == '\t' || c == '\n' || (c >= 32 && c != 127) : s->left > 0;
            out[used++] = good ? (char)c : '?';
        }
    }
    return used;
}

static ssize_t write_clean(void *cookie, const char *data, size_t size)
{
    struct state *s = cookie;
    char block[4096];
    for (size_t at = 0; at < size;) {
        size_t part = size - at < sizeof block - 1 ? size - at : sizeof block - 1;
        size_t n = filter(s, data + at, part, block);
        for (size_t done = 0; done < n;) {
            ssize_t w = write(s->fd, block + done, n - done);
            if (w < 0 && errno == EINTR)
                continue;
            if (w <= 0)
                return 0; /* an error, as fopencookie(3) wants it told */
            done += (size_t)w;
        }
        at += part;
    }
    return (ssize_t)size;
}

void clean_streams(void)
{
    static struct state out = { .fd = STDOUT_FILENO }, err = { .fd = STDERR_FILENO };
    const cookie_io_functions_t io = { .write = write_clean };
    FILE *to = fopencookie(&out, "w", io), *complaints = fopencookie(&err, "w", io);
    if (!to || !complaints)
        return; /* no memory: what follows will say so */
    setvbuf(to, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    setvbuf(complaints, NULL, _IONBF, 0);
    stdout = to;
    stderr = complaints;
}

char *clean_text(char *s)
{
    struct state state = { .left = 0 };
    size_t n = strlen(s), used;
    used = filter(&state, s, n, s); /* in place: it writes no byte before it has read it */
    if (state.held_c2)
        s[used++] = '?';
    s[used] = 0;
    return s;
}

char *clean_line(char *s)
{
    for (char *p = s; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return clean_text(s);
}

void clean_print(FILE *to, const char *fmt, ...)
{
    va_list ap;
    char *text;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    bool ends = n > 0 && text[n - 1] == '\n';
    text[n - ends] = 0;
    fprintf(to, "%s%s", clean_line(text), ends ? "\n" : "");
    free(text);
}
