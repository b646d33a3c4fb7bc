#!/usr/bin/env python3
"""Runs a test whose processes are built with sanitizers, and fails if one of them reported anything.

usage: judge_sanitizers.py DIRECTORY COMMAND...
  DIRECTORY  for the reports; removed first

A server under test is killed, and its exit status and output are nobody's: reports go to files instead.
Exit status: that of the command, or 1 if there are reports.

Some reports of ThreadSanitizer are about gRPC alone and do not count. Debian's gRPC is not instrumented:
ThreadSanitizer sees what its inline headers do in raftkit's programs, but not the locks within the library
by which one thread hands a call to the next. Such a report is a race

- in memory that gRPC itself has allocated for a call, or
- with gRPC's own work on a response that was handed to it: writing it out, or destroying it.

AddressSanitizer sees a response that is touched too late. A report that a kill has cut off cannot be judged,
and is only counted.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

SHOWN_REPORTS = 3
SEPARATOR = "=================="
LOCATION = re.compile(r"^  Location is heap block .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
OF_GRPC = re.compile(r"\((libgrpc|libgpr)|/usr/include/grpcpp/")
RESPONSE_IN_GRPC = re.compile(r"grpc::internal::DefaultMessageHolder<.*>::(~DefaultMessageHolder|Release)\("
                              r"|grpc::SerializationTraits<.*>::Serialize\(")


def is_about_grpc(report):
    if "WARNING: ThreadSanitizer: data race" not in report:
        return False
    location = LOCATION.search(report)
    allocated_by_grpc = location is not None and OF_GRPC.search(location[0])
    return bool(allocated_by_grpc or RESPONSE_IN_GRPC.search(report[:location.start()] if location else report))


def is_cut_off(report):
    return "WARNING: ThreadSanitizer" in report and "SUMMARY: ThreadSanitizer" not in report


def reports_in(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    parts = text.split(SEPARATOR) if "ThreadSanitizer" in text else [text]
    # ThreadSanitizer ends a file with a line that counts the reports.
    return [part for part in parts if part.strip() and not part.strip().startswith("ThreadSanitizer: reported")]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    directory, command = os.path.abspath(sys.argv[1]), sys.argv[2:]
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    environment = dict(os.environ)
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
        environment[name] = f"{environment.get(name, '')} log_path={directory}/report".strip()
    environment["TSAN_OPTIONS"] += " exitcode=0"  # the reports count, not that there are some
    status = subprocess.run(command, env=environment, check=False).returncode

    excused, cut_off, counted = 0, 0, []
    for path in sorted(glob.glob(f"{directory}/*")):
        for report in reports_in(path):
            if is_about_grpc(report):
                excused += 1
            elif is_cut_off(report):
                cut_off += 1
            else:
                counted.append((path, report))
    for path, report in counted[:SHOWN_REPORTS]:
        print(f"{path}:\n{report.strip()}\n")
    print(f"{len(counted)} reports of sanitizers; {excused} more are about gRPC alone, {cut_off} cut off by a kill")
    return status or (1 if counted else 0)


if __name__ == "__main__":
    sys.exit(main())
