"""GIT: repositories in and around the project."""

import json
import os
import pathlib
import secrets
import shutil
import subprocess
import time

import harness
from group_prj import MOMENT, clear, made, mini, new
from harness import Host, Probe, Python, every, that

from lib.processes import wait_for

FILES = (
    ".git/config",
    ".git/HEAD",
    ".git/hooks/post-checkout",
    ".git/index.lock",
    ".git/objects/forged",
    ".git/refs/heads/evil",
    ".git/info/attributes",
    ".git/hooks/pre-commit.sample",
    ".git/packed-refs",
)


def writes(project, names):
    results = {}
    for name in names:
        path = os.path.join(project, name)
        existed = os.path.exists(path)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            results[name] = written(path)
        except OSError as error:
            results[name] = name_of(error)
        if results[name] == "ok" and not existed:
            os.unlink(path)
    return results


def git_effect(world):
    found = [
        n
        for n in FILES
        if (world.project / n).exists() and "svenv-written" in (world.project / n).read_text()
    ]
    return f"{found} changed" if found else None


def fresh_repository(view):
    """A project without .git gets one from inside."""

    def act(base, venv):
        code = (
            "import os; os.makedirs('.git/hooks', exist_ok=True); "
            "open('.git/config', 'w').write('[core]\\n fsmonitor = x\\n')"
        )
        python = venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
        harness.run([python, "-c", code], cwd=base)
        if view.inside:
            wait_for(lambda: not (base / ".git").exists(), MOMENT)
        return "made" if (base / ".git").exists() else "not there"

    return mini(view, lambda base: None, act)


def worktree(view):
    """.git is a file that names a directory beside the project."""
    store = view.parent / ("store-" + secrets.token_hex(3))

    def prepare(base):
        (store / "hooks").mkdir(parents=True)
        (store / "HEAD").write_text("ref: refs/heads/main\n")
        (store / "config").write_text("[core]\n")
        (base / ".git").write_text(f"gitdir: {store}\n")

    def act(base, venv):
        code = harness.code_of(change_worktree, json.dumps([str(base), str(store)]))
        python = venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
        done = harness.run([python, "-B", "-c", code], cwd=base)
        found = harness.result_in(done.stdout)
        result = found["result"] if found else {"died": done.stderr[-200:]}
        if "svenv-written" in (store / "config").read_text() + (base / ".git").read_text():
            result["host"] = "ok"
        return result

    try:
        return mini(view, prepare, act)
    finally:
        harness.remove_tree(store)


def change_worktree(base, store):
    return {
        "line": written(base + "/.git"),
        "config": written(store + "/config"),
        "hook": created(store + "/hooks/post-checkout"),
    }


def embedded(view):
    """A bare repository somewhere in the tree, whose configuration runs a program."""
    names = ("vendor/HEAD", "vendor/config", "vendor/objects/x", "vendor/refs/x")
    result = new(names).run(view)
    if view.inside:
        found = made(("vendor/config",))(view.world)
        clear(view.project, names)
        return "still there" if found else "moved away"
    return "still there" if set(result.values()) == {"ok"} else "not made"


def parent_repository(view):
    """The repository's root is above the project."""
    folder = view.parent / ".git"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text("[core]\n")
    try:
        return view.world.value(look_up, str(view.project), inside=view.inside)
    finally:
        harness.remove_tree(folder)


def look_up(project):
    path = os.path.join(os.path.dirname(project), ".git", "config")
    return [opened(path), opened("../.git/config"), written(path)]


def remote_url(project, mark):
    return mark in content(project + "/.git/config")


def plant(folder, names, mark, mode=None, flag=None, watched=False):
    """Makes a directory, new when it has a mode, a repository whose configuration runs a program.
    Before that it waits until the directory is watched, and then for the host's word, where there
    is a flag."""
    import time

    results = {}
    if watched:
        created(folder + "/.autoenv.zsh")
    while watched and os.path.exists(folder + "/.autoenv.zsh"):
        time.sleep(0.02)
    if mode is not None:
        os.mkdir(folder, mode)
    for name in names:
        path = os.path.join(folder, name)
        results[name] = attempt(os.makedirs, path, exist_ok=True)
    for name, text in (
        (
            "config",
            f"[core]\nrepositoryformatversion = 1\nbare = false\nworktree = .\n"
            f'fsmonitor = "touch {mark}; false"\n'
            f"[extensions]\nworktreeConfig = true\n",
        ),
        ("config.worktree", "[core]\nbare = false\nworktree = .\n"),
        ("HEAD", "ref: refs/heads/main\n"),
    ):
        if name == "HEAD" and os.path.lexists(os.path.join(folder, name)):
            continue
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
            results[name] = "ok"
        except OSError as error:
            results[name] = name_of(error)
    os.write(1, b"up\n")
    for _ in range(5000 if flag else 0):
        if os.path.exists(flag):
            break
        time.sleep(0.02)
    return results


