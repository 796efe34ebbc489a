"""Runs a compiled seccomp filter over one system call, as the kernel would."""

import errno
import struct

import harness

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
RET_ALLOW, RET_ERRNO, RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
ALLOW_ALL = [(0x06, 0, 0, RET_ALLOW)]


def program_of(world):
    """The default variant's filter as (code, jt, jf, k)."""
    plan = world._plan or world.venv / "sandbox" / "plan"
    digits = harness.must([harness.PLAN_EDIT, plan, "filter"]).stdout.strip()
    return list(struct.iter_unpack("=HBBI", bytes.fromhex(digits)))


def answer(program, number, words, machine="x86_64"):
    """ "ok", the name of an error, or "kill"."""
    words = [*words, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", number, AUDIT_ARCH[machine], 0, *words)
    value = run(program, data)
    if value == RET_ALLOW:
        return "ok"
    if value & 0xFFFF0000 == RET_ERRNO:
        return errno.errorcode.get(value & 0xFFFF, "ok")
    return "kill" if value & RET_KILL else f"{value:#x}"


def run(program, data):
    at, accumulator = 0, 0
    tests = {
        0x10: lambda a, k: a == k,
        0x20: lambda a, k: a > k,
        0x30: lambda a, k: a >= k,
        0x40: lambda a, k: bool(a & k),
    }
    while at < len(program):
        code, jump_true, jump_false, k = program[at]
        at += 1
        if code == 0x20:  # load a word
            accumulator = struct.unpack_from("=I", data, k)[0]
        elif code == 0x54:  # and
            accumulator &= k
        elif code == 0x05:  # jump
            at += k
        elif code & 0x07 == 0x05:
            at += jump_true if tests[code & 0xF0](accumulator, k) else jump_false
        elif code == 0x06:
            return k
        else:
            raise harness.Dead(f"instruction {code:#x} is unknown to this machine")
    raise harness.Dead("the filter has no end")
