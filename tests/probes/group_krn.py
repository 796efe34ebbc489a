"""KRN: system calls and kernel interfaces."""

import errno
import os

import harness
from harness import ANY, NOT_DENIED, Call, Host, Probe, Python, that

NAMESPACES = {
    "user": 0x10000000,
    "mnt": 0x20000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "cgroup": 0x2000000,
    "time": 0x80,
}
SIGCHLD = 17


def denied(number, name, words, expect, control=NOT_DENIED, what=None):
    return Probe(f"KRN-{number}", what or name, Call(*words), expect, control)


def calls(number, expect, *names, control=NOT_DENIED):
    """One probe for each call; each id is the catalogue's number with a letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        Probe(f"KRN-{number}{letters[i]}", name, Call(*name.split()), expect, control)
        for i, name in enumerate(names)
    ]


# Signs of confinement that every program inside shows


def confinement():
    seen = status()
    return {
        name: seen[name]
        for name in ("Seccomp", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    }


def own_namespaces(host):
    return {kind: os.readlink(f"/proc/self/ns/{kind}") != seen for kind, seen in host.items()}


def namespaces_of_host(view):
    import os

    kinds = ("user", "mnt", "pid", "ipc", "uts", "cgroup")
    return [{kind: os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}]


NO_CAPS = "0" * 16
CONFINED = that(
    "filtered, no new privileges, no capabilities",
    lambda v: (
        v["Seccomp"] == "2"
        and v["NoNewPrivs"] == "1"
        and all(value == NO_CAPS for name, value in v.items() if name.startswith("Cap"))
    ),
)
FREE = that("not filtered", lambda v: v["Seccomp"] == "0")


def ambient():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    results = {}
    for name, words in (("raise", (47, 2, 13, 0, 0)), ("securebits", (28, 0, 0, 0, 0))):
        results[name] = "ok" if libc.prctl(*words) >= 0 else errno.errorcode[ctypes.get_errno()]
    return results


def everywhere(project):
    """Seccomp state in a thread, and in children of every kind."""
    import subprocess
    import threading

    seen = {}
    show = "grep '^Seccomp:' /proc/self/status"

    def look():
        with open(f"/proc/self/task/{threading.get_native_id()}/status") as file:
            seen["thread"] = next(line.split()[1] for line in file if line.startswith("Seccomp:"))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    seen["child"] = subprocess.check_output(["/bin/sh", "-c", show]).decode().split()[1]
    ends = os.pipe()
    pid = os.posix_spawn(
        "/bin/sh", ["sh", "-c", show], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, ends[1], 1)]
    )
    os.waitpid(pid, 0)
    seen["posix_spawn"] = os.read(ends[0], 100).decode().split()[1]
    script = project + "/chain.sh"
    with open(script, "w") as file:
        file.write("#!/usr/bin/env sh\n" + show + "\n")
    os.chmod(script, 0o755)
    seen["shebang"] = subprocess.check_output([script]).decode().split()[1]
    os.unlink(script)
    return seen


def every_is(state):
    return that(f"Seccomp {state} everywhere", lambda v: len(v) == 4 and set(v.values()) == {state})


def families():
    import socket

    results = {}
    for family in range(1, 51):
        if family in (1, 2, 10, 16):
            continue
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            results[f"{family}/{kind}"] = attempt(socket.socket, family, kind, 0)
    return results


def usual_sockets():
    import socket

    return {
        "unix": attempt(socket.socket, socket.AF_UNIX, socket.SOCK_STREAM),
        "tcp": attempt(socket.socket, socket.AF_INET, socket.SOCK_STREAM),
        "udp6": attempt(socket.socket, socket.AF_INET6, socket.SOCK_DGRAM),
        "route": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
    }


def nesting_sysctl():
    path = "/proc/sys/user/max_user_namespaces"
    return [content(path).strip(), opened(path, os.O_WRONLY)]


def inotify_instances():
    """Instances that one user can make beside all others: more or less than half of the limit."""
    import ctypes

    libc = ctypes.CDLL(None)
    limit = int(content("/proc/sys/fs/inotify/max_user_instances"))
    made = []
    while len(made) <= limit // 2 + 1:
        fd = libc.inotify_init1(0)
        if fd < 0:
            break
        made.append(fd)
    for fd in made:
        os.close(fd)
    return "works, up to a half" if 0 < len(made) <= (limit + 1) // 2 else "more than a half"


def own_filter_stays_closed(view):
    """A filter of the program's own that allows everything takes nothing away from ours."""
    allow = view.world.call(["seccomp-filter"], view.inside)
    return [allow, view.world.call(["memfd-exec", "io_uring_setup"], view.inside)]


