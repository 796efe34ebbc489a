"""The table of .env files: texts, and the values that python-dotenv finds in them."""

import json
from pathlib import Path

TABLE = json.loads((Path(__file__).parents[1] / "dotenv" / "files.json").read_text("utf-8"))
ENVIRONMENT = TABLE["environment"]
FILES = TABLE["files"]
