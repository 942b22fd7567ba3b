/* domains_set_up.c: the directories of a node's domains, and the remote links in them. */
#include "os/file/domains_internal.h"

#include <stdio.h>
#include <string.h>

static const char says[FILE_OWNER_BYTES] = "remote link";

static enum file_status look(struct domains *d, enum file_op op, uint64_t dir, const char *name,
                             uint32_t mode, uint64_t *file)
{
    struct file_req q;
    file_req_init(&q, op, NULL, NULL);
    q.dir = dir;
    q.name = name;
    q.attr.mode = mode;
    if (!(mode & FILE_MODE_DIR))
        memcpy(q.attr.owner, says, sizeof says);
    enum file_status s = file_ask(d->sys.below, &q);
    *file = q.file;
    return s;
}

/* The name is there, and was made if it was not. (blocks) */
static enum file_status make(struct domains *d, uint64_t dir, const char *name, uint32_t mode,
                             uint64_t *file)
{
    enum file_status s = look(d, FILE_LOOKUP, dir, name, mode, file);
    return s == FILE_NO_FILE ? look(d, FILE_CREATE, dir, name, mode, file) : s;
}

static enum file_status make_root(struct domains *d, struct served *s)
{
    char name[FILE_NAME_MAX + 2];
    (void)snprintf(name, sizeof name, ":%s", d->x.domain[s->domain].path);
    name[FILE_NAME_MAX] = 0;
    for (char *at = name; *at; at++)
        *at = *at == '/' ? ':' : *at;
    return make(d, FILE_ROOT, name, FILE_MODE_DIR | 0777, &s->root);
}

static void add(struct domains *d, uint64_t dir, uint64_t file, const char *name, uint32_t domain)
{
    struct remote_link *x = port_alloc(d->sys.port, sizeof *x);
    x->dir = dir;
    x->file = file;
    x->domain = domain;
    memcpy(x->name, name, strlen(name) + 1);
    list_push(&d->link_list, &x->link);
    if (domain != UINT32_MAX)
        xk_map_bind(&d->links, &x->file, x);
}

/* Where `domain` hangs in that of the seat. */
static enum file_status make_link(struct domains *d, const struct served *s, uint32_t domain)
{
    const char *path = d->x.domain[domain].below;
    uint64_t dir = s->root, file = 0;
    enum file_status status = FILE_OK;
    while (status == FILE_OK && *path) {
        char name[FILE_NAME_MAX + 1];
        size_t n = strcspn(path, "/");
        memcpy(name, path, n);
        name[n] = 0;
        path += n + (path[n] == '/');
        status = make(d, dir, name, *path ? FILE_MODE_DIR | 0777 : 0444, &file);
        add(d, dir, file, name, *path ? UINT32_MAX : domain);
        dir = file;
    }
    return status;
}

struct set_up {
    struct domains *d;
    void (*done)(struct domains *d);
};

static void work(void *arg)
{
    struct set_up *u = arg;
    struct domains *d = u->d;
    enum file_status s = FILE_OK;
    for (uint32_t i = 0; i < d->served_count && s == FILE_OK; i++) {
        s = make_root(d, &d->served[i]);
        for (uint32_t k = 0; k < d->x.domain_count && s == FILE_OK; k++)
            if (d->x.domain[k].above == d->served[i].domain && k != d->served[i].domain)
                s = make_link(d, &d->served[i], k);
    }
    d->broken = s;
    if (s != FILE_OK)
        port_remark(d->sys.port, "the directories of the domains cannot be made: %s",
                    file_status_name(s));
    u->done(d);
    port_free(d->sys.port, u);
}

void domains_set_up(struct domains *d, void (*done)(struct domains *d))
{
    struct set_up *u = port_alloc(d->sys.port, sizeof *u);
    *u = (struct set_up){ .d = d, .done = done };
    if (port_thread_spawn(d->sys.port, "domains", work, u, 0) != NULL)
        return;
    port_free(d->sys.port, u);
    d->broken = FILE_NO_SPACE;
    done(d);
}
