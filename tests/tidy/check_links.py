#!/usr/bin/env python3
"""Fails when a page links to a file that is not there.

usage: check_links.py ROOT
"""
import pathlib
import re
import sys

CODE = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    pages = sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])
    count, broken = 0, []
    for page in pages:
        for target in LINK.findall(CODE.sub("", page.read_text())):
            if "://" in target:
                continue
            count += 1
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(root)}: {target} is not there")
    print("\n".join(broken) or f"{count} links on {len(pages)} pages lead somewhere")
    sys.exit(1 if broken else 0)


main()
