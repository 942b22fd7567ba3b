/* test_tcp_script.c: TCP by segments: what comes, and exactly what is sent.
 *
 * Expected answers are those of RFC 793 (pages 65 to 76, figures 7 to 14), RFC 1122, 4.2 and RFC
 * 1323; ideas of cases from packetdrill's and FreeBSD's public suites, and from the list of faults
 * in RFC 2525.  The language is told in tcp_rig.h.
 */
#include <criterion/criterion.h>

#include "tests/os/tcp_rig.h"

/* Neither scaled windows nor time stamps: short lines. */
#define PLAIN "window_scale=false stamps=false "
#define RUN(params, ...) tcp_script(params, (const char *const[]){ __VA_ARGS__, NULL })
/* How a connection of node 0's begins, and one of its peer's. */
#define OPENED                                                                                     \
    "! open", "> S 0:0 ack - win 8192 mss 1472", "< S. 0:0 ack 1 win 8000 mss 500",                \
        "> . 1:0 ack 1 win 8192", "= ESTABLISHED"
#define ACCEPTED                                                                                   \
    "! listen", "< S 0:0 ack - win 8000 mss 500", "> S. 0:0 ack 1 win 8192 mss 1472",              \
        "= SYN_RCVD", "< . 1:0 ack 1 win 8000", "= ESTABLISHED", "? streams 1"

Test(tcp_script, open_send_receive_close)
{
    RUN(PLAIN, OPENED, "? ready 1", "! push 300", "> P. 1:300 ack 1 win 8192",
        "< . 1:100 ack 301 win 8000", "? got 100", "+ 199", "+ 2", "> . 301:0 ack 101 win 8092",
        "! close", "> F. 301:0 ack 101 win 8092", "= FIN_WAIT_1", "< . 101:0 ack 302 win 8000",
        "= FIN_WAIT_2", "< F. 101:0 ack 302 win 8000", "> . 302:0 ack 102 win 8091", "= TIME_WAIT",
        "+ 59000", "= TIME_WAIT", "+ 2000", "= gone");
}

Test(tcp_script, the_peer_opens_and_closes_first)
{
    RUN(PLAIN, ACCEPTED, "< F. 1:0 ack 1 win 8000", "> . 1:0 ack 2 win 8191", "= CLOSE_WAIT",
        "? ends 1", "! push 10", "> P. 1:10 ack 2 win 8191", "! finish", "> F. 11:0 ack 2 win 8191",
        "= LAST_ACK", "< . 2:0 ack 12 win 8000", "= gone", "? failed closed");
}

/* RFC 793, figure 8. */
Test(tcp_script, both_open_at_once)
{
    RUN(PLAIN, "! open", "> S 0:0 ack - win 8192 mss 1472", "< S 0:0 ack - win 8000 mss 500",
        "> S. 0:0 ack 1 win 8192 mss 1472", "= SYN_RCVD", "< S. 0:0 ack 1 win 8000 mss 500",
        "> . 1:0 ack 1 win 8192", "= ESTABLISHED", "? ready 1");
}

/* RFC 793, figure 14. */
Test(tcp_script, both_close_at_once)
{
    RUN(PLAIN, OPENED, "! close", "> F. 1:0 ack 1 win 8192", "< F. 1:0 ack 1 win 8000",
        "> . 2:0 ack 2 win 8191", "= CLOSING", "< . 2:0 ack 2 win 8000", "= TIME_WAIT");
}

Test(tcp_script, a_fin_with_data_and_acknowledgement_goes_to_time_wait)
{
    RUN(PLAIN, OPENED, "! finish", "> F. 1:0 ack 1 win 8192", "< F. 1:100 ack 2 win 8000",
        "> . 2:0 ack 102 win 8091", "= TIME_WAIT", "? got 100", "? ends 1", "? failed closed",
        "< F. 101:0 ack 2 win 8000", "> . 2:0 ack 102 win 8091", "= TIME_WAIT");
}

/* RFC 1122, 4.2.2.20 (f): data and FIN behind a hole wait; the FIN is not taken early. */
Test(tcp_script, a_fin_behind_a_hole_waits_for_it)
{
    RUN(PLAIN, OPENED, "< F. 201:100 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "? ends 0",
        "= ESTABLISHED", "< . 1:200 ack 1 win 8000", "> . 1:0 ack 302 win 7891", "? got 300",
        "? ends 1", "= CLOSE_WAIT");
}

/* ---- data that overlap ---- */

Test(tcp_script, overlapping_data_are_taken_once)
{
    RUN(PLAIN, OPENED, "< . 1:100 ack 1 win 8000", "< . 51:100 ack 1 win 8000",
        "> . 1:0 ack 151 win 8042", "? got 150", "< . 1:100 ack 1 win 8000",
        "> . 1:0 ack 151 win 8042", "? rcvduppack 1", "? rcvpartduppack 1",
        "< . 301:100 ack 1 win 8000", "> . 1:0 ack 151 win 8042", "< . 501:100 ack 1 win 8000",
        "> . 1:0 ack 151 win 8042", "< . 251:400 ack 1 win 8000", "> . 1:0 ack 151 win 8042",
        "< . 151:100 ack 1 win 8000", "> . 1:0 ack 651 win 8192", "? got 650",
        "< . 701:100 ack 1 win 8000", "> . 1:0 ack 651 win 8192", "< . 751:100 ack 1 win 8000",
        "> . 1:0 ack 651 win 8192", "< . 651:50 ack 1 win 8000", "> . 1:0 ack 851 win 7992",
        "? got 850");
}

