#!/usr/bin/env python3
"""Fails when docs/configuration.md does not hold the tables that the table of options generates.

usage: check.py PROGRAM PAGE [--write]
  PROGRAM  prints the tables
  --write  put them into the page instead of comparing
"""
import difflib
import pathlib
import subprocess
import sys

BEGIN = "<!-- The tables below are generated; mend them with tests/tidy/configuration_page/check.py --write -->\n"
END = "<!-- End of the generated tables -->\n"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    program, page = arguments[0], pathlib.Path(arguments[1])
    generated = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"{page}: the two marks around the tables are missing")
    before, rest = text.split(BEGIN)
    tables, after = rest.split(END)
    wanted = "\n" + generated + "\n"
    if "--write" in sys.argv:
        page.write_text(before + BEGIN + wanted + END + after)
        return
    if tables == wanted:
        print(f"{page.name} shows all {generated.count('| `--')} options as they are")
        return
    difference = difflib.unified_diff(
        tables.splitlines(), wanted.splitlines(), "the page", "the options", lineterm="", n=0)
    print("\n".join(difference))
    sys.exit(f"mend with: tests/tidy/configuration_page/check.py {program} {page} --write")


main()
