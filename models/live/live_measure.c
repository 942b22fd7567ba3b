/* live_measure.c: what a live node counts, draws and says; and the devices that it has not. */
#include "models/live/live_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- work ---- */

void port_work(struct port *p, enum port_work kind, uint64_t amount)
{
    p->live->work[kind] += amount; /* LIVE2 */
}

uint64_t live_work(const struct live *l, enum port_work kind)
{
    return l->work[kind];
}

/* ---- random draws ---- */

uint64_t port_random(struct port *p)
{
    return draw_next(&p->random);
}

uint64_t port_random_below(struct port *p, uint64_t n)
{
    return draw_next(&p->random) % n;
}

/* ---- counters ---- */

void port_counters(struct port *p, const char *owner, const struct counter *d, const void *base)
{
    counted_begin(&p->counters, owner, d, base);
}

void port_counters_end(struct port *p, const void *base)
{
    counted_end(&p->counters, base, &p->live->gone);
}

bool live_count(const struct live *l, const char *name, uint64_t *value)
{
    *value = 0;
    bool found = counted_add(&l->gone, name, value);
    LIST_EACH (t, &l->tasks)
        found |= counted_add(&LIST_ENTRY(t, struct port, link)->counters, name, value);
    return found;
}

const struct live_counts *live_counts(const struct live *l)
{
    return &l->counts;
}

/* ---- what is observed: nobody makes results of it ---- */

void port_window(struct port *p, bool open, uint32_t of)
{
    (void)p;
    (void)open;
    (void)of;
}

void port_progress(struct port *p, sim_time since, double amount)
{
    (void)p;
    (void)since;
    (void)amount;
}

void port_measure(struct port *p, const struct measure *m, double value)
{
    (void)m;
    (void)value;
    p->live->counts.measured++;
}

void port_stage(struct port *p, const struct measure *m)
{
    (void)p;
    (void)m;
}

void port_ledger(struct port *p, uint64_t who)
{
    (void)p;
    (void)who;
}

void port_ledger_part(struct port *p, enum ledger_part part, sim_time most)
{
    (void)p;
    (void)part;
    (void)most;
}

void port_ledger_tell(struct port *p, enum ledger_part part, const struct measure *m, sim_time less)
{
    (void)p;
    (void)part;
    (void)m;
    (void)less;
}

void port_delivered(struct port *p, uint64_t length, uint64_t content)
{
    struct live_counts *c = &p->live->counts;
    c->delivered++;
    c->delivered_bytes += length;
    c->digest = digest_delivered(c->digest, p->live->o.node, length, content);
}

bool port_trace_on(const struct port *p)
{
    (void)p;
    return false;
}

void port_trace_begin(struct port *p, const char *track, const char *name, uint64_t id)
{
    (void)p, (void)track, (void)name, (void)id;
}

void port_trace_end(struct port *p, const char *track, const char *name, uint64_t id)
{
    (void)p, (void)track, (void)name, (void)id;
}

/* ---- what is said ---- */

PRINTF_LIKE(3, 0)
static void say(const struct live *l, bool failed, const char *fmt, va_list ap)
{
    char sentence[512];
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    if (l->o.say)
        l->o.say(l->o.arg, failed, sentence);
}

void port_remark(struct port *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(p->live, false, fmt, ap);
    va_end(ap);
}

void port_fail(struct port *p, const char *fmt, ...)
{
    va_list ap;
    p->live->counts.failures++;
    va_start(ap, fmt);
    say(p->live, true, fmt, ap);
    va_end(ap);
}

/* ---- devices: there are none, and who asks for one has not looked at their number ---- */

NO_RETURN static void no_device(void)
{
    base_assert_failed("devices", __FILE__, __LINE__, "a live node has no storage and no changer");
}

uint32_t port_blk_count(const struct port *p)
{
    (void)p;
    return 0;
}

void port_blk_describe(const struct port *p, uint32_t dev, struct port_blk_info *out)
{
    (void)p, (void)dev, (void)out;
    no_device();
}

void port_blk_submit(struct port *p, uint32_t dev, struct port_io *io)
{
    (void)p, (void)dev, (void)io;
    no_device();
}

sim_time port_blk_locate_time(const struct port *p, uint32_t dev, uint64_t from, uint64_t to)
{
    (void)p, (void)dev, (void)from, (void)to;
    no_device();
}

bool port_blk_spot(const struct port *p, uint32_t dev, uint64_t block, struct port_blk_spot *out)
{
    (void)p, (void)dev, (void)block, (void)out;
    no_device();
}

uint32_t port_changer_count(const struct port *p)
{
    (void)p;
    return 0;
}

void port_changer_describe(const struct port *p, uint32_t changer, struct port_changer_info *out)
{
    (void)p, (void)changer, (void)out;
    no_device();
}

uint32_t port_changer_home(const struct port *p, uint32_t changer, uint32_t k,
                           char label[PORT_LABEL_SIZE])
{
    (void)p, (void)changer, (void)k, (void)label;
    no_device();
}

bool port_changer_drive(const struct port *p, uint32_t changer, uint32_t drive, uint32_t *node,
                        uint32_t *dev)
{
    (void)p, (void)changer, (void)drive, (void)node, (void)dev;
    no_device();
}

void port_changer_submit(struct port *p, uint32_t changer, struct port_change *c)
{
    (void)p, (void)changer, (void)c;
    no_device();
}
