#!/usr/bin/env python3
"""Fails when code or a test cites a section of the thesis that docs/protocol.md does not explain, or in another form.

usage: check_citations.py ROOT
"""
import pathlib
import re
import sys

IN_CODE = re.compile(r"\[thesis ([^\]]*)\]")
IN_TEST = re.compile(r"\[thesis:([^\]]*)\]")
SECTIONS = re.compile(r"§\d+(?:\.\d+)+(?:, §\d+(?:\.\d+)+)*")
ROW = re.compile(r"^\| (§[\d.]+) \|", re.MULTILINE)
# A comment may break within a citation.
LINE_BREAK = re.compile(r"\s*\n\s*//[/!]*<?\s*")


def citations(file):
    """Yields (what was cited, its sections); no sections if the form is wrong."""
    text = LINE_BREAK.sub(" ", file.read_text())
    for cited in IN_CODE.findall(text):
        yield cited, re.findall(r"§([\d.]+)", cited) if SECTIONS.fullmatch(cited) else []
    for cited in IN_TEST.findall(text):
        yield cited, [cited] if re.fullmatch(r"\d+(?:\.\d+)+", cited) else []


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    page = root / "docs/protocol.md"
    explained = {row.removeprefix("§") for row in ROW.findall(page.read_text())}
    cited_anywhere, complaints = set(), []
    for folder in ("src", "include", "examples", "tests"):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            name = file.relative_to(root).as_posix()
            for cited, sections in citations(file):
                if not sections:
                    complaints.append(f"{name}: write [thesis §n.n] or [thesis §n.n, §m.m], not [thesis {cited}]")
                for section in sections:
                    cited_anywhere.add(section)
                    if section not in explained:
                        complaints.append(f"{name}: §{section} is not in docs/protocol.md")
    complaints += [f"docs/protocol.md explains §{section}, which nobody cites" for section in
                   sorted(explained - cited_anywhere)]
    print("\n".join(complaints) or f"{len(cited_anywhere)} sections are cited, all of them in docs/protocol.md")
    sys.exit(1 if complaints else 0)


main()
