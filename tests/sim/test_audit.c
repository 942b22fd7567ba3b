/* test_audit.c: accounts that do not balance are found and named. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/server.h"

struct account {
    uint64_t in, out, inside, dropped;
};

static void state_account(void *self, struct sim_audit_report *r)
{
    struct account *a = self;
    sim_audit_balance(r, "flits", a->in, a->out, a->inside, a->dropped);
    sim_audit_dropped(r, "flits", "node down", a->dropped);
}

static void state_pages(void *self, struct sim_audit_report *r)
{
    struct account *a = self;
    sim_audit_balance_resident(r, "pages", a->in, a->out, a->inside, a->dropped);
    sim_audit_check(r, a->in < 100, "%d pages are more than there are", (int)a->in);
}

static void tick(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
}

Test(audit, an_account_that_balances_passes_and_its_drops_are_told)
{
    struct sim *s = sim_create(NULL);
    struct account a = { 10, 8, 0, 2 }, pages = { 9, 2, 7, 0 };
    sim_audit_register(s, "mesh", state_account, &a);
    sim_audit_register(s, "memory", state_pages, &pages);
    sim_run(s);
    char text[512];
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 0);
    cr_assert_str_eq(text, "mesh: 2 flits dropped: node down\n");
    sim_destroy(s);
}

Test(audit, each_account_that_does_not_balance_is_a_failure_with_its_numbers)
{
    struct sim *s = sim_create(NULL);
    struct account a = { 10, 8, 0, 1 }, pages = { 105, 100, 5, 0 };
    sim_audit_register(s, "mesh", state_account, &a);
    sim_audit_register(s, "memory", state_pages, &pages);
    sim_run(s);
    char text[512];
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 2);
    cr_assert(strstr(text, "mesh: flits do not balance: 10 in, but 8 out + 0 inside + 1 dropped"));
    cr_assert(strstr(text, "memory: 105 pages are more than there are"));
    sim_audit_unregister(s, &a);
    cr_assert_eq(sim_audit_run(s, NULL, 0), 1);
    sim_destroy(s);
}

Test(audit, what_is_on_its_way_may_be_inside_only_while_something_is_left_to_happen)
{
    struct sim_options o = { .time_limit = 10 };
    struct sim *s = sim_create(&o);
    struct account a = { 10, 8, 2, 0 };
    sim_audit_register(s, "mesh", state_account, &a);
    struct sim_event e;
    sim_event_init(&e, SIM_CLASS_DEVICE, tick);
    sim_at(s, &e, 50);
    cr_assert_eq(sim_run(s), SIM_END_TIME_LIMIT);
    cr_assert_eq(sim_audit_run(s, NULL, 0), 0);
    sim_cancel(s, &e);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    char text[256];
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 1);
    cr_assert(strstr(text, "2 flits are still inside although nothing is left to happen"));
    sim_destroy(s);
}

/* SRV2. */
Test(audit, a_server_whose_books_are_cooked_breaks_the_law_of_little)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    struct sim_job j;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu 0", false);
    sim_job_init(&j, 0, 100, NULL);
    sim_server_submit(&v, &j);
    sim_run(s);
    cr_assert_eq(sim_audit_run(s, NULL, 0), 0);
    v.sojourn += 1;
    char text[256];
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 2, "of the run and of the window");
    cr_assert(strstr(text, "cpu 0: Little's law fails"));
    sim_server_fini(&v);
    sim_destroy(s);
}

struct edges {
    struct sim_event at[3];
    struct sim_inside *q;
};

static void first_edge(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_open(s);
}

static void leave(struct sim *s, struct sim_event *e)
{
    sim_inside_leave(CONTAINER_OF(e, struct edges, at[1])->q, 0, sim_now(s));
}

static void last_edge(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_close(s);
}

Test(audit, littles_law_holds_in_the_window_too)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    struct sim_inside q;
    struct sim_job j[3];
    double mean, most;
    int32_t node;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu 0", false);
    sim_inside_init(&q, s, SIM_KIND_ARM, -1, "dev");
    for (int i = 0; i < 3; i++) {
        sim_job_init(&j[i], 0, 100, NULL);
        sim_server_submit(&v, &j[i]);
        sim_inside_enter(&q, 0);
    }
    struct edges x = { .q = &q };
    sim_event_init(&x.at[0], SIM_CLASS_DEVICE, first_edge);
    sim_event_init(&x.at[1], SIM_CLASS_DEVICE, leave);
    sim_event_init(&x.at[2], SIM_CLASS_DEVICE, last_edge);
    for (int i = 0; i < 3; i++)
        sim_at(s, &x.at[i], 50 + 100 * i);
    sim_run(s);
    sim_inside_leave(&q, 0, sim_now(s));
    /* In [50, 250): 3 jobs for 50, 2 for 100, 1 for 50; 3 for 100 and 2 for 100. */
    cr_assert(sim_queue_mean(s, SIM_KIND_CPU, &mean, &most, &node));
    cr_assert_eq(mean, 2.0);
    cr_assert(sim_queue_mean(s, SIM_KIND_ARM, &mean, &most, &node));
    cr_assert_eq(most, 2.5);
    cr_assert_not(sim_queue_mean(s, SIM_KIND_BUS, &mean, &most, &node));
    char text[256];
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 0, "%s", text);
    q.closed.times += 1;
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 1);
    cr_assert(strstr(text, "dev: Little's law fails in the window"), "%s", text);
    sim_inside_fini(&q);
    sim_server_fini(&v);
    sim_destroy(s);
}

Test(audit, a_long_report_is_cut_and_still_counted)
{
    struct sim *s = sim_create(NULL);
    struct account a[20];
    for (int i = 0; i < 20; i++) {
        a[i] = (struct account){ 1, 0, 0, 0 };
        sim_audit_register(s, "mesh", state_account, &a[i]);
    }
    char text[100];
    memset(text, 'x', sizeof(text));
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 20);
    cr_assert_lt(strlen(text), sizeof(text));
    sim_destroy(s);
}
