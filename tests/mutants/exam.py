#!/usr/bin/env python3
"""The mutation exam: builds raftkit with one mistake at a time, and looks which tests notice.

usage: tests/mutants/run.sh [--only M07[,M08...]] [--lane LANE] [--again] [--keep] [--seeds N] [--jobs N]
       tests/mutants/run.sh --list | --page | --help

  --only IDS    these mutants
  --lane LANE   only unit, conformance, property or simulator; for looking, nothing is kept of it
  --again       also what was examined already
  --keep        does not examine again what was examined with other sources
  --seeds N     seeds of the simulator, from 1 on (default: 600)
  --jobs N      processes at a time (default: one per processor)
  --list        the mutants, and what became of them
  --page        writes docs/mutation-score.md again, from what is known

Each mutant is a patch in tests/mutants. All lanes run, also when an earlier one has noticed: a mutant that only unit
tests notice is one that the simulator ought to learn from. Programs that come out as without the mutant are not run.
Sources are copied to build/mutants, results are kept there: after Ctrl-C the exam goes on where it was. Without a
mutant all lanes must be green, and each mutant must compile: else the exam is void.

Results of other sources, or of fewer seeds than asked for, count, but they are called stale, and meet no goal.

Exit status: 0 the goals are met, 1 they are not or a result is stale, 2 no exam took place.
"""
import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

from score_page import LANES, is_met, read_header, summary, write_page

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/mutants"
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
BIN = TREE / "build/release/bin"
RESULTS = WORK / "results"
PAGE = ROOT / "docs/mutation-score.md"
GIVEN_SCENARIOS = ROOT.parent / "shared/conformance/data"

UNIT = ["unit_core", "unit_driver", "unit_wire", "unit_base", "unit_storage", "unit_transport", "unit_testing",
        "unit_sessions"]
PROGRAMS = UNIT + ["raftkit-conformance", "property_cores", "raftkit-sim"]
# CPU seconds that a program may take, and seconds by the clock: several times what it takes without a mutant.
UNIT_LIMIT, CONFORMANCE_LIMIT, PROPERTY_LIMIT = (60, 120), (20, 60), (120, 300)
PROPERTY_CASES = 500
SIMULATOR_CPU_SECONDS = 300
MEMORY_BYTES = 8 << 30
# The core is one translation unit, and compiled again for most mutants: like this in a third of the time.
ADDED = {"src/core/CMakeLists.txt": b"target_compile_options(raftkit_core PRIVATE -O1 -g0)\n"}


class NoExam(Exception):
    pass


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Run:
    """One program: how it ended, what it said, what it took."""

    def __init__(self, command, limit, environment=None):
        cpu, clock = limit

        def confine():
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})},
                                       preexec_fn=confine, start_new_session=True)
            end = time.monotonic() + clock
            self.is_hung = False
            try:
                while True:
                    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                    if pid != 0:
                        break
                    if time.monotonic() > end and not self.is_hung:
                        self.is_hung = True
                        kill_group(process)
                    time.sleep(0.01)
            except BaseException:
                kill_group(process)
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            self.output = output.read().decode(errors="replace")
        self.status = process.returncode
        self.cpu = usage.ru_utime + usage.ru_stime
        self.is_hung = self.is_hung or self.status == -signal.SIGXCPU

    def ending(self):
        return "hang" if self.is_hung else f"signal {-self.status}" if self.status < 0 else f"status {self.status}"


def invariant_in(text):
    found = re.search(r"\bINV-[A-Z][A-Z-]*[A-Z]", text)
    return found.group() if found else None


def first_failed_case(output):
    found = re.search(r"^-{79}\n(.+?)\n-{79}\n", output, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split())[:120] if found else None


