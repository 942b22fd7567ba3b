/* test_tcp_faults.c: TCP against the known faults of others: those of RFC 2525 and of later stacks
 * that are not seen by test_tcp_script.c already.
 *
 * docs/models/tcp_conformance.md has the list of all, and the test of each; tests/planted.txt
 * plants them.  The language is told in tcp_rig.h.
 */
#include <criterion/criterion.h>

#include "tests/os/tcp_rig.h"

#define PLAIN "window_scale=false stamps=false "
#define RUN(params, ...) tcp_script(params, (const char *const[]){ __VA_ARGS__, NULL })
#define OPENED                                                                                     \
    "! open", "> S 0:0 ack - win 8192 mss 1472", "< S. 0:0 ack 1 win 8000 mss 500",                \
        "> . 1:0 ack 1 win 8192", "= ESTABLISHED"

/* ---- RFC 2525 ---- */

/* 2.3: the congestion window has its first value even where the peer names no largest segment. */
Test(tcp_faults, who_names_no_largest_segment_is_sent_to_slowly)
{
    RUN(PLAIN "send_buffer=30000B", "! open", "> S 0:0 ack - win 8192 mss 1472",
        "< S. 0:0 ack 1 win 8000", "> . 1:0 ack 1 win 8192", "! push 20000",
        "> . 1:536 ack 1 win 8192", "< . 1:0 ack 537 win 8000", "> . 537:536 ack 1 win 8192",
        "> . 1073:536 ack 1 win 8192");
    RUN(PLAIN "send_buffer=30000B", "! listen", "< S 0:0 ack - win 8000",
        "> S. 0:0 ack 1 win 8192 mss 1472", "< . 1:0 ack 1 win 8000", "! push 20000",
        "> . 1:536 ack 1 win 8192");
}

/* 2.4; and a stack whose segments grew when they were sent again did not take the acknowledgement
 * of what they had been.  Each segment's bytes are compared by the rig. */
Test(tcp_faults, what_is_sent_again_is_the_same_and_may_have_grown)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! push 20", "+ 1001",
        "> P. 1:30 ack 1 win 8192", "< . 1:0 ack 11 win 8000", "+ 1998", "+ 5",
        "> P. 11:20 ack 1 win 8192", "< . 1:0 ack 31 win 8000", "+ 100000");
    RUN(PLAIN "initial_window=4", OPENED, "! push 1700", "> . 1:500 ack 1 win 8192",
        "> . 501:500 ack 1 win 8192", "> . 1001:500 ack 1 win 8192", "< . 1:0 ack 1 win 8000",
        "< . 1:0 ack 1 win 8000", "< . 1:0 ack 1 win 8000", "> . 1:500 ack 1 win 8192",
        "< . 1:0 ack 301 win 8000", "+ 1001", "> . 301:500 ack 1 win 8192",
        "< . 1:0 ack 1501 win 8000", "> P. 1501:200 ack 1 win 8192");
}

/* 2.12: a byte is read out of a full buffer, which moves no window; the probe's byte is not taken,
 * and what comes when the rest has been read is. */
Test(tcp_faults, a_probe_of_a_full_window_closes_nothing)
{
    RUN(PLAIN "receive_buffer=1000B mss=400B", "! hold", "! open", "> S 0:0 ack - win 1000 mss 400",
        "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 1000", "< . 1:500 ack 1 win 8000",
        "< . 501:500 ack 1 win 8000", "> . 1:0 ack 1001 win 0", "! consume 1",
        "< . 1001:1 ack 1 win 8000", "> . 1:0 ack 1001 win 0", "? rcvwinprobe 1", "? got 1000",
        "! consume 999", "> . 1:0 ack 1001 win 1000", "< . 1001:500 ack 1 win 8000",
        "< . 1501:500 ack 1 win 8000", "> . 1:0 ack 2001 win 0", "? got 2000");
}

/* ---- later stacks ---- */

