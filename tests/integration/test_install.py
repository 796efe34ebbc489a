"""Installers in a wrapped venv: what they may do, and that whatever they write ends wrapped."""

import functools
import json
import os
import pathlib
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

import packages
import support
from support import Case, impossible, run, skip, tool

VERSION = "{0}.{1}".format(*sys.version_info)

# Stands in for pip: says what an installer would find.
PROBE = '''
import json, os, sys

def identity(path):
    try:
        return os.stat(path).st_ino
    except OSError:
        return None

def main():
    home = os.path.expanduser("~")
    site = os.path.dirname(os.path.dirname(os.path.realpath(json.__file__)))
    lib = os.path.join(sys.prefix, "lib")
    try:
        probe = os.path.join(lib, "probe-%d" % os.getpid())
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL))
        os.unlink(probe)
        writable = True
    except OSError:
        writable = False
    try:
        names = sorted(os.listdir(os.path.dirname(sys.prefix)))
    except OSError:
        names = []
    print(json.dumps({"writable": writable, "home": identity(home),
                      "cache": identity(home + "/.cache"), "tmp": identity("/tmp"),
                      "project": names, "cfg": os.access(sys.prefix + "/pyvenv.cfg", os.W_OK)}))

if __name__ == "__main__":
    main()
'''

# Spellings of an install, and of questions that are none (INTEROP F5). {pip}: the directory of the
# pip package, {wheel}: a pip wheel.
INSTALLS = [
    "pip install x", "pip3 install x", "pip3.11 install x", "python -m pip install x",
    "python3 -m pip install x", "python -Im pip install x", "python -Esm pip install x",
    "python -mpip install x", "python -u -m pip install x", "python -X dev -m pip install x",
    "python -W ignore -B -mpip install x", "python {pip} install x", "python {pip}/ install x",
    "python {pip}/__main__.py install x", "python -I {wheel}/pip install x",
    "python {wheel}/pip uninstall -y x", "pip uninstall -y x", "pip -q install x",
    "pip --no-input --proxy http://127.0.0.1:1 install x", "pip -qq --timeout 3 install -U x",
    "python -Im pip -v --retries 1 install x", "pip cache purge", "pip install --help",
]
QUESTIONS = [
    "pip list", "pip show x", "pip freeze", "pip check", "pip --version", "pip -V", "pip --help",
    "pip", "pip index versions x", "python -m pip list", "python -Im pip list --format=json",
    "python -mpip show install", "python -u -m pip freeze", "python {pip} check",
    "python {wheel}/pip list", "python -c pass -m pip install x", "python -m json.tool -h",
    "pip --proxy install list", "python -m this pip install",
]


@functools.lru_cache(maxsize=None)
def pip_packages():
    """The site-packages of a venv as ensurepip left it; removed at the end of the run."""
    project = support.Project()
    unittest.addModuleCleanup(project.close)
    project.venv(pip=True)
    return next((project.env_dir / "lib").glob("python3*/site-packages"))


def is_entry(path):
    """Can the host run it?"""
    return path.is_file() and bool(path.stat().st_mode & 0o111)


