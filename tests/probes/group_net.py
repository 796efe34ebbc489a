"""NET: what a program without a network sees of it."""

import errno
import os
import socket
import subprocess

import harness
from harness import Host, Probe, Python, that


def interfaces():
    import socket

    return [name for _, name in socket.if_nameindex()]


def connects(port):
    import socket

    results = {}
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as one:
            one.settimeout(5)
            results[address] = attempt(one.connect, (address, port))
    return results


def to_listener(view):
    """Listeners of the host on both localhosts. No client may come to them."""
    with socket.socket() as four, socket.socket(socket.AF_INET6) as six:
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        four.bind(("127.0.0.1", 0))
        port = four.getsockname()[1]
        results = {}
        try:
            six.bind(("::1", port))
            six.listen()
        except OSError:
            results["::1"] = "no such address here"
        four.listen()
        four.settimeout(0.3)
        results = {**view.world.value(connects, port, inside=view.inside), **results}
        try:
            four.accept()
            results["host"] = "someone came"
        except TimeoutError:
            results["host"] = "nobody"
        return results


def serve(view):
    """A server inside is not reachable from the host."""
    code = (
        "import socket, sys, time\n"
        "s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen()\n"
        "print(s.getsockname()[1], flush=True); time.sleep(600)\n"
    )
    if view.inside:
        process = view.world.spawn("python", "-c", code)
    else:
        process = subprocess.Popen([harness.SYSTEM_PYTHON, "-c", code], stdout=subprocess.PIPE)
    try:
        port = int(process.stdout.readline())
        with socket.socket() as one:
            one.settimeout(5)
            return harness_attempt(one.connect, ("127.0.0.1", port))
    finally:
        process.kill()
        process.wait()


def harness_attempt(call, *words):
    try:
        call(*words)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "ok"


def routes():
    """Interfaces by a netlink dump, as a program without libc would ask."""
    import socket
    import struct

    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as one:
        one.bind((0, 0))
        one.send(struct.pack("=IHHIIB3x12x", 32, 18, 0x301, 1, 0, 0))
        count = 0
        while True:
            data = one.recv(65536)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind == 3:
                    return count
                count += kind == 16
                data = data[(size + 3) & ~3 :]


def own_loopback():
    import socket

    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        return attempt(client.connect, server.getsockname())


def namespaces(host):
    return os.readlink("/proc/self/ns/net") == host


PROBES = [
    Probe(
        "NET-01",
        "interfaces",
        Python(interfaces),
        ["lo"],
        that("more", lambda v: v != ["lo"]),
        world="no-network",
    ),
    Probe(
        "NET-02",
        "a listener on the host's localhost",
        Host(to_listener),
        that(
            "refused, and nobody came",
            lambda v: (
                v["127.0.0.1"] in ("ECONNREFUSED", "ENETUNREACH")
                and v["host"] == "nobody"
                and v["::1"] != "ok"
            ),
        ),
        that("reached", lambda v: v["127.0.0.1"] == "ok" and v["host"] == "someone came"),
        world="no-network",
    ),
    Probe(
        "NET-03",
        "the network namespace is another",
        Python(namespaces, lambda v: [os.readlink("/proc/self/ns/net")]),
        False,
        True,
        world="no-network",
    ),
    Probe("NET-06", "the own loopback works", Python(own_loopback), "ok", world="no-network"),
    Probe(
        "NET-10",
        "a server inside, reached from the host",
        Host(serve),
        "ECONNREFUSED",
        "ok",
        world="no-network",
    ),
    Probe(
        "NET-12",
        "a netlink dump of interfaces",
        Python(routes),
        1,
        that("more", lambda v: v > 1),
        world="no-network",
    ),
]
