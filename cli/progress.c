/* progress.c: the progress line. */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/worker.h"

void progress_begin(struct progress *p, size_t total, bool quiet)
{
    *p = (struct progress){ .total = total };
    p->on = !quiet && isatty(STDERR_FILENO);
    p->began = p->last_time = worker_clock();
}

void progress_add(struct progress *p, const struct point_result *r)
{
    p->finished++;
    p->worker_seconds += r->host_seconds;
    p->done_events += r->events;
}

static void duration(double s, char *out, size_t size)
{
    unsigned long n = (unsigned long)(s + 0.5);
    if (n >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu", n / 3600, n / 60 % 60, n % 60);
    else
        snprintf(out, size, "%lu:%02lu", n / 60, n % 60);
}

void progress_show(struct progress *p, size_t done, size_t running, sim_time now, uint64_t events)
{
    if (!p->on)
        return;
    double t = worker_clock();
    uint64_t all = p->done_events + events;
    if (t - p->last_time > 0.1 && all >= p->last_events) {
        double rate = (double)(all - p->last_events) / (t - p->last_time);
        p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * rate : rate;
        p->last_time = t;
        p->last_events = all;
    }
    char left[32] = "?";
    if (p->finished > 0)
        duration((t - p->began) / (double)p->finished * (double)(p->total - done), left,
                 sizeof left);
    dprintf(STDERR_FILENO,
            "\r%zu/%zu points, %zu running, %.6g s simulated, %.3g events/s, %s left\033[K", done,
            p->total, running, sim_time_seconds(now), p->rate, left);
}

void progress_end(struct progress *p)
{
    if (p->on)
        dprintf(STDERR_FILENO, "\r\033[K");
}
