"""What each variant of the library is worth: every one against its slot's plain variant, on every table.

    python benchmarks/variants.py [--tables heart pima] [--rows 3000] [--results FILE]

A model is measured with the plain variants in the other slots; features and preprocessing with the linear model and
with boosting. Scores are of one repeat of the study's folds, in confined cells; gains are paired, in shares of the
plain composition's distance to a perfect score. A variant earns its place where, on some table, it gains more than
one corrected SE over the plain one and comes within one SE of the best of its slot; those that nowhere do are named.
A larger table is represented by `--rows` rows of it, the last ones in time. What FILE holds is not measured again.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from against_flaml import DATA, ROOT, Line, Outer

from autoresearch import data, library, metrics
from autoresearch.cells import LocalCells
from autoresearch.drafts import draft
from autoresearch.library import Composition, Variant
from autoresearch.prepared import Prepared
from autoresearch.scorer import Scorer
from autoresearch.space import Option, Space
from autoresearch.statistics import corrected_se
from autoresearch.study import Study, load
from autoresearch.toml import changed
from autoresearch.tried import Level

SECONDS = 60  # for a trial of five folds
PLAIN = {"as_is", "scale_and_encode", "recognise_and_scale", "logistic_regression", "ridge"}
BOOSTING = {True: "lightgbm_small", False: "lightgbm_small_regressor"}


def main() -> None:
    """Measure what FILE lacks, then print a row per variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with datasets.json")
    parser.add_argument("--tables", nargs="+", help="by name; all by default")
    parser.add_argument("--rows", type=int, default=3000, help="of a larger table")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "variants.jsonl")
    options = parser.parse_args()
    entries = json.loads((options.data / "datasets.json").read_text())
    chosen = [entry for entry in entries if entry["name"] in (options.tables or [e["name"] for e in entries])]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.touch()
    for slot in reversed(list(library.SLOTS)):
        for entry in sorted(chosen, key=lambda entry: entry["rows"]):
            with tempfile.TemporaryDirectory(prefix="autoresearch-variants-") as folder:
                measure(Outer.of(options.data, entry), slot, options.rows, Path(folder), options.results)
    show([json.loads(line) for line in options.results.read_text().splitlines()])


def laid(outer: Outer, rows: int, root: Path) -> tuple[Study, Prepared]:
    """Lay and prepare the study of a table, or of `rows` of its rows, in an empty folder."""
    part = outer.table
    if len(part) > rows:
        part = part.iloc[-rows:] if outer.structure.time is not None else part.sample(rows, random_state=0)
    part.reset_index(drop=True).to_parquet(root / "part.parquet", index=False)
    settings = draft(root, outer.words("part.parquet")).text
    (root / "study.toml").write_text(changed(settings, {("budget", "trial_seconds"): SECONDS}))
    study = load(root / "study.toml")
    return study, data.prepare(root, study)


def measure(outer: Outer, wanted: str, rows: int, root: Path, results: Path) -> None:
    """Measure a slot's variants that are not there yet on a table, and append them."""
    study, prepared = laid(outer, rows, root)
    space = Space(
        {
            slot: tuple(Option(slot, v.name, v.family, without=v.without) for v in every)
            for slot, every in library.variants(study.study.task, messy=prepared.messy).items()
        },
        tuple(Level(v.name) for v in library.baseline(study.study.task, messy=prepared.messy).choice),
        prepared.things(study),
    )
    done = {
        (line["slot"], line["variant"], line["background"])
        for line in map(json.loads, results.read_text().splitlines())
        if line["table"] == outer.name
    }
    scorer = Scorer(root, study, prepared, LocalCells(), root / "predictions")
    for slot, name, background, composition in compositions(space, study.study.task, messy=prepared.messy):
        if slot != wanted or (slot, name, background) in done:
            continue
        found = scorer.evaluate(composition.source(""), 1)
        about: Line = {"table": outer.name, "slot": slot, "variant": name, "background": background}
        about |= {"metric": study.metric.name, "ratio": found.ratio, "cpu_s": found.cpu_s, "error": found.error}
        with results.open("a") as file:
            file.write(json.dumps(about | {"scores": found.scores[0] if found.scores else None}) + "\n")
    scorer.close()


