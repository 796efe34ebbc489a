"""PER: what outlives a run. LOG: messages and the audit log."""

import os
import secrets

import harness
from harness import ANY, HOME, Host, Probe, Python, every, that

# What a login, a desktop, a shell or a scheduler starts by itself. Only new files with a random
# name: should the private home be broken, nothing of the user's is touched.
STARTERS = (".config/autostart/{}.desktop", ".config/systemd/user/{}.service",
            ".local/share/applications/{}.desktop", ".local/bin/{}", ".config/fish/conf.d/{}.fish",
            ".config/environment.d/{}.conf", ".local/share/dbus-1/services/{}.service",
            ".config/plasma-workspace/env/{}.sh", ".ipython/profile_default/startup/{}.py",
            ".config/nvim/plugin/{}.lua", ".cache/pip/{}", ".cache/uv/{}",
            ".cache/huggingface/{}", ".cache/torch/{}", ".local/lib/python3/{}.pth")

def plant(home, names):
    results = {}
    for name in names:
        path = os.path.join(home, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            results[name] = written(path)
        except OSError as error:
            results[name] = name_of(error)
    return results


def names_of(view):
    home = HOME if view.inside else view.parent / "other-home"
    return [str(home), [name.format("svenv-" + view.token) for name in STARTERS]]


def home_effect(world):
    names = [name.format("svenv-" + world.token) for name in STARTERS]
    found = [name for name in names if os.path.lexists(HOME / name)]
    for name in found:
        (HOME / name).unlink()
        for parent in (HOME / name).parents:
            if parent == HOME or any(parent.iterdir()):
                break
            parent.rmdir()
    return f"{found} on the host" if found else None


def messages(view):
    """What the tool says never holds a value of the environment."""
    env = harness.clean_environment(SVENV_CANARY_TOKEN=view.canary, VERBOSE="1",
                                    http_proxy=f"http://u:{view.canary}@h.invalid:1")
    if not view.inside:
        return "told" if view.canary in env["SVENV_CANARY_TOKEN"] else "silent"
    done = view.world.python("-c", "pass", env=env)
    more = harness.run([harness.TOOL, "status", view.venv], env=env)
    text = done.stderr + done.stdout + more.stdout + more.stderr
    return "told" if view.canary in text else "silent"


def state_files(view):
    """The same for what is kept: plan, manifest, state and log."""
    value = secrets.token_hex(12)  # in no argument of any probe: those are logged
    env = harness.clean_environment(SVENV_CANARY_TOKEN=value)
    places = [view.venv / "sandbox", HOME / ".local" / "state" / "sandbox-venv"]
    if view.inside:
        view.world.python("-c", "pass", "--token", "x", env=env)
    else:
        (view.parent / "state").mkdir(exist_ok=True)
        (view.parent / "state" / "kept").write_text(value)
        places = [view.parent / "state"]
    for place in places:
        for path in place.rglob("*"):
            if path.is_file() and value.encode() in path.read_bytes():
                return "kept"
    return "nothing kept"


PROBES = [
    Probe("PER-02", f"{len(STARTERS)} places that start something later",
          Python(plant, names_of), ANY, every("ok"), home_effect),
    Probe("LOG-05a", "no value of the environment in messages, VERBOSE on", Host(messages),
          "silent", "told"),
    Probe("LOG-05b", "no value of the environment in files that are kept", Host(state_files),
          "nothing kept", "kept"),
    Probe("LOG-02", "the log's path replaced by a symlink or FIFO",
          skip="the audit log's own tests (tests/unit/audit) have it"),
    Probe("PER-08", "portal: background, autostart", skip="no bus inside (desktop: waits)"),
]
