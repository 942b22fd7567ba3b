/* live.c: psim live: runs psim-live, which stands beside psim, or in ../lib/psim. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"

int cmd_live(int argc, char **argv)
{
    static const char *const places[] = { "psim-live", "../lib/psim/psim-live" };
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)argc;
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < ARRAY_LEN(places); i++) {
        char *path = base_printf("%.*s/%s", (int)(slash - self), self, places[i]);
        execv(path, argv);
        free(path);
    }
    return cli_complainf(CLI_USAGE, "psim-live, which 'psim live' runs, cannot be run: %s",
                         strerror(errno));
}