/* ---- who answers with a reset, and who does not ---- */

Test(tcp_script, a_segment_for_nobody_is_reset)
{
    RUN(PLAIN, "< S 0:0 ack - win 8000 mss 500", "> R. 0:0 ack 1 win 0", "< . 7:5 ack 9 win 8000",
        "> R 9:0 ack - win 0", "< F 7:5 ack - win 8000", "> R. 0:0 ack 13 win 0",
        "< R 7:0 ack - win 0", "< R. 7:0 ack 9 win 0");
}

Test(tcp_script, a_listener_takes_a_syn_alone)
{
    RUN(PLAIN, "! listen", "< R 0:0 ack - win 0", "< . 5:0 ack 7 win 100", "> R 7:0 ack - win 0",
        "< F 5:0 ack - win 100", "< S. 0:0 ack 7 win 8000", "> R 7:0 ack - win 0", "= gone",
        "< S 0:0 ack - win 8000 mss 500", "> S. 0:0 ack 1 win 8192 mss 1472", "< R 1:0 ack - win 0",
        "= gone", "? streams 0", "< S 0:0 ack - win 8000 mss 500",
        "> S. 0:0 ack 1 win 8192 mss 1472", "< . 1:0 ack 3 win 8000", "> R 3:0 ack - win 0",
        "= SYN_RCVD", "< S 0:0 ack - win 8000 mss 500", "> S. 0:0 ack 1 win 8192 mss 1472",
        "= SYN_RCVD", "< . 1:20 ack 1 win 8000", "= ESTABLISHED", "? got 20");
}

Test(tcp_script, an_opener_is_refused)
{
    RUN(PLAIN, "! open", "> S 0:0 ack - win 8192 mss 1472", "< R 0:0 ack - win 0", "= SYN_SENT",
        "< R. 0:0 ack 7 win 0", "= SYN_SENT", "< . 0:0 ack 7 win 0", "> R 7:0 ack - win 0",
        "= SYN_SENT", "< R. 0:0 ack 1 win 0", "= gone", "? failed refused");
}

/* RFC 793, page 69: a RST counts if its number is in the window. */
Test(tcp_script, a_reset_outside_the_window_says_nothing)
{
    RUN(PLAIN, OPENED, "< R 9000:0 ack - win 0", "< R 0:0 ack - win 0", "= ESTABLISHED",
        "< R 100:0 ack - win 0", "= gone", "? failed reset");
}

Test(tcp_script, a_syn_in_the_window_breaks_off)
{
    RUN(PLAIN, OPENED, "< S 50:0 ack - win 8000 mss 500", "> R. 1:0 ack 1 win 8192", "= gone",
        "? failed reset");
}

/* RFC 1337: a RST does not end TIME-WAIT; RFC 1122, 4.2.2.13: a later SYN begins anew. */
Test(tcp_script, time_wait_stands_resets_and_gives_way_to_a_new_syn)
{
    RUN(PLAIN, "! listen", "< S 0:0 ack - win 8000 mss 500", "> S. 0:0 ack 1 win 8192 mss 1472",
        "< . 1:0 ack 1 win 8000", "! finish", "> F. 1:0 ack 1 win 8192", "< F. 1:0 ack 2 win 8000",
        "> . 2:0 ack 2 win 8191", "= TIME_WAIT", "< R 2:0 ack - win 0", "= TIME_WAIT",
        "< S 1:0 ack - win 8000 mss 500", "> . 2:0 ack 2 win 8191", "= TIME_WAIT",
        "< S 100:0 ack - win 8000 mss 500", "> S. 128002:0 ack 101 win 8192 mss 1472",
        "= SYN_RCVD");
}

Test(tcp_script, an_acknowledgement_of_what_was_not_sent_is_answered)
{
    RUN(PLAIN, OPENED, "< . 1:10 ack 2 win 8000", "> . 1:0 ack 1 win 8192", "? got 0",
        "? rcvacktoomuch 1");
}

/* ---- closing with data, RFC 1122, 4.2.2.13; RFC 2525, 2.16 and 2.17 ---- */

Test(tcp_script, data_for_who_has_closed_are_reset)
{
    RUN(PLAIN, OPENED, "! close", "> F. 1:0 ack 1 win 8192", "< . 1:0 ack 2 win 8000",
        "= FIN_WAIT_2", "< . 1:10 ack 2 win 8000", "> R. 2:0 ack 1 win 8192", "= gone",
        "? rcvafterclose 1");
}

Test(tcp_script, close_with_bytes_not_consumed_resets)
{
    RUN(PLAIN, "! hold", OPENED, "< . 1:10 ack 1 win 8000", "! close", "> R. 1:0 ack 11 win 8182",
        "= gone");
}

Test(tcp_script, abort_resets)
{
    RUN(PLAIN, OPENED, "! push 700", "> . 1:500 ack 1 win 8192", "! abort",
        "> R. 501:0 ack 1 win 8192", "= gone");
}

