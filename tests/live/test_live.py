"""Real packages, installed from the package index by the wrapped pip and then used.

Which index that is, pip's own configuration says. Where none can be reached the tests are skipped;
with CI=true or SVENV_MUST_WORK=1 in the environment that is a failure.
"""

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from lib.case import Case
from lib.environment import environment
from lib.index import INSTALL_TIME, index_trouble
from lib.installed import STUB
from lib.processes import wait_for
from lib.skips import need
from lib.web import Server


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def fetch(url):
    """The text behind a URL of this machine, or None while nothing answers there."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


class Live(Case):
    """One test a package, each in a project of its own."""

    def make(self):
        project = self.project()
        project.venv(pip=True)
        trouble = index_trouble(project.bin())
        need(trouble is None, trouble)
        project.wrap()
        return project

    def install(self, project, *words, program=("pip", "install")):
        done = project.run(program[0], *program[1:], *words, timeout=INSTALL_TIME)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_quiet(done)
        self.assert_stubs(project)
        return done

    def assert_stubs(self, project):
        """Nothing that can be executed stands in bin but stubs, and the tool agrees."""
        for path in (project.env_dir / "bin").iterdir():
            if os.access(path, os.X_OK) and not path.name.lower().startswith("activate"):
                self.assertFalse(path.is_symlink(), path)
                self.assertEqual(path.read_bytes(), STUB.read_bytes(), path)
        self.assert_wrapped(project.env_dir)

    def test_requests(self):
        project = self.make()
        self.install(project, "requests")
        with Server() as port:
            done = project.code(
                "import requests, sys\n"
                "session = requests.Session()\n"
                "session.trust_env = False\n"
                "print(session.get(sys.argv[1], timeout=10).text)",
                f"http://127.0.0.1:{port}/",
            )
        self.assert_clean(done)
        self.assertEqual(done.stdout, "host\n")

    def test_flask(self):
        project = self.make()
        self.install(project, "flask")
        project.write(
            "app.py",
            "import flask\n\napp = flask.Flask(__name__)\n\n\n"
            "@app.get('/<name>')\ndef greet(name):\n    return 'hello ' + name\n",
        )
        port = free_port()
        server = project.spawn(
            "flask",
            "--app",
            "app",
            "run",
            "--port",
            port,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            answer = wait_for(
                lambda: server.poll() is not None or fetch(f"http://127.0.0.1:{port}/you"), 30
            )
            server.send_signal(signal.SIGINT)
            _, log = server.communicate(timeout=30)
        finally:
            if server.poll() is None:
                server.kill()
                server.communicate()
        self.assertEqual(answer, "hello you", log)
        self.assertEqual(server.returncode, 0, log)
        self.assertNotIn("sandbox-venv:", log)
        self.assertIsNone(fetch(f"http://127.0.0.1:{port}/you"))

    def test_numpy(self):
        project = self.make()
        self.install(project, "numpy")
        got = project.value(
            "import json, numpy\n"
            "a = numpy.arange(250000.0).reshape(500, 500)\n"
            "print(json.dumps([float((a @ numpy.eye(500) - a).max()),\n"
            "                  (numpy.array([[1, 2], [3, 4]]) @ numpy.array([5, 6])).tolist()]))"
        )
        self.assertEqual(got, [0.0, [17, 39]])

    def test_ruff(self):
        project = self.make()
        self.install(project, "ruff")
        project.write("good.py", "print(1)\n")
        project.write("bad.py", "import os\n")
        done = project.run("ruff", "check", "good.py")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = project.run("ruff", "check", "bad.py")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("F401", done.stdout)
        done = project.run("ruff", "check", "--fix", "bad.py")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual((project.path / "bad.py").read_text(), "")

    def test_pytest(self):
        project = self.make()
        self.install(project, "pytest")
        project.write(
            "test_sum.py",
            "def test_good(tmp_path):\n"
            "    (tmp_path / 'x').write_text('x')\n"
            "    assert sum([1, 2]) == 3\n",
        )
        for argv in (["pytest", "-q"], ["python", "-m", "pytest", "-q"]):
            done = project.run(*argv)
            self.assert_clean(done)
            self.assertIn("1 passed", done.stdout)
        project.write("test_bad.py", "def test_bad():\n    assert sum([1, 2]) == 4\n")
        done = project.run("pytest", "-q")
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 failed, 1 passed", done.stdout)

    def test_extension_from_source(self):
        project = self.make()
        headers = project.value(
            "import json, os, sysconfig\n"
            "where = sysconfig.get_path('include')\n"
            "print(json.dumps(os.path.exists(where + '/Python.h')))"
        )
        need(headers, "Python's headers are not installed")
        done = self.install(project, "--no-binary", ":all:", "markupsafe")
        self.assertIn("Successfully installed", done.stdout)
        done = project.code("from markupsafe import _speedups, escape; print(escape('<'))")
        self.assert_clean(done)
        self.assertEqual(done.stdout, "&lt;\n")

    def test_uv(self):
        project = self.make()
        index = project.run("pip", "config", "get", "global.index-url")
        env = environment()
        if index.returncode == 0 and not any(
            name in env for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
        ):
            env["UV_DEFAULT_INDEX"] = index.stdout.strip()
        self.install(project, "uv")
        done = project.run("uv", "pip", "install", "pyflakes", env=env, timeout=INSTALL_TIME)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_quiet(done)
        self.assert_stubs(project)
        project.write("bad.py", "import os\n")
        done = project.run("pyflakes", "bad.py")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("imported but unused", done.stdout)
        done = project.run("uv", "pip", "uninstall", "pyflakes", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((project.env_dir / "bin" / "pyflakes").exists())

    def test_pip_replaces_itself(self):
        project = self.make()
        self.install(project, "-U", "pip")
        after = project.run("pip", "--version")
        self.assert_clean(after)
        self.assertIn(str(project.env_dir), after.stdout)
        # The new one works too, under both of its names.
        self.install(project, "iniconfig")
        self.assert_clean(project.code("import iniconfig"))
        self.install(
            project, "--force-reinstall", "iniconfig", program=("python", "-m", "pip", "install")
        )
