/* prefix_kept.c: see prefix_kept.h. */
#include "os/file/prefix_kept.h"

#include "os/file/prefix.h"
#include "os/xk/map.h"

#include <string.h>

struct prefix_kept {
    struct port *port;
    uint64_t most, names;    /* names: kept now */
    struct xk_map by_handle; /* -> struct token */
    struct xk_map by_name;   /* struct key -> struct name */
    struct list tokens;      /* in the order in which they came */
};

struct token { /* what is kept under one */
    struct list link;
    uint64_t handle;
    struct list names;
    bool granted;      /* it is this node's; otherwise there is nothing under it */
    uint32_t changing; /* names that this node makes there: nothing is said meanwhile, */
    bool lost;         /* and it was recalled meanwhile */
    bool has_attr, has_list;
    struct file_attr attr;
    struct prefix_who lister;
    struct rope list;
    uint64_t listed; /* entries of that */
};

struct key { /* of a name */
    uint64_t dir, hash, length;
    struct prefix_who who;
};
_Static_assert(sizeof(struct key) == XK_KEY_MAX, "a key of a map");

struct name {
    struct list link;
    struct key key;
    uint64_t file;
    char text[FILE_NAME_MAX + 1];
};

struct prefix_kept *prefix_kept_start(struct port *p, uint64_t most)
{
    struct prefix_kept *k = port_alloc(p, sizeof *k);
    k->port = p;
    k->most = most;
    xk_map_init(&k->by_handle, p, sizeof(uint64_t));
    xk_map_init(&k->by_name, p, sizeof(struct key));
    list_init(&k->tokens);
    return k;
}

/* ---- forgetting ---- */

static void drop_name(struct prefix_kept *k, struct name *x)
{
    list_remove(&x->link);
    (void)xk_map_unbind(&k->by_name, &x->key);
    port_free(k->port, x);
    k->names--;
}

static void drop_list(struct prefix_kept *k, struct token *t)
{
    k->names -= t->listed;
    t->listed = 0;
    t->has_list = false;
    rope_fini(&t->list);
}

/* All that is under it; the token itself, unless a change is under way. */
static void drop(struct prefix_kept *k, struct token *t)
{
    while (!list_empty(&t->names))
        drop_name(k, LIST_ENTRY(t->names.next, struct name, link));
    drop_list(k, t);
    t->has_attr = t->granted = false;
    t->lost = t->changing > 0;
    if (t->lost)
        return;
    list_remove(&t->link);
    (void)xk_map_unbind(&k->by_handle, &t->handle);
    port_free(k->port, t);
}

void prefix_kept_drop(struct prefix_kept *k, uint64_t handle)
{
    struct token *t = xk_map_resolve(&k->by_handle, &handle);
    if (t != NULL)
        drop(k, t);
}

void prefix_kept_drop_seats(struct prefix_kept *k, uint32_t first, uint32_t count)
{
    LIST_EACH_SAFE (l, next, &k->tokens) {
        struct token *t = LIST_ENTRY(l, struct token, link);
        uint32_t seat = prefix_seat_of(t->handle);
        if (seat >= first && seat - first < count)
            drop(k, t);
    }
}

/* ---- keeping ---- */

static struct token *token_of(struct prefix_kept *k, uint64_t handle)
{
    struct token *t = xk_map_resolve(&k->by_handle, &handle);
    if (t != NULL)
        return t;
    t = port_alloc(k->port, sizeof *t);
    t->handle = handle;
    list_init(&t->names);
    rope_init(&t->list);
    list_push(&k->tokens, &t->link);
    xk_map_bind(&k->by_handle, &t->handle, t);
    return t;
}

static struct token *granted(struct prefix_kept *k, uint64_t handle)
{
    struct token *t = token_of(k, handle);
    t->granted = true;
    return t;
}

