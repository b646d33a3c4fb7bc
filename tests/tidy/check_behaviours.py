#!/usr/bin/env python3
"""Fails when a behaviour of docs/behaviours.md has no test, or the page does not name the tests that claim it.

A test claims behaviour 12 by the tag [b12], a scenario by the line "# behaviours: 12".

usage: check_behaviours.py ROOT                 the page and the tests agree
       check_behaviours.py ROOT --write         the page is made to agree
       check_behaviours.py ROOT --given FILE    the page has as many behaviours as the list in FILE; 77 without it
"""
import pathlib
import re
import sys

COUNT = 141
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*((?:"[^"]*"\s*)+)\)')
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
TAG = re.compile(r"\[b(\d+)\]")
SCENARIO = re.compile(r"^# behaviours: (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ?(.*?) ?\|$", re.MULTILINE)


def claims_of_cases(root):
    """Yields (number, program's part, test name)."""
    tests = root / "tests"
    built = "\n".join(file.read_text() for file in tests.rglob("CMakeLists.txt"))
    for file in sorted(tests.rglob("*.cpp")):
        text = file.read_text()
        claimed = 0
        for name, tags in CASE.findall(text):
            name, tags = ("".join(STRING.findall(part)) for part in (name, tags))
            numbers = TAG.findall(tags)
            claimed += len(numbers)
            if numbers and "[." in tags:
                raise SystemExit(f"{file.relative_to(root)}: '{name}' is not run by default")
            stem = file.relative_to(tests).with_suffix("").as_posix().removeprefix("unit/core/")
            for number in numbers:
                yield int(number), stem, name
        if claimed and file.name not in built:
            raise SystemExit(f"{file.relative_to(root)} is in no CMakeLists.txt")
        if claimed != len(TAG.findall(text)):
            raise SystemExit(f"{file.relative_to(root)}: a tag [bN] is not among those of a TEST_CASE")


def claims_of_scenarios(root):
    folder = root / "tests/conformance/scenarios"
    for file in sorted(folder.rglob("*.txt")):
        for numbers in SCENARIO.findall(file.read_text()):
            for number in numbers.split(","):
                yield int(number), file.relative_to(folder).as_posix(), None


def tests_by_number(root):
    """{number: "`file`: Name · Name; `scenario.txt`"}"""
    found = {}
    for number, file, name in [*claims_of_cases(root), *claims_of_scenarios(root)]:
        found.setdefault(number, {}).setdefault(file, []).append(name)
    return {number: "; ".join(f"`{file}`" + (": " + " · ".join(names) if names[0] else "")
                              for file, names in sorted(files.items(), key=lambda entry: entry[0].count("/")))
            for number, files in found.items()}


def check_given(text, given):
    if not given.exists():
        print(f"SKIPPED: there is no {given}")
        sys.exit(77)
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", given.read_text(), re.MULTILINE)]
    numbers = [int(number) for number, _, _ in ROW.findall(text)]
    if listed != numbers:
        sys.exit(f"{given} has {len(listed)} behaviours, docs/behaviours.md has {len(numbers)}")
    print(f"both have {len(numbers)} behaviours")


def main():
    arguments = sys.argv[1:]
    if not arguments:
        sys.exit(__doc__)
    root = pathlib.Path(arguments[0])
    page = root / "docs/behaviours.md"
    text = page.read_text()
    if arguments[1:2] == ["--given"]:
        return check_given(text, pathlib.Path(arguments[2]))

    tests = tests_by_number(root)
    rows = {int(number): on_page for number, _, on_page in ROW.findall(text)}
    complaints = [f"there is no behaviour {number}, which is claimed by {tests[number]}" for number in sorted(tests)
                  if not 1 <= number <= COUNT]
    complaints += [f"behaviour {number} has no test" for number in range(1, COUNT + 1) if number not in tests]
    if [int(number) for number, _, _ in ROW.findall(text)] != list(range(1, COUNT + 1)):
        complaints.append(f"docs/behaviours.md does not have the rows 1 to {COUNT}, in order")
    if arguments[1:] == ["--write"]:
        page.write_text(ROW.sub(lambda row: f"| {row[1]} | {row[2]} | {tests.get(int(row[1]), '')} |", text))
    else:
        complaints += [f"docs/behaviours.md: the tests of {number} are not those that claim it; mend with --write"
                       for number in sorted(rows) if number in tests and rows[number] != tests[number]]
    print("\n".join(complaints) or f"{COUNT} behaviours, all of them tested")
    sys.exit(1 if complaints else 0)


main()
