"""Options of bubblewrap, for one start and for all."""

import pathlib
import socket
import tempfile
import textwrap

from lib.environment import environment
from lib.programs import SECONDS, tool
from lib.trees import remove_tree
from lib.view import READ_ONLY, View


class BwrapArgs(View):
    def args(self, text, **more):
        return environment(BWRAP_ARGS=text, **more)

    def test_ro_bind_to_another_place(self):
        project = self.wrapped()
        source = project.top / "source"
        source.mkdir()
        (source / "file").write_text("text")
        env = self.args(f"--ro-bind {source} /srv/data")
        seen = self.attempts(
            project, ("read", "/srv/data/file"), ("write", "/srv/data/file"), env=env
        )
        self.assertEqual(seen[0], "ok")
        self.assertIn(seen[1], READ_ONLY)
        self.assertEqual(self.attempt(project, "read", "/srv/data/file"), "ENOENT")

    def test_over_the_defaults(self):
        project = self.wrapped()
        hosts = project.top / "hosts"
        hosts.write_text("127.0.0.1 over.the.default\n")
        env = self.args(f"--ro-bind {hosts} /etc/hosts")
        done = project.code("print(open('/etc/hosts').read(), end='')", env=env)
        self.assert_clean(done)
        self.assertEqual(done.stdout, hosts.read_text())

    def test_bind_is_writable(self):
        project = self.wrapped()
        out = project.top / "out"
        out.mkdir()
        env = self.args(f"--bind {out} {out}")
        self.assert_clean(
            project.code("import sys; open(sys.argv[1] + '/x', 'w').close()", out, env=env)
        )
        self.assertTrue((out / "x").exists())

    def test_setenv_unsetenv_tmpfs_dir_symlink(self):
        project = self.wrapped()
        project.write(".env", "FROM=dotenv\n")
        env = self.args(
            "--setenv FROM args --unsetenv LANG --tmpfs /scratch --dir /made/here"
            " --symlink /usr/bin /tools",
            LANG="C.UTF-8",
        )
        code = textwrap.dedent("""
            import json, os
            open('/scratch/x', 'w').close()
            print(json.dumps([os.environ['FROM'], 'LANG' in os.environ,
                              os.path.isdir('/made/here'), os.readlink('/tools')]))
            """)
        self.assertEqual(project.value(code, env=env), ["args", False, True, "/usr/bin"])
        self.assertEqual(
            project.code("import os; print(os.path.exists('/scratch'))").stdout, "False\n"
        )

    def test_lines_keep_blanks(self):
        project = self.wrapped()
        source = project.top / "my data"
        source.mkdir()
        (source / "file").write_text("text")
        env = self.args(f"--ro-bind\n{source}\n/my data\n--setenv\nTEXT\na  b\n")
        code = "import os; print(open('/my data/file').read(), os.environ['TEXT'])"
        done = project.code(code, env=env)
        self.assert_clean(done)
        self.assertEqual(done.stdout, "text a  b\n")

    def test_unknown_option_names_itself(self):
        project = self.wrapped()
        for text in ("--no-such-option", "--seccomp 3", "--ro-bind /usr", "--setenv X"):
            with self.subTest(text):
                done = project.code("print('ran')", env=self.args(text))
                self.assertEqual((done.returncode, done.stdout), (125, ""))
                self.assertIn(text.split()[0], done.stderr)

    def test_options_of_wrap_are_kept(self):
        project = self.project()
        source = project.top / "source"
        source.mkdir()
        (source / "file").write_text("text")
        project.venv().wrap("--", "--ro-bind", source, "/srv/data", "--setenv", "KEPT", "yes")
        code = "import os; print(open('/srv/data/file').read(), os.environ['KEPT'])"
        self.assertEqual(project.code(code).stdout, "text yes\n")
        project.wrap()
        self.assertEqual(project.code(code).stdout, "text yes\n")

    def test_classic_invocation(self):
        """`sandbox-venv VENV OPTIONS...`, as it always was."""
        project = self.project()
        project.venv()
        project.will_be_wrapped()
        tool(".venv", "--setenv", "CLASSIC", "1", cwd=project.path, check=True)
        self.assertEqual(project.code("import os; print(os.environ['CLASSIC'])").stdout, "1\n")

    def test_web_server_on_port_80(self):
        project = self.wrapped()
        env = self.args("--uid 0 --gid 0 --cap-add cap_net_bind_service --unshare-net")
        code = textwrap.dedent("""
            import os, subprocess, sys, time, urllib.request
            assert os.getuid() == 0, os.getuid()
            server = subprocess.Popen([sys.executable, '-m', 'http.server', '80'],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(1000):
                try:
                    answer = urllib.request.urlopen('http://127.0.0.1/').status; break
                except OSError: time.sleep(0.1)
            server.terminate(); server.wait(); print(answer)
            """)
        done = project.code(code, env=env)
        self.assertEqual((done.returncode, done.stdout), (0, "200\n"), done.stderr)

    def test_port_80_needs_the_capability(self):
        project = self.wrapped()
        code = (
            "import socket\ntry: socket.create_server(('127.0.0.1', 80)); print('bound')\n"
            "except PermissionError: print('refused')\n"
        )
        without = project.code(code, env=self.args("--uid 0 --gid 0 --unshare-net"))
        self.assertEqual(without.stdout, "refused\n", without.stderr)

    def test_x_server(self):
        """A socket of an X server shown at another display's place."""
        project = self.wrapped()
        where = pathlib.Path(tempfile.mkdtemp(prefix="svenv-x-", dir="/tmp"))
        self.addCleanup(remove_tree, where)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(where / "X7"))
        server.listen()
        env = self.args(f"--bind {where}/X7 /tmp/.X11-unix/X8 --setenv DISPLAY :8")
        code = textwrap.dedent("""
            import os, socket
            s = socket.socket(socket.AF_UNIX); s.connect('/tmp/.X11-unix/X8'); s.sendall(b'hello X')
            print(os.environ['DISPLAY'])
            """)
        done = project.code(code, env=env)
        self.assert_clean(done)
        self.assertEqual(done.stdout, ":8\n")
        server.settimeout(SECONDS)
        peer, _ = server.accept()
        with peer:
            self.assertEqual(peer.recv(100), b"hello X")
