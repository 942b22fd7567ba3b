/* script.h: helpers of the tests of configurations: write a text to a file, evaluate it. */
#ifndef TESTS_CLI_SCRIPT_H
#define TESTS_CLI_SCRIPT_H

#include "cli/lua/script.h"

/* A fresh folder under the temporary folder; heap. */
char *scratch_dir(void);
/* Writes `text` to `name` below `dir`; the file's path, heap. */
char *scratch_file(const char *dir, const char *name, const char *text, size_t length);
/* Evaluates a text as conf.lua in a folder of its own. */
bool script_text(const char *text, struct script_result *out, struct err *e);
/* The sentence that evaluating the text ends with; fails the test when there is none or when a
 * child is left. */
const char *script_complaint(const char *text);

#endif
