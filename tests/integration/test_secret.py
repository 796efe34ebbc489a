"""Secrets that a policy, an option or .env sets: the program gets them, and nothing prints them."""

import json
import pathlib
import stat
import unittest

from lib.case import Case
from lib.environment import environment
from lib.programs import run, tool

MARK = "hunter2"
NAMES = (
    "GITHUB_PAT",
    "SENTRY_DSN",
    "DB_PASS",
    "API_TOKEN",
    "STRIPE_SECRET_KEY",
    "MYSQL_PWD",
    "HTTP_AUTH",
    "DATABASE_URL",
    "AWS_SECRET_ACCESS_KEY",
    "SESSION_COOKIE",
    "PASS",
    "db_pass",
)
SECRETS = {name: f"{MARK}-{number}" for number, name in enumerate(NAMES)}
URL = f"https://user:{MARK}@index.invalid/simple"
CONTROL = "seen-by-everybody"


def policy(**values):
    lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in values.items())
    return "audit: {level: all}\nenvironment:\n  set:\n" + lines


class SecretCase(Case):
    """Each test has a state directory of its own, and looks for the mark in all that was said."""

    def setUp(self):
        self.state = pathlib.Path(self.project().top) / "state"
        self.said = []

    def env(self, **changes):
        return environment(XDG_STATE_HOME=self.state, **changes)

    def hear(self, done):
        self.said.append(done.stdout + done.stderr)
        return self.said[-1]

    def tool(self, *args, **changes):
        return self.hear(tool(*args, env=self.env(**changes)))

    def kept(self):
        """The files in the state directory: the audit log and the policy's history."""
        files = [path for path in self.state.rglob("*") if path.is_file()]
        self.assertGreaterEqual(len(files), 2)
        return "".join(path.read_text() for path in files)

    def assert_silent(self):
        self.assertGreater(len(self.said), 0)
        for text in self.said:
            self.assertNotIn(MARK, text)

    def verbose(self, p, **changes):
        """The plan that a start prints; the program prints the variables that hold the mark."""
        code = (
            f"import json, os; print(json.dumps({{n: v for n, v in os.environ.items()"
            f" if {MARK!r} in v}}))"
        )
        done = p.code(code, env=self.env(VERBOSE="1", **changes))
        self.said.append(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr


class Values(SecretCase):
    def test_of_the_policy(self):
        p = self.wrapped(policy=policy(**SECRETS, PIP_INDEX_URL=URL, PLAIN=CONTROL))
        inside, plan = self.verbose(p)
        self.assertEqual(inside, {**SECRETS, "PIP_INDEX_URL": URL})
        self.assertRegex(plan, rf"(?m)^env +set +PLAIN={CONTROL} ")
        for name in SECRETS:
            self.assertRegex(plan, rf"(?m)^env +set +{name}=\(hidden\) ")
        self.assertIn("PIP_INDEX_URL=https://***@index.invalid/simple ", plan)
        for option in ([], ["--origins"], ["--diff"]):
            text = self.tool("policy", "show", p.env_dir, *option)
            self.assertIn(f"PLAIN: {CONTROL}", text)
            self.assertIn("https://***@index.invalid/simple", text)
            for name in SECRETS:
                self.assertIn(f" {name}: (hidden)", text)
        self.assert_silent()

    def test_of_a_policy_that_changes(self):
        p = self.wrapped(policy=policy(PLAIN=CONTROL))
        p.code("pass", env=self.env())
        p.policy(policy(**SECRETS, PLAIN=CONTROL))
        p.code("pass", env=self.env())
        p.policy(policy(**{name: value + "x" for name, value in SECRETS.items()}, PLAIN=CONTROL))
        p.code("pass", env=self.env())
        for words in (
            ["policy", "log"],
            ["policy", "log", "--json"],
            ["log"],
            ["log", "--json"],
            ["status"],
            ["status", "--json"],
            ["status", "--check"],
        ):
            self.tool(*words, p.env_dir)
        self.assertIn("+    DB_PASS: (hidden)\\n", self.tool("policy", "log", "--json", p.env_dir))
        self.said.append(self.kept())
        self.assert_silent()

    def test_below_a_command(self):
        p = self.wrapped(
            policy='commands:\n  - match: ["python -c*"]\n    environment:\n'
            f"      set: {{DB_PASS: {MARK}, PLAIN: {CONTROL}}}\n"
        )
        inside, _ = self.verbose(p)
        self.assertEqual(inside, {"DB_PASS": MARK})
        text = self.tool("policy", "show", p.env_dir)
        self.assertIn(f"PLAIN: {CONTROL}", text)
        self.assertIn("DB_PASS: (hidden)", text)
        self.assert_silent()

    def test_of_options(self):
        p = self.wrapped()
        options = f"--setenv GITHUB_PAT {MARK} --setenv PLAIN {CONTROL}"
        inside, plan = self.verbose(p, BWRAP_ARGS=options)
        self.assertEqual(inside["GITHUB_PAT"], MARK)
        self.assertIn("GITHUB_PAT=(hidden)", plan)
        self.assertIn(f"PLAIN={CONTROL}", plan)
        tool("wrap", p.env_dir, env=self.env(), check=True)  # the state is another
        done = tool(
            "run",
            p.env_dir,
            *options.split(),
            "--",
            "sh",
            "-c",
            "exit ${#GITHUB_PAT}",
            env=self.env(VERBOSE="1"),
        )
        self.assertEqual(done.returncode, len(MARK), done.stderr)
        self.assertIn("GITHUB_PAT=(hidden)", self.hear(done))
        self.assert_silent()

    def test_of_options_that_become_policy(self):
        p = self.project()
        p.venv()
        done = p.wrap("--", "--setenv", "GITHUB_PAT", MARK)
        self.hear(done)
        file = p.env_dir / "sandbox" / "policy.yaml"
        self.assertIn(f"GITHUB_PAT: {MARK}\n", file.read_text())  # or the program would not get it
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        inside, _ = self.verbose(p)
        self.assertEqual(inside, {"GITHUB_PAT": MARK})
        self.tool("policy", "show", "--diff", p.env_dir)
        self.assert_silent()

    def test_of_dotenv(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.write(".env", f"DB_PASS={MARK}\n")
        inside, _ = self.verbose(p)
        self.assertEqual(inside, {"DB_PASS": MARK})
        p.code("pass", f"x{MARK}y", "--setenv", "DB_PASS", MARK, env=self.env())
        self.said.append(self.kept())
        self.assertIn('"x***y","--setenv","DB_PASS","***"]', self.said[-1])
        for text in (
            f"DB_PASS {MARK}\n",
            f'DB_PASS="{MARK}\n',
            f"DB_PASS='{MARK}' {MARK}\n",
            f"{MARK}\n",
            f"DB_PASS={MARK}\r{MARK}\n",
        ):
            p.write(".env", text)
            done = p.code("pass", env=self.env())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(".env': line ", done.stderr)
            self.said.append(done.stderr)
        self.assert_silent()


class Messages(SecretCase):
    """Each place where a text of the user is quoted."""

    LINES = (
        "environment: {{set: {0}}}",
        "environment: {{set: {{{0}: x}}}}",
        'environment: {{set: "DB_PASS: {1}"}}',
        "environment: {{set: {1}}}",
        "environment: {{set: {{DB_PASS: {1}, DB_PASS: {1}}}}}",
        "environment: {{set: {{DB_PASS: [{1}]}}}}",
        "environment: {{set: {{DB_PASS: &a {1}}}}}",
        "environment: {{set: {{DB_PASS: {1}",
        "environment: {{pass: [{0}]}}",
        'environment: {{dotenv: "{0}*"}}',
        "environment: {{clear: {0}}}",
        "environment: {{{0}: x}}",
        "{0}: x",
        "network: {{mode: {0}}}",
        "limits: {{memory: {0}}}",
        'network: {{mode: "https://user:{1}@host"}}',
        'filesystem: {{read: ["${0}"]}}',
        "filesystem: {{mounts: [{0}]}}",
        "commands: [{{match: [a], name: {0}}}]",
        "profile: {0}",
    )

    def test_of_a_broken_policy(self):
        p = self.wrapped()
        for line in self.LINES:
            p.policy(line.format(f"DB_PASS={MARK}", MARK) + "\n")
            for words in (["policy", "check"], ["status", "--json"]):
                text = self.tool(*words, p.env_dir)
                self.assertRegex(text, "policy.yaml:[23]:", line)
            done = p.code("pass", env=self.env(VERBOSE="1"))
            self.assertEqual(done.returncode, 125, line)
            self.said.append(done.stderr)
        p.policy("environment: {pass: [PLAIN=" + CONTROL + "]}\n")
        self.assertIn(f"'PLAIN={CONTROL}' is no name", self.tool("policy", "check", p.env_dir))
        self.assert_silent()

    def test_of_options(self):
        p = self.wrapped()
        for options in (
            f"--setenv DB_PASS my {MARK}",
            f"--setenv DB_PASS my --{MARK}",
            f"--setenv=DB_PASS={MARK}",
            f"--setenv DB_PASS={MARK} x",
            f"DB_PASS={MARK}",
            f"--dir DB_PASS={MARK}*",
            f"--hostname https://u:{MARK}@host",
            f"--setenv DB_PASS {MARK}\udcff",
        ):
            done = p.code("pass", env=self.env(BWRAP_ARGS=options))
            self.assert_refused(done, saying="BWRAP_ARGS, word ")
            self.said.append(done.stderr)
        done = p.code("pass", env=self.env(BWRAP_ARGS=f"--plain={CONTROL}"))
        self.assert_refused(done, saying=f"unknown option '--plain={CONTROL}'")
        self.assert_silent()

    def test_of_the_command_line(self):
        p = self.wrapped()
        tool("wrap", p.env_dir, env=self.env(), check=True)  # the state is another
        for words in (
            ["run", p.env_dir, "--setenv", "DB_PASS", "my", MARK, "--", "true"],
            ["run", p.env_dir, f"--token={MARK}", "--", "true"],
            ["run", f"DB_PASS={MARK}", "--", "true"],
            ["run", p.env_dir, "--", f"DB_PASS={MARK}", "true"],
            ["run", p.env_dir, "--network", f"DB_PASS={MARK}", "--", "true"],
            ["run", p.env_dir, "--read", f"/no/DB_PASS={MARK}", "--", "true"],
            ["policy", "check", f"DB_PASS={MARK}"],
            ["wrap", p.env_dir, "--policy", f"DB_PASS={MARK}"],
            ["wrap", p.env_dir, "--project", f"/no/DB_PASS={MARK}"],
            [f"DB_PASS={MARK}"],
        ):
            done = tool(*words, env=self.env(), cwd=p.path)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("sandbox-venv: ", done.stderr)
            self.said.append(done.stdout + done.stderr)
        done = tool("run", p.env_dir, "--", f"PLAIN={CONTROL}", env=self.env(), cwd=p.path)
        self.assertIn(f"'PLAIN={CONTROL}'", done.stderr)
        self.assert_silent()


class KeptBack(Case):
    """The same table decides what of the caller's environment passes."""

    def names(self, p, env):
        """Through a shell, so that nothing counts as set for this one command."""
        code = "import json, os; print(json.dumps(sorted(os.environ)))"
        done = run(
            "sh",
            "-c",
            '"$0" -c "$1"; true',
            p.bin(),
            code,
            cwd=p.path,
            env=environment(**env),
            check=True,
        )
        return json.loads(done.stdout)

    def test_in_whatever_case(self):
        p = self.wrapped(policy="profile: open\n")
        env = {
            **dict.fromkeys(SECRETS, "x"),
            "my_token": "x",
            "My_Api_Key": "x",
            "plain": "x",
            "PLAIN": "x",
            "COOKIECUTTER_CONFIG": "x",
            "aws_region": "x",
        }
        seen = self.names(p, env)
        for name in ("plain", "PLAIN", "COOKIECUTTER_CONFIG", "aws_region", "PASS", "PWD"):
            self.assertIn(name, seen)
        for name in {*SECRETS, "my_token", "My_Api_Key"} - {"PASS"}:
            self.assertNotIn(name, seen)

    def test_a_line_that_names_one_lets_it_in(self):
        p = self.wrapped(policy='environment: {pass: [inherit, my_token, "db_token*"]}\n')
        seen = self.names(p, {"my_token": "x", "db_token": "x", "api_key": "x"})
        self.assertIn("my_token", seen)
        self.assertIn("db_token", seen)
        self.assertNotIn("api_key", seen)


if __name__ == "__main__":
    unittest.main()
