/* bench_tcp.c: segments of TCP a second of the host's CPU on a dumbbell, beside ns-3's TCP on the
 * same one (peer_ns3_tcp.cpp, where its headers are installed).
 *
 * Ours is `psim run tcp_dumbbell`, all of the command: it reads the configuration, checks every
 * byte that is delivered, and sums each segment twice.  The peer's segments have no bytes and no
 * sums; its time is that of the run alone.  Both are NewReno with the same windows, links and
 * queue, and deliver the same bytes.  A segment counts once, when its host sends it.
 *
 *   bench_tcp             the lines for scripts/bench
 *   bench_tcp NUMBER      one of the loads: what was sent and delivered, in what simulated time
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/base/base.h"
#include "tests/bench/bench.h"

#define CONFIG "configs/tcp_dumbbell.lua"

static const struct job {
    const char *name;
    unsigned flows, mebibytes; /* of each */
} jobs[] = {
    { "tcp dumbbell, 2 streams", 2, 16 },
    { "tcp dumbbell, 8 streams", 8, 4 },
    { "tcp dumbbell, 64 streams", 64, 1 },
};

static char ours_path[PATH_MAX], peer_path[PATH_MAX];

/* A program in the folder of this one, or above. */
static bool find(char *path, const char *name)
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 32);
    char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (!slash)
        return false;
    strcpy(slash + 1, name);
    return access(path, X_OK) == 0;
}

static double children_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* The value of a scalar in JSON text. */
static double number_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    at = at ? strstr(at, "\"value\":") : NULL;
    if (!at)
        abort();
    return strtod(at + strlen("\"value\":"), NULL);
}

static double ours(uint64_t number, uint64_t words)
{
    static char text[1 << 20];
    char command[PATH_MAX + 120];
    const struct job *j = &jobs[number];
    (void)snprintf(command, sizeof command,
                   "'%s' run --json --no-store -q " CONFIG " -p flows=%u -p bytes=%uMiB", ours_path,
                   j->flows, j->mebibytes);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): the path is our own */
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (!f || pclose(f) != 0 || n == 0)
        abort();
    double took = children_seconds(), segments = number_of(text, "\"tcp.sndtotal\"");
    if (words)
        printf("psim: %.6g segments/s, %.0f sent, %.0f bytes delivered at %.4g B/s of "
               "simulated time\n",
               segments / took, segments, j->flows * j->mebibytes * 1048576.0,
               number_of(text, "\"tcp_streams.goodput\""));
    return segments / took;
}

static double peer(uint64_t number, uint64_t words)
{
    const struct job *j = &jobs[number];
    char command[PATH_MAX + 80], line[200];
    (void)snprintf(command, sizeof command, "'%s' %u %lu", peer_path, j->flows,
                   (unsigned long)j->mebibytes << 20);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): the path is our own */
    if (!f || !fgets(line, sizeof line, f) || pclose(f) != 0)
        abort();
    if (words)
        printf("ns-3: %s", line);
    return strtod(line, NULL);
}

int main(int argc, char **argv)
{
    bool has_peer = find(peer_path, "peer_ns3_tcp");
    if (!find(ours_path, "../psim") || access(CONFIG, R_OK) != 0) {
        fprintf(stderr, "bench_tcp: run it from the top of the tree, with psim built beside it\n");
        return 1;
    }
    if (argc == 2) {
        uint64_t number = strtoul(argv[1], NULL, 10) % ARRAY_LEN(jobs);
        printf("%s\n", jobs[number].name);
        (void)ours(number, 1);
        if (has_peer)
            (void)peer(number, 1);
        return 0;
    }
    if (!has_peer)
        fprintf(stderr, "bench_tcp: no peer: the headers of ns-3 are not installed (package "
                        "libns3-dev, scripts/setup --bench)\n");
    for (uint64_t i = 0; i < ARRAY_LEN(jobs); i++) {
        double rate = bench_median(ours, i, 0);
        double theirs = has_peer ? bench_median(peer, i, 0) : 0;
        bench_print(jobs[i].name, rate, "segments/s", has_peer ? "ns-3 NewReno" : "-",
                    has_peer ? rate / theirs : 0);
    }
    return 0;
}
