/* stacks.c: see stacks.h. */
#include "tests/os/stacks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/file/file.h"
#include "os/registry.h"

static const char *small(const char *layer)
{
    static const struct {
        const char *layer, *params;
    } known[] = {
        { "lfs", "block=2KiB inode=4KiB read_ahead=2 max_io=8KiB prealloc=4 cache=5" },
        { "vesta_store", "block=2KiB objects=8 read_ahead=2 max_io=8KiB cache=5" },
        { "hsm", "piece=2KiB space=200KiB start=20 stop=5 age=0s poll=4ms files=8" },
        { "checksum", "block=512" },
        { "compress", "unit=2KiB commit=9 files=2" },
        { "keep", "block=2KiB" },
        { "cache", "bytes=16KiB block=1000B ahead=3 dirty=4KiB" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].layer, layer) == 0)
            return known[i].params;
    return "";
}

/* A name space over several nodes is made by a layer on each of them, and one that asks these: a
 * suite of their own tries them (tests/os/test_prefix.c). */
static bool spreads(const char *layer)
{
    return strcmp(layer, "domains") == 0 || strcmp(layer, "prefix") == 0;
}

size_t stack_layers(const struct stack_layer **all)
{
    static struct stack_layer list[200];
    static size_t n;
    *all = list;
    for (int i = 0; n == 0 || i > 0; i++) {
        const struct kind *k = os_layers.items[i];
        if (k == NULL)
            break;
        if (strcmp(k->name, "remote") == 0 || strcmp(k->name, "pfs") == 0 || spreads(k->name))
            continue;
        list[n++] = (struct stack_layer){ k->name, NULL, NULL, small(k->name) };
        for (const struct param *p = k->params; p != NULL && p->name != NULL; p++)
            for (int c = 0; (p->type == PARAM_KIND || (p->type == PARAM_CHOICE && p->set)) &&
                            param_choice(p, c) != NULL;
                 c++) {
                cr_assert_lt(n, sizeof list / sizeof *list);
                list[n++] =
                    (struct stack_layer){ k->name, p->name, param_choice(p, c), small(k->name) };
            }
    }
    return n;
}

void stack_text(const struct stack_layer *l, char out[STACK_TEXT])
{
    int n = snprintf(out, STACK_TEXT, "%s %s", l->layer, l->params);
    if (l->set != NULL)
        n += snprintf(out + n, (size_t)(STACK_TEXT - n), " %s=%s", l->set, l->kind);
    cr_assert_lt(n, STACK_TEXT);
}

void stack_table(const struct stack_layer *l, char out[STACK_TEXT])
{
    int n = snprintf(out, STACK_TEXT, "{layer=%s", l->layer);
    for (const char *at = l->params; *at; at += strcspn(at, " "), at += *at == ' ')
        n += snprintf(out + n, (size_t)(STACK_TEXT - n), ", %.*s", (int)strcspn(at, " "), at);
    if (l->set != NULL)
        n += snprintf(out + n, (size_t)(STACK_TEXT - n), ", %s=%s", l->set, l->kind);
    n += snprintf(out + n, (size_t)(STACK_TEXT - n), "}");
    cr_assert_lt(n, STACK_TEXT);
}
