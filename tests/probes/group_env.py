"""ENV: the caller's environment, and what steers a start."""

import fnmatch
import os
import re
import stat

import harness
from harness import Host, Probe, Python, clean_environment, every, that

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "HF_TOKEN",
    "TWINE_USERNAME",
    "TWINE_PASSWORD",
    "DATABASE_URL",
    "VAULT_TOKEN",
    "VAULT_ADDR",
    "KUBECONFIG",
    "SSH_AUTH_SOCK",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    "XAUTHORITY",
    "VSCODE_GIT_IPC_HANDLE",
    "VSCODE_IPC_HOOK_CLI",
    "GIT_ASKPASS",
    "NPM_TOKEN",
    "SLACK_WEBHOOK_URL",
    "SENTRY_DSN",
    "STRIPE_SECRET_KEY",
    "PGPASSWORD",
    "MYSQL_PWD",
    "REDIS_URL",
    "MONGODB_URI",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "DOCKER_CONFIG",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SVENV_CANARY_TOKEN",
    "DJANGO_SECRET_KEY",
    "BWRAP_ARGS_X_TOKEN",
)
URLS = {
    "http_proxy": "http://user:{}@proxy.invalid:1",
    "HTTPS_PROXY": "http://user:{}@proxy.invalid:1",
    "ALL_PROXY": "user:{}@proxy.invalid:1",
    "PIP_INDEX_URL": "https://user:{}@index.invalid/simple",
    "PIP_EXTRA_INDEX_URL": "https://user:{}@index.invalid/simple",
    "UV_INDEX_URL": "https://user:{}@index.invalid/simple",
}
GIT = (
    "GIT_DIR",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_0",
    "GIT_CONFIG_VALUE_0",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
)


def absent(names):
    return sorted(name for name in names if name in os.environ)


def holding(mark):
    return sorted(name for name, value in os.environ.items() if mark in value)


def carry(names):
    """Two starts deep, for what is set for one command only would pass."""
    return lambda view: {"env": clean_environment(**dict.fromkeys(names, view.canary))}


STEERING = ("BWRAP_ARGS", "SANDBOX_*", "VERBOSE")  # the launcher's own: PRJ-08, ENV-10


def rules(world):
    """Patterns of names that the compiled plan keeps out, but those that another one covers."""
    text = harness.must([harness.PLAN_EDIT, world.venv / "sandbox" / "plan", "print"]).stdout
    default = text[text.index("variant  default") :]
    found = re.findall(r"^env +drop +(\S+) ", default, re.MULTILINE)
    return [
        one
        for one in found
        if one not in STEERING
        and not any(fnmatch.fnmatch(one, other) for other in found if other != one)
    ]


def fitting(world):
    """A name for each rule that no other rule keeps out."""
    world.python("-c", "pass")  # compiles the plan
    return [pattern.replace("*", "SVENV").replace("?", "I") for pattern in rules(world)]


def in_processes(backwards):
    """How many readable environments of processes hold the mark, and what pid 1's says."""
    mark = backwards[::-1].encode("latin-1")
    hits = 0
    for name in listed("/proc"):
        if name.isdigit():
            hits += mark in content(f"/proc/{name}/environ", 1 << 20).encode("latin-1")
    first = content("/proc/1/environ", 16)
    return {"hits": min(hits, 1), "pid 1": first if first.startswith("<") else "readable"}


def in_memory(backwards):
    """Whether stack, auxiliary vector or vvar hold the mark; it is not spelled in this program."""
    mark = backwards[::-1].encode("latin-1")
    hits = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            if not line.rstrip().endswith(("[stack]", "[vvar]", "[vdso]")):
                continue
            low, high = (int(word, 16) for word in line.split()[0].split("-"))
            try:
                memory.seek(low)
                hits += mark in memory.read(high - low)
            except OSError:
                pass
    return hits


def with_token(view):
    return {"env": clean_environment(SVENV_CANARY_TOKEN=view.canary)}


def later(view):
    """Exported in the calling shell after it started, so not in the shell's own environment."""
    python = view.venv / "bin" / "python" if view.inside else harness.SYSTEM_PYTHON
    code = "import os; print(os.environ.get('LATER_API_TOKEN', 'absent'))"
    done = harness.must(
        ["sh", "-c", f'export LATER_API_TOKEN={view.token}; "$0" -c "$1"', python, code]
    )
    return "absent" if done.stdout.strip() == "absent" else "present"


