#!/usr/bin/env python3
"""Runs the same etcdctl invocations against etcd and against kvstore, and compares what they print.

Both are clusters of three with the same flags on the same ports, one after the other: their cluster and
member IDs must be equal, too. What cannot be equal (indices, sizes, times, who leads) is blanked out.
Differences that are known stand in etcdctl_differences.txt with the reason; any other one, and one that
stands there but is gone, is a failure.

Exit status: 0 equal, 1 not, 77 etcd or etcdctl is not installed.
"""
import argparse
import difflib
import json
import os
import re
import shlex
import shutil
import sys

from members import NAMES, Cluster, etcdctl

NOT_INSTALLED = 77
SHOWN_LINES = 20


class Step:
    """One invocation of etcdctl. `title` names it in the output and in the list of differences."""

    def __init__(self, arguments, title=None, stdin="", member=0, all_members=False):
        self.arguments = shlex.split(arguments)
        self.title = title or arguments
        if member:
            self.title += " @" + NAMES[member]
        self.stdin = stdin.encode()
        self.member = member
        self.all_members = all_members


def txn(title, compares="", success="", failure="", flags=""):
    """A transaction on standard input: three lists, each ended by an empty line."""
    lists = []
    for part in (compares, success, failure):
        lines = [line.strip() for line in part.strip().splitlines()]
        lists.append("".join(line + "\n" for line in lines) + "\n")
    return Step("txn " + flags, title="txn " + title, stdin="".join(lists))


def steps():
    yield from writing()
    yield from ranges()
    yield from revisions()
    yield from deletions()
    yield from transactions()
    yield from compactions()
    yield from refusals()
    yield from membership()
    yield from peculiarities()


def writing():
    yield Step("get nothing")
    yield Step("get nothing -w json", title="get nothing in an empty store -w json")
    yield Step("put a 1")
    yield Step("put b 2 -w json")
    yield Step("put c 3 -w fields")
    yield Step("put a 4 --prev-kv")
    yield Step("put a 5 --prev-kv -w json")
    yield Step("put a 6 --prev-kv -w fields")
    yield Step("put fresh 1 --prev-kv")
    yield Step("put a --ignore-value")
    yield Step("put a --ignore-value --prev-kv -w json")
    yield Step("put a 7 --ignore-lease")
    yield Step("put missing --ignore-value")
    yield Step("put missing 1 --ignore-lease")
    yield Step("put a 8 --ignore-value")
    yield Step("put a 9 --lease=1234abcd")
    yield Step("put a 9 --lease=1234abcd --ignore-lease")
    yield Step("put from-stdin", stdin="some text\nof two lines\n")
    yield Step("put -- -dash value")
    yield Step("put empty ''")
    yield Step("put dir/1 one", member=1)
    yield Step("put dir/2 two", member=2)
    yield Step("put dir/3 three")
    yield Step("put dir/1 uno")
    yield Step("put dir0 after-the-prefix")
    yield Step("put '\udcff\udcfe' high-bytes", title="put \\xff\\xfe")


def ranges():
    yield Step("get a")
    yield Step("get a -w json")
    yield Step("get a -w fields")
    yield Step("get a --hex")
    yield Step("get a --print-value-only")
    yield Step("get missing --print-value-only")
    yield Step("get missing -w fields")
    yield Step("get empty -w json")
    yield Step("get a c")
    yield Step("get a d -w json")
    yield Step("get c a")
    yield Step("get dir/ --prefix")
    yield Step("get dir/ --prefix -w json")
    yield Step("get dir/ --prefix -w fields")
    yield Step("get '' --prefix")
    yield Step("get '' --from-key --keys-only")
    yield Step("get dir --from-key")
    yield Step("get '\udcff' --prefix --hex", title="get \\xff --prefix --hex")
    yield Step("get dir/ --prefix --limit=2 -w json")
    yield Step("get dir/ --prefix --limit=3 -w json")
    yield Step("get dir/ --prefix --limit=1 -w fields")
    yield Step("get dir/ --prefix --count-only")
    yield Step("get dir/ --prefix --count-only -w fields")
    yield Step("get dir/ --prefix --count-only -w json")
    yield Step("get dir/ --prefix --keys-only -w json")
    yield Step("get dir/ --prefix --order=DESCEND")
    yield Step("get dir/ --prefix --order=ASCEND --limit=2")
    for target in ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION"):
        yield Step(f"get dir --from-key --sort-by={target}")
        yield Step(f"get '' --from-key --sort-by={target} --order=DESCEND --limit=3 -w json")
    yield Step("get dir/ --prefix --sort-by=SHAPE")
    yield Step("get dir/ --prefix --order=UP")
    yield Step("get a --consistency=s")
    yield Step("get a --consistency=l -w json", member=1)
    yield Step("get a --consistency=x")
    yield Step("get dir/ --prefix", member=2)
    yield Step("get")
    yield Step("get a --prefix --from-key")
    yield Step("get a -w nonsense")


