"""Writes the shipped profiles as C: embed.py OUTPUT FILE.yaml..., the first is the default."""

import pathlib
import sys


def rows(data):
    for start in range(0, len(data), 16):
        yield "    " + " ".join(f"0x{byte:02x}," for byte in data[start : start + 16])


def main():
    output, *inputs = map(pathlib.Path, sys.argv[1:])
    lines = ['#include "policy-internal.h"', ""]
    for number, path in enumerate(inputs):
        # One byte more than the text, so that it is a string too.
        data = path.read_bytes() + b"\0"
        lines += [f"static const unsigned char profile_{number}[] = {{", *rows(data), "};", ""]
    lines += ["const struct policy_embedded policy_embedded_profiles[] = {"]
    for number, path in enumerate(inputs):
        text = f"(const char *)profile_{number}, sizeof(profile_{number}) - 1"
        lines += [f'    {{"{path.stem}", {text}}},']
    lines += ["};", f"const size_t policy_embedded_count = {len(inputs)};", ""]
    output.write_text("\n".join(lines))


main()
