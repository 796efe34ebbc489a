"""What a program sees of the machine: files, environment, network, and the ways to change that."""

import errno
import http.server
import json
import os
import pathlib
import pwd
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

import support

# Tries one operation on every path of a list; "ok", or the name of the error.
TRY = textwrap.dedent("""
    import errno, json, os, sys
    def attempt(what, path):
        try:
            if what == 'read':
                with open(path, 'rb') as f: f.read(1)
            elif what == 'write':
                with open(path, 'ab'): pass
            elif what == 'list': os.listdir(path)
            elif what == 'make':
                name = os.path.join(path, 'made-by-test'); os.mkdir(name); os.rmdir(name)
            elif what == 'stat': os.lstat(path)
            return 'ok'
        except OSError as e:
            return errno.errorcode[e.errno]
    print(json.dumps([attempt(*pair) for pair in json.loads(sys.argv[1])]))
    """)
READ_ONLY = ("EROFS", "EACCES", "EPERM")
NO_WAY = ("ENOENT", "EACCES", "EROFS", "EPERM")


class View(support.Case):
    def attempts(self, project, *pairs, **options):
        pairs = [(what, str(path)) for what, path in pairs]
        return project.value(TRY, json.dumps(pairs), **options)

    def attempt(self, project, what, path, **options):
        return self.attempts(project, (what, path), **options)[0]

    def assert_read_only(self, project, *paths):
        for path, result in zip(paths, self.attempts(project, *(("write", p) for p in paths))):
            self.assertIn(result, READ_ONLY, path)