Test(tcp_script, half_a_connection_closed_still_receives)
{
    RUN(PLAIN, OPENED, "! finish", "> F. 1:0 ack 1 win 8192", "< . 1:0 ack 2 win 8000",
        "= FIN_WAIT_2", "< . 1:500 ack 2 win 8000", "< . 501:500 ack 2 win 8000",
        "> . 2:0 ack 1001 win 8192", "? got 1000", "+ 700000", "= FIN_WAIT_2");
}

/* Who waits for a peer that has closed its half does not wait for ever. */
Test(tcp_script, who_has_closed_waits_so_long)
{
    RUN(PLAIN "linger=10s", OPENED, "! close", "> F. 1:0 ack 1 win 8192", "< . 1:0 ack 2 win 8000",
        "= FIN_WAIT_2", "+ 9000", "= FIN_WAIT_2", "+ 2000", "= gone");
}

/* ---- time-outs ---- */

/* RFC 1122, 4.2.3.1 and 4.2.3.5; RFC 2525, 2.10: 3, 6, 12 .. s, for 180 s at least. */
Test(tcp_script, a_syn_is_sent_again_with_back_off_and_given_up)
{
    RUN(PLAIN, "! open", "> S 0:0 ack - win 8192 mss 1472", "+ 2999", "+ 2",
        "> S 0:0 ack - win 8192 mss 1472", "+ 5998", "+ 2", "> S 0:0 ack - win 8192 mss 1472",
        "+ 11998", "+ 2", "> S 0:0 ack - win 8192 mss 1472", "+ 24000",
        "> S 0:0 ack - win 8192 mss 1472", "+ 48000", "> S 0:0 ack - win 8192 mss 1472", "+ 64000",
        "> S 0:0 ack - win 8192 mss 1472", "= SYN_SENT", "+ 64000", "= gone",
        "? failed unreachable", "? timeoutdrop 1");
}

/* TCP6: of a SYN that was sent twice nobody knows which one is answered; the back-off stays. */
Test(tcp_script, a_syn_again_is_not_timed)
{
    RUN(PLAIN, "! open", "> S 0:0 ack - win 8192 mss 1472", "+ 3001",
        "> S 0:0 ack - win 8192 mss 1472", "< S. 0:0 ack 1 win 8000 mss 500",
        "> . 1:0 ack 1 win 8192", "? rttupdated 0", "! push 10", "> P. 1:10 ack 1 win 8192",
        "+ 5999", "+ 2", "> P. 1:10 ack 1 win 8192");
}

/* TCP6. One segment for each time-out (RFC 2525, 2.14), slow start after it (2.2), the back-off
 * stays until a segment that was sent once is acknowledged (Karn). */
Test(tcp_script, data_are_sent_again_one_segment_at_a_time)
{
    RUN(PLAIN "initial_window=4", OPENED, "! push 2000", "> . 1:500 ack 1 win 8192",
        "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192", "> P. 1501:500 ack 1 win 8192",
        "+ 999", "+ 2", "> . 1:500 ack 1 win 8192", "+ 1998", "+ 2", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 501 win 8000", "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192",
        "+ 3998", "+ 3", "> . 501:500 ack 1 win 8192", "< . 1:0 ack 2001 win 8000", "! push 10",
        "> P. 2001:10 ack 1 win 8192", "+ 7998", "+ 3", "> P. 2001:10 ack 1 win 8192",
        "< . 1:0 ack 2011 win 8000", "! push 20", "> P. 2011:20 ack 1 win 8192",
        "< . 1:0 ack 2031 win 8000", "! push 30", "> P. 2031:30 ack 1 win 8192", "+ 998", "+ 3",
        "> P. 2031:30 ack 1 win 8192");
}

Test(tcp_script, a_peer_that_is_silent_is_given_up)
{
    RUN(PLAIN "tries=3", OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "+ 1001",
        "> P. 1:10 ack 1 win 8192", "+ 2001", "> P. 1:10 ack 1 win 8192", "+ 4001",
        "> P. 1:10 ack 1 win 8192", "+ 8001", "> R. 11:0 ack 1 win 8192", "= gone",
        "? failed unreachable");
}

/* RFC 793, 3.8: the user's time-out, from what was last acknowledged, to the millisecond. */
Test(tcp_script, who_is_impatient_gives_up_earlier)
{
    RUN(PLAIN "user_timeout=5s", OPENED, "+ 100000", "! push 10", "> P. 1:10 ack 1 win 8192",
        "+ 1001", "> P. 1:10 ack 1 win 8192", "+ 2000", "> P. 1:10 ack 1 win 8192", "+ 1998", "+ 2",
        "> R. 11:0 ack 1 win 8192", "= gone", "? failed unreachable", "? timeoutdrop 1");
    RUN(PLAIN "initial_window=2", OPENED, "! push 1000", "> . 1:500 ack 1 win 8192",
        "> P. 501:500 ack 1 win 8192", "+ 600", "! user_timeout 900", "+ 200",
        "< . 1:0 ack 501 win 8000", "+ 899", "= ESTABLISHED", "+ 2", "> R. 1001:0 ack 1 win 8192",
        "= gone");
    RUN(PLAIN "user_timeout=5s", "! open", "> S 0:0 ack - win 8192 mss 1472", "+ 3001",
        "> S 0:0 ack - win 8192 mss 1472", "+ 1998", "= SYN_SENT", "+ 2", "= gone",
        "? failed unreachable");
}

