"""PRJ: names that tools on the host obey, by the tools that do; project trees of other kinds."""

import json

import harness
from group_prj import change, kept, made, new
from harness import ANY, Host, Probe, Python, Unavailable, every

from lib import venvs

# Letter of the id: what obeys, files that exist already, new ones.
TOOLS = {
    "04": (
        "editors",
        (".idea/workspace.xml", ".vscode/settings.json"),
        (
            ".fleet/settings.json",
            ".zed/settings.json",
            ".cursor/rules",
            ".theia/settings.json",
            ".devcontainer/devcontainer.json",
            "evil.code-workspace",
        ),
    ),
    "06": (
        "shells and version managers",
        (".envrc",),
        (".mise.toml", ".tool-versions", ".python-version", ".direnv/x", ".autoenv.zsh"),
    ),
    "13": (
        "commit hooks",
        (".pre-commit-config.yaml",),
        (".husky/pre-commit", "lefthook.yml", ".lefthook.yml"),
    ),
    "18": ("git", (".gitattributes", ".git/config"), (".gitmodules",)),
    "19": ("other version control", (), (".hg/hgrc", ".svn/entries", ".bzr/x", ".jj/repo/config")),
}


def existing(number, names):
    return Probe(
        f"PRJ-{number}a",
        f"change what {TOOLS[number][0]} obey",
        Python(change, lambda v: [str(v.project), list(names)]),
        every("EROFS", "EACCES"),
        every("ok"),
        kept(names),
    )


def absent(number, names):
    return Probe(
        f"PRJ-{number}b",
        f"make what {TOOLS[number][0]} obey",
        new(names),
        ANY,
        every("ok"),
        made(names),
    )


def mounted(kind, options):
    """A project on a file system of another kind, mounted for the time of the probe; root only."""

    def play(view):
        side = kind + ("-inside" if view.inside else "-control")
        place, store = view.parent / ("mount-" + side), view.parent / ("store-" + side)
        for path in (place, store / "upper", store / "work", store / "lower"):
            path.mkdir(parents=True, exist_ok=True)
        words = ["mount", "-t", kind, "-o", options.format(store=store), kind, place]
        if harness.run(words).returncode:
            raise Unavailable(f"no {kind} with these options can be mounted here")
        try:
            return in_mount(view, place / "project")
        finally:
            harness.run(["umount", "-l", place])

    return Host(play)


SPELLINGS = (".envrc", ".ENVRC", ".Vscode/settings.json", ".GIT/config", ".vscode/settings.json")


def in_mount(view, base):
    """Which spellings of protected names can be written: on the host that is what counts."""
    base.mkdir()
    harness.run(["chattr", "+F", base])
    for name in (".vscode/settings.json", ".git/config", ".envrc"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text("kept")
    venv = base / ".venv"
    venvs.make(venv)
    python = harness.SYSTEM_PYTHON
    if view.inside:
        if harness.run([harness.TOOL, "wrap", venv]).returncode:
            return "refused"
        python = venv / "bin" / "python"
    code = harness.code_of(change, json.dumps([str(base), list(SPELLINGS)]))
    harness.run([python, "-B", "-c", code], cwd=base)
    changed = [
        name
        for name in (".vscode/settings.json", ".git/config", ".envrc")
        if (base / name).read_text() != "kept"
    ]
    if view.inside:
        harness.run([harness.TOOL, "unwrap", venv, "--purge"])
    return "changed" if changed else "kept"


PROBES = [
    *[existing(number, row[1]) for number, row in TOOLS.items() if row[1]],
    *[absent(number, row[2]) for number, row in TOOLS.items()],
    Probe(
        "PRJ-28",
        "case variants on a casefolding file system",
        mounted("tmpfs", "casefold"),
        ("kept", "refused"),
        "changed",
        root=True,
    ),
    Probe(
        "PRJ-29",
        "a project on an overlay",
        mounted("overlay", "lowerdir={store}/lower,upperdir={store}/upper,workdir={store}/work"),
        ("kept", "refused"),
        "changed",
        root=True,
    ),
]
