"""The other side of a bus that says that a scope was made, and has done nothing."""

import re
import struct


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


def lie(bus):
    """The other side of OnTheBus.listener: says yes to everything, and does nothing."""
    with bus.accept()[0] as peer:
        answer_scope(peer)
        peer.recv(1)


def answer_scope(peer):
    unit = None
    seen = b""
    while unit is None:
        more = peer.recv(4096)
        if not more:
            return
        seen += more
        if seen.endswith(b"\r\n") and b"BEGIN" not in seen:
            peer.sendall(b"OK 0123456789abcdef\r\n")
        unit = re.search(rb"(sandbox-venv-[0-9a-f-]+\.scope)\0", seen)
    body = struct.pack("<I", 1)
    for word in (b"/job/1", unit.group(1), b"done"):
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
