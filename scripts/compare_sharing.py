"""Train every remedy against the modality split and compare what they give.

Each remedy is trained at several sizes and seeds on one activations file, with the same steps;
naive TopK at the best of three learning rates. The scores are those of `mmfeat evaluate`. What is
there already is not trained again, so the script can be stopped and started; several processes
(--jobs) share the work.

    python scripts/compare_sharing.py --activations mmfeat-demo/activations.h5 --out STUDY
    python scripts/compare_sharing.py --out STUDY --table
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 1500
BASE: dict[str, Any] = {"optimiser.steps": STEPS, "optimiser.lr": 2e-3}
NAIVE = "naive TopK"
SHARED = "shared-topk: balance, concepts, mask, contrastive .05, translation .1"
LEARNING_RATES = (1e-3, 2e-3, 4e-3)
K = 16
SIZES = (512, 1024, 2048)
SEEDS = (0, 1, 2, 3, 4)
BUDGETS = (1.25, 1.5, 2.0, 3.0)

_BATCH = {"sae.architecture": "batch-topk"}
_BALANCE = {"support.balance": 0.005}
_CONCEPTS = {**_BALANCE, "batch.concept_balance": 0.3}
_MASKED = {**_CONCEPTS, "support.mask": 0.3}
REMEDIES: dict[str, dict[str, Any]] = {
    "one scale, no means": {"batch.standardise": "scalar"},
    "BatchTopK": _BATCH,
    "Matryoshka": {"sae.architecture": "matryoshka"},
    "concepts drawn alike (0.3)": {"batch.concept_balance": 0.3},
    "second captions": {"batch.second_caption": True},
    "group sparsity": {"loss.group_sparsity": 0.1},
    "group sparsity, mask": {"loss.group_sparsity": 0.1, "support.mask": 0.2},
    "iso-energy": {"loss.iso_energy": 0.1},
    "energy gap": {"loss.energy_gap": 0.3},
    "shared support": {"support.shared": True},
    "shared support, translation": {"support.shared": True, "loss.translation": 0.5},
    "translation": {"loss.translation": 1.0},
    "contrastive": {"loss.contrastive": 0.3},
    "one encoder, two decoders": {"sae.decoders": "modality", "support.shared": True},
    "two encoders, two decoders": {
        "sae.encoders": "modality", "sae.decoders": "modality", "support.shared": True,
    },
    "balance": _BALANCE,
    "balance, concepts": _CONCEPTS,
    "balance, concepts, mask": _MASKED,
    "balance, concepts, mask, translation .1": {**_MASKED, "loss.translation": 0.1},
    "balance, concepts, mask, contrastive .02, translation .04": {
        **_MASKED, "loss.contrastive": 0.02, "loss.translation": 0.04,
    },
    SHARED: {**_MASKED, "loss.contrastive": 0.05, "loss.translation": 0.1},
    "balance, concepts, mask, contrastive .1, translation .2": {
        **_MASKED, "loss.contrastive": 0.1, "loss.translation": 0.2,
    },
}  # fmt: skip
COLUMNS = (
    "FVU image", "FVU text", "L0", "alive", "bimodal", "testable", "shared", "of d_sae",
    "within group", "R@10",
)  # fmt: skip


def runs(sizes: Iterable[int], seeds: Iterable[int], only: str) -> list[tuple[str, dict[str, Any]]]:
    """Return name and settings of every training, those of one seed and size together."""
    found = []
    for seed in seeds:
        for size in sizes:
            for rate in LEARNING_RATES:
                changes = {**BASE, "optimiser.lr": rate}
                found.append((f"{NAIVE}, lr {rate:g}", size, seed, changes))
            found += [(name, size, seed, {**BASE, **own}) for name, own in REMEDIES.items()]
    return [
        (f"{name}|{size}|{seed}", {**changes, "sae.d_sae": size, "seed": seed})
        for name, size, seed, changes in found
        if only in name
    ]


def run(activations: Path, out: Path, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Train and score one SAE, unless its result is there."""
    from mmfeat.analysis.scoreboard import score
    from mmfeat.corpus.file import open_corpus
    from mmfeat.files import whole_file
    from mmfeat.sae.interop import load_sae
    from mmfeat.store.activations import open_activations
    from mmfeat.training import recipe, recorded, train

    folder = out / "".join(c if c.isalnum() or c in "-." else "_" for c in name)
    settings = recipe("naive-topk", changes)
    key, result = recorded(activations, settings), folder / "result.json"
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text("utf-8"))
        if found["trained"] == key:
            return found
    train(activations, folder, settings)
    with open_activations(activations) as acts, open_corpus(acts.corpus_path) as corpus:
        scores = score(load_sae(folder), acts, corpus)
    found = {"name": name, "trained": key, **scores}
    with whole_file(result) as temporary:
        temporary.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def mean_of(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))


