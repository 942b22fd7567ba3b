/* replace.c: which file leaves the disk when room is needed.  See replace.h.
 *
 * Sources: STP, space-time product [Smith, CACM 24(8) 1981: purge what has the largest size x age;
 * known here by its results, the exponent 1.4 as recalled]; GreedyDual-Size [Cao & Irani, USENIX
 * Symposium on Internet Technologies 1997]: a file has the credit L + cost / size when it is used,
 * the least credit goes, and L becomes that; with uses x cost / size it is GDSF [Cherkasova, HP
 * Labs 1998, known here by its rule].
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

/* ---- space-time products ---- */

struct stp_params {
    double exponent, size_exponent;
};
#define STP_PARAMS(exponent_, src_)                                                                \
    P_REAL(stp_params, exponent, exponent_, "0", "10",                                             \
           "Of the time since the file was used; 0: size alone counts.", src_),                    \
        P_REAL(stp_params, size_exponent, "1", "0", "10",                                          \
               "Of the file's size; 0: time alone counts.",                                        \
               "Smith, CACM 24(8) 1981: the product"),                                             \
        P_END
static const struct param stp_desc[] = { STP_PARAMS("1", "Smith, CACM 24(8) 1981: the product") };
static const struct param stp14_desc[] = { STP_PARAMS(
    "1.4", "ASSUMED(as recalled of Smith 1981; no document at hand)") };

struct stp {
    const struct stp_params *params;
};

static void stp_init(void *state, const void *params)
{
    ((struct stp *)state)->params = params;
}

static double stp(void *state, const struct replace_file *f)
{
    const struct stp_params *p = ((const struct stp *)state)->params;
    return pow((double)f->size, p->size_exponent) * pow(rest_seconds(f), p->exponent);
}

/* ---- by chance ---- */

struct random_params {
    int64_t seed;
};
static const struct param random_desc[] = {
    P_INT(random_params, seed, "0", "0", "1000000000", "Another row of chances."),
    P_END,
};
struct random_state {
    const struct random_params *params;
    uint64_t purged;
};

static void random_init(void *state, const void *params)
{
    ((struct random_state *)state)->params = params;
}

/* The same for a file from one purge to the next, whoever asks how often. */
static double by_chance(void *state, const struct replace_file *f)
{
    const struct random_state *r = state;
    uint64_t z = (uint64_t)r->params->seed * UINT64_C(0xd1342543de82ef95) +
                 f->file * UINT64_C(0x9e3779b97f4a7c15) + r->purged;
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

struct greedy_params {
    double size_exponent, uses_exponent;
    bool aging, by_cost;
};
#define GREEDY_PARAMS(by_cost_)                                                                    \
    P_REAL(greedy_params, size_exponent, "1", "0", "10",                                           \
           "Of the file's size, by which its cost is divided; 0: GreedyDual.",                     \
           "Cao & Irani 1997: cost / size"),                                                       \
        P_REAL(greedy_params, uses_exponent, "0", "0", "10",                                       \
               "Of how often it was used since it came, by which that is multiplied; 1: GDSF.",    \
               "Cao & Irani 1997: uses do not count"),                                             \
        P_BOOL(greedy_params, aging, "true",                                                       \
               "What was not used loses credit against what comes; else old credit is worth as "   \
               "much as new.",                                                                     \
               "Cao & Irani 1997: L, the credit of who went last"),                                \
        P_BOOL(greedy_params, by_cost, by_cost_,                                                   \
               "A miss costs what staging the file may take; else all are alike.",                 \
               "Cao & Irani 1997: both"),                                                          \
        P_END
static const struct param gds_desc[] = { GREEDY_PARAMS("false") };
static const struct param gds_cost_desc[] = { GREEDY_PARAMS("true") };

struct greedy {
    const struct greedy_params *params;
    double level; /* the credit of who went last */
};

static void greedy_init(void *state, const void *params)
{
    ((struct greedy *)state)->params = params;
}

static double cost_of(const struct greedy *g, const struct replace_file *f)
{
    double cost = g->params->by_cost && f->fetch > 0 ? (double)f->fetch / (double)SIM_SEC : 1;
    return f->uses > 0 ? cost * pow((double)f->uses, g->params->uses_exponent) : cost;
}

/* Credits are above 0: bytes may be many, a cost is 1 or seconds. */
static void used(void *state, const struct replace_file *f)
{
    const struct greedy *g = state;
    double size = pow((double)f->size + 1, g->params->size_exponent);
    *f->note = (g->params->aging ? g->level : 0) + cost_of(g, f) / size;
}

/* What came and was never used has credit from when it is first looked at. */
static double least(void *state, const struct replace_file *f)
{
    if (*f->note <= 0)
        used(state, f);
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

#define WITH_PARAMS(name_, doc_, state_, params_, desc_, init_, value_, ...)                       \
    static const struct replace_ops policy_##name_ = {                                             \
        .kind = { .name = #name_,                                                                  \
                  .doc = doc_,                                                                     \
                  .params = desc_,                                                                 \
                  .params_size = sizeof(struct params_),                                           \
                  .state_size = sizeof(struct state_) },                                           \
        .init = init_,                                                                             \
        .value = value_,                                                                           \
        __VA_ARGS__                                                                                \
    }
WITH_PARAMS(stp, "The file goes with the largest size x time since it was used [Smith 1981].", stp,
            stp_params, stp_desc, stp_init, stp, );
WITH_PARAMS(stp14, "The same, that time to the power of 1.4.", stp, stp_params, stp14_desc,
            stp_init, stp, );
WITH_PARAMS(gds, "GreedyDual-Size, all misses alike: small and young files stay.", greedy,
            greedy_params, gds_desc, greedy_init, least, .used = used, .purged = purged);
WITH_PARAMS(gds_cost, "GreedyDual-Size, a miss costs what staging the file may take.", greedy,
            greedy_params, gds_cost_desc, greedy_init, least, .used = used, .purged = purged);
WITH_PARAMS(random, "Any file goes: what a policy must be better than.", random_state,
            random_params, random_desc, random_init, by_chance, .purged = purged_by_chance);

static const struct kind *const policies[] = {
    &policy_lru.kind,      &policy_mru.kind,    &policy_size.kind,
    &policy_stp.kind,      &policy_stp14.kind,  &policy_gds.kind,
    &policy_gds_cost.kind, &policy_random.kind, NULL,
};
const struct kind_set hsm_replacements = { "purge", "replace of the layer hsm", policies };
