"""The host does not obey what programs leave behind: random projects, random hostile programs, and
a look by somebody else afterwards.

Each round grows a project (forest.py) or takes over the one before, runs a program (hostile.py) in
it and compares all that lies there (obeyed.py). From the environment:
  SVENV_PROPERTY_ROUNDS=N   so many rounds (1,000; by hand 100,000)
  SVENV_PROPERTY_SEED=N     the first forest's seed; one that failed is played again with ROUNDS=3
  SVENV_PROPERTY_WORKERS=N  so many projects at once (most rounds wait for something)
  SVENV_PROPERTY_LEADS=1    protected things lead to others (not proven yet: see forest.py)
  SVENV_PROPERTY_LOUD=1     a run that failed shows its program's operations
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import sys
import traceback
import unittest

import forest
import hostile

from lib import obeyed
from lib.programs import SECONDS
from lib.project import Project
from lib.trees import remove_tree

ROUNDS = int(os.environ.get("SVENV_PROPERTY_ROUNDS", "1000"))
SEED = int(os.environ.get("SVENV_PROPERTY_SEED", "1"))
LOUD = os.environ.get("SVENV_PROPERTY_LOUD") == "1"
RUNS = 3  # of programs in one forest: each is a round
WORKERS = int(os.environ.get("SVENV_PROPERTY_WORKERS", min(2 * (os.cpu_count() or 1), 8)))
SAID_MAX = 4
REFUSED_MAX = 0.02
PROTECTED_TOLD = 60  # the program is told where it may find protected things
HIDING = "filesystem: {hide: [.env]}\n"
PR_SET_CHILD_SUBREAPER = 36
PROGRAM = (pathlib.Path(__file__).parent / "hostile.py").read_text()


@dataclasses.dataclass
class Tally:
    rounds: int = 0
    refused: int = 0
    taken: int = 0  # rounds after which there was something in the quarantine
    failures: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.rounds += other["rounds"]
        self.refused += other["refused"]
        self.taken += other["taken"]
        self.failures += other["failures"]


def wait_for_all():
    """Until nothing of a start is left: as subreaper we are told of each process that ends."""

    def late(*_):
        raise TimeoutError("something of a start does not end")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    signal.alarm(0)


class Worker:
    """One project with one venv, and a forest after another in it."""

    def __init__(self, policy=""):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.project = Project(prefix="svenv-property-").venv()
        self.tally = Tally()
        self.given = policy
        self.hides = False
        try:
            self.project.wrap()
            if policy:
                self.project.policy(policy)
        except BaseException:
            self.project.close()
            raise

    def clear(self):
        for entry in os.scandir(self.project.path):
            if entry.name == ".venv":
                continue
            if entry.is_dir(follow_symlinks=False):
                remove_tree(pathlib.Path(entry.path))
            else:
                os.unlink(entry.path)
        os.chmod(self.project.path, 0o755)
        self.clear_quarantine()

    @property
    def quarantine(self):
        return self.project.env_dir / "sandbox" / "quarantine"

    def clear_quarantine(self):
        if self.quarantine.exists():
            for entry in self.quarantine.iterdir():
                remove_tree(entry)

    def decisions(self):
        """The files that decide about the sandbox, and the entries for the shell."""
        top = self.project.env_dir
        names = [
            top / "pyvenv.cfg",
            top / "sandbox" / "policy.yaml",
            *sorted((top / "bin").iterdir()),
        ]
        return [(str(name), os.lstat(name).st_mode, os.lstat(name).st_size) for name in names]

    def start(self, words):
        return self.project.run(
            "python", "-I", "-S", "-B", "-c", PROGRAM, input=json.dumps(words) + "\n"
        )

    def forest(self, seed, runs):
        """Return: what should not be, in words."""
        self.clear()
        dice = hostile.Dice(seed)
        self.hides = not self.given and dice.percent(30)
        if not self.given:
            self.project.policy(HIDING if self.hides else "")
        grown = forest.Forest(self.project.path, dice)
        before = grown.grow()
        made_inside = set()
        for number in range(runs):
            found = self.round(dice, before, made_inside)
            self.tally.rounds += 1
            if found:
                where = f"seed {seed}, run {number + 1}: "
                self.tally.failures += [
                    where + text for text in [*found[:SAID_MAX], *found[-1 - LOUD :]]
                ]
                return
            before = obeyed.look(self.project.path)

    def round(self, dice, before, made_inside):
        top = self.project.path
        names = [forest.concrete(name, dice) for name in obeyed.protected_names()]
        was = obeyed.roots(before, made_inside)
        protected = [*was, *sorted(obeyed.leads(before, was, top))] or [".git"]
        before = forest.close(top, before, dice)
        decides = self.decisions()
        done = self.start(
            {
                "seed": dice.below(1 << 62),
                "names": names,
                "loud": LOUD,
                "protected": [dice.choose(protected) for _ in range(PROTECTED_TOLD)],
            }
        )
        wait_for_all()
        after = obeyed.look(top)
        kept = obeyed.look(self.quarantine) if self.quarantine.exists() else {}
        found = [*obeyed.judge(before, after, made_inside, top), *obeyed.lost(before, after, kept)]
        found += self.heard(done, kept)
        if self.decisions() != decides:
            found.append("something that decides about the sandbox has changed")
        self.clear_quarantine()
        if found:
            if LOUD:
                found.append(f"protected: {obeyed.roots(before, set())}")
            found.append("said: " + done.stderr[-1000:] + done.stdout)
        return found

    def heard(self, done, kept):
        """The user is told of what was taken; what comes later is in the log alone."""
        self.tally.taken += bool(kept)
        if "Traceback" in done.stderr:
            yield "the program failed: " + done.stderr[-500:]
        if self.hides and "\nsaw " in "\n" + done.stdout:
            yield "a hidden file was read: " + done.stdout[-500:]
        if done.returncode == 125:
            self.tally.refused += 1
            if not done.stderr.startswith("sandbox-venv: "):
                yield "refused without a word: " + done.stderr
        if done.returncode not in (0, -signal.SIGKILL, 137, 125):
            yield f"status {done.returncode}: {done.stderr[-500:]}"

    def close(self):
        self.clear()
        self.project.close()


def work(number, workers, rounds, policy, out):
    """In a process of its own: every so many-th forest."""
    worker = Worker(policy)
    try:
        forests = -(-rounds // RUNS)
        for at in range(number, forests, workers):
            worker.forest(SEED + at, min(RUNS, rounds - at * RUNS))
            if len(worker.tally.failures) >= SAID_MAX:
                break
        wait_for_all()
    finally:
        worker.close()
    out.write(json.dumps(dataclasses.asdict(worker.tally)))


def play(rounds, policy=""):
    """Return: the tally of all workers."""
    tally, pipes = Tally(), []
    workers = min(WORKERS, -(-rounds // RUNS))
    for number in range(workers):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.close(ours)
            status = 1
            try:
                with open(theirs, "w") as out:
                    work(number, workers, rounds, policy, out)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(theirs)
        pipes.append(ours)
    for ours in pipes:
        with open(ours) as file:
            text = file.read()
        tally.add(
            json.loads(text)
            if text
            else {**dataclasses.asdict(Tally()), "failures": ["a worker failed"]}
        )
    for _ in pipes:
        os.wait()
    return tally


class Property(unittest.TestCase):
    def test_nothing_planted_stays_and_nothing_is_lost(self):
        tally = play(ROUNDS)
        print(
            f"{tally.rounds} rounds from seed {SEED}, leads {forest.LEADS}: {tally.taken} with "
            f"something in the quarantine, {tally.refused} starts refused"
        )
        self.assertFalse(tally.failures, "\n".join(["", *tally.failures]))
        self.assertEqual(tally.rounds, ROUNDS)
        self.assertLessEqual(tally.refused, max(3, REFUSED_MAX * ROUNDS))
        self.assertGreater(tally.taken, 0.2 * (ROUNDS - 5))

    def test_each_hole_is_seen(self):
        """The oracle still protects what a policy line gives up, so it has to complain."""
        for hole in ("protect: ['!.git']", "protect: ['!mise.toml', '!.envrc', '!.vscode']"):
            with self.subTest(hole):
                tally = play(90, f"filesystem: {{{hole}}}\n")
                self.assertTrue(any("planted" in text for text in tally.failures), tally)
                self.assertTrue(any("protected" in text for text in tally.failures), tally)
