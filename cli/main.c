/* main.c: the psim command: picks the subcommand. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("psim " PSIM_VERSION);
        return 0;
    }
    fputs("usage: psim COMMAND ...\n", stderr);
    return 2;
}
