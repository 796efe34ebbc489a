"""Every system call of the process that watches the project made to fail, one at a time.

A program that runs for longer than a moment plants names that tools of the host obey. After each
fault nothing of that is left, or a line of ours says that something may be, and all that was there
before is as it was. The launcher's own calls count from the moment on at which the program runs. A
sample is tried, or with SVENV_FAULTS_FULL=1 everything; SVENV_FAULTS_ERRORS chooses errors.
"""

import contextlib
import subprocess
import time
import unittest

import starts
import world

from lib import obeyed
from lib.programs import SECONDS, words_of
from lib.trees import remove_tree

PROGRAM = """
import contextlib, os, sys
def put(path, text="planted"):
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as file: file.write(text)
def wait(word):
    print(word, flush=True)
    sys.stdin.readline()
put("early/.envrc")
wait("begun")
put("sub/.envrc")
put("sub/mise.toml")
put("fresh/deep/.git/config")
for name in ("objects/x", "refs/x", "config"): put("bare/" + name)
put("bare/HEAD", "ref: refs/heads/main")
for name in (".vscode/tasks.json", "sub/.env", "other/.git/config"): put(name)
wait("planted")
put("late/AGENTS.md")
put("late/__pycache__/x.cpython-311.pyc")
os.chmod("late", 0)
"""
KEPT = ("sub/keep", "sub/.env", "other/.git/config", ".vscode/settings.json")
TOLD = ("stopped: ", "cannot be moved away", "could not be moved", "could be searched")
# Nothing depends on them but how far the watching has come when the program goes on.
SECONDS_TO_BEGIN, SECONDS_TO_TAKE = 0.3, 0.1


class Guard(unittest.TestCase):
    def scene(self, stack):
        scene = stack.enter_context(world.World())
        for name in KEPT:
            path = scene.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("user " + name)
        for _ in range(2):  # the plan is made anew, and then holds
            self.play(scene, None)
            self.clear(scene)
        return scene

    def play(self, scene, fault, program=PROGRAM):
        """Return: status, standard error, and the injector's words."""
        log = scene.top / "log"
        log.unlink(missing_ok=True)
        python = scene.venv / "bin" / "python"
        argv = [python, "-I", "-S", "-B", "-c", program]
        if fault is not None:
            place = [] if fault == "count" else fault.options()
            real = scene.venv / "sandbox" / "bin" / "python"
            argv = [world.INJECT, "-o", log, "-w", real, *place, "--", *argv]
        with subprocess.Popen(
            words_of(argv),
            cwd=scene.project,
            env=scene.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            for seconds in (SECONDS_TO_BEGIN, SECONDS_TO_TAKE):
                if process.stdout.readline():
                    time.sleep(seconds)
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(b"\n")
                    process.stdin.flush()
            _, said = process.communicate(timeout=SECONDS)
        lines = log.read_text().splitlines() if log.exists() else []
        return process.returncode, said.decode("utf-8", "replace"), [line.split() for line in lines]

    def clear(self, scene):
        """Takes away what may be left of a run, but for what was there before it."""
        for name in ("early", "fresh", "bare", "late"):
            if (scene.project / name).exists():
                remove_tree(scene.project / name)
        quarantine = scene.venv / "sandbox" / "quarantine"
        if quarantine.exists():
            remove_tree(quarantine)

    def calls(self, scene):
        """Of a good run: the calls, and which process watches."""
        for _ in range(10):
            status, said, log = self.play(scene, "count")
            self.assertEqual(status, 0, said)
            calls = starts.Calls(log)
            watching = {row[0] for row in calls.rows if calls.names.get(row[2]) == "inotify_init1"}
            self.clear(scene)
            if watching:
                return calls, min(watching)
        raise AssertionError("the project is never watched")

    def faults(self, scene, calls, guard):
        """Of the launcher those calls that a short program's launcher does not make."""
        short = starts.Calls(self.play(scene, "count", "")[2])
        made = {row[:3]: row[3] for row in short.rows}
        for process, generation, number, count in calls.rows:
            watches = process == guard or process.startswith(guard + ".")
            before = 0 if watches else made.get((process, generation, number), 0)
            if not watches and (process != "0" or generation == 0 or count <= before):
                continue
            if calls.names.get(number) not in starts.NEVER:
                yield from calls.faults_of(process, generation, number, count, before)

    @staticmethod
    def complaints(before, after, outcome, spared):
        status, said, log = outcome
        found = [" ".join(words) for words in log if words[0] == "hung"]
        told = any(text in said for text in TOLD)
        found += [
            text
            for text in obeyed.judge(before, after, set())
            if (not told and spared not in text) or text.startswith("protected")
        ]
        if status not in (0, 125, 137, -9):
            found.append(f"status {status}")
        return [f"{text}; status {status}, said: {said!r}" for text in found]

    def test_the_guard(self):
        with contextlib.ExitStack() as stack:
            scene = self.scene(stack)
            calls, guard = self.calls(scene)
            before = obeyed.look(scene.project)
            found, counts = [], {"late": 0, "earlier": 0, "not reached": 0}
            for fault in list(self.faults(scene, calls, guard)):
                outcome = self.play(scene, fault)
                # A launcher that is killed before it has a guard leaves what came until then.
                spared = "early" if fault.process == "0" and fault.error == "kill" else "\0"
                wrong = self.complaints(before, obeyed.look(scene.project), outcome, spared)
                counts[self.kind(outcome[2])] += 1
                if wrong:
                    where = f"{calls.name(fault)} #{fault.nth} of {fault.process}, {fault.error}: "
                    found += [where + text for text in wrong]
                    print(*found[-len(wrong) :], sep="\n", flush=True)
                    stack.close()
                    scene = self.scene(stack)
                    before = obeyed.look(scene.project)
                self.clear(scene)
        print(", ".join(f"{count} {what}" for what, count in counts.items()))
        self.assertEqual(found, [])
        self.assertGreater(counts["late"], 50)

    @staticmethod
    def kind(log):
        if ["injected", "late"] in log:
            return "late"
        return "earlier" if ["injected"] in log else "not reached"