/* RFC 1122, 4.2.2.17: a closed window may last, while the peer answers. */
Test(tcp_script, who_is_impatient_waits_for_a_window)
{
    RUN(PLAIN "user_timeout=7s", OPENED, "! push 5", "> P. 1:5 ack 1 win 8192",
        "< . 1:0 ack 6 win 0", "! push 10", "+ 5001", "> . 6:1 ack 1 win 8192",
        "< . 1:0 ack 6 win 0", "+ 5001", "> . 6:1 ack 1 win 8192", "< . 1:0 ack 6 win 0", "+ 5001",
        "> . 6:1 ack 1 win 8192", "< . 1:0 ack 6 win 0", "+ 7990", "= ESTABLISHED", "+ 10",
        "> R. 6:0 ack 1 win 8192", "= gone", "? failed unreachable");
}

Test(tcp_script, a_fin_is_sent_again)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! close",
        "> F. 11:0 ack 1 win 8192", "< . 1:0 ack 11 win 8000", "+ 1001", "> F. 11:0 ack 1 win 8192",
        "< . 1:0 ack 12 win 8000", "= FIN_WAIT_2");
}

/* ---- congestion: RFC 2001 ---- */

#define FOUR                                                                                       \
    "! push 20000", "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192",                      \
        "> . 1001:500 ack 1 win 8192", "> . 1501:500 ack 1 win 8192"

/* RFC 2525, 2.1, 2.3: slow start, from one segment; a third is sent for each that is acknowledged
 * twice. */
Test(tcp_script, a_connection_starts_slowly)
{
    RUN(PLAIN "send_buffer=30000B", OPENED, "! push 20000", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 501 win 8000", "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192",
        "< . 1:0 ack 1501 win 8000", "> . 1501:500 ack 1 win 8192", "> . 2001:500 ack 1 win 8192",
        "> . 2501:500 ack 1 win 8192");
}

/* What acknowledges nothing does not open it: a window update, a duplicate. */
Test(tcp_script, a_window_update_opens_no_congestion_window)
{
    RUN(PLAIN "send_buffer=30000B", OPENED, "! push 20000", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 16000", "< . 1:0 ack 1 win 32000", "< . 1:0 ack 501 win 32000",
        "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192");
}

/* The third duplicate, not the second; the window of recovery grows with each more, and falls when
 * the hole is filled (RFC 2525, 2.8). */
Test(tcp_script, the_third_duplicate_sends_again)
{
    RUN(PLAIN "initial_window=4 send_buffer=30000B", OPENED, FOUR, "< . 1:0 ack 1 win 8000",
        "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000", "> . 1:500 ack 1 win 8192",
        "> . 2001:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000", "> . 2501:500 ack 1 win 8192",
        "< . 1:0 ack 2001 win 8000", "? fastrexmit 1", "? rexmttimeo 0",
        "< . 1:0 ack 3001 win 8000", "> . 3001:500 ack 1 win 8192", "> . 3501:500 ack 1 win 8192");
}

/* RFC 3042: the first two let a new segment go each, and the congestion window is what it was;
 * small windows get their third duplicate so. */
Test(tcp_script, two_duplicates_let_new_segments_go)
{
    RUN(PLAIN "initial_window=2 send_buffer=30000B limited_transmit=true", OPENED, "! push 20000",
        "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000",
        "> . 1001:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000", "> . 1501:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 8000", "> . 1:500 ack 1 win 8192", "> . 2001:500 ack 1 win 8192",
        "? fastrexmit 1", "< . 1:0 ack 2001 win 8000", "> . 2501:500 ack 1 win 8192");
    RUN(PLAIN "initial_window=2 send_buffer=30000B limited_transmit=true", OPENED, "! push 20000",
        "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192", "< . 1:0 ack 1 win 1400",
        "< . 1:0 ack 1 win 1400", "< . 1:0 ack 1 win 1400", "+ 900");
    RUN(PLAIN "initial_window=2 send_buffer=30000B", OPENED, "! push 20000",
        "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000",
        "< . 1:0 ack 1 win 8000", "+ 900");
}

Test(tcp_script, tahoe_starts_slowly_after_it)
{
    RUN(PLAIN "initial_window=4 send_buffer=30000B congestion=tahoe", OPENED, FOUR,
        "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000",
        "> . 1:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000", "< . 1:0 ack 2001 win 8000",
        "> . 2001:500 ack 1 win 8192", "> . 2501:500 ack 1 win 8192");
}

/* RFC 2582: of two that are lost the second goes with the acknowledgement of the first. */
Test(tcp_script, newreno_sends_the_next_hole_at_once)
{
    RUN(PLAIN "initial_window=4 send_buffer=30000B congestion=newreno", OPENED, FOUR,
        "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000",
        "> . 1:500 ack 1 win 8192", "> . 2001:500 ack 1 win 8192", "< . 1:0 ack 1001 win 8000",
        "> . 1001:500 ack 1 win 8192", "> . 2501:500 ack 1 win 8192", "< . 1:0 ack 2501 win 8000",
        "> . 3001:500 ack 1 win 8192");
}