class Default(View):
    """The table of the inside view, with nothing said in the policy."""

    @classmethod
    def setUpClass(cls):
        cls.keeper = support.Case()
        cls.addClassCleanup(cls.keeper.doCleanups)
        cls.project = cls.keeper.project(home=True)
        cls.project.venv()
        cls.project.script("tool", "print('tool')\n")
        cls.project.wrap()
        # Canaries of the user's own, beside whatever the home directory really holds.
        cls.canary = tempfile.mkdtemp(prefix="svenv-canary-", dir=support.HOME)
        cls.addClassCleanup(support.remove_tree, cls.canary)
        cls.secret = pathlib.Path(cls.canary) / "id_test"
        cls.secret.write_text("canary")

    def test_home_is_private(self):
        home = pathlib.Path(support.HOME)
        seen = self.project.value("import json, os; print(json.dumps(os.listdir(os.path.expanduser"
                                  "('~'))))")
        self.assertNotIn(os.path.basename(self.canary), seen)
        self.assertEqual(self.attempt(self.project, "read", self.secret), "ENOENT")
        for name in (".ssh", ".gnupg", ".aws", ".bashrc", ".profile", ".netrc", ".git-credentials"):
            self.assertEqual(self.attempt(self.project, "stat", home / name), "ENOENT", name)
        self.assertEqual(self.attempt(self.project, "make", home), "ok")
        self.assertFalse((home / "made-inside").exists())
        self.assert_clean(self.project.code(
            "import pathlib; pathlib.Path.home().joinpath('made-inside').write_text('x')"))
        self.assertFalse((home / "made-inside").exists())

    def test_home_and_cache_persist(self):
        self.assert_clean(self.project.code(
            "import pathlib; h = pathlib.Path.home(); (h / '.cache/app').mkdir(parents=True);"
            " (h / '.cache/app/data').write_text('c'); (h / '.config').mkdir(exist_ok=True);"
            " (h / '.config/app').write_text('h')"))
        seen = self.project.code("import pathlib; h = pathlib.Path.home();"
                                 "print((h / '.cache/app/data').read_text(),"
                                 " (h / '.config/app').read_text())")
        self.assertEqual(seen.stdout, "c h\n")
        self.assertEqual((self.project.env_dir / "cache/app/data").read_text(), "c")
        self.assertEqual((self.project.env_dir / "home/.config/app").read_text(), "h")
        for name in ("home", "cache"):
            mode = stat.S_IMODE((self.project.env_dir / name).stat().st_mode)
            self.assertEqual(mode, 0o700, name)

    def test_private_directories_are_not_seen_twice(self):
        for name in ("home", "cache", "sandbox"):
            path = self.project.env_dir / name
            if self.attempt(self.project, "stat", path) == "ok":
                self.assertEqual(self.project.value(
                    "import json, os, sys; print(json.dumps(os.listdir(sys.argv[1])))", path), [])
                self.assertIn(self.attempt(self.project, "make", path), READ_ONLY)

    def test_project_is_writable_in_place(self):
        self.assert_clean(self.project.code("open('made', 'w').write('by the program')"))
        made = self.project.path / "made"
        self.assertEqual(made.read_text(), "by the program")
        self.assertEqual(made.stat().st_uid, os.getuid())
        self.assertEqual(made.stat().st_gid, os.getgid())

    def test_venv_is_read_only(self):
        env_dir = self.project.env_dir
        site = next(env_dir.glob("lib/python*/site-packages"))
        self.assert_read_only(self.project, env_dir / "bin/activate", env_dir / "pyvenv.cfg",
                              env_dir / "bin/tool", env_dir / "bin/new")
        for path in (env_dir, env_dir / "bin", site):
            self.assertIn(self.attempt(self.project, "make", path), READ_ONLY, path)
        code = ("import os, sys\n"
                "for f in (lambda: os.rename(sys.argv[1], sys.argv[1] + '2'),\n"
                "          lambda: os.unlink(sys.argv[1] + '/pyvenv.cfg'),\n"
                "          lambda: os.symlink('x', sys.argv[1] + '/bin/new'),\n"
                "          lambda: os.chmod(sys.argv[1] + '/bin/tool', 0o777)):\n"
                "    try: f(); print('done')\n"
                "    except OSError as e: print('refused')\n")
        self.assertEqual(self.project.code(code, env_dir).stdout.split(), ["refused"] * 4)

    def test_bin_is_the_real_one(self):
        done = self.project.code("import os, sys; b = os.path.dirname(sys.executable);"
                                 "print(os.path.realpath(sys.executable));"
                                 "print(open(os.path.join(b, 'tool'), 'rb').read(2))")
        python, head = done.stdout.split()
        self.assertEqual(python, os.path.realpath(support.system_python()))
        self.assertEqual(head, "b'#!'")
        with open(self.project.bin("tool"), "rb") as stub:
            self.assertEqual(stub.read(4), b"\x7fELF")

    def test_system_is_read_only(self):
        self.assert_read_only(self.project, "/usr/bin/env", "/etc/passwd", "/etc/hosts",
                              "/usr/lib/os-release", "/etc/ld.so.cache")
        for path in ("/", "/usr", "/etc", "/bin", "/home", "/dev", "/proc", "/sys", "/opt"):
            self.assertIn(self.attempt(self.project, "make", path), NO_WAY, path)

    def test_etc_is_made(self):
        for name in ("shadow", "gshadow", "sudoers", "ssh", "fstab", "crontab", "krb5.keytab"):
            self.assertEqual(self.attempt(self.project, "stat", "/etc/" + name), "ENOENT", name)
        code = textwrap.dedent("""
            import json, os, pwd, socket, ssl
            print(json.dumps([
                pwd.getpwuid(os.getuid()).pw_name, len(pwd.getpwall()),
                socket.gethostbyname('localhost'), open('/etc/os-release').read(10) != '',
                os.path.exists('/etc/resolv.conf'), ssl.create_default_context() is not None]))
            """)
        seen = self.project.value(code)
        self.assertEqual(seen[0], pwd.getpwuid(os.getuid()).pw_name)
        self.assertEqual(seen[2:], ["127.0.0.1", True, True, True])

    def test_machine_id_is_not_the_hosts(self):
        host = pathlib.Path("/etc/machine-id")
        if not host.exists() or not host.read_text().strip():
            support.skip("this host has no machine-id")
        done = self.project.code("import os; p = '/etc/machine-id';"
                                 "print(os.path.exists(p) and open(p).read())")
        self.assertNotIn(host.read_text().strip(), done.stdout)

    def test_temporary_directories(self):
        with tempfile.NamedTemporaryFile(prefix="svenv-canary-", dir="/tmp") as canary:
            self.assertEqual(self.attempt(self.project, "stat", canary.name), "ENOENT")
        for top in ("/tmp", "/var/tmp", "/dev/shm"):
            with self.subTest(top):
                path = f"{top}/svenv-shared-{os.getpid()}"
                self.assert_clean(self.project.code(
                    "import sys; open(sys.argv[1], 'w').write('mine')", path))
                self.assertFalse(os.path.exists(path))
                done = self.project.code("import sys; print(open(sys.argv[1]).read())", path)
                self.assertEqual(done.stdout, "mine\n")
        with support.Project() as other:
            other.venv().wrap()
            self.assertEqual(self.attempt(other, "stat", f"/tmp/svenv-shared-{os.getpid()}"),
                             "ENOENT")

    def test_tempfile_module(self):
        done = self.project.code("import tempfile, os; f = tempfile.NamedTemporaryFile();"
                                 "print(f.name, os.stat('/tmp').st_mode & 0o7777 >= 0o700)")
        self.assertTrue(done.stdout.startswith("/tmp/"), done)
        self.assertIn("True", done.stdout)

    def test_proc_is_own(self):
        code = textwrap.dedent("""
            import json, os
            print(json.dumps([sorted(int(p) for p in os.listdir('/proc') if p.isdigit()),
                              os.getpid(), os.path.realpath('/proc/self/exe')]))
            """)
        pids, own, exe = self.project.value(code)
        self.assertIn(own, pids)
        self.assertLessEqual(len(pids), 2)
        self.assertEqual(exe, os.path.realpath(support.system_python()))
        for path in ("/proc/1/environ", "/proc/1/root", "/proc/1/cwd", "/proc/1/mem"):
            self.assertNotEqual(self.attempt(self.project, "read", path), "ok", path)

    def test_devices(self):
        code = textwrap.dedent("""
            import os
            assert os.read(os.open('/dev/zero', os.O_RDONLY), 2) == b'\\0\\0'
            assert len(os.urandom(8)) == 8 and len(open('/dev/urandom', 'rb').read(4)) == 4
            open('/dev/null', 'w').write('x')
            print(sorted(n for n in os.listdir('/dev')))
            """)
        done = self.project.code(code)
        self.assert_clean(done)
        for name in ("sda", "vda", "mem", "kmsg", "kvm", "fuse", "loop0", "input", "net"):
            self.assertNotIn(repr(name), done.stdout)

    def test_no_sockets_of_the_host(self):
        for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket",
                     "/run/systemd/private", "/tmp/.X11-unix/X0",
                     f"/run/user/{os.getuid()}/bus", "/run/containerd/containerd.sock"):
            self.assertEqual(self.attempt(self.project, "stat", path), "ENOENT", path)

    def test_privileges(self):
        code = textwrap.dedent("""
            import json
            fields = dict(l.split(':\\t') for l in open('/proc/self/status') if ':\\t' in l)
            print(json.dumps([int(fields[n], 16) for n in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb')]
                             + [fields['NoNewPrivs'].strip(), fields['Seccomp'].strip()]))
            """)
        self.assertEqual(self.project.value(code), [0, 0, 0, 0, "1", "2"])


