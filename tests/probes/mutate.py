#!/usr/bin/env python3
"""Takes one control at a time out of the sandbox and shows which probes turn red.

mutate.py [--only TEXT] [--jobs N] [--list] [--save FILE]. A control that no probe misses is as good
as untested. Controls in the plan are taken out of the compiled plan (probe-plan-edit), those in the
code of the launcher or the command out of a copy of one source file, from which another one is
built beside the real one. Nothing that is installed changes. Exit status: 0 when every control was
missed, 77 when nothing is installed.
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import group_env
import harness
import jobs
import run

from lib import installed, skips
from lib.runner import end_cleanly

BUILD = os.environ.get("SVENV_BUILD_ROOT", "")
SOURCES = harness.HERE.parent.parent / "src"


@dataclasses.dataclass
class Mutation:
    what: str
    probes: str  # ids that should turn red, any of them
    edits: tuple = ()  # of the plan
    file: str = None  # of the launcher's sources, below src/; or of the command's
    tool: bool = False  # of the command's
    old: str = None
    new: str = None
    root: object = None
    path: str = None  # of the host; where the kernel shows nothing there, nothing can be missed
    each: bool = False  # every rule of the environment by itself, instead of an edit
    closed: bool = False  # without it no program starts at all
    backed: str = None  # another control that refuses as well, so that no probe can turn red


def plan(what, edit, probes, **more):
    return Mutation(what, probes, (edit,) if isinstance(edit, str) else edit, **more)


def code(what, file, old, new, probes, **more):
    return Mutation(what, probes, file=file, old=old, new=new, **more)


def command(what, file, old, new, probes, **more):
    return Mutation(what, probes, file=file, old=old, new=new, tool=True, **more)


MUTATIONS = [
    Mutation("every rule that keeps a name out of the environment", "ENV-18", each=True),
    # system calls
    plan("seccomp filter", "drop-filter", "KRN-35 KRN-09a KRN-14a KRN-21 KRN-37a KRN-43"),
    plan("capabilities dropped", "keep-cap=21", "KRN-35"),
    plan("nesting closed by sysctl", "allow-userns", "KRN-04"),
    code(
        "the top of the private home is looked at",
        "launcher/main.c",
        "    guard_take_from_private(&run->guard);\n",
        "",
        "PRJ-65",
    ),
    code(
        "installs that were cut short are looked at",
        "launcher/session.c",
        "    int list = installing_left(venv);\n",
        "    int list = -ENOENT;\n",
        "PIP-45",
    ),
    code(
        "new clone flags filtered only: sysctl",
        "launch/nesting.c",
        "    if (rc == 0 && !(shared->plan.flags & PLAN_USERNS_OK))",
        "    if (false)",
        "KRN-04",
    ),
    code(
        "bounding set dropped",
        "sys/caps.c",
        "        if (mask & (1ULL << cap))\n            continue;",
        "        if (cap != CAP_CHOWN && cap != CAP_DAC_OVERRIDE && cap != CAP_SYS_ADMIN &&"
        " cap != CAP_SYS_PTRACE)\n            continue;",
        "KRN-35",
    ),
    code(
        "core dump limit of 1",
        "launch/program.c",
        "        core.rlim_max = 1;",
        "        core.rlim_max = 0;",
        "KRN-46",
    ),
    code(
        "half of the inotify instances",
        "launch/nesting.c",
        "    rc = namespaces_limit_inotify(proc, err);",
        "    rc = 0;",
        "KRN-48",
    ),
    code("own IPC namespace", "sys/namespaces.c", " | CLONE_NEWIPC", "", "KRN-47 IPC-12 IPC-13"),
    code("own UTS namespace", "sys/namespaces.c", " | CLONE_NEWUTS", "", "KRN-47"),
    code("own cgroup namespace", "sys/namespaces.c", " | CLONE_NEWCGROUP", "", "KRN-47"),
    # network
    plan(
        "own network namespace", "clear-flag=own-net", "NET-01 NET-02 NET-03 NET-10 NET-12 PROC-05"
    ),
    # Landlock
    plan("Landlock", "clear-flag=landlock", "FD-03 IPC-01a IPC-01b LIFE-01a LIFE-05"),
    plan("Landlock's scopes (ABI 6)", "landlock-abi=5", "IPC-01a IPC-01b LIFE-01a LIFE-05"),
    plan(
        "Landlock opens nothing for writing but what is named",
        "landlock-write=/",
        "FS-22 FS-25",
        backed="what is not named is mounted read-only",
    ),
    # mounts
    plan("only /usr and the like of the system", "show=/var", "FS-07 FS-20"),
    plan("private /dev/shm", "show=/dev/shm", "DEV-04 IPC-03c FS-20"),
    plan("own devpts", "show=/dev/pts", "DEV-05"),
    plan("/sys by a list", "show=/sys", "SYS-01 SYS-02"),
    plan("private home", "real={HOME}", "FS-01 FS-02 FS-03"),
    plan("private cache", "real={HOME}/.cache", "PER-02"),
    plan("private /tmp", ("real=/tmp", "trust=/tmp"), "IPC-03a IPC-04"),
    plan("/usr read-only", "writable=/usr", "FS-25"),
    plan("/etc read-only", "writable=/etc", "FS-25"),
    plan("/proc/sys read-only", "drop-op=bind:/proc/sys", "PROC-10"),
    plan("venv read-only", "writable={VENV}", "PRJ-34 FS-25"),
    plan("venv's bin read-only", "writable={VENV}/bin", "PRJ-34 FS-25"),
    plan("venv's bin is the inner one", "drop-op=bind:{VENV}/bin", "KRN-35 FS-01", closed=True),
    plan("venv inside the project protected", "drop-op=bind:{VENV}", "PRJ-34 FS-25"),
    plan("sandbox/ masked", "drop-op=mask:{VENV}/sandbox", "POL-02"),
    plan("venv's home masked", "drop-op=mask:{VENV}/home", "POL-02"),
    plan("venv's cache masked", "drop-op=mask:{VENV}/cache", "POL-02"),
    plan(".git protected", "drop-op=bind:{PROJECT}/.git", "GIT-01 PRJ-02 PRJ-03b"),
    plan(".git read-only", "writable={PROJECT}/.git", "GIT-01 PRJ-02"),
    plan("a worktree's part protected", "drop-op=bind:{PROJECT}/forms/worktree", "GIT-07b"),
    plan(
        "a repository with links protected",
        ("drop-op=bind:{PROJECT}/forms/link", "drop-op=bind:{PROJECT}/forms/links"),
        "GIT-07c GIT-07d",
    ),
    plan(
        "a project that is a repository itself protected",
        "drop-op=bind:{PROJECT}/config",
        "GIT-07e",
    ),
    code(
        "what git takes for a repository",
        "base/repository.c",
        "    return (marks & REPOSITORY_HEAD) != 0 &&",
        "    return (marks & 1u << 30) != 0 &&",
        "GIT-07 GIT-07f",
    ),
    code(
        "closed directories are opened",
        "guard/sweep.c",
        "    if (closed &&",
        "    if (false && closed &&",
        "GIT-07g",
        root=False,
    ),
    code(
        "directories that a running program opens are looked through",
        "guard/watch.c",
        "    watch_look_again(guard);\n",
        "",
        "PRJ-70a PRJ-70b",
        root=False,
    ),
    code(
        "directories that can be passed are opened beside the program",
        "guard/sweep.c",
        "        (st.st_mode & S_IXUSR) != 0)",
        "        (st.st_mode & S_IXUSR) == 0)",
        "PRJ-70c",
        root=False,
    ),
    code(
        "repositories are noticed while a program runs",
        "guard/sweep.c",
        "if (repository_mark(name) != 0)",
        "if (false)",
        "GIT-07h",
    ),
    code(
        "no mark keeps us from looking",
        "guard/sweep.c",
        "    if (!directory)\n        return 0;",
        "    if (!directory || layout_is_packages(name) || *name == 'n')\n        return 0;",
        "GIT-07i GIT-07j GIT-07k",
    ),
    code(
        "an unguarded tree is left alone",
        "guard/sweep.c",
        "(entry->ino == 0 ||",
        "(false ||",
        "PRJ-37",
    ),
    code(
        "a closed project is opened",
        "guard/sweep.c",
        "    top_open(guard); /*",
        "    /*",
        "GIT-07o",
        root=False,
    ),
    code(
        "directories that were moved are passed through",
        "guard/sweep.c",
        "    inner.still = !inner.fresh;\n",
        "    inner.still = !inner.fresh;\n    if (inner.still)\n        return;\n",
        "GIT-07p",
    ),
    code(
        "a deep tree is moved in parts",
        "quarantine/quarantine.c",
        "        return raise_directory(dir, name, outer);",
        "        return outer->risen == NULL ? raise_directory(dir, name, outer) : -ELOOP;",
        "GIT-07q",
    ),
    code(
        "no directory hides in the place of byte code",
        "guard/sweep.c",
        "    if (!bytecode) {\n",
        "    if (!bytecode) {\n        return 0;\n",
        "GIT-07n",
    ),
    plan(
        "directories that nobody could look into are closed",
        "drop-op=bind:{PROJECT}/" + harness.DEEPEST,
        "GIT-07l",
    ),
    plan(
        "directories that cannot be read are closed",
        "drop-op=bind:{PROJECT}/shut",
        "GIT-07m",
        root=False,
    ),
    plan(
        "what git's configuration names protected",
        (
            "drop-op=bind:{PROJECT}/leads/hooks/.githooks",
            "drop-op=bind:{PROJECT}/leads/include/shared/gitconfig",
            "drop-op=bind:{PROJECT}/leads/filter/tools/clean.sh",
        ),
        "GIT-20a GIT-20b GIT-20g",
    ),
    plan(
        "what links in a repository lead to protected",
        (
            "drop-op=bind:{PROJECT}/leads/link/hooks",
            "drop-op=bind:{PROJECT}/leads/chain/tools/hook",
        ),
        "GIT-20c GIT-20d",
    ),
    plan(
        "each link of a chain taken away when it is another",
        "drop-obeyed=leads/chain/middle",
        "GIT-20e",
    ),
    plan(
        "what links in editor settings lead to protected",
        "drop-op=bind:{PROJECT}/leads/editor/tasks.json",
        "PRJ-53a",
    ),
    plan(
        "other names of protected files protected",
        "drop-op=bind:{PROJECT}/leads/twin/other",
        "PRJ-53b",
    ),
    plan(".vscode protected", "drop-op=bind:{PROJECT}/.vscode", "PRJ-02 PRJ-03a"),
    plan(".idea protected", "drop-op=bind:{PROJECT}/.idea", "PRJ-02 PRJ-03c"),
    plan(".env protected", "drop-op=bind:{PROJECT}/.env", "PRJ-02"),
    plan(".envrc protected", "drop-op=bind:{PROJECT}/.envrc", "PRJ-02 PRJ-05 PRJ-53d"),
    plan(
        "what appears in the project is taken away",
        "unguard",
        "PRJ-01 PRJ-16 PRJ-25 PRJ-32 PRJ-35a GIT-20e GIT-20f",
    ),
    code(
        "the user's names stay",
        "guard/sweep.c",
        "if (!guard_keeps(visit->guard, rel, false))",
        "if (!guard_keeps(visit->guard, rel, false) || true)",
        "GIT-13",
    ),
    code(
        "a name that appears is compared with the index",
        "guard/judge_content.c",
        "return memcmp(hash, entry->hash, sizeof(hash)) == 0;",
        "return hash[0] == entry->hash[0] || true;",
        "GIT-13b GIT-14",
    ),
    code(
        "what stays is looked at again",
        "guard/judge.c",
        "if (!ended && !row->waiting && mark != 0 && mark == row->mark)",
        "if (!row->waiting && row->mark != 0)",
        "GIT-14",
    ),
    code(
        "a repository that appears runs nothing",
        "guard/judge.c",
        "!git_is_harmless(dir, 1)",
        "(!git_is_harmless(dir, 1) && false)",
        "GIT-15",
    ),
    code(
        "a key that runs something is told from plain ones",
        "git/keys.c",
        '{"core", "fsmonitor", GIT_KEY_COMMAND}',
        '{"core", "fsmonitor", GIT_KEY_DATA}',
        "GIT-15",
    ),
    code(
        "a content of the index counts at its place alone",
        "git/index.c",
        "str_eq(r.path, path)",
        "str_ends(path, r.path)",
        "GIT-16",
    ),
    code(
        "a file with two names is nobody's",
        "guard/judge_content.c",
        "st.st_nlink != 1 || ",
        "",
        "GIT-17",
    ),
    code(
        "the index of a repository that programs made is nobody's word",
        "guard/judge_repository.c",
        "!was_made_beside(path)",
        "(!was_made_beside(path) || true)",
        "GIT-18",
    ),
    code(
        "protected names are compared without case",
        "base/str.c",
        "    return match_all(pattern, text, true);",
        "    return match_all(pattern, text, false);",
        "PRJ-35g",
    ),
    code(
        "names of several parts count in every directory",
        "plan/project.c",
        "one->anywhere ? obeyed_end_of(",
        "one->anywhere && strchr(one->pattern, '/') == NULL ? obeyed_end_of(",
        "PRJ-35c",
    ),
    code(
        "a link does not lead around a protected name",
        "guard/links.c",
        "(plan_obeyed_leads(",
        "(false && plan_obeyed_leads(",
        "PRJ-35h",
    ),
    code(
        "watching beside a program",
        "launcher/supervise.c",
        "clock_ms() + GUARD_FIRST_MS);",
        "clock_ms() + 1000000);",
        "PRJ-10 PRJ-25",
    ),
    code(
        "files that lost their protection get it back",
        "inside/cover.c",
        "MOUNT_ATTR_RDONLY);\n    return 1;",
        "0);\n    return 1;",
        "PRJ-10",
        backed="a file that cannot be protected again ends the run",
    ),
    code(
        "a file that was touched while it was saved stops the program",
        "guard/touch.c",
        "    guard->report->stop = touch->hide ? GUARD_SHOWN : GUARD_TOUCHED;",
        "    (void)touch->hide;",
        "PRJ-10b",
    ),
    code(
        "a name that was removed and made again is judged",
        "guard/present.c",
        "    row->is = PRESENCE_GONE;\n    return false;",
        "    return true;",
        "PRJ-10d",
    ),
    code(
        "the own venv is the same to the end",
        "guard/own.c",
        "        if (same != 0)",
        "        if (guard != NULL || same != 0)",
        "PRJ-50a PRJ-50b",
    ),
    command(
        "each thread is searched by itself",
        "inside/thread.c",
        "    if (!directory)\n        return 0;",
        "    if (!directory || !str_eq(name, each->pid))\n        return 0;",
        "PRJ-50g",
    ),
    command(
        "a directory that was covered is searched for, too",
        "inside/running.c",
        "        if (how == MOUNTED_WRITABLE)",
        "        if (how != MOUNTED_NOT)",
        "PRJ-50i",
    ),
    command(
        "a policy counts in a virtualenv that the account has wrapped",
        "cli/policy_file.c",
        "        else if (!place->known &&",
        "        else if (place->known && !place->known &&",
        "PRJ-50j",
    ),
    command(
        "create needs an empty directory",
        "cli/create.c",
        "    return r == 0 ? 0\n",
        "    return r >= 0 ? 0\n",
        "PRJ-50h",
    ),
    code(
        "marks of a usual virtualenv are taken away",
        "guard/venvs.c",
        "    if (name == NULL)\n        return false;",
        "    if (name != NULL)\n        return true;",
        "PRJ-51a PRJ-51b PRJ-51d",
    ),
    code(
        "the virtualenvs of a program are remembered",
        "guard/venvs.c",
        "    if (record_line(guard, line, dir_len) &&",
        "    if (guard == NULL && record_line(guard, line, dir_len) &&",
        "PRJ-51e",
    ),
    plan("nodev on the project", "devices={PROJECT}", "FS-24 DEV-03"),
    plan("nodev on /usr", "devices=/usr", "FS-24"),
    *[
        plan(
            f"mask of /proc/{name}",
            f"drop-op=mask:/proc/{name}",
            "PROC-03 PROC-04",
            path=f"/proc/{name}",
            root=True if name.startswith("io") else None,
        )
        for name in (
            "acpi",
            "config.gz",
            "interrupts",
            "kallsyms",
            "key-users",
            "keys",
            "timer_list",
            "iomem",
            "ioports",
            "kpagecgroup",
            "kpagecount",
            "kpageflags",
            "pagetypeinfo",
            "slabinfo",
            "vmallocinfo",
        )
    ],
    plan("mask of /etc/ssl/private", "drop-op=mask:/etc/ssl/private", "FS-11", root=True),
    plan("the project's identity", "forget-identity={PROJECT}/.idea", "POL-06a"),
    plan("no symlinks in sources of the project", "trust={PROJECT}/.idea", "POL-06a POL-06b"),
    plan(
        "no symlinks in the private home, nor in what is made in it",
        ("trust={HOME}", "drop-nodes={VENV}/home", "drop-op=mask:{VENV}/home"),
        "PIP-21",
        backed="a start makes mount points in it, and none through a link",
    ),
    plan(
        "no symlinks in the private cache, nor below its mask",
        ("trust={HOME}/.cache", "drop-op=mask:{VENV}/cache"),
        "PIP-22",
    ),
    code(
        "the root is read-only",
        "launch/root.c",
        "FIXED_ATTRS | MOUNT_ATTR_RDONLY, 0);\n"
        '    return rc < 0 ? err_set(err, -rc, "cannot make the',
        'FIXED_ATTRS, 0);\n    return rc < 0 ? err_set(err, -rc, "cannot make the',
        "FS-22 FS-25",
    ),
    code(
        "nosuid on binds",
        "launch/root_mounts.c",
        "return (uint64_t)MOUNT_ATTR_NOSUID | (op",
        "return (uint64_t)(op->flags & 0) | (op",
        "FS-24 LIFE-13",
    ),
    code(
        "pivot into the sandbox's root, checked",
        "launch/root.c",
        "fstat(root, &st) < 0 ? -errno : root_pivot(root);",
        "fstat(root, &st) < 0 ? -errno : 0;",
        "FS-26 FS-01 KRN-35",
        closed=True,
    ),
    # processes
    code(
        "hidepid",
        "launch/root_mounts.c",
        '"hidepid", "invisible"',
        '"hidepid", "off"',
        "PROC-01 ENV-02",
    ),
    code(
        "hidepid's group",
        "launch/root_mounts.c",
        ', "gid", "4294967294"',
        "",
        "PROC-01 ENV-02",
        root=True,
    ),
    code(
        "pid 1 is not dumpable (without Landlock, which has it, too)",
        "launch/init.c",
        "prctl(PR_SET_DUMPABLE, 0) < 0",
        "prctl(PR_SET_DUMPABLE, 1) < 0",
        "PROC-01 ENV-02",
        edits=("clear-flag=landlock",),
    ),
    code(
        "the launcher's end is the sandbox's",
        "launch/init.c",
        ("prctl(PR_SET_PDEATHSIG, SIGKILL);", "if (!init->detached)\n            _exit(0);"),
        (";", ";"),
        "LIFE-04a LIFE-04b",
    ),
    code(
        "descriptors of the caller closed",
        "launcher/main.c",
        "return descriptors_sanitize(err);",
        "return 0;",
        "FD-02 FD-05",
    ),
    plan("lifetime program", "lifetime-tree", "LIFE-03"),
    plan("limits.processes", "drop-limit=6", "LIFE-06", root=False),
    plan("limits.open-files", "drop-limit=7", "LIFE-07"),
    plan("limits.file-size", "drop-limit=1", "LIFE-08"),
    code(
        "the terminal of a killed program",
        "launcher/supervise.c",
        "        terminal_restore(&s.terminal);\n    out->usage",
        "        (void)0;\n    out->usage",
        "TTY-06",
    ),
    # environment
    plan("rule *TOKEN*", "env-pass=*TOKEN*", "ENV-01 ENV-02 ENV-03 ENV-04 ENV-07"),
    plan("rule AWS_*", "env-pass=AWS_*", "ENV-04"),
    plan("rule DATABASE_URL", "env-pass=DATABASE_URL", "ENV-04"),
    plan("rule SSH_AUTH_SOCK", "env-pass=SSH_AUTH_SOCK", "ENV-04 ENV-17 IPC-04"),
    plan("rule DBUS_*", "env-pass=DBUS_*", "ENV-04"),
    plan("rule DISPLAY", "env-pass=DISPLAY", "ENV-04"),
    plan("rule GIT_SSH*", "env-pass=GIT_SSH*", "GIT-08"),
    plan("rule GIT_CONFIG*", "env-pass=GIT_CONFIG*", "GIT-08"),
    plan("rule BROWSER", "env-pass=BROWSER", "ENV-09"),
    plan("rule for names that nobody knows", "env-pass=*", "ENV-06"),
    code(
        "passwords in URLs",
        "start/environment.c",
        "if (is_default(rule->origin) && leaks_password(",
        "if (false && leaks_password(",
        "ENV-05",
    ),
    code(
        ".env cannot steer",
        "start/dotenv.c",
        "if (is_refused(var->name))",
        "if (false)",
        "PRJ-08",
    ),
    code(
        ".env knows nothing that is kept back",
        "start/dotenv.c",
        "if (found == NULL || (found->text",
        "for (const char *const *at = layers->start->env; found == NULL && *at != NULL; at++) {\n"
        "        *value_out = *at + len + 1;\n"
        "        if (has_name(*at, name, len))\n"
        "            return true;\n"
        "    }\n"
        "    if (found == NULL || (found->text",
        "DOT-07",
    ),
    code(
        "overrides that .env names are refused",
        "launcher/session.c",
        "if (from)\n            rc = err_plain",
        "if (from && !file)\n            rc = err_plain",
        "DOT-08a",
    ),
    code(
        "paths of variables that .env names stay out",
        "start/mounts.c",
        "if (file == NULL)\n        return NULL;",
        "if (file == NULL || c != NULL)\n        return NULL;",
        "DOT-08b",
    ),
    code(
        "a pipe's variable shows pipes",
        "start/expose_path.c",
        "if (kind == PATH_FIFO || kind == PATH_SOCKET)",
        "if (kind != PATH_ABSENT)",
        "DOT-09",
    ),
    code(
        ".env is no symlink",
        "launcher/host.c",
        "fd_open_beneath(project, rel, O_RDONLY | O_NONBLOCK, 0);",
        "openat(project, rel, O_RDONLY | O_NONBLOCK | O_CLOEXEC);",
        "DOT-02",
    ),
    # the command line, the state directory
    code(
        "credentials on the command line",
        "base/danger.c",
        "return has_names(path, pattern);",
        "return false;",
        "FS-27",
    ),
    code(
        "the state directory's owner and mode",
        "base/owner.c",
        ("if (!owner_is_self(st) &&", "if ((st->st_mode & (S_IWGRP | S_IWOTH)) &&"),
        ("if (false &&", "if (false &&"),
        "POL-13b",
        edits=("keep",),
    ),  # else the plan is made anew, which refuses as well
    code(
        "the venv's place",
        "launcher/session.c",
        "if (str_eq(file->venv, venv))",
        "if (true)",
        "POL-17",
        backed="the inputs have other paths then: the plan is made anew, which refuses",
    ),
    # what is said and kept
    code(
        "secrets hidden in printed plans",
        "plan/print.c",
        "redact_value(set->name, set->value, &value);",
        "buf_add_str(&value, set->value);",
        "LOG-05c",
    ),
    code(
        "secrets masked in the log's command lines",
        "base/redact.c",
        "        mask_assignment(&copy);\n    mask_secrets(&copy);",
        "        mask_assignment(&copy);",
        "LOG-05d",
    ),
    # installers
    plan("installers have a home of their own", "source={HOME}={VENV}/home", "PIP-27"),
    plan("installers have a cache of their own", "source={HOME}/.cache={VENV}/cache", "PIP-28a"),
    plan("installers have a /tmp of their own", "source=/tmp={TMP}/tmp", "PIP-28b"),
    plan("installers obey no .env", "dotenv={PROJECT}/.env", "PIP-28c"),
    plan("installers see the project only when asked", "clear-flag=project-arguments", "PIP-36"),
    plan("everything ends with an installer", "lifetime-tree", "PIP-33"),
    plan("pyvenv.cfg read-only for installers", "writable={VENV}/pyvenv.cfg", "PIP-01 PIP-15"),
    plan(
        "sandbox/ masked for installers",
        "drop-op=mask:{VENV}/sandbox",
        "PIP-01 PIP-15",
        closed=True,
    ),
]


def changed_source(mutation, folder):
    source = SOURCES / mutation.file
    text = source.read_text()
    olds = mutation.old if isinstance(mutation.old, tuple) else (mutation.old,)
    news = mutation.new if isinstance(mutation.new, tuple) else (mutation.new,)
    for old, new in zip(olds, news, strict=True):
        if old not in text:
            raise harness.Dead(f"src/{mutation.file} has no '{old.strip()}' any more")
        text = text.replace(old, new)
    changed = folder / source.name
    changed.write_text(text)
    return source, changed


def commands_for(target):
    return harness.must(
        ["ninja", "-C", BUILD, "-t", "commands", target], env=dict(os.environ)
    ).stdout.splitlines()


def is_source(word, source):
    path = pathlib.Path(os.path.normpath(os.path.join(BUILD, word)))
    return word.endswith(".c") and path.parts[-2:] == source.parts[-2:]


def build(line, out, source, changed):
    """Runs a command of the build with one source changed and another output."""
    words = []
    for word in shlex.split(line):
        if is_source(word, source):
            words += ["-iquote", str(source.parent), "-Wno-error", str(changed)]
        else:
            words.append(word)
    words[words.index("-o") + 1] = str(out)
    done = harness.run(words, cwd=BUILD, env=dict(os.environ))
    if done.returncode:
        raise harness.Dead(done.stderr[-600:])
    return out


def launcher_of(mutation, folder):
    """Builds a launcher from the sources with one of them changed."""
    source, changed = changed_source(mutation, folder)
    lines = commands_for("src/launcher/launcher")
    line = next(line for line in reversed(lines) if "launcher" in line)
    return build(line, folder / "launcher", source, changed)


def tool_of(mutation, folder):
    """Builds the command likewise. An object that stands before the libraries is the one that
    counts."""
    source, changed = changed_source(mutation, folder)
    lines = commands_for("src/cli/sandbox-venv")
    line = next(line for line in lines if any(is_source(w, source) for w in shlex.split(line)))
    changed_object = build(line, folder / "changed.o", source, changed)
    link = lines[-1].replace(" -o ", f" {shlex.quote(str(changed_object))} -o ", 1)
    return build(link, folder / "sandbox-venv", source, changed)


def red_ones(worlds, probes):
    red = []
    for probe in probes:
        if not harness.applies(probe):
            continue
        verdict = harness.judge_in(worlds, probe, with_control=False)
        if verdict.state in ("failed", "missing"):
            red.append((probe.id, verdict.why))
    return red


def state_of(mutation, red):
    """A probe that died saw nothing, but where the point is that nothing starts any more."""
    dead = [why for _, why in red if why.startswith("dead")]
    if red and (mutation.closed or len(dead) < len(red)):
        return "noticed"
    return "backed" if mutation.backed and not red else "unnoticed"


def play_rules(table):
    """Each rule of the environment by itself, in one world: those that nobody missed."""
    missed = []
    with harness.Worlds(edits=["keep"]) as worlds:
        world = worlds.get("default")
        patterns = group_env.rules(world)
        for pattern in patterns:
            world.mutate([f"env-pass={pattern}"])
            if harness.judge(table["ENV-18"], world, with_control=False).state == "passed":
                missed.append(pattern)
    return len(patterns), missed


def play(mutation, table):
    """Return: the probes that missed the control."""
    probes = [table[name] for name in mutation.probes.split()]
    with tempfile.TemporaryDirectory(prefix="svenv-mutation-") as folder:
        os.chmod(folder, 0o755)
        options = {"edits": list(mutation.edits)}
        if mutation.file and not mutation.tool:
            options["launcher"] = launcher_of(mutation, pathlib.Path(folder))
        with contextlib.ExitStack() as stack:
            if mutation.tool:
                changed = tool_of(mutation, pathlib.Path(folder))
                stack.enter_context(unittest.mock.patch.object(harness, "TOOL", changed))
            worlds = stack.enter_context(harness.Worlds(**options))
            return red_ones(worlds, probes)


def baseline(table, mutations):
    """The same probes by the same way of starting, with nothing taken out: all must be green."""
    names = sorted({name for m in mutations for name in m.probes.split()})
    found = {}
    for what, options in (
        ("plan", {"edits": ["keep"]}),
        ("launcher", {"launcher": harness.LAUNCHER}),
    ):
        used = {
            name
            for m in mutations
            for name in m.probes.split()
            if bool(m.file) == (what == "launcher")
        }
        with harness.Worlds(**options) as worlds:
            for name, why in red_ones(worlds, [table[n] for n in names if n in used]):
                found[f"{name} by {what}"] = why
    return found


def shows(path):
    try:
        if os.path.isdir(path):
            return bool(os.listdir(path))
        with open(path, "rb", buffering=0) as file:
            return bool(file.read(1))
    except OSError:
        return False


def attempt(mutation, table):
    """Return: what became of it, and the probes that turned red."""
    if mutation.root is not None and mutation.root != harness.AS_ROOT:
        return "skipped", [("why", "needs root" if mutation.root else "proves nothing for root")]
    if mutation.path and not shows(mutation.path):
        return "skipped", [("why", f"{mutation.path} shows nothing to this user")]
    try:
        if mutation.each:
            count, missed = play_rules(table)
            words = ", ".join(missed) or f"red for each of {count} rules"
            return "unnoticed" if missed or not count else "noticed", [("ENV-18", words)]
        red = play(mutation, table)
        return state_of(mutation, red), red
    except (harness.Dead, OSError, subprocess.SubprocessError) as error:
        return "unnoticed", [("cannot be played", str(error))]


def show(mutation, state, red):
    lines = [f"{state.upper() if state == 'unnoticed' else state:10} {mutation.what}"]
    if state == "backed":
        lines.append(f"{'':11}behind it: {mutation.backed}")
    lines += [f"{'':11}{name}: {harness.shorten(why.strip(), 100)}" for name, why in red]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def side_by_side(mutations, table, count):
    """Return: what became of each. Files of jobs in the user's directories go last."""
    harness.SHARED = True

    def work(numbers):
        rows = []
        for number in numbers:
            state, red = attempt(mutations[number], table)
            show(mutations[number], state, red)
            rows.append(
                {
                    "number": number,
                    "what": mutations[number].what,
                    "state": state,
                    "behind": mutations[number].backed,
                    "red": red,
                }
            )
        return [{"rows": rows, "made": list(map(str, harness.MADE))}]

    done = jobs.side_by_side(count, len(mutations), work)
    harness.remove_empty(folder for one in done for folder in one["made"])
    return sorted((row for one in done for row in one["rows"]), key=lambda row: row["number"])


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true", help="are all controls there?")
    parser.add_argument("--save")
    return parser.parse_args()


