"""Models x hook points x recipes x seeds: an SAE, an atlas and figures of each, from one TOML file.

Every backbone is extracted once; then every SAE is trained and has its atlas with a map, its
figures and a row in DIR/summary.csv. Each step is a process, or a job of a cluster, of its own:
what fails is reported and the others go on. Whatever is there already is left alone, so the same
command goes on after an interruption and tries again what failed.

    python scripts/batch.py data/examples/batch.toml --out STUDY --jobs 2
    python scripts/batch.py data/examples/batch.toml --out STUDY --cluster slurm

data/examples/batch.toml says what the file may hold.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mmfeat import extraction, toml, training
from mmfeat.backbones.base import STREAMS
from mmfeat.errors import MmfeatError
from mmfeat.jobs import Cluster, Processes, Step, run

FIGURES = {"map": "map.pdf", "scoreboard": "scoreboard.csv", "table": "table.csv"}
SUMMARY = ("features", "alive", "shared", "seconds", "sae", "atlas", "figures", "error")


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is given twice; give each once")
    return values


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)]
Seeds = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)
]
Figures = Annotated[tuple[Literal["map", "scoreboard", "table"], ...], AfterValidator(distinct)]


class Batch(BaseModel):
    """What the TOML file says."""

    model_config = ConfigDict(extra="forbid")

    corpus: Path
    backbones: Names
    recipes: Names
    hooks: Names = ("joint",)
    streams: Names = STREAMS
    seeds: Seeds = (0,)
    figures: Figures = ("map",)
    set: dict[str, Any] = {}
    cluster: dict[str, Any] = {}


def read_batch(file: Path) -> Batch:
    """Read the TOML file and check all that can be checked before the work."""
    values = toml.read(file)
    try:
        batch = Batch.model_validate(values)
    except ValidationError as error:
        raise toml.refusal(file, error) from error
    batch.corpus = file.parent / batch.corpus
    if not batch.corpus.is_file():
        raise MmfeatError(f"{file}: corpus: {batch.corpus} does not exist; mend that value.")
    batch.set = dict(flat(batch.set))
    for name in {"hook", "recipe", "seed"} & set(batch.set):
        raise MmfeatError(f"{file}: set.{name}: trainings differ in it; give {name}s instead.")
    key = "streams"
    try:
        extraction.check_streams(batch.streams)
        for name in batch.recipes:
            key = f"recipe {name} with [set]"
            training.recipe(name, batch.set)
    except MmfeatError as error:
        raise MmfeatError(f"{file}: {key}: {error}") from error
    return batch


def flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Write optimiser.steps alike whether its dot was quoted or not."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@dataclass(kw_only=True)
class Extraction(Step):
    """Activations of a backbone at all hook points."""

    corpus: Path
    activations: Path
    settings: dict[str, Any]

    def record(self) -> str:
        """Return the provenance of the activations."""
        settings = extraction.ExtractSettings(**self.settings)
        return extraction.recorded(self.corpus, settings)

    def work(self) -> dict[str, Any]:
        """Extract at the hook points that the backbone has."""
        from mmfeat.backbones.registry import load_backbone
        from mmfeat.steps import ensure_activations

        # A training at a hook point that this backbone lacks will say so, and the others go on.
        known = {point.name for point in load_backbone(self.settings["backbone"]).hook_points}
        hooks = [hook for hook in self.settings["hooks"] if hook in known]
        settings = {**self.settings, "hooks": hooks or self.settings["hooks"]}
        out = self.activations
        ensure_activations(self.corpus, out, extraction.ExtractSettings(**settings))
        return {"files": [str(out)]}


@dataclass(kw_only=True)
class Training(Step):
    """An SAE, its atlas with a map, and its figures."""

    corpus: Path
    activations: Path
    about: dict[str, Any]
    settings: tuple[str, dict[str, Any]]  # a recipe, and what differs from it
    figures: tuple[str, ...]

    def record(self) -> str:
        """Return the provenance of the SAE, and what is drawn."""
        trained = training.recorded(self.activations, training.recipe(*self.settings))
        return json.dumps({"trained": json.loads(trained), "figures": self.figures})

    def work(self) -> dict[str, Any]:
        """Train, build and draw what is not there."""
        from mmfeat.analysis.scoreboard import evaluate
        from mmfeat.figures.exporting import export
        from mmfeat.figures.scoreboard import write_scoreboard
        from mmfeat.steps import ensure_atlas

        # Atlas and figures are titled with the name of the SAE's folder.
        sae, atlas = self.folder / self.folder.name, self.folder / "atlas.h5"
        found = ensure_atlas(
            self.activations, sae, atlas, training.recipe(*self.settings), corpus=self.corpus
        )
        drawn = {name: self.folder / FIGURES[name] for name in self.figures}
        for name, out in drawn.items():
            if name in ("map", "table"):
                export(name, atlas, out)
            else:
                write_scoreboard(evaluate(self.activations, [sae], self.corpus), out)
        scores = json.loads((sae / "scores.json").read_text("utf-8"))
        by_language = {stream: score["fvu"].values() for stream, score in scores.items()}
        figures = [str(out) for out in drawn.values()]
        return {
            **found,
            "figures": figures,
            "fvu": {stream: sum(fvu) / len(fvu) for stream, fvu in by_language.items() if fvu},
            "files": [found["sae"], found["atlas"], *figures],
        }


def plan(batch: Batch, out: Path) -> list[Extraction]:
    """Return the extractions, each with the trainings that need it."""
    steps = []
    for backbone in batch.backbones:
        home = out / quote(backbone, safe="")
        shared: dict[str, Any] = {"corpus": batch.corpus, "activations": home / "activations.h5"}
        settings = {"backbone": backbone, "hooks": batch.hooks, "streams": batch.streams}
        name = f"extraction of {backbone}"
        step = Extraction(name=name, folder=home, settings=settings, **shared)
        for hook, recipe, seed in product(batch.hooks, batch.recipes, batch.seeds):
            about = {"backbone": backbone, "hook": hook, "recipe": recipe, "seed": seed}
            step.then.append(
                Training(
                    name=" ".join(map(str, about.values())),
                    folder=home / quote(hook, safe="") / f"{recipe}-{seed}",
                    about=about,
                    settings=(recipe, {**batch.set, "hook": hook, "seed": seed}),
                    figures=batch.figures,
                    **shared,
                )
            )
        steps.append(step)
    return steps


def report(steps: list[Extraction], out: Path, as_json: bool) -> int:
    """Write and print the summary, and return the exit status."""
    from mmfeat.cli.common import show
    from mmfeat.figures.scoreboard import write_scoreboard

    trainings = [step for first in steps for step in first.then if isinstance(step, Training)]
    # The columns of FVU come last, as there are none where there is no SAE.
    rows = [
        {**step.about, "status": step.status}
        | {key: step.result.get(key) for key in SUMMARY}
        | {"fvu": step.result.get("fvu", {})}
        for step in trainings
    ]
    summary = out / "summary.csv"
    write_scoreboard(rows, summary)
    counts = Counter(row["status"] for row in rows)
    if as_json:
        extractions = [
            {
                "backbone": step.settings["backbone"],
                "status": step.status,
                "activations": str(step.activations),
                **{key: step.result.get(key) for key in ("seconds", "error")},
            }
            for step in steps
        ]
        show({"summary": str(summary), "extractions": extractions, "trainings": rows}, True)
    else:
        print_table(rows)
        print(f"\n{summary} has all columns.")
    undone = counts["failed"] + counts["not begun"]
    if undone:
        print(
            f"Error: {counts['failed']} of {len(rows)} trainings failed and {counts['not begun']} "
            f"were not begun; {summary} says why: mend that and run the same command again.",
            file=sys.stderr,
        )
    return int(undone > 0)


def print_table(rows: list[dict[str, Any]]) -> None:
    streams = list(dict.fromkeys(stream for row in rows for stream in row["fvu"]))
    table = [["backbone", "hook", "recipe", "seed", "status"]]
    table[0] += [*(f"FVU {stream}" for stream in streams), "shared", "seconds", "atlas or error"]
    for row in rows:
        cells = [row[key] for key in table[0][:5]]
        cells += [f"{row['fvu'][s]:.3f}" if s in row["fvu"] else "" for s in streams]
        cells += [row["shared"], row["seconds"], row["atlas"] or row["error"]]
        table.append(["" if cell is None else str(cell) for cell in cells])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def interrupt(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("batch", type=Path, metavar="BATCH.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=1, help="steps at a time on this machine")
    parser.add_argument(
        "--cluster",
        choices=("none", "local", "slurm"),
        default="none",
        help="run steps as jobs of submitit (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    signal.signal(signal.SIGTERM, interrupt)
    try:
        batch = read_batch(args.batch)
        runner: Processes | Cluster
        if args.cluster == "none":
            runner = Processes(args.jobs)
        else:
            runner = Cluster(args.cluster, args.out / "jobs", batch.cluster, args.jobs)
        if args.cluster != "slurm":
            # Steps side by side share the cores.
            threads = max(1, (os.cpu_count() or 1) // args.jobs)
            os.environ.setdefault("OMP_NUM_THREADS", str(threads))
        steps = plan(batch, args.out)
        run(steps, runner, lambda line: print(line, file=sys.stderr, flush=True))
        return report(steps, args.out, args.json)
    except KeyboardInterrupt:
        print(
            "Interrupted: finished files are whole; run the same command again to go on.",
            file=sys.stderr,
        )
    except MmfeatError as error:
        print(f"Error: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
