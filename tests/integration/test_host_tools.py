"""Tools of the host that write into a wrapped venv."""

import os
import pathlib
import subprocess

from lib import packages
from lib.environment import environment
from lib.installs import InstallCase
from lib.interpreters import find_uv
from lib.programs import SECONDS, run, tool
from lib.skips import impossible


class HostTools(InstallCase):
    """Tools outside the sandbox write straight into bin: the next start takes that inside."""

    def setUp(self):
        self.p = self.wrapped(pip=True)
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
        child.communicate("", timeout=SECONDS)
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
        site = self.p.site_packages
        (site / "hosted").mkdir()
        (site / "hosted/__init__.py").write_text("def main():\n    print('hosted')\n")
        with open(self.bin / "hosted", "w", encoding="utf-8") as out:
            out.write(
                f"#!{self.p.bin('python')}\nimport sys\nfrom hosted import main\n"
                "if __name__ == '__main__':\n    sys.exit(main())\n"
            )
        (self.bin / "hosted").chmod((self.bin / "hosted").stat().st_mode | 0o111)
        # Run directly, the script starts by the wrapped interpreter: sandboxed all the same.
        done = run(self.bin / "hosted")
        self.assertEqual((done.stdout, done.stderr), ("hosted\n", ""))
        self.assert_in_step(self.p)

    def test_uv(self):
        uv = find_uv()
        if not uv:
            impossible("uv: not installed for this user")
        native = pathlib.Path("/usr/bin/true").read_bytes()
        packages.wheel(
            self.wheels,
            "tools",
            files={"tools/__init__.py": "def main():\n    print('tools')\n"},
            scripts={"tools-x": "tools:main"},
            data={"tools-native": (native, 0o755)},
        )
        common = ["--python", self.p.bin("python")]
        env = environment(UV_CACHE_DIR=str(self.p.top / "uv-cache"), NO_COLOR="1")
        done = run(
            uv,
            "pip",
            "install",
            *common,
            "--offline",
            "--no-index",
            "--find-links",
            self.wheels,
            "tools",
            env=env,
        )
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
