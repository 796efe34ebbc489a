#!/bin/sh
# Shows wrapping in a project that is made for the purpose and removed at the end.
set -eu

dir=$(mktemp -d "${TMPDIR:-/tmp}/wrapped-demo.XXXXXX")
secret="$HOME/.sandbox-venv-demo-secret"
trap 'rm -rf "$dir" "$secret"' EXIT
echo "my password" >"$secret"
mkdir "$dir/project"
cd "$dir/project"

say() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

fail() { echo "demo: $*" >&2; exit 1; }

# A wheel with one script, written by hand so that the demo needs no network.
make_wheel() {
    python3 - <<'PYTHON'
import zipfile

name = "sandbox_demo-1.0"
code = '''import os, sys


def main():
    print("running", sys.argv[0], "in", os.getcwd())
    for path in ("~/.ssh", "~/.sandbox-venv-demo-secret"):
        print(" ", path, "is", "READABLE" if os.path.exists(os.path.expanduser(path)) else "not there")
'''
files = {
    "sandbox_demo.py": code,
    name + ".dist-info/METADATA": "Metadata-Version: 2.1\nName: sandbox-demo\nVersion: 1.0\n",
    name + ".dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\n"
                               "Tag: py3-none-any\n",
    name + ".dist-info/entry_points.txt": "[console_scripts]\nsandbox-demo = sandbox_demo:main\n",
}
record = name + ".dist-info/RECORD"
with zipfile.ZipFile(name + "-py3-none-any.whl", "w") as wheel:
    for path, text in files.items():
        wheel.writestr(path, text)
    wheel.writestr(record, "".join(f"{path},,\n" for path in [*files, record]))
PYTHON
}

say "A project with a virtual environment"
show python3 -m venv .venv

say "Before: any package that you install can read your home directory"
show .venv/bin/python -c "print(open('$secret').read().strip())"

say "Wrap it"
show sandbox-venv .venv

say "After: the same command can't"
if show .venv/bin/python -c "print(open('$secret').read())" 2>errors; then
    fail "the sandbox let the secret out"
fi
tail -n 1 errors
show .venv/bin/python -c "import os; print('~/.ssh:', os.path.exists(os.path.expanduser('~/.ssh')))"

say "pip works, and what it installs is wrapped too"
make_wheel
show .venv/bin/pip install --quiet --no-index --disable-pip-version-check \
    ./sandbox_demo-1.0-py3-none-any.whl
show .venv/bin/sandbox-demo
.venv/bin/sandbox-demo | grep -q READABLE && fail "the new script runs outside the sandbox"

say "How it stands"
show sandbox-venv status .venv

say "And back"
show sandbox-venv unwrap .venv --purge
