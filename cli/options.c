/* options.c: reads a command's options from its table, and prints its help from the same table. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/commands.h"

int cli_complain(int code, const struct err *e)
{
    return cli_complainf(e->lost ? CLI_POINT : code, "%s", e->text);
}

int cli_complainf(int code, const char *fmt, ...)
{
    char text[2048]; /* a sentence has at most half of that (sim/base/err.h) */
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    clean_print(stderr, "psim: %s\n", text);
    return code;
}

static void print_help(const struct cli_usage *u)
{
    printf("usage: psim %s%s%s%s\n\n%s\n", u->command, u->options[0].name ? " [OPTION]..." : "",
           u->operands[0] ? " " : "", u->operands, u->doc);
    printf("\noptions:\n");
    for (const struct cli_option *o = u->options; o->name; o++) {
        char left[64];
        char letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        printf("  %-28s %s\n", left, o->doc);
    }
    printf("  %-28s %s\n", "    --help", "print this");
}

static const struct cli_option *find_long(const struct cli_usage *u, const char *name, size_t len)
{
    for (const struct cli_option *o = u->options; o->name; o++)
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static bool unknown_option(const struct cli_usage *u, const char *arg, struct err *e)
{
    const char *names[64];
    size_t n = 0;
    for (const struct cli_option *o = u->options; o->name && n < 62; o++)
        names[n++] = o->name;
    names[n++] = "help";
    names[n] = NULL;
    char word[128];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(arg, "="), arg);
    const char *near = word[0] == '-' && word[1] == '-' ? nearest_name(word + 2, names) : NULL;
    if (near)
        return err_set(e, "'psim %s' has no option '%s', did you mean '--%s'?", u->command, word,
                       near);
    return err_set(e, "'psim %s' has no option '%s'; 'psim %s --help' lists them", u->command, word,
                   u->command);
}

static bool store(const struct cli_usage *u, const struct cli_option *o, const char *value,
                  struct err *e)
{
    if (o->type == CLI_FLAG) {
        *(bool *)o->dst = true;
        return true;
    }
    bool names_file = o->arg != NULL && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0);
    if (names_file && (value[0] == '\0' || strcmp(value, ":memory:") == 0))
        return err_set(e, "--%s '%s' names no file: nothing would be kept", o->name, value);
    if (o->type == CLI_TEXT) {
        *(const char **)o->dst = value;
        return true;
    }
    if (o->type == CLI_LIST) {
        struct cli_list *l = o->dst;
        l->items = base_realloc(l->items, (l->count + 1) * sizeof *l->items);
        l->items[l->count++] = value;
        return true;
    }
    char *end;
    errno = 0;
    unsigned long long v = strtoull(value, &end, o->type == CLI_SEED ? 0 : 10);
    bool digits = value[0] >= '0' && value[0] <= '9';
    if (!digits || *end || errno || (o->type == CLI_COUNT && (v == 0 || v > 1000000)))
        return err_set(e, "'psim %s --%s %s': %s", u->command, o->name, value,
                       o->type == CLI_COUNT ? "expected a whole number from 1 to 1000000"
                                            : "expected a whole number of at most 64 bits");
    if (o->type == CLI_COUNT)
        *(int64_t *)o->dst = (int64_t)v;
    else
        *(struct cli_seed *)o->dst = (struct cli_seed){ v, true };
    return true;
}

/* One argument that starts with '-'.  *i moves on when the next argument is its value. */
static bool read_option(const struct cli_usage *u, int argc, char **argv, int *i, struct err *e)
{
    const char *arg = argv[*i];
    const struct cli_option *o = NULL;
    const char *value = NULL;
    if (arg[1] == '-') {
        size_t len = strcspn(arg + 2, "=");
        o = find_long(u, arg + 2, len);
        if (o && arg[2 + len] == '=')
            value = arg + 2 + len + 1;
    } else {
        for (o = u->options; o->name; o++)
            if (o->letter && o->letter == arg[1])
                break;
        if (!o->name)
            o = NULL;
        else if (arg[2])
            value = arg + 2;
    }
    if (!o)
        return unknown_option(u, arg, e);
    if (o->type == CLI_FLAG) {
        if (value)
            return err_set(e, "'psim %s': the option --%s takes no value, found '%s'", u->command,
                           o->name, value);
        return store(u, o, NULL, e);
    }
    if (!value) {
        if (*i + 1 >= argc)
            return err_set(e, "'psim %s': the option --%s needs its value %s", u->command, o->name,
                           o->arg);
        value = argv[++*i];
    }
    return store(u, o, value, e);
}

bool cli_options(const struct cli_usage *u, int argc, char **argv, const char **operands,
                 size_t *count, int *code)
{
    struct err e = ERR_INIT;
    bool only_operands = false;
    *count = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_operands && strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            print_help(u);
            *code = CLI_OK;
            return false;
        } else if (!only_operands && arg[0] == '-' && arg[1]) {
            if (!read_option(u, argc, argv, &i, &e))
                break;
        } else if (*count == u->operands_max) {
            err_set(&e, "'psim %s' takes %s and nothing more, found '%s'", u->command,
                    u->operands[0] ? u->operands : "options", arg);
            break;
        } else {
            operands[(*count)++] = arg;
        }
    }
    if (!e.set && *count < u->operands_min)
        err_set(&e, "'psim %s' needs %s; 'psim %s --help' explains", u->command, u->operands,
                u->command);
    if (e.set)
        *code = cli_complain(CLI_USAGE, &e);
    return !e.set;
}
