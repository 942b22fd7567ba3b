/* test_replay.c: traces for the workload `replay` that are damaged anyhow: read, or refused by one
 * sentence with the file and the line, soon and within memory.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sample.h"
#include "workloads/io/trace.h"

static const char valid[] = "# two ranks share a file\n"
                            "0 +0 open data\n"
                            "0 +1.5ms write data 0 64KiB\n"
                            "0 +0 write data 64KiB 100 4KiB 20\n"
                            "0 +0 barrier\n"
                            "0 @2s read data 65536 8KiB\n"
                            "0 +0 size data 1MiB\n"
                            "0 +0 flush data\n"
                            "0 +0 close data\n"
                            "0 +0 remove data\n"
                            "1 +0 open data M_ASYNC\n"
                            "1 +0 open own\n"
                            "1 +10us write own 1KiB 512 1KiB 3\n"
                            "1 +0 barrier\n"
                            "1 +0 read data 0 64KiB\n"
                            "1 +0 close own\n";

static uint64_t state;
static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* Puts `what` in place of n bytes. */
static void put(char *text, size_t size, size_t at, size_t n, const char *what)
{
    size_t length = strlen(text), more = strlen(what);
    if (at + n > length || length - n + more >= size)
        return;
    memmove(text + at + more, text + at + n, length - at - n + 1);
    memcpy(text + at, what, more);
}

static void damage(char *text, size_t size)
{
    static const char *const tokens[] = {
        "0",
        "-1",
        "18446744073709551615",
        "9223372036854775807",
        "1000000000000",
        "1",
        "1E",
        "8EiB",
        "+0",
        "@106d",
        "barrier",
        "read",
        "#",
        "\n",
        "300000000000",
    };
    size_t length = strlen(text), at = draw((uint32_t)length + 1);
    char byte[2] = { (char)(1 + draw(255)), 0 };
    switch (draw(6)) {
    case 0:
        text[at] = 0;
        break;
    case 1:
        put(text, size, at, 1, byte);
        break;
    case 2:
        put(text, size, at, 1 + draw(12), "");
        break;
    case 3: { /* a line once more */
        char line[200];
        while (at > 0 && text[at - 1] != '\n')
            at--;
        size_t n = strcspn(text + at, "\n");
        n = n < sizeof line - 2 ? n : sizeof line - 2;
        memcpy(line, text + at, n);
        line[n] = '\n';
        line[n + 1] = 0;
        put(text, size, draw(2) ? at : 0, 0, line);
        break;
    }
    default: { /* another word */
        while (at > 0 && text[at - 1] != ' ' && text[at - 1] != '\n')
            at--;
        put(text, size, at, strcspn(text + at, " \n"), tokens[draw(ARRAY_LEN(tokens))]);
    }
    }
}

static void judge(const struct trace *t)
{
    for (uint32_t r = 0; r < t->rank_count; r++)
        for (size_t i = 0; i < t->ranks[r].count; i++) {
            const struct trace_line *l = &t->ranks[r].lines[i];
            bool request = l->op == TRACE_READ || l->op == TRACE_WRITE;
            uint64_t end;
            cr_assert(l->op == TRACE_BARRIER || l->file < t->file_count);
            cr_assert_geq(l->when, 0);
            if (!request)
                continue;
            cr_assert(l->run.count > 0 && l->run.len > 0);
            cr_assert(!__builtin_mul_overflow(l->run.count - 1, l->run.stride, &end) &&
                      !__builtin_add_overflow(end, l->run.off + l->run.len, &end) &&
                      end <= t->files[l->file].extent);
        }
    cr_assert_gt(t->active, 0);
}

Test(replay, a_damaged_one_is_read_or_refused_by_one_sentence)
{
    const struct pio_ops *pfs = kind_find(&pio_systems, "pfs");
    uint64_t good = 0, refused = 0;
    for (uint64_t seed = 0; seed < sample("TRACES", 4000); seed++) {
        static char text[4000];
        struct err e = ERR_INIT;
        state = seed;
        memcpy(text, valid, sizeof valid);
        for (uint32_t n = seed == 0 ? 0 : 1 + draw(4); n > 0; n--)
            damage(text, sizeof text);
        char name[] = "t.replay";
        struct input in = { .name = name, .shown = name, .text = text, .length = strlen(text) };
        struct trace *t = trace_read(&in, pfs, &e);
        if (t != NULL)
            judge(t);
        else
            cr_assert(strncmp(e.text, "t.replay:", 9) == 0 && strchr(e.text, '\n') == NULL,
                      "seed %d: %s", (int)seed, e.text);
        good += t != NULL;
        refused += t == NULL;
        trace_free(t);
    }
    cr_assert(sample_saw(good, 20) && sample_saw(refused, 20), "%d are good, %d refused", (int)good,
              (int)refused);
}
