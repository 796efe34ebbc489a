#!/usr/bin/env python3
"""Shows that each lint finds what it is for, and leaves good code alone."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

import circles
import format as format_lint
import headers
import house
import layers
import lengths
import ruff
import security
import sentences
import tree
import unused
import words

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIGS = (".clang-format", "ruff.toml")
GUARD = "#ifndef SVENV_SYS_X_H\n#define SVENV_SYS_X_H\n%s\n#endif\n"
UNFINISHED = "TO" + "DO"


def function(lines):
    return "int f(void)\n{\n" + "    g();\n" * (lines - 1) + "    return 0;\n}\n"


def python_function(lines, first="    x = 1\n"):
    return "def f():\n" + first + "    g()\n" * (lines - first.count("\n"))


def defines(head, value):
    return f"{head}\n{{\n    return {value};\n}}\n"


def table(rows):
    return "static const int numbers[] = {\n" + "    1,\n" * rows + "};\n"


def security_document(last="launch/a.c", tests="FS-01a; `test_a`"):
    rows = [f"| C{n} | what | `launch/a.c` | FS-01 |" for n in range(1, 32)]
    rows.append(f"| C32 | what | `{last}` | {tests} |")
    return {
        "docs/SECURITY.md": "\n".join(rows) + "\n",
        "src/launch/a.c": "",
        "tests/integration/test_a.py": "",
        "tests/probes/group_fs.py": 'Probe("FS-01a")\n',
    }


# lint, what is tried, {file: text}, what must be said (None: nothing)
CASES = [
    (layers, "lower layer", {"src/sys/a.c": '#include "svenv/base/err.h"\n'}, None),
    (layers, "own private header", {"src/sys/a.c": '#include "a-internal.h"\n'}, None),
    (
        layers,
        "higher layer",
        {"src/base/a.c": '#include "svenv/sys/x.h"\n'},
        "base stands below sys",
    ),
    (
        layers,
        "higher layer in a header",
        {"include/svenv/policy/a.h": '#include "svenv/find/x.h"\n'},
        "policy stands below find",
    ),
    (layers, "unknown layer", {"src/cli/a.c": '#include "svenv/misc/x.h"\n'}, "no layer"),
    (layers, "unknown folder", {"src/misc/a.c": ""}, "no layer"),
    (
        layers,
        "private header of another layer",
        {"src/cli/a.c": '#include "../plan/a-internal.h"\n'},
        "private headers",
    ),
    (layers, "vendor at home", {"src/formats/yaml.c": "#include <yaml.h>\n"}, None),
    (layers, "vendor abroad", {"src/policy/a.c": "#include <yaml.h>\n"}, "belongs to"),
    (layers, "vendor spelled with quotes", {"src/cli/a.c": ' # include "ini.h"\n'}, "belongs to"),
    (
        layers,
        "libseccomp outside its file",
        {"src/sys/caps.c": "#include <seccomp.h>\n"},
        "belongs to",
    ),
    (layers, "tests' library", {"src/cli/a.c": "#include <criterion/criterion.h>\n"}, "Criterion"),
    (layers, "stub", {"src/stub/a.c": '#include "svenv/plan/plan.h"\n'}, "base only"),
    (
        layers,
        "launcher and policy",
        {"src/launch/a.c": '#include "svenv/policy/policy.h"\n'},
        "launcher must not see",
    ),
    (
        layers,
        "launcher and policy, through a header",
        {
            "src/start/start.c": '#include "svenv/start/start.h"\n',
            "include/svenv/start/start.h": '#include "svenv/find/venv.h"\n',
        },
        "start.c > svenv/start/start.h: the launcher must not see svenv/find/venv.h",
    ),
    (
        layers,
        "launcher and compute, through a private header",
        {
            "src/plan/codec.c": '#include "codec-internal.h"\n',
            "src/plan/codec-internal.h": '#include "svenv/compute/compute.h"\n',
        },
        "launcher must not see",
    ),
    (
        layers,
        "a file of the launcher that no list names",
        {"src/guard/a.c": '#include "svenv/compute/compute.h"\n'},
        "launcher must not see",
    ),
    (
        layers,
        "launcher and D-Bus",
        {"src/sys/group.c": '#include "svenv/sys/systemd.h"\n'},
        "launcher must not see svenv/sys/systemd.h",
    ),
    (
        layers,
        "launcher and D-Bus, through a header",
        {
            "src/launch/group.c": '#include "svenv/sys/group.h"\n',
            "include/svenv/sys/group.h": '#include "svenv/sys/scope.h"\n',
        },
        "launcher must not see svenv/sys/scope.h",
    ),
    (
        layers,
        "who asks systemd is not the launcher's",
        {"src/sys/scope.c": '#include "svenv/sys/dbus.h"\n#include "svenv/sys/systemd.h"\n'},
        None,
    ),
    (
        layers,
        "compute is not the launcher's",
        {"src/compute/compute.c": '#include "svenv/policy/policy.h"\n'},
        None,
    ),
    (lengths, "60 lines", {"src/sys/a.c": function(60)}, None),
    (lengths, "61 lines", {"src/sys/a.c": function(61)}, "f() has 61 lines"),
    (
        lengths,
        "a table in a function",
        {
            "src/sys/a.c": function(40).replace(
                "{\n", "{\n    static const int n[] = {\n" + "        1,\n" * 50 + "    };\n", 1
            )
        },
        None,
    ),
    (lengths, "long file", {"src/sys/a.c": "int x;\n" * 601}, "601 lines"),
    (lengths, "long table", {"src/sys/a.c": "int x;\n" * 500 + table(500)}, None),
    (
        lengths,
        "code after a long table",
        {"src/sys/a.c": table(500) + "int x;\n" * 601},
        "601 lines",
    ),
    (lengths, "Python of 60 lines", {"tests/a.py": python_function(60)}, None),
    (lengths, "Python of 61 lines", {"tests/a.py": python_function(61)}, "f() has 61 lines"),
    (
        lengths,
        "a method",
        {
            "tests/a.py": "class A:\n"
            + "".join("    " + line for line in python_function(61).splitlines(True))
        },
        "f() has 61 lines",
    ),
    (
        lengths,
        "a table in Python",
        {"tests/a.py": python_function(70, "    x = [\n" + "        1,\n" * 20 + "    ]\n")},
        None,
    ),
    (lengths, "long Python", {"src/a.py": "x = 1\n" * 601}, "601 lines"),
    (
        lengths,
        "long table in Python",
        {"tests/a.py": "x = 1\n" * 500 + "y = {\n" + "    1: 2,\n" * 500 + "}\n"},
        None,
    ),
    (
        headers,
        "good",
        {"include/svenv/sys/x.h": GUARD % "#include <stddef.h>\nsize_t f(void);"},
        None,
    ),
    (
        headers,
        "needs what it does not include",
        {"include/svenv/sys/x.h": GUARD % "size_t f(void);"},
        "does not compile alone",
    ),
    (headers, "wrong guard", {"include/svenv/sys/y.h": GUARD % ""}, "guard must be SVENV_SYS_Y_H"),
    (headers, "private header", {"src/sys/z-internal.h": GUARD % ""}, "SVENV_SYS_Z_INTERNAL_H"),
    (format_lint, "good", {"src/sys/a.c": "int f(void)\n{\n    return 0;\n}\n"}, None),
    (format_lint, "brace and tab", {"src/sys/a.c": "int f(void) {\n\treturn 0;\n}\n"}, "error"),
    (ruff, "good", {"tests/a.py": "import os\n\nx = {os.sep: 1}\n"}, None),
    (ruff, "quotes and blanks", {"tests/a.py": "x = {'a':1}\n"}, "unformatted"),
    (ruff, "unused import", {"src/a.py": "import os\n"}, "src/a.py:1:8: F401"),
    (ruff, "mistake", {"tests/a.py": "def f(x=[]):\n    return x\n"}, "B006"),
    (
        words,
        "good",
        {
            "src/sys/a.c": "/* atoi() would not do */\nint x; // system(1)\n"
            'const char *t = "popen(";\nfile_system(x);\n'
        },
        None,
    ),
    (words, "mark", {"src/sys/a.c": f"/* {UNFINISHED}: later */\n"}, "a.c:1: mark"),
    (words, "mark in a document", {"docs/a.md": f"one\n{UNFINISHED}\n"}, "a.md:2: mark"),
    (
        words,
        "a name of ours",
        {"src/sys/a.c": 'x = path_join(venv, "sandbox/plan");\n'},
        'a.c:1: "sandbox/plan" is a name of include/svenv/base/layout.h',
    ),
    (
        words,
        "a name of ours in its header, and in a sentence",
        {
            "include/svenv/base/layout.h": '#define VENV_SANDBOX "sandbox"\n',
            "src/sys/a.c": '/* "sandbox" */\nx = "cannot open \'%s/sandbox\'";\n',
        },
        None,
    ),
    (words, "word for what is missing", {"src/sys/a.c": "\n/* placeholder */\n"}, "a.c:2: mark"),
    (house, "good", {"src/sys/a.c": "/* A file. */\nstatic int a_f(void)\n{\n}\n"}, None),
    (house, "no sentence", {"src/sys/a.c": "int x;\n"}, "first line must be a comment"),
    (
        house,
        "one name in two files",
        {f"src/sys/{name}.c": "/* A file. */\nstatic int f(void)\n{\n}\n" for name in "ab"},
        "f: static in src/sys/a.c and src/sys/b.c",
    ),
    (
        house,
        "one table's name in two files",
        {f"src/sys/{name}.c": "/* A file. */\nstatic const int t[] = {1};\n" for name in "ab"},
        "t: static in",
    ),
    (house, "a folder of two questions", {"src/sys/a.h": "int x;\n" * 4201}, "4201 lines"),
    (
        house,
        "headers in a circle",
        {
            "include/svenv/sys/a.h": '#include "svenv/sys/b.h"\n',
            "include/svenv/sys/b.h": '#include "svenv/sys/a.h"\n',
        },
        "includes itself",
    ),
    (
        circles,
        "one way",
        {
            "src/sys/a.c": defines("static int h(void)", "g()"),
            "src/sys/b.c": defines("int g(void)", "x.f + y->f /* f() */"),
            "src/find/a.c": defines("int f(void)", "g()"),
        },
        None,
    ),
    (
        circles,
        "both ways",
        {
            "src/sys/a.c": defines("int f(void)", "g()"),
            "src/sys/b.c": defines("int g(void)", "f()"),
        },
        "src/sys/a.c: calls in a circle with src/sys/b.c",
    ),
    (
        circles,
        "by a table and a third",
        {
            "src/sys/a.c": "const struct row rows[2] = {{f}};\n",
            "src/sys/b.c": defines("int f(void)", "g()"),
            "src/sys/c.c": defines("int g(void)", "rows[0].call()"),
        },
        "src/sys/a.c: calls in a circle with src/sys/b.c and src/sys/c.c",
    ),
    (
        circles,
        "named",
        {
            "src/sys/a.c": "/* Circle with b.c: trees. */\n" + defines("int f(void)", "g()"),
            "src/sys/b.c": defines("int g(void)", "f()"),
        },
        None,
    ),
    (
        circles,
        "named and mended",
        {
            "src/sys/a.c": "/* Circle with b.c: trees. */\n" + defines("int f(void)", "g()"),
            "src/sys/b.c": defines("int g(void)", "0"),
        },
        "src/sys/a.c: there is no circle with b.c (any more)",
    ),
    (
        sentences,
        "good",
        {
            "src/sys/a.c": "/* The kernel says what it has. What now? Nobody knows who asks\n"
            ' * (docs/SECURITY.md, C4): see docs/a.md. */\nconst char *t = "What a text";\n',
            "docs/SECURITY.md": "# What remains\n\nA row: C4, `What x`.\n\n    What example\n",
            "docs/a.md": "Who is it?\n\n```\nWhat an example\n```\n",
        },
        None,
    ),
    (
        sentences,
        "first of a comment",
        {"src/sys/a.c": "int x; /* What x is. */\n"},
        "a.c:1: 'What'",
    ),
    (
        sentences,
        "later in a comment",
        {"include/svenv/sys/a.h": "/* It is.\n * What it has, it\n * keeps. Who asks has it. */\n"},
        "a.h:3: 'Who'",
    ),
    (sentences, "comment of one line", {"src/sys/a.c": "\n// Whoever asks.\n"}, "a.c:2: 'Whoever'"),
    (
        sentences,
        "docstring",
        {"tests/a.py": 'x = "What"\n\n\ndef f():\n    """What f is."""\n'},
        ":5:",
    ),
    (sentences, "comment in Python", {"tests/a.py": "x = 1  # Whatever it is\n"}, "a.py:1:"),
    (sentences, "comment of a script", {"tests/a.sh": "#!/bin/sh\n# What it does.\n"}, "a.sh:2:"),
    (
        sentences,
        "document",
        {"docs/a.md": "One sentence.\n\n- What a point is.\n"},
        "a.md:3: 'What'",
    ),
    (sentences, "row of a document", {"README.md": "| a | What b is. |\n"}, "README.md:1: 'What'"),
    (
        sentences,
        "manual",
        {"docs/man/a.1": ".SH WHAT\nText.\nWhat \\fBa\\fR does.\n"},
        "a.1:3: 'What'",
    ),
    (
        sentences,
        "document that is not there",
        {"src/sys/a.c": "/* See docs/b.md. */\n"},
        "no docs/b.md",
    ),
    (
        sentences,
        "word of another document",
        {"tests/a.py": "# (INTEROP)\n"},
        "no document is called",
    ),
    (sentences, "number alone", {"src/sys/a.c": "/* It is closed\n * (C23). */\n"}, "C23 of which"),
    (security, "good", security_document(), None),
    (
        security,
        "requirement left out",
        {"docs/SECURITY.md": "| C1 | a | b | c |\n"},
        "C2 has 0 rows",
    ),
    (security, "file that is not there", security_document(last="launch/b.c"), "no launch/b.c"),
    (security, "suite that is not there", security_document(tests="`test_b`"), "no suite test_b"),
    (security, "probe that is not there", security_document(tests="FS-02"), "no probe FS-02"),
    *(
        (words, name, {"src/sys/a.c": f"x = {name} (y);\n"}, f"{name}() is forbidden")
        for names in words.FORBIDDEN.values()
        for name in names
    ),
    (
        unused,
        "used elsewhere",
        {
            "src/sys/a-internal.h": "int f(int x);\n#define N 1\nenum e { ONE, TWO = N };\n",
            "src/sys/a.c": defines("int f(int x)", "x + ONE"),
            "src/sys/b.c": defines("int g(void)", "f(TWO)"),
        },
        None,
    ),
    (
        unused,
        "only its own file and tests",
        {
            "src/sys/a-internal.h": "int f(int x);\n",
            "src/sys/a.c": defines("int f(int x)", "x > 0 ? f(x - 1) : 0"),
            "tests/unit/sys/test_a.c": defines("int main(void)", "f(1)"),
        },
        None,
    ),
    (
        unused,
        "used by a macro of its header",
        {
            "src/sys/a-internal.h": "void f_finish(int *x);\n"
            "#define auto_f __attribute__((cleanup(f_finish)))\n",
            "src/sys/a.c": "void f_finish(int *x)\n{\n    auto_f int y = *x;\n}\n",
        },
        None,
    ),
    (
        unused,
        "only its own file",
        {
            "src/sys/a-internal.h": "int f(void\n      );\n",
            "src/sys/a.c": "/* f() */\n"
            + defines("int f(void)", "0")
            + defines("int g(void)", "f()"),
        },
        "only src/sys/a.c uses f(): make it static",
    ),
    (
        unused,
        "only tests",
        {
            "include/svenv/sys/a.h": "const char *f(const struct s *s, int (*g)(void), int n);\n",
            "src/sys/a.c": defines("const char *f(const struct s *s, int (*g)(void), int n)", "0"),
            "tests/unit/sys/test_a.c": defines("int main(void)", "f(0, 0, 0)"),
        },
        "only tests use f()",
    ),
    (
        unused,
        "nobody",
        {
            "include/svenv/sys/a.h": "int f(void) __attribute__((noreturn));\n",
            "src/sys/a.c": defines("int f(void)", "0"),
        },
        "nothing uses f()",
    ),
    (
        unused,
        "declared and never defined",
        {"include/svenv/sys/a.h": "int f(void);\n"},
        "nothing uses f()",
    ),
    (
        unused,
        "a constant",
        {"src/sys/a.c": "enum {\n    ONE, /* TWO */\n    TWO\n};\nint x = ONE;\n"},
        "nothing uses TWO",
    ),
    (
        unused,
        "a macro that is asked for only",
        {"src/sys/a.c": "#ifndef FLAG\n#define FLAG 1\n#endif\n"},
        "nothing uses FLAG",
    ),
]


def try_case(lint, samples):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name in CONFIGS:
            shutil.copy(ROOT / name, root)
        for name, text in samples.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return lint.check(root)


def judge(got, want):
    if want is None:
        return not got
    return any(want in problem for problem in got)


def without_its_program(lint):
    """Skipped with a reason, a finding where all must work."""
    with mock.patch.dict(os.environ, {"PATH": "", "SVENV_MUST_WORK": "", "CI": ""}):
        try:
            return f"wanted a skip, got {lint.check(ROOT)!r}"
        except tree.Skip:
            os.environ["SVENV_MUST_WORK"] = "1"
            return None if lint.check(ROOT) else "wanted a finding, got none"


def main():
    failed = 0
    for lint, label, samples, want in CASES:
        try:
            got = try_case(lint, samples)
        except tree.Skip as reason:
            print(f"skipped: {lint.__name__}: {label}: {reason}")
            continue
        if not judge(got, want):
            failed += 1
            print(f"{lint.__name__}: {label}: wanted {want!r}, got {got!r}")
    for lint in (format_lint, ruff):
        wrong = without_its_program(lint)
        if wrong:
            failed += 1
            print(f"{lint.__name__} without its program: {wrong}")
    print(f"{len(CASES) + 2} cases, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