def runs(folder, mark):
    """The user calls git in the directory: does that run what the configuration there says?"""
    git = shutil.which("git")
    if not git:
        raise harness.lacking("git")
    env = harness.clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    harness.run([git, "-C", folder, "status", "--porcelain"], env=env)
    ran = mark.exists()
    mark.unlink(missing_ok=True)
    return "ran" if ran else "kept out"


def was_there(folder, *names):
    """A directory that was there when the venv was wrapped, and that git takes for a repository, or
    will when `names` are there, too."""

    def play(view):
        target = view.project / folder
        mark = view.parent / ("ran-" + secrets.token_hex(3))
        before = set(os.listdir(target))
        view.world.value(plant, str(target), list(names), str(mark), inside=view.inside)
        found = runs(target, mark)
        for name in set(os.listdir(target)) - before:
            harness.remove_tree(target / name)
        return found

    return Host(play)


def becomes(mode=None, running=False, folder=None, beside=None):
    """A directory that was there, or a new one (with that mode, or at `folder` with `beside` made
    as well), becomes a repository. The user calls git there when the program has ended, or while it
    runs."""

    def play(view):
        target = view.project / (folder or ("forms/none" if mode is None else "forms/new"))
        mark = view.parent / ("ran-" + secrets.token_hex(3))
        flag = view.project / "go"
        words = [
            str(target),
            ["objects", "refs", *([str(view.project / beside)] if beside else [])],
            str(mark),
            mode,
            str(flag) if running else None,
            running and view.inside,
        ]
        code = harness.code_of(plant, json.dumps(words))
        if view.inside:
            process = view.world.spawn("python", "-B", "-c", code)
        else:
            process = subprocess.Popen(
                [harness.SYSTEM_PYTHON, "-B", "-c", code],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        try:
            process.stdout.readline()
            if running:
                wait_until_gone(target / "HEAD", 20 if view.inside else 0.3)
                found = runs(target, mark)
                flag.write_text("now")
            process.communicate(timeout=harness.TIMEOUT)
            if not running:
                found = runs(target, mark)
        finally:
            process.kill()
            flag.unlink(missing_ok=True)
            for name in ("HEAD", "config", "config.worktree", "objects", "refs"):
                harness.remove_tree(target / name)
            if mode is not None:
                harness.remove_tree(target)
            for made in filter(None, (beside, folder)):
                harness.remove_tree(view.project / pathlib.PurePath(made).parts[0])
        return found

    return Host(play)


def wait_until_gone(path, seconds):
    end = time.monotonic() + seconds
    while os.path.lexists(path) and time.monotonic() < end:
        time.sleep(0.05)


def plant_and_hide(project, code):
    os.chdir(project)
    exec(code, {"os": os})
    return "done"


def names_below(view):
    """Each .envrc in the project's directories but the venv."""
    tops = (path for path in view.project.iterdir() if path.is_dir() and path != view.world.venv)
    return {path for top in tops for path in top.rglob(".envrc")}


def hides(code):
    """A program plants .envrc and keeps us from seeing it. The user finds it there or does not, and
    what was there before is there in any case."""

    def play(view):
        base = view.project
        there = names_below(view)
        try:
            view.world.value(plant_and_hide, str(base), code, inside=view.inside)
        finally:
            os.chmod(base, 0o755)
        moved, notes = base / "moved", base / "moved/a/b/notes.txt"
        found = names_below(view) - there
        whole = notes.exists() or (base / "plain/a/b/notes.txt").exists()
        for path in (*found, base / ".zed"):
            harness.remove_tree(path)
        if moved.exists():
            moved.rename(base / "plain")
        for path in base.glob(".sandbox-venv-taken-*"):
            harness.remove_tree(path)
        return ("there" if found else "moved away") if whole else "notes are lost"

    return Host(play)


def nested(project, names):
    return {name: written(os.path.join(project, name)) for name in names}


NESTED = ["sub/inner/.git/config", "sub/inner/.git/HEAD", "sub/inner/.vscode/settings.json"]

PROBES = [
    Probe(
        "GIT-01",
        "hooks, config, refs, objects, index.lock of the project's repository",
        Python(writes, lambda v: [str(v.project), list(FILES)]),
        every("EROFS", "EACCES"),
        every("ok"),
        git_effect,
    ),
    *[
        Probe(
            f"GIT-{number}",
            what,
            Python(writes, lambda v, names=names: [str(v.project), names]),
            every("EROFS", "EACCES"),
            every("ok"),
            git_effect,
        )
        for number, what, names in (
            ("02", "the repository's config", [".git/config", ".git/info/attributes"]),
            (
                "09",
                "objects and refs",
                [".git/objects/forged", ".git/refs/heads/evil", ".git/HEAD"],
            ),
            ("12", "index.lock", [".git/index.lock"]),
        )
    ],
    Probe("GIT-03", "a project without .git gets one", Host(fresh_repository), "not there", "made"),
    Probe(
        "GIT-05",
        "a nested repository and nested editor settings",
        Python(nested, lambda v: [str(v.project), NESTED]),
        every("EROFS", "EACCES"),
        every("ok"),
    ),
    Probe(
        "GIT-06",
        "a worktree's .git file and what it names",
        Host(worktree),
        that("refused", lambda v: isinstance(v, dict) and "ok" not in v.values()),
        every("ok"),
    ),
    Probe("GIT-07", "an embedded bare repository", Host(embedded), "moved away", "still there"),
    *[
        Probe("GIT-07" + letter, what, was_there(*words), "kept out", "ran")
        for letter, what, words in (
            (
                "b",
                "a worktree's part that was there: HEAD and commondir",
                ("forms/worktree", "objects", "refs"),
            ),
            ("c", "a repository that was there, whose HEAD is a link", ("forms/link",)),
            (
                "d",
                "a repository that was there, whose objects and refs are links",
                ("forms/links",),
            ),
        )
    ],
    Probe(
        "GIT-07e",
        "a project that is a repository itself",
        was_there("."),
        "kept out",
        "ran",
        world="bare",
    ),
    Probe("GIT-07f", "a directory becomes a repository", becomes(), "kept out", "ran"),
    Probe(
        "GIT-07g",
        "a repository in a new directory that git can pass and nobody can list",
        becomes(mode=0o300),
        "kept out",
        "ran",
        root=False,
    ),
    Probe(
        "GIT-07h",
        "a directory becomes a repository, and the user calls git while the program runs",
        becomes(running=True),
        "kept out",
        "ran",
    ),
    *[
        Probe("GIT-07" + letter, what, becomes(folder=folder, beside=beside), "kept out", "ran")
        for letter, what, folder, beside in (
            (
                "i",
                "a repository in share, and the mark of a venv at the top of the project",
                "share/tool",
                "pyvenv.cfg",
            ),
            (
                "j",
                "a repository in the packages of a venv that the program makes",
                "made/lib/tool",
                "made/pyvenv.cfg",
            ),
            ("k", "a repository in a new node_modules", "node_modules/tool", None),
            ("n", "a repository in the place of byte code", "made/__pycache__/tool", None),
        )
    ],
    Probe(
        "GIT-07l",
        "a repository below the deepest directory that is looked into",
        was_there(harness.DEEPEST + "/repo", "objects", "refs"),
        "kept out",
        "ran",
        world="bare",
    ),
    Probe(
        "GIT-07m",
        "a repository in a directory that was there, that git can pass and nobody can list",
        was_there("shut/repo", "objects", "refs"),
        "kept out",
        "ran",
        world="bare",
        root=False,
    ),
    *[
        Probe("GIT-07" + letter, what, hides(code), "moved away", "there", root=root)
        for letter, what, code, root in (
            (
                "o",
                "a name in a project that the program closes",
                "open('plain/.envrc', 'w'); os.chmod('.', 0)",
                False,
            ),
            (
                "p",
                "a name deep in a directory that the program moves",
                "os.rename('plain', 'moved'); open('moved/a/b/.envrc', 'w')",
                None,
            ),
            (
                "q",
                "a name deeper than directories are moved at once",
                "top = 'tree' + '/d' * 150; os.makedirs(top); open(top + '/.envrc', 'w'); "
                "os.rename('tree', '.zed')",
                None,
            ),
        )
    ],
    Probe(
        "GIT-10",
        "a repository above the project",
        Host(parent_repository),
        that("ENOENT", lambda v: v[:2] == ["ENOENT", "ENOENT"] and v[2] != "ok"),
        ["ok", "ok", "ok"],
    ),
    Probe(
        "GIT-11",
        "the token in a remote's URL",
        Python(remote_url, lambda v: [str(v.project), v.canary]),
        False,
        True,
        missing="credentials in .git/config are not shown",
    ),
]
