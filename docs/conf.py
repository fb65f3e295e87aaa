"""How the documentation is built: ``python -m sphinx -W docs docs/_build/html``.

Pages are plain Markdown, which a forge shows as they are. What is in the site, and in which order,
is said by the lists of links in ``index.md`` and in each ``README.md``: no page has a table of
contents that only Sphinx understands. A page in none of these lists is a warning.
"""

from __future__ import annotations

import re
from importlib.metadata import version as version_of

from docutils import nodes
from pydantic import BaseModel
from sphinx import addnodes
from sphinx.application import Sphinx

project = "mmfeat"
author = "mmfeat contributors"
copyright = author
version = release = version_of("mmfeat")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

myst_heading_anchors = 3  # links to headings, as a forge has them
default_role = "py:obj"  # `name` in a docstring: a link where that is on a page

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "mmfeat"
html_logo = html_favicon = "../gui/mmfeat_gui/resources/mmfeat.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False

_ITEM = re.compile(r"^- \[[^]]*\]\(([\w./-]+)\.(?:md|rst)\)", re.MULTILINE)
_ARRAY = re.compile(
    r"(?:jaxtyping\.)?\b(\w+)\[(?:(?:np|numpy)\.)?(?:ndarray|Tensor), (['\"])(.*?)\2\]"
)


def _tree(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the pages that a list page links to below it, a group a heading."""
    if docname.rpartition("/")[2] not in ("index", "README"):
        return
    for section in re.split(r"^## ", source[0], flags=re.MULTILINE):
        if pages := _ITEM.findall(section):
            options = [f":caption: {section.partition(chr(10))[0]}", ":hidden:"]
            source[0] += "\n".join(["\n```{toctree}", *options, "", *pages, "```\n"])


def _shapes(app: Sphinx, *about: object) -> tuple[str | None, str | None]:
    """Write signature and result without what is between the lines for programs."""
    signature, result = (text and _shape(_plain(str(text))) for text in about[-2:])
    return signature, result


def _shape(text: str) -> str:
    """Write ``Float[np.ndarray, "rows d"]`` as ``Float[rows, d]``."""
    return _ARRAY.sub(lambda found: f"{found[1]}[{', '.join(found[3].split())}]", text)


def _plain(text: str) -> str:
    """Write ``Annotated[int, Ge(ge=1)]`` as ``int``."""
    before, found, rest = text.partition("Annotated[")
    if not found:
        return text
    depth, ends = 1, []
    for at, letter in enumerate(rest):
        depth += (letter in "[(") - (letter in "])")
        if depth == 0 or (depth == 1 and letter == ","):
            ends.append(at)
        if depth == 0:
            break
    return _plain(f"{before}{rest[: ends[0]]}{rest[ends[-1] + 1 :]}")


def _fields(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Add what settings say of their fields to what their docstring says."""
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        said = {key: field.description for key, field in thing.model_fields.items()}
        lines += [f":param {key}: {text}" for key, text in said.items() if text]


def _types(app: Sphinx, doctree: nodes.document) -> None:
    """Leave words in the types of docstrings, as in ``float [languages]``, without a link.

    And write the types of properties, which are no signatures, as `_shapes` does.
    """
    for node in list(doctree.findall(addnodes.pending_xref)):
        if node.hasattr("refspecific") and node["reftarget"].islower():
            node.replace_self(node.children)
    for node in doctree.findall(addnodes.desc_annotation):
        if (text := _shape(node.astext())) != node.astext():
            node[:] = [nodes.Text(text)]


def setup(app: Sphinx) -> None:
    """Register what is done on the way."""
    app.connect("source-read", _tree)
    app.connect("autodoc-process-signature", _shapes)
    app.connect("autodoc-process-docstring", _fields, priority=900)  # after napoleon
    app.connect("doctree-read", _types)
