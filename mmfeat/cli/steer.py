"""`mmfeat steer`: change features of a picture or text, and see what it retrieves then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import PROGRESS, AsJson, show

if TYPE_CHECKING:
    from mmfeat.analysis.interventions.edits import Kind

_CLAMP = 5.0  # the usual multiple of a maximum


def steer(
    atlas: Annotated[Path, typer.Argument(metavar="ATLAS", help="Atlas file.")],
    feature: Annotated[
        list[int], typer.Option("--feature", help="Index of a feature; repeat for several.")
    ],
    image: Annotated[
        Path | None, typer.Option("--image", help="Picture file in which they are changed.")
    ] = None,
    item: Annotated[
        str | None, typer.Option("--item", help="Id of an item, whose picture is changed.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Text that is changed.")] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            autocompletion=completion.languages,
            help="Captions a picture is shown against; repeat for several. [all] "
            "With --text, the language of the text. [guessed]",
        ),
    ] = None,
    clamp: Annotated[
        float | None,
        typer.Option("--clamp", help="Set to so many times the feature's maximum. [5]"),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Set to 0.")] = False,
    add: Annotated[float | None, typer.Option("--add", help="Add to the activation.")] = None,
    swap: Annotated[
        str | None, typer.Option("--swap", help="Set to what it is in the item of this id.")
    ] = None,
    sae: Annotated[
        Path | None,
        typer.Option(
            "--sae",
            help="Folder of an SAE of another hook point, whose features are changed inside the "
            "backbone. [the atlas's own, at joint]",
        ),
    ] = None,
    hook: Annotated[
        str | None,
        typer.Option("--hook", help="With --sae, its hook point. [what the SAE says]"),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            autocompletion=completion.streams,
            help="With --sae, whose rows are changed. [of those it was trained on, patches or "
            "tokens before pooled rows]",
        ),
    ] = None,
    position: Annotated[
        list[int] | None,
        typer.Option(
            "--position",
            help="Patch, or with --sae token, in which features are changed; repeat for several. "
            "[all]",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Results shown.")] = 10,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            help="Have a model that generates answer this, about --image or --item if given.",
        ),
    ] = None,
    continuation: Annotated[
        str | None,
        typer.Option(
            "--continuation",
            help="With --prompt, the text whose probability is followed. [what is written before]",
        ),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", help="With --prompt, twice: the answers whose difference is attributed."
        ),
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option("--max-new-tokens", min=1, help="With --prompt, where it is cut off.")
    ] = 32,
    temperature: Annotated[
        float,
        typer.Option("--temperature", min=0, help="With --prompt; 0 takes the likeliest token."),
    ] = 0.0,
    controls: Annotated[
        int | None,
        typer.Option("--controls", min=0, help="Control features. [100; 20 with --prompt]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw of controls.")] = 0,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", help="Where the atlas's backbone is, if it has moved."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change features of a picture or text, and see what it retrieves before and after.

    With --sae they are features of a residual hook point, and the backbone runs on.
    """
    given = [value for value in (image, item, text) if value is not None]
    if prompt is None and len(given) != 1:
        raise typer.BadParameter("Give one of --image, --item and --text.")
    if prompt is not None and (text is not None or len(given) > 1 or swap is not None):
        raise typer.BadParameter("With --prompt give --image or --item, or neither.")
    if prompt is not None and (sae is not None or hook is not None or stream is not None):
        raise typer.BadParameter("With --prompt the SAE is that of the atlas; leave out --sae.")
    if answer and (len(answer) != 2 or prompt is None):
        raise typer.BadParameter("Give --answer twice, with --prompt.")
    if sum((clamp is not None, ablate, add is not None, swap is not None)) > 1:
        raise typer.BadParameter("Give one of --clamp, --ablate, --add and --swap.")
    tags = language or []
    if text is not None and len(tags) > 1:
        raise typer.BadParameter("A text is in one --language.")
    from mmfeat.atlas.generation import steer_generation
    from mmfeat.atlas.lookup import find_item, picture_file, picture_of
    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.steer import How, Steering, ablating, adding
    from mmfeat.corpus.languages import normalise_tag

    chosen = list(dict.fromkeys(feature))
    with Atlas(atlas) as opened:
        if prompt is not None:
            picture = picture_file(image) if image is not None else None
            if item is not None:
                picture = picture_of(opened, find_item(opened, item))
            kind: Kind = "ablate" if ablate else "add" if add is not None else "clamp"
            amount = {"ablate": 0.0, "add": add, "clamp": _CLAMP if clamp is None else clamp}[kind]
            assert amount is not None
            answered = steer_generation(
                opened,
                backbone,
                prompt,
                chosen,
                kind,
                amount,
                picture=picture,
                streams=("image.patch",) if position else (),
                patches=position or (),
                language=tags[0] if tags else None,
                continuation=continuation,
                answers=(answer[0], answer[1]) if answer else None,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                seed=seed,
                controls=20 if controls is None else controls,
            )
            show(answered if as_json else _brief_answer(answered), as_json)
            return
        steering = Steering(opened, backbone, sae=sae, hook=hook, stream=stream, progress=PROGRESS)
        if text is not None:
            query = steering.text(text, tags[0] if tags else None)
        elif item is not None:
            query = steering.item(item)
        else:
            assert image is not None
            query = steering.picture(picture_file(image), image.name)
        how: How
        if ablate:
            how = ablating
        elif add is not None:
            how = adding(add)
        elif swap is not None:
            how = steering.swapping(query, swap)
        else:
            how = steering.clamping(query, _CLAMP if clamp is None else clamp)
        result = steering.steer(
            query,
            chosen,
            how,
            positions=position or (),
            languages=[] if text is not None else [normalise_tag(tag) for tag in tags],
            top=top,
            controls=100 if controls is None else controls,
            seed=seed,
        )
    show(result if as_json else _brief(result), as_json)


def _brief_answer(result: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed for people of a steered generation."""
    keys = ("prompt", "hook", "streams", "features", "activation")
    return {key: result[key] for key in keys} | {
        "before": result["before"]["text"],
        "after": result["after"]["text"],
        "change": result["continuation"]["change"],
        "exceeded": result["controls"]["exceeded"],
        "p": result["controls"]["p"],
    }


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed for people: names of results instead of all their numbers."""
    brief = {key: result[key] for key in ("query", "hook", "stream", "features", "activation")}
    if result["rows"][0]["position"] >= 0:
        fires = [_place(row) for row in result["rows"] if any(row["activation"])]
        changed = [_place(row) for row in result["rows"] if row["changed"]]
        brief["fires at"] = " ".join(fires) or "nowhere"
        brief["changed at"] = " ".join(changed) if len(changed) < len(result["rows"]) else "all"
    values = [f"{value:.4g}" for value in result["change"]["values"]]
    brief["change"] = " ".join([result["change"]["kind"], *values])
    brief["concept"] = result["concept"]
    for tag, found in result["results"].items():
        shown: dict[str, Any] = {
            when: " | ".join(row["text"] or row["item_id"] for row in found[when])
            for when in ("before", "after")
        }
        moved = found["towards"]
        kept = ("change", "noop", "difference_of_means", "exceeded", "p")
        shown["towards the concept"] = {key: moved[key] for key in kept if key in moved}
        shown |= {key: found[key] for key in ("own_before", "own_after") if key in found}
        brief[tag] = shown
    return brief


def _place(row: dict[str, Any]) -> str:
    """Return the position of a patch, or of a token with its text."""
    return f"{row['position']}:{row['text']}" if "text" in row else str(row["position"])
