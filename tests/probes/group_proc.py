"""PROC, SYS, DEV: kernel file systems and device nodes."""

import os
import pty
import socket

import harness
from harness import ANY, Call, Host, Probe, Python, every, some, that

MASKED = (
    "kcore",
    "kallsyms",
    "interrupts",
    "pagetypeinfo",
    "keys",
    "key-users",
    "timer_list",
    "sched_debug",
    "slabinfo",
    "vmallocinfo",
    "config.gz",
    "latency_stats",
    "iomem",
    "ioports",
    "kmsg",
    "sysrq-trigger",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
)
MASKED_TREES = ("acpi", "asound", "scsi")


def reads(names):
    """How much of each can be read: content, zeroes in place of addresses, or nothing."""
    addresses = ("kallsyms", "iomem", "ioports")
    results = {}
    for name in names:
        try:
            fd = os.open("/proc/" + name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            results[name] = name_of(error)
            continue
        try:
            data = os.read(fd, 4096)
            firsts = [line.split()[0].strip(b"0-:") for line in data.splitlines() if line.split()]
            results[name] = (
                "empty"
                if not data
                else "zeroes"
                if name in addresses and not any(firsts)
                else "content"
            )
        except OSError as error:
            results[name] = name_of(error)
        finally:
            os.close(fd)
    return results


def trees(names):
    return {name: listed("/proc/" + name) for name in names}


def nothing_read(value):
    """Zeroes are what the kernel itself shows to others than root, where no mask is needed."""
    zeroes = {name for name, seen in value.items() if seen == "zeroes"}
    return "content" not in value.values() and zeroes <= (
        set() if harness.AS_ROOT else {"iomem", "ioports"}
    )


def pids():
    seen = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    return {
        "count": len(seen),
        "pid 1": attempt(os.lstat, "/proc/1"),
        "host": [pid for pid in seen if pid > 100000],
    }


def few(value):
    return value["count"] <= 2 and value["pid 1"] == "ENOENT"


def seen_ports(port):
    return f":{port:04X} " in content("/proc/net/tcp", 1 << 20)


def host_port(view):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return view.world.value(seen_ports, listener.getsockname()[1], inside=view.inside)


def group_of_self():
    return content("/proc/self/cgroup").strip()


def own_knobs():
    return {
        "oom_score_adj": written("/proc/self/oom_score_adj", b"-1"),
        "uid_map": written("/proc/self/uid_map", b"0 0 1"),
        "setgroups": written("/proc/self/setgroups", b"allow"),
        "exec attribute": written("/proc/self/attr/exec", b"unconfined"),
    }


def sysctls():
    return {
        "read-only": bool(os.statvfs("/proc/sys").f_flag & os.ST_RDONLY),
        "core_pattern": opened("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "hostname": opened("/proc/sys/kernel/hostname", os.O_WRONLY),
    }


def system_tree():
    return {
        name: listed(name)
        for name in (
            "/sys",
            "/sys/devices",
            "/sys/kernel",
            "/sys/fs",
            "/sys/class",
            "/sys/firmware",
        )
    }


def only_cpus(value):
    return (
        set(value["/sys"]) <= {"devices", "kernel", "fs"}
        and value["/sys/devices"] == ["system"]
        and value["/sys/kernel"] == ["mm"]
        and value["/sys/class"] == "<ENOENT>"
    )


SYS_ABSENT = (
    "/sys/class/net",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
    "/sys/firmware",
    "/sys/class/powercap",
    "/sys/fs/bpf",
    "/sys/block",
    "/sys/module",
    "/sys/bus",
    "/sys/power",
    "/sys/class/dmi",
    "/sys/kernel/mm/ksm",
)
DEVICES_ABSENT = (
    "/dev/kmsg",
    "/dev/mem",
    "/dev/port",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/uinput",
    "/dev/input",
    "/dev/snd",
    "/dev/video0",
    "/dev/dri",
    "/dev/nvidia0",
    "/dev/vhci",
    "/dev/loop-control",
    "/dev/sda",
    "/dev/vda",
    "/dev/mapper",
    "/dev/net/tun",
    "/dev/vsock",
    "/dev/tty0",
    "/dev/rtc0",
    "/dev/hwrng",
)
DEV_ALLOWED = {
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "ptmx",
    "pts",
    "shm",
    "fd",
    "stdin",
    "stdout",
    "stderr",
}
if harness.TERMINAL:
    DEV_ALLOWED.add("console")  # the caller's terminal by another name: DEV-07
else:
    DEVICES_ABSENT += ("/dev/console",)


def presence(paths):
    return {path: attempt(os.lstat, path) for path in paths}


def devices():
    return listed("/dev")


def shared_memory(view):
    path = f"/dev/shm/svenv-canary-{view.token}"
    return [str(view.plant(path))]


def one(path):
    return attempt(os.lstat, path)


def terminals(view):
    """A terminal of the host: neither to be opened nor to be seen."""
    ours, theirs = pty.openpty()
    try:
        return view.world.value(terminal_seen, os.ttyname(theirs), inside=view.inside)
    finally:
        os.close(ours)
        os.close(theirs)


def terminal_seen(name):
    return [opened(name, os.O_RDWR | os.O_NOCTTY), [n for n in listed("/dev/pts") if n != "ptmx"]]


def node_in_project(view):
    """A device node that root left in the project works nowhere inside."""
    path = view.project / "node"
    os.mknod(path, 0o666 | 0o020000, os.makedev(1, 3))
    try:
        return view.world.value(one_open, str(path), inside=view.inside)
    finally:
        path.unlink()


def one_open(path):
    return opened(path, os.O_RDWR)


def node(kind, major, minor):
    return Call("mknod", lambda v: v.project / "made-node", kind, major, minor)


def node_effect(world):
    path = world.project / "made-node"
    if os.path.lexists(path):
        path.unlink()
        return "a device node was made"
    return None


PROBES = [
    Probe(
        "PROC-01",
        "processes of the host, and pid 1",
        Python(pids),
        that("hidden", few),
        that("seen", lambda v: v["count"] > 5),
    ),
    Probe(
        "PROC-03",
        "files of /proc about the machine",
        Python(reads, lambda v: [list(MASKED)]),
        that("nothing to read", nothing_read),
        that("something", lambda v: not nothing_read(v)),
    ),
    Probe(
        "PROC-04",
        "directories of /proc about the machine",
        Python(trees, lambda v: [list(MASKED_TREES)]),
        that("empty or absent", lambda v: all(r in ([], "<ENOENT>") for r in v.values())),
        ANY,
    ),
    Probe(
        "PROC-05",
        "/proc/net/tcp with an own network",
        Host(host_port),
        False,
        True,
        world="no-network",
    ),
    Probe("PROC-07", "mounting a second proc", Call("mount-proc"), "EPERM"),
    Probe(
        "PROC-08",
        "the path of the own cgroup",
        Python(group_of_self),
        that("0::/", lambda v: v.splitlines()[-1].endswith(":/")),
        ANY,
    ),
    Probe(
        "PROC-09",
        "own oom_score_adj below 0, uid_map, setgroups, exec attribute",
        Python(own_knobs),
        that("refused", lambda v: "ok" not in v.values()),
        ANY,
    ),
    Probe(
        "PROC-10",
        "sysctls",
        Python(sysctls),
        that(
            "read-only",
            lambda v: v["read-only"] and v["core_pattern"] != "ok" and v["hostname"] != "ok",
        ),
        that("writable", lambda v: not v["read-only"]),
    ),
    Probe(
        "SYS-01",
        "/sys",
        Python(system_tree),
        that("only processors and memory", only_cpus),
        that("more", lambda v: not only_cpus(v)),
    ),
    Probe(
        "SYS-02",
        "network, firmware, debug and power in /sys",
        Python(presence, lambda v: [list(SYS_ABSENT)]),
        every("ENOENT"),
        some("ok"),
    ),
    Probe(
        "DEV-01",
        "/dev",
        Python(devices),
        that("the minimum", lambda v: set(v) <= DEV_ALLOWED),
        that("more", lambda v: not set(v) <= DEV_ALLOWED),
    ),
    Probe(
        "DEV-02a", "mknod: character device", node("c", 1, 3), "EPERM", ("ok", "EPERM"), node_effect
    ),
    Probe(
        "DEV-02b",
        "mknod: block device",
        node("b", 8, 0),
        "EPERM",
        ("ok", "EPERM", "EEXIST"),
        node_effect,
    ),
    Probe("DEV-02c", "mknod: whiteout", node("c", 0, 0), "EPERM", ("ok", "EEXIST"), node_effect),
    Probe(
        "DEV-03",
        "a device node that lies in the project",
        Host(node_in_project),
        "EACCES",
        "ok",
        root=True,
    ),
    Probe("DEV-04", "/dev/shm of the host", Python(one, shared_memory), "ENOENT"),
    Probe(
        "DEV-05",
        "terminals of the host",
        Host(terminals),
        ["ENOENT", []],
        that("seen", lambda v: v[0] == "ok" and v[1]),
    ),
    Probe(
        "DEV-06",
        "other device nodes",
        Python(presence, lambda v: [list(DEVICES_ABSENT)]),
        every("ENOENT"),
        some("ok"),
    ),
]