def revisions():
    yield Step("get a --rev=2")
    yield Step("get a --rev=5 -w json")
    yield Step("get a --rev=1 -w fields")
    yield Step("get '' --from-key --rev=4")
    yield Step("get dir/ --prefix --rev=15 --sort-by=VALUE --order=DESCEND")
    yield Step("get a --rev=1000")
    yield Step("get missing --rev=1000 --count-only")
    yield Step("get a --rev=-1")


def deletions():
    yield Step("del missing")
    yield Step("del missing -w json")
    yield Step("put d/1 x")
    yield Step("put d/2 y")
    yield Step("put d/3 z")
    yield Step("put e end")
    yield Step("del d/1")
    yield Step("del d/ --prefix --prev-kv")
    yield Step("put d/1 again")
    yield Step("get d/1 -w json", title="get d/1 after it was deleted and put -w json")
    yield Step("put d/2 again")
    yield Step("del d/ --prefix --prev-kv -w json")
    yield Step("put d/1 thrice")
    yield Step("del d/1 --prev-kv -w fields")
    yield Step("del c b")
    yield Step("del dir0 dir1")
    yield Step("del e --from-key --prev-kv")
    yield Step("get '' --prefix --keys-only", title="get everything after the deletions")


def transactions():
    yield txn("that succeeds", 'value("a") = "7"', "put t1 yes\nget a", "put t1 no")
    yield txn("that fails", 'value("a") = "other"', "put t1 yes", "get a\nput t2 no")
    yield txn("without conditions", "", "put t3 1\nget t3")
    yield txn("with several conditions",
              'version("a") > "1"\ncreate("b") = "3"\nmod("c") < "100"\nvalue("b") != "x"',
              "get b", "get c")
    yield txn("as JSON", 'mod("a") > "0"', "get a\nput t4 1\nget t4\ndel t1\ndel nobody", "",
              "-w json")
    yield txn("as fields", 'mod("a") > "0"', "get a\nput t4 2\ndel t2", "", "-w fields")
    yield txn("on a missing key's version", 'version("nobody") = "0"', "put made 1", "get made")
    yield txn("on a missing key's value", 'value("nobody") != "x"', "put t5 1", "get nobody")
    yield txn("on a missing key's empty value", 'value("nobody") = ""', "put t5 1", "get nobody")
    yield txn("that reads a prefix", "", "get dir/ --prefix\nget dir/ --prefix --limit=1\n"
              "get dir/ --prefix --order=DESCEND\nget dir/ --prefix --count-only", "", "-w json")
    yield txn("that reads an old revision", "", "get a --rev=4\nput a 10\nget a --rev=4\nget a")
    # Not with a put: etcd's members disagree for ever after that. Those that do not answer the client leave
    # the range out, and so apply what the one that does refuses.
    yield txn("that reads a future revision", "", "del nobody\nget a --rev=1000")
    yield txn("that deletes a prefix", "", "put x/1 1\nput x/2 2")
    yield txn("that deletes a prefix and tells", "", "del x/ --prefix --prev-kv\nget x/ --prefix", "",
              "-w json")
    yield txn("that puts a key twice", "", "put t7 1\nput t7 2")
    yield txn("that puts and deletes a key", "", "put t7 1\ndel t7")
    yield txn("that puts what a range deletes", "", "put t7 1\ndel t t9")
    yield txn("that puts what a prefix deletes", "", "put t7 1\ndel t7 --prefix")
    yield Step("get '' --prefix", title="get everything after the transactions")
    yield txn("that deletes twice", "", "del b\ndel b", "", "-w json")
    yield txn("with an unknown lease", "", "put t8 1\nput t8a 1 --lease=77")
    yield txn("that ignores a missing value", "", "put t8 1\nput t9 --ignore-value")
    yield txn("that is refused in the other branch", 'version("a") > "0"', "get a", 'put "" 1')
    yield txn("with an empty key", "", 'get ""')
    yield txn("with a condition on an empty key", 'version("") = "0"', "get a")
    yield txn("with 128 operations", "", "\n".join(f"put many/{i} {i}" for i in range(128)), "",
              "-w fields")
    yield txn("with 129 operations", "", "\n".join(f"put many/{i} {i}" for i in range(129)))
    yield Step("del many/ --prefix")
    yield txn("that does nothing at all", "", "", "", "-w json")
    yield Step("txn", title="txn of nonsense", stdin="what is this\n\n\n\n")
    yield Step("put after 1 -w json", title="put after the transactions -w json")


