#!/usr/bin/env python3
"""Fails when a mutant does not apply to the sources any more, or its header lacks a field: see docs/testing.md.

usage: check_mutants.py ROOT
"""
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "tests/mutants"))
from score_page import CLASSES, FIELDS, read_header  # noqa: E402 # where it is was not known before


def faults(patch, numbers):
    """What is wrong with one mutant, in words."""
    header = read_header(patch)
    for field in FIELDS:
        if field not in header:
            yield f"no line '{field}: ...' before the diff"
    if header.get("Class") not in CLASSES:
        yield "its class is none of " + ", ".join(CLASSES)
    number = patch.name.split("-")[0]
    if numbers.count(number) > 1:
        yield f"another one is {number}, too"
    # Also where the sources are in no clone, or in somebody else's.
    applied = subprocess.run(["git", "apply", "--check", patch], cwd=root, capture_output=True, text=True,
                             env={**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)})
    if applied.returncode != 0:
        yield "it does not apply: " + applied.stderr.strip()


def main():
    patches = sorted((root / "tests/mutants").glob("*.patch"))
    numbers = [patch.name.split("-")[0] for patch in patches]
    found = [f"{patch.relative_to(root)}: {fault}" for patch in patches for fault in faults(patch, numbers)]
    for line in found:
        print(line)
    if found or not patches:
        return 1
    print(f"{len(patches)} mutants apply")
    return 0


if __name__ == "__main__":
    sys.exit(main())