def unnamed(view):
    """A harmless name that no rule knows, from the shell's own environment."""
    code = "import os; print(os.environ.get('MY_APPLICATION_NAME', 'absent'))"
    argv, options = (
        view.world.command("python", "-c", code)
        if view.inside
        else ([harness.SYSTEM_PYTHON, "-c", code], {})
    )
    argv[0] = options.pop("executable", argv[0])
    env = harness.clean_environment(MY_APPLICATION_NAME=view.token)
    try:
        done = harness.must(["sh", "-c", '"$@"; true', "sh", *argv], env=env, **options)
    finally:
        view.world.release(options)
    return "absent" if done.stdout.strip() == "absent" else "present"


def steering_names():
    """Every name of an own variable that the installed programs know."""
    found = set()
    for path in (harness.LAUNCHER, harness.TOOL):
        found |= set(re.findall(rb"(?:SANDBOX|SVENV)_[A-Z_]{2,}", path.read_bytes()))
    names = {name.decode() for name in found} | {
        "SANDBOX_VENV",
        "SANDBOX_VENV_ACTIVE",
        "SANDBOX_VENV_INSIDE",
        "IS_SANDBOX",
    }
    return names - {"SANDBOX_SECCOMP_ALLOW"}


def spoofed(view):
    env = clean_environment(**dict.fromkeys(steering_names(), "1"))
    return {"env": env}


def isolation(host_pid_namespace):
    return {
        "filtered": status()["Seccomp"] == "2",
        "own pids": os.readlink("/proc/self/ns/pid") != host_pid_namespace,
    }


