/* script.c: helpers of the tests of configurations. */
#include "tests/cli/script.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char *scratch_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = base_printf("%s/psim-test-XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(dir));
    return dir;
}

char *scratch_file(const char *dir, const char *name, const char *text, size_t length)
{
    char *path = base_printf("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert(fd >= 0);
    cr_assert(write(fd, text, length) == (ssize_t)length);
    close(fd);
    return path;
}

bool script_text(const char *text, struct script_result *out, struct err *e)
{
    char *dir = scratch_dir();
    char *file = scratch_file(dir, "conf.lua", text, strlen(text));
    const char *roots[] = { dir, NULL };
    struct script_options o = { .file = file, .roots = roots };
    bool good = script_run(&o, out, e);
    unlink(file);
    rmdir(dir);
    free(file);
    free(dir);
    return good;
}

const char *script_complaint(const char *text)
{
    static struct err e;
    struct script_result r;
    e = (struct err)ERR_INIT;
    cr_assert(!script_text(text, &r, &e), "it was accepted: %s", text);
    cr_assert(e.set && e.text[0]);
    cr_assert(!strchr(e.text, '\n'), "more than one line: %s", e.text);
    cr_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a child is left");
    return e.text;
}
