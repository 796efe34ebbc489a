"""Shared objects made by the tests themselves, with dynamic tags that no linker would write."""

import struct

NEEDED, STRTAB, SYMTAB, STRSZ, RPATH, RUNPATH = 1, 5, 6, 10, 15, 29
DEPAUDIT, AUDIT, AUXILIARY, FILTER = 0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF
TEXTS = (NEEDED, RPATH, RUNPATH, DEPAUDIT, AUDIT, AUXILIARY, FILTER)
HEADER, ROW, MACHINE = 64, 56, {"x86_64": 62, "aarch64": 183}


def shared_object(tags, machine="x86_64"):
    """The bytes of a library. tags: pairs of a tag of TEXTS and its text."""
    strings, rows = b"\0", []
    for tag, text in tags:
        rows.append((tag, len(strings)))
        strings += text.encode() + b"\0"
    at = HEADER + 2 * ROW
    rows += [(STRTAB, at), (STRSZ, len(strings)), (SYMTAB, at), (0, 0)]
    table = b"".join(struct.pack("<QQ", tag, value) for tag, value in rows)
    dynamic = at + len(strings) + -len(strings) % 8
    end = dynamic + len(table)
    head = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack(
            "<HHIQQQIHHHHHH",
            3,
            MACHINE.get(machine, 62),
            1,
            0,
            HEADER,
            0,
            0,
            HEADER,
            ROW,
            2,
            0,
            0,
            0,
        )
    )
    load = struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, end, end, 0x1000)
    where = struct.pack("<IIQQQQQQ", 2, 6, dynamic, dynamic, dynamic, len(table), len(table), 8)
    return head + load + where + strings.ljust(dynamic - at, b"\0") + table
