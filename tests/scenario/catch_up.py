#!/usr/bin/env python3
"""A follower dies, the others write more than the log keeps, and it catches up with a snapshot.

The state leaves one member and arrives at another in pieces: neither may need more than --memory-mib
on top of what it needed before. Its connections are cut --cuts times on the way, and it goes on where it
was. At the end the member that was away holds what the others hold.

Exit status: 0 all holds, 1 not, 77 etcdctl is not installed. Where connections cannot be cut (that
takes root and ss), they are not, and that is said.
"""
import argparse
import base64
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

from members import NAMES, START_SECONDS, Cluster, etcdctl, wait_until

NOT_INSTALLED = 77
MIB = 1 << 20
VALUE_BYTES = 64 << 10
SAMPLE_SECONDS = 0.01
CUT_APART = 12 * MIB  # what may be on its way when a connection breaks, and comes again
COMPARED = 64  # keys at the beginning, in the middle and at the end
VALUES_PER_WRITE = 14  # below what one request may carry
FLAGS = ["--snapshot-count=100", "--snapshot-catchup-entries=10"]


class Failed(Exception):
    """Something does not hold."""


class Memory:
    """The highest RssAnon of a process since it was first looked at, in MiB. Not what it has mapped
    from files: the page cache may have that back at any time."""

    def __init__(self, process):
        self.process = process
        self.first = self._now()
        self.peak = self.first

    def sample(self):
        self.peak = max(self.peak, self._now())

    def _now(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            found = re.search(r"RssAnon:\s+(\d+) kB", file.read())
        return int(found[1]) / 1024 if found else 0  # a process that has ended has none


class Sampler:
    """Samples while the context lasts."""

    def __init__(self, watched):
        self.watched = watched
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _run(self):
        while not self.is_over.wait(SAMPLE_SECONDS):
            for each in self.watched:
                each.sample()


class Cutter:
    """Cuts all connections to a member's peer port, each time that another part of a snapshot has
    come."""

    def __init__(self, cluster, victim, mib, cuts):
        self.pattern = f"{cluster.data(victim)}/member/snapshots/*.tmp"
        self.port = cluster.peer(victim).rsplit(":", 1)[1]
        self.marks = [mib * MIB * (i + 1) // (cuts + 1) for i in range(cuts)]
        self.cut = 0
        self.received_at_cut = 0

    def sample(self):
        received = self._received()
        # Only a connection over which something has come can be cut amid a snapshot.
        if self.cut < len(self.marks) and received >= max(self.marks[self.cut], self.received_at_cut + CUT_APART):
            kill_connections(self.port)
            self.cut += 1
            self.received_at_cut = self._received()

    def _received(self):
        try:
            return sum(os.path.getsize(path) for path in glob.glob(self.pattern))
        except FileNotFoundError:  # it was complete just now
            return 0


def kill_connections(port):
    return subprocess.run(["ss", "--kill", "--tcp", "-4", "dport", f"= :{port}"], capture_output=True, check=False)


def can_cut():
    return os.geteuid() == 0 and shutil.which("ss") is not None


def fill(cluster, member, mib):
    """Values that cannot be compressed; returns how many."""
    wanted = mib * MIB // VALUE_BYTES
    written = 0
    shown = time.monotonic()
    while written < wanted:
        puts = "".join(f"put big/{written + i:07} {random_text(VALUE_BYTES)}\n"
                       for i in range(min(VALUES_PER_WRITE, wanted - written)))
        write(cluster, member, f"\n{puts}\n\n")
        written += puts.count("\n")
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"{written} of {wanted} values written", flush=True)
    return written


def write(cluster, member, transaction):
    """Again while it is refused: on a machine that stands still for a second, the leader changes."""
    deadline = time.monotonic() + START_SECONDS
    while (result := etcdctl(["txn"], cluster.client(member), transaction.encode())).returncode != 0:
        if time.monotonic() > deadline:
            raise Failed(f"cannot write: {result.stderr.decode()}")


def random_text(size):
    return base64.b64encode(os.urandom(size * 3 // 4)).decode()


def contents(cluster, member, first):
    """Keys with their revisions and values, as the member itself has them."""
    result = etcdctl(["get", f"big/{first:07}", f"big/{first + COMPARED:07}", "--consistency=s", "-w", "json"],
                     cluster.client(member))
    if result.returncode != 0:
        raise Failed(f"cannot read from {NAMES[member]}: {result.stderr.decode()}")
    return json.loads(result.stdout).get("kvs")


def status(cluster, member):
    result = etcdctl(["endpoint", "status", "-w", "json"], cluster.client(member))
    return json.loads(result.stdout)[0]["Status"] if result.returncode == 0 else None


def run(cluster, mib, bound, cuts):
    cluster.start()
    leader = status(cluster, 0)["leader"]
    victim = next(i for i in range(len(NAMES)) if status(cluster, i)["header"]["member_id"] != leader)
    others = [i for i in range(len(NAMES)) if i != victim]
    # What a member needs without any state.
    empty = Memory(cluster.processes[victim]).first
    cluster.kill(victim)
    count = fill(cluster, others[0], mib)

    goal = status(cluster, others[0])["raftIndex"]
    started = time.monotonic()
    memories = {member: Memory(cluster.processes[member]) for member in others}
    memories[victim] = Memory(cluster.start_member(victim))
    memories[victim].first = empty
    cutter = Cutter(cluster, victim, mib, cuts)
    with Sampler([*memories.values(), cutter]):
        wait_until(f"{NAMES[victim]} catches up", lambda: has_applied(cluster, victim, goal), START_SECONDS + mib / 4)
    print(f"{NAMES[victim]} caught up with {mib} MiB after {time.monotonic() - started:.1f} s")

    if "snapshot_restore" not in cluster.log(victim):
        raise Failed("it caught up without a snapshot: nothing was shown")
    check_interruptions(cluster, victim, others, cutter)
    for first in (0, count // 2, count - COMPARED):
        if contents(cluster, victim, first) != contents(cluster, others[0], first):
            raise Failed(f"from big/{first:07} on it holds something else than {NAMES[others[0]]}")
    for member, memory in memories.items():
        more = memory.peak - memory.first
        role = "received it" if member == victim else "may have sent it"
        print(f"{NAMES[member]}, which {role}: {memory.first:.0f} MiB, and at most {more:.0f} MiB more")
        if bound and more > bound:
            raise Failed(f"{more:.0f} MiB more is above the bound of {bound} MiB")


def check_interruptions(cluster, victim, others, cutter):
    begun = cluster.log(victim).count("snapshot_receive:")
    interrupted = sum(cluster.log(member).count("snapshot_interrupted:") for member in others)
    print(f"its connections were cut {cutter.cut} times: {interrupted} interruptions, begun {begun} times")
    if cutter.cut != len(cutter.marks):
        raise Failed("the snapshot arrived before its connections were cut: nothing was shown")
    if begun != 1 or interrupted != cutter.cut:
        raise Failed("it did not go on where it was")


def has_applied(cluster, member, index):
    process = cluster.processes[member]
    if process.poll() is not None:
        raise Failed(f"{NAMES[member]} ended, with status {process.returncode}")
    seen = status(cluster, member)
    return seen is not None and seen.get("raftAppliedIndex", 0) >= index


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kvstore", required=True, help="the program")
    parser.add_argument("--directory", default="catch_up.data", help="for data and logs; removed first")
    parser.add_argument("--port", type=int, default=24300, help="the first of six on 127.0.0.1")
    parser.add_argument("--mib", type=int, default=128, help="of state (default: 128)")
    parser.add_argument("--memory-mib", type=int, default=64, help="the bound; 0 for none (default: 64)")
    parser.add_argument("--cuts", type=int, default=2, help="of the connections, on the way (default: 2)")
    options = parser.parse_args()
    if shutil.which("etcdctl") is None:
        print("SKIPPED: etcdctl is not installed (Debian package etcd-client)")
        return NOT_INSTALLED

    if options.cuts > 0 and not can_cut():
        print("connections are not cut: that takes root and ss (Debian package iproute2)")
        options.cuts = 0
    cluster = Cluster(os.path.abspath(options.kvstore), os.path.abspath(options.directory), options.port, FLAGS)
    try:
        run(cluster, options.mib, options.memory_mib, options.cuts)
    except (Failed, RuntimeError) as reason:
        print(f"FAILED: {reason}")
        cluster.show_logs()
        return 1
    finally:
        cluster.stop()
    shutil.rmtree(cluster.directory)  # large
    return 0


if __name__ == "__main__":
    sys.exit(main())