/* What is no duplicate: with data, with another window, with nothing under way. */
Test(tcp_script, what_is_no_duplicate_sends_nothing_again)
{
    RUN(PLAIN "initial_window=4 send_buffer=30000B", OPENED, "< . 1:0 ack 1 win 8000",
        "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000", FOUR, "< . 1:500 ack 1 win 8000",
        "< . 501:500 ack 1 win 8000", "> . 2001:0 ack 1001 win 8192", "< . 1001:500 ack 1 win 8000",
        "< . 1501:0 ack 1 win 8000", "< . 1501:0 ack 1 win 8000", "< . 1501:0 ack 1 win 8100",
        "< . 1501:0 ack 1 win 8100", "? fastrexmit 0", "+ 100");
}

/* After as long as a time-out without anything sent the window is what it was at first. */
Test(tcp_script, an_idle_connection_starts_slowly_again)
{
    RUN(PLAIN "send_buffer=30000B", OPENED, "! push 1500", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 501 win 8000", "> . 501:500 ack 1 win 8192", "> P. 1001:500 ack 1 win 8192",
        "< . 1:0 ack 1501 win 8000", "+ 2000", "! push 1500", "> . 1501:500 ack 1 win 8192",
        "< . 1:0 ack 2001 win 8000", "> . 2001:500 ack 1 win 8192", "> P. 2501:500 ack 1 win 8192");
}

/* ---- acknowledgements: RFC 1122, 4.2.3.2; RFC 2525, 2.13 ---- */

Test(tcp_script, every_second_segment_is_acknowledged_at_once)
{
    RUN(PLAIN, OPENED, "< . 1:500 ack 1 win 8000", "< . 501:500 ack 1 win 8000",
        "> . 1:0 ack 1001 win 8192", "< . 1001:500 ack 1 win 8000", "+ 199", "+ 2",
        "> . 1:0 ack 1501 win 8192", "? delack 1", "< . 1501:10 ack 1 win 8000",
        "< . 1511:10 ack 1 win 8000", "> . 1:0 ack 1521 win 8172");
}

Test(tcp_script, an_acknowledgement_goes_with_data)
{
    RUN(PLAIN, OPENED, "< . 1:500 ack 1 win 8000", "! push 5", "> P. 1:5 ack 501 win 8192",
        "< . 501:0 ack 6 win 8000", "+ 1000");
}

/* ---- small segments: RFC 896 ---- */

Test(tcp_script, a_small_segment_waits_for_an_acknowledgement)
{
    RUN(PLAIN, OPENED, "! push 5", "> P. 1:5 ack 1 win 8192", "! push 6", "! push 7",
        "< . 1:0 ack 6 win 8000", "> P. 6:13 ack 1 win 8192", "! push 490",
        "< . 1:0 ack 19 win 8000", "> P. 19:490 ack 1 win 8192", "! nodelay 1", "! push 3",
        "> P. 509:3 ack 1 win 8192");
}

/* ---- windows ---- */

/* RFC 1122, 4.2.2.17: a closed window is probed, and not given up; RFC 2525, 2.12. */
Test(tcp_script, a_closed_window_is_probed_for_ever)
{
    RUN(PLAIN "persist_max=10s tries=2", OPENED, "! push 5", "> P. 1:5 ack 1 win 8192",
        "< . 1:0 ack 6 win 0", "! push 10", "+ 4999", "+ 2", "> . 6:1 ack 1 win 8192",
        "< . 1:0 ack 6 win 0", "+ 4998", "+ 3", "> . 6:1 ack 1 win 8192", "+ 4996", "+ 3",
        "> . 6:1 ack 1 win 8192", "< . 1:0 ack 6 win 0", "+ 8001", "> . 6:1 ack 1 win 8192",
        "+ 10001", "> . 6:1 ack 1 win 8192", "< . 1:0 ack 6 win 0", "+ 10001",
        "> . 6:1 ack 1 win 8192", "= ESTABLISHED", "< . 1:0 ack 7 win 8000",
        "> P. 7:9 ack 1 win 8192", "< . 1:0 ack 16 win 8000", "+ 100000");
}

/* TCP2. A probe has passed the window: what is sent without data stays inside, or two closed
 * windows would answer each other for ever. */
Test(tcp_script, two_closed_windows_do_not_answer_each_other)
{
    RUN(PLAIN "receive_buffer=100B", "! hold", "! open", "> S 0:0 ack - win 100 mss 1472",
        "< S. 0:0 ack 1 win 10 mss 500", "> . 1:0 ack 1 win 100", "! push 20",
        "> . 1:10 ack 1 win 100", "< . 1:100 ack 11 win 0", "+ 201", "> . 11:0 ack 101 win 0",
        "+ 5001", "> . 11:1 ack 101 win 0", "< . 101:1 ack 11 win 0", "> . 11:0 ack 101 win 0",
        "< . 101:0 ack 11 win 0", "? rcvwinprobe 1");
}

/* RFC 1122, 4.2.3.3: the window moves by a segment or half the buffer, or not at all. */
Test(tcp_script, a_receiver_gives_no_silly_window)
{
    RUN(PLAIN "receive_buffer=1000B mss=400B", "! hold", "! open", "> S 0:0 ack - win 1000 mss 400",
        "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 1000", "< . 1:500 ack 1 win 8000",
        "< . 501:500 ack 1 win 8000", "> . 1:0 ack 1001 win 0", "! consume 399",
        "< . 1001:1 ack 1 win 8000", "> . 1:0 ack 1001 win 0", "! consume 1", "+ 1000",
        "! consume 100", "> . 1:0 ack 1001 win 500", "< . 1001:500 ack 1 win 8000", "! consume 500",
        "> . 1:0 ack 1501 win 500");
}

