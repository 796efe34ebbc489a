"""A wrapped interpreter and a wrapped script see themselves as the native ones do."""

import json
import os
import shutil
import zipfile

from lib.case import Case
from lib.environment import environment
from lib.interpreters import interpreters
from lib.programs import run, tool

PROBE = """
import json, os, sys, sysconfig
print(json.dumps({
    'executable': sys.executable, 'prefix': sys.prefix, 'exec_prefix': sys.exec_prefix,
    'base_prefix': sys.base_prefix, 'base_executable': sys._base_executable,
    'path': sys.path, 'argv': sys.argv, 'orig_argv': getattr(sys, 'orig_argv', None),
    'flags': list(sys.flags), 'xoptions': dict(sys._xoptions), 'warn': sys.warnoptions,
    'paths': sysconfig.get_paths(), 'cwd': os.getcwd(), 'version': sys.version,
    'name': __name__, 'file': globals().get('__file__'), 'pwd': os.environ.get('PWD'),
    'home': os.path.expanduser('~'), 'virtual_env': os.environ.get('VIRTUAL_ENV'),
    'encodings': [sys.getfilesystemencoding(), sys.stdin and sys.stdin.encoding,
                  sys.stdout.encoding, sys.stderr.encoding, sys.stdout.line_buffering],
    'isolated': 'site' in sys.modules, 'platform': sys.platform, 'umask': os.umask(0o22)}))
"""


class Pair:
    """A wrapped project and its native twin, asked the same question."""

    def __init__(self, case, project, interpreter=None):
        self.case = case
        self.project = project.venv(interpreter)
        self.twin = self.project.twin(interpreter=interpreter)
        for one in (self.project, self.twin):
            one.write("probe.py", PROBE)
            one.write("sub/keep", "")
        self.project.wrap()

    def same(self, ask):
        """ask(project) gives a CompletedProcess; both must agree but for the path."""
        wrapped, native = ask(self.project), ask(self.twin)
        self.case.assert_same(wrapped, native, self.project, self.twin)
        return wrapped

    def same_probe(self, ask, by_name=False):
        wrapped, native = ask(self.project), ask(self.twin)
        self.case.assert_clean(native)
        if by_name:
            wrapped.stdout, native.stdout = map(self.without_name, (wrapped.stdout, native.stdout))
        self.case.assert_same(wrapped, native, self.project, self.twin)
        return json.loads(wrapped.stdout)

    @staticmethod
    def without_name(text):
        """The word in argv[0] when python was found through PATH: ours is made absolute, because
        getpath would look for a bare word in PATH and not find its pyvenv.cfg."""
        seen = json.loads(text)
        if seen["orig_argv"]:
            seen["orig_argv"][0] = os.path.basename(seen["orig_argv"][0])
        return json.dumps(seen)


class Interpreters(Case):
    """Every interpreter of the machine, by every way to call it."""

    def ways(self, pair):
        bin_dir = ".venv/bin"
        version = pair.twin.code("import sys; print('python%d.%d' % sys.version_info[:2])")
        names = ["python", "python3", version.stdout.strip()]

        def by_path(one):
            return environment(PATH=f"{one.path}/{bin_dir}:{os.environ['PATH']}")

        for name in names:
            if not os.path.lexists(pair.twin.bin(name)):
                continue
            yield f"absolute {name}", lambda one, n=name: one.run(one.bin(n), "probe.py")
        yield "relative", lambda one: one.run(f"{bin_dir}/python", "probe.py")
        yield "dot relative", lambda one: one.run(f"./{bin_dir}/python3", "probe.py")
        yield (
            "from below",
            lambda one: one.run(f"../{bin_dir}/python", "../probe.py", cwd=one.path / "sub"),
        )
        yield "PATH", lambda one: run("sh", "-c", "python probe.py", cwd=one.path, env=by_path(one))
        yield (
            "env",
            lambda one: run("/usr/bin/env", "python3", "probe.py", cwd=one.path, env=by_path(one)),
        )
        yield "-c", lambda one: one.python("-c", PROBE, "a", "b c", "")
        yield "-m", lambda one: one.python("-m", "probe", "x")

    def test_every_interpreter(self):
        for interpreter in interpreters():
            with self.subTest(str(interpreter)):
                pair = Pair(self, self.project(), interpreter)
                for way, ask in self.ways(pair):
                    with self.subTest(way):
                        seen = pair.same_probe(ask, by_name=way in ("PATH", "env"))
                        self.assertEqual(seen["prefix"], str(pair.project.env_dir))
                        self.assertTrue(seen["executable"].startswith(str(pair.project.path)))

    def test_standard_library_of_every_interpreter(self):
        modules = "ssl sqlite3 ctypes zlib bz2 lzma hashlib json decimal multiprocessing socket"
        for interpreter in interpreters():
            with self.subTest(str(interpreter)):
                pair = Pair(self, self.project(), interpreter)
                code = (
                    "import importlib\n"
                    f"for n in '{modules}'.split():\n"
                    "    try: importlib.import_module(n); print(n)\n"
                    "    except ImportError as e: print(n, 'absent')\n"
                )
                pair.same(lambda one, c=code: one.code(c))

    def test_base_interpreter_runs_inside(self):
        for interpreter in interpreters():
            with self.subTest(str(interpreter)):
                pair = Pair(self, self.project(), interpreter)
                code = (
                    "import subprocess, sys\n"
                    "print(subprocess.check_output([sys._base_executable, '-I', '-c',"
                    " 'import sys; print(sys.prefix, sys.version)'], text=True))"
                )
                pair.same(lambda one, c=code: one.code(c))