def compositions(space: Space, task: metrics.Task, *, messy: bool) -> Iterator[tuple[str, str, str, Composition]]:
    """Slot, variant, background and composition of each that has an effect on the table."""
    plain = library.baseline(task, messy=messy).choice
    models = {variant.name: variant for variant in library.variants(task, messy=messy)["model"]}
    boosting = models[BOOSTING[task != "regression"]]
    for place, (slot, variants) in enumerate(library.variants(task, messy=messy).items()):
        effective = {option.name for option in space.effective_options(slot)}
        for variant in variants:
            if variant.name in effective and variant.pace != "boxed":
                changes: list[tuple[str, Variant]] = [("linear", plain[-1]), ("boosting", boosting)]
                for background, model in changes if slot != "model" else [("plain", variant)]:
                    choice = [*plain[:-1], model]
                    choice[place] = variant
                    yield slot, variant.name, background, Composition(tuple(choice))


@dataclass(frozen=True)
class Gain:
    """What a variant gained over the plain one on a table, in shares of the distance to a perfect score."""

    table: str
    delta: float
    se: float
    best: bool
    cost: float

    @property
    def earned(self) -> bool:
        """Whether it gains beyond one SE, and nothing else in its slot beats it beyond one."""
        return self.best and self.delta > self.se


def show(lines: list[Line]) -> None:
    """Print what each variant gained, slot by slot, best first; then those that nowhere earn their place."""
    gains: dict[tuple[str, str], list[Gain]] = defaultdict(list)
    failed: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        failed[line["slot"], line["variant"]] += line["scores"] is None
    for (slot, _), (variant, gain) in gained(lines):
        gains[slot, variant].append(gain)
    print("slot | variant | tables | median gain | best gain | earned on | CPU / plain | failed")
    print("-- | -- | -- | -- | -- | -- | -- | --")
    for (slot, variant), each in sorted(
        gains.items(), key=lambda item: (item[0][0], -median(g.delta for g in item[1]))
    ):
        top = max(each, key=lambda gain: gain.delta)
        earned = sorted({gain.table for gain in each if gain.earned})
        print(
            f"{slot} | {variant} | {len({gain.table for gain in each})} | {median(g.delta for g in each):+.1%} | "
            f"{top.delta:+.1%} ({top.table}) | {', '.join(earned) or '-'} | {median(g.cost for g in each):.1f} x | "
            f"{failed[slot, variant] or ''}"
        )
    never = [f"{slot}/{variant}" for (slot, variant), each in sorted(gains.items()) if not any(g.earned for g in each)]
    print(f"\nnowhere better than the plain one and as good as the best: {', '.join(never) or 'none'}")


def gained(lines: list[Line]) -> Iterator[tuple[tuple[str, str], tuple[str, Gain]]]:
    """Slot and background, variant and gain, of all that were measured beside their plain variant."""
    groups: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line["scores"]:
            groups[line["table"], line["slot"], line["background"]].append(line)
    for (table, slot, background), group in groups.items():
        plain = next((line for line in group if line["variant"] in PLAIN), None)
        if plain is None:
            continue
        metric = metrics.lookup(plain["metric"])
        sign = 1 if metric.direction == "maximize" else -1
        distance = abs(metric.perfect - float(np.mean(plain["scores"])))
        top = max(group, key=lambda line: sign * float(np.mean(line["scores"])))
        for line in group:
            over = [sign * (a - b) / distance for a, b in zip(line["scores"], plain["scores"], strict=True)]
            below = [sign * (a - b) / distance for a, b in zip(top["scores"], line["scores"], strict=True)]
            best = float(np.mean(below)) <= corrected_se(below, line["ratio"])
            cost = line["cpu_s"] / plain["cpu_s"]
            yield (
                (slot, background),
                (line["variant"], Gain(table, float(np.mean(over)), corrected_se(over, line["ratio"]), best, cost)),
            )


if __name__ == "__main__":
    main()