def landlock_truncate(path):
    """Truncating a file that is only readable."""
    return attempt(os.truncate, path, 0)


def special_files(project):
    results = {"fifo": attempt(os.mkfifo, project + "/probe-fifo")}
    if results["fifo"] == "ok":
        os.unlink(project + "/probe-fifo")
    return results


def setid(view):
    """The six ways to ask for a set-user-id file; the last is the one the filter cannot see."""
    base = view.project / "setid-probe"
    base.write_text("x")
    base.chmod(0o644)
    results = {}
    for mode in ("04755", "02755"):
        for call in ("chmod", "fchmod", "fchmodat2"):
            results[f"{call} {mode}"] = view.world.call([call, base, int(mode, 8)], view.inside)
        made = view.project / ("setid-new" + mode)
        results[f"creat {mode}"] = view.world.call(["creat", made, int(mode, 8)], view.inside)
        made.unlink(missing_ok=True)
    changed = base.stat().st_mode & 0o6000
    base.unlink()
    results["mode on the host"] = "changed" if changed else "EPERM"
    return results


def setid_openat2(view):
    made = view.project / "setid-openat2"
    result = view.world.call(["openat2-creat", made, 0o4755], view.inside)
    bits = made.stat().st_mode & 0o6000 if made.exists() else 0
    made.unlink(missing_ok=True)
    return "set" if bits else result + ", no bits"


def whiteout(view):
    source = view.project / "whiteout-probe"
    source.write_text("x")
    result = view.world.call(["whiteout", source, view.project / "whiteout-moved"], view.inside)
    for name in ("whiteout-probe", "whiteout-moved"):
        (view.project / name).unlink(missing_ok=True)
    return result


# Calls whose first check in the kernel is a capability that no user namespace gives: outside they
# fail as well, so what is looked at is the compiled filter's own answer.
NUMBERS = {
    "syslog": 103,
    "acct": 163,
    "settimeofday": 164,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "clock_settime": 227,
    "vhangup": 153,
    "kexec_load": 246,
    "kexec_file_load": 320,
    "finit_module": 313,
    "clock_adjtime": 305,
    "bpf": 321,
    "quotactl_fd": 443,
    "open_by_handle_at": 304,
    "lookup_dcookie": 212,
    "uselib": 134,
    "fanotify_mark": 301,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
}
ENOSYS_ONES = ("lookup_dcookie", "uselib")
GETPID = 39


def answers(view):
    """The answer of the filter in the compiled plan; the control is a filter that allows all."""
    import filter_machine

    code = filter_machine.program_of(view.world) if view.inside else filter_machine.ALLOW_ALL
    return {
        name: filter_machine.answer(code, number, ())
        for name, number in [*NUMBERS.items(), ("getpid", GETPID), ("number 999", 999)]
    }


def filter_closed(value):
    wanted = {name: "ENOSYS" if name in ENOSYS_ONES else "EPERM" for name in NUMBERS}
    return value == {**wanted, "getpid": "ok", "number 999": "ENOSYS"}


