#!/usr/bin/env python3
"""Lines and branches of a folder that test programs have covered together, from what llvm-cov exports.

usage: coverage_report.py ROOT FOLDER [--min-branches PERCENT] [--missing] EXPORT...

EXPORT is a path without its suffix: EXPORT.json (llvm-cov export -format=text) and EXPORT.lcov (-format=lcov) come from
one program. A side of a branch counts once, however many programs and instances of a template have it. What stands
within RAFTKIT_ASSERT does not count: an assertion that fails is a defect, and no test can make it fail. Neither does
what the compiler decides.
"""
import argparse
import collections
import json
import pathlib
import re
import sys

ASSERT = re.compile(r"\bRAFTKIT_ASSERT\s*\(")
# What the compiler decides has no other side: conditions of constants, and the default of an exhaustive switch.
CONSTEXPR = re.compile(r"\bconstexpr\b[^;{]*[;{]|\bif constexpr [^\n]*")
CONSTANT = re.compile(r"k[A-Z]\w*")
SWITCH = re.compile(r"\bswitch \($")


def position(text, offset):
    """(line, column) as llvm-cov counts them."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def closing(text, offset):
    """Where the parenthesis at `offset` is closed; literals are skipped."""
    depth = 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|[()]', text[offset:]):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            return offset + token.start()
    raise ValueError("a parenthesis is not closed")


class Source:
    def __init__(self, path):
        text = path.read_text()
        self.lines = text.splitlines()
        self.excluded = [(position(text, found.start()), position(text, closing(text, found.end() - 1)))
                         for found in ASSERT.finditer(text)]
        self.excluded += [(position(text, found.start()), position(text, found.end()))
                          for found in CONSTEXPR.finditer(text)]

    def counts(self, branch):
        line, column, end_line, end_column = branch
        if any(begin <= (line, column) <= end for begin, end in self.excluded):
            return False
        text = self.lines[line - 1]
        is_constant = line == end_line and CONSTANT.fullmatch(text[column - 1:end_column - 1])
        return not is_constant and not SWITCH.search(text[:column - 1])


def read_branches(path, folder, branches):
    for file in json.loads(path.read_text())["data"][0]["files"]:
        name = pathlib.Path(file["filename"])
        if name.is_relative_to(folder):
            for branch in file["branches"]:
                counts = branches[name][tuple(branch[:4])]
                counts[True] += branch[4]
                counts[False] += branch[5]


def read_lines(path, folder, lines):
    name = None
    for record in path.read_text().splitlines():
        kind, _, value = record.partition(":")
        if kind == "SF":
            name = pathlib.Path(value)
        elif kind == "DA" and name.is_relative_to(folder):
            line, count = value.split(",")[:2]
            lines[name][int(line)] += int(count)


def share(covered, total):
    return 100.0 * covered / total if total else 100.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("folder")
    parser.add_argument("--min-branches", type=float, default=0)
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("exports", nargs="+")
    options = parser.parse_args()
    folder = options.root.resolve() / options.folder

    lines = collections.defaultdict(collections.Counter)
    branches = collections.defaultdict(lambda: collections.defaultdict(lambda: {True: 0, False: 0}))
    for export in options.exports:
        read_branches(pathlib.Path(export + ".json"), folder, branches)
        read_lines(pathlib.Path(export + ".lcov"), folder, lines)
    if not lines:
        sys.exit(f"no program has a line of {folder}")

    total = [0, 0, 0, 0]
    missing = []
    print(f"{'file':<28}{'lines':>18}{'branches':>20}")
    for name in sorted(lines):
        source = Source(name)
        sides = [(place, side, count) for place, counts in branches[name].items() if source.counts(place)
                 for side, count in counts.items()]
        row = [sum(count > 0 for count in lines[name].values()), len(lines[name]),
               sum(count > 0 for _, _, count in sides), len(sides)]
        total = [before + more for before, more in zip(total, row)]
        print(f"{name.relative_to(folder)!s:<28}{row[0]:>5}/{row[1]:<5}{share(*row[:2]):6.1f}%"
              f"{row[2]:>7}/{row[3]:<5}{share(*row[2:]):6.1f}%")
        missing += [f"{name.relative_to(options.root.resolve())}:{place[0]}:{place[1]}: never {str(side).lower()}: "
                    f"{source.lines[place[0] - 1].strip()}"
                    for place, side, count in sorted(sides) if count == 0]
    print(f"{'total':<28}{total[0]:>5}/{total[1]:<5}{share(*total[:2]):6.1f}%"
          f"{total[2]:>7}/{total[3]:<5}{share(*total[2:]):6.1f}%")
    if options.missing:
        print("\n".join(missing))
    if share(*total[2:]) < options.min_branches:
        sys.exit(f"{share(*total[2:]):.1f} % of the branches are covered, less than {options.min_branches:g} %")


if __name__ == "__main__":
    main()
