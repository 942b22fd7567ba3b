/* units.h: dimensioned values as text: "40ns", "64KiB", "2.6MB/s", "10kHz".
 *
 * The one place that parses and prints units.  A dimensioned value always needs its unit; only 0
 * may stand without one.  KiB, MiB, GiB are powers of 1,024; kB, MB, GB powers of 1,000. Exact:
 * decimal text is scaled in integers and must come out whole after rounding to the resolution (1
 * ps, 1 byte, 1 byte/s).
 */
#ifndef SIM_BASE_UNITS_H
#define SIM_BASE_UNITS_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/time.h"

/* Each returns false with a sentence ("'64k' is not a size: write a number and B, kB, KiB, ...")
 * and leaves *out alone. */
bool units_parse_time(const char *text, sim_time *out, struct err *e); /* ps ns us ms s min h */
bool units_parse_size(const char *text, int64_t *out,
                      struct err *e); /* B kB KiB MB MiB GB GiB TB TiB */
bool units_parse_rate(const char *text, int64_t *out, struct err *e); /* a size unit + "/s" */

/* The shortest exact text that parses back to the same value, in `out` (at least 32 bytes). */
const char *units_format_time(sim_time t, char *out, size_t size);
const char *units_format_size(int64_t bytes, char *out, size_t size);
const char *units_format_rate(int64_t rate, char *out, size_t size);

#endif
