"""`mmfeat explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import PROGRESS, AsJson, show


def explain(
    atlas: Annotated[Path, typer.Argument(metavar="ATLAS", help="Atlas file.")],
    endpoint: Annotated[
        str,
        typer.Option(
            "--endpoint",
            metavar="URL",
            help="OpenAI-compatible server, e.g. http://localhost:8080/v1.",
        ),
    ],
    model: Annotated[str, typer.Option("--model", help="Name of the model there.")],
    features: Annotated[
        list[int] | None,
        typer.Option("--feature", min=0, help="Explain this one; repeatable. [all not yet done]"),
    ] = None,
    languages: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            autocompletion=completion.languages,
            help="Of the captions shown; repeatable. [en]",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Features at most.")] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds an answer may take.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Ask a language model what features stand for, and write its names into the atlas."""
    from mmfeat.analysis.explainers import ChatExplainer
    from mmfeat.atlas.explanations import add_explanations

    result = add_explanations(
        atlas,
        ChatExplainer(endpoint, model, timeout=timeout),
        features=features,
        languages=languages,
        limit=limit,
        progress=PROGRESS,
    )
    show(result, as_json)
