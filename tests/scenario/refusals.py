#!/usr/bin/env python3
"""Gives kvstore what it must refuse: wrong flags, wrong places, lost and damaged data, a full disk.

Each case checks the exit status, that the message names the value and what to do, and, where a cluster
runs, that the others go on and the member comes back once the cause is gone.

Exit status: 0 all cases hold, 1 not, 77 etcdctl is not installed. As root the cases that need a file
system of their own run, too; otherwise they are skipped and said to be.
"""
import argparse
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from members import Cluster, etcdctl, wait_until

NOT_INSTALLED = 77
END_SECONDS = 30
LEVELDB = ["--log-storage=leveldb"]
NOT_LOCAL = "http://203.0.113.7:2379"  # an address of the documentation's net: nobody has it


class Failed(Exception):
    """A case does not hold."""


def expect(text, *wanted):
    for each in wanted:
        if each not in text:
            raise Failed(f"'{each}' is missing in:\n" + "\n".join(text.splitlines()[-12:]))


def refused(cluster, member, status, *wanted, **changed):
    """Starts the member with the changed options; it must end with `status` and say `wanted`."""
    before = len(cluster.log(member)) if os.path.exists(f"{cluster.data(member)}.log") else 0
    process = cluster.start_member(member, **changed)
    ended(cluster, member, process, status, before, *wanted)


def ended(cluster, member, process, status, before, *wanted):
    try:
        found = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"it runs on; it should have said {wanted}") from None
    cluster.processes[member] = None
    said = cluster.log(member)[before:]
    expect(said, *wanted)
    if found != status:
        raise Failed(f"exit status {found}, not {status}:\n{said}")


def http_status(place):
    """Of GET http://PLACE."""
    try:
        with urllib.request.urlopen(f"http://{place}", timeout=END_SECONDS) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def unknown_flag(cluster):
    refused(cluster, 0, 2, "flag provided but not defined: -eletion-timeout", "did you mean --election-timeout?",
            eletion_timeout=1000)


def value_that_cannot_be_read(cluster):
    refused(cluster, 0, 2, 'invalid value "abc" for flag -election-timeout', "ms", election_timeout="abc")
    refused(cluster, 0, 2, 'invalid value "0.1s" for flag -heartbeat-interval', heartbeat_interval="0.1s")


def value_out_of_bounds(cluster):
    refused(cluster, 0, 1, "--election-timeout=100", "--heartbeat-interval=100", election_timeout=100)


def url_that_is_none(cluster):
    refused(cluster, 0, 2, "127.0.0.1:2379", "listen-client-urls", listen_client_urls="127.0.0.1:2379")
    refused(cluster, 0, 1, "https://127.0.0.1:2379", "http", listen_client_urls="https://127.0.0.1:2379")


def name_that_is_not_a_member(cluster):
    refused(cluster, 0, 1, '"delta"', "--initial-cluster", '"alpha", "beta", "gamma"', name="delta")


def address_of_another_host(cluster):
    refused(cluster, 0, 1, "--listen-client-urls", NOT_LOCAL, "this host does not have that address",
            listen_client_urls=NOT_LOCAL)


def port_in_use(cluster):
    with socket.create_server(("127.0.0.1", cluster.port + 1)):
        refused(cluster, 0, 1, cluster.peer(0), "another process listens there")
    with socket.create_server(("127.0.0.1", cluster.port)):
        refused(cluster, 0, 1, cluster.client(0), "another process listens there")


def directory_that_cannot_be_made(cluster):
    blocked = f"{cluster.directory}/a-file"
    with open(blocked, "wb"):
        refused(cluster, 0, 1, f"{blocked}/data", "--data-dir", data_dir=f"{blocked}/data")


def directory_that_cannot_be_written(cluster):
    with FileSystem(cluster.directory + "/read-only", "ro") as place:
        refused(cluster, 0, 1, place.path, "--data-dir", data_dir=f"{place.path}/data")


def second_process_on_one_directory(cluster):
    cluster.start()
    other = {"listen_peer_urls": cluster.peer(0).replace(str(cluster.port + 1), str(cluster.port + 6)),
             "listen_client_urls": f"http://127.0.0.1:{cluster.port + 7}"}
    first = cluster.processes[0]
    try:
        refused(cluster, 0, 1, cluster.data(0), "in use by another process", **other)
    finally:
        cluster.processes[0] = first
    cluster.wait_until_healthy(0)


