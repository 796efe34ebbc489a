#!/usr/bin/env python3
"""Fails on an #include that the order of the layers, or the launcher's subset, forbids."""

import fnmatch
import re

import tree

# Lowest first: a layer includes itself and what stands before it.
LAYERS = [
    "base",
    "formats",
    "sys",
    "policy",
    "audit",
    "plan",
    "seen",
    "git",
    "inside",
    "quarantine",
    "filter",
    "find",
    "compute",
    "start",
    "wrap",
    "launch",
    "compile",
    "guard",
    "launcher",
    "stub",
    "cli",
]

# Vendor header: where it may be included.
VENDOR = {
    "yaml.h": ["src/formats/*.c", "src/formats/*-internal.h"],
    "ini.h": ["src/formats/*.c", "src/formats/*-internal.h"],
    "seccomp.h": ["src/sys/seccomp.c"],
}

# The stub makes no decisions: it has nothing to ask the other layers.
ONLY_BASE = ["src/stub/*"]

# The parts of the static launcher: these folders, and of the last three not these files. It
# must not even see policies and their libraries through other headers.
LAUNCHER = [
    *("base", "git", "inside", "plan", "seen", "start", "launch", "guard", "launcher"),
    *("quarantine", "audit", "formats", "sys"),
]
NOT_LAUNCHER = [
    "src/audit/reader.c",
    *(f"src/sys/{name}.c" for name in ("dbus", "scope", "seccomp", "syscall_table", "systemd")),
    *(f"src/formats/{name}.c" for name in ("bwrap", "ini", "json_read", "yaml", "yaml-text")),
]
LAUNCHER_FORBIDDEN = [
    *(
        f"svenv/{layer}/*"
        for layer in ("policy", "filter", "find", "compute", "wrap", "compile", "cli")
    ),
    "svenv/formats/yaml.h",
    "svenv/formats/ini.h",
    "svenv/formats/bwrap.h",
    "svenv/formats/json_read.h",
    "svenv/audit/reader.h",
    "svenv/sys/dbus.h",
    "svenv/sys/scope.h",
    "svenv/sys/systemd.h",
    "yaml.h",
    "ini.h",
    "seccomp.h",
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(root, path):
    """(line, name, is it quoted) of every #include of a file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[2], match[1] == '"'


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(str(name), pattern) for pattern in patterns)


def layer_of(path):
    """src/sys/x.c and include/svenv/sys/x.h are both of layer sys."""
    parts = path.parts
    return parts[2] if parts[0] == "include" else parts[1]


def resolve(root, path, name):
    """The project file that a quoted include means, or None."""
    for candidate in (root / "include" / name, root / path.parent / name):
        if candidate.is_file():
            return candidate.resolve().relative_to(root)
    return None


def check_include(path, name, quoted):
    """The fault of one include, or None."""
    layer = layer_of(path)
    if name in VENDOR and not matches(path, VENDOR[name]):
        return f"<{name}> belongs to {' and '.join(VENDOR[name])} only"
    if name.startswith("criterion/"):
        return "Criterion is for tests/"
    if not name.startswith("svenv/"):
        if quoted and "/" in name:
            return f'"{name}": private headers are shared inside one layer only'
        return None
    other = name.split("/")[1]
    if other not in LAYERS:
        return f'"{name}": no layer of that name in the table'
    if matches(path, ONLY_BASE) and other not in ("base", "stub"):
        return f'"{name}": this folder may include base only'
    if LAYERS.index(other) > LAYERS.index(layer):
        return f'"{name}": {layer} stands below {other}'
    return None


def is_launchers(path):
    return (
        path.parts[0] == "src"
        and path.suffix == ".c"
        and layer_of(path) in LAUNCHER
        and not matches(path, NOT_LAUNCHER)
    )


def check_launcher(root, start):
    """Follows the includes of a file of the launcher to whatever it must not see."""
    seen = {start}
    todo = [(start, str(start))]
    while todo:
        path, chain = todo.pop()
        for _, name, _ in includes(root, path):
            if matches(name, LAUNCHER_FORBIDDEN):
                yield f"{chain}: the launcher must not see {name}"
                continue
            found = resolve(root, path, name)
            if found is not None and found not in seen:
                seen.add(found)
                todo.append((found, f"{chain} > {name}"))


def check(root):
    problems = []
    for path in tree.files(root, ["src", "include/svenv"], ".c", ".h"):
        if layer_of(path) not in LAYERS:
            problems.append(f"{path}: no layer of that name in the table")
            continue
        for line, name, quoted in includes(root, path):
            wrong = check_include(path, name, quoted)
            if wrong:
                problems.append(f"{path}:{line}: {wrong}")
        if is_launchers(path):
            problems.extend(check_launcher(root, path))
    return problems


if __name__ == "__main__":
    tree.run(check)