/* RFC 1122, 4.2.3.4: less than a segment and than half of the largest window waits, but not for
 * ever. */
Test(tcp_script, a_sender_fills_no_silly_window)
{
    RUN(PLAIN "initial_window=4", "! open", "> S 0:0 ack - win 8192 mss 1472",
        "< S. 0:0 ack 1 win 1000 mss 500", "> . 1:0 ack 1 win 8192", "! push 3000",
        "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192", "< . 1:0 ack 1001 win 100",
        "+ 499", "+ 2", "> . 1001:100 ack 1 win 8192", "< . 1:0 ack 1101 win 500",
        "> . 1101:500 ack 1 win 8192");
}

/* A window that the peer takes back [RFC 1122, 4.2.2.16]. */
Test(tcp_script, a_window_that_shrinks_to_nothing_is_probed)
{
    RUN(PLAIN "initial_window=4", OPENED, "! push 1000", "> . 1:500 ack 1 win 8192",
        "> P. 501:500 ack 1 win 8192", "< . 1:0 ack 501 win 0", "+ 1001", "+ 5001",
        "> . 501:1 ack 1 win 8192", "< . 1:0 ack 502 win 8000", "> P. 502:499 ack 1 win 8192",
        "< . 1:0 ack 1001 win 8000", "+ 100000");
}

/* ---- the largest segment: RFC 1122, 4.2.2.6 ---- */

Test(tcp_script, who_names_no_largest_segment_gets_536)
{
    RUN(PLAIN "initial_window=2", "! open", "> S 0:0 ack - win 8192 mss 1472",
        "< S. 0:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "! push 1072",
        "> . 1:536 ack 1 win 8192", "> P. 537:536 ack 1 win 8192");
}

/* What a SYN asks for, and what its answer grants: no more than was asked. */
Test(tcp_script, a_syn_has_the_options_that_are_wanted)
{
    RUN("sack=true", "! open", "> S 0:0 ack - win 8192 mss 1472 ws 0 sackok ts 0 0");
    RUN("sack=true stamps=false", "! open", "> S 0:0 ack - win 8192 mss 1472 ws 0 sackok");
    RUN("sack=true window_scale=false", "! open", "> S 0:0 ack - win 8192 mss 1472 sackok ts 0 0");
    RUN("", "! open", "> S 0:0 ack - win 8192 mss 1472 ws 0 ts 0 0");
    RUN(PLAIN "mss=100B", "! open", "> S 0:0 ack - win 8192 mss 100");
    RUN(PLAIN "mss=9000B", "! open", "> S 0:0 ack - win 8192 mss 1472");
    RUN("stamps=false receive_buffer=65535B", "! open", "> S 0:0 ack - win 65535 mss 1472 ws 0");
    RUN("stamps=false receive_buffer=65536B", "! open", "> S 0:0 ack - win 65535 mss 1472 ws 1");
    RUN("stamps=false receive_buffer=1073741824B", "! open",
        "> S 0:0 ack - win 65535 mss 1472 ws 14");
    RUN("sack=true", "! listen", "< S 0:0 ack - win 8000 mss 500 ws 3 sackok ts 5 0",
        "> S. 0:0 ack 1 win 8192 mss 1472 ws 0 sackok ts 0 5");
    RUN("sack=true mss=100B", "! listen", "< S 0:0 ack - win 8000",
        "> S. 0:0 ack 1 win 8192 mss 100");
    RUN(PLAIN, "! listen", "< S 0:0 ack - win 8000 mss 500 ws 3 sackok ts 5 0",
        "> S. 0:0 ack 1 win 8192 mss 1472");
}

/* RFC 2525, 2.18: options are part of it. */
Test(tcp_script, options_are_part_of_the_largest_segment)
{
    RUN("window_scale=false initial_window=2", "! open", "> S 0:0 ack - win 8192 mss 1472 ts 0 0",
        "< S. 0:0 ack 1 win 8000 mss 500 ts 7 0", "> . 1:0 ack 1 win 8192 ts 0 7", "! push 976",
        "> . 1:488 ack 1 win 8192 ts 0 7", "> P. 489:488 ack 1 win 8192 ts 0 7");
}

/* ---- errors of the path ---- */

/* RFC 1191: what was too long is sent again at once, shorter. */
Test(tcp_script, segments_are_shortened_to_the_path)
{
    RUN(PLAIN "path_mtu=true initial_window=2", "! open", "> S 0:0 ack - win 8192 mss 1472",
        "< S. 0:0 ack 1 win 8000 mss 1000", "> . 1:0 ack 1 win 8192", "! push 2000",
        "> . 1:1000 ack 1 win 8192", "> P. 1001:1000 ack 1 win 8192", "! mtu 620",
        "> . 1:600 ack 1 win 8192", "> . 601:600 ack 1 win 8192", "> . 1201:600 ack 1 win 8192",
        "> P. 1801:200 ack 1 win 8192", "< . 1:0 ack 2001 win 8000", "+ 5000");
}

