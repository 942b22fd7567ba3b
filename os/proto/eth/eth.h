/* eth.h: ETH: frames with an Ethernet header over one network interface of the node.
 *
 * The bottom of a graph, over any network.  Participants are a station of the network
 * (XK_PART_STATION) and the type of the upper (XK_PART_TYPE, above it): an ethertype from 0x600 on,
 * or a number below, which goes behind the type 0x88B5 of local experiments [IEEE 802], as does the
 * relative number of an upper that names no type.  xk_open_enable takes a type or nothing.  Nobody
 * here knows the station of a node: it is learned (ARP).
 *
 *   FRAME1  A frame has the addresses of both stations, 02:00 and the station in four octets,
 *       ff:ff:ff:ff:ff:ff for all, and the type [RFC 894]: a capture has it as it is.
 *   FRAME2  What comes for another station (`other`), of a type that nobody has enabled (`nobody`),
 *       or cut short or from no station (`bad`) is dropped and counted.
 * Frames leave in the order of their pushes; above `queue` that wait, XK_BUSY (outq.h).  The host
 * of its sessions is XK_NO_HOST.  ETH_ALL as a station is all others; where the network cannot do
 * that, opening it says XK_NO_PEER.  XK_GET_OPT_PACKET of a session is the interface's MTU less its
 * header.
 */
#ifndef OS_PROTO_ETH_ETH_H
#define OS_PROTO_ETH_ETH_H

#include "os/xk/xobj.h"

#define ETH_ALL UINT32_MAX     /* as XK_PART_STATION */
#define ETH_TYPE_LEAST 0x600u  /* a type below is a number behind ETH_TYPE_LOCAL [802.3] */
#define ETH_TYPE_IP 0x0800u    /* [RFC 894] */
#define ETH_TYPE_ARP 0x0806u   /* [RFC 826] */
#define ETH_TYPE_LOCAL 0x88b5u /* [IEEE 802] */

#define ETH_ADDRESS 6 /* bytes of a station's address */
/* The address of a station, ETH_ALL too. */
void eth_address_store(uint8_t out[ETH_ADDRESS], uint32_t station);
/* The station of an address, ETH_ALL too; false: it is none of ours. */
bool eth_address_load(const uint8_t in[ETH_ADDRESS], uint32_t *station) MUST_CHECK;

/* This node's own station; false: it is not on the network. */
bool eth_station(const struct xk_protl *eth, uint32_t *station) MUST_CHECK;
/* Of a session: the peer's station, and the type. */
uint32_t eth_peer(const struct xk_sessn *s);
uint32_t eth_type(const struct xk_sessn *s);

extern const struct xk_protl_ops eth_protl;

#endif
