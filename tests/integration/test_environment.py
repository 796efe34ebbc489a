"""The environment of a program, and the variables that steer a start."""

import errno
import json
import os
import tempfile
import textwrap

from lib import dotenv
from lib.environment import environment
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import run, tool
from lib.skips import impossible
from lib.user import HOME
from lib.view import View


class Environment(View):
    def names(self, project, *argv, env=None, **options):
        code = "import json, os; print(json.dumps(dict(os.environ)))"
        return project.value(code, *argv, env=env, **options)

    def through_shell(self, project, exported, command):
        """The environment of a program whose parent shell has `exported` in its own; `command` is
        put before the program, as in `DEBUG=1 python`."""
        script = command + ' "$0" -c "import json, os; print(json.dumps(dict(os.environ)))"; :'
        done = run("sh", "-c", script, project.bin(), cwd=project.path, env=environment(**exported))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_what_passes_and_what_does_not(self):
        project = self.wrapped()
        exported = {
            "LANG": "C.UTF-8",
            "LC_TIME": "C",
            "HTTPS_PROXY": "http://proxy:1",
            "CFLAGS": "-O1",
            "PIP_TIMEOUT": "9",
            "PYTHONHASHSEED": "3",
            "EDITOR": "vi",
            "AWS_SECRET_ACCESS_KEY": "s",
            "GITHUB_TOKEN": "s",
            "DB_PASSWORD": "s",
            "OPENAI_API_KEY": "s",
            "SSH_AUTH_SOCK": "/tmp/agent",
            "DOCKER_HOST": "unix:/x",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x",
            "PIP_INDEX_PASSWORD": "s",
            "LD_PRELOAD_TEST": "1",
            "SOME_UNKNOWN_NAME": "1",
            "GPG_AGENT_INFO": "x",
        }
        seen = self.through_shell(project, exported, "")
        for name in (
            "LANG",
            "LC_TIME",
            "HTTPS_PROXY",
            "CFLAGS",
            "PIP_TIMEOUT",
            "PYTHONHASHSEED",
            "EDITOR",
        ):
            self.assertEqual(seen.get(name), exported[name], name)
        for name in (
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "DB_PASSWORD",
            "OPENAI_API_KEY",
            "SSH_AUTH_SOCK",
            "DOCKER_HOST",
            "DBUS_SESSION_BUS_ADDRESS",
            "PIP_INDEX_PASSWORD",
            "SOME_UNKNOWN_NAME",
            "GPG_AGENT_INFO",
        ):
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
        project = self.wrapped(
            policy=textwrap.dedent("""
            environment:
              pass: [inherit, OPENAI_API_KEY, "MYAPP_*"]
              set: {FROM_POLICY: "value with blanks", EMPTY: ""}
            """)
        )
        seen = self.through_shell(
            project,
            {"OPENAI_API_KEY": "k", "MYAPP_MODE": "x", "MYAPP_TOKEN": "t", "OTHER_KEY": "s"},
            "",
        )
        self.assertEqual(seen.get("OPENAI_API_KEY"), "k")
        self.assertEqual(seen.get("MYAPP_MODE"), "x")
        self.assertNotIn("MYAPP_TOKEN", seen)
        self.assertNotIn("OTHER_KEY", seen)
        self.assertEqual(seen.get("FROM_POLICY"), "value with blanks")
        self.assertEqual(seen.get("EMPTY"), "")
        self.assertIn("LANG" if "LANG" in os.environ else "PATH", seen)

    def test_dotenv(self):
        project = self.wrapped()
        project.write(
            ".env",
            "# comment\nAPP_MODE=dev\nexport DB_PASSWORD='in file'\n"
            "QUOTED=\"a b\"\nDOLLAR='$(touch made-by-dotenv)'\n",
        )
        seen = self.names(project)
        self.assertEqual(
            [seen.get(n) for n in ("APP_MODE", "DB_PASSWORD", "QUOTED", "DOLLAR")],
            ["dev", "in file", "a b", "$(touch made-by-dotenv)"],
        )
        self.assertFalse((project.path / "made-by-dotenv").exists())
        seen = self.through_shell(project, {}, "APP_MODE=prod")
        self.assertEqual(seen["APP_MODE"], "prod")

    def test_dotenv_steers_nothing(self):
        project = self.wrapped()
        with tempfile.TemporaryDirectory(dir=HOME, prefix="svenv-canary-") as outside:
            project.write(
                ".env",
                f"BWRAP_ARGS=--bind {outside} /seen\nSANDBOX_SECCOMP_ALLOW=all\nVERBOSE=1\nOK=1\n",
            )
            done = project.code(
                "import os; print(os.environ.get('OK'), os.path.exists('/seen'),"
                " os.environ.get('BWRAP_ARGS'))"
            )
        self.assertNotIn("mount", done.stderr)
        if done.returncode == 0:
            self.assertEqual(done.stdout.split()[1], "False")
        else:
            self.assert_refused(done)

    def test_a_dotenv_that_is_a_link_is_not_read(self):
        project = self.wrapped()
        with tempfile.NamedTemporaryFile("w", dir=HOME, prefix="svenv-canary-") as secret:
            secret.write("STOLEN=1\n")
            secret.flush()
            (project.path / ".env").symlink_to(secret.name)
            done = project.code("import os; print(os.environ.get('STOLEN'))")
        self.assertEqual((done.returncode, done.stdout), (0, "None\n"), done.stderr)
        self.assert_one_line(done, "symbolic link", "environment.dotenv")

    def assert_one_line(self, done, *words):
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_an_odd_dotenv_stops_nothing(self):
        project = self.wrapped()
        path = project.path / ".env"
        rows = [
            (path.mkdir, path.rmdir, ("is a directory", "environment.dotenv")),
            (lambda: os.mkfifo(path), path.unlink, ("not a regular file", "environment.dotenv")),
            (
                lambda: path.write_text("A=1\nNAME\nB='x',\nC=3\n"),
                path.unlink,
                ("line 2", "1 more"),
            ),
            (lambda: path.write_bytes(b"A" * (256 << 10) + b"B"), path.unlink, ("larger than",)),
            (lambda: path.write_bytes(b"A=\0\n"), path.unlink, ("NUL",)),
        ]
        for make, remove, words in rows:
            make()
            # A variable that shows a path has a line of its own beside a file that nobody can read.
            done = project.code("print('ran')", env=environment(PIP_FIND_LINKS=None))
            self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)
            self.assert_one_line(done, ".env", *words)
            told = json.loads(tool("status", project.env_dir, "--json").stdout)
            self.assertEqual((told["ok"], len(told["notes"])), (True, 1), told)
            for word in words:
                self.assertIn(word, told["notes"][0])
            remove()

    def test_a_venv_that_is_called_dotenv(self):
        project = self.project()
        project.venv(name=".env")
        project.wrap()
        for _ in range(2):
            done = project.code("print('ran')")
            self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)
            self.assert_one_line(done, "is a directory", "environment.dotenv")
        project.policy('environment: {dotenv: ""}\n')
        self.assert_clean(project.code("print('ran')"))

    def test_values_are_those_of_python_dotenv(self):
        project = self.wrapped()
        exported = environment(**dotenv.ENVIRONMENT)
        before = self.names(project, env=exported)
        for row in dotenv.FILES:
            (project.path / ".env").write_bytes(row["file"].encode())
            done = project.code(
                "import json, os; print(json.dumps(dict(os.environ)))", env=exported
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            seen = json.loads(done.stdout)
            values = {name: value for name, value in seen.items() if before.get(name) != value}
            self.assertEqual(values, row["values"], row["name"])
            self.assertLessEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_dotenv_replaces_nothing_that_the_caller_exported(self):
        project = self.wrapped()
        project.write(".env", "LANG=file\nMINE=${LANG}\nSTOLEN=<${AWS_SESSION_TOKEN}>\n")
        script = '"$0" -c "import json, os; print(json.dumps(dict(os.environ)))"; :'
        exported = environment(LANG="C.UTF-8", AWS_SESSION_TOKEN="kept back")
        done = run("sh", "-c", script, project.bin(), cwd=project.path, env=exported)
        seen = json.loads(done.stdout)
        self.assertEqual(
            [seen.get(n) for n in ("LANG", "MINE", "STOLEN")], ["C.UTF-8", "C.UTF-8", "<>"]
        )
        self.assert_one_line(done, "AWS_SESSION_TOKEN", "environment.pass")


class Protected(View):
    """.env and .env.NAME, which tools of the caller's load: read inside, and written where a policy
    line says so."""

    CHANGE = textwrap.dedent("""
        import json, os, sys
        found = {}
        for name in sys.argv[1:]:
            try:
                with open(name + ".new", "w") as file:
                    file.write("B=2\\n")
                os.replace(name + ".new", name)
                found[name] = "written"
            except OSError as e:
                found[name] = type(e).__name__
        print(json.dumps([found, open(".env").read()]))
        """)

    def change(self, project, *names):
        project.write(".env", "A=1\n")
        done = project.code(self.CHANGE, *names)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_dotenv_is_read_and_not_written(self):
        project = self.wrapped()
        (found, text), _ = self.change(project, ".env")
        self.assertNotEqual(found, {".env": "written"})
        self.assertEqual((text, (project.path / ".env").read_text()), ("A=1\n", "A=1\n"))
        run(SYSTEM_PYTHON, "-c", self.CHANGE, ".env", cwd=project.path)
        self.assertEqual((project.path / ".env").read_text(), "B=2\n")

    def test_kin_are_taken_away_and_examples_stay(self):
        project = self.wrapped()
        examples = [".env.example", ".env.sample", ".env.template"]
        _, said = self.change(project, ".env.local", ".env.production", *examples)
        self.assertIn(".env.", said)
        left = {path.name for path in project.path.glob(".env*")}
        self.assertEqual(left, {".env", *examples})

    def test_a_line_opens_it(self):
        project = self.wrapped(policy='filesystem: {protect: ["!.env", "!.env.*"]}\n')
        (found, text), said = self.change(project, ".env", ".env.local")
        self.assertEqual(found, {".env": "written", ".env.local": "written"})
        self.assertEqual((text, said), ("B=2\n", ""))
        self.assertTrue((project.path / ".env.local").exists())

    def test_a_link_to_a_file_elsewhere(self):
        project = self.wrapped()
        with tempfile.NamedTemporaryFile("w", dir=HOME, prefix="svenv-canary-") as outside:
            (project.path / ".env").symlink_to(outside.name)
            done = project.code("import os; os.unlink('.env'); open('.env', 'w').write('A=1')")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertFalse((project.path / ".env").exists())


class LoadedVariables(View):
    """Variables that a tool of the caller's loaded from the project's .env before the start."""

    def loaded(self, project, name, *exported, code="print('ran')"):
        """As `dotenv run` and its like do: the file's text becomes the caller's environment."""
        path = project.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{variable}={value}\n" for variable, value in exported))
        done = project.code(code, env=environment(**dict(exported)))
        path.unlink()
        return done

    def test_overrides_are_refused(self):
        project = self.wrapped()
        for name in (".env", ".env.local"):
            for variable, value in (
                ("BWRAP_ARGS", "--setenv A 1"),
                ("SANDBOX_SECCOMP_ALLOW", "userfaultfd"),
                ("SANDBOX_USE_PIP_CACHE", "1"),
            ):
                done = self.loaded(project, name, (variable, value))
                self.assert_refused(done, saying=variable)
                self.assertIn(name, done.stderr)

    def test_overrides_of_the_caller_work(self):
        project = self.wrapped()
        project.write(".env", "A=1\n")
        project.write(".env.example", "BWRAP_ARGS=--setenv A 1\n")
        done = project.code(
            "import os; print(os.environ['B'])", env=environment(BWRAP_ARGS="--setenv B 2")
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "2\n", ""))

    def test_verbose_is_not_obeyed(self):
        done = self.loaded(self.wrapped(), ".env", ("VERBOSE", "1"))
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("VERBOSE", done.stderr)

    def test_places_of_records_are_not_obeyed(self):
        project = self.wrapped()
        done = self.loaded(project, ".env", ("XDG_STATE_HOME", f"{project.path}/state"))
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("XDG_STATE_HOME", done.stderr)
        self.assertFalse((project.path / "state").exists())

    def test_places_of_records_are_asked_about_without_a_plan(self):
        """No plan says which files to ask: the place of the records must not be believed first."""
        project = self.wrapped()
        state = project.top / "state"
        for damaged in (None, b"", b"not a plan"):
            plan = project.env_dir / "sandbox" / "plan"
            plan.unlink()
            if damaged is not None:
                plan.write_bytes(damaged)
                plan.chmod(0o600)
            done = self.loaded(project, ".env", ("XDG_STATE_HOME", str(state)))
            self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)
            self.assertIn("XDG_STATE_HOME is not obeyed", done.stderr)
            self.assertFalse(state.exists())
        project.policy("audit: {level: all}\n")
        plan.unlink()
        self.assert_clean(project.code("pass", env=environment(XDG_STATE_HOME=str(state))))
        self.assertTrue((state / "sandbox-venv" / "audit.jsonl").exists())

    def test_paths_are_not_shown(self):
        project = self.wrapped()
        with tempfile.TemporaryDirectory(dir=HOME, prefix="svenv-canary-") as outside:
            path = f"{outside}/letter.txt"
            with open(path, "w", encoding="utf-8") as file:
                file.write("dear\n")
            variable = ("SSL_CERT_FILE", path)
            code = "import os; print(os.path.exists(os.environ['SSL_CERT_FILE']))"
            done = self.loaded(project, ".env", variable, code=code)
            self.assertEqual((done.returncode, done.stdout), (0, "False\n"), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("filesystem.read", done.stderr)
            honest = project.code(code, env=environment(**dict([variable])))
            self.assertEqual((honest.stdout, honest.stderr), ("True\n", ""))

    def test_a_pipe_is_a_pipe(self):
        project = self.wrapped()
        code = (
            "import os, stat; path = os.environ['TEST_RUN_PIPE']\n"
            "mode = os.stat(path).st_mode if os.path.exists(path) else 0\n"
            "print(stat.S_ISFIFO(mode) or stat.S_ISREG(mode)"
            " or stat.S_ISDIR(mode) and 'file' in os.listdir(path))\n"
        )
        with tempfile.TemporaryDirectory(dir=HOME, prefix="svenv-canary-") as outside:
            fifo, file = f"{outside}/fifo", f"{outside}/file"
            os.mkfifo(fifo)
            with open(file, "w", encoding="utf-8"):
                pass
            for path, seen in ((fifo, "True\n"), (file, "False\n"), (outside, "False\n")):
                done = project.code(code, env=environment(TEST_RUN_PIPE=path))
                self.assertEqual((done.stdout, done.stderr), (seen, ""), path)


class Steering(View):
    """SANDBOX_SECCOMP_ALLOW, VERBOSE, and that they are the caller's alone."""

    PTRACE = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "r = libc.syscall(int({number}), 0xffffffff, 0, 0, 0)\n"
        "print(ctypes.get_errno())\n"
    )

    def test_seccomp_allow(self):
        """A call that the filter denies can be let through for one start. userfaultfd with wrong
        flags gives EINVAL from the kernel itself, and an error of the filter otherwise."""
        if os.uname().machine != "x86_64":
            impossible("system call number known for x86_64 only")
        project = self.wrapped()
        code = self.PTRACE.format(number=323)
        denied = int(project.code(code).stdout)
        self.assertIn(denied, (errno.EPERM, errno.ENOSYS))
        native = int(run(SYSTEM_PYTHON, "-c", code).stdout)
        allowed = project.code(code, env=environment(SANDBOX_SECCOMP_ALLOW="userfaultfd"))
        self.assertEqual(allowed.returncode, 0, allowed.stderr)
        self.assertEqual(int(allowed.stdout), native)

    def test_seccomp_allow_of_an_unknown_name(self):
        project = self.wrapped()
        done = project.code("print('ran')", env=environment(SANDBOX_SECCOMP_ALLOW="no_such_call"))
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("no_such_call", done.stderr)

    def test_verbose_prints_the_plan(self):
        project = self.wrapped()
        done = project.code("print('ran')", env=environment(VERBOSE="1"))
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        for word in ("/usr", str(project.path), "proc", "bind"):
            self.assertIn(word, done.stderr)

    def test_steering_variables_do_not_go_in(self):
        project = self.wrapped()
        done = project.code(
            "import os; print([n for n in os.environ if n in ('BWRAP_ARGS',"
            " 'SANDBOX_SECCOMP_ALLOW', 'SANDBOX_USE_PIP_CACHE')])",
            env=environment(BWRAP_ARGS="--setenv A 1", SANDBOX_SECCOMP_ALLOW="userfaultfd"),
        )
        self.assertEqual(done.stdout, "[]\n", done.stderr)

    def test_nothing_inside_can_widen(self):
        """A start from inside stays in the outer sandbox, whatever its environment says."""
        project = self.wrapped()
        with tempfile.NamedTemporaryFile(dir=HOME, prefix="svenv-canary-") as canary:
            # Not as an argument of the start: that would show the file.
            code = (
                f"import os, subprocess, sys\npath = {canary.name!r}\n"
                "env = dict(os.environ, BWRAP_ARGS='--ro-bind / /host')\n"
                "p = subprocess.run([sys.executable, '-c', 'import os, sys;"
                ' print(os.path.exists(sys.argv[1]), os.path.exists("/host" + sys.argv[1]))\','
                " path], env=env, stdout=-1, text=True); print(p.stdout, p.returncode)"
            )
            done = project.code(code)
        self.assertIn("False False", done.stdout)