/* RFC 1122, 4.2.3.9: a soft error does not end a connection, but is told when it is given up. */
Test(tcp_script, a_soft_error_ends_nothing)
{
    RUN(PLAIN "tries=1", OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! unreachable",
        "= ESTABLISHED", "? softerrors 1", "+ 1001", "> P. 1:10 ack 1 win 8192",
        "< . 1:0 ack 11 win 8000", "= ESTABLISHED");
}

/* It is what the upper hears in the end, unless something was acknowledged after it. */
Test(tcp_script, a_soft_error_is_told_at_the_end)
{
    RUN(PLAIN "tries=1", OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! refused",
        "= ESTABLISHED", "+ 1001", "> P. 1:10 ack 1 win 8192", "+ 2001", "> R. 11:0 ack 1 win 8192",
        "= gone", "? failed refused");
    RUN(PLAIN "tries=1", OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! refused",
        "< . 1:0 ack 11 win 8000", "! push 10", "> P. 11:10 ack 1 win 8192", "+ 1001",
        "> P. 11:10 ack 1 win 8192", "+ 2001", "> R. 21:0 ack 1 win 8192", "= gone",
        "? failed unreachable");
    RUN(PLAIN, "! open", "> S 0:0 ack - win 8192 mss 1472", "! refused", "= gone",
        "? failed refused");
}

/* ---- keepalive: RFC 1122, 4.2.3.6; RFC 2525, 2.9 and 2.11 ---- */

Test(tcp_script, a_silent_peer_is_probed_and_given_up)
{
    RUN(PLAIN "keepalive=true keep_tries=2", OPENED, "+ 7199000", "+ 1001",
        "> . 0:0 ack 1 win 8192", "+ 74000", "+ 1001", "> . 0:0 ack 1 win 8192",
        "< . 1:0 ack 1 win 8000", "+ 7199000", "+ 1001", "> . 0:0 ack 1 win 8192", "+ 75001",
        "> . 0:0 ack 1 win 8192", "+ 75001", "> R. 1:0 ack 1 win 8192", "= gone",
        "? failed unreachable", "? keepdrops 1");
}

