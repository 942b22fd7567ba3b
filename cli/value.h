/* value.h: values of a configuration as text and number, and those that a campaign measured. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "cli/campaign.h"

/* A value as a user would write it (heap), and as a number in base units (NAN: it is none). */
char *value_text(const struct val *v);
double value_number(const struct val *v);

struct campaign_value {
    double mean, half_width;
    const char *unit; /* borrowed from the results */
    unsigned flags;
    size_t n;         /* replications behind it */
    enum sim_why why; /* n is 0: why */
};
/* The mean of a scalar over the replications of one case, with its 95 % half width: Student t over
 * replications when there are at least two, else the half width of the run itself (NAN: none, as
 * for a deterministic one).  False when no finished point of the case has a value of it; n is 0
 * then. */
bool campaign_value(const struct campaign *r, const struct config *c, size_t case_idx,
                    const char *scalar, struct campaign_value *out);

#endif
