"""Changes features of a picture or text, and says what it retrieves then, beside controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from mmfeat.analysis.interventions.controls import (
    DirectionEdit,
    Effect,
    difference_of_means,
    matched,
)
from mmfeat.analysis.interventions.edits import Change, FeatureEdit, clamp, swap
from mmfeat.analysis.interventions.retrieval import (
    edited,
    joint_rows,
    nearest,
    standing,
    towards,
)
from mmfeat.atlas.encoder import open_backbone
from mmfeat.atlas.galleries import PICTURES, Galleries, Shelf
from mmfeat.atlas.lookup import find_item, picture_of
from mmfeat.atlas.steer_inside import Inside
from mmfeat.atlas.steer_joint import AtJoint
from mmfeat.atlas.steer_known import Known, Query
from mmfeat.backbones.base import JOINT
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.atlas.reader import Atlas
    from mmfeat.backbones.base import Backbone, Edit, Rows

How = Callable[[Sequence[int]], Change]

_CONCEPT = 5  # test items whose captions, or pictures, stand for what features fire on


def ablating(features: Sequence[int]) -> Change:
    """Return the change that silences features."""
    return Change("ablate", tuple(features))


def adding(amount: float) -> How:
    """Return how the same is added to the activation of each feature."""
    return lambda features: Change("add", tuple(features), (amount,) * len(features))


class Steering:
    """An atlas with its backbone at hand; galleries are encoded once.

    Features are those of the atlas, at ``joint``; or, with `sae`, those of another SAE, which are
    changed inside the backbone while it computes.

    Parameters
    ----------
    atlas : Atlas
        The open atlas, of the joint space.
    backbone : Backbone or str, optional
        The model or its SPEC; default: what the atlas names.
    device : str
        Where the model runs.
    sae : path, optional
        The folder of an SAE of another hook point of the same backbone.
    hook : str, optional
        That hook point, where the SAE does not say.
    stream : str, optional
        Whose rows are changed there; default: of the streams the SAE was trained on, patches or
        tokens before pooled rows.
    progress : Progress
        Is told of the pictures and captions that are encoded to retrieve from, and of the rows in
        which features of `sae` are counted.

    Raises
    ------
    MmfeatError
        If the atlas is not of the joint space, the backbone is not at hand, or it does not fit
        the SAE.
    """

    def __init__(
        self,
        atlas: Atlas,
        backbone: Backbone | str | None = None,
        device: str = "auto",
        *,
        sae: Path | str | None = None,
        hook: str | None = None,
        stream: str | None = None,
        progress: Progress = SILENT,
    ) -> None:
        if atlas.hook != JOINT:
            raise MmfeatError(
                f"{atlas.path} is of {atlas.hook}, and retrieval is by rows of {JOINT}; give an "
                f"atlas of {JOINT}."
            )
        if sae is None and (hook or stream):
            raise MmfeatError(
                f"The features of {atlas.path} are those of pooled rows at {JOINT}; to change "
                f"others, name the SAE of {hook or stream}."
            )
        self.atlas, self.backbone = atlas, open_backbone(atlas, backbone, device)
        self.galleries = Galleries(atlas, self.backbone, progress)
        self.known: Known = (
            AtJoint(self.galleries)
            if sae is None
            else Inside(self.galleries, Path(sae), hook, stream, progress)
        )
        self._kept: tuple[object, Float[np.ndarray, "d"] | None] | None = None

    # What is changed, and how -------------------------------------------------------

    def picture(self, picture: Image, label: str = "picture") -> Query:
        """Return a picture as a query."""
        return Query(self.backbone.prepare_images([picture]), label)

    def item(self, item_id: str) -> Query:
        """Return the picture of an item of the atlas as a query.

        Raises
        ------
        MmfeatError
            If there is no such item, or the atlas has no picture of it.
        """
        item = find_item(self.atlas, item_id)
        picture = picture_of(self.atlas, item)
        return Query(self.backbone.prepare_images([picture]), item_id, item=item)

    def text(self, text: str, language: str | None = None) -> Query:
        """Return a text as a query; a language that is not given is guessed by its script."""
        tag = self.known.encoder.language_of(text, language)
        return Query(self.backbone.prepare_texts([text]), text, tag)

    def clamping(self, query: Query, multiple: float) -> How:
        """Return how features are set to a multiple of their maxima in rows like the query's."""
        return lambda features: clamp(features, multiple, self.known.maximum(query))

    def swapping(self, query: Query, item_id: str) -> How:
        """Return how features get the activations they have in another item.

        In its picture where the query is one, else in its first caption in the query's language;
        of several rows, the largest.

        Raises
        ------
        MmfeatError
            If there is no such item, or it has no such row.
        """
        codes = self.known.activations(query, find_item(self.atlas, item_id))
        return lambda features: swap(features, codes)

    # What it does -------------------------------------------------------------------

    def steer(
        self,
        query: Query,
        features: Sequence[int],
        how: How,
        *,
        positions: Sequence[int] = (),
        languages: Sequence[str] = (),
        top: int = 10,
        controls: int = 100,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Change features of a query, and say what it retrieves before and after.

        Parameters
        ----------
        query : Query
            A picture or text.
        features : sequence of int
            What is changed.
        how : callable
            The change of some features: `ablating`, `adding`, `clamping` or `swapping`.
        positions : sequence of int
            The patches, or tokens, in which they are changed; default: all.
        languages : sequence of str
            Captions a picture is shown against; default: all. A text is shown against pictures.
        top : int
            Results shown.
        controls : int
            Control features.
        seed : int
            Of the draw of controls.

        Returns
        -------
        dict
            ``query``, ``hook``, ``stream``, ``features``, their ``names``, ``change`` and
            ``activation`` before, the largest in the rows that are changed; ``rows``, all the
            query has; ``concept``, the test items that stand for what the features fire on;
            ``results`` by language, or of ``pictures``.

        Raises
        ------
        MmfeatError
            If there are no such features, positions or languages.
        """
        self._check(features)
        known, encoder = self.known, self.known.encoder
        stream, hook = known.stream(query), encoder.hook
        group = 0 if query.language is None else encoder.languages.index(query.language)
        rows = self.backbone.run(query.inputs, {hook: (stream,)})[hook][stream]
        chosen = _chosen(query, hook, stream, rows, positions)

        def edit(change: Change) -> FeatureEdit:
            return FeatureEdit(encoder.trained, stream, group, change, chosen)

        change = how(features)
        main = edit(change)
        active = _activations(
            FeatureEdit(
                encoder.trained, stream, group, Change("noop", tuple(range(encoder.trained.d_sae)))
            ),
            rows.x,
        )
        drawn = matched(
            known.rate(query),
            features,
            controls,
            seed,
            # What is silent cannot be ablated.
            np.asarray(active[chosen].any(0)) if change.kind in ("ablate", "scale") else None,
        )
        edits: dict[str, Edit] = {"change": main, "noop": edit(Change("noop", tuple(features)))}
        direction = self._difference(query, features)
        if direction is not None:
            edits["difference_of_means"] = DirectionEdit(direction, main)
        others = [edit(how([int(f) for f in control])) for control in drawn]
        after = self._after(query, stream, rows, [*edits.values(), *others])
        concept = self._concept(query, features)
        own = active[:, list(features)]
        tags = (PICTURES,) if query.language else tuple(languages) or self.atlas.languages
        ids = self.atlas.items().item_id
        return {
            "query": query.label,
            "hook": hook,
            "stream": stream,
            "features": [int(feature) for feature in features],
            "names": [known.names(int(feature)) for feature in features],
            "change": {"kind": change.kind, "values": list(change.values)},
            "activation": own[chosen].max(0).tolist(),
            "rows": _shown(query, rows, own, chosen),
            "concept": [ids[item] for item in concept],
            "results": {
                tag: self._result(
                    self.galleries.shelf(tag),
                    query,
                    after,
                    tuple(edits),
                    concept,
                    top,
                    _lowers(change, own[chosen]),
                )
                for tag in tags
            },
        }

    def _after(
        self, query: Query, stream: str, rows: Rows, edits: Sequence[Edit]
    ) -> Float[np.ndarray, "n j"]:
        """Return the query's row of the joint space: as it is, then with each edit made."""
        hook = self.known.encoder.hook
        if hook == JOINT:  # nothing is computed after the change
            found = [rows.x, *(edited(rows.x, edit) for edit in edits)]
        else:
            changes = ({}, *({(hook, stream): edit} for edit in edits))
            found = [joint_rows(self.backbone, query.inputs, own) for own in changes]
        return np.concatenate(found)

    def _difference(self, query: Query, features: Sequence[int]) -> Float[np.ndarray, "d"] | None:
        """Return the difference of means, None without rows on a side.

        The last one is kept: often the same features are changed by another amount next.
        """
        key = (self.known.stream(query), query.language, query.item, tuple(features))
        if self._kept is None or self._kept[0] != key:
            sides = self.known.sides(query, features)
            self._kept = (key, None if sides is None else difference_of_means(*sides))
        return self._kept[1]

    def _check(self, features: Sequence[int]) -> None:
        if not features:
            raise MmfeatError("No feature is named; give at least one.")
        count = self.known.encoder.trained.d_sae
        for feature in features:
            if not 0 <= feature < count:
                raise MmfeatError(
                    f"{self.known.source} has no feature {feature}; give one from 0 to {count - 1}."
                )

    def _concept(self, query: Query, features: Sequence[int]) -> list[int]:
        """Return the test items on which features fire most, in rows like the query's.

        Activations are counted in the features' maxima, of several captions the largest. The
        query's own concept is left out: what it retrieves before is no effect.
        """
        concept, maximum = self.galleries.concept, self.known.maximum(query)
        total: dict[int, float] = {}
        for feature in features:
            for item, most in self.known.firing(query, feature).items():
                total[item] = total.get(item, 0.0) + most / float(maximum[feature])
        found = sorted(total, key=lambda item: (-total[item], item))
        test = [item for item in found if self.galleries.is_test[item]]
        own = -1 if query.item is None else concept[query.item]
        return [item for item in test if concept[item] != own][:_CONCEPT]

    def _result(
        self,
        shelf: Shelf,
        query: Query,
        after: Float[np.ndarray, "n j"],
        named: tuple[str, ...],
        concept: list[int],
        top: int,
        lowers: bool,
    ) -> dict[str, Any]:
        """Return what is retrieved; rows are the query's before, then `named`, then controls."""
        ids, split = self.atlas.items().item_id, self.atlas.items().split
        shown = [
            [
                {
                    "item_id": ids[shelf.item[row]],
                    "text": shelf.text[row],
                    "split": split[shelf.item[row]],
                    "cosine": cosine,
                    "probability": probability,
                }
                for row, cosine, probability in nearest(x, shelf.gallery, top)
            ]
            for x in after[:2]
        ]
        cosines = shelf.gallery.cosines(after)[:, shelf.test]
        share = towards(cosines, np.isin(shelf.item, concept)[shelf.test])
        change, sign = share[1:] - share[0], -1 if lowers else 1
        effect = Effect(sign * float(change[0]), sign * change[len(named) :])
        result: dict[str, Any] = {
            "before": shown[0],
            "after": shown[1],
            "towards": {
                "before": float(share[0]),
                "after": float(share[1]),
                **{key: float(value) for key, value in zip(named, change, strict=False)},
                "controls": [float(value) for value in change[len(named) :]],
                "exceeded": effect.exceeded,
                "p": effect.p,
            },
        }
        if query.item is not None:
            key = np.repeat(self.galleries.concept[query.item], 2)
            if (shelf.gallery.key == key[0]).any():
                found = standing(after[:2], shelf.gallery, key)
                for at, when in enumerate(("before", "after")):
                    result[f"own_{when}"] = {
                        "rank": int(found.wrong[at]) + 1,
                        "probability": float(found.probability[at]),
                    }
        return result


def _chosen(
    query: Query, hook: str, stream: str, rows: Rows, positions: Sequence[int]
) -> Bool[np.ndarray, "rows"]:
    """Return which rows of a query are changed.

    Raises
    ------
    MmfeatError
        If it has none, or none at such a position.
    """
    if not len(rows.position):
        raise MmfeatError(
            f"The {query.kind} {query.label!r} has no rows of {stream} at {hook}; give another."
        )
    if not positions:
        return np.ones(len(rows.position), bool)
    if stream.endswith("pooled"):
        raise MmfeatError(
            f"Of {stream} at {hook} a {query.kind} has one row, at no position; leave positions "
            "out, or use an SAE of patches or tokens."
        )
    for position in positions:
        if position not in rows.position:
            raise MmfeatError(
                f"The {query.kind} has no {stream.partition('.')[2]} {position}; give one from "
                f"{rows.position.min()} to {rows.position.max()}."
            )
    return np.isin(rows.position, positions)


def _shown(
    query: Query,
    rows: Rows,
    own: Float[np.ndarray, "rows m"],
    chosen: Bool[np.ndarray, "rows"],
) -> list[dict[str, Any]]:
    """Return where features fire in a query, and where they are changed; of tokens, their text."""
    found = [
        {"position": int(position), "activation": values.tolist(), "changed": bool(changed)}
        for position, values, changed in zip(rows.position, own, chosen, strict=True)
    ]
    if rows.start is not None and rows.end is not None:
        for row, start, end in zip(found, rows.start, rows.end, strict=True):
            row["text"] = query.label[start:end]
    return found


def _activations(
    edit: FeatureEdit, x: Float[np.ndarray, "rows d"]
) -> Float[np.ndarray, "rows d_sae"]:
    import torch

    with torch.inference_mode():
        return np.asarray(edit.activations(torch.from_numpy(x)).numpy())


def _lowers(change: Change, z: Float[np.ndarray, "rows m"]) -> bool:
    """Return whether a change takes activations away, so that its effect is away, too."""
    import torch

    own = torch.from_numpy(z)
    return bool((change.apply(own) - own).sum() < 0)
