#!/usr/bin/env python3
"""doc_commands: every command that the documents and the heads of configurations show is run.

Collected: lines of fenced and indented blocks and `code spans` of README.md, docs/*.md and docs/*/*.md, and comments
of configs/, that start with psim, a script, make, or a program of build/.  The name of a command of psim alone
(`psim run`) is a name and no command.  Blocks "```sh run" of docs/howto-*.md are run by scripts/check-howto.

doc_commands.txt says what to do with those that are not run as they stand with exit code 0:
    COMMAND | CODE | HOW | SIZE
CODE is the exit code; HOW is "quick", "soak" (takes more than 5 s as it stands) or "elsewhere" (SIZE says where);
SIZE is what is added to the command, or, after "=", what is run in its place.  A line of the table that no document
has fails, and so does a command that does not give its code.

    doc_commands.py list             what was collected, and where
    doc_commands.py quick [SECONDS]  the quick ones, each at most 5 s of CPU; of the slow ones `psim check` of the
                                     same.  With SECONDS: in an order by SEED (else 1), and no longer.
    doc_commands.py soak [WORD ...]  all, the slow ones at their size; only those that hold a WORD
    doc_commands.py whole [WORD ...] all as they stand, which takes an hour or more
"""

import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("TREE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("B", "build")))
TABLE = os.path.join(ROOT, "tests", "system", "doc_commands.txt")
START = re.compile(r"!? ?([A-Z_]+=\S+ )*(build/|tests/system/)?(psim |scripts/[a-z]|make\b|build/|\w+\.py\b)")
IN_COMMENT = re.compile(r"(?:^|(?<=[^\w/.-]))((?:build/)?psim (?:run|check|list|figure|plot|compare|export|trace|demerit)\b.*"
                        r"|(?<=^ {3})scripts/[a-z].*)")
QUICK, SOAK, WHOLE = "quick", "soak", "whole"
LIMIT = {QUICK: 5, SOAK: 600, WHOLE: 7200}  # seconds of CPU that a process of a command may use


def is_command(text):
    """A command and no mere name: psim needs an argument."""
    return START.match(text) and not re.fullmatch(r"(build/)?psim [a-z]+", text)


def plain(text):
    """Without the remark behind it."""
    return re.sub(r"\s+#.*|\s{3,}.*", "", text).strip()


def of_markdown(path, text):
    found, prose, fence, line_no, before = [], [], None, 0, ""
    for line in text.split("\n"):
        line_no += 1
        if line.startswith("```"):
            fence = line[3:].strip() if fence is None else None
            prose.append("")
            continue
        if fence is None:
            indented = line.startswith("    ") and (before or START.match(line.strip()))
            if not indented:
                prose.append(line)
                continue
            prose.append("")
        elif fence not in ("", "sh"):
            prose.append("")
            continue
        else:
            prose.append("")
        command = plain(before + line.strip())
        before = ""
        if command.endswith("\\"):
            before = command[:-1]
        elif is_command(command):
            found.append((line_no, command))
    whole = "\n".join(prose)
    for span in re.finditer(r"`([^`]+)`", whole):
        command = re.sub(r"\s+", " ", span.group(1)).strip()
        if is_command(command):
            found.append((whole.count("\n", 0, span.start()) + 1, command))
    return found


def of_lua(path, text):
    found = []
    for line_no, line in enumerate(text.split("\n"), 1):
        comment = re.match(r"\s*--(.*)", line)
        command = comment and IN_COMMENT.search(comment.group(1))
        if not command:
            continue
        command = plain(re.sub(r"[;`)].*|\s{2,}.*", "", command.group(1)))
        if is_command(command):
            found.append((line_no, command))
    return found


def collect():
    """{command: where it stands first}, in the order of the documents."""
    names = ["README.md"] + glob.glob("docs/**/*.md", root_dir=ROOT, recursive=True) + \
        glob.glob("configs/**/*.lua", root_dir=ROOT, recursive=True)
    commands, kinds = {}, {".md": 0, ".lua": 0}
    for name in sorted(n for n in names if n != "docs/params.md"):  # that one is made of parameters
        kind = os.path.splitext(name)[1]
        with open(os.path.join(ROOT, name), encoding="utf-8") as f:
            for line_no, command in (of_markdown if kind == ".md" else of_lua)(name, f.read()):
                commands.setdefault(command, f"{name}:{line_no}")
                kinds[kind] += 1
    if not all(kinds.values()):
        sys.exit(f"doc_commands: nothing was collected from {[k for k in kinds if not kinds[k]]}")
    return commands


def read_table(commands):
    table = {}
    with open(TABLE, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            command, code, how, size = [c.strip() for c in re.split(r"\s\|(?=\s|$)", line.rstrip("\n"), maxsplit=3)]
            if how not in (QUICK, SOAK, "elsewhere") or command in table:
                sys.exit(f"doc_commands.txt: {command}: twice, or '{how}' is no way to run it")
            table[command] = (int(code), how, size)
    stale = [c for c in table if c not in commands]
    if stale:
        sys.exit("doc_commands.txt: no document has: " + "; ".join(stale))
    return table


def as_check(command):
    """The `psim check` of a run."""
    words = re.match(r"((?:build/)?psim) (?:run|figure|trace) (.*)", command)
    if not words:
        return None
    rest = re.sub(r"\s(-j ?\d+|-q|--json|(-n|-r|-c|-o|--from|--to|--output-dir) ?\S+)(?=\s|$)", "", words.group(2))
    return f"{words.group(1)} check {rest}"


def at_size(command, size):
    return size[1:].strip() if size.startswith("=") else f"{command} {size}".strip()


def scratch(command):
    """A folder to run it in: the configurations and references; the whole tree for what is no psim."""
    folder = tempfile.mkdtemp(prefix="doc-commands-")
    if re.search(r"scripts/|make\b", command):
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                                check=True).stdout
        subprocess.run(["xargs", "-0", "cp", "-a", "--parents", "-t", folder], cwd=ROOT, input=listed, check=True)
        subprocess.run(["cp", "-a", BUILD, os.path.join(folder, "build")], check=True)
    else:
        for part in ("configs", os.path.join("results", "reference"), os.path.join("tests", "system")):
            shutil.copytree(os.path.join(ROOT, part), os.path.join(folder, part))
        os.symlink(BUILD, os.path.join(folder, "build"))
    return folder


def run(command, code, limit):
    """None, or what was wrong."""
    folder = scratch(command)
    env = {k: v for k, v in os.environ.items() if k not in ("B", "PSIM", "T", "SUITE_TOTALS", "LEFT_OUT")}
    env.update(PATH=os.path.join(folder, "build") + ":" + os.environ["PATH"], LC_ALL="C",
               PSIM_CONFIGS=os.path.join(folder, "configs"))
    try:
        done = subprocess.run(["timeout", str(4 * limit), "bash", "-c", f"ulimit -St {limit}; {command}"], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", text=True, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode == code:
        return None
    if done.returncode in (124, 128 + 24):
        return f"takes more than {limit} s of CPU"
    tail = "\n".join("      | " + line for line in done.stdout.rstrip().split("\n")[-12:])
    return f"gave {done.returncode}, expected {code}\n{tail}"


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode not in ("list", QUICK, SOAK, WHOLE):
        sys.exit(__doc__)
    commands = collect()
    table = read_table(commands)
    todo = []
    for command, where in commands.items():
        code, how, size = table.get(command, (0, QUICK, ""))
        if mode == "list":
            print(f"{where:32} {how:9} {code} {command}" + (f"    [{size}]" if size else ""))
        elif how == "elsewhere":
            continue
        elif mode == QUICK and how == SOAK:
            check = as_check(at_size(command, size))
            if check:
                todo.append((where, check, 0))
        elif mode == WHOLE and how == SOAK and not size.startswith("="):
            todo.append((where, command, code))
        else:
            todo.append((where, at_size(command, size), code))
    words = sys.argv[2:]
    budget = None
    if mode == QUICK and words:
        budget = float(words.pop())
        seed = int(os.environ.get("SEED", 1))
        random.Random(seed).shuffle(todo)
        print(f"SEED={seed}")
    start, bad, ran = time.monotonic(), 0, 0
    for where, command, code in todo:
        if words and not any(w in command for w in words):
            continue
        if budget and ran and time.monotonic() - start > budget:
            break
        began = time.monotonic()
        wrong = run(command, code, LIMIT[mode])
        ran += 1
        print(f"{'FAIL' if wrong else 'ok':5} {time.monotonic() - began:6.1f} s  {where}: {command}", flush=True)
        if wrong:
            bad += 1
            print(f"      {wrong}", flush=True)
    if mode != "list":
        print(f"{ran - bad} passed, {bad} failed, {len(todo)} in all")
        sys.exit(1 if bad or not ran else 0)


main()
