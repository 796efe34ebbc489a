"""NET, DNS, BRK with network.mode none: every way to a listener of the host ends in the sandbox."""

import contextlib
import errno
import json
import os
import socket
import subprocess

import harness
from harness import ANY, Call, Host, Probe, Python, Unavailable, every, that

# Spellings of the host's localhost; a control reaches the listener by nearly all of them.
SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "localhost",
)
MAIL_AND_SHELLS = (22, 25, 465, 587, 6667, 9418)


def tries(addresses, ports):
    """A TCP connect to each address and port."""
    import socket

    results = {}
    for address in addresses:
        for port in ports:
            try:
                family, kind, _, _, target = socket.getaddrinfo(
                    address, port, type=socket.SOCK_STREAM
                )[0]
            except OSError:
                results[f"{address} {port}"] = "no address"
                continue
            with socket.socket(family, kind) as one:
                one.settimeout(2)
                try:
                    one.connect(target)
                    results[f"{address} {port}"] = "ok"
                except TimeoutError:
                    results[f"{address} {port}"] = "late"
                except OSError as error:
                    results[f"{address} {port}"] = name_of(error)
    return results


@contextlib.contextmanager
def canary(kind=socket.SOCK_STREAM, address="", reuse=False):
    """A listener on all addresses of the host; its last word is whether anybody came."""
    with socket.socket(socket.AF_INET6, kind) as one:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if reuse:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            one.listen(100)
        one.settimeout(0.3)
        yield one


def somebody(listener):
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(10)
        else:
            listener.accept()[0].close()
    except TimeoutError:
        return "nobody"
    return "somebody"


def spelt(view):
    """Every spelling of localhost."""
    with canary() as listener:
        results = view.world.value(
            tries, list(SPELLINGS), [listener.getsockname()[1]], inside=view.inside
        )
        came = "ok" in results.values()
        return [came, somebody(listener)]


def addresses_of_host():
    """Addresses of the host that are no loopback ones: a route look-up, nothing is sent."""
    found = []
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((far, 9))
            found.append(one.getsockname()[0])
    return found


def at_own_addresses(ports):
    """Ports of the host's own addresses, which are private ones nearly everywhere."""

    def play(view):
        addresses = addresses_of_host()
        if not addresses:
            raise Unavailable("the host has loopback addresses only")
        with canary() as listener:
            wanted = ports or [listener.getsockname()[1]]
            results = view.world.value(tries, addresses, wanted, inside=view.inside)
            return {"answers": sorted(set(results.values())), "canary": somebody(listener)}

    return Host(play)


PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "fd00::1",
    "fe80::1",
    "224.0.0.1",
    "255.255.255.255",
    "198.51.100.1",
    "2001:db8::1",
)


def routes_to(addresses):
    """Whether the kernel knows a way: connecting a datagram socket sends nothing."""
    import socket

    results = {}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            results[address] = attempt(one.connect, (address, 9))
    return results


NO_WAY = that("no way", lambda v: "ok" not in v.values())


def around_proxy(view):
    """Proxies are named, and the client connects directly; the proxy itself is out of reach too."""
    with canary() as listener:
        port = listener.getsockname()[1]
        env = harness.clean_environment(
            http_proxy=f"http://127.0.0.1:{port}", HTTPS_PROXY=f"http://127.0.0.1:{port}"
        )
        results = view.world.value(tries, ["127.0.0.1"], [port], inside=view.inside, env=env)
        return [*results.values(), somebody(listener)]


def shares_port(port):
    """Binds a port that a service of the host has, and waits for its clients."""
    import select
    import socket

    with socket.socket(socket.AF_INET6) as one:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("", port))
        one.listen(100)
        os.write(2, b"bound\n")
        came = 0
        while select.select([one], [], [], 1.0)[0]:
            one.accept()[0].close()
            came += 1
        return came