def compactions():
    yield Step("compaction 10")
    yield Step("compaction 10", title="compaction 10 again")
    yield Step("compaction 5")
    yield Step("compaction 0")
    yield Step("compaction 100000")
    yield Step("get a --rev=9")
    yield Step("get a --rev=9 -w json")
    yield Step("get missing --rev=2")
    yield Step("get a --rev=10")
    yield txn("that reads a compacted revision", "", "del nobody\nget a --rev=3")
    yield txn("that only reads a compacted revision", "", "get a --rev=3")
    yield txn("that only reads a compacted revision locally", "", "get a --rev=3 --consistency=s")
    yield Step("get a --rev=12 -w json")
    yield Step("compaction 20 --physical")
    yield Step("compact 21 --physical -w json")
    yield Step("get '' --prefix --rev=21 -w json")
    yield Step("get a --rev=20")
    yield Step("compaction")
    yield Step("compaction abc")
    yield Step("put after 2 -w json", title="put after the compactions -w json")


def refusals():
    yield Step("put '' value")
    yield Step("get ''")
    yield Step("del ''")
    yield Step("put onlykey", stdin="")
    yield Step("put")
    yield Step("del")
    yield Step("nonsense")
    yield Step("put big", title="put 1 500 000 bytes", stdin="x" * 1_500_000)
    yield Step("get big --count-only -w fields")
    yield Step("del big")
    yield Step("put big", title="put 1 600 000 bytes", stdin="x" * 1_600_000)
    yield Step("put big", title="put 2 090 000 bytes", stdin="x" * 2_090_000)
    yield Step("put big", title="put 3 000 000 bytes", stdin="x" * 3_000_000)
    yield Step("get big")
    yield Step("get a --endpoints=127.0.0.1:1 --command-timeout=500ms --dial-timeout=200ms",
               title="get from nobody")


def membership():
    for format_ in ("simple", "table", "json", "fields"):
        yield Step(f"member list -w {format_}")
        yield Step(f"endpoint status -w {format_}", all_members=True)
    yield Step("member list --hex -w json", member=1)
    yield Step("endpoint health", all_members=True)
    yield Step("endpoint health --cluster")
    yield Step("endpoint health --cluster -w json")
    yield Step("endpoint status --cluster", member=2)
    yield Step("get a -w json", title="get a -w json: IDs of the second member", member=1)


def peculiarities():
    """Where kvstore does as etcd's documentation says, and etcd does not. Last, as the clusters differ then."""
    yield Step("get '' --from-key --sort-by=MODIFY --limit=2")
    yield txn("that puts what a deletion without an end takes", "", "del made --from-key\nput t7 1")


# What differs between any two clusters.
BLANKS = [
    (re.compile(pattern), replacement) for pattern, replacement in (
        (r'"raft_?(term|index|appliedindex)":\d+', r'"raft\1":N'),
        (r'"(raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|leader)":\d+', r'"\1":N'),
        (r'"(RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Leader)" : \d+', r'"\1" : N'),
        (r'"ts":"[^"]*"', '"ts":"T"'),
        (r"endpoint://client-[0-9a-f-]+/", "endpoint://client-X/"),
        (r"passthrough:///", ""),
        (r"took = [0-9.]+(µs|ms|s)", "took = T"),
        (r'"took":"[^"]*"', '"took":"T"'),
        # endpoint status: endpoint, ID, version, size, leader, learner, term, index, applied, errors
        (r"^((?:http://)?127\.0\.0\.1:\d+, [0-9a-f]+, [0-9.]+), [0-9.]+ [kM]?B, (true|false), false, \d+, \d+, \d+, ",
         r"\1, SIZE, LEADER, false, N, N, N, "),
    )
]


