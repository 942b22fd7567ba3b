/* files_together.c: a program makes a request with all ranks; files_round.c says how. */
#include <string.h>

#include "os/ckpt/files_internal.h"

static enum ckpt_status ask(struct ckpt_files *f, const char *name, bool later)
{
    uint8_t head[5];
    struct rope args;
    wire_put32(head, f->c->run);
    head[4] = later;
    rope_init(&args);
    rope_add_bytes(&args, head, sizeof head);
    rope_add_bytes(&args, name, strlen(name));
    enum ckpt_status s =
        ckpt_first_asked(f, CKPT_ROUND, &args, later ? "the end of a checkpoint" : "all ranks");
    rope_fini(&args);
    return s;
}

/* False: rank 0 has died, or the run ends. */
static bool all_come(struct ckpt_files *f, const char *name)
{
    struct os_node *n = f->c->node;
    enum ckpt_status s;
    while ((s = ask(f, name, false)) == CKPT_NONE) {
        bool call = os_call_begin(n);
        ASSERT_MSG(call, "CKPTF9: it waits where it can be saved");
        s = ask(f, name, true);
        os_call_end(n);
        if (s != CKPT_OK)
            return false;
        n->run->call = true; /* it is the same one */
    }
    n->run->call = false;
    return s == CKPT_OK;
}

static const struct ckpt_file *file_of(const struct ckpt_files *f, const struct pio_file *file)
{
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (x->f == file)
            return x;
    }
    ASSERT_MSG(false, "a program makes a request of a file that it does not have");
    return NULL;
}

static enum pio_status moved(struct pio_req *r)
{
    pio_submit(r);
    return pio_wait(r);
}

enum pio_status ckpt_together(struct ckpt *c, struct pio_req *r)
{
    if (c == NULL)
        return moved(r);
    const struct ckpt_file *x = file_of(c->files, r->file);
    ASSERT_MSG(ckpt_file_together(x), "the mode is one of requests of all ranks together");
    if (!c->node->run->call) {
        port_fail(c->port,
                  "file %s: all ranks make this request together, and one that has been stopped "
                  "for a checkpoint would not come; allowed is the call that os_safe_call "
                  "announces",
                  x->name);
        return PIO_UNSUPPORTED;
    }
    if (!all_come(c->files, x->name))
        ckpt_again(c, c->port);
    enum pio_status s = moved(r);
    if (pio_is_lost(s) || s == PIO_CLOSED) /* closed: a rank has crashed or was ended */
        ckpt_again(c, c->port);
    return s;
}