class Environment(View):
    def names(self, project, *argv, env=None, **options):
        code = "import json, os; print(json.dumps(dict(os.environ)))"
        return project.value(code, *argv, env=env, **options)

    def through_shell(self, project, exported, command):
        """The environment of a program whose parent shell has `exported` in its own; `command` is
        put before the program, as in `DEBUG=1 python`."""
        script = (command + ' "$0" -c "import json, os; print(json.dumps(dict(os.environ)))"; :')
        done = support.run("sh", "-c", script, project.bin(), cwd=project.path,
                           env=support.environment(**exported))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_what_passes_and_what_does_not(self):
        project = self.wrapped()
        exported = {"LANG": "C.UTF-8", "LC_TIME": "C", "HTTPS_PROXY": "http://proxy:1",
                    "CFLAGS": "-O1", "PIP_TIMEOUT": "9", "PYTHONHASHSEED": "3", "EDITOR": "vi",
                    "AWS_SECRET_ACCESS_KEY": "s", "GITHUB_TOKEN": "s", "DB_PASSWORD": "s",
                    "OPENAI_API_KEY": "s", "SSH_AUTH_SOCK": "/tmp/agent", "DOCKER_HOST": "unix:/x",
                    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "PIP_INDEX_PASSWORD": "s",
                    "LD_PRELOAD_TEST": "1", "SOME_UNKNOWN_NAME": "1", "GPG_AGENT_INFO": "x"}
        seen = self.through_shell(project, exported, "")
        for name in ("LANG", "LC_TIME", "HTTPS_PROXY", "CFLAGS", "PIP_TIMEOUT", "PYTHONHASHSEED",
                     "EDITOR"):
            self.assertEqual(seen.get(name), exported[name], name)
        for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "OPENAI_API_KEY",
                     "SSH_AUTH_SOCK", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS",
                     "PIP_INDEX_PASSWORD", "SOME_UNKNOWN_NAME", "GPG_AGENT_INFO"):
            self.assertNotIn(name, seen)

    def test_values_are_never_rewritten(self):
        project = self.wrapped()
        for name in ("HOME", "PATH", "USER", "TMPDIR"):
            exported = {} if name != "TMPDIR" else {"TMPDIR": "/tmp"}
            seen = self.through_shell(project, exported, "")
            self.assertEqual(seen.get(name), {**os.environ, **exported}.get(name), name)

    def test_set_for_this_command(self):
        project = self.wrapped()
        seen = self.through_shell(project, {"OLD_ONE": "1"}, "MY_OWN_FLAG=on OLD_ONE=2")
        self.assertEqual(seen.get("MY_OWN_FLAG"), "on")
        seen = self.through_shell(project, {}, "MY_API_TOKEN=secret")
        self.assertNotIn("MY_API_TOKEN", seen)

    def test_policy_passes_and_sets(self):
        project = self.wrapped(policy=textwrap.dedent("""
            environment:
              pass: [inherit, OPENAI_API_KEY, "MYAPP_*"]
              set: {FROM_POLICY: "value with blanks", EMPTY: ""}
            """))
        seen = self.through_shell(project, {"OPENAI_API_KEY": "k", "MYAPP_MODE": "x",
                                            "MYAPP_TOKEN": "t", "OTHER_KEY": "s"}, "")
        self.assertEqual(seen.get("OPENAI_API_KEY"), "k")
        self.assertEqual(seen.get("MYAPP_MODE"), "x")
        self.assertNotIn("MYAPP_TOKEN", seen)
        self.assertNotIn("OTHER_KEY", seen)
        self.assertEqual(seen.get("FROM_POLICY"), "value with blanks")
        self.assertEqual(seen.get("EMPTY"), "")
        self.assertIn("LANG" if "LANG" in os.environ else "PATH", seen)

    def test_dotenv(self):
        project = self.wrapped()
        project.write(".env", "# comment\nAPP_MODE=dev\nexport DB_PASSWORD='in file'\n"
                              "QUOTED=\"a b\"\nDOLLAR='$(touch made-by-dotenv)'\n")
        seen = self.names(project)
        self.assertEqual([seen.get(n) for n in ("APP_MODE", "DB_PASSWORD", "QUOTED", "DOLLAR")],
                         ["dev", "in file", "a b", "$(touch made-by-dotenv)"])
        self.assertFalse((project.path / "made-by-dotenv").exists())
        seen = self.through_shell(project, {}, "APP_MODE=prod")
        self.assertEqual(seen["APP_MODE"], "prod")

    def test_dotenv_steers_nothing(self):
        project = self.wrapped()
        with tempfile.TemporaryDirectory(dir=support.HOME, prefix="svenv-canary-") as outside:
            project.write(".env", f"BWRAP_ARGS=--bind {outside} /seen\n"
                                  "SANDBOX_SECCOMP_ALLOW=all\nVERBOSE=1\nOK=1\n")
            done = project.code("import os; print(os.environ.get('OK'), os.path.exists('/seen'),"
                                " os.environ.get('BWRAP_ARGS'))")
        self.assertNotIn("mount", done.stderr)
        if done.returncode == 0:
            self.assertEqual(done.stdout.split()[1], "False")
        else:
            self.assert_refused(done)

    def test_a_dotenv_that_is_a_link_is_not_read(self):
        project = self.wrapped()
        with tempfile.NamedTemporaryFile("w", dir=support.HOME, prefix="svenv-canary-") as secret:
            secret.write("STOLEN=1\n")
            secret.flush()
            (project.path / ".env").symlink_to(secret.name)
            self.assert_refused(project.code("pass"), saying=".env")


