"""GIT, PRJ: protected things lead to others by links, configuration, or as other names."""

import os
import secrets
import shutil

import harness
from harness import Host, Probe, that

from lib.project import Project


def overtake(folder, path, text):
    """Puts a program at a path by whatever way there is: into what is there, in its place, in the
    place of a directory above it."""

    def write():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def replace(old):
        os.rename(old, old + "-old")
        write()

    results = {"written": attempt(write)}
    above = path
    while "ok" not in results.values() and above != folder:
        results["in the place of " + os.path.basename(above)] = attempt(replace, above)
        above = os.path.dirname(above)
    return results


def obeys(folder, words, mark):
    """The user calls git in the directory: does that run the program?"""
    git = shutil.which("git")
    if not git:
        raise harness.lacking("git")
    names = {
        f"GIT_{who}_{what}": "t@t.invalid" for who in ("AUTHOR", "COMMITTER") for what in NAMES
    }
    env = harness.clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", **names)
    harness.run([git, "-C", folder, *words], env=env)
    return "ran" if mark.exists() else "kept out"


def restore(kept, folder):
    """Files that are as they were stay in their place: a plan knows them by inode."""
    for name in os.listdir(folder):
        if not os.path.lexists(kept / name):
            harness.remove_tree(folder / name)
    for entry in os.scandir(kept):
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            path.mkdir(exist_ok=True)
            restore(kept / entry.name, path)
        elif entry.is_symlink():
            if not path.is_symlink():
                harness.remove_tree(path)
                path.symlink_to(os.readlink(entry.path))
        elif not path.is_file() or path.read_bytes() != (kept / entry.name).read_bytes():
            shutil.copy(entry.path, path)


NAMES = ("NAME", "EMAIL")
COMMIT = ("commit", "--allow-empty", "-qm", "x")


def git_led(number, what, target, words, text="#!/bin/sh\ntouch '{mark}'\ncat\n"):
    """Something in leads/NAME that git obeys there."""
    name = target.partition("/")[0]

    def play(view):
        folder = view.project / "leads" / name
        kept = view.parent / ("kept-" + secrets.token_hex(3))
        mark = view.parent / ("ran-" + secrets.token_hex(3))
        shutil.copytree(folder, kept, symlinks=True)
        try:
            view.world.value(
                overtake,
                str(folder),
                str(view.project / "leads" / target),
                text.format(mark=mark),
                inside=view.inside,
            )
            return obeys(folder, words, mark)
        finally:
            restore(kept, folder)
            harness.remove_tree(kept)
            mark.unlink(missing_ok=True)

    return Probe("GIT-" + number, what, Host(play), "kept out", "ran")


def file_led(number, what, target, original):
    """Something in leads that other tools obey under another name."""

    def play(view):
        view.world.value(
            overtake,
            str(view.project / "leads"),
            str(view.project / "leads" / target),
            "svenv-written\n",
            inside=view.inside,
        )
        obeyed = view.project / "leads" / original
        found = "svenv-written" in obeyed.read_text()
        if found:
            obeyed.write_text("{}\n")
        return "obeyed" if found else "kept out"

    return Probe("PRJ-" + number, what, Host(play), "kept out", "obeyed")


def hidden_twin(view):
    """A hidden file with another name, made before the venv was wrapped."""
    with Project(
        top=view.parent, name="mini-" + secrets.token_hex(4), env=harness.clean_environment()
    ) as made:
        made.write(".env.production", view.canary)
        os.link(made.path / ".env.production", made.path / "visible")
        made.venv()
        python = made.bin() if view.inside else harness.SYSTEM_PYTHON
        if view.inside:
            made.wrap()
            made.policy("filesystem: {hide: [.env.production]}\n")
        code = "print(open('visible').read())"
        return view.canary in harness.run([python, "-B", "-c", code], cwd=made.path).stdout


