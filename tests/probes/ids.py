"""The catalogue of attacks by its ids, and where each one is that is no probe of this suite.

`run.py --coverage` holds both to each other: every id is a probe or has a row below, never both.
"""

# Group: what it attacks, and the numbers of the catalogue.
GROUPS = {
    "FS": ("files of the host", "01 02 03 04 05 06 07 08 09 10 12 13 14 18 20 21"),
    "ENV": ("the caller's environment", "02 03 04 05 07 09 10 11 12 14 16"),
    "FD": ("descriptors and magic links", "02 03 06 08 09 11"),
    "PRJ": (
        "the writable project",
        "01 02 03 04 06 08 10 11 12 13 14 16 18 19 22 23 24 25 27 28 29 30 31 32",
    ),
    "GIT": ("repositories", "01 02 03 06 07 08 09 10 11 12 13 14 15 16 17 18"),
    "PIP": (
        "installs",
        "01 03 05 06 07 08 09 10 11 12 13 14 15 17 18 19 20 21 22 23 24 25 26 27 29 30 31 "
        "32 33 34 35 36 37 38 39",
    ),
    "POL": (
        "policy, state, paths of the host side",
        "01 02 03 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20",
    ),
    "PROC": ("/proc", "03 05 07 08 09"),
    "SYS": ("/sys", "01 02"),
    "DEV": ("/dev", "01 02 03 04 05 06"),
    "KRN": (
        "system calls",
        "01 02 03 04 05 06 07 08 09 10 14 15 16 17 18 19 21 23 27 28 29 30 32 33 34 36 38 40 41 42",
    ),
    "IPC": ("sockets and IPC", "01 02 03 04 06 08 09 10 11 12 14 17"),
    "NET": ("network", "01 02 04 05 07 08 09 10 11 12 13 14 15 16 17"),
    "DNS": ("names", "01 02 03 04 05 06 07 08 09 10 11"),
    "BRK": ("the broker", "01 02 03 04 06 07 10 11 12 14 15 17 20 21 22 23 24 25 26 29"),
    "TTY": ("the terminal", "02 06 07 08 09 10"),
    "LIFE": ("signals, ends, limits", "01 03 04 05 06 10 11 12"),
    "PER": ("what outlives a run", "02 03 05 06 07 08"),
    "LOG": ("log and messages", "02 05"),
    "ARG": ("arguments and places", "02 03 04 05"),
    "DOT": (".env", "02 04 05 06 07 08 09"),
}

# Kinds of reasons why an id is no probe here.
BROKER = "waits for the network broker"
HAND = "only by hand"
STATIC = "checked elsewhere"
DECIDED = "decided otherwise"

ELSEWHERE = {
    "NET-08": (BROKER, "a proxy's port at other hosts: no rule can name a proxy yet"),
    "NET-13": (BROKER, "the allowed index works and all else is denied and logged"),
    "NET-14": (BROKER, "a redirect from an allowed host to another one"),
    "NET-15": (BROKER, "an allowed name's address with another name in TLS or HTTP"),
    "NET-16": (BROKER, "a push to an allowed host: documentation and lint of such rules"),
    "NET-17": (BROKER, "pip may fetch while the build backend may not"),
    "DNS-03": (BROKER, "long random labels below an allowed wildcard"),
    "DNS-04": (BROKER, "queries of other types"),
    "DNS-05": (BROKER, "an allowed name with a private address"),
    "DNS-06": (BROKER, "an address that changes between look-up and connect"),
    "DNS-07": (BROKER, "aliases and mixed addresses"),
    "DNS-08": (BROKER, "names in odd spellings: the resolver's fuzz target"),
    "DNS-09": (BROKER, "malformed messages to the resolver: its fuzz target"),
    "DNS-10": (BROKER, "rules for suffixes"),
    "BRK-01": (BROKER, "an address that another thread changes during connect"),
    "BRK-02": (BROKER, "a descriptor that another thread replaces during connect"),
    "BRK-03": (BROKER, "no path of the broker's code continues a call that it decided on"),
    "BRK-04": (BROKER, "a full table of descriptors"),
    "BRK-06": (BROKER, "the broker is killed"),
    "BRK-07": (BROKER, "the asking thread ends before the answer"),
    "BRK-20": (BROKER, "abstract sockets through the broker"),
    "BRK-21": (BROKER, "odd socket paths through the broker"),
    "BRK-22": (BROKER, "one slow connect must not stall others"),
    "BRK-23": (BROKER, "TLS names"),
    "BRK-24": (BROKER, "HTTP CONNECT and Host that differ"),
    "BRK-25": (BROKER, "fronting: documentation and lint of such rules"),
    "BRK-29": (BROKER, "the broker's own confinement"),
    "DOT-06": (
        DECIDED,
        "values of .env exist only inside and steer nothing, so nothing has to be "
        "trusted again when a program changes it (DOT-02, PRJ-08)",
    ),
    "PIP-31": (
        DECIDED,
        "the originals stay executable, for they are what runs inside; sandbox/ has "
        "mode 0700 and is on nobody's PATH",
    ),
    "PIP-38": (
        HAND,
        "a bomb fills the disk that the venv lies on; limits.file-size (LIFE-08) and "
        "a quota of the file system bound it",
    ),
    "TTY-07": (
        DECIDED,
        "the terminal is shared, and what is typed ahead belongs to the caller; "
        "terminal: private will have a relay that can tell replies from keys",
    ),
    "TTY-08": (
        DECIDED,
        "the terminal is shared: nothing of the program's output is filtered; "
        "terminal: private will",
    ),
    "TTY-10": (
        DECIDED,
        "the terminal is shared: job control and its window size are the program's "
        "as without a sandbox (TTY-02, TTY-03)",
    ),
    "IPC-17": (DECIDED, "clipboard tools find no socket (IPC-09, IPC-10); OSC 52 as TTY-08"),
}
