/* turns.c: see turns.h. */
#include "os/file/turns.h"

struct of_file {
    uint64_t file;
    struct list queue;     /* turns that have not begun */
    uint32_t looks, alone; /* under way */
};

struct turn {
    struct list link;
    struct file_turns *t;
    struct of_file *f; /* NULL: of all */
    struct file_req *r;
    bool looks;
};

static void begin_all(struct file_turns *t);

static void work(void *arg)
{
    struct turn *x = arg;
    struct file_turns *t = x->t;
    struct of_file *f = x->f;
    t->serve(t->sys, x->r);
    if (f != NULL)
        *(x->looks ? &f->looks : &f->alone) -= 1;
    t->busy--;
    if (f != NULL && f->looks == 0 && f->alone == 0 && list_empty(&f->queue)) {
        (void)xk_map_unbind(&t->files, &f->file);
        port_free(t->sys->port, f);
    }
    begin_all(t);
    x->r->done(x->r);
    port_free(t->sys->port, x);
}

/* False: there is no room for a thread; others will end. */
static bool begin(struct turn *x)
{
    struct file_turns *t = x->t;
    ASSERT(x->f == NULL || x->f->alone + (x->looks ? 0 : x->f->looks) == 0); /* TURN1 */
    ASSERT(x->f != NULL || t->busy == 0);                                    /* TURN2 */
    list_remove(&x->link);
    if (port_thread_spawn(t->sys->port, "file", work, x, 0) == NULL) {
        list_push_front(x->f != NULL ? &x->f->queue : &t->all, &x->link);
        port_timer_set(&t->again, SIM_MS);
        return false;
    }
    t->busy++;
    if (x->f != NULL)
        *(x->looks ? &x->f->looks : &x->f->alone) += 1;
    return true;
}

/* Those of a file whose turn it is (TURN1). */
static bool begin_file(void *arg, const void *key, void *value)
{
    struct of_file *f = value;
    (void)arg, (void)key;
    while (!list_empty(&f->queue)) {
        struct turn *x = LIST_ENTRY(f->queue.next, struct turn, link);
        if (f->alone > 0 || (!x->looks && f->looks > 0))
            return true;
        if (!begin(x))
            return false;
    }
    return true;
}

static void begin_all(struct file_turns *t)
{
    if (list_empty(&t->all)) /* else what came behind it waits */
        xk_map_each(&t->files, begin_file, NULL);
    else if (t->busy == 0)
        (void)begin(LIST_ENTRY(t->all.next, struct turn, link)); /* TURN2 */
}

static void again(struct port_timer *timer)
{
    begin_all(timer->arg);
}

void file_turns_init(struct file_turns *t, struct file_sys *sys,
                     void (*serve)(struct file_sys *s, struct file_req *r))
{
    t->sys = sys;
    t->serve = serve;
    xk_map_init(&t->files, sys->port, sizeof(uint64_t));
    list_init(&t->all);
    t->busy = 0;
    port_timer_init(sys->port, &t->again, again, t);
}

void file_turn(struct file_turns *t, struct file_req *r, bool looks)
{
    struct port *p = t->sys->port;
    struct turn *x = port_alloc(p, sizeof *x);
    struct of_file *f = r->file != 0 ? xk_map_resolve(&t->files, &r->file) : NULL;
    if (f == NULL && r->file != 0) {
        f = port_alloc(p, sizeof *f);
        f->file = r->file;
        list_init(&f->queue);
        xk_map_bind(&t->files, &r->file, f);
    }
    *x = (struct turn){ .t = t, .f = f, .r = r, .looks = looks };
    list_push(f != NULL ? &f->queue : &t->all, &x->link);
    port_work(p, PORT_WORK_LOOKUP, 1);
    if (f == NULL || !list_empty(&t->all))
        begin_all(t);
    else
        (void)begin_file(NULL, NULL, f);
}

void file_turn_pass(struct file_sys *s, struct file_req *r)
{
    void (*done)(struct file_req * r) = r->done;
    void *arg = r->arg;
    (void)file_ask(s->below, r);
    r->done = done;
    r->arg = arg;
}

enum file_status file_turn_ask(struct file_sys *s, struct file_req *own, struct file_req *r)
{
    own->trace = r->trace;
    enum file_status got = file_ask(s->below, own);
    for (int i = 0; i < FILE_PARTS; i++)
        r->part[i] += own->part[i];
    if (got != FILE_OK)
        r->status = got;
    return got;
}
