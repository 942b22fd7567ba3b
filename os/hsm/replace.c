/* replace.c: which file leaves the disk when room is needed.  See replace.h.
 *
 * Sources: STP, space-time product [Smith, CACM 24(8) 1981: purge what has the largest size x age;
 * known here by its results, the exponent 1.4 as recalled]; GreedyDual-Size [Cao & Irani, USENIX
 * Symposium on Internet Technologies 1997]: a file has the credit L + cost / size when it is used,
 * the least credit goes, and L becomes that.
 */
#include "os/hsm/replace.h"

#include <math.h>

/* Since it was used, or came: what was staged before anybody asked is not as old as its last use.
 */
static sim_time rest(const struct replace_file *f)
{
    return sim_time_min(f->idle, f->age);
}

static double rest_seconds(const struct replace_file *f)
{
    return (double)rest(f) / (double)SIM_SEC;
}

static double longest_idle(void *state, const struct replace_file *f)
{
    (void)state;
    return (double)rest(f);
}

static double shortest_idle(void *state, const struct replace_file *f)
{
    (void)state;
    return -(double)rest(f);
}

static double largest(void *state, const struct replace_file *f)
{
    (void)state;
    return (double)f->size;
}

static double stp(void *state, const struct replace_file *f)
{
    (void)state;
    return (double)f->size * rest_seconds(f);
}

#define STP_EXPONENT 1.4 /* ASSUMED(as recalled of Smith 1981; no document at hand) */
static double stp_14(void *state, const struct replace_file *f)
{
    (void)state;
    return (double)f->size * pow(rest_seconds(f), STP_EXPONENT);
}

/* ---- by chance ---- */

struct random_state {
    uint64_t purged;
};

/* The same for a file from one purge to the next, whoever asks how often. */
static double by_chance(void *state, const struct replace_file *f)
{
    const struct random_state *r = state;
    uint64_t z = f->file * UINT64_C(0x9e3779b97f4a7c15) + r->purged;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11);
}

static void purged_by_chance(void *state, const struct replace_file *f, double value)
{
    struct random_state *r = state;
    (void)f;
    (void)value;
    r->purged++;
}

/* ---- GreedyDual-Size ---- */

struct greedy {
    double level; /* the credit of who went last */
};

/* Credits are above 0: bytes may be many, a cost is 1 or seconds. */
static double credit(const struct greedy *g, const struct replace_file *f, double cost)
{
    return g->level + cost / ((double)f->size + 1);
}

static double cost_of(const struct replace_file *f)
{
    return f->fetch > 0 ? (double)f->fetch / (double)SIM_SEC : 1;
}

static void used_alike(void *state, const struct replace_file *f)
{
    *f->note = credit(state, f, 1);
}

static void used_by_cost(void *state, const struct replace_file *f)
{
    *f->note = credit(state, f, cost_of(f));
}

/* What came and was never used has credit from when it is first looked at. */
static double least_alike(void *state, const struct replace_file *f)
{
    if (*f->note <= 0)
        used_alike(state, f);
    return -*f->note;
}

static double least_by_cost(void *state, const struct replace_file *f)
{
    if (*f->note <= 0)
        used_by_cost(state, f);
    return -*f->note;
}

static void purged(void *state, const struct replace_file *f, double value)
{
    struct greedy *g = state;
    (void)f;
    g->level = -value > g->level ? -value : g->level;
}

#define POLICY(name_, value_, doc_, ...)                                                           \
    static const struct replace_ops policy_##name_ = { .kind = { .name = #name_, .doc = doc_ },    \
                                                       .value = value_,                            \
                                                       __VA_ARGS__ };
POLICY(lru, longest_idle, "The file goes that was used least recently.")
POLICY(mru, shortest_idle,
       "The file goes that was used last: for what is read again and again in order.")
POLICY(size, largest, "The largest file goes.")
POLICY(stp, stp, "The file goes with the largest size x time since it was used [Smith 1981].")
POLICY(stp14, stp_14, "The same, that time to the power of 1.4.")

static const struct replace_ops policy_gds = {
    .kind = { .name = "gds",
              .doc = "GreedyDual-Size, all misses alike: small and young files stay.",
              .state_size = sizeof(struct greedy) },
    .value = least_alike,
    .used = used_alike,
    .purged = purged,
};
static const struct replace_ops policy_gds_cost = {
    .kind = { .name = "gds_cost",
              .doc = "GreedyDual-Size, a miss costs what staging the file may take.",
              .state_size = sizeof(struct greedy) },
    .value = least_by_cost,
    .used = used_by_cost,
    .purged = purged,
};
static const struct replace_ops policy_random = {
    .kind = { .name = "random",
              .doc = "Any file goes: what a policy must be better than.",
              .state_size = sizeof(struct random_state) },
    .value = by_chance,
    .purged = purged_by_chance,
};

static const struct kind *const policies[] = {
    &policy_lru.kind,      &policy_mru.kind,    &policy_size.kind,
    &policy_stp.kind,      &policy_stp14.kind,  &policy_gds.kind,
    &policy_gds_cost.kind, &policy_random.kind, NULL,
};
const struct kind_set hsm_replacements = { "purge", "replace of the layer hsm", policies };
