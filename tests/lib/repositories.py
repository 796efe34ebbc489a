"""Says of a repository that a program made whether git runs anything for it.

Written from git-config(1), gitrepository-layout(5) and githooks(5), with nothing of the guard's.
"""

import re

# Keys that choose no program and no other file.
PLAIN_KEYS = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode"
    r"|symlinks|autocrlf|eol)|remote\.(url|pushurl|fetch|tagopt)|branch\.(remote|merge|rebase)"
    r"|submodule\.(url|active)|user\.(name|email)|extensions\.objectformat"
)
HEADER = re.compile(r'\[([a-z0-9-]+)( "[^"\\\n]*")?\]', re.IGNORECASE)
LINE = re.compile(r"([a-z0-9-]+)[ \t]*=[ \t]*([^\"\\#;]*)", re.IGNORECASE)
ADDRESS = re.compile(r"((https?|ssh|git|file)://)?[A-Za-z0-9._~/@%:+-]+")
MUST_NOT_BE = (
    "commondir",
    "config.worktree",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "info/attributes",
    "info/grafts",
    "info/sparse-checkout",
)


def is_plain_line(section, key, value):
    name = f"{section}.{key}".lower()
    if not PLAIN_KEYS.fullmatch(name):
        return False
    if not name.endswith(("url", ".remote")):
        return True
    return bool(ADDRESS.fullmatch(value)) and "::" not in value and not re.search("^-|@-|/-", value)


def is_plain(config):
    section = None
    for whole in config.split("\n"):
        line = whole.strip(" \t\r")
        if not line or line[0] in "#;":
            continue
        header = HEADER.fullmatch(line)
        if header:
            section = header[1]
            continue
        match = LINE.fullmatch(line)
        if not match or section is None or not is_plain_line(section, match[1], match[2].strip()):
            return False
    return True


def is_harmless(tree, root):
    """Also one that git finds no repository in, as long as nothing in it could be run if it did."""
    for path, entry in tree.items():
        if not path.startswith(root + "/"):
            continue
        rest = path[len(root) + 1 :]
        top = rest.partition("/")[0]
        if entry.kind not in "-d" and top in ("HEAD", "config", "hooks", "info", "objects", "refs"):
            return False
        if rest in MUST_NOT_BE or rest.startswith(("worktrees/", "modules/")):
            return False
        if top == "hooks" and rest != top and not rest.endswith(".sample"):
            return False
    config = tree.get(root + "/config")
    if config is None:
        return True
    return config.kind == "-" and is_plain(config.text.decode("latin-1"))


def may_stay(tree, path, kind):
    is_git = kind == "repository" or path.rpartition("/")[2].lower() == ".git"
    return is_git and tree[path].kind == "d" and is_harmless(tree, path)
