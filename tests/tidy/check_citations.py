#!/usr/bin/env python3
"""Fails when code or a test cites a section of the thesis that docs/protocol.md does not explain, or in another form;
when a section is cited and no test holds it; when the page names code or tests that are not there.

usage: check_citations.py ROOT
"""
import pathlib
import re
import sys

IN_CODE = re.compile(r"\[thesis ([^\]]*)\]")
IN_TEST = re.compile(r"\[thesis:([^\]]*)\]")
SECTIONS = re.compile(r"§\d+(?:\.\d+)+(?:, §\d+(?:\.\d+)+)*")
ROW = re.compile(r"^\| §([\d.]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
CODE_NAME = re.compile(r"`([\w:./]+)`")
# "`commit_test`: One test · Another one; `vote_test`, `append_test`; the oracle of `property/cores_test.cpp`"
NEXT_TESTS = re.compile(r"; (?=`|the )")
TEST_FILE = re.compile(r"`([\w/.]+)`")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+),')
# A comment may break within a citation.
LINE_BREAK = re.compile(r"\s*\n\s*//[/!]*<?\s*")


def citations(file):
    """Yields (what was cited, its sections); no sections if the form is wrong."""
    text = LINE_BREAK.sub(" ", file.read_text())
    for cited in IN_CODE.findall(text):
        yield cited, re.findall(r"§([\d.]+)", cited) if SECTIONS.fullmatch(cited) else []
    for cited in IN_TEST.findall(text):
        yield cited, [cited] if re.fullmatch(r"\d+(?:\.\d+)+", cited) else []


def missing_code(column, code):
    """Names of the column that the code does not have."""
    for name in CODE_NAME.findall(column):
        if name.endswith((".hpp", ".cpp")):
            if not any(file.name == name for file in code):
                yield name
        else:
            word = re.compile(rf"\b{name.split('::')[-1]}\b")
            if not any(word.search(text) for text in code.values()):
                yield name


def missing_tests(column, root):
    """Files and test cases of the column that are not there."""
    for tests in NEXT_TESTS.split(column):
        files, _, cases = tests.partition(": ")
        known = set()
        for name in TEST_FILE.findall(files):
            file = next((folder / (name + suffix) for suffix in (".cpp", "") for folder in
                         (root / "tests/unit/core", root / "tests", root) if (folder / (name + suffix)).exists()), None)
            if file is None:
                yield name
                continue
            for source in [file] if file.is_file() else sorted(file.rglob("*.cpp")):
                known |= {"".join(STRING.findall(case)) for case in CASE.findall(source.read_text())}
        yield from (case for case in cases.split(" · ") if case and case not in known)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    page = root / "docs/protocol.md"
    rows = {section: rest for section, *rest in ROW.findall(page.read_text())}
    explained = set(rows)
    code = {file: file.read_text() for folder in ("src", "include") for file in (root / folder).rglob("*.[ch]pp")}
    cited_anywhere, tagged, complaints = set(), set(), []
    for folder in ("src", "include", "examples", "tests"):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            name = file.relative_to(root).as_posix()
            for cited, sections in citations(file):
                if not sections:
                    complaints.append(f"{name}: write [thesis §n.n] or [thesis §n.n, §m.m], not [thesis {cited}]")
                for section in sections:
                    cited_anywhere.add(section)
                    if folder == "tests" and cited == section:
                        tagged.add(section)
                    if section not in explained:
                        complaints.append(f"{name}: §{section} is not in docs/protocol.md")
    complaints += [f"docs/protocol.md explains §{section}, which nobody cites" for section in
                   sorted(explained - cited_anywhere)]
    complaints += [f"no test has the tag [thesis:{section}]" for section in sorted(cited_anywhere - tagged)]
    for section, (_, functions, tests) in rows.items():
        if not CODE_NAME.search(functions) or not TEST_FILE.search(tests):
            complaints.append(f"docs/protocol.md names no code or no test for §{section}")
        missing = [*missing_code(functions, code), *missing_tests(tests, root)]
        complaints += [f"docs/protocol.md, §{section}: {name} is not there" for name in missing]
    print("\n".join(complaints) or f"{len(cited_anywhere)} sections are cited, all of them in docs/protocol.md, and tested")
    sys.exit(1 if complaints else 0)


main()
