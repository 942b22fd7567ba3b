/* preset.h: drives of configs/disks/ as values, read with plain Lua. */
#ifndef TESTS_DISKS_PRESET_H
#define TESTS_DISKS_PRESET_H

#include "sim/base/val.h"

/* "hp_c2247a": the table of configs/disks/hp_c2247a.lua; the caller frees it. */
struct val *preset_load(const char *name);
/* "return { kind = 'disk' }". */
struct val *preset_text(const char *text);

#endif
