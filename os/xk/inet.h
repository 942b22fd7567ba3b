/* inet.h: addresses and checksums of the internet protocols: ARP, IP, ICMP, UDP, TCP. */
#ifndef OS_XK_INET_H
#define OS_XK_INET_H

#include "os/xk/msg.h"

#define INET_ALL UINT32_MAX /* all hosts of the network that it is sent on [RFC 919] */

struct inet_network {
    uint32_t base; /* the host's bits are 0 */
    uint32_t mask;
};

/* "10.1.0.9" as a number; false: it is none. */
bool inet_parse(const char *text, uint32_t *address) MUST_CHECK;
/* "10.1.0.0/16"; false: it is none, or there are bits behind the prefix. */
bool inet_network_parse(const char *text, struct inet_network *n) MUST_CHECK;
/* The same in words, in `out`, which it returns. */
#define INET_TEXT 16
const char *inet_text(uint32_t address, char out[INET_TEXT]);
/* Is it there, and neither of the two that are no host's? */
static inline bool inet_host_of(struct inet_network n, uint32_t address)
{
    return (address & n.mask) == n.base && address != n.base && address != (n.base | ~n.mask);
}
/* All hosts of it, by their network [RFC 919]. */
static inline uint32_t inet_all_of(struct inet_network n)
{
    return n.base | ~n.mask;
}

/* ---- the checksum [RFC 1071] ----
 *
 * The sum of the 16-bit words of all that was added, in order; what is added in parts is of even
 * length but for the last.  Its complement is what stands in headers; a whole message that has it
 * sums up to 0xffff. */
uint32_t inet_sum(uint32_t sum, const void *bytes, size_t len);
uint32_t inet_sum_rope(uint32_t sum, const struct rope *r);
uint32_t inet_sum_msg(uint32_t sum, const struct xk_msg *m); /* headers and data */
/* The pseudo-header of UDP and TCP [RFC 768, 793]. */
uint32_t inet_sum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint32_t length);
static inline uint16_t inet_checksum(uint32_t sum)
{
    return (uint16_t)~sum;
}

#endif
