"""PER: what outlives a run. LOG: messages and the audit log."""

import json
import os
import secrets

import harness
from group_prj import mini
from harness import ANY, HOME, Host, Probe, Python, every

# Files that a login, a desktop, a shell or a scheduler runs by itself. Only new files with a random
# name: should the private home be broken, nothing of the user's is touched.
STARTERS = (
    ".config/autostart/{}.desktop",
    ".config/systemd/user/{}.service",
    ".local/share/applications/{}.desktop",
    ".local/bin/{}",
    ".config/fish/conf.d/{}.fish",
    ".config/environment.d/{}.conf",
    ".local/share/dbus-1/services/{}.service",
    ".config/plasma-workspace/env/{}.sh",
    ".ipython/profile_default/startup/{}.py",
    ".config/nvim/plugin/{}.lua",
    ".cache/pip/{}",
    ".cache/uv/{}",
    ".cache/huggingface/{}",
    ".cache/torch/{}",
    ".local/lib/python3/{}.pth",
)


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


def starters(view, names):
    home = HOME if view.inside else view.parent / "other-home"
    return [str(home), [name.format("svenv-" + view.token) for name in names]]


UNITS = [name for name in STARTERS if "systemd" in name]
CACHES = [name for name in STARTERS if name.startswith(".cache")]
HOOKS = ["bin/activate", "bin/activate.fish", "bin/activate.csh", "bin/Activate.ps1"]


def change(venv, names):
    """The control changes a directory that looks like a venv's."""
    os.makedirs(os.path.join(venv, "bin"), exist_ok=True)
    return {name: written(os.path.join(venv, name)) for name in names}


def hooks_effect(world):
    changed = [name for name in HOOKS if b"svenv-written" in (world.venv / name).read_bytes()]
    return f"{changed} changed" if changed else None


def site_of(view):
    if view.inside:
        return next((view.venv / "lib").glob("python3*/site-packages"))
    (view.parent / "loose-site").mkdir(exist_ok=True)
    return view.parent / "loose-site"


def finder(site):
    path = site + "/__editable___svenv_finder.pth"
    return created(path)