def another_token_than_the_others(cluster):
    """It never becomes ready, both sides say why, and the others do not need it."""
    for member, token in enumerate(("one", "one", "two")):
        cluster.start_member(member, initial_cluster_token=token)
    wait_until("the two that agree serve", lambda: cluster.is_healthy(cluster.client(0)))
    for member in (0, 2):
        wait_until("the reason is logged", lambda member=member: "cluster ID mismatch" in cluster.log(member))
        expect(cluster.log(member), "compare --initial-cluster and --initial-cluster-token of both")
    if cluster.is_healthy(cluster.client(2)):
        raise Failed("a member of another cluster serves")


def directory_of_another_cluster(cluster):
    """The data directory decides; the flags that say otherwise are named."""
    cluster.start()
    cluster.stop()
    for member in range(3):
        cluster.start_member(member, initial_cluster_token="other")
    cluster.wait_until_healthy()
    expect(cluster.log(0), "other_cluster", "--initial-cluster-token", "ignored")


def written(cluster):
    """A cluster that serves and holds something; returns what was put."""
    cluster.start()
    values = {f"k{i}": f"v{i}" * 50 for i in range(40)}
    for key, value in values.items():
        if etcdctl(["put", key, value], cluster.client(0)).returncode != 0:
            raise Failed(f"cannot put {key}")
    return values


def lost(part):
    """The data directory, or part of it, is gone: the member must not vote again."""

    def case(cluster):
        written(cluster)
        cluster.kill(2)
        path = os.path.join(cluster.data(2), part)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        refused(cluster, 2, 1, "start_failed", cluster.data(2), "add it again")
        cluster.wait_until_healthy(0)

    case.__name__ = "lost " + (part or "directory")
    return case


def lost_while_nobody_can_be_asked(cluster):
    """It starts like a new member, and the first one that comes back tells it that it is none."""
    written(cluster)
    for member in range(3):
        cluster.kill(member)
    shutil.rmtree(cluster.data(2))
    before = len(cluster.log(2))
    process = cluster.start_member(2)
    wait_until("it looks for the others", lambda: "role=pre_candidate" in cluster.log(2)[before:])
    for member in range(2):
        cluster.start_member(member)
    ended(cluster, 2, process, 1, before, "server_failed", "is known with data directory", "add it again")
    cluster.wait_until_healthy(0)


def emptied(cluster):
    written(cluster)
    cluster.kill(2)
    log = f"{cluster.data(2)}/member/wal"
    shutil.rmtree(log)
    os.mkdir(log)
    refused(cluster, 2, 1, "holds nothing", log, "was in use")


def inspected(cluster, member, *options):
    return subprocess.run([cluster.inspect, *options, cluster.data(member)], capture_output=True, text=True, check=False)


def found_by_inspection(cluster, place):
    """raftkit-inspect sees what a start sees, and leaves it as it is."""
    before = contents(cluster.data(2))
    found = inspected(cluster, 2, "--verify")
    expect(found.stdout, "DAMAGE: ", place)
    if found.returncode != 1:
        raise Failed(f"raftkit-inspect: exit status {found.returncode}, not 1:\n{found.stdout}{found.stderr}")
    if contents(cluster.data(2)) != before:
        raise Failed("raftkit-inspect has changed a file")


