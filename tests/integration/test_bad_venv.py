"""Paths that are no venv, and venvs with odd things in them: one clear line, no harm done."""

import json
import os
import shutil

from lib.case import Case
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import processor_time, run, tool
from lib.trees import snapshot
from lib.user import HOME

# Text of pyvenv.cfg, and words that the line must have. {python}: the directory of the interpreter.
BAD_CONFIGS = {
    "empty": (b"", "home"),
    "no home": (b"version = 3.11.2\n", "home"),
    "empty home": (b"home = \nversion = 3.11\n", "home"),
    "relative home": (b"home = bin\n", "home"),
    "home that is gone": (b"home = /nonexistent/bin\n", "/nonexistent/bin"),
    "NUL": (b"home = /usr/bin\x00/evil\n", "pyvenv.cfg:1"),
    "NUL elsewhere": (b"home = /usr/bin\nx = a\x00b\n", "pyvenv.cfg:2"),
    "over-long home": (b"home = /" + b"x" * 70000 + b"\n", ""),
    "long home": (b"home = /" + b"x" * 5000 + b"\n", "pyvenv.cfg:1"),
    "too large": (b"home = /usr/bin\n" + b"# filler\n" * 200000, "pyvenv.cfg"),
    "binary": (bytes(range(256)) * 4, "pyvenv.cfg"),
}


class NoVenv(Case):
    """Paths that are no virtual environment."""

    def test_nothing_there(self):
        project = self.project()
        self.assert_refused(tool("wrap", project.path / "none"), saying="none")
        self.assert_refused(tool(cwd=project.path), saying="sandbox-venv create .venv")
        for command in ("unwrap", "status", "run", "shell"):
            words = ["--", "true"] if command == "run" else []
            self.assert_refused(tool(command, project.path / "none", *words), saying="none")
            self.assert_refused(tool(command, *words, cwd=project.path), saying=".venv")
        self.assert_refused(tool("policy", "show", project.path / "none"), saying="none")
        self.assertEqual(list(project.path.iterdir()), [])

    def test_not_a_venv(self):
        project = self.project()
        project.write("file", "x")
        (project.path / "empty").mkdir()
        (project.path / "conda/conda-meta").mkdir(parents=True)
        (project.path / "dangling").symlink_to("nowhere")
        (project.path / "loop").symlink_to("loop")
        os.mkfifo(project.path / "fifo")
        for name, text in (
            ("file", "not a directory"),
            ("empty", "not a virtualenv"),
            ("conda", "conda"),
            ("dangling", "dangling"),
            ("loop", "loop"),
            ("fifo", "not a directory"),
            ("file/x", "file/x"),
            ("x" * 300, "name too long"),
            ("a/" * 3000, "a/a/a"),
        ):
            with self.subTest(name[:20]):
                done = tool("wrap", project.path / name)
                self.assert_refused(done)
                self.assertIn(text.lower(), done.stderr.lower())
        before = snapshot(project.path)
        self.assert_refused(tool("wrap", project.path), saying="not a virtualenv")
        self.assertEqual(snapshot(project.path), before)

    def test_hint_to_the_venv_inside(self):
        project = self.plain()
        self.assert_refused(tool("wrap", project.path), saying=f"{project.path}/.venv")

    def test_no_bin(self):
        for make in (
            lambda path: None,
            lambda path: path.write_text(""),
            lambda path: path.symlink_to("/usr/bin"),
            os.mkfifo,
        ):
            project = self.plain()
            shutil.rmtree(project.env_dir / "bin")
            make(project.env_dir / "bin")
            before = snapshot(project.env_dir)
            done = project.wrap(check=False)
            self.assert_unharmed(project, before, done, saying="bin")

    def test_no_interpreter(self):
        project = self.plain()
        for path in (project.env_dir / "bin").glob("python*"):
            path.unlink()
        before = snapshot(project.env_dir)
        self.assert_unharmed(
            project, before, project.wrap(check=False), saying="no Python interpreter"
        )

    def test_dangling_interpreter(self):
        for target in ("/nonexistent/python3", "python-gone", "python"):
            project = self.plain()
            for path in (project.env_dir / "bin").glob("python*"):
                path.unlink()
                path.symlink_to(target)
            before = snapshot(project.env_dir)
            self.assert_unharmed(project, before, project.wrap(check=False))

    def test_interpreter_that_is_none(self):
        project = self.plain()
        for path in (project.env_dir / "bin").glob("python*"):
            path.unlink()
            path.symlink_to("/etc/passwd")
        before = snapshot(project.env_dir)
        self.assert_unharmed(project, before, project.wrap(check=False), saying="/etc/passwd")

    def test_configurations(self):
        for name, (text, saying) in BAD_CONFIGS.items():
            with self.subTest(name):
                project = self.plain()
                for path in (project.env_dir / "bin").glob("python*"):
                    path.unlink()
                    shutil.copy2(SYSTEM_PYTHON, path)
                (project.env_dir / "pyvenv.cfg").write_bytes(text)
                before = snapshot(project.env_dir)
                self.assert_unharmed(project, before, project.wrap(check=False), saying=saying)

    def test_configuration_with_long_lines_that_don_t_matter(self):
        project = self.plain()
        config = project.env_dir / "pyvenv.cfg"
        filler = "y" * 180
        text = config.read_text() + f"command = /{'x' * 3000}\n"
        # Split at 199 characters, this line would become a second key `home`.
        text += "command2 = /" + "x" * (199 - len("command2 = /")) + f"home = /evil/{filler}\n"
        config.write_text(text)
        project.wrap()
        manifest = project.manifest
        self.assertNotIn("evil", manifest["home"])
        self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_configuration_that_is_no_file(self):
        for make in (
            os.mkfifo,
            os.mkdir,
            lambda path: path.symlink_to("/etc/shadow"),
            lambda path: path.symlink_to("/dev/zero"),
        ):
            project = self.plain()
            config = project.env_dir / "pyvenv.cfg"
            config.unlink()
            make(config)
            before = snapshot(project.env_dir)
            self.assert_unharmed(project, before, project.wrap(check=False), saying="pyvenv.cfg")

    def test_home_as_project(self):
        project = self.project(home=True)
        project.venv()
        done = project.wrap("--project", HOME, check=False)
        self.assert_refused(done)
        self.assert_refused(project.wrap("--project", "/", check=False))
        self.assert_refused(
            project.wrap("--project", "/nonexistent/x", check=False), saying="/nonexistent/x"
        )
        self.assertFalse((project.env_dir / "sandbox").exists())