/* There is room for so many names more, besides what is under that token. */
static void make_room(struct prefix_kept *k, const struct token *but, uint64_t more)
{
    LIST_EACH_SAFE (l, next, &k->tokens) {
        struct token *t = LIST_ENTRY(l, struct token, link);
        if (k->names + more <= k->most)
            return;
        if (t != but)
            drop(k, t);
    }
}

static struct key key_of(const struct prefix_who *who, uint64_t dir, const char *name,
                         size_t length)
{
    return (struct key){ .dir = dir,
                         .hash = file_checksum((const uint8_t *)name, length, SIZE_MAX),
                         .length = length,
                         .who = *who };
}

static struct name *find(struct prefix_kept *k, const struct key *key, const char *name)
{
    struct name *x = xk_map_resolve(&k->by_name, key);
    return x != NULL && memcmp(x->text, name, key->length) == 0 ? x : NULL;
}

void prefix_keep_name(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const char *name, size_t length, uint64_t file)
{
    if (length > FILE_NAME_MAX)
        return;
    struct key key = key_of(who, dir, name, length);
    struct token *t = granted(k, dir);
    struct name *x = xk_map_resolve(&k->by_name, &key);
    if (x == NULL) {
        make_room(k, t, 1);
        x = port_alloc(k->port, sizeof *x);
        x->key = key;
        list_push(&t->names, &x->link);
        xk_map_bind(&k->by_name, &x->key, x);
        k->names++;
    }
    memcpy(x->text, name, length);
    x->file = file;
}

void prefix_keep_attr(struct prefix_kept *k, uint64_t file, const struct file_attr *attr)
{
    struct token *t = granted(k, file);
    make_room(k, t, 1);
    t->has_attr = true;
    t->attr = *attr;
}

void prefix_keep_list(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const struct rope *data)
{
    struct token *t = granted(k, dir);
    struct rope rest;
    struct file_entry x;
    drop_list(k, t);
    rope_init(&rest);
    rope_add_slice(&rest, data, 0, data->length);
    while (file_entry_next(&rest, &x))
        t->listed++;
    rope_fini(&rest);
    k->names += t->listed;
    make_room(k, t, 0);
    rope_add_slice(&t->list, data, 0, data->length);
    t->has_list = true;
    t->lister = *who;
}

/* ---- looking ---- */

bool prefix_kept_name(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const char *name, size_t length, uint64_t *file)
{
    struct key key = key_of(who, dir, name, length);
    const struct token *t = xk_map_resolve(&k->by_handle, &dir);
    const struct name *x = length <= FILE_NAME_MAX ? find(k, &key, name) : NULL;
    if (x == NULL || t == NULL || t->changing > 0)
        return false;
    *file = x->file;
    return true;
}

bool prefix_kept_attr(struct prefix_kept *k, uint64_t file, struct file_attr *out)
{
    const struct token *t = xk_map_resolve(&k->by_handle, &file);
    if (t == NULL || !t->has_attr || t->changing > 0)
        return false;
    *out = t->attr;
    return true;
}

bool prefix_kept_list(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      struct rope *data)
{
    const struct token *t = xk_map_resolve(&k->by_handle, &dir);
    if (t == NULL || !t->has_list || t->changing > 0 || t->lister.uid != who->uid ||
        t->lister.gid != who->gid)
        return false;
    rope_add_slice(data, &t->list, 0, t->list.length);
    return true;
}

/* ---- names that this node makes ---- */

void prefix_kept_change(struct prefix_kept *k, uint64_t dir)
{
    token_of(k, dir)->changing++;
}

void prefix_kept_changed(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                         const char *name, uint64_t file)
{
    struct token *t = token_of(k, dir);
    ASSERT(t->changing > 0);
    t->changing--;
    if (file == 0 || t->lost || !t->granted) {
        drop(k, t);
        return;
    }
    drop_list(k, t);
    t->has_attr = false;
    prefix_keep_name(k, who, dir, name, strlen(name), file);
}