def contents(directory):
    files = {}
    for path in glob.glob(f"{directory}/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                files[path] = hashlib.sha256(file.read()).hexdigest()
    return files


def only_stopped_members_are_inspected(cluster):
    values = written(cluster)
    running = inspected(cluster, 0)
    expect(running.stderr, cluster.data(0), "is in use by a running member")
    cluster.stop()
    stopped = inspected(cluster, 0, "--verify", "--json")
    if (running.returncode, stopped.returncode) != (2, 0):
        raise Failed(f"exit statuses {running.returncode} and {stopped.returncode}, not 2 and 0:\n{stopped.stderr}")
    log = json.loads(stopped.stdout)["log"]["groups"][0]
    if log["last"] < len(values) or log["hard_state"]["commit"] < len(values):
        raise Failed(f"{len(values)} keys were put, and the log holds {log}")


def damaged(place, pattern, change, flags=()):
    """One file is not what was written; where it lies is named."""

    def case(cluster):
        cluster.flags = list(flags)
        written(cluster)
        cluster.processes[2].terminate()
        cluster.processes[2].wait()
        # What the last start wrote is in the newest file.
        path = max(glob.glob(f"{cluster.data(2)}/member/{place}/{pattern}"), key=os.path.getmtime)
        with open(path, "r+b") as file:
            change(file, os.path.getsize(path))
        refused(cluster, 2, 1, "start_failed", os.path.dirname(path), "add it again")
        if not place.startswith("state"):
            found_by_inspection(cluster, os.path.dirname(path))
        cluster.wait_until_healthy(0)

    case.__name__ = f"{change.__name__} in {place}/{pattern}"
    return case


def unsynced_state_is_made_again(cluster):
    """What the store had not synced is applied once more from Raft's log, whatever became of it."""
    values = written(cluster)
    cluster.kill(2)
    path, = glob.glob(f"{cluster.data(2)}/member/state/db-*/*.log")
    with open(path, "r+b") as file:
        flipped_bit(file, os.path.getsize(path))
    cluster.start_member(2)
    cluster.wait_until_healthy(2)
    read = etcdctl(["get", "k", "--prefix", "-w", "json"], cluster.client(2)).stdout
    expected = etcdctl(["get", "k", "--prefix", "-w", "json"], cluster.client(0)).stdout
    found, wanted = json.loads(read)["kvs"], json.loads(expected)["kvs"]
    if found != wanted or len(found) != len(values):
        raise Failed(f"{len(values)} keys were put, {len(found)} are there, or others than elsewhere")


def other_log_than_before(cluster):
    """A member stays with the log it began with, and says so."""
    cluster.flags = LEVELDB
    values = written(cluster)
    cluster.stop()
    cluster.flags = []
    cluster.start()
    expect(cluster.log(2), "log_storage_kept", f"{cluster.data(2)}/member/log")
    key, value = next(iter(values.items()))
    if etcdctl(["get", key, "--print-value-only"], cluster.client(2)).stdout.decode().strip() != value:
        raise Failed(f"{key} is not what was put")
    cluster.kill(2)
    os.mkdir(f"{cluster.data(2)}/member/wal")
    refused(cluster, 2, 1, "member/wal", "member/log", "one log")


def flipped_bit(file, size):
    """Amid what was written: a file may be longer."""
    middle = len(file.read(size).rstrip(b"\0")) // 2
    file.seek(middle)
    byte = file.read(1)
    file.seek(middle)
    file.write(bytes([byte[0] ^ 4]))


def cut_to_nothing(file, _):
    file.truncate(0)


def old_copy(cluster):
    """Put back a copy from before acknowledged writes: the leader's first heartbeat tells."""
    cluster.start()
    cluster.processes[2].terminate()
    cluster.processes[2].wait()
    shutil.copytree(cluster.data(2), cluster.data(2) + ".copy")
    cluster.start_member(2)
    cluster.wait_until_healthy(2)
    for i in range(20):
        etcdctl(["put", f"later{i}", "x"], cluster.client(2))
    cluster.kill(2)
    shutil.rmtree(cluster.data(2))
    os.rename(cluster.data(2) + ".copy", cluster.data(2))
    refused(cluster, 2, 1, "acknowledged entries were lost", "this log ends at")
    cluster.wait_until_healthy(0)


def full_disk(cluster):
    """A member without room refuses writes, and serves reads; with room again it catches up by itself."""
    # The log alone: the keys would need the room that it leaves to others, or give some back.
    with FileSystem(cluster.data(2) + "/member/wal", "size=176m") as place, Stopping(cluster):
        cluster.start()
        value = os.urandom(48 * 1024).hex().encode()
        acknowledged = 0
        while "log_full" not in cluster.log(2):
            if acknowledged > 2000:
                raise Failed("192 MiB of values did not fill 176 MiB")
            if etcdctl(["put", f"big{acknowledged}"], cluster.client(acknowledged % 2), value).returncode == 0:
                acknowledged += 1
        expect(cluster.log(2), "kept in reserve", "proposals are refused until there is")
        refusal = etcdctl(["put", "small", "x"], cluster.client(2))
        expect(refusal.stderr.decode(), "no room for the log on this member's device")
        expect(etcdctl(["get", "big0", "--consistency=s", "--keys-only"], cluster.client(2)).stdout.decode(),
               "big0")
        if http_status(cluster.client(2) + "/health") != 503:
            raise Failed("a member that refuses writes says that it is healthy")
        cluster.wait_until_healthy(0)
        if etcdctl(["put", "after", "x"], cluster.client(0)).returncode != 0:
            raise Failed("the others do not go on")
        process = cluster.processes[2]
        place.remount("size=600m")
        wait_until("the full member has room", lambda: "log_has_room" in cluster.log(2), END_SECONDS)
        cluster.wait_until_healthy(2)
        if process.poll() is not None:
            raise Failed("it ended instead of waiting for room")
        if http_status(cluster.client(2) + "/health") != 200:
            raise Failed("a member that has room again says that it is not healthy")
        count = etcdctl(["get", "big", "--prefix", "--keys-only"], cluster.client(2)).stdout.split()
        if len(count) < acknowledged:
            raise Failed(f"{acknowledged} writes were acknowledged, and {len(count)} are there")


class Skipped(Exception):
    """The case cannot run here."""


class Stopping:
    """Stops a cluster at the end of the context, before what it stands on is taken away."""

    def __init__(self, cluster):
        self.cluster = cluster

    def __enter__(self):
        return self.cluster

    def __exit__(self, *_):
        self.cluster.stop()


class FileSystem:
    """One in memory, mounted while the context lasts."""

    def __init__(self, path, options):
        self.path = path
        self.options = options

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        if os.geteuid() != 0 or not self._mount("-t", "tmpfs", "-o", self.options, "tmpfs", self.path):
            raise Skipped("cannot mount a file system")
        return self

    def remount(self, options):
        if not self._mount("-o", "remount," + options, self.path):
            raise Failed(f"cannot remount {self.path} with {options}")

    def __exit__(self, *_):
        deadline = time.monotonic() + END_SECONDS
        while subprocess.run(["umount", self.path], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"cannot unmount {self.path}")
            time.sleep(0.2)

    @staticmethod
    def _mount(*arguments):
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


CASES = [
    unknown_flag, value_that_cannot_be_read, value_out_of_bounds, url_that_is_none,
    name_that_is_not_a_member, address_of_another_host, port_in_use, directory_that_cannot_be_made,
    directory_that_cannot_be_written, second_process_on_one_directory, another_token_than_the_others,
    directory_of_another_cluster, lost("member"), lost("member/identity"), lost("member/wal"),
    lost("member/state"), lost_while_nobody_can_be_asked, emptied,
    *(damaged("wal", "*.wal", change) for change in (flipped_bit, cut_to_nothing)),
    damaged("log", "*.log", flipped_bit, LEVELDB),
    *(damaged(place, pattern, change, flags) for place, flags in (("log", LEVELDB), ("state/db-*", ()))
      for pattern, change in (("MANIFEST-*", flipped_bit), ("CURRENT", cut_to_nothing))),
    other_log_than_before, only_stopped_members_are_inspected,
    unsynced_state_is_made_again, old_copy, full_disk,
]


def title(case):
    return case.__name__.replace("_", " ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kvstore", required=True, help="the program")
    parser.add_argument("--inspect", required=True, help="the program raftkit-inspect")
    parser.add_argument("--directory", default="refusals.data", help="for data and logs of the cases that fail; removed first")
    parser.add_argument("--port", type=int, default=24300, help="the first of eight on 127.0.0.1")
    parser.add_argument("--case", default="", help="only those whose title contains this")
    options = parser.parse_args()
    if shutil.which("etcdctl") is None:
        print("SKIPPED: etcdctl is not installed (Debian package etcd-client)")
        return NOT_INSTALLED

    chosen = [case for case in CASES if options.case in title(case)]
    failures = 0
    for number, case in enumerate(chosen):
        directory = os.path.abspath(f"{options.directory}/{number}")
        cluster = Cluster(os.path.abspath(options.kvstore), directory, options.port)
        cluster.inspect = os.path.abspath(options.inspect)
        started = time.monotonic()
        try:
            case(cluster)
            verdict = "ok"
        except Skipped as reason:
            verdict = f"SKIPPED: {reason}"
        except (Failed, RuntimeError) as reason:
            failures += 1
            verdict = f"FAILED: {reason}"
            cluster.show_logs()
        finally:
            cluster.stop()
        if verdict == "ok":
            shutil.rmtree(directory)  # all of them together are several GiB
        print(f"{title(case)}: {verdict} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(chosen)} cases, {failures} failed")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