PROBES = [
    *[
        denied(
            f"01-{name}", name, ("unshare", flag), "EPERM", what=f"unshare: new {name} namespace"
        )
        for name, flag in NAMESPACES.items()
    ],
    *[
        denied(f"02-{name}", name, ("clone", flag), "EPERM", what=f"clone: new {name} namespace")
        for name, flag in NAMESPACES.items()
        if name != "time"
    ],
    denied(
        "03",
        "clone3",
        ("clone3", NAMESPACES["user"]),
        "ENOSYS",
        what="clone3 with a new user namespace",
    ),
    Probe(
        "KRN-04",
        "user.max_user_namespaces is 0 and stays so",
        Python(nesting_sysctl),
        that("0, not writable", lambda v: v[0] == "0" and v[1] in ("EACCES", "EROFS", "EPERM")),
        that("not 0", lambda v: v[0] != "0"),
    ),
    *[
        denied(
            f"05-{kind}",
            kind,
            ("setns", f"/proc/self/ns/{kind}"),
            "EPERM",
            control=("ok", "EINVAL"),
            what=f"setns on its own {kind} namespace",
        )
        for kind in ("user", "mnt", "uts", "ipc", "net", "cgroup", "pid")
    ],
    *calls("06", "EPERM", "mount", "mount-proc", "umount2", "pivot_root", "chroot", "sethostname"),
    *calls(
        "07",
        "ENOSYS",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "open_tree",
        "open_tree_attr",
        "move_mount",
        "mount_setattr",
    ),
    *calls("08", "ENOSYS", "statmount", "listmount"),
    *calls("09", "ENOSYS", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    denied(
        "10",
        "io_uring_setup",
        ("io_uring_setup",),
        "ENOSYS",
        what="no ring, so none of its operations",
    ),
    *calls(
        "14",
        "EPERM",
        "ptrace-traceme",
        "ptrace-attach",
        "ptrace-seize",
        "process_vm_readv",
        "process_vm_writev",
        "kcmp",
        "process_madvise",
        "pidfd_getfd",
    ),
    *calls("15", "EPERM", "personality 0x40000", "personality 0x400000", "personality 0x8"),
    denied("15q", "personality", ("personality", 0xFFFFFFFF), "ok", what="personality: query"),
    *calls("16", "EPERM", "modify_ldt"),
    Probe(
        "KRN-17",
        "the filter's own answer to calls that need the machine's capabilities",
        Host(answers),
        that("EPERM or ENOSYS by the filter", filter_closed),
        that("allowed", lambda v: set(v.values()) == {"ok"}),
    ),
    *calls(
        "17",
        "EPERM",
        "reboot",
        "adjtimex",
        "perf_event_open",
        "userfaultfd",
        "fanotify_init",
        "bpf",
    ),
    *calls("17s", "EPERM", "syslog", "vhangup", control=ANY),
    *calls("17n", "ENOSYS", "sysfs"),
    *calls("18", "EOPNOTSUPP", "name_to_handle_at"),
    *calls("18o", "EPERM", "open_by_handle_at", control=ANY),
    denied(
        "19",
        "x32",
        ("x32",),
        ("SIGSYS", "ENOSYS"),
        control=("ok", "ENOSYS"),
        what="an x32 system call",
    ),
    denied(
        "20",
        "i386",
        ("i386",),
        "SIGSYS",
        control=("ok", "SIGSYS"),
        what="an i386 system call by int 0x80",
    ),
    Probe(
        "KRN-21",
        "socket families 1..50 but UNIX, INET, INET6, NETLINK",
        Python(families),
        that("EAFNOSUPPORT", lambda v: set(v.values()) == {"EAFNOSUPPORT"}),
        that("some family works", lambda v: set(v.values()) != {"EAFNOSUPPORT"}),
    ),
    Probe(
        "KRN-22",
        "the usual sockets work",
        Python(usual_sockets),
        harness.every("ok"),
        harness.every("ok"),
    ),
    *[
        denied(
            f"23-{protocol}",
            "netlink",
            ("socket", 16, 3, protocol),
            "EPROTONOSUPPORT",
            control=("ok", "EPROTONOSUPPORT"),
            what=f"netlink protocol {protocol}",
        )
        for protocol in (4, 6, 9, 10, 12, 15, 16, 21)
    ],
    *[
        denied(f"24-{name}", name, ("socket", *words), expect, control=ANY, what=f"socket: {name}")
        for name, words, expect in (
            ("mptcp", (2, 1, 262), "EPROTONOSUPPORT"),
            ("sctp", (2, 1, 132), "EPROTONOSUPPORT"),
            ("raw-icmp", (2, 3, 1), "EPERM"),
            ("ping", (2, 2, 1), "EPROTONOSUPPORT"),
            ("udplite", (2, 2, 136), "EPROTONOSUPPORT"),
        )
    ],
    *calls(
        "27",
        "EPERM",
        "fastopen-sendto",
        "fastopen-sendmsg",
        "fastopen-sendmmsg",
        "setsockopt 6 23",
        "setsockopt 6 30",
        "setsockopt 6 31",
    ),
    *calls("27s", "EPERM", "attach-filter"),
    *calls("27r", "EPERM", "setsockopt 6 19", "setsockopt 1 25", "setsockopt 1 36", control=ANY),
    *calls("28", "ENOSYS", "vmsplice", "tee", "splice mod.py"),
    *calls("29", "ENOSYS", "memfd_secret"),
    Probe(
        "KRN-30",
        "a program executed from memory is as confined",
        Call("memfd-exec", "io_uring_setup"),
        "ENOSYS",
    ),
    *calls("32", "EPERM", "setlease mod.py", "dnotify"),
    *calls("33", ("EPERM", "EBUSY"), "seccomp-listener"),
    Probe(
        "KRN-34",
        "an own filter that allows everything opens nothing",
        Host(own_filter_stays_closed),
        ["ok", "ENOSYS"],
        ["ok", "ok"],
    ),
    Probe(
        "KRN-35",
        "every program is filtered, without privileges and capabilities",
        Python(confinement),
        CONFINED,
        FREE,
    ),
    Probe(
        "KRN-36",
        "ambient capabilities and securebits cannot be raised",
        Python(ambient),
        harness.every("EPERM"),
        ANY,
    ),
    *calls("37", "EPERM", "add_key", "keyctl", "request_key"),
    Probe(
        "KRN-38",
        "the filter holds in threads, children and interpreters of scripts",
        Python(everywhere, lambda v: [str(v.project)]),
        every_is("2"),
        every_is("0"),
    ),
    denied("39a", "prctl", ("prctl", 35, 1), "EPERM", control=ANY, what="prctl PR_SET_MM"),
    denied(
        "39b", "prctl", ("prctl", 0x59616D61, 1), "EPERM", control=ANY, what="prctl PR_SET_PTRACER"
    ),
    *calls("40", "EPERM", "migrate_pages", "remap_file_pages"),
    denied("40n", "get_mempolicy", ("get_mempolicy",), "ok", what="NUMA policy can be asked for"),
    *calls("41", "ok", "landlock_create_ruleset", "seccomp-filter"),
    Probe(
        "KRN-42a",
        "truncate a read-only file of the system",
        Python(
            landlock_truncate, lambda v: ["/etc/hosts" if v.inside else str(v.project / "Makefile")]
        ),
        ("EACCES", "EROFS"),
        "ok",
    ),
    Probe(
        "KRN-42b",
        "a FIFO in the project",
        Python(special_files, lambda v: [str(v.project)]),
        harness.every("ok"),
        harness.every("ok"),
    ),  # as PRJ-31
    Probe(
        "KRN-43",
        "set-user-id and set-group-id modes",
        Host(setid),
        harness.every("EPERM"),
        harness.some("ok"),
    ),
    Probe(
        "KRN-44",
        "a set-user-id file by openat2, whose mode no filter sees",
        Host(setid_openat2),
        that("no bits", lambda v: v != "set"),
        "set",
        missing="a sweep at exit for set-user-id files (docs/SECURITY.md, C25)",
    ),
    Probe("KRN-45", "rename with a whiteout", Host(whiteout), "EPERM"),
    Probe(
        "KRN-47",
        "own user, mount, pid, ipc, uts and cgroup namespaces",
        Python(own_namespaces, namespaces_of_host),
        that("own", lambda v: all(v.values())),
        that("the host's", lambda v: not any(v.values())),
    ),
    Probe(
        "KRN-48",
        "all inotify instances that the user has",
        Python(inotify_instances),
        "works, up to a half",
        "more than a half",
    ),
    Probe("KRN-46", "RLIMIT_CORE stays 1 when set to 0", Call("core-limit"), "ERANGE"),
]
