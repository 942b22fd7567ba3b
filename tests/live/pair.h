/* pair.h: a wire between two processes. */
#ifndef TESTS_LIVE_PAIR_H
#define TESTS_LIVE_PAIR_H

/* For live_socket: two ends that keep messages, in order and all of them. */
void pair_make(int fds[2]);

#endif
