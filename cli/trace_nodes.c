/* trace_nodes.c: reads a list like "0-3,io0,service". */
#include "cli/trace_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/node.h"

struct nodes {
    struct sim_trace_nodes *items;
    size_t count;
};

static void add_nodes(struct nodes *n, int64_t from, int64_t to)
{
    if (n->count > 0 && n->items[n->count - 1].to + 1 == from) {
        n->items[n->count - 1].to = to;
        return;
    }
    n->items = base_realloc(n->items, (n->count + 1) * sizeof *n->items);
    n->items[n->count++] = (struct sim_trace_nodes){ from, to };
}

static void add_all(struct nodes *n, const uint32_t *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add_nodes(n, nodes[i], nodes[i]);
}

static bool add_word(struct nodes *n, const char *word, const struct os_layout *l, uint32_t nodes,
                     struct err *e)
{
    static const char *const names[] = { "machine", "compute", "io", "io0", "service", NULL };
    unsigned from, to;
    int used = 0;
    bool digits = word[0] >= '0' && word[0] <= '9';
    if (digits && sscanf(word, "%9u-%9u%n", &from, &to, &used) == 2 && word[used] == '\0') {
        if (from > to || to >= nodes)
            return err_set(e, "--nodes: '%s' is no range of the nodes 0 to %lld", word,
                           (long long)nodes - 1);
        add_nodes(n, from, to);
    } else if (digits && sscanf(word, "%9u%n", &from, &used) == 1 && word[used] == '\0') {
        if (from >= nodes)
            return err_set(e, "--nodes: there is no node %u, only %u of them", from, nodes);
        add_nodes(n, from, from);
    } else if (strcmp(word, "machine") == 0) {
        add_nodes(n, -1, -1);
    } else if (l && strcmp(word, "compute") == 0) {
        add_all(n, l->compute, l->compute_count);
    } else if (l && strcmp(word, "io") == 0 && l->io_count > 0) {
        add_all(n, l->io, l->io_count);
    } else if (l && strcmp(word, "service") == 0) {
        add_nodes(n, l->service, l->service);
    } else if (l && sscanf(word, "io%9u%n", &from, &used) == 1 && word[used] == '\0') {
        if (from >= l->io_count)
            return err_set(e, "--nodes: there is no '%s', only %u I/O nodes", word, l->io_count);
        add_nodes(n, l->io[from], l->io[from]);
    } else {
        err_set(e, "--nodes knows no '%s'", word);
        err_nearest(e, word, names);
        return false;
    }
    return true;
}

struct sim_trace_nodes *cli_trace_nodes(const char *list, const struct os_layout *l, uint32_t nodes,
                                        size_t *count, struct err *e)
{
    struct nodes n = { 0 };
    char *text = base_strdup(list), *rest = text;
    bool good = true;
    for (char *word; good && (word = strsep(&rest, ",")) != NULL;)
        good = add_word(&n, word, l, l ? l->nodes : nodes, e);
    free(text);
    if (!good) {
        free(n.items);
        return NULL;
    }
    *count = n.count;
    return n.items;
}
