"""Wheels and source distributions made by the tests themselves: nothing comes from a network."""

import base64
import glob
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

# A build backend that packs the package directories of a source tree, and says where it ran.
BACKEND = """
import base64, hashlib, json, os, re, sys, zipfile

def _project():
    text = open("pyproject.toml").read()
    return tuple(re.search(key + r' = "([^"]+)"', text).group(1) for key in ("name", "version"))

def _pack(directory, files):
    name, version = _project()
    info = f"{name}-{version}.dist-info/"
    files[info + "METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    files[info + "WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    if os.path.exists("entry_points.txt"):
        files[info + "entry_points.txt"] = open("entry_points.txt").read()
    files[info + "RECORD"] = "".join(f"{key},,\\n" for key in files) + info + "RECORD,,\\n"
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as out:
        for key, text in files.items():
            out.writestr(key, text)
    return wheel

def build_wheel(directory, settings=None, metadata=None):
    name, _ = _project()
    files = {}
    for base, _, names in os.walk(name):
        for file in names:
            if file.endswith(".py"):
                files[f"{base}/{file}"] = open(f"{base}/{file}").read()
    seen = {"prefix": sys.prefix, "cwd": os.getcwd(), "home": os.path.expanduser("~")}
    files[f"{name}/built.json"] = json.dumps(seen)
    return _pack(directory, files)

def build_editable(directory, settings=None, metadata=None):
    name, _ = _project()
    return _pack(directory, {f"__editable__{name}.pth": os.getcwd() + "\\n"})
"""


def _record(files):
    lines = []
    for name, (data, _) in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join(lines)


def _entry_points(scripts, gui, groups):
    groups = dict(groups or {})
    if scripts:
        groups["console_scripts"] = scripts
    if gui:
        groups["gui_scripts"] = gui
    text = ""
    for group, entries in groups.items():
        text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
    return text


def wheel(
    directory,
    name,
    version="1.0",
    files=None,
    scripts=None,
    gui=None,
    data=None,
    requires=(),
    groups=None,
):
    """Writes a wheel and returns its path.

    files: package files by path. scripts, gui: entry points. data: files of the wheel's own
    scripts directory, as (bytes, mode)."""
    info = f"{name}-{version}.dist-info/"
    content = {
        path: (text if isinstance(text, bytes) else text.encode(), 0o644)
        for path, text in (files or {f"{name}/__init__.py": ""}).items()
    }
    for script, (text, mode) in (data or {}).items():
        content[f"{name}-{version}.data/scripts/{script}"] = (text, mode)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {other}\n" for other in requires)
    content[info + "METADATA"] = (metadata.encode(), 0o644)
    content[info + "WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        0o644,
    )
    points = _entry_points(scripts, gui, groups)
    if points:
        content[info + "entry_points.txt"] = (points.encode(), 0o644)
    content[info + "RECORD"] = ((_record(content) + info + "RECORD,,\n").encode(), 0o644)
    path = pathlib.Path(directory) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for entry, (text, mode) in content.items():
            row = zipfile.ZipInfo(entry)
            row.external_attr = (0o100000 | mode) << 16
            out.writestr(row, text)
    return path


def backend(directory):
    """The wheel of the build backend that sdist() and tree() name."""
    return wheel(directory, "tinybackend", files={"tinybackend.py": BACKEND})


def tree(directory, name, version="1.0", files=None, scripts=None):
    """A source tree with pyproject.toml, to be built by the tiny backend."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "pyproject.toml": '[build-system]\nrequires = ["tinybackend"]\n'
        'build-backend = "tinybackend"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        f"{name}/__init__.py": "",
    }
    if scripts:
        content["entry_points.txt"] = _entry_points(scripts, None, None)
    content.update(files or {})
    for path, text in content.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def sdist(directory, name, version="1.0", files=None):
    """Packs files into a source distribution; returns its path."""
    path = pathlib.Path(directory) / f"{name}-{version}.tar.gz"
    content = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    content.update(files)
    with tarfile.open(path, "w:gz") as out:
        for entry, text in content.items():
            row = tarfile.TarInfo(f"{name}-{version}/{entry}")
            row.size, row.mode = len(text.encode()), 0o644
            out.addfile(row, io.BytesIO(text.encode()))
    return path


def bundled(name):
    """A wheel that comes with the system's Python (for ensurepip), or None."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for directory in (
        "/usr/share/python-wheels",
        f"/usr/lib/python{version}/ensurepip/_bundled",
        "/usr/lib/python3*/ensurepip/_bundled",
    ):
        found = sorted(glob.glob(f"{directory}/{name}-*.whl"))
        if found:
            return pathlib.Path(found[-1])
    return None


def setuptools_wheels(directory):
    """Puts wheels of setuptools and wheel into directory; False where the system has none."""
    source = bundled("setuptools")
    packed = pathlib.Path("/usr/lib/python3/dist-packages/wheel")
    if source is None or not packed.is_dir():
        return False
    (pathlib.Path(directory) / source.name).write_bytes(source.read_bytes())
    files = {
        "wheel/" + str(path.relative_to(packed)): path.read_bytes() for path in packed.rglob("*.py")
    }
    wheel(
        directory,
        "wheel",
        "0.38.4",
        files=files,
        groups={"distutils.commands": {"bdist_wheel": "wheel.bdist_wheel:bdist_wheel"}},
    )
    return True