class Places(Case):
    """Where the project lies and how it is reached."""

    def test_places(self):
        deep = "/".join(["d" * 40] * 5)
        for label, options in {
            "in the home directory": {"home": True},
            "blanks": {"name": "my project (2)"},
            "long": {"name": deep},
            "not ASCII": {"name": "prøject-日本"},
            "quotes": {"name": 'it\'s "quoted" $HOME `x` \\n %s'},
            "leading dash": {"name": "-project"},
        }.items():
            with self.subTest(label):
                pair = Pair(self, self.project(**options))
                for one in (pair.project, pair.twin):
                    one.script("tool", "import sys; print(sys.argv, sys.executable, __file__)\n")
                tool("wrap", pair.project.env_dir, check=True)
                pair.same_probe(lambda one: one.python("probe.py"))
                pair.same_probe(lambda one: one.run(".venv/bin/python", "probe.py"))
                if label == "quotes":  # no shebang can name such a place
                    continue
                done = pair.same(lambda one: one.run("tool", "a b", "*"))
                self.assert_clean(done)

    def test_through_a_symlinked_project(self):
        pair = Pair(self, self.project())
        for one in (pair.project, pair.twin):
            (one.top / ("link-" + one.path.name)).symlink_to(one.path)

        def link(one):
            return one.top / ("link-" + one.path.name)

        pair.same_probe(lambda one: one.run(link(one) / ".venv/bin/python", "probe.py"))
        pair.same_probe(lambda one: one.run(".venv/bin/python", "probe.py", cwd=link(one)))
        pair.same_probe(
            lambda one: one.run(link(one) / ".venv/bin/python", link(one) / "probe.py", cwd="/")
        )

    def test_through_a_symlinked_venv(self):
        pair = Pair(self, self.project())
        for one in (pair.project, pair.twin):
            (one.path / "current").symlink_to(".venv")
        pair.same_probe(lambda one: one.run("current/bin/python", "probe.py"))
        pair.same_probe(lambda one: one.run(one.path / "current/bin/python3", "probe.py"))

    def test_a_venv_behind_a_symlink_out_of_the_project(self):
        project = self.project()
        real = project.top / "elsewhere"
        real.mkdir()
        project.venv(name="../elsewhere/env")
        (project.path / ".venv").symlink_to("../elsewhere/env")
        project.wrap(env_dir=project.path / ".venv")
        done = project.run(project.path / ".venv/bin/python", "-c", "import sys; print(sys.prefix)")
        self.assert_clean(done)
        self.assertTrue(os.path.samefile(done.stdout.strip(), real / "env"))

    def test_a_script_through_a_link_in_another_directory(self):
        pair = Pair(self, self.project())
        for one in (pair.project, pair.twin):
            one.script("tool", "import json, sys; print(json.dumps([sys.argv, sys.prefix]))\n")
            (one.top / (one.path.name + "-bin")).mkdir()
            (one.top / (one.path.name + "-bin") / "tool").symlink_to(one.env_dir / "bin/tool")
        tool("wrap", pair.project.env_dir, check=True)

        def link(one):
            return str(one.top / (one.path.name + "-bin") / "tool")

        seen = pair.same_probe(lambda one: one.run(link(one), "x"))
        self.assertEqual(seen[0], [link(pair.project), "x"])
        pair.same_probe(
            lambda one: run(
                "sh",
                "-c",
                "tool x",
                cwd=one.path,
                env=environment(PATH=os.path.dirname(link(one)) + ":" + os.environ["PATH"]),
            )
        )

    def test_a_link_to_the_interpreter_under_another_name(self):
        pair = Pair(self, self.project())
        for one in (pair.project, pair.twin):
            (one.top / (one.path.name + "-py")).symlink_to(one.bin("python"))
        done = pair.project.run(
            str(pair.project.top / "project-py"),
            "-c",
            "import sys; print(sys.version_info >= (3, 8))",
        )
        self.assert_clean(done)

    def test_other_working_directories(self):
        pair = Pair(self, self.project())
        for cwd in ("/", "/usr", "/usr/lib"):
            with self.subTest(cwd):
                pair.same_probe(lambda one, d=cwd: one.run(one.bin(), one.path / "probe.py", cwd=d))