class Policy(View):
    """Each key with its restriction and its honest use."""

    def test_project_read_only(self):
        project = self.wrapped(policy="filesystem: {project: ro}\n")
        project.write("data", "x")
        self.assertEqual(self.attempts(project, ("read", project.path / "data"),
                                       ("list", project.path)), ["ok", "ok"])
        self.assert_read_only(project, project.path / "data", project.path / "new")

    def test_project_none(self):
        project = self.wrapped(policy="filesystem: {project: none}\n")
        project.write("data", "x")
        seen = self.attempts(project, ("read", project.path / "data"), cwd="/")
        self.assertNotEqual(seen, ["ok"])
        self.assert_clean(project.code("import sys; print(sys.prefix)", cwd="/"))

    def test_read_and_write(self):
        project = self.project()
        project.venv().wrap()
        data = project.top / "data"
        results = project.top / "results"
        for path in (data, results):
            path.mkdir()
            (path / "file").write_text("x")
        project.policy(f"filesystem:\n  read: [{data}]\n  write: [{results}]\n")
        seen = self.attempts(project, ("read", data / "file"), ("write", results / "file"),
                             ("make", results))
        self.assertEqual(seen, ["ok"] * 3)
        self.assert_read_only(project, data / "file", data / "new")
        project.policy("lifetime: tree\n")
        self.assertEqual(self.attempt(project, "read", data / "file"), "ENOENT")

    def test_read_of_what_does_not_exist_is_refused(self):
        project = self.wrapped(policy="filesystem: {read: [/no/such/dir]}\n")
        done = project.code("pass")
        self.assertEqual(done.returncode, 125)
        self.assertIn("/no/such/dir", done.stderr)

    def test_hide(self):
        project = self.wrapped(policy="filesystem: {hide: [.env.production, secrets, '*.pem']}\n")
        project.write(".env.production", "canary")
        project.write("secrets/key", "canary")
        project.write("server.pem", "canary")
        project.write("open.txt", "shown")
        code = textwrap.dedent("""
            import json, os
            def text(p):
                try: return open(p).read()
                except OSError as e: return e.errno
            print(json.dumps([text('.env.production'), os.listdir('secrets'), text('server.pem'),
                              text('open.txt')]))
            """)
        seen = project.value(code)
        self.assertNotIn("canary", json.dumps(seen))
        self.assertEqual((seen[1], seen[3]), ([], "shown"))
        self.assertEqual((project.path / "secrets/key").read_text(), "canary")

    def test_protect(self):
        project = self.project()
        project.venv()
        project.write(".git/config", "[core]")
        project.write(".git/hooks/keep", "")
        project.write(".vscode/settings.json", "{}")
        project.wrap()
        seen = self.attempts(project, ("read", project.path / ".git/config"),
                             ("list", project.path / ".vscode"))
        self.assertEqual(seen, ["ok", "ok"])
        self.assert_read_only(project, project.path / ".git/config",
                              project.path / ".git/hooks/post-checkout",
                              project.path / ".vscode/settings.json")
        code = ("import os\n"
                "for f in (lambda: os.rename('.git', '.git2'), lambda: os.rmdir('.vscode'),\n"
                "          lambda: os.unlink('.git/config')):\n"
                "    try: f(); print('done')\n    except OSError: print('refused')\n")
        self.assertEqual(project.code(code).stdout.split(), ["refused"] * 3)

    def test_protect_more_and_less(self):
        project = self.project()
        project.venv()
        project.write(".git/config", "[core]")
        project.write("Makefile", "all:")
        project.wrap()
        project.policy("filesystem: {protect: ['!.git', Makefile]}\n")
        self.assertEqual(self.attempt(project, "write", project.path / ".git/config"), "ok")
        self.assert_read_only(project, project.path / "Makefile")

    def test_cwd(self):
        project = self.project()
        project.venv().wrap()
        work = project.top / "work"
        work.mkdir()
        (work / "input").write_text("x")
        inside = {"cwd": str(work)}
        self.assertEqual(self.attempt(project, "read", "input", **inside), "ENOENT")
        project.policy("filesystem: {cwd: ro}\n")
        self.assertEqual(self.attempt(project, "read", "input", **inside), "ok")
        self.assertIn(self.attempt(project, "write", "input", **inside), READ_ONLY)
        project.policy("filesystem: {cwd: rw}\n")
        self.assertEqual(self.attempt(project, "write", "new", **inside), "ok")
        self.assertTrue((work / "new").exists())

    def test_cwd_never_shows_the_home_directory(self):
        project = self.wrapped(policy="filesystem: {cwd: rw}\n")
        with tempfile.NamedTemporaryFile(dir=support.HOME, prefix="svenv-canary-") as canary:
            done = project.code(TRY, json.dumps([("stat", canary.name)]), cwd=support.HOME)
        if done.returncode == 0:
            self.assertEqual(json.loads(done.stdout), ["ENOENT"])
        else:
            self.assert_refused(done)

    def test_script_outside_the_project_is_shown(self):
        project = self.project()
        project.venv().wrap()
        script = project.top / "elsewhere" / "job.py"
        script.parent.mkdir()
        script.write_text("import sys, helper; print(helper.x, sys.argv[1:])")
        (script.parent / "helper.py").write_text("x = 5")
        done = project.python(script, "a")
        self.assert_clean(done)
        self.assertEqual(done.stdout, "5 ['a']\n")

    def test_refinement_for_one_command(self):
        project = self.project()
        project.venv()
        project.script("report", "import os; print(os.environ.get('WHO'))\n")
        project.wrap()
        project.policy("commands:\n  - match: [report]\n    environment: {set: {WHO: report}}\n")
        self.assertEqual(project.run("report").stdout, "report\n")
        self.assertEqual(project.code("import os; print(os.environ.get('WHO'))").stdout, "None\n")

    def test_bad_policy_names_the_place(self):
        project = self.wrapped(policy="filesystem:\n  projekt: ro\n")
        done = project.code("print('ran')")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("policy.yaml:3:3", done.stderr)

    def test_limits(self):
        project = self.wrapped(policy="limits: {open-files: 100, processes: 0, file-size: 1M}\n")
        code = ("import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE)[0],"
                " r.getrlimit(r.RLIMIT_FSIZE)[0])")
        self.assertEqual(project.code(code).stdout, "100 1048576\n")

    def test_profiles(self):
        for name in ("default", "strict", "open", "debug"):
            with self.subTest(name):
                project = self.project()
                project.venv().wrap("--policy", name)
                self.assert_clean(project.code("import ssl, json, sqlite3; print(1)"))


