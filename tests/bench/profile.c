/* profile.c: see profile.h.  A signal per millisecond of CPU time notes the program counter;
 * addr2line turns it into a source file, whose folder counts.  Functions that the compiler has put
 * into others count where they were written.  Outside of the program: the library's name. */
#include "tests/bench/profile.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define SAMPLES_MOST 65536
#define GROUPS_MOST 64
#define SHOWN_FROM 0.02

static uintptr_t samples[SAMPLES_MOST];
static volatile sig_atomic_t taken;

struct group {
    char name[64];
    int count;
};
static struct group groups[GROUPS_MOST];
static int group_count;

static void sample(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    (void)signal, (void)info;
    if (taken < SAMPLES_MOST)
        samples[taken++] = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
}

static void interval(long us)
{
    struct itimerval t = { .it_interval = { .tv_usec = us }, .it_value = { .tv_usec = us } };
    setitimer(ITIMER_PROF, &t, NULL);
}

void profile_start(void)
{
    struct sigaction a = { .sa_sigaction = sample,
                           .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    static char stack[65536]; /* the threads' own are small */
    stack_t s = { .ss_sp = stack, .ss_size = sizeof stack };
    sigaltstack(&s, NULL);
    sigaction(SIGPROF, &a, NULL);
    taken = 0;
    group_count = 0;
    interval(1000);
}

static void add(const char *name, size_t len)
{
    int i = 0;
    while (i < group_count && (strlen(groups[i].name) != len || strncmp(groups[i].name, name, len)))
        i++;
    if (i == GROUPS_MOST)
        return;
    if (i == group_count) {
        snprintf(groups[i].name, sizeof groups[i].name, "%.*s", (int)len, name);
        groups[i].count = 0;
        group_count++;
    }
    groups[i].count++;
}

/* The part of a path behind the tree that the program was built in: here, or where it was. */
static const char *in_tree(const char *path, const char *root)
{
    static const char *const folders[] = { "/os/",    "/models/",    "/mesh/",  "/sim/",
                                           "/disks/", "/workloads/", "/tests/", "/cli/" };
    const char *best = NULL;
    if (strncmp(path, root, strlen(root)) == 0)
        return path + strlen(root);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *at = strstr(path, folders[i]);
        if (at && (!best || at + 1 < best))
            best = at + 1;
    }
    return best;
}

/* "/where/ever/os/svm/svm.c:12" counts as os/svm. */
static void add_source(const char *line, const char *root)
{
    const char *at = in_tree(line, root);
    while (at && strncmp(at, "./", 2) == 0)
        at += 2;
    const char *end = at ? strrchr(at, '/') : NULL;
    add(end ? at : "?", end ? (size_t)(end - at) : 1);
}

static void add_library(uintptr_t pc)
{
    Dl_info info;
    if (!dladdr((const void *)pc, &info) || !info.dli_fname) {
        add("?", 1);
        return;
    }
    const char *name = strrchr(info.dli_fname, '/');
    name = name ? name + 1 : info.dli_fname;
    add(name, strcspn(name, "."));
}

/* The samples of the program itself, through addr2line. */
static void add_program(uintptr_t base, uintptr_t end)
{
    char path[] = "/tmp/bench_profile_XXXXXX", command[256], line[1024], root[256];
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f || !getcwd(root, sizeof root - 1))
        return;
    strcat(root, "/");
    for (int i = 0; i < taken; i++)
        if (samples[i] >= base && samples[i] < end)
            fprintf(f, "%#lx\n", (unsigned long)(samples[i] - base));
    fclose(f);
    snprintf(command, sizeof command, "addr2line -e /proc/%d/exe <%s", (int)getpid(), path);
    FILE *out = popen(command, "r");
    while (out && fgets(line, sizeof line, out))
        add_source(line, root);
    if (out)
        pclose(out);
    unlink(path);
}

static int by_count(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return y->count - x->count;
}

extern char __executable_start, etext;

void profile_print(const char *of)
{
    interval(0);
    uintptr_t base = (uintptr_t)&__executable_start, end = (uintptr_t)&etext;
    for (int i = 0; i < taken; i++)
        if (samples[i] < base || samples[i] >= end)
            add_library(samples[i]);
    add_program(base, end);
    qsort(groups, (size_t)group_count, sizeof *groups, by_count);
    for (int i = 0; i < group_count; i++) {
        char name[160];
        double share = (double)groups[i].count / (double)taken;
        if (share < SHOWN_FROM)
            break;
        snprintf(name, sizeof name, "  %.40s: %.64s", of, groups[i].name);
        bench_print(name, 100 * share, "% of CPU time", "", 0);
    }
}
