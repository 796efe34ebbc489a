"""A bus of a test's own, with a systemd on it that says what the test wants, and does nothing."""

import contextlib
import re
import select
import socket
import struct
import threading

from lib.environment import environment
from lib.programs import SECONDS


def message(kind, fields, body):
    """A D-Bus message; fields are (code, type, value)."""

    def text(value):
        return struct.pack("<I", len(value)) + value + b"\0"

    made = b""
    for code, sort, value in fields:
        made += bytes(-len(made) % 8) + bytes([code, 1, ord(sort), 0])
        made += (
            struct.pack("<I", value)
            if sort == "u"
            else bytes([len(value)]) + value + b"\0"
            if sort == "g"
            else text(value)
        )
    head = b"l" + bytes([kind, 0, 1]) + struct.pack("<III", len(body), 7, len(made)) + made
    return head + bytes(-len(head) % 8) + body


def read_question(peer):
    """Lets the caller log in and ask. Returns the name of the unit, and all that came."""
    unit = None
    seen = b""
    while unit is None:
        more = peer.recv(4096)
        if not more:
            return None, seen
        seen += more
        if seen.endswith(b"\r\n") and b"BEGIN" not in seen:
            peer.sendall(b"OK 0123456789abcdef\r\n")
        unit = re.search(rb"(sandbox-venv-[0-9a-f-]+\.scope)\0", seen)
    return unit[1], seen


def lie(peer):
    """Says yes to everything, and does nothing."""
    unit, seen = read_question(peer)
    if unit is None:
        return seen
    body = struct.pack("<I", 1)
    for word in (b"/job/1", unit, b"done"):
        body += bytes(-len(body) % 4) + struct.pack("<I", len(word)) + word + b"\0"
    peer.sendall(
        message(2, [(5, "u", 3)], b"")
        + message(
            4,
            [
                (2, "s", b"org.freedesktop.systemd1.Manager"),
                (3, "s", b"JobRemoved"),
                (8, "g", b"uoss"),
            ],
            body,
        )
    )
    return seen


def refuse(peer):
    """Says no: to the first question, and to the one without the word that is newer."""
    _, seen = read_question(peer)
    words = b"not today"
    body = struct.pack("<I", len(words)) + words + b"\0"
    for serial in (3, 4):
        fields = [(4, "s", b"org.example.No"), (5, "u", serial), (8, "g", b"s")]
        peer.sendall(message(3, fields, body))
    return seen


def listener(case, top):
    """A bus in a directory of the case's, and an environment that names it and no other."""
    bus = socket.socket(socket.AF_UNIX)
    case.addCleanup(bus.close)
    bus.bind(f"{top}/bus")
    bus.listen(5)
    return bus, environment(DBUS_SESSION_BUS_ADDRESS=f"unix:path={top}/bus", XDG_RUNTIME_DIR=top)


def was_asked(bus):
    """Has anybody connected?"""
    return bool(select.select([bus], [], [], 0)[0])


def accept(bus):
    bus.settimeout(SECONDS)
    peer = bus.accept()[0]
    peer.settimeout(SECONDS)
    return peer


def serve(bus, answer):
    """Answers one caller beside the test; the list that comes back gets what was asked."""
    asked = []

    def run():
        with accept(bus) as peer:
            asked.append(answer(peer))
            with contextlib.suppress(OSError):
                peer.recv(1)

    threading.Thread(target=run, daemon=True).start()
    return asked
