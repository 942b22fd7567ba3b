/* pair.c: see pair.h.  A file of its own, for what sys/socket.h names os/proto/sock names, too. */
#include "tests/live/pair.h"

#include <criterion/criterion.h>
#include <sys/socket.h>

void pair_make(int fds[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
}
