#!/usr/bin/env python3
"""Fails when a file includes something its layer must not know: the arrows of docs/ARCHITECTURE.md.

usage: check_layers.py ROOT
"""
import pathlib
import re
import sys

SPINE = {"base", "core", "driver"}
LEAVES = {"wire", "storage", "transport", "config", "logging", "sessions"}

# layer -> (layers it may include, prefixes of third-party headers it may include)
ALLOWED = {
    "base": ({"base"}, ()),
    "core": ({"base", "core"}, ()),
    "driver": (SPINE, ()),
    "wire": ({"base", "wire"}, ("google/protobuf/", "isa-l/")),
    "storage": ({"base", "wire", "storage"}, ("leveldb/",)),
    "transport": ({"base", "wire", "transport"}, ("boost/asio", "boost/beast", "openssl/")),
    "sessions": ({"base", "wire", "sessions"}, ()),
    "config": ({"base", "config"}, ("yaml-cpp/", "openssl/")),
    "logging": ({"base", "logging"}, ("spdlog/",)),
    "runtime": (SPINE | {"runtime"}, ("boost/asio",)),
    "testing": (SPINE | {"wire", "sessions", "storage", "transport", "testing"}, ("boost/asio", "isa-l/")),
    # Puts the others together, in front of embedders; nothing else of the library knows both the spine and a leaf.
    "assembly": (SPINE | LEAVES | {"runtime", "assembly"}, ("boost/asio",)),
    # A program that reads what the others wrote.
    "inspect": ({"base", "wire", "storage", "transport", "assembly", "inspect"}, ()),
}
ANYWHERE = ("boost/system/error_code.hpp",)
# What brings a clock, threads, randomness, I/O or an unspecified order into the pure layers.
IMPURE = {
    "atomic", "chrono", "condition_variable", "ctime", "filesystem", "fstream", "future", "iostream", "mutex",
    "pthread.h", "random", "semaphore", "shared_mutex", "stop_token", "thread", "time.h", "unistd.h",
    "unordered_map", "unordered_set",
}
# As pure as the spine, which they are no part of.
PURE = SPINE | {"sessions"}
# Public headers that only their own ring may see: Asio must not leak into core, nor the driver into config.
PUBLIC_ASIO = {
    "raftkit/node.hpp", "raftkit/launch.hpp", "raftkit/session_client.hpp", "raftkit/tcp_transport.hpp", "raftkit/loopback_transport.hpp",
    "raftkit/testing/transport_conformance.hpp", "raftkit/detail/completion.hpp",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(file):
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def is_allowed(layer, quote, path):
    ours, third_party = ALLOWED[layer]
    if path.startswith("raftkit/"):
        return path not in PUBLIC_ASIO or any(prefix.startswith("boost/asio") for prefix in third_party)
    if quote == '"':
        return path.split("/")[0] in ours
    if "/" in path and not path.startswith("sys/"):
        return path.startswith(third_party + ANYWHERE)
    return not (layer in PURE and (path in IMPURE or path.startswith("sys/")))


def violations(root):
    for file in sorted((root / "src").rglob("*.[ch]pp")):
        relative = file.relative_to(root)
        layer = relative.parts[1]
        if layer not in ALLOWED:
            yield f"{relative}: folder '{layer}' has no row in {pathlib.Path(__file__).name}"
            continue
        for number, quote, path in includes(file):
            if not is_allowed(layer, quote, path):
                yield f"{relative}:{number}: layer '{layer}' must not include {path}"
    for file in sorted((root / "include" / "raftkit").rglob("*.hpp")):
        relative = file.relative_to(root)
        name = str(file.relative_to(root / "include"))
        for number, quote, path in includes(file):
            asio = path.startswith("boost/") and path not in ANYWHERE
            if asio and name not in PUBLIC_ASIO:
                yield f"{relative}:{number}: a public header must not include {path}"
            if quote == '"' and not path.startswith("raftkit/"):
                yield f"{relative}:{number}: a public header must not include {path}"
    for file in sorted((root / "examples").rglob("*.[ch]pp")):
        own = file.relative_to(root / "examples").parts[0]
        for number, quote, path in includes(file):
            ours = (root / "src" / path).exists()
            if quote == '"' and ours and not path.startswith("raftkit/"):
                yield f"{file.relative_to(root)}:{number}: example '{own}' must not include {path}"


def main():
    found = list(violations(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "every include follows the arrows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