def fakes(view):
    """A directory of programs that leave a mark, first on PATH."""
    folder = view.parent / "fakes"
    mark = view.parent / "fake-ran"
    folder.mkdir(exist_ok=True)
    for name in (
        "id",
        "getent",
        "bwrap",
        "env",
        "git",
        "sandbox-venv",
        "sh",
        "bash",
        "python3",
        "uname",
        "ldd",
        "readelf",
        "ldconfig",
        "systemd-run",
        "newuidmap",
    ):
        path = folder / name
        path.write_text(f"#!/bin/sh\n: > '{mark}'\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder, mark


def first_on_path(view):
    folder, mark = fakes(view)
    mark.unlink(missing_ok=True)
    env = clean_environment(PATH=f"{folder}:/usr/bin:/bin")
    if view.inside:
        must = view.world.python("-c", "pass", env=env)
        harness.run([harness.TOOL, "status", view.venv], env=env)
        if must.returncode:
            raise harness.Dead(must.stderr)
    else:
        harness.must(["id"], env=env)
    return "ran" if mark.exists() else "not run"


def shell_hooks(view):
    mark = view.parent / "hook-ran"
    mark.unlink(missing_ok=True)
    hook = view.parent / "hook.sh"
    hook.write_text(f": > '{mark}'\n")
    env = clean_environment(BASH_ENV=hook, ENV=hook, PS4=f"$(: > {mark})", IFS="/", SHELLOPTS=None)
    if view.inside:
        view.world.python("-c", "pass", env=env)
    else:
        harness.must(["bash", "-c", ":"], env=env)
    return "ran" if mark.exists() else "not run"


def misleading_home(view):
    results = {}
    for home in ("/", "/nonexistent", str(view.parent)):
        env = {
            "env": clean_environment(
                HOME=home, USER="root", XDG_CONFIG_HOME="/", XDG_STATE_HOME=None
            )
        }
        path = str(view.home_file)
        results[home] = view.world.value(look, path, str(view.neighbour), inside=view.inside, **env)
    return results


def look(path, other):
    return opened(path) + " " + opened(other)


def helpers_in_sources(view):
    """Static: what the launcher's sources call of the C library's look-ups and helpers."""
    root = harness.HERE.parent.parent / "src"
    words = (
        (
            "setlocale",
            "catopen",
            "bindtextdomain",
            "dlopen",
            "getpwuid",
            "getpwnam",
            "getgrgid",
            "system",
            "popen",
            "wordexp",
        )
        if view.inside
        else ("execve",)
    )
    found = set()
    for folder in ("base", "sys", "launch", "supervise", "stub"):
        for path in (root / folder).glob("*.c"):
            if path.name == "seccomp.c":
                continue
            found |= set(re.findall(r"\b(" + "|".join(words) + r")\(", path.read_text()))
    return sorted(found)


PYTHON_NAMES = ("PYTHONSTARTUP", "PYTHONINSPECT", "BROWSER")
HOST_NAMES = (
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "TMUX",
    "STY",
    "NVIM",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "XDG_SESSION_ID",
    "SESSION_MANAGER",
    "PULSE_SERVER",
    "PIPEWIRE_REMOTE",
    "NOTIFY_SOCKET",
    "SUDO_ASKPASS",
    "SSH_ASKPASS",
)


def unchanged(view):
    return [list(SECRETS)]


PROBES = [
    Probe(
        "ENV-01",
        "a token of the caller's environment",
        Python(holding, lambda v: [v.canary], with_token),
        [],
        ["SVENV_CANARY_TOKEN"],
    ),
    Probe(
        "ENV-02",
        "environments of all processes in /proc",
        Python(in_processes, lambda v: [v.canary[::-1]], with_token),
        {"hits": 0, "pid 1": "<ENOENT>"},
        that("found", lambda v: v["hits"] == 1),
    ),
    Probe(
        "ENV-03", "a token exported later in the calling shell", Host(later), "absent", "present"
    ),
    Probe(
        "ENV-04",
        f"{len(SECRETS)} names of secrets, agents and sockets",
        Python(absent, lambda v: [list(SECRETS)], carry(SECRETS)),
        [],
        sorted(SECRETS),
    ),
    Probe(
        "ENV-18",
        "a name for every rule of the default policy",
        Python(absent, lambda v: [fitting(v.world)], lambda v: carry(fitting(v.world))(v)),
        [],
        that("all", lambda v: len(v) > 50),
    ),
    Probe(
        "ENV-05",
        "passwords in proxy and index URLs",
        Python(
            holding,
            lambda v: [v.canary],
            lambda v: {
                "env": clean_environment(**{n: u.format(v.canary) for n, u in URLS.items()})
            },
        ),
        [],
        sorted(URLS),
    ),
    Probe(
        "ENV-06",
        "a name that no rule knows, from the calling shell",
        Host(unnamed),
        "absent",
        "present",
    ),
    Probe(
        "ENV-07",
        "the program's own stack and vvar",
        Python(in_memory, lambda v: [v.canary[::-1]], with_token),
        0,
        that("found", lambda v: v > 0),
    ),
    Probe(
        "ENV-09",
        "variables that run something: PYTHONSTARTUP, PYTHONINSPECT, BROWSER",
        Python(
            absent,
            lambda v: [list(PYTHON_NAMES)],
            lambda v: {
                "env": clean_environment(
                    PYTHONSTARTUP="/nonexistent", PYTHONINSPECT="", BROWSER="/nonexistent"
                )
            },
        ),
        that("no BROWSER", lambda v: "BROWSER" not in v),
        sorted(PYTHON_NAMES),
    ),
    Probe(
        "ENV-10",
        "every own variable that the programs know, set to 1",
        Python(isolation, lambda v: [os.readlink("/proc/self/ns/pid")], spoofed),
        {"filtered": True, "own pids": True},
        {"filtered": False, "own pids": False},
    ),
    Probe(
        "ENV-11",
        "fake id, getent, bwrap, git ... first on PATH",
        Host(first_on_path),
        "not run",
        "ran",
    ),
    Probe(
        "ENV-12",
        "HOME=/, USER=root, XDG_*=/ widen nothing",
        Host(misleading_home),
        every("ENOENT ENOENT"),
        every("ok ok"),
    ),
    Probe(
        "ENV-14",
        "BASH_ENV, ENV, IFS, PS4: no shell at a start",
        Host(shell_hooks),
        "not run",
        "ran",
    ),
    Probe(
        "ENV-16",
        "no locale, NSS, loader or shell call in the launcher's sources",
        Host(helpers_in_sources),
        [],
        ["execve"],
    ),
    Probe(
        "ENV-17",
        "names of sockets and agents of the host",
        Python(absent, lambda v: [list(HOST_NAMES)], carry(HOST_NAMES)),
        [],
        sorted(HOST_NAMES),
    ),
    Probe(
        "GIT-08",
        "GIT_DIR, GIT_CONFIG_*, GIT_SSH_COMMAND and the like",
        Python(absent, lambda v: [list(GIT)], carry(GIT)),
        that(
            "none that steers git",
            lambda v: not set(v) & set(GIT) - {"GIT_DIR", "GIT_PAGER", "GIT_EXTERNAL_DIFF"},
        ),
        sorted(GIT),
    ),
]
