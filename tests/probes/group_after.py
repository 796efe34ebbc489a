"""PIP: what a venv is worth after hostile runs: entries, plans of later starts, the tool's word.

They come last of those that use the world with pip: its interpreter is a hostile script then.
"""

import os
import sys

import elf
import harness
from group_bin import entry_state
from group_pip import host_bin, install, pip, stub_bytes, venv_of, wheel_entry
from harness import Host, Probe, every, that

from lib import packages

DONE = {}  # the plans before the hostile runs, by side
SHIPPED = ("sandbox-venv", "git", "python", "python3", "pip", "pip3", "activate", "activate.fish")
CONFIG = "[global]\nindex-url = http://evil.invalid/\n"


def plans(view):
    """Every variant of the compiled plan in words: mounts, environment, limits, filter."""
    harness.run([view.venv / "bin" / "plain-tool"], cwd=view.project)  # brings it up to date
    return harness.must([harness.PLAN_EDIT, view.venv / "sandbox" / "plan", "print"]).stdout


def shipped(view):
    """A script that claims to be wrapped and tells whether it sees the user's home."""
    return (
        "#!/bin/sh\n# sandbox-venv: wrapped already\n"
        f"test -e '{view.home_file}' && echo free || echo confined\n"
    ).encode()


def wanderer(base):
    """Writes what a later start may obey wherever a program can; says where it could."""
    could = []
    for folder in (base, sys.prefix, sys.prefix + "/bin", sys.prefix + "/sandbox"):
        names = (
            "pip.conf",
            "policy.yaml",
            "sandbox-venv.yaml",
            "manifest.json",
            "plan",
            "pyvenv.cfg",
            "python",
            "activate",
            "uv.toml",
        )
        results = [written(os.path.join(folder, name)) for name in names]
        could += [folder] if "ok" in results else []
    return sorted(set(could))


def ruin(view):
    """Hostile installs and a hostile program, once for each side; returns the plans before."""
    key = (id(view.world), view.inside)
    if key in DONE:
        return DONE[key]
    install(view)
    wheel_entry(view, "plain", data={"plain-tool": (b"#!/bin/sh\n", 0o755)})
    before = plans(view) if view.inside else ""
    if view.inside and view.world.value(wanderer, str(view.project)) != [str(view.project)]:
        raise harness.Leak("a program could write into the venv")
    folder = view.parent / "wheels"
    for name in ("pyvenv.cfg", "sandbox/policy.yaml", "sandbox/bin/late", "home/.profile"):
        path = packages.wheel(
            folder,
            "climbs" + str(len(name)),
            files={f"climbs{len(name)}-1.0.data/data/{name}": "home = /\n"},
        )
        pip(view, "install", path)  # may fail
    library = elf.shared_object([(elf.NEEDED, "/x/../y"), (elf.RUNPATH, "/")])
    wheel_entry(
        view,
        "ruin",
        files={
            "ruin-1.0.data/data/pip.conf": CONFIG,
            "ruin.so": library,
            "ruin.pth": "import os\n",
            "sitecustomize.py": "",
        },
        data={name: (shipped(view), 0o755) for name in SHIPPED},
    )
    DONE[key] = before
    return before


def entries_after(view):
    ruin(view)
    return {name: entry_state(view, name) for name in SHIPPED}


def activate_after(world):
    text = (world.venv / "bin" / "activate").read_text()
    return None if "deactivate" in text and "wrapped already" not in text else "activate changed"


def all_after(view):
    ruin(view)
    return host_bin(view)


def start_after(view):
    """The interpreter's name starts what the wheel shipped: behind the stub."""
    ruin(view)
    return harness.must([venv_of(view) / "bin" / "python"], cwd=view.project).stdout.strip()


def plan_after(view):
    """Lists grants to later starts that they did not have before. The control asks for one."""
    before = set((ruin(view) or plans(view)).splitlines())
    policy = view.venv / "sandbox" / "policy.yaml"
    kept = policy.read_text()
    if not view.inside:
        policy.write_text(f"version: 1\nfilesystem: {{read: [{view.home_dir}]}}\n")
    try:
        return [line for line in plans(view).splitlines() if line not in before]
    finally:
        policy.write_text(kept)
        plans(view)


def check(venv):
    done = harness.run([harness.TOOL, "status", venv, "--check"])
    return "fine" if done.returncode == 0 else "not fine"


def told(view):
    """status --check after it all, with an entry written on the host, and after the next start."""
    ruin(view)
    if not view.inside:
        return [check(venv_of(view))]
    words = [check(view.venv)]
    entry = view.venv / "bin" / "late-entry"
    entry.write_text("#!/bin/sh\n")
    entry.chmod(0o755)
    words.append(check(view.venv))
    harness.run([view.venv / "bin" / "plain-tool"], cwd=view.project)
    words.append(check(view.venv))
    if entry.read_bytes() != stub_bytes(view):
        words.append("no stub")
    return words


PROBES = [
    Probe(
        "PIP-40",
        "a wheel with " + ", ".join(SHIPPED),
        Host(entries_after),
        that(
            "stub or absent; activate is the user's own",
            lambda v: all(
                state == "file" if "activate" in name else state in ("stub", "absent")
                for name, state in v.items()
            ),
        ),
        every("file"),
        activate_after,
        world="pip",
    ),
    Probe(
        "PIP-41",
        "everything in bin after hostile runs",
        Host(all_after),
        [],
        that("scripts", lambda v: len(v) > 10),
        world="pip",
    ),
    Probe(
        "PIP-42",
        "an interpreter that a wheel replaced",
        Host(start_after),
        "confined",
        "free",
        world="pip",
    ),
    Probe(
        "PIP-43",
        "what later starts are given after hostile runs",
        Host(plan_after),
        [],
        that("more", bool),
        world="pip",
    ),
    Probe(
        "PIP-44",
        "status --check after hostile runs",
        Host(told),
        ["fine", "not fine", "fine"],
        ["not fine"],
        world="pip",
    ),
]