def tests_lane(programs, limit, changed, environment):
    """Catch2 programs, each up to its first failure, until one fails."""
    result = {"killed": False, "cpu": 0.0, "by": None}
    for program in programs:
        if program not in changed:
            continue
        run = Run([BIN / program, "--abort"], limit, environment)
        result["cpu"] += run.cpu
        if run.status != 0:
            words = [program + ":", first_failed_case(run.output) or run.ending()]
            if run.is_hung:
                words.append("(hang)")
            if invariant_in(run.output):
                words.append(f"({invariant_in(run.output)})")
            return {**result, "killed": True, "by": " ".join(words)}
    return result


def unit_lane(changed, _):
    return tests_lane(UNIT, UNIT_LIMIT, changed, {"RC_PARAMS": "seed=1"})


def property_lane(changed, _):
    return tests_lane(["property_cores"], PROPERTY_LIMIT, changed,
                      {"RC_PARAMS": f"max_success={PROPERTY_CASES} seed=1"})


def conformance_lane(changed, _):
    result = {"killed": False, "cpu": 0.0, "by": None}
    folders = [TREE / "tests/conformance/scenarios", GIVEN_SCENARIOS]
    for folder in folders if "raftkit-conformance" in changed else []:
        if not folder.is_dir():
            continue
        run = Run([BIN / "raftkit-conformance", folder], CONFORMANCE_LIMIT)
        result["cpu"] += run.cpu
        if run.status != 0:
            failed = re.findall(r"^FAIL \S*?([^/\s:]+):\d+", run.output, re.MULTILINE)
            by = f"{failed[0]}" + (f" and {len(failed) - 1} more" if len(failed) > 1 else "") if failed else run.ending()
            return {**result, "killed": True, "by": by}
    return result


def property_of(failure):
    """What a failure of the simulator says was violated."""
    stopped = re.match(r"node \w+ cannot go on: (.*)", failure)
    if invariant_in(failure):
        return invariant_in(failure)
    if stopped:
        return "a node stops: " + stopped.group(1)[:60]
    if failure.startswith("liveness: "):
        return failure.split(" within ", 1)[0][:80]
    return failure.split(":", 1)[0][:60]


def simulator_lane(changed, options):
    result = {"killed": False, "cpu": 0.0, "by": None, "seeds": 0}
    if "raftkit-sim" not in changed:
        return result
    portion = 4 * options.jobs
    while result["seeds"] < options.seeds and result["cpu"] < SIMULATOR_CPU_SECONDS:
        first = result["seeds"] + 1
        count = min(portion, options.seeds - result["seeds"])
        run = Run([BIN / "raftkit-sim", "--first", first, "--seeds", count, "--jobs", options.jobs],
                  (60 + 2 * count, 120 + 4 * count))
        result["cpu"] += run.cpu
        failures = re.findall(r"FAILED: (.*?)\n  raftkit-sim --seed (\d+)", run.output, re.DOTALL)
        if failures:
            failure, seed = min(failures, key=lambda each: int(each[1]))
            return {**result, "killed": True, "seeds": int(seed), "by": property_of(failure),
                    "failure": " ".join(failure.split())[:300]}
        if run.status != 0:
            return {**result, "killed": True, "seeds": first, "by": run.ending()}
        result["seeds"] += count
        portion = min(2 * portion, 96)
    return result


RUN_LANE = {"unit": unit_lane, "conformance": conformance_lane, "property": property_lane, "simulator": simulator_lane}


# --- sources and programs

def sources():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True,
                            check=True).stdout.decode().split("\0")
    # A new mutant, or a page, changes nothing that is examined.
    return {name for name in listed if name and (ROOT / name).is_file()
            and not name.startswith(("docs/", "tests/mutants/", "examples/"))}


def content_of(name):
    return (ROOT / name).read_bytes() + ADDED.get(name, b"")


def digest_of_sources():
    digest = hashlib.sha256()
    for name in sorted(sources()):
        digest.update(name.encode() + b"\0" + content_of(name))
    return digest.hexdigest()[:16]


