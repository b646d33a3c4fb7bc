#!/usr/bin/env python3
"""Fails when a function under src/ has more than 70 lines, from the line of its opening brace to that of the closing one.

usage: check_functions.py ROOT

Braces are counted, without a parser: a block is a function if what stands before it ends like the head of one. Nested
blocks, lambdas among them, belong to the function around them.
"""
import pathlib
import re
import sys

LIMIT = 70
# What must not be mistaken for code: comments, raw strings, strings, characters (not the ' within numbers).
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
# A namespace, a type or an initialised object: what is inside is looked at, too.
CONTAINER = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b[^()]*$")


def blank(text):
    return NOISE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def functions(text):
    """Yields (line, number of lines) of the outermost blocks with a parameter list before them."""
    text = blank(text)
    stack = []  # whether each open block is a function, or in one
    head = 0
    begin = 0
    for found in re.finditer(r"[{};]", text):
        inside = any(stack)
        if found.group() == "{":
            before = text[head:found.start()]
            is_function = not inside and ")" in before and not CONTAINER.search(before)
            if is_function:
                begin = found.start()
            stack.append(is_function)
        elif found.group() == "}":
            if stack.pop():
                first = text.count("\n", 0, begin) + 1
                yield first, text.count("\n", 0, found.start()) + 2 - first
        if not inside:
            head = found.end()


def main():
    root = pathlib.Path(sys.argv[1])
    counted = 0
    longest = 0
    for file in sorted((root / "src").rglob("*.[ch]pp")):
        for line, length in functions(file.read_text()):
            counted += 1
            longest = max(longest, length)
            if length > LIMIT:
                print(f"{file.relative_to(root)}:{line}: a function of {length} lines; at most {LIMIT}")
    if longest > LIMIT:
        return 1
    print(f"{counted} functions, the longest of {longest} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
