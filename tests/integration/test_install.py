"""Installers in a wrapped venv: what they may do, and that whatever they write ends wrapped."""

import os
import pathlib
import shutil
import tempfile

from lib import packages
from lib.installs import VERSION, InstallCase
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import run
from lib.skips import skip
from lib.trees import remove_tree
from lib.user import HOME


class Installs(InstallCase):
    """pip at work, against a directory of local wheels."""

    def setUp(self):
        self.p = self.wrapped(pip=True)
        self.wheels = self.house(self.p)

    def test_wheel_with_every_kind_of_script(self):
        native = pathlib.Path("/usr/bin/true").read_bytes()
        packages.wheel(
            self.wheels,
            "tools",
            files={
                "tools/__init__.py": "import sys\n"
                "def main():\n    print('console', sys.argv)\n"
                "def gui():\n    print('gui')\n"
            },
            scripts={"tools-console": "tools:main"},
            gui={"tools-gui": "tools:gui"},
            data={
                "tools-data": (b"#!python\nimport sys\nprint('data', sys.prefix)\n", 0o755),
                "tools-sh": (b'#!/bin/sh\necho sh "$@"\n', 0o755),
                "tools-native": (native, 0o755),
            },
        )
        self.pip(self.p, "install", "tools")
        self.assert_in_step(self.p)
        self.assertEqual(
            self.p.run("tools-console", "a", "b").stdout,
            f"console {[self.p.bin('tools-console'), 'a', 'b']}\n",
        )
        self.assertEqual(self.p.run("tools-gui").stdout, "gui\n")
        self.assertEqual(self.p.run("tools-data").stdout, f"data {self.p.env_dir}\n")
        self.assertEqual(self.p.run("tools-sh", "1 2").stdout, "sh 1 2\n")
        self.assert_clean(self.p.run("tools-native"))
        real = self.p.env_dir / "sandbox" / "bin" / "tools-native"
        self.assertEqual(real.read_bytes(), native)
        self.assertEqual(
            (self.p.env_dir / "sandbox/bin/tools-data").read_text().split("\n")[0],
            "#!" + self.p.bin("python"),
        )

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
        files = packages.tree(
            self.p.top / "src",
            "built",
            scripts={"built-x": "built:main"},
            files={"built/__init__.py": "def main():\n    print('built')\n"},
        )
        content = {
            str(path.relative_to(files)): path.read_text()
            for path in files.rglob("*")
            if path.is_file()
        }
        shutil.rmtree(files)
        packages.sdist(self.wheels, "built", files=content)
        self.pip(self.p, "install", "built")
        self.assertEqual(self.p.run("built-x").stdout, "built\n")
        seen = self.p.value(
            "import built,os\nprint(open(os.path.dirname(built.__file__) + '/built.json').read())"
        )
        self.assertEqual(seen["home"], str(HOME))
        self.assertFalse(pathlib.Path(seen["cwd"]).exists(), "the build left its directory")
        self.assert_in_step(self.p)

    def test_c_extension(self):
        if not shutil.which("gcc", path="/usr/bin") or not packages.setuptools_wheels(self.wheels):
            skip("no compiler, or no local setuptools and wheel")
        if not pathlib.Path(f"/usr/include/python{VERSION}/Python.h").exists():
            header = run(
                SYSTEM_PYTHON, "-c", "import sysconfig;print(sysconfig.get_path('include'))"
            ).stdout.strip()
            if not pathlib.Path(header, "Python.h").exists():
                skip("no header files of Python")
        packages.sdist(
            self.wheels,
            "native",
            files={
                "pyproject.toml": '[build-system]\nrequires = ["setuptools", "wheel"]\n'
                'build-backend = "setuptools.build_meta"\n',
                "setup.py": "from setuptools import setup, Extension\n"
                "setup(name='native', version='1.0',\n"
                "      ext_modules=[Extension('native', ['native.c'])])\n",
                "native.c": "#include <Python.h>\n"
                "static PyObject *f(PyObject *s, PyObject *a)"
                "{ (void)s; (void)a; return PyLong_FromLong(42); }\n"
                'static PyMethodDef m[] = {{"f", f, METH_NOARGS, 0}, {0, 0, 0, 0}};\n'
                'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "native", 0, -1, '
                "m, 0, 0, 0, 0};\n"
                "PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&d); }\n",
            },
        )
        self.pip(self.p, "install", "native")
        self.assertEqual(self.p.value("import native; print(native.f())"), 42)

    def test_editable_install_of_the_project(self):
        packages.tree(
            self.p.path,
            "mine",
            scripts={"mine-x": "mine:main"},
            files={"mine/__init__.py": "def main():\n    print('first')\n"},
        )
        self.pip(self.p, "install", "-e", ".")
        self.assertEqual(self.p.run("mine-x").stdout, "first\n")
        self.p.write("mine/__init__.py", "def main():\n    print('second, changed')\n")
        self.assertEqual(self.p.run("mine-x").stdout, "second, changed\n")
        self.assert_in_step(self.p)

    def test_editable_install_from_outside(self):
        other = packages.tree(
            self.p.top / "other", "other", files={"other/__init__.py": "value = 7\n"}
        )
        done = self.pip(self.p, "install", "-e", other, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            done.stderr.splitlines()[-1],
            f"sandbox-venv: programs do not see '{other}'; to show it to them, write filesystem: "
            f"{{read: ['{other}']}} in '{self.p.env_dir}/sandbox/policy.yaml'",
        )
        done = self.p.code("import other; print(other.value)")
        self.assertNotEqual(done.returncode, 0, "what lies outside is not shown to programs")
        self.p.policy(f"filesystem:\n  read: [{other}]\n")
        self.assertEqual(self.p.value("import other; print(other.value)"), 7)

    def test_build_in_a_directory_outside_needs_the_policys_word(self):
        other = packages.tree(self.p.top / "other", "other", files={"other/__init__.py": ""})
        backend = other / "backend" / "backend.py"
        (other / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
            'backend-path = ["backend"]\n[project]\nname = "other"\nversion = "1.0"\n'
        )
        backend.parent.mkdir(exist_ok=True)
        backend.write_text("open('made-by-the-build', 'w').close()\n" + packages.BACKEND)
        refused = self.pip(self.p, "install", other, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("Read-only file system", refused.stdout + refused.stderr)
        self.assertEqual(
            refused.stderr.splitlines()[-1],
            f"sandbox-venv: '{other}' was read-only for the installer; to let it "
            f"build there, write filesystem: {{write: ['{other}']}} in "
            f"'{self.p.env_dir}/sandbox/policy.yaml'",
        )
        self.p.policy(f"filesystem: {{write: ['{other}']}}\n")
        self.assert_clean(self.pip(self.p, "install", other))
        self.assertTrue((other / "made-by-the-build").exists())

    def test_local_project_without_its_name_is_not_seen(self):
        self.p.write("secret.txt", "mine")
        spy = (
            "import os\n"
            f"assert not os.path.exists({str(self.p.path / 'secret.txt')!r})\n"
            f"assert not os.path.exists({str(self.p.top / 'elsewhere')!r})\n"
        )
        (self.p.top / "elsewhere").mkdir()
        packages.sdist(
            self.wheels,
            "spy",
            files={
                "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "spy_backend"\n'
                'backend-path = ["."]\n[project]\nname = "spy"\nversion = "1.0"\n',
                "spy_backend.py": spy + packages.BACKEND,
                "spy/__init__.py": "",
            },
        )
        self.pip(self.p, "install", "spy")

    def test_installer_has_its_own_home(self):
        """A later pip does not obey files that a program leaves in its home."""
        code = (
            "import os\nh = os.path.expanduser('~')\n"
            "for d in ('/.config/pip', '/.pip', '/.cache/pip'):\n"
            "    os.makedirs(h + d, exist_ok=True)\n"
            "for f in ('/.config/pip/pip.conf', '/.pip/pip.conf'):\n"
            "    open(h + f, 'w').write('[global]\\nindex-url = http://127.0.0.1:9/evil\\n')\n"
        )
        self.assert_clean(self.p.code(code))
        self.assertNotIn("evil", self.pip(self.p, "config", "list").stdout)
        self.pip(self.p, "config", "set", "global.timeout", "7")
        self.assertIn("7", self.pip(self.p, "config", "list").stdout)
        found = self.p.value(
            "import os,json\nprint(json.dumps(open(os.path.expanduser("
            "'~/.config/pip/pip.conf')).read()))"
        )
        self.assertIn("evil", found)

    def test_install_from_inside_a_program(self):
        """A program's own pip meets a read-only venv, and says so."""
        packages.wheel(self.wheels, "tools", scripts={"tools-x": "tools:main"})
        code = (
            "import subprocess, sys\n"
            "done = subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-index',\n"
            "  '--disable-pip-version-check', sys.argv[1]], capture_output=True, text=True)\n"
            "print(done.returncode, done.stderr)\n"
        )
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
            (
                "prefix",
                ["install", f"--prefix={out}/prefix", "--ignore-installed", "tools"],
                f"prefix/lib/python{VERSION}/site-packages/tools",
            ),
            (
                "root",
                ["install", "--root", out / "root", "--ignore-installed", "tools"],
                f"root{self.p.env_dir}/lib/python{VERSION}/site-packages/tools",
            ),
            ("log", ["install", "--log", "../out/pip.log", "tools"], "pip.log"),
            (
                "download",
                ["download", *links, "-d", "../out/download", "tools"],
                "download/" + wheel,
            ),
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
            self.addCleanup(remove_tree, self._outside)
        return self._outside

    def test_results_that_would_be_lost(self):
        """A place that cannot be shown is refused: nobody would find files written there."""
        packages.wheel(self.wheels, "tools")
        links = ("--no-index", "--find-links", str(self.wheels))
        for words in (
            ["install", *links, "--target", str(HOME), "tools"],
            ["download", *links, "-d", f"{HOME}/.ssh/new", "tools"],
        ):
            done = self.p.run("pip", *words)
            self.assert_refused(done, saying="would not reach")
        done = self.p.run("pip", "download", *links, "tools", cwd=self.outside)
        self.assert_refused(done, saying="add '-d .'")
        self.assertEqual(list(self.outside.iterdir()), [])
        done = self.p.run("pip", "download", "-q", *links, "tools", "-d", ".", cwd=self.outside)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            [path.name for path in self.outside.iterdir()], ["tools-1.0-py3-none-any.whl"]
        )

    def test_names_that_shadow_commands(self):
        shadows = ("git", "ls", "sudo", "ssh", "sandbox-venv", "activate.evil")
        packages.wheel(self.wheels, "shadow", scripts=dict.fromkeys(shadows, "shadow:main"))
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
        self.assertEqual(
            self.p.value(
                "import shutil,json\nprint(json.dumps(shutil.which('git', "
                f"path={str(self.p.env_dir / 'bin')!r})))"
            ),
            self.p.bin("git"),
        )

    def test_names_that_the_policy_publishes(self):
        packages.wheel(
            self.wheels,
            "wanted",
            files={"wanted/__init__.py": "def main():\n    print('not the real one')\n"},
            scripts={"git": "wanted:main", "ssh": "wanted:main"},
        )
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
        packages.wheel(self.wheels, "evil", data=dict.fromkeys(before, (b"echo evil\n", 493)))
        self.pip(self.p, "install", "evil")
        after = {path.name: path.read_bytes() for path in bin_dir.glob("*ctivate*")}
        self.assertEqual(after, before)
        self.assert_clean(self.p.code("pass"))
        self.unwrap_and_check(before)

    def unwrap_and_check(self, before):
        self.p.unwrap()
        after = {
            path.name: path.read_bytes() for path in (self.p.env_dir / "bin").glob("*ctivate*")
        }
        self.assertEqual(after, before)

    def test_code_of_a_package_cannot_touch_the_host_side(self):
        """A build backend tries to write where only the host decides."""
        attack = (
            "import os, sys\n"
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
            "os.chmod(os.path.join(venv, 'bin/evil-raw'), 0o755)\n"
        )
        packages.sdist(
            self.wheels,
            "evil",
            files={
                "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "evil_backend"\n'
                'backend-path = ["."]\n[project]\nname = "evil"\nversion = "1.0"\n',
                "evil_backend.py": attack + packages.BACKEND,
                "evil/__init__.py": "",
            },
        )
        sandbox = self.p.env_dir / "sandbox"
        kept = [
            sandbox / "policy.yaml",
            self.p.env_dir / "pyvenv.cfg",
            self.p.env_dir / "bin/activate",
        ]
        before = [path.read_bytes() for path in kept]
        self.pip(self.p, "install", "evil")
        self.assertEqual([path.read_bytes() for path in kept], before)
        self.assertFalse((sandbox / "new").exists())
        self.assertEqual(list((self.p.env_dir / "home").glob("x")), [])
        self.assertIn("evil-raw", self.stubs(self.p))
        self.assert_in_step(self.p)
