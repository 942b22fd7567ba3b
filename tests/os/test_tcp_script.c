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
        "< . 151:100 ack 1 win 8000", "> . 1:0 ack 651 win 8192", "? got 650");
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

Test(tcp_script, a_fin_is_sent_again)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! close",
        "> F. 11:0 ack 1 win 8192", "< . 1:0 ack 11 win 8000", "+ 1001", "> F. 11:0 ack 1 win 8192",
        "< . 1:0 ack 12 win 8000", "= FIN_WAIT_2");
}

/* ---- acknowledgements: RFC 1122, 4.2.3.2; RFC 2525, 2.13 ---- */

Test(tcp_script, every_second_segment_is_acknowledged_at_once)
{
    RUN(PLAIN, OPENED, "< . 1:500 ack 1 win 8000", "< . 501:500 ack 1 win 8000",
        "> . 1:0 ack 1001 win 8192", "< . 1001:500 ack 1 win 8000", "+ 199", "+ 2",
        "> . 1:0 ack 1501 win 8192", "? delack 1");
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
        "< . 501:500 ack 1 win 8000", "> . 1:0 ack 1001 win 0", "! consume 399", "! consume 1",
        "+ 1000", "! consume 100", "> . 1:0 ack 1001 win 500", "< . 1001:500 ack 1 win 8000",
        "! consume 500", "> . 1:0 ack 1501 win 500");
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

/* RFC 2525, 2.18: options are part of it. */
Test(tcp_script, options_are_part_of_the_largest_segment)
{
    RUN("window_scale=false initial_window=2", "! open", "> S 0:0 ack - win 8192 mss 1472 ts 0 0",
        "< S. 0:0 ack 1 win 8000 mss 500 ts 7 0", "> . 1:0 ack 1 win 8192 ts 0 7", "! push 976",
        "> . 1:488 ack 1 win 8192 ts 0 7", "> P. 489:488 ack 1 win 8192 ts 0 7");
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
