"""A build backend that tries, while pip runs it, what a hostile sdist would.

Each attack notes what the kernel said; the notes end up in the wheel. It is a file of the probes,
run in no other place."""

import base64
import errno
import json
import os
import socket
import subprocess
import sys
import zipfile

RESULTS = {}


def note(name, call, *words):
    try:
        value = call(*words)
        RESULTS[name] = value if isinstance(value, str) else "ok"
    except OSError as error:
        RESULTS[name] = errno.errorcode.get(error.errno, str(error.errno))


def append(path):
    with open(path, "ab") as file:
        file.write(b"svenv-written")


def make(path, data=b"#!/bin/sh\necho evil\n", mode=0o755):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=3):
        pass


def daemon(bin_dir, word):
    """Leaves a process behind that rewrites an entry for as long as it lives."""
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "while True:\n"
        "    try: open(sys.argv[1] + '/late', 'w').write('#!/bin/sh\\n')\n"
        "    except OSError: pass\n"
        "    time.sleep(0.05)\n"
    )
    subprocess.Popen(
        [sys.executable, "-c", code, bin_dir, word],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def attack(facts):
    venv = facts["venv"]
    bin_dir = venv + "/bin"
    for name in ("activate", "activate.fish", "activate.csh", "Activate.ps1"):
        note("append " + name, append, f"{bin_dir}/{name}")
    note("pyvenv.cfg", append, venv + "/pyvenv.cfg")
    note("policy", append, venv + "/sandbox/policy.yaml")
    note("manifest", append, venv + "/sandbox/manifest.json")
    note("venv home", append, venv + "/home/x")
    note("host home", os.lstat, facts["secret"])
    note("project file", os.lstat, facts["project"] + "/mod.py")
    note("project write", append, facts["project"] + "/mod.py")
    note("parent", os.listdir, facts["project"])
    note("network", connect, facts["port"])
    note("relative link", os.symlink, "../../payload.sh", bin_dir + "/evil-relative")
    note("absolute link", os.symlink, "/bin/sh", bin_dir + "/evil-absolute")
    note("hard link", os.link, facts["venv"] + "/pyvenv.cfg", bin_dir + "/evil-hard")
    note("fifo", os.mkfifo, bin_dir + "/evil-fifo")
    note("directory", os.mkdir, bin_dir + "/evil-dir")
    listener = socket.socket(socket.AF_UNIX)
    note("socket", listener.bind, bin_dir + "/evil-socket")
    listener.close()
    note("python link", os.symlink, "/bin/sh", bin_dir + "/python3.99")
    for number, line in enumerate(
        (
            b"#!/bin/sh",
            b"#! bin/relative",
            b"#!/usr/bin/env -S sh -e",
            b"#!/bin/sh\r",
            b"\xef\xbb\xbf#!/bin/sh",
            b"#!/" + b"x" * 300,
            b"no shebang",
            b"\x7fELF but not really",
        )
    ):
        note(f"shebang {number}", make, f"{bin_dir}/evil-shebang-{number}", line + b"\necho x\n")
    for name in facts["reserved"]:
        note("reserved " + name, make, f"{bin_dir}/{name}")
    for number, name in enumerate(facts["names"]):
        note(f"name {number}", make, bin_dir.encode() + b"/" + base64.b64decode(name))
    data = b"\x7fELF"
    if os.path.exists(facts["static"]):
        with open(facts["static"], "rb") as file:
            data = file.read()
    make(bin_dir + "/evil-static", data)
    note("daemon", daemon, bin_dir, facts["word"])


def build_wheel(directory, settings=None, metadata=None):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "facts.json")) as file:
        attack(json.load(file))
    info = "evilpkg-1.0.dist-info/"
    files = {
        "evilpkg/__init__.py": "",
        "evilpkg/results.json": json.dumps(RESULTS),
        "evil_hook.pth": "import os; os.environ['EVIL_PTH'] = 'ran'\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: evilpkg\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "entry_points.txt": "[console_scripts]\nevil-entry = evilpkg:main\n",
    }
    files[info + "RECORD"] = "".join(f"{name},,\n" for name in files) + info + "RECORD,,\n"
    with zipfile.ZipFile(os.path.join(directory, "evilpkg-1.0-py3-none-any.whl"), "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return "evilpkg-1.0-py3-none-any.whl"
