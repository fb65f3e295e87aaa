"""Puts JSON, style and scripts together as one HTML file in which nothing else can run.

Whatever an atlas says is JSON in an element that no browser runs, without characters that could
end it; the scripts make text of it, never markup. The policy in the head allows our own style
and script by their hashes, pictures inside the file, and nothing from anywhere else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

SCRIPTS = ("tools.js", "map.js", "page.js", "search.js", "script.js")
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def as_json(value: Any) -> str:
    """Return JSON that may stand inside an element of a page."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def document(title: str, texts: Mapping[str, str], contents: Mapping[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
    texts : mapping of str to str
        What ``page.html`` names besides: ``lead``, ``attribution``, ``versions``, ``record``.
    contents : mapping of str to JSON values
        By name, see `mmfeat.figures.report.data.contents`; ``index`` is the first.
    """
    style = _resource("style.css")
    script = '"use strict";\n(() => {\n' + "".join(map(_resource, SCRIPTS)) + "})();\n"
    index, *rest = (_element(name, value) for name, value in contents.items())
    return Template(_resource("page.html")).substitute(
        {name: escape(text) for name, text in texts.items()},
        title=escape(title),
        policy=escape(_policy(style, script)),
        style=style,
        script=script,
        index=index,
        data="".join(rest),
    )


def _resource(name: str) -> str:
    return files("mmfeat.figures.report").joinpath(name).read_text("utf-8")


def _element(name: str, value: Any) -> str:
    return f'<script type="application/json" id="data-{escape(name)}">{as_json(value)}</script>\n'


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
