/* filter_internal.h: private to os/proto/filter/: filters that are there, and FILTER's state. */
#ifndef OS_PROTO_FILTER_FILTER_INTERNAL_H
#define OS_PROTO_FILTER_FILTER_INTERNAL_H

#include "os/proto/filter/filter.h"
#include "os/xk/keyed.h"
#include "os/xk/transfer.h"

struct filter_entry {
    struct list link; /* of filter_table.entries, in the order of their coming */
    uint64_t order;
    uint32_t upper; /* whose: a relative number */
    uint32_t by;    /* FILT9; 0: nobody */
    struct filter_group *group;
    struct filter_program *program; /* with as many instructions as it has */
    uint32_t value[FILTER_TESTS];   /* of its tests */
};

/* Filters of one shape and priority, or one alone that has no shape. */
struct filter_group {
    struct list link; /* of filter_table.groups: the highest priority first, then the oldest */
    uint8_t priority;
    uint32_t tests; /* 0: `alone` is run */
    struct filter_test test[FILTER_TESTS];
    struct xk_map by_value; /* of filter_entry */
    struct filter_entry *alone;
};

struct filter_table {
    struct port *port;
    struct list groups, entries;
    uint64_t order, count;
};

struct filter_seen { /* by a datagram */
    uint64_t looked, steps;
};

void filter_table_init(struct filter_table *t, struct port *p);
enum xk_status filter_table_add(struct filter_table *t, uint32_t upper, uint32_t by,
                                const struct filter_program *p);
enum xk_status filter_table_remove(struct filter_table *t, uint32_t upper,
                                   const struct filter_program *p);
/* Those of whom answers for them; how many there were: FILT9. */
uint64_t filter_table_drop(struct filter_table *t, uint32_t by);
/* FILT4; of those alone whose both ends `lives` takes; NULL: none. */
struct filter_entry *filter_table_find(struct filter_table *t, const uint8_t *bytes,
                                       uint32_t length, bool (*lives)(void *arg, uint32_t upper),
                                       void *arg, struct filter_seen *seen);

struct filter_params {
    int64_t fragments, idle;
    struct kind_choice delivery;
};

struct filter_part {          /* the beginning of a datagram that was cut */
    uint32_t src, dst, upper; /* upper: 0: this place is empty */
    uint16_t id;
    uint8_t protocol;
};

struct filter_lost { /* what was to go to a host that does not answer */
    struct list link;
    struct xk_msg msg;
};

struct filter_sessn {
    struct filter_key {
        uint32_t address, upper; /* address: 0: of whoever, as ARP's below */
    } key;
    struct list lost; /* of filter_lost: until the upper takes them */
};

struct filter_state {
    const struct filter_params *params;
    struct filter_table table;
    struct xk_keyed sessns;
    uint32_t first;   /* the number of the first instance above it; 0: none yet */
    struct list lost; /* while they are told */
    struct filter_part *parts;
    uint32_t next_part;
    struct {
        uint64_t received, matched, rest, fragments, nobody, added, removed, refused, looked, steps,
            most;
    } counts;
};

#endif
