/* library_queue.c: which of the requests that wait an arm takes next.
 *
 * Source of interleaving: the HPSS collaboration, which alternated mounts and dismounts so that
 * the arm was never empty (docs/models/library.md).
 */
#include "disks/library/library_internal.h"

#define BEHIND (UINT64_C(1) << 63)

static uint64_t rank_fifo(const struct queue_view *v)
{
    (void)v;
    return 0;
}

static uint64_t rank_nearest(const struct queue_view *v)
{
    return (uint64_t)v->travel;
}

static uint64_t rank_mounts(const struct queue_view *v)
{
    return v->job == JOB_MOUNT ? 0 : 1;
}

static uint64_t rank_dismounts(const struct queue_view *v)
{
    return v->job == JOB_DISMOUNT ? 0 : 1;
}

static uint64_t rank_runs(const struct queue_view *v)
{
    return v->job == v->last ? 0 : 1;
}

static uint64_t rank_interleave(const struct queue_view *v)
{
    return (uint64_t)v->travel + (v->job == v->last ? BEHIND : 0);
}

#define QUEUES(Q)                                                                                  \
    Q(fifo, "in the order in which they could be served", rank_fifo)                               \
    Q(nearest, "the one that begins nearest to the arm", rank_nearest)                             \
    Q(mounts_first, "moves to drives before all others", rank_mounts)                              \
    Q(dismounts_first, "moves from drives before all others", rank_dismounts)                      \
    Q(in_runs, "moves of the kind that it did last, as long as there are any", rank_runs)          \
    Q(interleave, "a mount after a dismount and the other way round, the nearest of them",         \
      rank_interleave)
#define DEFINE(name_, doc_, rank_)                                                                 \
    static const struct changer_queue_ops queue_##name_ = {                                        \
        .kind = { .name = #name_, .doc = doc_ }, .rank = rank_                                     \
    };
#define ITEM(name_, doc_, rank_) &queue_##name_.kind,
QUEUES(DEFINE)
static const struct kind *const kinds[] = { QUEUES(ITEM) NULL };
const struct kind_set changer_queues = { "arm_queue", "libraries.queue", kinds };
