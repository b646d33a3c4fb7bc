"""What came out of the mutation exam, as lines and as a page."""
import re
import statistics

LANES = ["unit", "conformance", "property", "simulator"]
CLASSES = ["safety", "storage", "liveness"]
FIELDS = ["Title", "Class", "Expect", "Like"]
LEAST_LIVENESS = 0.9
MOST_MEDIAN_SECONDS = 60


def read_header(patch):
    """The fields before the diff."""
    header = {}
    for line in patch.read_text().splitlines():
        if line.startswith("diff "):
            break
        found = re.fullmatch(r"(\w+): (\S.*)", line)
        if found:
            header[found.group(1)] = found.group(2)
    return header


def is_killed(result):
    return any(lane["killed"] for lane in result["lanes"].values())


def seconds_to_kill(result):
    """CPU seconds of all lanes up to the first that noticed."""
    seconds = 0.0
    for lane in LANES:
        seconds += result["lanes"][lane]["cpu"]
        if result["lanes"][lane]["killed"]:
            break
    return seconds


def scores(mutants):
    """Per class: how many were examined, killed, and killed by the simulator alone."""
    table = {}
    for kind in CLASSES:
        results = [result for _, header, result in mutants if header["Class"] == kind and result]
        table[kind] = (len(results), sum(map(is_killed, results)),
                       sum(result["lanes"]["simulator"]["killed"] for result in results))
    return table


def median_seconds(mutants):
    times = [seconds_to_kill(result) for _, _, result in mutants if result and is_killed(result)]
    return statistics.median(times) if times else 0.0


def simulator_words(mutants):
    """How far the simulator had to go."""
    kills = [result["lanes"]["simulator"] for _, _, result in mutants if result]
    seeds = sorted(lane["seeds"] for lane in kills if lane["killed"])
    if not seeds:
        return "the simulator killed none"
    return f"the simulator killed {len(seeds)}, half of them by seed {seeds[len(seeds) // 2]}, the last by seed {seeds[-1]}"


def stale_results(mutants):
    return [result for _, _, result in mutants if result and result["is_stale"]]


def stale_words(mutants):
    """How many results say nothing of the sources as they are now, or too little."""
    stale = stale_results(mutants)
    others = sum(result["has_other_sources"] for result in stale)
    fewer = sum(result["has_fewer_seeds"] for result in stale)
    return f"stale results: {len(stale)}; of other sources than the present ones: {others}, of fewer seeds: {fewer}"


def is_met(mutants):
    if stale_results(mutants):
        return False
    table = scores(mutants)
    (safety, safety_killed, _), (storage, storage_killed, _), (liveness, liveness_killed, _) = table.values()
    return (all(result for _, _, result in mutants) and safety == safety_killed and storage == storage_killed
            and liveness_killed >= LEAST_LIVENESS * liveness and median_seconds(mutants) <= MOST_MEDIAN_SECONDS)


def summary(mutants, details):
    lines = []
    for patch, header, result in mutants if details else []:
        state = "not examined" if not result else "killed" if is_killed(result) else "SURVIVES"
        if result and result["is_stale"]:
            state += " (stale)"
        lines.append(f"{patch.name.split('-')[0]}  {header['Class']:8}  {state:16}  {header['Title']}")
    lines += [f"{kind}: {killed} of {examined} killed, {simulated} by the simulator"
              for kind, (examined, killed, simulated) in scores(mutants).items()]
    lines.append(f"median CPU seconds to a kill: {median_seconds(mutants):.1f}")
    lines.append(simulator_words(mutants))
    survivors = [patch.stem for patch, _, result in mutants if result and not is_killed(result)]
    missing = sum(result is None for _, _, result in mutants)
    if survivors:
        lines.append("survivors: " + ", ".join(survivors))
    if missing:
        lines.append(f"not examined: {missing}")
    if stale_results(mutants):
        lines.append(stale_words(mutants))
    lines.append("the goals are met" if is_met(mutants) else "the goals are not met")
    return lines


def cell(lane):
    if not lane["killed"]:
        return "–"
    by = lane["by"].replace("|", "\\|")
    return f"{lane['seeds']} ({lane['cpu']:.0f} s): {by}" if "seeds" in lane else by


def row(patch, header, result):
    name = f"[{patch.name.split('-')[0]}](../tests/mutants/{patch.name})"
    begin = f"| {name} | {header['Title']} | {header['Class']} | {header['Expect']} |"
    if not result:
        return begin + " not examined | | | | |"
    cells = " | ".join(cell(result["lanes"][lane]) for lane in LANES)
    time = f"{seconds_to_kill(result):.1f}" if is_killed(result) else "survives"
    return f"{begin} {cells} | {time} |"


def write_page(page, mutants, notes):
    table = "\n".join(f"| {kind} | {examined} | {killed} | {simulated} |"
                      for kind, (examined, killed, simulated) in scores(mutants).items())
    rows = "\n".join(row(*mutant) for mutant in mutants)
    states = len({result["digest"] for _, _, result in mutants if result})
    several = f" The results are of {states} states of the sources." if states > 1 else ""
    if stale_results(mutants):
        words = stale_words(mutants)
        several += f" {words[0].upper()}{words[1:]}."
    seeds = max((result["seeds"] for _, _, result in mutants if result), default=0)
    page.write_text(f"""# Mutation score

Written by `tests/mutants/run.sh`, which builds raftkit with one mistake at a time and looks which tests notice: see
[testing.md](testing.md). The mistakes are patches in `tests/mutants`.

| class | mutants | killed | of these by the simulator |
|---|---|---|---|
{table}

Median CPU seconds to the first kill: {median_seconds(mutants):.1f}. Of at most {seeds} seeds, from 1 on,
{simulator_words(mutants)}.{several}

Per lane the table has what noticed first: the test (and the invariant that it names), the scenario, or the seed (after so
many CPU seconds) and what it violates. A dash: nothing did, or the mutant is in no program of this lane. The last column has the CPU seconds
of the lanes up to the first that noticed, all of which ran to their own first failure.

| mutant | mistake | class | should notice | unit | conformance | property | simulator | seconds |
|---|---|---|---|---|---|---|---|---|
{rows}

{notes.read_text()}""")
