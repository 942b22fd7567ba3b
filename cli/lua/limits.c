/* limits.c: what the child may not do, from the moment before it reads the first byte of a
 * configuration: no descriptor but the socket, no more memory and time than said, no new process,
 * no file, no system call outside a short list [seccomp(2)]. */
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/lua/child.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1 /* its shadow memory needs terabytes of addresses, and a call or two more */
#else
#define UNDER_ASAN 0
#endif

/* Valgrind knows no seccomp(2), and its own memory counts as ours. */
static bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload_");
}

/* The smaller of what is asked for and what the process has already: a limit that a user set below
 * psim's own stays. */
static void limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
    struct rlimit r, now;
    if (getrlimit(resource, &now) != 0)
        _exit(4);
    r.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
    r.rlim_cur = soft < now.rlim_cur ? soft : now.rlim_cur;
    if (r.rlim_cur > r.rlim_max)
        r.rlim_cur = r.rlim_max;
    if (setrlimit(resource, &r) == 0)
        return;
    r.rlim_max = now.rlim_max; /* valgrind lets nobody change that one */
    if (setrlimit(resource, &r) != 0)
        _exit(4);
}

static void allow(scmp_filter_ctx f, int call)
{
    if (seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0) != 0)
        _exit(4);
}

static void filter_calls(void)
{
    static const int
        calls[] = { SCMP_SYS(read),         SCMP_SYS(write),
                    SCMP_SYS(exit),         SCMP_SYS(brk),
                    SCMP_SYS(exit_group),   SCMP_SYS(munmap),
                    SCMP_SYS(mremap),       SCMP_SYS(madvise),
                    SCMP_SYS(futex),        SCMP_SYS(clock_gettime),
                    SCMP_SYS(rt_sigreturn), SCMP_SYS(sysinfo) /* glibc's qsort, above 1 KiB */ };
    static const int asan_calls[] = { SCMP_SYS(mmap),          SCMP_SYS(mprotect),
                                      SCMP_SYS(sigaltstack),   SCMP_SYS(getpid),
                                      SCMP_SYS(gettid),        SCMP_SYS(sched_yield),
                                      SCMP_SYS(rt_sigprocmask) };
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!f)
        _exit(4);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        allow(f, calls[i]);
    for (size_t i = 0; UNDER_ASAN && i < ARRAY_LEN(asan_calls); i++)
        allow(f, asan_calls[i]);
    if (!UNDER_ASAN && seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0)
        _exit(4);
    if (seccomp_load(f) != 0)
        _exit(4);
    seccomp_release(f);
}

void limits_apply(int keep_fd)
{
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(4);
    if (!UNDER_ASAN)
        dup2(null, 2);
    /* The socket becomes 3, and nothing else stays. */
    if (keep_fd != 3 && dup2(keep_fd, 3) < 0)
        _exit(4);
    if (close_range(4, ~0U, 0) != 0)
        _exit(4);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
    limit(RLIMIT_NOFILE, 4, 4);
    limit(RLIMIT_NPROC, 0, 0);
    /* The parent looks at each case; this is for a sweep of as many as there may be. */
    const rlim_t most = SCRIPT_CPU_SECONDS + SCRIPT_CASES / 1000 * SCRIPT_CASE_MS;
    limit(RLIMIT_CPU, most, most + 1);
    bool valgrind = under_valgrind();
    if (!UNDER_ASAN && !valgrind)
        limit(RLIMIT_AS, (rlim_t)SCRIPT_ADDRESS_MIB << 20, (rlim_t)SCRIPT_ADDRESS_MIB << 20);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(4);
    if (!valgrind)
        filter_calls();
}
