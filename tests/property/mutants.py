"""Takes a part of the guard away and asks that the random rounds notice it: by hand, see
docs/fuzzing.md.

SVENV_BUILD_ROOT is the build, SVENV_PREFIX what is installed of it: a prefix that nobody else uses,
because the launcher there is replaced meanwhile. Exit status: 0 when each is noticed within
SVENV_PROPERTY_ROUNDS (1,000).
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "probes")]

import mutate  # noqa: E402

from lib.installed import LAUNCHER  # noqa: E402

ROUNDS = int(os.environ.get("SVENV_PROPERTY_ROUNDS", "1000"))

STEP = 60  # rounds, after which a mutant that was noticed is done
MUTANTS = (
    ("no sweep at the end", "guard/process.c", "    guard_sweep(guard, true);\n", ""),
    ("no repository is known", "guard/sweep.c", "takes ? repository_at(dir) : 0", "0"),
    (
        "repositories are all harmless",
        "guard/judge_repository.c",
        "    bool nested = depth > 1;\n",
        "    bool nested = depth > 1;\n\n    if (depth > 0)\n        return true;\n",
    ),
    ("moved directories are passed by", "guard/sweep.c", "if (!directory)", "if (true)"),
    ("links may lead around", "guard/links.c", "return fstatat(", "return false && fstatat("),
    (
        "closed directories stay so",
        "guard/sweep.c",
        "    if (closed &&",
        "    if (false && closed &&",
    ),
)


@contextlib.contextmanager
def launcher_in_place(mutant):
    """Stubs know the launcher by its path, so the changed one lies there meanwhile."""
    what, file, old, new = mutant
    kept = LAUNCHER.with_name("launcher.kept")
    with tempfile.TemporaryDirectory(prefix="svenv-mutant-") as folder:
        built = mutate.launcher_of(mutate.code(what, file, old, new, ""), pathlib.Path(folder))
        LAUNCHER.rename(kept)
        try:
            shutil.copy(built, LAUNCHER)
            yield
        finally:
            kept.replace(LAUNCHER)


def noticed(rounds):
    """Return: after how many rounds, and what was said; (rounds, None): never."""
    done = 0
    while done < rounds:
        env = {
            **os.environ,
            "SVENV_PROPERTY_ROUNDS": str(STEP),
            "SVENV_PROPERTY_SEED": str(1 + done),
        }
        play = subprocess.run(
            [
                sys.executable,
                "-B",
                str(TESTS / "lib" / "runner.py"),
                str(TESTS / "property" / "rounds.py"),
                "Property.test_nothing_planted_stays_and_nothing_is_lost",
            ],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        done += STEP
        first = re.search(r"^seed \d+, run \d: (?!said).*", play.stdout + play.stderr, re.MULTILINE)
        if first:
            return done, first[0]
    return done, None


def main():
    missed = 0
    for mutant in MUTANTS:
        with launcher_in_place(mutant):
            done, said = noticed(ROUNDS)
        missed += said is None
        print(f"{mutant[0]}: within {done} rounds: {said and said[:160]}", flush=True)
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
