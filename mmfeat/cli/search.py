"""`mmfeat search`: features by what they fire on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import AsJson, show


class Near(StrEnum):
    """What makes features near."""

    decoder = "decoder"
    cofiring = "cofiring"


def search(
    atlas: Annotated[Path, typer.Argument(metavar="ATLAS", help="Atlas file.")],
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="Picture it should fire on; repeatable.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", help="Text it should fire on; repeatable.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            autocompletion=completion.languages,
            help="Of the texts: one for all, or one each. [by script]",
        ),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option("--item", help="Id of an item it should fire on; repeatable."),
    ] = None,
    feature: Annotated[
        list[int] | None, typer.Option("--feature", help="Find the features nearest to this one.")
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="Items with it against the rest."),
    ] = None,
    not_image: Annotated[
        list[Path] | None,
        typer.Option("--not-image", help="Picture it should not fire on; repeatable."),
    ] = None,
    not_text: Annotated[
        list[str] | None,
        typer.Option("--not-text", help="Text it should not fire on; repeatable."),
    ] = None,
    not_item: Annotated[
        list[str] | None,
        typer.Option("--not-item", help="Id of an item it should not fire on; repeatable."),
    ] = None,
    not_: Annotated[
        list[str] | None,
        typer.Option("--not", help="The same: a picture where there is such a file, else a text."),
    ] = None,
    by: Annotated[
        Near, typer.Option("--by", help="What makes features near: direction, or the same rows.")
    ] = Near.decoder,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", metavar="SPEC", help="The atlas's backbone, where it moved."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="Features at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find features by pictures, texts, items, an attribute or another feature.

    Without negatives, the atlas's own pictures, and captions in the same language, are contrasted
    with.
    """
    from mmfeat.atlas.query import search_atlas

    result = search_atlas(
        atlas,
        images=image or (),
        texts=text or (),
        languages=language or (),
        items=item or (),
        features=feature or (),
        attributes=attribute or (),
        not_images=not_image or (),
        not_texts=not_text or (),
        not_items=not_item or (),
        not_either=not_ or (),
        by=by.value,
        backbone=backbone,
        top=top,
    )
    if as_json:
        show(result, True)
        return
    near = result["by"] in tuple(Near)
    columns = ("cosine", "cofiring") if near else ("positive", "negative")
    print("feature    score", *(f"{name:>9}" for name in columns), "  pictures  captions  name")
    for found in result["features"]:
        names = found["names"]
        print(
            f"{found['feature']:>7} {found['score']:>8.3f}",
            *(f"{found[name]:>9.3f}" for name in columns),
            f"{found['image_rate']:>10.2%}{found['text_rate']:>10.2%}",
            f" {names.get('en') or next(iter(names.values()), '')}",
        )