def stolen(view):
    """40 clients of a host service while a program inside listens on the same port."""
    with canary(reuse=True) as listener:
        port = listener.getsockname()[1]
        code = harness.code_of(shares_port, json.dumps([port]))
        words = ["-B", "-c", code]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = (
            view.world.spawn("python", *words, **streams)
            if view.inside
            else subprocess.Popen([harness.SYSTEM_PYTHON, *words], **streams)
        )
        if child.stderr.readline() != b"bound\n":
            raise harness.Dead(child.communicate()[1].decode())
        for _ in range(40):
            with socket.socket() as client:
                client.connect(("127.0.0.1", port))
        found = harness.result_in(child.communicate(timeout=harness.TIMEOUT)[0].decode())
        return "some stolen" if found["result"] else "none stolen"


def listens_unbound():
    """listen() without bind() takes a port by itself; which, and on which addresses."""
    import socket

    with socket.socket() as one:
        one.listen()
        os.write(1, b"%d\n" % one.getsockname()[1])
        import time

        time.sleep(600)


def autobound(view):
    code = harness.code_of(listens_unbound, "[]")
    child = (
        view.world.spawn("python", "-B", "-c", code)
        if view.inside
        else subprocess.Popen([harness.SYSTEM_PYTHON, "-B", "-c", code], stdout=subprocess.PIPE)
    )
    try:
        port = int(child.stdout.readline())
        return tries_host(port)
    finally:
        child.kill()
        child.communicate()


def tries_host(port):
    with socket.socket() as one:
        one.settimeout(5)
        try:
            one.connect(("127.0.0.1", port))
        except OSError as error:
            return errno.errorcode[error.errno]
    return "ok"


def asks(port):
    """A question to a resolver of the host's, by UDP and TCP."""
    import socket

    query = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\6canary\4test\0\0\1\0\1"
    results = {}
    for name, kind in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
        with socket.socket(socket.AF_INET, kind) as one:
            one.settimeout(2)
            try:
                one.connect(("127.0.0.1", port))
                one.send(query)
                results[name] = "sent"
            except OSError as error:
                results[name] = name_of(error)
    return results


def resolver(view):
    """A resolver of the host's on one port of both protocols: whether a query arrives."""
    with canary(socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_INET6) as stream:
        stream.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        stream.bind(("", datagrams.getsockname()[1]))
        stream.listen()
        stream.settimeout(0.3)
        view.world.value(asks, datagrams.getsockname()[1], inside=view.inside)
        return [somebody(datagrams), somebody(stream)]


def looks_up(server):
    """The C library's own way: resolv.conf's servers and a name that nobody has."""
    import socket
    import time

    begin = time.monotonic()
    try:
        socket.getaddrinfo("canary.test", 80)
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        reached = attempt(one.connect, (server, 53))
    return {"in time": time.monotonic() - begin < 60, "a way to the server": reached}


def server_of_host(view):
    with open("/etc/resolv.conf") as file:
        words = [line.split() for line in file if line.startswith("nameserver")]
    found = [row[1] for row in words if "." in row[1] and not row[1].startswith("127.")]
    return found[:1] or addresses_of_host()[:1] or ["192.0.2.1"]


RESOLVING = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
)


def changes(paths):
    return {path: written(path) for path in paths if os.path.exists(path)}


def resolving_files(view):
    if view.inside:
        return [list(RESOLVING)]
    copy = view.parent / "etc"
    copy.mkdir(exist_ok=True)
    for path in RESOLVING:
        (copy / os.path.basename(path)).touch()
    return [[str(path) for path in copy.iterdir()]]


