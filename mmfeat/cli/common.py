"""What all commands share: options, printing of results, errors as one sentence."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Annotated, Any

import typer

from mmfeat.errors import MmfeatError
from mmfeat.progress import of_terminal

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object with the results on stdout.")
]
PROGRESS = of_terminal()
_AGAIN = 5.0  # seconds after which an interrupt that was swallowed comes again


def show(result: Mapping[str, Any], as_json: bool) -> None:
    """Print the results of a command: one JSON object, or a line a value."""
    if as_json:
        print(json.dumps(_finite(result), ensure_ascii=False, default=str, allow_nan=False))
        return
    width = max((len(key) for key in result), default=0)
    for key, value in result.items():
        if isinstance(value, Mapping):
            print(f"{key}:")
            for name, inner in value.items():
                print(f"  {name}: {_plain(inner)}")
        else:
            print(f"{key:<{width}}  {_plain(value)}")


def _finite(value: Any) -> Any:
    """Put None for numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(entry) for entry in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(entry)}" for key, entry in value.items())
    return str(value)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM; not `KeyboardInterrupt`, which typer would swallow."""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    # Raised within a callback from C (HDF5 has some), an exception may be swallowed there: it
    # comes again until it has arrived.
    _ring(_AGAIN)
    raise Interrupted


def _ring(seconds: float) -> None:
    """Send SIGALRM after so many seconds; 0: no more."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Run the command line and return its exit status: 0 done, 1 failed, 2 bad usage."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    caught = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGALRM"):
        caught.append(signal.SIGALRM)
    earlier = [signal.signal(number, _interrupt) for number in caught]
    try:
        status = app(args=arguments, prog_name="mmfeat", standalone_mode=True)
        return int(status or 0)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except (Interrupted, KeyboardInterrupt):
        print(
            "Interrupted: finished files are whole; run the same command again to go on.",
            file=sys.stderr,
        )
        return 1
    except MmfeatError as error:
        if debug:
            raise
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except Exception as error:
        if debug:
            raise
        print(
            f"Error: {type(error).__name__}: {error}; run again with --debug for the details.",
            file=sys.stderr,
        )
        return 1
    finally:
        _ring(0)
        for number, handler in zip(caught, earlier, strict=True):
            signal.signal(number, handler)
