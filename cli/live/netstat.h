/* netstat.h: what the protocols of a live host have counted, as `netstat -s` of 4.4BSD words it. */
#ifndef CLI_LIVE_NETSTAT_H
#define CLI_LIVE_NETSTAT_H

#include <stdio.h>

#include "models/live/live.h"

/* A section for each of ip, icmp, tcp and udp that the host has. */
void netstat_print(FILE *to, const struct live *l);

#endif
