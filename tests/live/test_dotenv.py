"""The table of .env files (tests/dotenv/files.json), read by python-dotenv itself."""

import json
import textwrap

from lib import dotenv
from lib.case import Case
from lib.index import INSTALL_TIME, index_trouble
from lib.skips import need


class Dotenv(Case):
    # newline="": the package opens files with their ends of lines translated; a start does not.
    READ = textwrap.dedent("""
        import io, json, logging, os, sys
        from dotenv import load_dotenv
        logging.disable(logging.CRITICAL)
        with open(sys.argv[1], encoding="utf-8") as file:
            table = json.load(file)
        found = {}
        for row in table["files"]:
            os.environ.clear()
            os.environ.update(table["environment"])
            load_dotenv(stream=io.StringIO(row["file"], newline=""))
            found[row["name"]] = {
                name: value
                for name, value in os.environ.items()
                if table["environment"].get(name) != value
            }
        print(json.dumps(found))
        """)

    # The line that docs/policy.md names for programs that write their .env.
    POLICY = 'filesystem: {protect: ["!.env"]}\n'

    def test_table(self):
        project = self.project()
        project.venv(pip=True)
        trouble = index_trouble(project.bin())
        need(trouble is None, trouble)
        project.wrap()
        done = project.run("pip", "install", "python-dotenv", timeout=INSTALL_TIME)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        set_key = "import dotenv; dotenv.set_key('.env', 'A', '2'); print(open('.env').read())"
        project.write(".env", "A=1\n")
        self.assertNotEqual(project.code(set_key).returncode, 0)
        self.assertEqual((project.path / ".env").read_text(), "A=1\n")
        project.policy(self.POLICY)
        self.assertEqual(project.code(set_key).stdout, "A='2'\n\n")
        (project.path / ".env").unlink()
        project.write("table.json", json.dumps(dotenv.TABLE))
        found = project.value(self.READ, "table.json")
        self.assertGreaterEqual(len(found), 60)
        for row in dotenv.FILES:
            self.assertEqual(found[row["name"]], row["values"], row["name"])