def asks_interfaces():
    """Interfaces by ioctl, and the namespace behind a socket."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        import ctypes

        space = ctypes.create_string_buffer(4096)
        request = struct.pack("iP", 4096, ctypes.addressof(space))
        size = struct.unpack("iP", fcntl.ioctl(one, 0x8912, request))[0]
        names = [space.raw[at : at + 16].split(b"\0")[0].decode() for at in range(0, size, 40)]
        try:
            os.close(fcntl.ioctl(one, 0x894C))
            behind = "ok"
        except OSError as error:
            behind = name_of(error)
        return {"names": sorted(set(names)), "namespace": behind}


def own_only(value):
    return set(value["names"]) <= {"lo"} and value["namespace"] != "ok"


def none(identifier, what, how, expect, control="ok"):
    return Probe(identifier, what, how, expect, control, world="no-network")


UNREACHED = ("ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "no address")

PROBES = [
    none(
        "NET-04a",
        "private, shared, link-local, multicast addresses",
        Python(routes_to, lambda v: [list(PRIVATE)]),
        NO_WAY,
        ANY,
    ),
    none(
        "NET-04b",
        "the host's own addresses",
        at_own_addresses(None),
        that(
            "no way, nobody came",
            lambda v: set(v["answers"]) <= set(UNREACHED) and v["canary"] == "nobody",
        ),
        that("somebody came", lambda v: v["canary"] == "somebody"),
    ),
    none(
        "NET-05",
        f"{len(SPELLINGS)} spellings of localhost",
        Host(spelt),
        [False, "nobody"],
        [True, "somebody"],
    ),
    none(
        "NET-07",
        "a client that ignores its proxy",
        Host(around_proxy),
        that("refused, nobody came", lambda v: v[0] in UNREACHED and v[1] == "nobody"),
        ["ok", "somebody"],
    ),
    none(
        "NET-09",
        "ports of mail, shells and repositories at the host's own addresses",
        at_own_addresses(list(MAIL_AND_SHELLS)),
        that("no way", lambda v: set(v["answers"]) <= {"ENETUNREACH", "EHOSTUNREACH"}),
        that("the host answers", lambda v: not set(v["answers"]) <= {"ENETUNREACH"}),
    ),
    none(
        "NET-11",
        "a port that a service of the host has",
        Host(stolen),
        "none stolen",
        "some stolen",
    ),
    none(
        "DNS-01",
        "names by the C library: no way to the host's resolver",
        Python(looks_up, server_of_host),
        that("no way, in time", lambda v: v["in time"] and v["a way to the server"] != "ok"),
        ANY,
    ),
    none(
        "DNS-02",
        "questions to a resolver on the host by UDP and TCP",
        Host(resolver),
        ["nobody", "nobody"],
        ["somebody", "somebody"],
    ),
    none(
        "DNS-11",
        "hosts, resolv.conf, nsswitch.conf changed inside",
        Python(changes, resolving_files),
        every("EROFS", "EACCES"),
        every("ok"),
    ),
    *[
        none(f"BRK-10{letter}", name, Call(name), "EPERM", harness.NOT_DENIED)
        for letter, name in zip(
            "abc", ("fastopen-sendto", "fastopen-sendmsg", "fastopen-sendmmsg"), strict=True
        )
    ],
    *[
        none(
            f"BRK-11{letter}",
            f"sockets of {name}",
            Call("socket", *words),
            ("EPROTONOSUPPORT", "EAFNOSUPPORT"),
            ANY,
        )
        for letter, name, words in (
            ("a", "MPTCP", (2, 1, 262)),
            ("b", "SMC", (43, 1, 0)),
            ("c", "SCTP", (2, 1, 132)),
        )
    ],
    none("BRK-12", "connecting by io_uring: there is no ring", Call("io_uring_setup"), "ENOSYS"),
    none("BRK-14", "listen() without bind()", Host(autobound), "ECONNREFUSED", "ok"),
    none(
        "BRK-15",
        "a socket beside a listener of the host by SO_REUSEPORT",
        Host(stolen),
        "none stolen",
        "some stolen",
    ),
    none(
        "BRK-17",
        "interfaces and namespaces behind a socket",
        Python(asks_interfaces),
        that("lo only", own_only),
        that("more", lambda v: not own_only(v)),
    ),
    none("BRK-26a", "i386 system calls", Call("i386"), "SIGSYS", ("ok", "SIGSYS")),
    none("BRK-26b", "x32 system calls", Call("x32"), ("SIGSYS", "ENOSYS"), ("ok", "ENOSYS")),
]