def replaced_log(view, kind):
    """The log's path leads elsewhere when a line is due; what it leads to stays as it is."""
    state = view.parent / ("state-" + secrets.token_hex(4))
    (state / "sandbox-venv").mkdir(parents=True, mode=0o700)
    env = harness.clean_environment(XDG_STATE_HOME=state)

    def act(base, venv):
        log, other = state / "sandbox-venv" / "audit.jsonl", state / "other"
        other.write_text("")
        (venv / "sandbox").exists() and (venv / "sandbox" / "policy.yaml").write_text(
            "version: 1\naudit: {level: all}\n"
        )
        done = log_line(view, venv, log, env)
        if not log.exists() or log.read_text() == "":
            raise harness.Dead("no line was written to the real log: " + done.stderr)
        log.unlink()
        {
            "symlink": log.symlink_to,
            "hard link": lambda path: os.link(path, log),
            "FIFO": lambda _: os.mkfifo(log),
        }[kind](other)
        if kind == "FIFO":  # somebody who reads would get the line
            with open(os.open(log, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0) as reader:
                log_line(view, venv, log, env)
                return "written" if reader.read(1) else "untouched"
        log_line(view, venv, log, env)
        return "written" if other.read_text() else "untouched"

    return mini(view, lambda base: None, act)


def log_line(view, venv, log, env):
    """A start that is logged; the control appends as a plain program would."""
    if view.inside:
        return harness.run([venv / "bin" / "python", "-c", "pass"], env=env, cwd=venv.parent)
    return harness.must(["sh", "-c", 'echo line >>"$0"', log])


def messages(view):
    """The tool's messages never hold a value of the environment."""
    env = harness.clean_environment(
        SVENV_CANARY_TOKEN=view.canary,
        VERBOSE="1",
        http_proxy=f"http://u:{view.canary}@h.invalid:1",
    )
    if not view.inside:
        return "told" if view.canary in env["SVENV_CANARY_TOKEN"] else "silent"
    done = view.world.python("-c", "pass", env=env)
    more = harness.run([harness.TOOL, "status", view.venv], env=env)
    text = done.stderr + done.stdout + more.stdout + more.stderr
    return "told" if view.canary in text else "silent"


def settings(view):
    """A start that prints its plan does not print the secrets that were set for it."""
    names = ("GITHUB_PAT", "SENTRY_DSN", "DB_PASS", "db_pass")
    if not view.inside:
        env = harness.clean_environment(**dict.fromkeys(names, view.canary))
        return "told" if view.canary in harness.must(["env"], env=env).stdout else "silent"
    options = " ".join(f"--setenv {name} {view.canary}" for name in (*names, "PLAIN_COPY"))
    code = f"import os; assert all(os.environ[name] == {view.canary!r} for name in {names!r})"
    done = view.world.python(
        "-c", code, env=harness.clean_environment(VERBOSE="1", BWRAP_ARGS=options)
    )
    told = [line for line in done.stderr.splitlines() if view.canary in line]
    if done.returncode != 0 or not any("PLAIN_COPY=" in line for line in told):
        return f"no plan: {done.stderr[-200:]}"
    return "silent" if len(told) == 1 else "told"


def logged_words(view):
    """The record of a denied start in the log: its command line without the secrets in it."""
    value = secrets.token_hex(12)
    words = ["-c", "pass", f"--db-pass={value}", "--token", value, f"https://u:{value}@h/", "/home"]
    log = HOME / ".local" / "state" / "sandbox-venv" / "audit.jsonl"
    if not view.inside:
        log = view.parent / "words"
        log.write_text(json.dumps(words))
        return "kept" if value in log.read_text() else "not kept"
    view.world.python(*words)
    last = [line for line in log.read_text().splitlines() if str(view.venv) in line][-1]
    if "--db-pass=" not in last:
        return "nothing logged"
    return "kept" if value in last else "not kept"


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
    Probe(
        "PER-02",
        f"{len(STARTERS)} places that start something later",
        Python(plant, names_of),
        ANY,
        every("ok"),
        home_effect,
    ),
    Probe(
        "LOG-05a",
        "no value of the environment in messages, VERBOSE on",
        Host(messages),
        "silent",
        "told",
    ),
    Probe(
        "LOG-05b",
        "no value of the environment in files that are kept",
        Host(state_files),
        "nothing kept",
        "kept",
    ),
    Probe(
        "LOG-05c",
        "no secret that an option sets in a printed plan",
        Host(settings),
        "silent",
        "told",
    ),
    Probe(
        "LOG-05d", "no secret of a command line in the log", Host(logged_words), "not kept", "kept"
    ),
    *[
        Probe(
            f"LOG-02{letter}",
            f"the log is a {kind}",
            Host(lambda v, k=kind: replaced_log(v, k)),
            "untouched",
            "written",
        )
        for letter, kind in zip("abc", ("symlink", "hard link", "FIFO"), strict=True)
    ],
    Probe(
        "PER-03",
        "a user unit of the service manager",
        Python(plant, lambda v: starters(v, UNITS)),
        ANY,
        every("ok"),
        home_effect,
    ),
    Probe(
        "PER-05",
        "activate of bash, fish, csh and PowerShell",
        Python(change, lambda v: [str(v.venv if v.inside else v.parent / "loose"), HOOKS]),
        every("EROFS", "EACCES"),
        every("ok"),
        hooks_effect,
    ),
    Probe(
        "PER-06",
        "caches that other venvs use: pip, uv, models",
        Python(plant, lambda v: starters(v, CACHES)),
        ANY,
        every("ok"),
        home_effect,
    ),
    Probe(
        "PER-07",
        "a finder in site-packages that runs with every Python",
        Python(finder, lambda v: [str(site_of(v))]),
        "EROFS",
        "ok",
    ),
]