class InstallCase(Case):
    def pip_project(self):
        """A wrapped project with a real pip, copied from one venv that all tests share."""
        project = self.project().venv(pip=False)
        site = next((project.env_dir / "lib").glob("python3*/site-packages"))
        shutil.copytree(pip_packages(), site, dirs_exist_ok=True)
        for name in ("pip", "pip3", "pip" + VERSION):
            project.script(name, "import sys\nfrom pip._internal.cli.main import main\n"
                                 "if __name__ == '__main__':\n    sys.exit(main())\n")
        project.wrap()
        return project

    def house(self, project):
        """A directory of wheels outside the project, with the build backend in it."""
        directory = project.top / "wheels"
        directory.mkdir(exist_ok=True)
        packages.backend(directory)
        return directory

    def pip(self, project, *words, check=True, quiet=True, **options):
        house = project.top / "wheels"
        words = list(words)
        if words[0] == "install":
            words[1:1] = ["--no-index", "--find-links", str(house)]
        done = project.run("python", "-m", "pip", "--disable-pip-version-check", *words, **options)
        if check and done.returncode != 0:
            self.fail(f"pip {words} gave {done.returncode}\n{done.stdout}\n{done.stderr}")
        if check and quiet:
            self.assert_quiet(done)
        return done

    def stubs(self, project):
        kept = (project.env_dir / "sandbox" / "stub").read_bytes()
        return {path.name for path in (project.env_dir / "bin").iterdir()
                if path.is_file() and not path.is_symlink() and path.read_bytes() == kept}

    def assert_in_step(self, project, unpublished=()):
        """Every entry inside has its stub, and nothing on the host runs unwrapped."""
        bin_dir = project.env_dir / "bin"
        real = project.env_dir / "sandbox" / "bin"
        stubs = self.stubs(project)
        raw = {path.name for path in bin_dir.iterdir() if is_entry(path)} - stubs
        inside = {path.name for path in real.iterdir()
                  if path.is_symlink() or (path.is_file() and path.stat().st_mode & 0o111)}
        self.assertEqual(raw, set())
        self.assertEqual(stubs - {"shell"}, inside - set(unpublished))
        for name in stubs:
            st = (bin_dir / name).lstat()
            self.assertEqual((st.st_nlink, stat.S_IMODE(st.st_mode)), (1, 0o755), name)
        done = tool("status", project.env_dir, "--check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Spellings(InstallCase):
    """Every way of calling pip is pip, and nothing else is."""

    @classmethod
    def setUpClass(cls):
        cls.shared = support.Project()
        cls.addClassCleanup(cls.shared.close)
        cls.shared.venv(pip=False)
        site = next((cls.shared.env_dir / "lib").glob("python3*/site-packages"))
        cls.pip_dir = site / "pip"
        cls.pip_dir.mkdir()
        (cls.pip_dir / "__init__.py").write_text("")
        (cls.pip_dir / "__main__.py").write_text(PROBE)
        for name in ("pip", "pip3", "pip3.11"):
            cls.shared.script(name, "from pip.__main__ import main\nmain()\n")
        cls.wheel = packages.wheel(cls.shared.path, "pip", "99",
                                   files={"pip/__init__.py": "", "pip/__main__.py": PROBE})
        cls.shared.write("secret.txt", "x")
        cls.shared.wrap()

    def ask(self, line):
        words = line.format(pip=self.pip_dir, wheel=self.wheel).split()
        done = self.shared.run(*words)
        self.assert_quiet(done)
        return done

    def probe(self, line):
        done = self.ask(line)
        self.assert_clean(done)
        return json.loads(done.stdout)

    def test_installs(self):
        installer = self.shared.env_dir / "sandbox" / "installer"
        for line in INSTALLS:
            with self.subTest(line):
                answer = self.probe(line)
                self.assertTrue(answer["writable"])
                self.assertFalse(answer["cfg"], "pyvenv.cfg can be changed")
                self.assertEqual(answer["home"], (installer / "home").stat().st_ino)
                self.assertEqual(answer["cache"], (installer / "cache").stat().st_ino)
                self.assertNotIn("secret.txt", answer["project"])

    def test_questions(self):
        for line in QUESTIONS:
            with self.subTest(line):
                done = self.ask(line)
                if "writable" not in done.stdout:
                    continue
                answer = json.loads(done.stdout)
                self.assertFalse(answer["writable"])
                self.assertEqual(answer["home"], (self.shared.env_dir / "home").stat().st_ino)

    def test_questions_reach_the_program(self):
        """The control of the test above: the probe did answer."""
        for line in ("pip list", "pip --version", "python -m pip list", "python {wheel}/pip list"):
            with self.subTest(line):
                self.assertFalse(self.probe(line)["writable"])

    def test_homes_differ_and_temporary_directories_too(self):
        program, installer = self.probe("pip list"), self.probe("pip install x")
        for place in ("home", "cache", "tmp"):
            self.assertNotEqual(program[place], installer[place], place)

    def test_project_is_seen_when_named(self):
        for line in ("pip install .", "pip install ./", "pip install -e .", "pip install {project}",
                     "python -m pip install --editable={project}"):
            with self.subTest(line):
                line = line.format(project=self.shared.path, pip="", wheel="")
                self.assertIn("secret.txt", self.probe(line)["project"])

    def test_ensurepip(self):
        project = self.project().venv(pip=False)
        if not packages.bundled("pip"):
            skip("this Python has no bundled pip")
        project.wrap()
        done = project.python("-m", "ensurepip")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_quiet(done)
        self.assertIn("pip3", self.stubs(project))
        self.assert_in_step(project)
        self.assertIn("pip ", project.run("pip3", "--version").stdout)


class Installs(InstallCase):
    """What pip does, against a directory of local wheels."""

    def setUp(self):
        self.p = self.pip_project()
        self.wheels = self.house(self.p)

    def test_wheel_with_every_kind_of_script(self):
        native = pathlib.Path("/usr/bin/true").read_bytes()
        packages.wheel(
            self.wheels, "tools",
            files={"tools/__init__.py": "import sys\n"
                                        "def main():\n    print('console', sys.argv)\n"
                                        "def gui():\n    print('gui')\n"},
            scripts={"tools-console": "tools:main"}, gui={"tools-gui": "tools:gui"},
            data={"tools-data": (b"#!python\nimport sys\nprint('data', sys.prefix)\n", 0o755),
                  "tools-sh": (b"#!/bin/sh\necho sh \"$@\"\n", 0o755),
                  "tools-native": (native, 0o755)})
        self.pip(self.p, "install", "tools")
        self.assert_in_step(self.p)
        self.assertEqual(self.p.run("tools-console", "a", "b").stdout,
                         f"console {[self.p.bin('tools-console'), 'a', 'b']}\n")
        self.assertEqual(self.p.run("tools-gui").stdout, "gui\n")
        self.assertEqual(self.p.run("tools-data").stdout, f"data {self.p.env_dir}\n")
        self.assertEqual(self.p.run("tools-sh", "1 2").stdout, "sh 1 2\n")
        self.assert_clean(self.p.run("tools-native"))
        real = self.p.env_dir / "sandbox" / "bin" / "tools-native"
        self.assertEqual(real.read_bytes(), native)
        self.assertEqual((self.p.env_dir / "sandbox/bin/tools-data").read_text().split("\n")[0],
                         "#!" + self.p.bin("python"))

    def test_uninstall_removes_both_sides(self):
        packages.wheel(self.wheels, "tools", scripts={"tools-x": "tools:main"})
        self.pip(self.p, "install", "tools")
        self.assertIn("tools-x", self.stubs(self.p))
        self.pip(self.p, "uninstall", "-y", "tools")
        self.assertFalse((self.p.env_dir / "bin/tools-x").exists())
        self.assertFalse((self.p.env_dir / "sandbox/bin/tools-x").exists())
        self.assert_in_step(self.p)

    def test_upgrade_and_force_reinstall(self):
        code = {"tools/__init__.py": "def main():\n    print({!r})\n"}
        for version in ("1.0", "2.0"):
            files = {key: text.format(version) for key, text in code.items()}
            scripts = {"tools-x": "tools:main", f"tools-{version}": "tools:main"}
            packages.wheel(self.wheels, "tools", version, files=files, scripts=scripts)
        self.pip(self.p, "install", "tools==1.0")
        self.assertEqual(self.p.run("tools-x").stdout, "1.0\n")
        self.pip(self.p, "install", "-U", "tools")
        self.assertEqual(self.p.run("tools-x").stdout, "2.0\n")
        self.assertNotIn("tools-1.0", self.stubs(self.p))
        self.assertIn("tools-2.0", self.stubs(self.p))
        self.pip(self.p, "install", "--force-reinstall", "tools")
        self.assertEqual(self.p.run("tools-2.0").stdout, "2.0\n")
        self.assert_in_step(self.p)

    def test_pip_replaces_itself(self):
        source = packages.bundled("pip")
        if source is None:
            skip("this system has no bundled pip wheel")
        shutil.copy(source, self.wheels)
        for _ in range(2):
            self.pip(self.p, "install", "--force-reinstall", "pip")
            self.assertIn("pip", self.stubs(self.p))
            self.assert_in_step(self.p)
        self.assert_clean(self.p.run("pip", "--version"))

    def test_requirement_files(self):
        for name in ("one", "two", "three"):
            packages.wheel(self.wheels, name, scripts={f"{name}-x": f"{name}:main"})
        packages.wheel(self.wheels, "three", "2.0")
        outside = self.p.top / "elsewhere"
        outside.mkdir()
        (outside / "more.txt").write_text("two\nthree\n")
        self.p.write("requirements.txt", f"one\n-r {outside}/more.txt\n")
        self.p.write("constraints.txt", "three<2\n")
        refused = self.pip(self.p, "install", "-r", "requirements.txt", check=False)
        self.assertNotEqual(refused.returncode, 0, "a file that only the project's text names")
        self.p.write("requirements.txt", "one\n-r more.txt\n")
        self.p.write("more.txt", "two\nthree\n")
        self.pip(self.p, "install", "-r", "requirements.txt", "-c", "constraints.txt")
        self.assertLessEqual({"one-x", "two-x", "three-x"}, self.stubs(self.p))
        self.pip(self.p, "uninstall", "-y", "-r", "requirements.txt")
        self.pip(self.p, "install", f"--requirement={outside}/more.txt")
        self.assert_in_step(self.p)

    def test_wheel_named_by_path(self):
        for version, base in (("1.0", self.p.top), ("2.0", self.p.path)):
            path = packages.wheel(base, "solo", version, scripts={"solo-x": "solo:main"})
            self.pip(self.p, "install", "--no-deps", path)
        self.pip(self.p, "install", "--force-reinstall", "./solo-2.0-py3-none-any.whl")
        self.assertIn("solo 2.0", " ".join(self.pip(self.p, "list").stdout.split()))
        self.assert_in_step(self.p)

    def test_isolated_build_of_a_source_distribution(self):
        files = packages.tree(self.p.top / "src", "built", scripts={"built-x": "built:main"},
                              files={"built/__init__.py": "def main():\n    print('built')\n"})
        content = {str(path.relative_to(files)): path.read_text()
                   for path in files.rglob("*") if path.is_file()}
        shutil.rmtree(files)
        packages.sdist(self.wheels, "built", files=content)
        self.pip(self.p, "install", "built")
        self.assertEqual(self.p.run("built-x").stdout, "built\n")
        seen = self.p.value("import built,os\nprint(open(os.path.dirname(built.__file__) + "
                            "'/built.json').read())")
        self.assertEqual(seen["home"], support.HOME)
        self.assertFalse(pathlib.Path(seen["cwd"]).exists(), "the build left its directory")
        self.assert_in_step(self.p)

    def test_c_extension(self):
        if not shutil.which("gcc", path="/usr/bin") or not packages.setuptools_wheels(self.wheels):
            skip("no compiler, or no local setuptools and wheel")
        if not pathlib.Path(f"/usr/include/python{VERSION}/Python.h").exists():
            header = run(support.system_python(), "-c", "import sysconfig;"
                         "print(sysconfig.get_path('include'))").stdout.strip()
            if not pathlib.Path(header, "Python.h").exists():
                skip("no header files of Python")
        packages.sdist(self.wheels, "native", files={
            "pyproject.toml": '[build-system]\nrequires = ["setuptools", "wheel"]\n'
                              'build-backend = "setuptools.build_meta"\n',
            "setup.py": "from setuptools import setup, Extension\n"
                        "setup(name='native', version='1.0',\n"
                        "      ext_modules=[Extension('native', ['native.c'])])\n",
            "native.c": "#include <Python.h>\n"
                        "static PyObject *f(PyObject *s, PyObject *a)"
                        "{ (void)s; (void)a; return PyLong_FromLong(42); }\n"
                        "static PyMethodDef m[] = {{\"f\", f, METH_NOARGS, 0}, {0, 0, 0, 0}};\n"
                        "static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, \"native\", 0, -1, "
                        "m, 0, 0, 0, 0};\n"
                        "PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&d); }\n",
        })
        self.pip(self.p, "install", "native", timeout=60)
        self.assertEqual(self.p.value("import native; print(native.f())"), 42)

    def test_editable_install_of_the_project(self):
        packages.tree(self.p.path, "mine", scripts={"mine-x": "mine:main"},
                      files={"mine/__init__.py": "def main():\n    print('first')\n"})
        self.pip(self.p, "install", "-e", ".")
        self.assertEqual(self.p.run("mine-x").stdout, "first\n")
        self.p.write("mine/__init__.py", "def main():\n    print('second, changed')\n")
        self.assertEqual(self.p.run("mine-x").stdout, "second, changed\n")
        self.assert_in_step(self.p)

    def test_editable_install_from_outside(self):
        other = packages.tree(self.p.top / "other", "other",
                              files={"other/__init__.py": "value = 7\n"})
        done = self.pip(self.p, "install", "-e", other, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1],
                         f"sandbox-venv: programs do not see '{other}' by themselves: filesystem: "
                         f"{{read: ['{other}']}} in '{self.p.env_dir}/sandbox/policy.yaml'")
        done = self.p.code("import other; print(other.value)")
        self.assertNotEqual(done.returncode, 0, "what lies outside is not shown to programs")
        self.p.policy(f"filesystem:\n  read: [{other}]\n")
        self.assertEqual(self.p.value("import other; print(other.value)"), 7)

    def test_build_in_a_directory_outside_needs_the_policys_word(self):
        other = packages.tree(self.p.top / "other", "other", files={"other/__init__.py": ""})
        backend = other / "backend" / "backend.py"
        (other / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
            'backend-path = ["backend"]\n[project]\nname = "other"\nversion = "1.0"\n')
        backend.parent.mkdir(exist_ok=True)
        backend.write_text("open('made-by-the-build', 'w').close()\n" + packages.BACKEND)
        refused = self.pip(self.p, "install", other, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("Read-only file system", refused.stdout + refused.stderr)
        self.assertEqual(refused.stderr.splitlines()[-1],
                         f"sandbox-venv: '{other}' was read-only for the installer; if it is to "
                         f"build there: filesystem: {{write: ['{other}']}} in "
                         f"'{self.p.env_dir}/sandbox/policy.yaml'")
        self.p.policy(f"filesystem: {{write: ['{other}']}}\n")
        self.assert_clean(self.pip(self.p, "install", other))
        self.assertTrue((other / "made-by-the-build").exists())

    def test_local_project_without_its_name_is_not_seen(self):
        self.p.write("secret.txt", "mine")
        spy = ("import os\n"
               f"assert not os.path.exists({str(self.p.path / 'secret.txt')!r})\n"
               f"assert not os.path.exists({str(self.p.top / 'elsewhere')!r})\n")
        (self.p.top / "elsewhere").mkdir()
        packages.sdist(self.wheels, "spy", files={
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "spy_backend"\n'
                              'backend-path = ["."]\n[project]\nname = "spy"\nversion = "1.0"\n',
            "spy_backend.py": spy + packages.BACKEND, "spy/__init__.py": ""})
        self.pip(self.p, "install", "spy")

    def test_installer_has_its_own_home(self):
        """What a program leaves in its home is not obeyed by a later pip."""
        code = ("import os\nh = os.path.expanduser('~')\n"
                "for d in ('/.config/pip', '/.pip', '/.cache/pip'):\n"
                "    os.makedirs(h + d, exist_ok=True)\n"
                "for f in ('/.config/pip/pip.conf', '/.pip/pip.conf'):\n"
                "    open(h + f, 'w').write('[global]\\nindex-url = http://127.0.0.1:9/evil\\n')\n")
        self.assert_clean(self.p.code(code))
        self.assertNotIn("evil", self.pip(self.p, "config", "list").stdout)
        self.pip(self.p, "config", "set", "global.timeout", "7")
        self.assertIn("7", self.pip(self.p, "config", "list").stdout)
        found = self.p.value("import os,json\nprint(json.dumps(open(os.path.expanduser("
                             "'~/.config/pip/pip.conf')).read()))")
        self.assertIn("evil", found)

    def test_install_from_inside_a_program(self):
        """A program's own pip meets a read-only venv, and says so."""
        packages.wheel(self.wheels, "tools", scripts={"tools-x": "tools:main"})
        code = ("import subprocess, sys\n"
                "done = subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-index',\n"
                "  '--disable-pip-version-check', sys.argv[1]], capture_output=True, text=True)\n"
                "print(done.returncode, done.stderr)\n")
        wheel = self.p.path / "tools-1.0-py3-none-any.whl"
        shutil.copy(self.wheels / wheel.name, wheel)
        done = self.p.code(code, wheel)
        self.assertIn("Read-only file system", done.stdout)
        self.assertTrue(done.stdout.startswith("1 "), done.stdout)
        self.assertNotIn("Traceback", done.stdout)
        self.assertEqual(self.p.code("import tools").returncode, 1)
        self.assert_in_step(self.p)

    def test_results_reach_the_place_that_is_named(self):
        """Outside the project, there already or not, relative or absolute, made as natively."""
        packages.wheel(self.wheels, "tools")
        wheel = "tools-1.0-py3-none-any.whl"
        out = self.p.top / "out"
        (out / "there").mkdir(parents=True)
        links = ("--no-index", "--find-links", str(self.wheels))
        rows = [
            ("target", ["install", "--target", out / "new/target", "tools"], "new/target/tools"),
            ("relative", ["install", "-t", "../out/relative", "tools"], "relative/tools"),
            ("there", ["install", "--target", out / "there", "tools"], "there/tools"),
            ("prefix", ["install", f"--prefix={out}/prefix", "--ignore-installed", "tools"],
             f"prefix/lib/python{VERSION}/site-packages/tools"),
            ("root", ["install", "--root", out / "root", "--ignore-installed", "tools"],
             f"root{self.p.env_dir}/lib/python{VERSION}/site-packages/tools"),
            ("log", ["install", "--log", "../out/pip.log", "tools"], "pip.log"),
            ("download", ["download", *links, "-d", "../out/download", "tools"],
             "download/" + wheel),
            ("wheel", ["wheel", *links, "-w", out / "built", "tools"], "built/" + wheel),
            ("temporary", ["download", *links, "-d", self.outside / "made", "tools"], None),
        ]
        old = os.umask(0o027)
        self.addCleanup(os.umask, old)
        for name, words, result in rows:
            with self.subTest(name):
                self.pip(self.p, *words)
                path = out / result if result else self.outside / "made" / wheel
                self.assertTrue(path.exists(), path)
        self.assertEqual((out / "new").stat().st_mode & 0o777, 0o750)
        self.assertEqual((out / "pip.log").stat().st_mode & 0o777, 0o640)

    @property
    def outside(self):
        """A directory of the host's /tmp, whose namesake inside is another one."""
        if not hasattr(self, "_outside"):
            self._outside = pathlib.Path(tempfile.mkdtemp(prefix="svenv-test-", dir="/tmp"))
            self.addCleanup(support.remove_tree, self._outside)
        return self._outside

    def test_results_that_would_be_lost(self):
        """What cannot be shown is refused, rather than written where nobody finds it."""
        packages.wheel(self.wheels, "tools")
        links = ("--no-index", "--find-links", str(self.wheels))
        for words in (["install", *links, "--target", support.HOME, "tools"],
                      ["download", *links, "-d", f"{support.HOME}/.ssh/new", "tools"]):
            done = self.p.run("pip", *words)
            self.assert_refused(done, saying="would not get there")
        done = self.p.run("pip", "download", *links, "tools", cwd=self.outside)
        self.assert_refused(done, saying="add '-d .'")
        self.assertEqual(list(self.outside.iterdir()), [])
        done = self.p.run("pip", "download", "-q", *links, "tools", "-d", ".", cwd=self.outside)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([path.name for path in self.outside.iterdir()],
                         ["tools-1.0-py3-none-any.whl"])

    def test_names_that_shadow_commands(self):
        shadows = ("git", "ls", "sudo", "ssh", "sandbox-venv", "activate.evil")
        packages.wheel(self.wheels, "shadow", scripts={name: "shadow:main" for name in shadows})
        done = self.pip(self.p, "install", "shadow", quiet=False)
        said = [line for line in done.stderr.splitlines() if line.startswith("sandbox-venv: ")]
        self.assertEqual(sorted(line.split("'")[1] for line in said), sorted(shadows[:-1]), said)
        self.assertIn("entries: {publish: [git]}", "".join(said))
        self.assert_clean(self.p.code("pass"))
        stubs = self.stubs(self.p)
        for name in shadows:
            self.assertNotIn(name, stubs)
            self.assertFalse((self.p.env_dir / "bin" / name).exists(), name)
            self.assertTrue((self.p.env_dir / "sandbox/bin" / name).exists(), name)
        self.assert_in_step(self.p, unpublished=shadows)
        self.assertEqual(self.p.value("import shutil,json\nprint(json.dumps(shutil.which('git', "
                                      f"path={str(self.p.env_dir / 'bin')!r})))"),
                         self.p.bin("git"))

    def test_names_that_the_policy_publishes(self):
        packages.wheel(self.wheels, "wanted",
                       files={"wanted/__init__.py": "def main():\n    print('not the real one')\n"},
                       scripts={"git": "wanted:main", "ssh": "wanted:main"})
        self.p.policy("entries: {publish: [git]}\n")
        done = self.pip(self.p, "install", "wanted", quiet=False)
        self.assertIn("'ssh'", done.stderr)
        self.assertNotIn("'git'", done.stderr)
        self.assertIn("git", self.stubs(self.p))
        self.assertEqual(self.p.run("git").stdout, "not the real one\n")
        self.assert_in_step(self.p, unpublished=("ssh",))
        self.p.policy("entries: {publish: [git, ssh]}\n")
        self.assert_clean(self.p.code("pass"))
        self.assertEqual(self.p.run("ssh").stdout, "not the real one\n")
        self.pip(self.p, "uninstall", "-y", "wanted")
        self.assertFalse({"git", "ssh"} & set(self.stubs(self.p)))

    def test_activate_is_never_taken_from_inside(self):
        bin_dir = self.p.env_dir / "bin"
        before = {path.name: path.read_bytes() for path in bin_dir.glob("*ctivate*")}
        self.assertGreaterEqual(len(before), 3)
        packages.wheel(self.wheels, "evil", data={name: (b"echo evil\n", 0o755)
                                                  for name in before})
        self.pip(self.p, "install", "evil")
        after = {path.name: path.read_bytes() for path in bin_dir.glob("*ctivate*")}
        self.assertEqual(after, before)
        self.assert_clean(self.p.code("pass"))
        self.unwrap_and_check(before)

    def unwrap_and_check(self, before):
        self.p.unwrap()
        after = {path.name: path.read_bytes() for path in (self.p.env_dir / "bin").glob("*ctivate*")}
        self.assertEqual(after, before)

    def test_code_of_a_package_cannot_touch_the_host_side(self):
        """A build backend tries to write where only the host decides."""
        attack = ("import os, sys\n"
                  f"venv = {str(self.p.env_dir)!r}\n"
                  "def attempt(name, data='evil'):\n"
                  "    try:\n"
                  "        open(os.path.join(venv, name), 'w').write(data)\n"
                  "    except OSError:\n"
                  "        pass\n"
                  "for name in ('sandbox/policy.yaml', 'sandbox/manifest.json', 'sandbox/plan',\n"
                  "             'sandbox/new', 'pyvenv.cfg', 'home/x', 'cache/x', 'bin/activate',\n"
                  "             'bin/evil-raw'):\n"
                  "    attempt(name)\n"
                  "os.chmod(os.path.join(venv, 'bin/evil-raw'), 0o755)\n")
        packages.sdist(self.wheels, "evil", files={
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "evil_backend"\n'
                              'backend-path = ["."]\n[project]\nname = "evil"\nversion = "1.0"\n',
            "evil_backend.py": attack + packages.BACKEND, "evil/__init__.py": ""})
        sandbox = self.p.env_dir / "sandbox"
        kept = [sandbox / "policy.yaml", self.p.env_dir / "pyvenv.cfg",
                self.p.env_dir / "bin/activate"]
        before = [path.read_bytes() for path in kept]
        self.pip(self.p, "install", "evil")
        self.assertEqual([path.read_bytes() for path in kept], before)
        self.assertFalse((sandbox / "new").exists())
        self.assertEqual(list((self.p.env_dir / "home").glob("x")), [])
        self.assertIn("evil-raw", self.stubs(self.p))
        self.assert_in_step(self.p)


class Interrupted(InstallCase):
    """An installer that is stopped in the middle leaves a venv whose two sides agree."""

    ROUNDS = 5

    def setUp(self):
        self.p = self.pip_project()
        self.wheels = self.house(self.p)
        files = {f"many/m{i}.py": f"x = {i}\n" * 20 for i in range(300)}
        files["many/__init__.py"] = "def main():\n    print('many')\n"
        scripts = {f"many-{i}": "many:main" for i in range(40)}
        packages.wheel(self.wheels, "many", files=files, scripts=scripts)

    def command(self, *words):
        return [self.p.bin("python"), "-m", "pip", "--disable-pip-version-check", *words]

    def interrupt(self, number):
        chance = random.Random(number)
        for turn in range(self.ROUNDS):
            words = ["install", "--no-index", "--force-reinstall", "--find-links",
                     str(self.wheels), "many"]
            child = subprocess.Popen(self.command(*words), cwd=self.p.path,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, env=support.environment(), text=True)
            time.sleep(chance.uniform(0.3, 1.6))
            child.send_signal(number)
            _, said = child.communicate(timeout=30)
            self.assertNotIn("sandbox-venv:", said)
            self.assertIn(child.returncode, (0, 1, 2, 130, -number, number), f"turn {turn}")
            self.assert_clean(self.p.code("pass"))
            self.assert_in_step(self.p)
        self.pip(self.p, "install", "--force-reinstall", "many")
        self.assertEqual(self.p.run("many-39").stdout, "many\n")
        self.assert_in_step(self.p)

    def test_sigint(self):
        self.interrupt(signal.SIGINT)

    def test_sigkill(self):
        self.interrupt(signal.SIGKILL)

    def test_sigterm(self):
        self.interrupt(signal.SIGTERM)

    def test_starts_while_pip_installs(self):
        child = subprocess.Popen(
            self.command("install", "--no-index", "--find-links", str(self.wheels), "many"),
            cwd=self.p.path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=support.environment(), text=True)
        starts = 0
        while child.poll() is None:
            self.assert_clean(self.p.code("pass"))
            starts += 1
        self.assertEqual((child.returncode, child.stderr.read()), (0, ""))
        child.stderr.close()
        self.assertGreater(starts, 3)
        self.assert_in_step(self.p)
        self.assertEqual(self.p.run("many-0").stdout, "many\n")


class HostTools(InstallCase):
    """Tools outside the sandbox write straight into bin: the next start takes that inside."""

    def setUp(self):
        self.p = self.pip_project()
        self.wheels = self.house(self.p)
        self.bin = self.p.env_dir / "bin"

    def adopt(self):
        self.assert_clean(self.p.code("pass"))
        self.assert_in_step(self.p)

    def test_new_script(self):
        self.p.script("fresh", "print('fresh')\n")
        self.assertEqual(tool("status", self.p.env_dir, "--check").returncode, 1)
        self.adopt()
        self.assertEqual(self.p.run("fresh").stdout, "fresh\n")

    def test_script_written_in_place_over_a_stub(self):
        """The way poetry writes: open(path, "w"), so a shared stub would be lost for all."""
        self.p.script("one", "print('one')\n")
        self.p.script("two", "print('two')\n")
        self.adopt()
        with open(self.bin / "one", "w") as out:
            out.write(f"#!{self.p.bin('python')}\nprint('new one')\n")
        self.assertEqual(self.p.run("one").stdout, "new one\n")
        self.assert_in_step(self.p)
        self.assertEqual(self.p.run("two").stdout, "two\n")

    def test_script_written_in_place_while_its_stub_runs(self):
        self.p.script("busy", "import sys\nprint('up', flush=True)\nsys.stdin.read()\n")
        self.adopt()
        child = self.p.spawn("busy", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "up\n")
        with open(self.bin / "busy", "w") as out:
            out.write(f"#!{self.p.bin('python')}\nprint('newer')\n")
        self.assertEqual(self.p.run("busy").stdout, "newer\n")
        self.assert_in_step(self.p)
        child.communicate("", timeout=20)
        self.assertEqual(child.returncode, 0)

    def test_program_copied_over_a_stub_in_place(self):
        """Nothing of ours runs then; any other start repairs it, and the check tells until then."""
        self.p.script("one", "print('one')\n")
        self.adopt()
        with open(self.bin / "one", "wb") as out:
            out.write(pathlib.Path("/usr/bin/true").read_bytes())
        done = tool("status", self.p.env_dir, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("one runs outside the sandbox", done.stdout)
        self.adopt()
        self.assert_clean(self.p.run("one"))

    def test_hard_linked_files(self):
        """uv and PDM link from their caches: nothing may be written through to there."""
        cached = self.p.top / "cache-file"
        cached.write_bytes(pathlib.Path("/usr/bin/true").read_bytes())
        cached.chmod(0o755)
        before = (cached.read_bytes(), cached.stat().st_mtime_ns)
        os.link(cached, self.bin / "linked")
        self.adopt()
        self.assertEqual((cached.read_bytes(), cached.stat().st_mtime_ns), before)
        self.assertEqual(cached.stat().st_nlink, 1)
        self.assert_clean(self.p.run("linked"))
        real = self.p.env_dir / "sandbox/bin/linked"
        self.assertEqual(real.stat().st_nlink, 1)

    def test_stub_replaced_by_a_link_to_another(self):
        os.unlink(self.bin / "pip3")
        os.link(self.bin / "pip", self.bin / "pip3")
        self.adopt()
        self.assert_clean(self.p.run("pip3", "--version"))

    def test_removed_by_a_host_tool(self):
        self.p.script("gone", "print(1)\n")
        self.adopt()
        (self.bin / "gone").unlink()
        self.adopt()
        self.assertFalse((self.p.env_dir / "sandbox/bin/gone").exists())

    def test_interpreter_replaced_by_a_host_tool(self):
        (self.bin / "python").unlink()
        (self.bin / "python").symlink_to("python3")
        self.assert_clean(run(self.bin / "python3", "-c", "pass"))
        self.assert_in_step(self.p)
        (self.bin / "python3").unlink()
        self.assert_clean(run(self.bin / "python", "-c", "pass"))
        self.assertTrue((self.bin / "python3").exists(), "nobody uninstalls the interpreter")
        self.assert_in_step(self.p)

    def test_poetry_like_install(self):
        """A whole package by a tool of the host: modules, RECORD, scripts with open("w")."""
        site = next((self.p.env_dir / "lib").glob("python3*/site-packages"))
        (site / "hosted").mkdir()
        (site / "hosted/__init__.py").write_text("def main():\n    print('hosted')\n")
        with open(self.bin / "hosted", "w", encoding="utf-8") as out:
            out.write(f"#!{self.p.bin('python')}\nimport sys\nfrom hosted import main\n"
                      "if __name__ == '__main__':\n    sys.exit(main())\n")
        (self.bin / "hosted").chmod((self.bin / "hosted").stat().st_mode | 0o111)
        # Run directly, the script starts by the wrapped interpreter: sandboxed all the same.
        done = run(self.bin / "hosted")
        self.assertEqual((done.stdout, done.stderr), ("hosted\n", ""))
        self.assert_in_step(self.p)

    def test_uv(self):
        uv = support.find_uv()
        if not uv:
            impossible("uv: not installed for this user")
        native = pathlib.Path("/usr/bin/true").read_bytes()
        packages.wheel(self.wheels, "tools",
                       files={"tools/__init__.py": "def main():\n    print('tools')\n"},
                       scripts={"tools-x": "tools:main"}, data={"tools-native": (native, 0o755)})
        common = ["--python", self.p.bin("python")]
        env = support.environment(UV_CACHE_DIR=str(self.p.top / "uv-cache"), NO_COLOR="1")
        done = run(uv, "pip", "install", *common, "--offline", "--no-index", "--find-links",
                   self.wheels, "tools", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.p.run("tools-x").stdout, "tools\n")
        self.assert_in_step(self.p)
        self.assert_clean(self.p.run("tools-native"))
        done = run(uv, "pip", "list", *common, "--format=json", env=env)
        self.assertIn("tools", done.stdout)
        done = run(uv, "pip", "uninstall", *common, "tools", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.adopt()
        self.assertNotIn("tools-x", self.stubs(self.p))


if __name__ == "__main__":
    unittest.main()