def stale_texts():
    """Rows whose control is not in the sources any more, as the table writes it."""
    for mutation in MUTATIONS:
        source = SOURCES / mutation.file if mutation.file else None
        text = source.read_text() if source and source.exists() else ""
        olds = mutation.old if isinstance(mutation.old, tuple) else (mutation.old,)
        for old in olds if source else ():
            if old not in text:
                yield f"{mutation.what}: src/{mutation.file} has no '{old.strip()}'"


def main():
    options = parse()
    table = {probe.id: probe for probe in run.load(run.GROUPS)}
    mutations = [m for m in MUTATIONS if options.only in m.what]
    if options.check:
        stale = list(stale_texts())
        print("\n".join(stale) or f"{len(MUTATIONS)} controls are where the table says")
        return 1 if stale else 0
    if options.list:
        print("\n".join(f"{m.what}: {m.probes}" for m in mutations))
        return 0
    installed.require()
    if not BUILD:
        skips.leave("SVENV_BUILD_ROOT does not say where a launcher can be built")
    end_cleanly()
    broken = baseline(table, mutations)
    for name, why in broken.items():
        print(f"red before anything was taken out: {name}: {why}")
    rows = side_by_side(mutations, table, options.jobs)
    if options.save:
        pathlib.Path(options.save).write_text(
            json.dumps({"root": harness.AS_ROOT, "mutations": rows})
        )
    counts = collections.Counter(row["state"] for row in rows)
    print(
        f"\n{counts['noticed']} controls noticed, {counts['unnoticed']} unnoticed, "
        f"{counts['backed']} backed by another, {counts['skipped']} skipped"
    )
    return 1 if counts["unnoticed"] or broken else 0


if __name__ == "__main__":
    sys.exit(main())
