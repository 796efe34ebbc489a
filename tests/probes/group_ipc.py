"""IPC: sockets of agents and the desktop, System V and POSIX IPC. All listeners are our own."""

import contextlib
import ctypes
import errno
import os
import socket
import tempfile

import harness
from harness import ANY, Host, Probe, Python, every, that

SOCKETS = (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/snapd.socket",
    "/run/dbus/system_bus_socket",
    "/run/systemd/private",
    "/run/systemd/journal/socket",
    "/run/systemd/notify",
    "/dev/log",
    "/run/udev/control",
    "/run/cups/cups.sock",
    "/tmp/.X11-unix",
    "/tmp/.ICE-unix",
    "/run/user/{uid}/bus",
    "/run/user/{uid}/wayland-0",
    "/run/user/{uid}/pipewire-0",
    "/run/user/{uid}/pulse",
    "/run/user/{uid}/at-spi",
    "/run/user/{uid}/keyring",
    "/run/user/{uid}/gnupg",
    "/run/user/{uid}/systemd",
)


def connects(address):
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(5)
        return attempt(one.connect, address)


def connects_abstract(name):
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(5)
        return attempt(one.connect, "\0" + name)


def sends_abstract(name):
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        return attempt(one.sendto, b"probe", "\0" + name)


def listening(address, kind=socket.SOCK_STREAM):
    one = socket.socket(socket.AF_UNIX, kind)
    one.bind(address)
    if kind == socket.SOCK_STREAM:
        one.listen()
    return one


def abstract(function, kind):
    def play(view):
        name = "svenv-canary-" + view.token
        with listening("\0" + name, kind):
            return view.world.value(function, name, inside=view.inside)

    return Host(play)


def at_path(folder):
    """A listener below a directory of the host, made there for the time of the probe."""

    def play(view):
        with tempfile.TemporaryDirectory(prefix="svenv-s-", dir=folder(view)) as place:
            address = place + "/s"
            with listening(address):
                return view.world.value(connects, address, inside=view.inside)

    return Host(play)


def agent(view):
    """A socket that SSH_AUTH_SOCK names."""
    with tempfile.TemporaryDirectory(prefix="ssh-svenv-", dir="/tmp") as place:
        address = place + "/agent.1"
        with listening(address):
            env = harness.clean_environment(SSH_AUTH_SOCK=address)
            return view.world.value(agent_seen, address, inside=view.inside, env=env)


def agent_seen(address):
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        return [os.environ.get("SSH_AUTH_SOCK") is not None, attempt(one.connect, address)]


def presence(paths):
    return {path: attempt(os.lstat, path) for path in paths}


LIBC = ctypes.CDLL(None, use_errno=True)
IPC_CREAT, IPC_EXCL, IPC_RMID = 0o1000, 0o2000, 0


def system_v(view):
    """Shared memory, a semaphore and a queue of the host, by their key."""
    key = int(view.token[:7], 16) | 1
    mode = IPC_CREAT | IPC_EXCL | 0o600
    shm, sem, msg = LIBC.shmget(key, 4096, mode), LIBC.semget(key, 1, mode), LIBC.msgget(key, mode)
    if min(shm, sem, msg) < 0:
        raise harness.Dead("no System V IPC on the host")
    try:
        return view.world.value(find_system_v, key, inside=view.inside)
    finally:
        LIBC.shmctl(shm, IPC_RMID, None)
        LIBC.semctl(sem, 0, IPC_RMID)
        LIBC.msgctl(msg, IPC_RMID, None)


def find_system_v(key):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def ask(value):
        return "ok" if value >= 0 else errno.errorcode[ctypes.get_errno()]

    return {
        "shm": ask(libc.shmget(key, 0, 0)),
        "sem": ask(libc.semget(key, 0, 0)),
        "msg": ask(libc.msgget(key, 0)),
    }


def queue(view):
    """A POSIX message queue of the host."""
    name = b"/svenv-" + view.token.encode()
    made = LIBC.mq_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, None)
    if made < 0:
        raise harness.Dead("no message queues on the host")
    try:
        return view.world.value(find_queue, name.decode(), inside=view.inside)
    finally:
        os.close(made)
        LIBC.mq_unlink(name)


def find_queue(name):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return "ok" if libc.mq_open(name.encode(), 0) >= 0 else errno.errorcode[ctypes.get_errno()]


def own_system_v():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.shmget(0, 4096, 0o1600)
    if made < 0:
        return errno.errorcode[ctypes.get_errno()]
    libc.shmctl(made, 0, None)
    return "ok"


def listed_sockets(view):
    return [[path.format(uid=os.getuid()) for path in SOCKETS]]


