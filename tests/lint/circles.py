#!/usr/bin/env python3
"""Fails on sources of one layer that call each other in a circle: none of them can be understood,
tested or moved without the others.

A circle that lies in the matter (two that recurse through each other) is named in one of its two
files, on lines of its own: /* Circle with NAME.c: the reason. */
"""

import re

import tree
from unused import DEFINED, NAME

OBJECT = re.compile(
    r"^(?!static\b|typedef\b|extern\b)[a-z][\w \t]*?[ *](\w+)(?:\[[^\]\n]*\])*[ ]*=", re.MULTILINE
)
# A field of the same name is no use of a function.
FIELD = re.compile(r"(?:\.|->)\s*\w+")
NAMED = re.compile(r"/\* Circle with (\w+)\.c: ")


def defined(text):
    """The names that a source gives to others."""
    functions = {match[1] for match in DEFINED.finditer(text) if not match[0].startswith("static")}
    return functions | set(OBJECT.findall(text))


def calls_of(texts):
    """{source: sources of the same layer that it calls}"""
    home = {name: path for path, text in texts.items() for name in defined(text)}
    return {
        path: {home[name] for name in NAME.findall(FIELD.sub(" ", text)) if name in home} - {path}
        for path, text in texts.items()
    }


def reached(calls, start):
    seen, todo = set(), [start]
    while todo:
        for other in calls[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    return seen


def circles(calls, excused):
    """Sets of sources, when the excused pairs don't count."""
    left = {
        path: {other for other in others if frozenset((path, other)) not in excused}
        for path, others in calls.items()
    }
    reach = {path: reached(left, path) for path in left}
    return {
        frozenset(other for other in reach[path] if path in reach[other])
        for path in left
        if path in reach[path]
    }


def check_layer(texts):
    """texts: {source: (what stands there, only its code)}, all of one layer"""
    calls = calls_of({path: code for path, (_, code) in texts.items()})
    named = {
        frozenset((path, path.with_name(name + ".c"))): path
        for path, (text, _) in texts.items()
        for name in NAMED.findall(text)
    }
    found = circles(calls, named.keys())
    for circle in sorted(sorted(map(str, circle)) for circle in found):
        yield f"{circle[0]}: calls in a circle with {' and '.join(circle[1:])}"
    for pair, path in named.items():
        if circles(calls, named.keys() - {pair}) == found:
            other = next(iter(pair - {path}), path)
            yield f"{path}: there is no circle with {other.name} (any more)"


def check(root):
    layers = {}
    for path in tree.files(root, ["src"], ".c"):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        layers.setdefault(path.parent, {})[path] = (text, tree.code_only(text))
    return [problem for texts in layers.values() for problem in check_layer(texts)]


if __name__ == "__main__":
    tree.run(check)
