/* json.h: the results of a campaign for machines. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdio.h>

#include "cli/campaign.h"
#include "cli/expect.h"

/* One JSON object: configuration, points with parameters, scalars and status, verdicts, exit code.
 * The layout is described in docs/configuration.md. */
void json_print(FILE *f, const struct config *c, const struct campaign *r,
                const struct expect_verdict *verdicts, size_t verdict_count, int code);

#endif