def new_name(view):
    """A program makes another name for a protected file, to write through it later."""

    def tried(project):
        results = {}
        for number, name in enumerate((".envrc", ".vscode/settings.json", ".git/config")):
            to = os.path.join(project, f"other-{number}")
            results[name] = attempt(os.link, os.path.join(project, name), to)
            if results[name] == "ok":
                os.unlink(to)
        return results

    return view.world.value(tried, str(view.project), inside=view.inside)


def honest(view):
    """A project with its hooks in .githooks: programs read them, the user's commit runs them."""
    folder = view.project / "leads" / "hooks"
    mark = view.parent / ("ran-" + secrets.token_hex(3))
    hook = folder / ".githooks" / "pre-commit"
    before = hook.read_text()
    hook.write_text(f"#!/bin/sh\ntouch '{mark}'\n")

    def use(folder):
        with open(folder + "/.githooks/pre-commit") as file:
            text = file.read()
        return [text.startswith("#!/bin/sh"), created(folder + "/new.py")]

    used = view.world.value(use, str(folder), inside=view.inside)
    found = obeys(folder, COMMIT, mark)
    hook.write_text(before)
    mark.unlink(missing_ok=True)
    (folder / "new.py").unlink(missing_ok=True)
    return [*used, found]


LINKS_REFUSED = that(
    "every one refused",
    lambda v: v and all(word in ("EXDEV", "EROFS", "EPERM") for word in v.values()),
)

PLANT = """import pathlib, sys
top = pathlib.Path(sys.argv[1] if sys.argv[1:] else pathlib.Path.home()) / ".git"
top.mkdir()
(top / "HEAD").write_text("ref: refs/heads/main")
(top / "config").write_text("[core] fsmonitor = evil")
"""


def private_home(view):
    """A program makes its home a repository; the home lies in the venv, where the user may go."""
    home = view.venv / "home" if view.inside else view.parent / "home-out"
    if view.inside:
        view.world.start("python", "-c", PLANT)
    else:
        home.mkdir()
        harness.run([harness.SYSTEM_PYTHON, "-c", PLANT, home])
    there = (home / ".git").exists()
    shutil.rmtree(home / ".git", ignore_errors=True)
    return "there" if there else "gone"


PROBES = [
    Probe(
        "PRJ-65", "a repository at the top of the private home", Host(private_home), "gone", "there"
    ),
    git_led("20a", "hooks where core.hooksPath says", "hooks/.githooks/pre-commit", COMMIT),
    git_led(
        "20b",
        "a file that the configuration includes",
        "include/shared/gitconfig",
        ("status", "--porcelain"),
        text="[core]\n\tfsmonitor = \"touch '{mark}'; false\"\n",
    ),
    git_led("20c", "hooks that are a link", "link/hooks/pre-commit", COMMIT),
    git_led("20d", "a hook that is a link to a link", "chain/tools/hook", COMMIT),
    git_led("20e", "the link between a hook and its program", "chain/middle", COMMIT),
    git_led(
        "20f", "a monitor that is not there yet", "absent/tools/watch", ("status", "--porcelain")
    ),
    git_led("20g", "a filter's script", "filter/tools/clean.sh", ("add", "notes.txt")),
    Probe(
        "GIT-20h",
        "the user's own hooks beside the project's files",
        Host(honest),
        [True, "ok", "ran"],
        [True, "ok", "ran"],
    ),
    file_led(
        "53a", "an editor's tasks through a link", "editor/tasks.json", "editor/.vscode/tasks.json"
    ),
    file_led("53b", "a protected file by another name", "twin/other", "twin/.envrc"),
    Probe("PRJ-53c", "a hidden file by another name", Host(hidden_twin), False, True),
    Probe(
        "PRJ-53d",
        "make another name for a protected file",
        Host(new_name),
        LINKS_REFUSED,
        that("every one ok", lambda v: v and all(word == "ok" for word in v.values())),
    ),
]
