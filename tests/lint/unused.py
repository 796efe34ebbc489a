#!/usr/bin/env python3
"""Fails on what the sources declare and nothing uses: functions of headers, constants, macros.

A function that only its own file and the tests use may be declared: tests reach parts of a module.
The compiler finds the static ones.
"""

import collections
import re

import tree

# Called by tests alone, and why they may be.
FOR_TESTS = {
    "policy_load_text": "lays texts over each other; policy_load() does it with files",
    "yaml_get": "looks into a tree; policies are read key by key",
}

NAME = re.compile(r"[A-Za-z_]\w*")
PARAMETERS = r"\((?:[^()]|\([^()]*\))*\)"
# At the start of a line: what comes back, a name, parameters, and then ";" or an attribute.
DECLARED = re.compile(
    rf"^(?!typedef\b|return\b)[A-Za-z_][\w \t*]*?\b(\w+){PARAMETERS}[^;{{}}=]*;", re.MULTILINE
)
DEFINED = re.compile(rf"^[A-Za-z_][\w \t\n*]*?\b(\w+){PARAMETERS}[\w \t\n()]*\n?\{{", re.MULTILINE)
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
ASKED = re.compile(r"^[ \t]*#[ \t]*(?:ifn?def[ \t]+\w+|include[^\n]*)", re.MULTILINE)
ENUM = re.compile(r"\benum\b[ \t\w]*\{([^{}]*)\}")


def enumerators(text):
    for body in ENUM.finditer(text):
        for part in body[1].split(","):
            name = NAME.search(part)
            if name:
                yield name[0]


def uses(text):
    """How often each name stands there; a question whether a macro is defined is no use of it."""
    return collections.Counter(NAME.findall(ASKED.sub("", text)))


class Sources:
    def __init__(self, root):
        self.text = {
            path: tree.code_only((root / path).read_text(encoding="utf-8"))
            for path in tree.files(root, ["src", "include"], ".c", ".h")
        }
        self.uses = {path: uses(text) for path, text in self.text.items()}
        self.total = sum(self.uses.values(), collections.Counter())
        self.tests = collections.Counter()
        for path in tree.files(root, ["tests"], ".c", ".h"):
            self.tests += uses(tree.code_only((root / path).read_text(encoding="utf-8")))
        self.homes = collections.defaultdict(list)
        for path, text in self.text.items():
            if path.suffix == ".c":
                for match in DEFINED.finditer(text):
                    self.homes[match[1]].append(path)


def judge_function(sources, name):
    """None, or what is wrong."""
    homes = sources.homes[name]
    own = sum(sources.uses[path][name] for path in homes) - len(homes)
    elsewhere = sources.total[name] - own - len(homes) - 1
    if elsewhere > 0 or (own > 0 and sources.tests[name] > 0):
        return None
    if own > 0:
        return f"only {homes[0]} uses {name}(): make it static"
    return f"only tests use {name}()" if sources.tests[name] > 0 else f"nothing uses {name}()"


def check_functions(sources, root):
    excused = set()
    for path, text in sources.text.items():
        for match in DECLARED.finditer(text) if path.suffix == ".h" else ():
            wrong = judge_function(sources, match[1])
            if wrong and wrong.startswith("only tests") and match[1] in FOR_TESTS:
                excused.add(match[1])
            elif wrong:
                yield f"{path}: {wrong}"
    if (root / "tests/lint/unused.py").exists():
        for name in sorted(FOR_TESTS.keys() - excused):
            yield f"tests/lint/unused.py: {name}() needs no excuse (any more)"


def check_constants(sources):
    for path, text in sources.text.items():
        guard = re.search(r"#ifndef (\w+)", text) if path.suffix == ".h" else None
        for name in [*MACRO.findall(text), *enumerators(text)]:
            is_guard = guard and name == guard[1]
            if sources.total[name] == 1 and not sources.tests[name] and not is_guard:
                yield f"{path}: nothing uses {name}"


def check(root):
    sources = Sources(root)
    return [*check_functions(sources, root), *check_constants(sources)]


if __name__ == "__main__":
    tree.run(check)
