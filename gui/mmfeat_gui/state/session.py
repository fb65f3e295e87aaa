"""The exact state of a window in a file: which atlas, by path and fingerprint, and what it shows.

A session is JSON. It may come from elsewhere, so its size is bounded and every field is checked;
the atlas itself is never in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.view import ViewState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_LARGEST = 64 << 20  # bytes; a million brushed items take some 8
SUFFIX = ".mmfeat-session"


@dataclass(frozen=True)
class Session:
    """A window.

    Attributes
    ----------
    atlas : str
        Path of the open atlas; empty where none was.
    fingerprint : str
        Its content digest when the session was saved.
    beside : str
        Path of the atlas that it was compared with, if any.
    view : ViewState
    geometry : str
        The window's size and place, in Base64.
    splitters : dict of str to str
        How its parts share the room, in Base64.
    """

    atlas: str = ""
    fingerprint: str = ""
    beside: str = ""
    view: ViewState = field(default_factory=ViewState)
    geometry: str = ""
    splitters: dict[str, str] = field(default_factory=dict)


@cache
def _adapter() -> TypeAdapter[Session]:
    from pydantic import TypeAdapter

    return TypeAdapter(Session)


def last_session_path() -> Path:
    """Return where the session of the window closed last is kept (``XDG_STATE_HOME``)."""
    folder = Path(platformdirs.user_state_path("mmfeat", appauthor=False))
    return folder / f"last{SUFFIX}"


def save_session(session: Session, path: Path) -> None:
    """Write a session.

    Raises
    ------
    MmfeatError
        If it cannot be written there.
    """
    data = {"encoding-type": "mmfeat-session", "encoding-version": "1"}
    data["session"] = _adapter().dump_python(session, mode="json")
    text = json.dumps(data, ensure_ascii=False, indent=1)
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise MmfeatError(tr("error.session_write", file=path, reason=error.strerror)) from None


def load_session(path: Path) -> Session:
    """Read a session.

    Raises
    ------
    MmfeatError
        If the file is not a session, or not one that this version knows.
    """
    from pydantic import ValidationError

    try:
        if path.stat().st_size > _LARGEST:
            raise MmfeatError(tr("error.session", file=path.name, reason=tr("error.too_large")))
        data: Any = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        if not isinstance(data, dict) or data.get("encoding-type") != "mmfeat-session":
            raise ValueError(tr("error.no_session"))
        if data.get("encoding-version") != "1":
            raise ValueError(tr("error.session_version", version=data.get("encoding-version")))
        return _adapter().validate_python(data.get("session"))
    except OSError as error:
        reason = error.strerror or str(error)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
    raise MmfeatError(tr("error.session", file=path.name, reason=reason))