# Variables that lead to sockets of the session: name, value and socket below its directory.
SESSION = {
    "DBUS": {"DBUS_SESSION_BUS_ADDRESS": ("unix:path={}/bus", "bus")},
    "X11": {"XAUTHORITY": ("{}/xauthority", "xauthority"), "DISPLAY": ("unix:{}/X0", "X0")},
    "DESKTOP": {
        "WAYLAND_DISPLAY": ("{}/wayland-0", "wayland-0"),
        "PIPEWIRE_REMOTE": ("{}/pipewire-0", "pipewire-0"),
        "PULSE_SERVER": ("unix:{}/native", "native"),
        "AT_SPI_BUS_ADDRESS": ("unix:path={}/at-spi", "at-spi"),
    },
    "TERMINALS": {
        "TMUX": ("{}/default,1,0", "default"),
        "STY": ("{}/1.screen", "1.screen"),
        "VSCODE_IPC_HOOK_CLI": ("{}/vscode.sock", "vscode.sock"),
        "NVIM": ("{}/nvim.0", "nvim.0"),
        "KITTY_LISTEN_ON": ("unix:{}/kitty", "kitty"),
    },
    "SERVICES": {"NOTIFY_SOCKET": ("{}/notify", "notify")},
}
UNSEEN = that("no variable, no socket", lambda v: set(v.values()) == {"unset ENOENT"})
SEEN = that("connected", lambda v: set(v.values()) == {"set ok"})


def session_seen(paths):
    """Whether each variable is there, and whether its socket can be connected."""
    import socket

    results = {}
    for name, path in paths.items():
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(5)
            known = "set" if name in os.environ else "unset"
            results[name] = known + " " + attempt(one.connect, path)
    return results


def named_sockets(kind):
    """Listeners of the test's own in a directory as sessions have one, named by the variables."""

    def play(view):
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="svenv-s-", dir="/tmp"))
            env, paths = {}, {}
            for name, (value, file) in SESSION[kind].items():
                paths[name] = f"{place}/{file}"
                stack.enter_context(listening(paths[name]))
                env[name] = value.format(place)
            return view.world.value(
                session_seen, paths, inside=view.inside, env=harness.clean_environment(**env)
            )

    return Host(play)


def x_server(view):
    """An abstract socket as X servers have one, with a display number that none has."""
    name = f"/tmp/.X11-unix/X{int(view.token[:6], 16) + 100}"
    with listening("\0" + name):
        return view.world.value(connects_abstract, name, inside=view.inside)


REFUSED = ("EPERM", "ECONNREFUSED", "EACCES")

PROBES = [
    Probe(
        "IPC-01a",
        "an abstract stream socket of the host",
        abstract(connects_abstract, socket.SOCK_STREAM),
        REFUSED,
    ),
    Probe(
        "IPC-01b",
        "an abstract datagram socket of the host",
        abstract(sends_abstract, socket.SOCK_DGRAM),
        REFUSED,
    ),
    Probe(
        "IPC-01c",
        "the same with an own network namespace",
        abstract(connects_abstract, socket.SOCK_STREAM),
        REFUSED,
        world="no-network",
    ),
    Probe(
        "IPC-02",
        "a socket of the host in the project",
        at_path(lambda v: v.project),
        "EACCES",
        missing="pathname sockets in writable trees (needs the broker or Landlock ABI 9)",
    ),
    Probe("IPC-03a", "a socket in the host's /tmp", at_path(lambda v: "/tmp"), "ENOENT"),
    Probe(
        "IPC-03b", "a socket in the host's $HOME", at_path(lambda v: str(harness.HOME)), "ENOENT"
    ),
    Probe("IPC-03c", "a socket in the host's /dev/shm", at_path(lambda v: "/dev/shm"), "ENOENT"),
    Probe("IPC-03d", "a socket in the host's /run", at_path(lambda v: "/run"), "ENOENT", root=True),
    Probe(
        "IPC-04", "the agent that SSH_AUTH_SOCK names", Host(agent), [False, "ENOENT"], [True, "ok"]
    ),
    Probe(
        "IPC-06",
        "sockets of container engines, the system, the desktop",
        Python(presence, listed_sockets),
        every("ENOENT"),
        ANY,
    ),
    Probe(
        "IPC-12",
        "System V shared memory, semaphores, queues of the host",
        Host(system_v),
        every("ENOENT"),
        every("ok"),
    ),
    Probe("IPC-13", "a POSIX message queue of the host", Host(queue), "ENOENT"),
    Probe("IPC-15", "own System V shared memory works", Python(own_system_v), "ok"),
    Probe("IPC-08", "the session's bus, on which portals are", named_sockets("DBUS"), UNSEEN, SEEN),
    Probe(
        "IPC-09a",
        "the X server's socket below the runtime directory, and XAUTHORITY",
        named_sockets("X11"),
        UNSEEN,
        SEEN,
    ),
    Probe("IPC-09b", "the X server's abstract socket", Host(x_server), REFUSED),
    Probe(
        "IPC-10",
        "sockets of Wayland, PipeWire, PulseAudio, accessibility",
        named_sockets("DESKTOP"),
        UNSEEN,
        SEEN,
    ),
    Probe("IPC-11", "sockets of tmux, screen, editors", named_sockets("TERMINALS"), UNSEEN, SEEN),
    Probe("IPC-14", "the socket of the service manager", named_sockets("SERVICES"), UNSEEN, SEEN),
    Probe(
        "PER-08",
        "autostart and background through the session's bus",
        named_sockets("DBUS"),
        UNSEEN,
        SEEN,
    ),
]