class Server:
    """A web server of the host on a free port of localhost."""

    def __enter__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"host")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self.server.server_address[1]

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


FETCH = ("import sys, urllib.request\n"
         "try: print(urllib.request.urlopen('http://127.0.0.1:' + sys.argv[1], timeout=5)"
         ".read().decode())\n"
         "except OSError as e: print('refused')\n")


class Network(View):
    def test_host(self):
        project = self.wrapped(policy="network: {mode: host}\n")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "host\n")

    def test_server_inside_is_reachable(self):
        project = self.wrapped(policy="network: {mode: host}\n")
        process = project.spawn("python", "-u", "-c", "import http.server\n"
                                "s = http.server.HTTPServer(('127.0.0.1', 0),"
                                " http.server.SimpleHTTPRequestHandler)\n"
                                "print(s.server_port, flush=True); s.handle_request()\n",
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                self.assertIn(b"200 OK", client.recv(1000))
            self.assertEqual(process.wait(10), 0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_none(self):
        project = self.wrapped(policy="network: {mode: none}\n")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "refused\n")
        code = textwrap.dedent("""
            import socket, json
            server = socket.create_server(('127.0.0.1', 0))
            client = socket.create_connection(server.getsockname()); peer, _ = server.accept()
            client.sendall(b'own loopback'); names = [n for _, n in socket.if_nameindex()]
            six = socket.has_ipv6 and socket.create_server(('::1', 0), family=socket.AF_INET6)
            print(json.dumps([peer.recv(100).decode(), names]))
            """)
        self.assertEqual(project.value(code), ["own loopback", ["lo"]])

    def test_wrapped_without_network(self):
        project = self.wrapped("--", "--unshare-net")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "refused\n")

    def test_a_profile_for_one_start(self):
        project = self.wrapped()
        with Server() as port:
            for profile, seen in (("default", "host\n"), ("strict", "refused\n")):
                done = support.tool("run", project.env_dir, "--policy", profile, "--",
                                    "python", "-c", FETCH, str(port), cwd=project.path)
                self.assertEqual(done.stdout, seen, profile)
            self.assertEqual(project.code(FETCH, str(port)).stdout, "host\n")

    def test_broker_is_refused_by_name(self):
        project = self.wrapped(policy="network: {mode: broker}\n")
        done = project.code("pass")
        self.assertEqual(done.returncode, 125)
        self.assertIn("broker", done.stderr)


