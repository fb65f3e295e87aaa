"""The scoreboard of trained SAEs: one row of scores each, all on the same test units.

Every code is computed from one row alone, by its own stream's encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mmfeat.analysis.agreement import language_jaccard
from mmfeat.analysis.atom_error import atom_error
from mmfeat.analysis.codes import Codes, encode_stream, load_matching
from mmfeat.analysis.fidelity import Kept
from mmfeat.analysis.firing import firing, modality_score
from mmfeat.analysis.held_out import IMAGE, TEXT, HeldOut, held_out
from mmfeat.analysis.monosemanticity import monosemanticity, monosemanticity_across, weighted
from mmfeat.analysis.stability import MOST, seed_stability, training_but_for_the_seed
from mmfeat.analysis.units import UnitFiring, pooled_firing
from mmfeat.corpus.file import Corpus, open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress, ignore
from mmfeat.sae.batch import modality_of
from mmfeat.sae.interop import TrainedSAE, load_sae
from mmfeat.store.activations import Activations, Stream, open_activations

ALIVE = 5  # firings on train rows, pictures and captions together
BIMODAL = (0.05, 0.95)

Alive = Bool[np.ndarray, "d_sae"]


def evaluate(
    activations: Path | str,
    saes: Sequence[Path | str],
    corpus: Path | str | None = None,
    progress: Progress = SILENT,
) -> list[dict[str, Any]]:
    """Score SAEs on the test units of the activations they were trained on.

    Parameters
    ----------
    activations : path
        Activations with ``image.pooled`` and ``text.pooled``.
    saes : sequence of path
        SAE folders.
    corpus : path, optional
        The corpus, for groups and the text of captions; default: where the
        activations were extracted from. Without it two scores are left out.

    Returns
    -------
    list of dict
        For each SAE ``name``, ``path`` and what `score` gives, with
        ``seed_stability``: the mean cosine under Hungarian matching of alive
        features with each other SAE that differs in its seed alone.

    Raises
    ------
    MmfeatError
        If an SAE is given twice, is none, or was not trained on such activations.
    """
    folders = [Path(folder) for folder in saes]
    _check_distinct(folders)
    twice = {name for name, count in Counter(f.name for f in folders).items() if count > 1}
    with open_activations(activations) as acts:
        trainings = [_training(folder, acts) for folder in folders]
        on: dict[str, HeldOut] = {}
        rows: list[dict[str, Any]] = []
        alive: list[Alive] = []
        items = _corpus(acts, corpus)
        try:
            with progress.stage("scoring SAEs", len(folders)) as advance:
                for folder in folders:
                    trained, hook = load_matching(folder, acts)
                    if hook not in on:
                        on[hook] = held_out(acts, hook, items)
                    scores, its_alive = _score(trained, on[hook])
                    name = folder.as_posix() if folder.name in twice else folder.resolve().name
                    rows.append({"name": name, "path": str(folder), **scores})
                    alive.append(its_alive)
                    advance(1)
        finally:
            if items is not None:
                items.close()
    _match_seeds(folders, trainings, alive, rows)
    return rows


def score(trained: TrainedSAE, acts: Activations, corpus: Corpus | None = None) -> dict[str, Any]:
    """Score an SAE on the test units of its hook point.

    Parameters
    ----------
    trained : TrainedSAE
        The SAE.
    acts : Activations
        The open file.
    corpus : Corpus, optional
        The corpus they were extracted from, for groups and the text of captions.

    Returns
    -------
    dict
        ``architecture``, ``d_sae``, ``one_decoder``, ``seed`` and ``recipe``, and

        - ``fvu``, ``l0``, ``dead``: by stream and language, see `fidelity`;
        - ``alive``: share of latents with at least `ALIVE` firings on train rows;
        - ``image_only``, ``text_only``, ``bimodal``: shares of alive by modality score
          on test rows, above 0.95, below 0.05 and between;
        - ``testable``, ``shared``, ``shared_within_group``: shares of alive by the one
          definition and its second tier; ``shared_of_d_sae``: of all latents;
        - ``jaccard_languages``: mean over alive features and pairs of languages in
          which they fire;
        - ``r1_codes``, ``r10_codes``, ``r10_reconstruction``, ``r10_dense``: captions
          find their picture among those of test units, by language and ``mean``;
        - ``monosemanticity``: ``image``, ``text``, ``across``, mean over alive
          features with at least two firings;
        - ``atom_error``: ``image``, ``text``, mean over alive features, and their
          ``mean``;
        - ``seed_stability``: None, as it takes several SAEs; ``notes``.

        What cannot be computed is None.

    Raises
    ------
    MmfeatError
        If the SAE does not know the streams, or there are no test units.
    """
    return _score(trained, held_out(acts, _hook(trained), corpus))[0]


def _score(trained: TrainedSAE, test: HeldOut) -> tuple[dict[str, Any], Alive]:
    sums = {own.name: Kept(trained, test.acts, own) for own in (test.image, test.text)}
    image = encode_stream(trained, test.image, ignore, sums[IMAGE].add)
    text = encode_stream(trained, test.text, ignore, sums[TEXT].add)
    alive = alive_features(test, image, text)
    kept = {name: own.scores() for name, own in sums.items()}
    before = test.before_codes(image, text)
    rebuilt = test.before_reconstructions(trained)
    settings = trained.settings
    return {
        "architecture": trained.architecture,
        "d_sae": trained.d_sae,
        "one_decoder": trained.one_decoder,
        "seed": settings.get("seed"),
        "recipe": trained.recipe,
        "fvu": {name: scores["fvu"] for name, scores in kept.items()},
        "l0": {name: scores["l0"] for name, scores in kept.items()},
        "dead": {name: scores["dead"] for name, scores in kept.items()},
        "alive": float(alive.mean()),
        **_modalities(test, image, text, alive),
        **_sharing(test, pooled_firing(test.acts, test.image, test.text, image, text), alive),
        "r1_codes": test.recall(before, 1),
        "r10_codes": test.recall(before, 10),
        "r10_reconstruction": test.recall(rebuilt, 10),
        "r10_dense": dict(test.r10_dense),
        "monosemanticity": _monosemanticity(test, image, text, alive),
        "atom_error": _atom_error(test, trained, alive),
        "seed_stability": None,
        "notes": list(test.notes),
    }, alive


def alive_features(test: HeldOut, image: Codes, text: Codes) -> Alive:
    """Return which features have at least `ALIVE` firings on train rows."""
    count = np.zeros(image.d_sae, np.int64)
    for stream, codes in ((test.image, image), (test.text, text)):
        own = codes.select(_of_split(test.acts, stream, "train"))
        count += np.bincount(own.indices, minlength=codes.d_sae)
    return count >= ALIVE


def _of_split(acts: Activations, stream: Stream, split: str) -> np.ndarray:
    return np.flatnonzero(acts.split[stream.item] == split)


def _modalities(test: HeldOut, image: Codes, text: Codes, alive: Alive) -> dict[str, float | None]:
    energy = []
    for stream, codes in ((test.image, image), (test.text, text)):
        rows, groups = _of_split(test.acts, stream, "test"), len(stream.scale)
        found = firing(codes.select(rows), stream.group[rows], groups).energy
        # A language without test captions has no energy, and does not count.
        energy.append(found[:, ~np.isnan(found[0])].mean(axis=1))
    mu = modality_score(*energy)
    low, high = BIMODAL
    return {
        "image_only": _share(mu > high, alive),
        "text_only": _share(mu < low, alive),
        "bimodal": _share((mu >= low) & (mu <= high), alive),
    }


def _sharing(test: HeldOut, units: UnitFiring, alive: Alive) -> dict[str, float | None]:
    found = units.sharing()
    within = None if test.groups is None else units.sharing(test.groups).shared
    jaccard = None
    if test.same_text is not None:
        total, pairs = language_jaccard(units.text, units.has_text, test.same_text)
        fired = int(pairs[alive].sum())
        jaccard = float(total[alive].sum() / fired) if fired else None
    return {
        "testable": _share(found.testable, alive),
        "shared": _share(found.shared, alive),
        "shared_within_group": None if within is None else _share(within, alive),
        "shared_of_d_sae": float(found.shared.mean()),
        "jaccard_languages": jaccard,
    }


def _monosemanticity(
    test: HeldOut, image: Codes, text: Codes, alive: Alive
) -> dict[str, float | None]:
    pictures = weighted(test.image, image, test.pictures)
    captions = weighted(test.text, text, test.captions)
    return {
        "image": _mean(monosemanticity(pictures), alive),
        "text": _mean(monosemanticity(captions), alive),
        "across": _mean(monosemanticity_across(pictures, captions), alive),
    }


def _atom_error(test: HeldOut, trained: TrainedSAE, alive: Alive) -> dict[str, float | None]:
    of = {}
    for modality, stream in (("image", test.image), ("text", test.text)):
        of[modality] = _mean(
            atom_error(trained, stream, test.acts.split[stream.item] == "test"), alive
        )
    known = [value for value in of.values() if value is not None]
    return {**of, "mean": float(np.mean(known)) if len(known) == len(of) else None}


def _share(which: Alive, alive: Alive) -> float | None:
    return float(which[alive].mean()) if alive.any() else None


def _mean(values: Float[np.ndarray, "d_sae"], alive: Alive) -> float | None:
    known = values[alive & ~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _hook(trained: TrainedSAE) -> str:
    return str(trained.metadata.get("hook_name", "joint"))


def _check_distinct(folders: list[Path]) -> None:
    seen: dict[Path, Path] = {}
    for folder in folders:
        other = seen.setdefault(folder.resolve(), folder)
        if other is not folder:
            raise MmfeatError(
                f"{folder} is given twice; give each SAE folder once."
                if other == folder
                else f"{folder} and {other} are the same folder; give each SAE folder once."
            )


def _training(folder: Path, acts: Activations) -> tuple[str, int] | None:
    """Check that an SAE fits, before any is scored, and return how it was trained."""
    trained, hook = load_matching(folder, acts)
    seen = {modality_of(name) for name in trained.metadata.get("streams", (IMAGE, TEXT))}
    if seen != {"image", "text"}:
        raise MmfeatError(
            f"{folder} was trained on {', '.join(seen)} alone, and the scoreboard compares "
            "pictures with captions; train it on both."
        )
    for name in (IMAGE, TEXT):
        stream = acts.stream(hook, name)
        stats = trained.streams.get(name)
        if stats is None or stream.d != trained.d_in or len(stats.scale) != len(stream.scale):
            raise MmfeatError(
                f"{folder} has no mean and scale that fit {name} of {acts.path}, which the "
                "scoreboard needs; train it on both pictures and captions of that file."
            )
    return training_but_for_the_seed(trained)


def _corpus(acts: Activations, given: Path | str | None) -> Corpus | None:
    """Open the corpus that was given, or else the one the activations name, if it is there."""
    if given is not None:
        return open_corpus(Path(given))
    return open_corpus(acts.corpus_path) if acts.corpus_path.is_file() else None


def _match_seeds(
    folders: list[Path],
    trainings: list[tuple[str, int] | None],
    alive: list[Alive],
    rows: list[dict[str, Any]],
) -> None:
    """Fill in the seed stability of SAEs that have another of the same training."""
    for index, own in enumerate(trainings):
        partners = [
            other
            for other, training in enumerate(trainings)
            if own and training and training[0] == own[0] and training[1] != own[1]
        ]
        if not partners:
            continue
        if max(alive[at].sum() for at in (index, *partners)) > MOST:
            rows[index]["notes"].append(f"seed_stability takes at most {MOST} alive features")
            continue
        loaded = [(load_sae(folders[at]), alive[at]) for at in (index, *partners)]
        rows[index]["seed_stability"] = seed_stability(loaded[0], loaded[1:])
