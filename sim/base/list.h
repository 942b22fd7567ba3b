/* list.h: intrusive doubly linked list with a head node.
 *
 * A link that is in no list points to itself, so removing twice is harmless and membership can be
 * asked.
 */
#ifndef SIM_BASE_LIST_H
#define SIM_BASE_LIST_H

#include "sim/base/base.h"

struct list {
    struct list *next, *prev;
};

/* An empty list, or an item in no list. */
static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

/* Of an item: it is in no list. */
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Adds `item` (in no list) at the end. */
static inline void list_push(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

/* Adds `item` at the front. */
static inline void list_push_front(struct list *head, struct list *item)
{
    list_push(head->next, item);
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev =
        item->prev; /* NOLINT(clang-analyzer-unix.Malloc): a ring forgets what left */
    list_init(item);
}

/* Takes the first item off, or NULL. */
static inline struct list *list_pop(struct list *head)
{
    struct list *l = head->next;
    if (l == head)
        return NULL;
    list_remove(l); /* NOLINT(clang-analyzer-unix.Malloc): nobody frees an item in a ring */
    return l;
}

/* Moves all items of `from`, in their order, to the end of `head`. */
static inline void list_splice(struct list *head, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

#define LIST_ENTRY(ptr, type, member) CONTAINER_OF(ptr, type, member)
#define LIST_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* Safe against removal of `it` (not of the one after it). */
#define LIST_EACH_SAFE(it, nx, head)                                                               \
    for (struct list *it = (head)->next, *nx = it->next; it != (head); it = nx, nx = it->next)

#endif
