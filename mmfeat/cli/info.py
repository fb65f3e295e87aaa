"""`mmfeat info` and `mmfeat validate`: what a file of ours is, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show

File = Annotated[Path, typer.Argument(metavar="FILE", help="Any file or SAE folder of mmfeat.")]


def info(
    file: File,
    feature: Annotated[
        list[int] | None,
        typer.Option("--feature", help="Of an atlas, all that is known of a feature; repeatable."),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Of an atlas, what is known of its SAE as a whole.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a file of mmfeat is and what made it; of an atlas, what its features mean."""
    if feature and scores:
        raise typer.BadParameter("Give --feature or --scores.")
    if not feature and not scores:
        from mmfeat.inspection import describe

        show(describe(file), as_json)
        return
    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.summary import of_feature, of_sae

    with Atlas(file) as atlas:
        if scores:
            show(of_sae(atlas), as_json)
            return
        found = [of_feature(atlas, number) for number in dict.fromkeys(feature or [])]
    if as_json:
        show({"features": found}, True)
        return
    for one in found:
        best = {tag: name["text"] for tag, name in one["names"].items() if name["text"]}
        show(
            {
                "feature": one["feature"],
                "": one["sentence"],
                "names": best,
                "scores": one["scores"],
            },
            False,
        )


def validate(file: File, as_json: AsJson = False) -> None:
    """Check that a file of mmfeat is whole: its content digest is taken again."""
    from mmfeat.inspection import check

    show(check(file), as_json)