class BwrapArgs(View):
    def args(self, text, **more):
        return support.environment(BWRAP_ARGS=text, **more)

    def test_ro_bind_to_another_place(self):
        project = self.wrapped()
        source = project.top / "source"
        source.mkdir()
        (source / "file").write_text("text")
        env = self.args(f"--ro-bind {source} /srv/data")
        seen = self.attempts(project, ("read", "/srv/data/file"), ("write", "/srv/data/file"),
                             env=env)
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
        self.assert_clean(project.code("import sys; open(sys.argv[1] + '/x', 'w').close()", out,
                                       env=env))
        self.assertTrue((out / "x").exists())

    def test_setenv_unsetenv_tmpfs_dir_symlink(self):
        project = self.wrapped()
        project.write(".env", "FROM=dotenv\n")
        env = self.args("--setenv FROM args --unsetenv LANG --tmpfs /scratch --dir /made/here"
                        " --symlink /usr/bin /tools", LANG="C.UTF-8")
        code = textwrap.dedent("""
            import json, os
            open('/scratch/x', 'w').close()
            print(json.dumps([os.environ['FROM'], 'LANG' in os.environ,
                              os.path.isdir('/made/here'), os.readlink('/tools')]))
            """)
        self.assertEqual(project.value(code, env=env), ["args", False, True, "/usr/bin"])
        self.assertEqual(project.code("import os; print(os.path.exists('/scratch'))").stdout,
                         "False\n")

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
        project._wrapped.append(project.env_dir)
        support.tool(".venv", "--setenv", "CLASSIC", "1", cwd=project.path, check=True)
        self.assertEqual(project.code("import os; print(os.environ['CLASSIC'])").stdout, "1\n")

    def test_web_server_on_port_80(self):
        project = self.wrapped()
        env = self.args("--uid 0 --gid 0 --cap-add cap_net_bind_service --unshare-net")
        code = textwrap.dedent("""
            import os, subprocess, sys, time, urllib.request
            assert os.getuid() == 0, os.getuid()
            server = subprocess.Popen([sys.executable, '-m', 'http.server', '80'],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(100):
                try:
                    answer = urllib.request.urlopen('http://127.0.0.1/').status; break
                except OSError: time.sleep(0.1)
            server.terminate(); server.wait(); print(answer)
            """)
        done = project.code(code, env=env)
        self.assertEqual((done.returncode, done.stdout), (0, "200\n"), done.stderr)

    def test_port_80_needs_the_capability(self):
        project = self.wrapped()
        code = ("import socket\ntry: socket.create_server(('127.0.0.1', 80)); print('bound')\n"
                "except PermissionError: print('refused')\n")
        without = project.code(code, env=self.args("--uid 0 --gid 0 --unshare-net"))
        self.assertEqual(without.stdout, "refused\n", without.stderr)

    def test_x_server(self):
        """A socket of an X server shown at another display's place."""
        project = self.wrapped()
        where = pathlib.Path(tempfile.mkdtemp(prefix="svenv-x-", dir="/tmp"))
        self.addCleanup(support.remove_tree, where)
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
        server.settimeout(5)
        peer, _ = server.accept()
        with peer:
            self.assertEqual(peer.recv(100), b"hello X")


