/* names.c: under what the parts of a run are named.  See sim.h. */
#include <stdio.h>

#include "sim/internal.h"

void sim_names_under(struct sim *s, const char *name)
{
    snprintf(s->names, sizeof s->names, "%s%s", name != NULL ? name : "", name != NULL ? "." : "");
}

char *sim_full_name(const struct sim *s, const char *name)
{
    return base_printf("%s%s", s->names, name);
}