Test(tcp_script, a_probe_is_answered)
{
    RUN(PLAIN, OPENED, "+ 20000000", "< . 0:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192",
        "< . 0:1 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "? got 0");
}

/* ---- urgent data: RFC 793, 3.7; RFC 1122, 4.2.2.4: the pointer names the last urgent byte ---- */

Test(tcp_script, urgent_data_are_marked)
{
    RUN(PLAIN, OPENED, "! push 5", "> P. 1:5 ack 1 win 8192", "! push 3", "! urgent",
        "> U. 6:0 ack 1 win 8192 urg 2", "< . 1:0 ack 6 win 8000", "> PU. 6:3 ack 1 win 8192 urg 2",
        "< . 1:0 ack 9 win 8000", "! push 4", "> P. 9:4 ack 1 win 8192");
}

Test(tcp_script, urgent_data_are_told_of_through_a_closed_window)
{
    RUN(PLAIN "urgent=next", OPENED, "! push 5", "> P. 1:5 ack 1 win 8192", "< . 1:0 ack 6 win 0",
        "! push 3", "! urgent", "> U. 6:0 ack 1 win 8192 urg 3");
}

Test(tcp_script, urgent_data_end_a_piece)
{
    RUN(PLAIN, OPENED, "? ready 1", "< U. 1:0 ack 1 win 8000 urg 9", "? ready 2", "? urgent 10",
        "< U. 1:100 ack 1 win 8000 urg 9", "? ready 2", "? got 100", "? piece 90",
        "< U. 101:10 ack 1 win 8000 urg 9", "? ready 3", "? got 110", "? piece 10",
        "> . 1:0 ack 111 win 8082", "< U. 101:10 ack 1 win 8000 urg 9", "> . 1:0 ack 111 win 8082",
        "? ready 3", "< U. 111:10 ack 1 win 8000 urg 65535", "? urgent 65536",
        "< U. 51:30 ack 1 win 8000 urg 0", "> . 1:0 ack 121 win 8072", "? ready 4");
}

/* ---- selective acknowledgements: RFC 2018 ---- */

#define SACKS                                                                                      \
    "! open", "> S 0:0 ack - win 8192 mss 1472 sackok", "< S. 0:0 ack 1 win 30000 mss 500 sackok", \
        "> . 1:0 ack 1 win 8192"

/* The newest first, and what was told before behind it (section 4). */
Test(tcp_script, holes_are_told)
{
    RUN(PLAIN "sack=true", SACKS, "< . 501:500 ack 1 win 30000",
        "> . 1:0 ack 1 win 8192 sack 501-1001", "< . 1501:500 ack 1 win 30000",
        "> . 1:0 ack 1 win 8192 sack 1501-2001 501-1001", "< . 2501:500 ack 1 win 30000",
        "> . 1:0 ack 1 win 8192 sack 2501-3001 1501-2001 501-1001", "< . 1001:500 ack 1 win 30000",
        "> . 1:0 ack 1 win 8192 sack 501-2001 2501-3001", "! push 500", "> P. 1:500 ack 1 win 8192",
        "! push 400", "< . 1:500 ack 501 win 30000",
        "> P. 501:400 ack 2001 win 8192 sack 2501-3001");
}

/* RFC 3042: a duplicate that tells nothing new lets nothing go. */
Test(tcp_script, duplicates_that_tell_nothing_let_nothing_go)
{
    RUN(PLAIN "sack=true initial_window=2 send_buffer=30000B limited_transmit=true", SACKS,
        "! push 20000", "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-701", "> . 1001:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-701", "< . 1:0 ack 1 win 30000 sack 601-701",
        "< . 1:0 ack 1 win 30000", "? rcvdupack 4", "? fastrexmit 0",
        "< . 1:0 ack 1 win 30000 sack 501-1001", "> . 1501:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-1501", "> . 1:500 ack 1 win 8192", "? fastrexmit 1");
}

Test(tcp_script, holes_are_not_told_to_who_did_not_ask)
{
    RUN(PLAIN "sack=true", "! open", "> S 0:0 ack - win 8192 mss 1472 sackok",
        "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 8192", "< . 501:500 ack 1 win 8000",
        "> . 1:0 ack 1 win 8192");
}

/* Two segments of eight are lost: each is sent once more, and new data while less than half of what
 * was under way is. */
Test(tcp_script, what_is_lost_alone_is_sent_again)
{
    RUN(PLAIN "sack=true initial_window=8 send_buffer=20000B", SACKS, "! push 10000",
        "> . 1:500 ack 1 win 8192", "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192",
        "> . 1501:500 ack 1 win 8192", "> . 2001:500 ack 1 win 8192", "> . 2501:500 ack 1 win 8192",
        "> . 3001:500 ack 1 win 8192", "> . 3501:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-1001", "< . 1:0 ack 1 win 30000 sack 501-1001 1501-2001",
        "< . 1:0 ack 1 win 30000 sack 501-1001 1501-2501", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-1001 1501-3001", "> . 1001:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-1001 1501-3501", "> . 4001:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 501-1001 1501-4001", "> . 4501:500 ack 1 win 8192",
        "< . 1:0 ack 1001 win 30000 sack 1501-4001", "> . 5001:500 ack 1 win 8192",
        "< . 1:0 ack 4001 win 30000", "> . 5501:500 ack 1 win 8192");
}

/* TCPS1: what a peer tells that cannot be is passed over. */
Test(tcp_script, false_holes_are_passed_over)
{
    RUN(PLAIN "sack=true initial_window=4", SACKS, "! push 2000", "> . 1:500 ack 1 win 8192",
        "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192", "> P. 1501:500 ack 1 win 8192",
        "< . 1:0 ack 1 win 30000 sack 1501-9001 501-401 1-501 7000-8000",
        "< . 1:0 ack 1 win 30000 sack 1501-9001", "< . 1:0 ack 1 win 30000 sack 1501-9001",
        "> . 1:500 ack 1 win 8192", "+ 900");
}

/* ---- RFC 1323 ---- */

Test(tcp_script, windows_are_scaled_when_both_say_so)
{
    RUN("stamps=false receive_buffer=262144B", "! hold", "! open",
        "> S 0:0 ack - win 65535 mss 1472 ws 3", "< S. 0:0 ack 1 win 400 mss 500 ws 8",
        "> . 1:0 ack 1 win 32768", "! push 900", "> . 1:400 ack 1 win 32768",
        "< . 1:500 ack 401 win 1", "> . 401:256 ack 501 win 32705", "< . 501:0 ack 657 win 1",
        "> P. 657:244 ack 501 win 32705");
}

Test(tcp_script, windows_are_not_scaled_when_one_does_not)
{
    RUN("stamps=false receive_buffer=262144B", "! open", "> S 0:0 ack - win 65535 mss 1472 ws 3",
        "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 65535");
}

/* RFC 1323, 4.2.1: what is older than what came before is dropped and answered; not a RST. */
Test(tcp_script, old_segments_are_known_by_their_stamp)
{
    RUN("window_scale=false", "! open", "> S 0:0 ack - win 8192 mss 1472 ts 0 0",
        "< S. 0:0 ack 1 win 8000 mss 500 ts 900 0", "> . 1:0 ack 1 win 8192 ts 0 900",
        "< . 1:10 ack 1 win 8000 ts 899 0", "> . 1:0 ack 1 win 8192 ts 0 900", "? got 0",
        "? pawsdrop 1", "< . 1:10 ack 1 win 8000 ts 901 0", "? got 10",
        "< R 11:0 ack - win 0 ts 5 0", "= gone");
}

/* RFC 1323, 3.4: what is echoed is the stamp of the first segment that is not acknowledged. */
Test(tcp_script, stamps_tell_of_the_first_that_waits)
{
    RUN("window_scale=false", "! open", "> S 0:0 ack - win 8192 mss 1472 ts 0 0",
        "< S. 0:0 ack 1 win 8000 mss 500 ts 900 0", "> . 1:0 ack 1 win 8192 ts 0 900",
        "< . 1:10 ack 1 win 8000 ts 910 0", "< . 11:10 ack 1 win 8000 ts 920 0",
        "> . 1:0 ack 21 win 8172 ts 0 910", "< . 41:10 ack 1 win 8000 ts 930 0",
        "> . 1:0 ack 21 win 8172 ts 0 910", "< . 21:20 ack 1 win 8000 ts 940 0",
        "> . 1:0 ack 51 win 8142 ts 0 940");
}