class Steering(View):
    """SANDBOX_SECCOMP_ALLOW, VERBOSE, and that they are the caller's alone."""

    PTRACE = ("import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
              "r = libc.syscall(int({number}), 0xffffffff, 0, 0, 0)\n"
              "print(ctypes.get_errno())\n")

    def test_seccomp_allow(self):
        """A call that the filter denies can be let through for one start. userfaultfd with wrong
        flags gives EINVAL from the kernel itself, and an error of the filter otherwise."""
        if os.uname().machine != "x86_64":
            support.impossible("system call number known for x86_64 only")
        project = self.wrapped()
        code = self.PTRACE.format(number=323)
        denied = int(project.code(code).stdout)
        self.assertIn(denied, (errno.EPERM, errno.ENOSYS))
        native = int(support.run(support.system_python(), "-c", code).stdout)
        allowed = project.code(code, env=support.environment(SANDBOX_SECCOMP_ALLOW="userfaultfd"))
        self.assertEqual(allowed.returncode, 0, allowed.stderr)
        self.assertEqual(int(allowed.stdout), native)

    def test_seccomp_allow_of_an_unknown_name(self):
        project = self.wrapped()
        done = project.code("print('ran')",
                            env=support.environment(SANDBOX_SECCOMP_ALLOW="no_such_call"))
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("no_such_call", done.stderr)

    def test_verbose_prints_the_plan(self):
        project = self.wrapped()
        done = project.code("print('ran')", env=support.environment(VERBOSE="1"))
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        for word in ("/usr", str(project.path), "proc", "bind"):
            self.assertIn(word, done.stderr)

    def test_steering_variables_do_not_go_in(self):
        project = self.wrapped()
        done = project.code("import os; print([n for n in os.environ if n in ('BWRAP_ARGS',"
                            " 'SANDBOX_SECCOMP_ALLOW', 'SANDBOX_USE_PIP_CACHE')])",
                            env=support.environment(BWRAP_ARGS="--setenv A 1",
                                                    SANDBOX_SECCOMP_ALLOW="userfaultfd"))
        self.assertEqual(done.stdout, "[]\n", done.stderr)

    def test_nothing_inside_can_widen(self):
        """A start from inside stays in the outer sandbox, whatever its environment says."""
        project = self.wrapped()
        with tempfile.NamedTemporaryFile(dir=support.HOME, prefix="svenv-canary-") as canary:
            # Not as an argument of the start: that would show the file.
            code = (f"import os, subprocess, sys\npath = {canary.name!r}\n"
                    "env = dict(os.environ, BWRAP_ARGS='--ro-bind / /host')\n"
                    "p = subprocess.run([sys.executable, '-c', 'import os, sys;"
                    " print(os.path.exists(sys.argv[1]), os.path.exists(\"/host\" + sys.argv[1]))',"
                    " path], env=env, stdout=-1, text=True); print(p.stdout, p.returncode)")
            done = project.code(code)
        self.assertIn("False False", done.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
