"""What a generative model writes when features of an atlas are changed, beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from mmfeat.analysis.interventions.attribution import ablate, answer_metric, attribute, largest
from mmfeat.analysis.interventions.controls import matched
from mmfeat.analysis.interventions.edits import Change, Kind, clamp
from mmfeat.analysis.interventions.generative import Changes, Steered, Writer, perplexity, steer
from mmfeat.atlas.encoder import open_encoder
from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import Backbone, Inputs
    from mmfeat.backbones.generation import Generated

# Single rows where the SAE has them, the pooled ones where it has not.
_STREAMS = (("image.patch", "image.pooled"), ("text.token", "text.pooled"))
_SHOWN = 20  # features of the table of attribution


def steer_generation(
    atlas: Atlas,
    backbone: Backbone | str | None,
    prompt: str,
    features: Sequence[int],
    kind: Kind = "clamp",
    amount: float = 5.0,
    *,
    picture: Image | None = None,
    language: str | None = None,
    streams: Sequence[str] = (),
    patches: Sequence[int] = (),
    continuation: str | None = None,
    answers: tuple[str, str] | None = None,
    max_new_tokens: int = 32,
    temperature: float = 0.0,
    seed: int = 0,
    controls: int = 20,
    ablations: int = 20,
    device: str = "auto",
) -> dict[str, Any]:
    """Change features while the backbone writes, and say what that did.

    Parameters
    ----------
    atlas : Atlas
        The open atlas, of a hook point of a generative model.
    backbone : Backbone or str, optional
        The model or its SPEC; None: what the atlas names.
    prompt : str
        What is asked.
    features : sequence of int
        What is changed.
    kind : str
        ``clamp`` to `amount` times each feature's maximum, ``add`` `amount` to activations,
        ``scale`` them by it, ``ablate``, or ``noop``.
    amount : float
        As `kind` takes it.
    picture : Image, optional
        What the prompt is about.
    language : str, optional
        Of the prompt; default: guessed by its script.
    streams : sequence of str
        Whose rows are changed; default: image and text tokens where the SAE has them, else pooled
        rows, of those modalities in which the features fire at all.
    patches : sequence of int
        Only these patches are changed; default: all.
    continuation : str, optional
        The text whose log-probability is followed; default: what is written before.
    answers : (str, str), optional
        Two answers, the difference of whose log-probabilities is attributed to features; default:
        the log-probability of the continuation is.
    max_new_tokens, temperature, seed
        As in `mmfeat.backbones.generation.generate`; `seed` is also of the draws of controls and
        of ablations.
    controls : int
        Control features.
    ablations : int
        Features ablated one by one: so many of the largest attribution, so many at random.
    device : str
        Where the model runs.

    Returns
    -------
    dict
        ``prompt``, ``language``, ``hook``, ``streams``, ``features``, ``names``, ``change``
        (by stream) and ``activation`` (the largest in the prompt, by stream); ``before`` and
        ``after``; ``continuation`` with its table of ``tokens``; ``controls``; ``attribution``.

    Raises
    ------
    MmfeatError
        If the backbone writes no text, or refuses picture, prompt, features or streams.
    """
    from mmfeat.backbones.generative import GenerativeBackbone

    encoder = open_encoder(atlas, backbone, device)
    model, trained = encoder.backbone, encoder.trained
    if not isinstance(model, GenerativeBackbone):
        raise MmfeatError(
            f"{model.spec} writes no text; steer it without a prompt, or give the atlas of a "
            "generative model."
        )
    _check(atlas, features)
    tag = encoder.language_of(prompt, language)
    inputs = model.prepare_prompt(picture, prompt)
    scores = atlas.features()
    chosen = _streams(tuple(trained.streams), inputs, streams, kind, features, scores)

    def changes(own: Sequence[int]) -> Changes:
        return {s: _change(kind, amount, own, scores[f"max_activation_{_of(s)}"]) for s in chosen}

    rows = model.run(inputs, {atlas.hook: chosen})[atlas.hook]
    group = encoder.languages.index(tag)
    writer = Writer(
        model,
        trained,
        atlas.hook,
        picture,
        prompt,
        group,
        max_new_tokens,
        temperature,
        seed,
        _mask(patches, inputs) if "image.patch" in chosen else None,
    )
    most = {s: largest(trained, s, writer.group(s), rows[s].x) for s in chosen}
    modalities = sorted({_of(stream) for stream in chosen})
    drawn = matched(
        np.sum([scores[f"firing_rate_{m}"] for m in modalities], axis=0),
        features,
        controls,
        seed,
        _usable(kind, modalities, scores, most),
    )
    change = changes(features)
    found = steer(writer, change, [changes(own) for own in drawn.tolist()], continuation)
    return {
        "prompt": prompt,
        "language": tag,
        "hook": atlas.hook,
        "streams": list(chosen),
        "features": [int(feature) for feature in features],
        "names": [_names(atlas, int(feature)) for feature in features],
        "change": {s: {"kind": c.kind, "values": list(c.values)} for s, c in change.items()},
        "activation": {s: [float(most[s][f]) for f in features] for s in chosen},
        "before": _written(found.before),
        "after": _written(found.after) | {"perplexity_unchanged": found.oddity},
        "continuation": _continuation(found),
        "controls": _controls(found, drawn.tolist()),
        "attribution": _attribution(atlas, writer, chosen, found, continuation, answers, ablations),
    }


def _check(atlas: Atlas, features: Sequence[int]) -> None:
    if not features:
        raise MmfeatError("No feature is named; give at least one.")
    for feature in features:
        if not 0 <= feature < atlas.d_sae:
            raise MmfeatError(
                f"{atlas.path} has no feature {feature}; give one from 0 to {atlas.d_sae - 1}."
            )


def _of(stream: str) -> str:
    return stream.partition(".")[0]


def _streams(
    known: Sequence[str],
    inputs: Inputs,
    wanted: Sequence[str],
    kind: Kind,
    features: Sequence[int],
    scores: Mapping[str, np.ndarray],
) -> tuple[str, ...]:
    """Return whose rows are changed."""
    for stream in wanted:
        if stream not in inputs.streams or stream not in known:
            has = ", ".join(s for s in known if s in inputs.streams) or "none"
            raise MmfeatError(
                f"The prompt has no rows of {stream} that the SAE knows; choose of {has}."
            )
    if wanted:
        return tuple(dict.fromkeys(wanted))
    usable = [s for s in known if s in inputs.streams]
    found = [next((s for s in pair if s in usable), None) for pair in _STREAMS]
    here = [stream for stream in found if stream is not None]
    if not here:
        raise MmfeatError(
            "The SAE knows no rows that the prompt has; show a picture, or use an SAE of texts."
        )
    # A feature that never fires in a modality has no maximum there.
    firing = [s for s in here if all(scores[f"max_activation_{_of(s)}"][f] > 0 for f in features)]
    return tuple(firing if kind == "clamp" and firing else here)


def _change(
    kind: Kind, amount: float, features: Sequence[int], maximum: Float[np.ndarray, "d_sae"]
) -> Change:
    if kind == "clamp":
        return clamp(features, amount, maximum)
    values = (amount,) * len(features) if kind in ("add", "scale") else ()
    return Change(kind, tuple(int(feature) for feature in features), values)


def _mask(patches: Sequence[int], inputs: Inputs) -> Bool[np.ndarray, "patches"] | None:
    if not patches:
        return None
    high, wide = inputs.grids[0] if inputs.grids else (0, 0)
    found = np.zeros(high * wide, bool)
    for patch in patches:
        if not 0 <= patch < len(found):
            raise MmfeatError(
                f"The picture has no patch {patch}; give one from 0 to {len(found) - 1}."
            )
        found[patch] = True
    return found


def _usable(
    kind: Kind,
    modalities: Sequence[str],
    scores: Mapping[str, np.ndarray],
    most: Mapping[str, np.ndarray],
) -> Bool[np.ndarray, "d_sae"]:
    """Return which features the change can be made to: as controls they must not be idle."""
    if kind in ("ablate", "scale"):
        return np.asarray(np.stack([own > 0 for own in most.values()]).any(0))
    return np.asarray(np.stack([scores[f"max_activation_{m}"] > 0 for m in modalities]).all(0))


def _names(atlas: Atlas, feature: int) -> dict[str, str]:
    return {tag: text for tag, (text, _) in atlas.names(feature).items() if text}


def _written(made: Generated) -> dict[str, Any]:
    return {
        "text": made.text,
        "tokens": list(made.tokens),
        "log_probabilities": made.log_probabilities.tolist(),
        "perplexity": perplexity(made.log_probabilities),
    }


def _continuation(found: Steered) -> dict[str, Any]:
    before, after = found.likely_before, found.likely_after
    return {
        "tokens": [
            {"token": token, "before": float(b), "after": float(a), "change": float(a - b)}
            for token, b, a in zip(found.tokens, before, after, strict=True)
        ],
        "change": found.effect,
        "perplexity_before": perplexity(before),
        "perplexity_after": perplexity(after),
    }


def _controls(found: Steered, drawn: Sequence[Sequence[int]]) -> dict[str, Any]:
    return {
        "noop": {"text": found.noop.text, "change": found.noop_effect},
        "random": {
            "features": [list(own) for own in drawn],
            "text": None if found.control is None else found.control.text,
            "changes": found.control_effects.tolist(),
        },
        "exceeded": found.size.exceeded,
        "p": found.size.p,
    }


def _attribution(
    atlas: Atlas,
    writer: Writer,
    streams: Sequence[str],
    found: Steered,
    continuation: str | None,
    answers: tuple[str, str] | None,
    ablations: int,
) -> dict[str, Any]:
    """Return which features are behind the answer, by attribution and by ablation."""
    text = found.before.ids.tolist() if continuation is None else continuation
    first, other = answers or (text, None)
    metric = answer_metric(writer.backbone, writer.picture, writer.prompt, first, other)
    groups = {stream: writer.group(stream) for stream in streams}
    own = attribute(metric, writer.trained, atlas.hook, groups)
    tested = ablate(
        metric,
        writer.trained,
        atlas.hook,
        groups,
        own,
        top=ablations,
        sample=ablations,
        seed=writer.seed,
    )
    without = dict(zip(tested.features.tolist(), tested.ablation.tolist(), strict=True))
    order = np.argsort(-np.abs(own.attribution), kind="stable")[:_SHOWN]
    return {
        "answers": None if answers is None else list(answers),
        "value": own.value,
        "active": len(own.features),
        "features": [
            {
                "feature": int(own.features[n]),
                "names": _names(atlas, int(own.features[n])),
                "activation": float(own.activation[n]),
                "attribution": float(own.attribution[n]),
                "ablation": without.get(int(own.features[n])),
            }
            for n in order
        ],
        "sampled": int(tested.sampled.sum()),
        "tested": len(tested.features),
        "attribution_correlation": tested.attribution_correlation,
        "activation_correlation": tested.activation_correlation,
        "attribution_correlation_tested": tested.attribution_correlation_tested,
        "activation_correlation_tested": tested.activation_correlation_tested,
    }
