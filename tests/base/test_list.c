/* test_list.c: the intrusive list. */
#include <criterion/criterion.h>

#include "sim/base/list.h"

struct item {
    int n;
    struct list link;
};

static int sum(struct list *head)
{
    int s = 0;
    LIST_EACH (l, head) {
        s = 10 * s + LIST_ENTRY(l, struct item, link)->n;
    }
    return s;
}

Test(list, items_stay_in_order_and_leave_from_anywhere)
{
    struct list head;
    struct item a[4];
    list_init(&head);
    cr_assert(list_empty(&head));
    cr_assert_null(list_pop(&head));
    for (int i = 0; i < 4; i++) {
        a[i].n = i + 1;
        list_push(&head, &a[i].link);
    }
    cr_assert_eq(sum(&head), 1234);
    list_remove(&a[1].link);
    list_remove(&a[1].link); /* twice is harmless */
    cr_assert_eq(sum(&head), 134);
    list_push_front(&head, &a[1].link);
    cr_assert_eq(sum(&head), 2134);
    cr_assert_eq(LIST_ENTRY(list_pop(&head), struct item, link)->n, 2);
    LIST_EACH_SAFE (l, next, &head) {
        if (LIST_ENTRY(l, struct item, link)->n != 3)
            list_remove(l);
    }
    cr_assert_eq(sum(&head), 3);
}
