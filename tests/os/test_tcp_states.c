/* test_tcp_states.c: TCP by states: each state and event of RFC 793, section 3.9, one row each.
 *
 * Expected answers and states are those of pages 54 to 76, as RFC 1122, 4.2.2.20 corrects them; a
 * RST in TIME-WAIT is passed over [RFC 1337].  The language is told in tcp_rig.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/tcp_rig.h"

#define SYN "> S 0:0 ack - win 8192 mss 1472"
#define SYNACK "> S. 0:0 ack 1 win 8192 mss 1472"
#define ESTAB "! open", SYN, "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 8192"
#define FIN1 ESTAB, "! finish", "> F. 1:0 ack 1 win 8192"
#define FIN2 FIN1, "< . 1:0 ack 2 win 8000"
#define CLOSEW ESTAB, "< F. 1:0 ack 1 win 8000", "> . 1:0 ack 2 win 8191"

/* How each comes about. */
static const char *const closed[] = { NULL };
static const char *const listening[] = { "! listen", NULL };
static const char *const syn_sent[] = { "! open", SYN, NULL };
static const char *const syn_rcvd[] = { "! listen", "< S 0:0 ack - win 8000 mss 500", SYNACK,
                                        NULL };
static const char *const established[] = { ESTAB, NULL };
static const char *const close_wait[] = { CLOSEW, NULL };
static const char *const fin_wait_1[] = { FIN1, NULL };
static const char *const closing[] = { FIN1, "< F. 1:0 ack 1 win 8000", "> . 2:0 ack 2 win 8191",
                                       NULL };
static const char *const last_ack[] = { CLOSEW, "! finish", "> F. 1:0 ack 2 win 8191", NULL };
static const char *const fin_wait_2[] = { FIN2, NULL };
static const char *const time_wait[] = { FIN2, "< F. 1:0 ack 2 win 8000", "> . 2:0 ack 2 win 8191",
                                         NULL };

