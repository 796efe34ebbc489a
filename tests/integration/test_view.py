"""A program's view of the machine with nothing said in the policy."""

import os
import pathlib
import pwd
import stat
import tempfile
import textwrap

from lib.interpreters import SYSTEM_PYTHON
from lib.project import Project
from lib.skips import skip
from lib.trees import remove_tree
from lib.user import HOME
from lib.view import NO_WAY, READ_ONLY, View


class Default(View):
    """The table of the inside view, with nothing said in the policy."""

    @classmethod
    def setUpClass(cls):
        cls.project = cls.project_of_class(home=True).venv()
        cls.project.script("tool", "print('tool')\n")
        cls.project.wrap()
        # Canaries of the user's own, beside whatever the home directory really holds.
        cls.canary = tempfile.mkdtemp(prefix="svenv-canary-", dir=HOME)
        cls.addClassCleanup(remove_tree, cls.canary)
        cls.secret = pathlib.Path(cls.canary) / "id_test"
        cls.secret.write_text("canary")

    def test_home_is_private(self):
        seen = self.project.value(
            "import json, os; print(json.dumps(os.listdir(os.path.expanduser('~'))))"
        )
        self.assertNotIn(os.path.basename(self.canary), seen)
        self.assertEqual(self.attempt(self.project, "read", self.secret), "ENOENT")
        for name in (".ssh", ".gnupg", ".aws", ".bashrc", ".profile", ".netrc", ".git-credentials"):
            self.assertEqual(self.attempt(self.project, "stat", HOME / name), "ENOENT", name)
        self.assertEqual(self.attempt(self.project, "make", HOME), "ok")
        self.assertFalse((HOME / "made-inside").exists())
        self.assert_clean(
            self.project.code(
                "import pathlib; pathlib.Path.home().joinpath('made-inside').write_text('x')"
            )
        )
        self.assertFalse((HOME / "made-inside").exists())

    def test_home_and_cache_persist(self):
        self.assert_clean(
            self.project.code(
                "import pathlib; h = pathlib.Path.home(); (h / '.cache/app').mkdir(parents=True);"
                " (h / '.cache/app/data').write_text('c'); (h / '.config').mkdir(exist_ok=True);"
                " (h / '.config/app').write_text('h')"
            )
        )
        seen = self.project.code(
            "import pathlib; h = pathlib.Path.home();"
            "print((h / '.cache/app/data').read_text(),"
            " (h / '.config/app').read_text())"
        )
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
                self.assertEqual(
                    self.project.value(
                        "import json, os, sys; print(json.dumps(os.listdir(sys.argv[1])))", path
                    ),
                    [],
                )
                self.assertIn(self.attempt(self.project, "make", path), READ_ONLY)

    def test_project_is_writable_in_place(self):
        self.assert_clean(self.project.code("open('made', 'w').write('by the program')"))
        made = self.project.path / "made"
        self.assertEqual(made.read_text(), "by the program")
        self.assertEqual(made.stat().st_uid, os.getuid())
        self.assertEqual(made.stat().st_gid, os.getgid())

    def test_venv_is_read_only(self):
        env_dir = self.project.env_dir
        site = self.project.site_packages
        self.assert_read_only(
            self.project,
            env_dir / "bin/activate",
            env_dir / "pyvenv.cfg",
            env_dir / "bin/tool",
            env_dir / "bin/new",
        )
        for path in (env_dir, env_dir / "bin", site):
            self.assertIn(self.attempt(self.project, "make", path), READ_ONLY, path)
        code = (
            "import os, sys\n"
            "for f in (lambda: os.rename(sys.argv[1], sys.argv[1] + '2'),\n"
            "          lambda: os.unlink(sys.argv[1] + '/pyvenv.cfg'),\n"
            "          lambda: os.symlink('x', sys.argv[1] + '/bin/new'),\n"
            "          lambda: os.chmod(sys.argv[1] + '/bin/tool', 0o777)):\n"
            "    try: f(); print('done')\n"
            "    except OSError as e: print('refused')\n"
        )
        self.assertEqual(self.project.code(code, env_dir).stdout.split(), ["refused"] * 4)

    def test_bin_is_the_real_one(self):
        done = self.project.code(
            "import os, sys; b = os.path.dirname(sys.executable);"
            "print(os.path.realpath(sys.executable));"
            "print(open(os.path.join(b, 'tool'), 'rb').read(2))"
        )
        python, head = done.stdout.split()
        self.assertEqual(python, os.path.realpath(SYSTEM_PYTHON))
        self.assertEqual(head, "b'#!'")
        with open(self.project.bin("tool"), "rb") as stub:
            self.assertEqual(stub.read(4), b"\x7fELF")

    def test_system_is_read_only(self):
        self.assert_read_only(
            self.project,
            "/usr/bin/env",
            "/etc/passwd",
            "/etc/hosts",
            "/usr/lib/os-release",
            "/etc/ld.so.cache",
        )
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
            skip("this host has no machine-id")
        done = self.project.code(
            "import os; p = '/etc/machine-id';print(os.path.exists(p) and open(p).read())"
        )
        self.assertNotIn(host.read_text().strip(), done.stdout)

    def test_temporary_directories(self):
        with tempfile.NamedTemporaryFile(prefix="svenv-canary-", dir="/tmp") as canary:
            self.assertEqual(self.attempt(self.project, "stat", canary.name), "ENOENT")
        for top in ("/tmp", "/var/tmp", "/dev/shm"):
            with self.subTest(top):
                path = f"{top}/svenv-shared-{os.getpid()}"
                self.assert_clean(
                    self.project.code("import sys; open(sys.argv[1], 'w').write('mine')", path)
                )
                self.assertFalse(os.path.exists(path))
                done = self.project.code("import sys; print(open(sys.argv[1]).read())", path)
                self.assertEqual(done.stdout, "mine\n")
        with Project() as other:
            other.venv().wrap()
            self.assertEqual(
                self.attempt(other, "stat", f"/tmp/svenv-shared-{os.getpid()}"), "ENOENT"
            )

    def test_tempfile_module(self):
        done = self.project.code(
            "import tempfile, os; f = tempfile.NamedTemporaryFile();"
            "print(f.name, os.stat('/tmp').st_mode & 0o7777 >= 0o700)"
        )
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
        self.assertEqual(exe, os.path.realpath(SYSTEM_PYTHON))
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
        for path in (
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run/dbus/system_bus_socket",
            "/run/systemd/private",
            "/tmp/.X11-unix/X0",
            f"/run/user/{os.getuid()}/bus",
            "/run/containerd/containerd.sock",
        ):
            self.assertEqual(self.attempt(self.project, "stat", path), "ENOENT", path)

    def test_privileges(self):
        code = textwrap.dedent("""
            import json
            fields = dict(l.split(':\\t') for l in open('/proc/self/status') if ':\\t' in l)
            print(json.dumps([int(fields[n], 16) for n in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb')]
                             + [fields['NoNewPrivs'].strip(), fields['Seccomp'].strip()]))
            """)
        self.assertEqual(self.project.value(code), [0, 0, 0, 0, "1", "2"])