def numbers(result: dict[str, Any]) -> list[float]:
    """Return the columns of a result."""
    l0 = result["l0"]
    return [
        mean_of(result["fvu"]["image.pooled"]),
        mean_of(result["fvu"]["text.pooled"]),
        max(mean_of(l0["image.pooled"]), mean_of(l0["text.pooled"])),
        result["alive"],
        result["bimodal"],
        result["testable"],
        result["shared"],
        result["shared_of_d_sae"],
        result["shared_within_group"],
        result["r10_codes"]["mean"],
    ]


def grouped(results: Iterable[dict[str, Any]]) -> dict[int, dict[str, np.ndarray]]:
    """Return [seeds, columns] by size and remedy; naive TopK at its best learning rate."""
    by_size: dict[int, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        name, size, _ = result["name"].split("|")
        by_size[int(size)][name].append(numbers(result))
    found: dict[int, dict[str, np.ndarray]] = {}
    for size, remedies in sorted(by_size.items()):
        tables = {name: np.array(rows) for name, rows in remedies.items()}
        naive = {name: rows for name, rows in tables.items() if name.startswith(f"{NAIVE}, lr")}
        rest = {name: rows for name, rows in tables.items() if name not in naive}
        if naive:
            best = min(naive, key=lambda name: naive[name][:, :2].mean())
            rest = {NAIVE: naive[best], **rest}
        found[size] = rest
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the comparison and the frontier as Markdown."""
    lines = []
    for size, remedies in grouped(results).items():
        lines += [f"### d_sae {size:,}", "", f"| training | seeds | {' | '.join(COLUMNS)} |"]
        lines.append("| --- " * (len(COLUMNS) + 2) + "|")
        for name, rows in remedies.items():
            cells = [
                f"{mean:.3f} ± {spread:.3f}"
                for mean, spread in zip(rows.mean(0), rows.std(0), strict=True)
            ]
            lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
        lines += ["", *frontier(remedies), ""]
    return "\n".join(lines)


def frontier(remedies: dict[str, np.ndarray]) -> list[str]:
    """Return the most sharing within each budget of FVU, in pictures and captions alike."""
    if NAIVE not in remedies:
        return []
    naive = remedies[NAIVE][:, :2].mean(0)
    lines = ["| FVU at most, times naive | most shared of alive | of d_sae | training |"]
    lines.append("| --- | --- | --- | --- |")
    for budget in BUDGETS:
        within = {
            name: rows.mean(0)
            for name, rows in remedies.items()
            # More latents in a row keep more of it: what uses more than k does not compare.
            if (rows[:, :2].mean(0) <= budget * naive).all() and rows[:, 2].mean() <= K + 0.5
        }
        best = max(within, key=lambda name: within[name][6])
        lines.append(f"| {budget:g} | {within[best][6]:.3f} | {within[best][7]:.3f} | {best} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activations", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the trained SAEs")
    parser.add_argument("--d-sae", type=int, nargs="*", default=SIZES)
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--only", default="", help="remedies whose name holds this text")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    args = parser.parse_args()
    if not args.table:
        if args.activations is None:
            parser.error("--activations is needed to train")
        # Small matrices: one thread a process wastes least.
        os.environ["OMP_NUM_THREADS"] = "1"
        work = runs(args.d_sae, args.seeds, args.only)
        with ProcessPoolExecutor(args.jobs) as pool:
            futures = [
                pool.submit(run, args.activations, args.out, name, changes)
                for name, changes in work
            ]
            for done, future in enumerate(as_completed(futures), 1):
                result = future.result()
                shared = f"{result['shared']:.3f} shared"
                print(f"{done}/{len(work)} {result['name']}: {shared}", file=sys.stderr)
    known = {name for name, _ in runs(args.d_sae, args.seeds, args.only)}
    found = [json.loads(p.read_text("utf-8")) for p in sorted(args.out.glob("*/result.json"))]
    print(table([result for result in found if result["name"] in known]))


if __name__ == "__main__":
    main()