static const struct row {
    const char *const *from;
    const char *event, *sent, *next; /* sent: NULL: nothing */
} rows[] = {
    /* page 65: no connection, nobody listens */
    { closed, "< S 0:0 ack - win 8000", "> R. 0:0 ack 1 win 0", "gone" },
    { closed, "< S. 0:0 ack 5 win 8000", "> R 5:0 ack - win 0", "gone" },
    { closed, "< . 3:0 ack 7 win 8000", "> R 7:0 ack - win 0", "gone" },
    { closed, "< . 3:9 ack 7 win 8000", "> R 7:0 ack - win 0", "gone" },
    { closed, "< F 3:4 ack - win 8000", "> R. 0:0 ack 8 win 0", "gone" },
    { closed, "< F. 3:4 ack 6 win 8000", "> R 6:0 ack - win 0", "gone" },
    { closed, "< R 3:0 ack - win 0", NULL, "gone" },
    { closed, "< R. 3:0 ack 7 win 0", NULL, "gone" },
    /* LISTEN */
    { listening, "< S 0:0 ack - win 8000 mss 500", SYNACK, "SYN_RCVD" },
    { listening, "< S. 0:0 ack 5 win 8000", "> R 5:0 ack - win 0", "gone" },
    { listening, "< . 3:0 ack 7 win 8000", "> R 7:0 ack - win 0", "gone" },
    { listening, "< F. 3:0 ack 7 win 8000", "> R 7:0 ack - win 0", "gone" },
    { listening, "< F 3:0 ack - win 8000", NULL, "gone" },
    { listening, "< P 3:9 ack - win 8000", NULL, "gone" },
    { listening, "< R 3:0 ack - win 0", NULL, "gone" },
    { listening, "< R. 3:0 ack 7 win 0", NULL, "gone" },
    { listening, "< SR 0:0 ack - win 0", NULL, "gone" },
    /* SYN-SENT */
    { syn_sent, "< S 0:0 ack - win 8000 mss 500", SYNACK, "SYN_RCVD" },
    { syn_sent, "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { syn_sent, "< S. 0:10 ack 1 win 8000 mss 500", "> . 1:0 ack 11 win 8182", "ESTABLISHED" },
    { syn_sent, "< SF. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { syn_sent, "< S. 0:0 ack 0 win 8000", "> R 0:0 ack - win 0", "SYN_SENT" },
    { syn_sent, "< S. 0:0 ack 2 win 8000", "> R 2:0 ack - win 0", "SYN_SENT" },
    { syn_sent, "< . 0:0 ack 1 win 8000", NULL, "SYN_SENT" },
    { syn_sent, "< . 0:9 ack 7 win 8000", "> R 7:0 ack - win 0", "SYN_SENT" },
    { syn_sent, "< F. 0:0 ack 1 win 8000", NULL, "SYN_SENT" },
    { syn_sent, "< F 0:0 ack - win 8000", NULL, "SYN_SENT" },
    { syn_sent, "< R 0:0 ack - win 0", NULL, "SYN_SENT" },
    { syn_sent, "< R. 0:0 ack 2 win 0", NULL, "SYN_SENT" },
    { syn_sent, "< R. 0:0 ack 1 win 0", NULL, "gone" },
    { syn_sent, "! push 5", NULL, "SYN_SENT" },
    { syn_sent, "! finish", NULL, "gone" },
    { syn_sent, "! close", NULL, "gone" },
    { syn_sent, "! abort", NULL, "gone" },
    /* SYN-RECEIVED, from LISTEN */
    { syn_rcvd, "< S 0:0 ack - win 8000 mss 500", SYNACK, "SYN_RCVD" },
    { syn_rcvd, "< S 5:0 ack - win 8000", "> R. 1:0 ack 1 win 8192", "gone" },
    { syn_rcvd, "< S. 0:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { syn_rcvd, "< . 1:0 ack 1 win 8000", NULL, "ESTABLISHED" },
    { syn_rcvd, "< . 1:10 ack 1 win 8000", NULL, "ESTABLISHED" },
    { syn_rcvd, "< . 1:0 ack 0 win 8000", "> R 0:0 ack - win 0", "SYN_RCVD" },
    { syn_rcvd, "< . 1:0 ack 2 win 8000", "> R 2:0 ack - win 0", "SYN_RCVD" },
    { syn_rcvd, "< . 9000:10 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "SYN_RCVD" },
    { syn_rcvd, "< F. 1:0 ack 1 win 8000", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { syn_rcvd, "< F 1:0 ack - win 8000", NULL, "SYN_RCVD" },
    { syn_rcvd, "< R 1:0 ack - win 0", NULL, "gone" },
    { syn_rcvd, "< R 9000:0 ack - win 0", NULL, "SYN_RCVD" },
    { syn_rcvd, "< R 0:0 ack - win 0", NULL, "SYN_RCVD" },
    { syn_rcvd, "+ 3001", SYNACK, "SYN_RCVD" },
    /* ESTABLISHED */
    { established, "< S 0:0 ack - win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< S. 0:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< S 5:0 ack - win 8000", "> R. 1:0 ack 1 win 8192", "gone" },
    { established, "< S 9000:0 ack - win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< . 1:0 ack 1 win 8000", NULL, "ESTABLISHED" },
    { established, "< . 1:0 ack 0 win 8000", NULL, "ESTABLISHED" },
    { established, "< . 1:0 ack 2 win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< . 1:10 ack 1 win 8000", NULL, "ESTABLISHED" },
    { established, "< P 1:10 ack - win 8000", NULL, "ESTABLISHED" },
    { established, "< . 9000:10 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< F. 1:0 ack 1 win 8000", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { established, "< F. 9000:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "ESTABLISHED" },
    { established, "< F 1:0 ack - win 8000", NULL, "ESTABLISHED" },
    { established, "< R 1:0 ack - win 0", NULL, "gone" },
    { established, "< R. 1:0 ack 1 win 0", NULL, "gone" },
    { established, "< R 0:0 ack - win 0", NULL, "ESTABLISHED" },
    { established, "< R 9000:0 ack - win 0", NULL, "ESTABLISHED" },
    { established, "! push 5", "> P. 1:5 ack 1 win 8192", "ESTABLISHED" },
    { established, "! finish", "> F. 1:0 ack 1 win 8192", "FIN_WAIT_1" },
    { established, "! close", "> F. 1:0 ack 1 win 8192", "FIN_WAIT_1" },
    { established, "! abort", "> R. 1:0 ack 1 win 8192", "gone" },
    { established, "+ 9000000", NULL, "ESTABLISHED" },
    /* CLOSE-WAIT */
    { close_wait, "< S 0:0 ack - win 8000", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { close_wait, "< S 5:0 ack - win 8000", "> R. 1:0 ack 2 win 8191", "gone" },
    { close_wait, "< F. 1:0 ack 1 win 8000", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { close_wait, "< . 2:10 ack 1 win 8000", NULL, "CLOSE_WAIT" },
    { close_wait, "< . 2:0 ack 1 win 8000", NULL, "CLOSE_WAIT" },
    { close_wait, "< . 2:0 ack 2 win 8000", "> . 1:0 ack 2 win 8191", "CLOSE_WAIT" },
    { close_wait, "< R 2:0 ack - win 0", NULL, "gone" },
    { close_wait, "< R 9000:0 ack - win 0", NULL, "CLOSE_WAIT" },
    { close_wait, "! push 5", "> P. 1:5 ack 2 win 8191", "CLOSE_WAIT" },
    { close_wait, "! finish", "> F. 1:0 ack 2 win 8191", "LAST_ACK" },
    { close_wait, "! abort", "> R. 1:0 ack 2 win 8191", "gone" },
    /* FIN-WAIT-1 */
    { fin_wait_1, "< S 0:0 ack - win 8000", "> . 2:0 ack 1 win 8192", "FIN_WAIT_1" },
    { fin_wait_1, "< S 5:0 ack - win 8000", "> R. 2:0 ack 1 win 8192", "gone" },
    { fin_wait_1, "< . 1:0 ack 1 win 8000", NULL, "FIN_WAIT_1" },
    { fin_wait_1, "< . 1:0 ack 2 win 8000", NULL, "FIN_WAIT_2" },
    { fin_wait_1, "< . 1:0 ack 3 win 8000", "> . 2:0 ack 1 win 8192", "FIN_WAIT_1" },
    { fin_wait_1, "< . 1:10 ack 1 win 8000", NULL, "FIN_WAIT_1" },
    { fin_wait_1, "< F. 1:0 ack 1 win 8000", "> . 2:0 ack 2 win 8191", "CLOSING" },
    { fin_wait_1, "< F. 1:0 ack 2 win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { fin_wait_1, "< R 1:0 ack - win 0", NULL, "gone" },
    { fin_wait_1, "! push 5", NULL, "FIN_WAIT_1" },
    { fin_wait_1, "! finish", NULL, "FIN_WAIT_1" },
    { fin_wait_1, "! abort", "> R. 2:0 ack 1 win 8192", "gone" },
    { fin_wait_1, "+ 1001", "> F. 1:0 ack 1 win 8192", "FIN_WAIT_1" },
    /* CLOSING */
    { closing, "< S 0:0 ack - win 8000", "> . 2:0 ack 2 win 8191", "CLOSING" },
    { closing, "< S 5:0 ack - win 8000", "> R. 2:0 ack 2 win 8191", "gone" },
    { closing, "< . 2:0 ack 1 win 8000", NULL, "CLOSING" },
    { closing, "< . 2:0 ack 2 win 8000", NULL, "TIME_WAIT" },
    { closing, "< . 2:10 ack 1 win 8000", NULL, "CLOSING" },
    { closing, "< F. 1:0 ack 1 win 8000", "> . 2:0 ack 2 win 8191", "CLOSING" },
    { closing, "< F. 1:0 ack 2 win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { closing, "< R 2:0 ack - win 0", NULL, "gone" },
    { closing, "! abort", NULL, "gone" },
    { closing, "+ 1001", "> F. 1:0 ack 2 win 8191", "CLOSING" },
    /* LAST-ACK */
    { last_ack, "< S 0:0 ack - win 8000", "> . 2:0 ack 2 win 8191", "LAST_ACK" },
    { last_ack, "< S 5:0 ack - win 8000", "> R. 2:0 ack 2 win 8191", "gone" },
    { last_ack, "< . 2:0 ack 1 win 8000", NULL, "LAST_ACK" },
    { last_ack, "< . 2:0 ack 2 win 8000", NULL, "gone" },
    { last_ack, "< F. 1:0 ack 1 win 8000", "> . 2:0 ack 2 win 8191", "LAST_ACK" },
    { last_ack, "< R 2:0 ack - win 0", NULL, "gone" },
    { last_ack, "! push 5", NULL, "LAST_ACK" },
    { last_ack, "! finish", NULL, "LAST_ACK" },
    { last_ack, "! abort", NULL, "gone" },
    { last_ack, "+ 1001", "> F. 1:0 ack 2 win 8191", "LAST_ACK" },
    /* FIN-WAIT-2 */
    { fin_wait_2, "< S 0:0 ack - win 8000", "> . 2:0 ack 1 win 8192", "FIN_WAIT_2" },
    { fin_wait_2, "< S 5:0 ack - win 8000", "> R. 2:0 ack 1 win 8192", "gone" },
    { fin_wait_2, "< . 1:0 ack 2 win 8000", NULL, "FIN_WAIT_2" },
    { fin_wait_2, "< . 1:0 ack 3 win 8000", "> . 2:0 ack 1 win 8192", "FIN_WAIT_2" },
    { fin_wait_2, "< . 1:10 ack 2 win 8000", NULL, "FIN_WAIT_2" },
    { fin_wait_2, "< F. 1:0 ack 2 win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { fin_wait_2, "< R 1:0 ack - win 0", NULL, "gone" },
    { fin_wait_2, "! push 5", NULL, "FIN_WAIT_2" },
    { fin_wait_2, "! finish", NULL, "FIN_WAIT_2" },
    { fin_wait_2, "! abort", "> R. 2:0 ack 1 win 8192", "gone" },
    /* TIME-WAIT */
    { time_wait, "< S 0:0 ack - win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { time_wait, "< S 5:0 ack - win 8000", "> R. 2:0 ack 2 win 8191", "gone" },
    { time_wait, "< . 2:0 ack 2 win 8000", NULL, "TIME_WAIT" },
    { time_wait, "< F. 1:0 ack 2 win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { time_wait, "< . 9000:9 ack 2 win 8000", "> . 2:0 ack 2 win 8191", "TIME_WAIT" },
    { time_wait, "< R 2:0 ack - win 0", NULL, "TIME_WAIT" },
    { time_wait, "! finish", NULL, "TIME_WAIT" },
    { time_wait, "! abort", NULL, "gone" },
    { time_wait, "+ 59999", NULL, "TIME_WAIT" },
    { time_wait, "+ 60001", NULL, "gone" },
    /* RFC 1122, 4.2.3.9: what ICMP says ends an opener alone, and only if it is of what is not
     * acknowledged */
    { syn_sent, "! refused", NULL, "gone" },
    { syn_sent, "! refused_old", NULL, "SYN_SENT" },
    { syn_sent, "! unreachable", NULL, "SYN_SENT" },
    { syn_rcvd, "! refused", NULL, "SYN_RCVD" },
    { syn_rcvd, "! unreachable", NULL, "SYN_RCVD" },
    { established, "! refused", NULL, "ESTABLISHED" },
    { established, "! unreachable", NULL, "ESTABLISHED" },
    { close_wait, "! refused", NULL, "CLOSE_WAIT" },
    { close_wait, "! unreachable", NULL, "CLOSE_WAIT" },
    { fin_wait_1, "! refused", NULL, "FIN_WAIT_1" },
    { fin_wait_1, "! unreachable", NULL, "FIN_WAIT_1" },
    { closing, "! refused", NULL, "CLOSING" },
    { closing, "! unreachable", NULL, "CLOSING" },
    { last_ack, "! refused", NULL, "LAST_ACK" },
    { last_ack, "! unreachable", NULL, "LAST_ACK" },
    { fin_wait_2, "! refused", NULL, "FIN_WAIT_2" },
    { fin_wait_2, "! unreachable", NULL, "FIN_WAIT_2" },
    { time_wait, "! refused", NULL, "TIME_WAIT" },
    { time_wait, "! unreachable", NULL, "TIME_WAIT" },
};

Test(tcp_states, each_state_and_each_event)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *script[24];
        char next[40] = "= ";
        size_t n = 0;
        for (const char *const *s = rows[i].from; *s; s++)
            script[n++] = *s;
        script[n++] = rows[i].event;
        if (rows[i].sent)
            script[n++] = rows[i].sent;
        strcat(next, rows[i].next);
        script[n++] = next;
        script[n] = NULL;
        tcp_script("window_scale=false stamps=false", script);
    }
}
