#!/usr/bin/env python3
"""Fails when a file has a mutex that docs/threading.md does not list, or the page lists one that is gone.

usage: check_mutexes.py ROOT
"""
import pathlib
import re
import sys

MEMBER = re.compile(r"^\s*(?:mutable\s+)?std::(?:\w+_)?mutex\s+(\w+)\s*[;{=]")
ROW = re.compile(r"^\| `([^`]+)` ((?:`\w+`(?:, )?)+) \|")


def in_code(root):
    for folder in ("src", "include", "examples"):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            for line in file.read_text().splitlines():
                match = MEMBER.match(line)
                if match:
                    yield file.relative_to(root).as_posix(), match.group(1)


def on_page(root):
    for line in (root / "docs/threading.md").read_text().splitlines():
        match = ROW.match(line)
        if match:
            for name in re.findall(r"\w+", match.group(2)):
                yield match.group(1), name


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    code, page = set(in_code(root)), set(on_page(root))
    for file, name in sorted(code - page):
        print(f"{file}: {name} is not in docs/threading.md")
    for file, name in sorted(page - code):
        print(f"docs/threading.md lists {name} of {file}, which is gone")
    if code != page:
        sys.exit(1)
    print(f"{len(code)} mutexes, all of them in docs/threading.md")


main()
