/* vesta_roll.c: a file goes back to its checkpoint on all of its I/O nodes, whatever dies.
 *
 * Its object's home does it.  The mark in the object is the decision (vesta_object.c puts it there
 * and takes it off, on the device); then all I/O nodes of the file are asked to bring their cells
 * back, which they may do as often as they are asked.  While the mark is there nobody opens the
 * file: who asks for the object waits for what is under way, and begins it where it is not, for the
 * home or another node has died since.
 *
 *   state    the mark  what is known            event -> next
 *   new      there     nothing                  a job waits -> asked (vesta_roll_wait)
 *   asked    there     some cells may be back   all answered well -> back; not -> asked once more,
 *                                               for a node may have restarted; then gone, and who
 *                                               waits is told
 *   back     there     all cells are            a job takes the mark off -> gone (vesta_roll_end)
 *
 * No call of a dead home comes late: CHAN drops those of an earlier life, and what an I/O node has
 * begun ends before the next of that file begins (vesta_hold).
 */
#include "os/vesta/vesta_internal.h"

struct vesta_roll {
    struct list link;
    struct vesta_server *s;
    struct vesta_file file;
    struct vesta_fan fan;
    struct list waiters; /* vesta_job.link */
    bool asked, back, again;
};

struct vesta_roll *vesta_roll_find(struct vesta_server *s, const struct vesta_msg *object)
{
    LIST_EACH (l, &s->rolls) {
        struct vesta_roll *r = LIST_ENTRY(l, struct vesta_roll, link);
        if (r->file.id == object->id && r->file.maker == object->maker)
            return r;
    }
    return NULL;
}

struct vesta_roll *vesta_roll_new(struct vesta_server *s, const struct vesta_msg *object)
{
    struct vesta_roll *r = port_alloc(s->port, sizeof *r);
    r->s = s;
    r->file = vesta_file_of(s->as_client, object);
    r->fan = (struct vesta_fan){ .proc = VESTA_ROLLBACK, .m = { .value = object->last } };
    list_init(&r->waiters);
    list_push(&s->rolls, &r->link);
    return r;
}

bool vesta_roll_back(const struct vesta_roll *r)
{
    return r->back;
}

void vesta_roll_end(struct vesta_roll *r)
{
    ASSERT(r->back && list_empty(&r->waiters));
    list_remove(&r->link);
    port_free(r->s->port, r);
}

static void asked(struct vesta_fan *f)
{
    struct vesta_roll *r = f->arg;
    struct vesta_server *s = r->s;
    struct list *l;
    /* A file that is dropped has nothing that could be elsewhere. */
    enum file_status st = f->status == FILE_NO_FILE ? FILE_OK : f->status;
    r->back = st == FILE_OK;
    if (st == FILE_UNREACHABLE && !r->again) {
        r->again = true;
        f->status = FILE_OK;
        f->next = 0;
        vesta_fan_start(f);
        return;
    }
    while ((l = list_pop(&r->waiters)) != NULL) {
        struct vesta_job *j = LIST_ENTRY(l, struct vesta_job, link);
        if (r->back)
            vesta_later(s, j);
        else
            vesta_answer(j, &(struct vesta_msg){ .status = st }, NULL);
    }
    if (r->back)
        return;
    list_remove(&r->link);
    port_free(s->port, r);
}

void vesta_roll_wait(struct vesta_roll *r, struct vesta_job *j)
{
    list_push(&r->waiters, &j->link);
    if (r->asked)
        return;
    r->asked = true;
    r->fan.file = &r->file;
    r->fan.done = asked;
    r->fan.arg = r;
    r->fan.status = r->file.positions > 0 ? FILE_OK : FILE_CORRUPT;
    (r->file.positions > 0 ? vesta_fan_start : asked)(&r->fan);
}