def copy_sources():
    """Makes the copy equal to the sources; what a mutant left there goes. Returns a digest of it all."""
    digest = hashlib.sha256()
    wanted = sources()
    for name in sorted(wanted):
        content = content_of(name)
        digest.update(name.encode() + b"\0" + content)
        copy = TREE / name
        if not copy.is_file() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            copy.chmod((ROOT / name).stat().st_mode)
    for copy in TREE.rglob("*"):
        name = str(copy.relative_to(TREE))
        if not name.startswith("build/") and copy.is_file() and name not in wanted:
            copy.unlink()
    return digest.hexdigest()[:16]


def session_of(stat):
    """The session in a line of /proc/PID/stat; the name in parentheses may contain anything."""
    return int(stat.rpartition(")")[2].split()[3])


def end_session(process):
    """Ninja starts each compiler in a group of its own, and ends them, and what they began to write, when it is asked to
    end. What is left of the session after that is killed."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if session_of((entry / "stat").read_text()) == process.pid:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError):  # it has ended meanwhile
            pass
    kill_group(process)
    process.wait()


def run_step(step, output, environment):
    """Whether it succeeded. Nothing of it outlives an interruption."""
    process = subprocess.Popen(step, cwd=TREE, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                               env=environment, start_new_session=True)
    try:
        return process.wait() == 0
    except BaseException:
        end_session(process)
        raise


def build(log, options):
    environment = {**os.environ, "CCACHE_BASEDIR": str(TREE), "CCACHE_NOHASHDIR": "1"}
    steps = [["cmake", "--build", "--preset", "release", "-j", str(options.jobs), "--target", *PROGRAMS]]
    if not (TREE / "build/release/build.ninja").exists():
        steps.insert(0, ["cmake", "--preset", "release", "-DRAFTKIT_BUILD_EXAMPLES=OFF"])
    with log.open("w") as output:
        return all(run_step(step, output, environment) for step in steps)


def fingerprints():
    def of(path):
        with path.open("rb") as program:
            return hashlib.file_digest(program, "sha256").hexdigest()
    return {program: of(BIN / program) for program in PROGRAMS}


def apply(patch):
    # The copy lies in a clone; git shall take it for a folder like any other.
    applied = subprocess.run(["git", "-C", TREE, "apply", patch], capture_output=True, text=True,
                             env={**os.environ, "GIT_CEILING_DIRECTORIES": str(WORK)})
    if applied.returncode != 0:
        raise NoExam(f"{patch.name} does not apply:\n{applied.stderr}")


# --- the exam

def examine_baseline(digest, options):
    kept = WORK / "baseline.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("digest") == digest and known.get("seeds", 0) >= options.seeds and not options.again:
        if build(WORK / "build.log", options) and fingerprints() == known["programs"]:
            return known["programs"]
    print("without a mutant: building", flush=True)
    if not build(WORK / "build.log", options):
        raise NoExam(f"the sources do not compile; see {WORK / 'build.log'}")
    programs = fingerprints()
    for lane in LANES:
        result = RUN_LANE[lane](programs, options)
        print(f"without a mutant: {lane}: {result['cpu']:.1f} CPU seconds", flush=True)
        if result["killed"]:
            raise NoExam(f"without a mutant the lane {lane} fails: {result['by']} {result.get('failure', '')}")
    kept.write_text(json.dumps({"digest": digest, "seeds": options.seeds, "programs": programs}))
    return programs


def examine(patch, digest, baseline, options):
    apply(patch)
    if not build(WORK / "build.log", options):
        raise NoExam(f"{patch.name} does not compile; see {WORK / 'build.log'}")
    changed = {program for program, value in fingerprints().items() if value != baseline[program]}
    if not changed:
        raise NoExam(f"{patch.name} changes none of the programs")
    result = {"digest": digest, "patch": mistake(patch), "seeds": options.seeds,
              "lanes": {}}
    for lane in [options.lane] if options.lane else LANES:
        outcome = result["lanes"][lane] = RUN_LANE[lane](changed, options)
        killed = f"killed by {outcome['by']}" if outcome["killed"] else "survives"
        seeds = f", seed {outcome['seeds']}" if outcome.get("seeds") else ""
        print(f"  {lane}: {killed}{seeds}, {outcome['cpu']:.1f} CPU seconds", flush=True)
        if "failure" in outcome:
            print(f"    {outcome['failure']}", flush=True)
    return result


def mistake(patch):
    """A digest of the diff; the words before it may change."""
    text = patch.read_text()
    return hashlib.sha256(text[text.index("diff --git"):].encode()).hexdigest()


def known_results(patches, digest, seeds):
    """What is known of the patches as they are now. `is_stale`: of other sources, or of fewer seeds."""
    known = {}
    for patch in patches:
        file = RESULTS / (patch.name.split("-")[0] + ".json")
        if not file.exists():
            continue
        result = json.loads(file.read_text())
        if result["patch"] == mistake(patch):
            has_other_sources = result["digest"] != digest
            has_fewer_seeds = result["seeds"] < seeds
            known[patch.name.split("-")[0]] = {**result, "has_other_sources": has_other_sources,
                                               "has_fewer_seeds": has_fewer_seeds,
                                               "is_stale": has_other_sources or has_fewer_seeds}
    return known


def parse(words):
    parser = argparse.ArgumentParser(add_help=False)
    for flag in ["--again", "--keep", "--list", "--page", "-h", "--help"]:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--lane", choices=LANES)
    parser.add_argument("--seeds", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args(words)


def hold_exam(patches, wanted, options):
    TREE.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    lock = (WORK / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NoExam("another exam is running in build/mutants") from None
    digest = copy_sources()
    baseline = examine_baseline(digest, options)
    known = {} if options.again or options.lane else known_results(patches, digest, options.seeds)
    void = []
    for number, patch in enumerate(wanted, 1):
        name = patch.name.split("-")[0]
        result = known.get(name)
        if result and not result["has_fewer_seeds"] and (options.keep or not result["has_other_sources"]):
            continue
        if copy_sources() != digest:
            raise NoExam("the sources have changed meanwhile; the same command begins with them as they are now")
        print(f"[{number}/{len(wanted)}] {patch.stem}: {read_header(patch)['Title']}", flush=True)
        try:
            result = examine(patch, digest, baseline, options)
        except NoExam as why:
            print(f"  void: {why}", flush=True)
            void.append(patch.name)
            continue
        if not options.lane:
            (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1))
    copy_sources()
    if void:
        raise NoExam("void: " + ", ".join(void))
    return digest


def main():
    options = parse(sys.argv[1:])
    if options.help or options.h:
        print(__doc__)
        return 0
    patches = sorted(HERE.glob("M*.patch"))
    only = {name for name in options.only.split(",") if name}
    wanted = [patch for patch in patches if not only or patch.name.split("-")[0] in only]
    if only - {patch.name.split("-")[0] for patch in wanted}:
        raise NoExam("no such mutant: see --list")
    if not (options.list or options.page):
        digest = hold_exam(patches, wanted, options)
        if options.lane:
            return 0
    else:
        TREE.mkdir(parents=True, exist_ok=True)
        digest = digest_of_sources()
    # Whatever state of the sources they are of: the page says so.
    known = known_results(patches, digest, options.seeds)
    mutants = [(patch, read_header(patch), known.get(patch.name.split("-")[0])) for patch in patches]
    is_complete = len(known) == len(patches)
    if options.page or (is_complete and not options.list) or not (only or options.list):
        write_page(PAGE, mutants, HERE / "notes.md")
    print("\n".join(summary(mutants, details=options.list)))
    return 0 if is_met(mutants) else 1


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        sys.exit(main())
    except NoExam as why:
        print(f"no exam: {why}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(2)