def normalised(output, step):
    text = output.decode("utf-8", "backslashreplace")
    lines = []
    for line in text.splitlines():
        for pattern, replacement in BLANKS:
            line = pattern.sub(replacement, line)
        if line.startswith("+-"):
            continue  # a table's frame: as wide as what was blanked out
        if line.startswith("|"):
            line = normalised_row([cell.strip() for cell in line.strip("|").split("|")])
        if line.startswith('[{"endpoint":'):
            line = json.dumps(sorted(json.loads(line), key=lambda each: each["endpoint"]))
        lines.append(line)
    # Asked at the same time, answered in any order.
    return sorted(lines) if step.arguments[:2] == ["endpoint", "health"] else lines


def normalised_row(cells):
    is_status = len(cells) == 10 and cells[0].startswith("127.")
    if is_status:
        cells[3:5] = ["SIZE", "LEADER"]
        cells[6:9] = ["N", "N", "N"]
    return "| " + " | ".join(cells) + " |"


def transcript(cluster):
    answers = {}
    for step in steps():
        endpoints = cluster.all_clients() if step.all_members else cluster.client(step.member)
        result = etcdctl(step.arguments, endpoints, step.stdin)
        if step.title in answers:
            raise RuntimeError(f"two steps are called '{step.title}'")
        answers[step.title] = ([f"exit status {result.returncode}"]
                               + ["out: " + line for line in normalised(result.stdout, step)]
                               + ["err: " + line for line in normalised(result.stderr, step)])
    return answers


def explained_differences():
    """Paragraphs: the title of a step on the first line, the reason on the others."""
    explained = {}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "etcdctl_differences.txt")
    with open(path, encoding="utf-8") as file:
        text = "\n".join(line for line in file.read().splitlines() if not line.startswith("#"))
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip().splitlines()
        if len(lines) >= 2:
            explained[lines[0].strip()] = " ".join(line.strip() for line in lines[1:])
    return explained


def shortened(line):
    limit = 400
    return line if len(line) <= limit else line[:limit] + f"... ({len(line)} characters)"


def compare(theirs, ours):
    """Prints the differences; returns how many are not explained, and how many explanations are void."""
    explained = explained_differences()
    failures = 0
    for title, expected in theirs.items():
        if expected == ours[title]:
            if title in explained:
                failures += 1
                print(f"== {title}\nno longer differs; remove it from the list of differences")
            continue
        reason = explained.get(title)
        failures += 0 if reason else 1
        print(f"== {title}\n" + (f"explained: {reason}" if reason else "NOT EXPLAINED"))
        changes = [line for line in difflib.unified_diff(expected, ours[title], "etcd", "kvstore", lineterm="", n=0)
                   if not line.startswith("@@")]
        for line in changes[:SHOWN_LINES]:
            print("   " + shortened(line))
        if len(changes) > SHOWN_LINES:
            print(f"   and {len(changes) - SHOWN_LINES} more lines")
    for title in explained.keys() - theirs.keys():
        failures += 1
        print(f"== {title}\nis explained, but there is no such step")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kvstore", required=True, help="the program")
    parser.add_argument("--directory", default="etcdctl_transcript.data",
                        help="for data and logs; removed first")
    parser.add_argument("--port", type=int, default=24300, help="the first of six on 127.0.0.1")
    options = parser.parse_args()
    for program in ("etcd", "etcdctl"):
        if shutil.which(program) is None:
            print(f"SKIPPED: {program} is not installed (Debian packages etcd-server and etcd-client)")
            return NOT_INSTALLED

    answers = {}
    for name, program in (("etcd", "etcd"), ("kvstore", os.path.abspath(options.kvstore))):
        cluster = Cluster(program, os.path.abspath(f"{options.directory}/{name}"), options.port)
        try:
            cluster.start()
            answers[name] = transcript(cluster)
        finally:
            cluster.stop()
    failures = compare(answers["etcd"], answers["kvstore"])
    print(f"{len(answers['etcd'])} invocations; {failures} unexplained")
    if failures:
        return 1
    shutil.rmtree(options.directory)  # large
    return 0


if __name__ == "__main__":
    sys.exit(main())