class Entries(Case):
    """Odd things in bin."""

    def test_odd_kinds(self):
        project = self.plain()
        bin_dir = project.env_dir / "bin"
        os.mkfifo(bin_dir / "fifo", 0o755)
        (bin_dir / "directory").mkdir()
        (bin_dir / "dangling").symlink_to("/nonexistent/x")
        (bin_dir / "loop").symlink_to("loop")
        (bin_dir / "up").symlink_to("../..")
        (bin_dir / "empty").touch(0o755)
        (bin_dir / "no-interpreter").write_text("#!/nonexistent/python\n")
        (bin_dir / "no-interpreter").chmod(0o755)
        (bin_dir / "just-text").write_text("text")
        (bin_dir / "just-text").chmod(0o755)
        (bin_dir / "sparse").touch(0o755)
        os.truncate(bin_dir / "sparse", 1 << 34)
        names = [
            b"line\nbreak",
            b"quo'te\"`$(id)",
            b"\xff\xfe",
            b"-rf",
            b" blank ",
            b"\x1b[31mred",
            b"back\\slash",
            b"%2e%2e",
            b"x" * 255,
            "ünïcode".encode(),
            b"...",
        ]
        for name in names:
            path = os.fsencode(bin_dir) + b"/" + name
            with open(path, "wb") as out:
                out.write(b"#!/bin/sh\necho ran\n")
            os.chmod(path, 0o755)
        before = snapshot(project.env_dir)
        done = project.wrap(timeout=30)
        self.assert_clean(done)
        for text in (
            done.stdout,
            tool("status", project.env_dir).stdout,
            tool("status", project.env_dir, "--json").stdout,
        ):
            self.assertNotIn("\x1b[31m", text)
            self.assertNotIn("line\nbreak", text)
        json.loads(tool("status", project.env_dir, "--json").stdout)
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 0)
        for name in names:
            done = run([os.fsencode(bin_dir) + b"/" + name])
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ran\n", ""), name)
        self.assert_refused(project.run("no-interpreter"), status=127, saying="no-interpreter")
        # Text without a first line for the kernel is a script, as for a shell and execvp(3).
        self.assertEqual(project.run("empty").returncode, 0)
        self.assertEqual(project.run("just-text").returncode, 127)
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_odd_names_that_appear_inside(self):
        """Names that only an installer's packages made are not published when they are odd."""
        project = self.plain()
        project.wrap()
        real = os.fsencode(project.env_dir / "sandbox/bin")
        for name in (b"line\nbreak", b"\x1b[31m", b"\xff", b"-rf", b".hidden", b"git"):
            with open(real + b"/" + name, "wb") as out:
                out.write(b"#!/bin/sh\n")
            os.chmod(real + b"/" + name, 0o755)
        os.mkfifo(real + b"/fifo", 0o755)
        os.mkdir(real + b"/dir")
        os.symlink("/etc/shadow", real + b"/shadow")
        done = project.code("pass")
        self.assertEqual(done.returncode, 0, done.stderr)
        # The user is told once of a name that is kept back, with the key that lets it out.
        self.assertRegex(done.stderr, r"\Asandbox-venv: 'git' .*publish: \[git\].*\n\Z")
        self.assert_clean(project.code("pass"))
        published = {path.name for path in (project.env_dir / "bin").iterdir()}
        self.assertEqual(
            published
            & {
                "line\nbreak",
                "\x1b[31m",
                "-rf",
                ".hidden",
                "git",
                "fifo",
                "dir",
                os.fsdecode(b"\xff"),
            },
            set(),
        )
        self.assertFalse((project.env_dir / "bin/shadow").is_symlink())
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 0)

    def test_too_many_names_inside(self):
        project = self.plain()
        project.wrap()
        real = project.env_dir / "sandbox/bin"
        for number in range(65540):
            (real / str(number)).touch()
        before = processor_time()
        done = project.code("print('ran')")
        self.assert_refused(done, saying="names")
        self.assertLess(processor_time() - before, 20)
        for number in range(65540):
            (real / str(number)).unlink()
        self.assert_clean(project.code("pass"))
        tool("unwrap", project.env_dir, "--purge")
