"""TOML files of settings: read, and refused in one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from pydantic import ValidationError


def read(file: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    MmfeatError
        If it is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise MmfeatError(f"{file} does not exist; check the path.") from None
    except OSError as error:
        raise MmfeatError(f"{file} cannot be read; give a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MmfeatError(f"{file} is not a TOML file ({error}); mend that value.") from error


def refusal(where: object, error: ValidationError) -> MmfeatError:
    """Return the sentence on the first value that is not understood."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    return MmfeatError(
        ": ".join(filter(None, (str(where), name, f"{first['msg']}; mend that value.")))
    )