class Flags(Case):
    """The interpreter's options, and the ways to give it a program."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair(cls, cls.project_of_class())
        for one in (cls.pair.project, cls.pair.twin):
            one.write("pkg/__init__.py", "")
            one.write("pkg/__main__.py", PROBE)
            one.write("appdir/__main__.py", PROBE)
            with zipfile.ZipFile(one.path / "app.pyz", "w") as archive:
                archive.writestr("__main__.py", PROBE)

    def setUp(self):
        self.pair.case = self

    def test_options(self):
        for words in (
            ["-I"],
            ["-S"],
            ["-E"],
            ["-s"],
            ["-B"],
            ["-u"],
            ["-X", "utf8"],
            ["-Xutf8=0"],
            ["-W", "error"],
            ["-Werror"],
            ["-O"],
            ["-OO"],
            ["-b"],
            ["-q"],
            ["-v", "-V"],
            ["-IBs"],
            ["-sEu", "-W", "ignore"],
            ["-BuX", "dev"],
            ["-ESs"],
            ["--check-hash-based-pycs", "always"],
            ["-X", "importtime", "-V"],
        ):
            with self.subTest(words):
                if "-V" in words:
                    self.pair.same(lambda one, w=words: one.python(*w))
                    continue
                self.pair.same_probe(lambda one, w=words: one.python(*w, "probe.py", "-x", "y"))
                self.pair.same_probe(lambda one, w=words: one.python(*w, "-c", PROBE, "-c"))

    def test_version_and_help(self):
        for word in ("-V", "--version", "-VV", "-h", "--help"):
            with self.subTest(word):
                self.pair.same(lambda one, w=word: one.python(w))

    def test_stdin(self):
        self.pair.same_probe(lambda one: one.python("-", "a", "b", input=PROBE))
        self.pair.same_probe(lambda one: one.python(input=PROBE))
        self.pair.same_probe(lambda one: one.python("-I", "-", "a", input=PROBE))

        def from_file(one):
            with open(one.path / "probe.py", encoding="utf-8") as script:
                return one.python(stdin=script)

        self.pair.same_probe(from_file)
        self.pair.same_probe(
            lambda one: run("sh", "-c", "cat probe.py | .venv/bin/python - x | cat", cwd=one.path)
        )
        self.pair.same_probe(
            lambda one: run(
                "bash", "-c", ".venv/bin/python <<'END'\n" + PROBE + "\nEND\n", cwd=one.path
            )
        )

    def test_process_substitution(self):
        self.pair.same(
            lambda one: run("bash", "-c", ".venv/bin/python <(echo 'print(6 * 7)')", cwd=one.path)
        )

    def test_modules_directories_archives(self):
        for words in (
            ["-m", "pkg"],
            ["-m", "probe", "a"],
            ["appdir", "x"],
            ["app.pyz", "x"],
            ["./appdir/"],
            ["pkg/__main__.py"],
            ["-Im", "json.tool", "--help"],
            ["-m", "absent"],
            ["absent.py"],
            ["-c", "raise SystemExit('gone')"],
        ):
            with self.subTest(words):
                self.pair.same(lambda one, w=words: one.python(*w))

    def test_zipapp_that_is_executable(self):
        for one in (self.pair.project, self.pair.twin):
            archive = (one.path / "app.pyz").read_bytes()
            one.write("app", b"#!" + one.bin().encode() + b"\n" + archive, 0o755)
        self.pair.same_probe(lambda one: run("./app", "x", cwd=one.path))

    def test_script_with_a_shebang_outside_bin(self):
        for one in (self.pair.project, self.pair.twin):
            one.write("tools/job", f"#!{one.bin()}\n" + PROBE, 0o755)
        self.pair.same_probe(lambda one: run("tools/job", "1", cwd=one.path))
        self.pair.same_probe(lambda one: run("./job", "1", cwd=one.path / "tools"))

    def test_python_variables(self):
        for name, value in {
            "PYTHONPATH": "sub:pkg",
            "PYTHONUTF8": "1",
            "PYTHONHASHSEED": "7",
            "PYTHONWARNINGS": "error",
            "PYTHONOPTIMIZE": "1",
            "PYTHONIOENCODING": "latin-1",
            "PYTHONUNBUFFERED": "1",
        }.items():
            with self.subTest(name):
                env = environment(**{name: value})
                self.pair.same_probe(lambda one, e=env: one.python("probe.py", env=e))

    def test_many_and_long_arguments(self):
        words = ["x" * 100_000] + [str(n) for n in range(5000)] + ["", " ", "\n", "ü", "-", "--"]
        self.pair.same(
            lambda one: one.code(
                "import sys, hashlib; print(len(sys.argv), "
                "hashlib.sha256(repr(sys.argv).encode()).hexdigest())",
                *words,
            )
        )

    def test_bytes_that_are_no_text(self):
        def ask(one):
            return one.code(
                "import os, sys; print([os.fsencode(w) for w in sys.argv])", b"\xff\xfe"
            )

        self.pair.same(ask)


class Scripts(Case):
    """Console scripts and native programs in bin."""

    BODY = (
        "import json, os, sys\n"
        "print(json.dumps([sys.argv, sys.executable, __file__, sys.path, __name__,"
        " getattr(sys, 'orig_argv', 0)]))\n"
    )

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair(cls, cls.project_of_class())
        for one in (cls.pair.project, cls.pair.twin):
            one.script("tool", cls.BODY)
            one.script("flagged", cls.BODY, shebang=f"#!{one.bin()} -sE")
            one.script("by-env", cls.BODY, shebang="#!/usr/bin/env python3")
            one.script(
                "shell-job",
                'echo "$0" "$@"; python -c "import sys; print(sys.prefix)"\n',
                shebang="#!/bin/sh",
            )
            one.script("sourced", "")
            shutil.copy("/bin/echo", one.env_dir / "bin" / "native")
        tool("wrap", cls.pair.project.env_dir, check=True)

    def setUp(self):
        self.pair.case = self

    def by_path(self, one):
        return environment(PATH=f"{one.env_dir}/bin:{os.environ['PATH']}")

    def test_called_in_every_way(self):
        for name in ("tool", "flagged", "by-env", "shell-job", "native"):
            for way, ask in {
                "absolute": lambda one, n=name: one.run(n, "a", "b c", env=self.by_path(one)),
                "relative": lambda one, n=name: one.run(
                    f".venv/bin/{n}", "a", env=self.by_path(one)
                ),
                "PATH": lambda one, n=name: run(
                    "sh", "-c", f"{n} a", cwd=one.path, env=self.by_path(one)
                ),
                "below": lambda one, n=name: one.run(
                    f"../.venv/bin/{n}", cwd=one.path / "sub", env=self.by_path(one)
                ),
            }.items():
                with self.subTest(f"{name} {way}"):
                    done = self.pair.same(ask)
                    self.assert_clean(done)

    def test_python_runs_a_script_of_bin(self):
        for words in (["tool", "x"], ["flagged"]):
            with self.subTest(words):
                self.pair.same_probe(lambda one, w=words: one.python(".venv/bin/" + w[0], *w[1:]))
                self.pair.same_probe(lambda one, w=words: one.python(one.bin(w[0]), *w[1:]))

    def test_scripts_call_each_other(self):
        code = (
            "import subprocess, sys, os, shutil\n"
            "print(subprocess.check_output(['tool', 'x'], text=True))\n"
            "print(shutil.which('tool'), shutil.which('python'), os.environ['PATH'][:40])\n"
            "print(subprocess.check_output([sys.executable, '-c', 'import sys;"
            " print(sys.executable, sys.argv)'], text=True))\n"
        )
        self.pair.same(lambda one: one.code(code, env=self.by_path(one)))

    def test_activated_shell(self):
        script = (
            ". .venv/bin/activate; python -c 'import sys; print(sys.prefix)'; tool 1;"
            " echo $VIRTUAL_ENV $PS1; deactivate; command -v python"
        )
        self.pair.same(lambda one: run("bash", "-c", script, cwd=one.path))

    def test_argv0_of_a_native_program(self):
        for one in (self.pair.project, self.pair.twin):
            shutil.copy("/bin/bash", one.env_dir / "bin" / "mybash")
        tool("wrap", self.pair.project.env_dir, check=True)
        self.pair.same(
            lambda one: run(
                "bash",
                "-c",
                "exec -a other-name .venv/bin/mybash -c 'echo $0; echo $BASH'",
                cwd=one.path,
            )
        )
