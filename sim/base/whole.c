/* whole.c: files that appear whole or not at all. */
#include "sim/base/whole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Did the device fail, and not the name? */
static bool is_loss(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG || code == EIO;
}

static bool cannot(const char *what, const char *path, int code, bool loss, struct err *e)
{
    return (loss ? err_lost : err_set)(e, "%s '%s' cannot be written: %s", what, path,
                                       code != 0 ? strerror(code) : "the disk reported an error");
}

/* DIR/.part-PID-NAME: the ending stays, programs choose a format by it. */
static char *part_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    return base_printf("%.*s.part-%ld-%s", (int)(name - path), path, (long)getpid(), name);
}

bool whole_open(struct whole *w, const char *what, const char *path, struct err *e)
{
    struct stat st;
    bool direct = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    *w = (struct whole){ .path = base_strdup(path), .part = direct ? NULL : part_name(path) };
    w->file = fopen(direct ? path : w->part, direct ? "w" : "w+");
    if (w->file != NULL)
        return true;
    cannot(what, path, errno, is_loss(errno), e);
    free(w->path);
    free(w->part);
    *w = (struct whole){ 0 };
    return false;
}

bool whole_close(struct whole *w, const char *what, bool keep, struct err *e)
{
    if (w->file == NULL)
        return true;
    errno = 0;
    bool ok = !keep || (fflush(w->file) == 0 && !ferror(w->file));
    if (ok && keep && w->part != NULL)
        ok = fsync(fileno(w->file)) == 0;
    int code = ok ? 0 : errno;
    if (fclose(w->file) != 0 && ok && keep) {
        code = errno;
        ok = false;
    }
    if (ok && keep && w->part != NULL && rename(w->part, w->path) != 0) {
        code = errno;
        ok = false;
    }
    if (w->part != NULL && !(ok && keep))
        unlink(w->part);
    if (!ok)
        cannot(what, w->path, code, true, e);
    free(w->path);
    free(w->part);
    *w = (struct whole){ 0 };
    return ok;
}

FILE *whole_folder_file(struct whole_folder *f, const char *name)
{
    struct whole w;
    if (!f)
        return NULL;
    char *path = base_printf("%s/%s", f->path, name);
    bool good = whole_open(&w, "the file", path, &f->failed);
    free(path);
    if (!good)
        return NULL;
    f->files = base_realloc(f->files, (f->count + 1) * sizeof *f->files);
    f->files[f->count++] = w;
    return w.file;
}

bool whole_folder_close(struct whole_folder *f, bool keep, struct err *e)
{
    bool good = true;
    for (size_t i = 0; i < f->count; i++)
        good = whole_close(&f->files[i], "the file", keep, &f->failed) && good;
    free(f->files);
    f->files = NULL;
    f->count = 0;
    if (f->failed.set)
        (f->failed.lost ? err_lost : err_set)(e, "%s", f->failed.text);
    return good && !f->failed.set;
}