/* What acknowledges nothing new does not put the time-out off. */
Test(tcp_faults, old_acknowledgements_do_not_hold_the_time_out_back)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "+ 600", "< . 1:0 ack 1 win 8000",
        "+ 200", "< . 1:0 ack 1 win 7000", "+ 100", "< . 1:5 ack 1 win 7000", "+ 99", "+ 2",
        "> P. 1:10 ack 6 win 8187");
}

/* A new one does; and a timer that goes off too early is set again. */
Test(tcp_faults, a_new_acknowledgement_restarts_the_time_out)
{
    RUN(PLAIN "initial_window=2", OPENED, "! push 1000", "> . 1:500 ack 1 win 8192",
        "> P. 501:500 ack 1 win 8192", "+ 600", "< . 1:0 ack 501 win 8000", "+ 999", "+ 2",
        "> P. 501:500 ack 1 win 8192");
}

/* Both send, and a segment is overtaken: its data count though its acknowledgement is old. */
Test(tcp_faults, data_with_an_old_acknowledgement_are_taken)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "< . 21:20 ack 11 win 8000",
        "> . 11:0 ack 1 win 8192", "< . 1:20 ack 1 win 8000", "> . 11:0 ack 41 win 8152",
        "? got 40");
}

/* An answer acknowledges all that came, also what an acknowledgement was still to be sent for. */
Test(tcp_faults, an_answer_acknowledges_all_that_came)
{
    RUN(PLAIN, OPENED, "< . 1:10 ack 1 win 8000", "< . 20000:10 ack 1 win 8000",
        "> . 1:0 ack 11 win 8182", "+ 1000", "< . 11:10 ack 1 win 8000", "< . 11:0 ack 9 win 8000",
        "> . 1:0 ack 21 win 8172");
}

Test(tcp_faults, with_stamps_data_are_sent_again_too)
{
    RUN("window_scale=false", "! open", "> S 0:0 ack - win 8192 mss 1472 ts 0 0",
        "< S. 0:0 ack 1 win 8000 mss 500 ts 7 0", "> . 1:0 ack 1 win 8192 ts 0 7", "! push 10",
        "> P. 1:10 ack 1 win 8192 ts 0 7", "+ 1001", "> P. 1:10 ack 1 win 8192 ts 1000 7", "+ 2000",
        "> P. 1:10 ack 1 win 8192 ts 3000 7", "< . 1:0 ack 11 win 8000 ts 3001 3000", "+ 100000");
}

Test(tcp_faults, data_acknowledged_by_a_fin_are_not_sent_again)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "< F. 1:0 ack 11 win 8000",
        "> . 11:0 ack 2 win 8191", "= CLOSE_WAIT", "+ 100000");
}

/* The FIN is acknowledged by the number behind it, not by that of the last byte. */
Test(tcp_faults, data_acknowledged_are_no_fin_acknowledged)
{
    RUN(PLAIN, OPENED, "! push 10", "> P. 1:10 ack 1 win 8192", "! finish",
        "> F. 11:0 ack 1 win 8192", "< . 1:0 ack 11 win 8000", "= FIN_WAIT_1",
        "< . 1:0 ack 12 win 8000", "= FIN_WAIT_2");
}

/* A longer copy of what waits behind a hole is cut at the window's edge. */
Test(tcp_faults, a_longer_copy_behind_a_hole_stays_in_the_window)
{
    RUN(PLAIN "receive_buffer=1000B mss=400B", "! hold", "! open", "> S 0:0 ack - win 1000 mss 400",
        "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 1000", "< . 501:100 ack 1 win 8000",
        "> . 1:0 ack 1 win 1000", "< . 501:700 ack 1 win 8000", "> . 1:0 ack 1 win 1000",
        "? rcvbyteafterwin 200", "< . 1:500 ack 1 win 8000", "> . 1:0 ack 1001 win 0",
        "? got 1000");
}
