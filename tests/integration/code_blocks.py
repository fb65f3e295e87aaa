"""Pages of the documentation as a reader uses them: every code block, in its order, run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(^|\s)#\s.*$")
_PLAIN = re.compile(r"mmfeat [^$|<>;&*`]+")  # what a shell would pass on as it stands
# Runs commands of mmfeat one after the other, and tells what each printed: a process for all of
# them starts once.
_MMFEAT = """
import contextlib, io, json, os, sys
from mmfeat.cli.app import app
from mmfeat.cli.common import run

told = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # what processes of a command print does not get in between
for words in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(app, json.loads(words))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), file=told, flush=True)
"""
Ended = tuple[int, str, str]  # status, and what was printed


@dataclass(frozen=True)
class Block:
    """A fenced block and the language that it is tagged with."""

    language: str
    text: str


@dataclass(frozen=True)
class Otherwise:
    """How lines are typed on a machine that tests, and why not as they stand.

    Lines that begin with `begins` and hold `holds` have that replaced by `instead`, and `more`
    put after them; with neither they are left out.
    """

    begins: str
    why: str
    more: str = ""
    holds: str = ""
    instead: str = ""

    def concerns(self, line: str) -> bool:
        return line.startswith(self.begins) and self.holds in line

    def typed(self, line: str) -> str:
        if not (self.more or self.instead):
            return ""
        return line.replace(self.holds, self.instead) + f" {self.more}"


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(read(page))]


def commands(text: str) -> list[str]:
    """Return what is typed of a bash block: its lines without comments."""
    lines = (_COMMENT.sub("", line).rstrip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


def run_page(
    page: str,
    folder: Path,
    otherwise: Sequence[Otherwise],
    written: Callable[[Path], object] = lambda toml: None,
    **environment: str,
) -> dict[str, str]:
    """Run every block of a page in a folder, and return what each printed, by what was typed.

    Lines of bash run one by one, each in a shell of its own, those of mmfeat in one process; Python
    runs as a script; TOML is written to the file that its first line names, and `written` is
    called with that.
    """
    unused, printed = list(otherwise), {}
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "QT_QPA_PLATFORM": "offscreen",
        **environment,
    }

    def process(*command: str) -> Ended:
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def note(shown: str, ended: Ended) -> None:
        status, printed[shown], errors = ended
        assert status == 0 and "Traceback" not in errors, f"{page}: {shown}\n{errors}"

    with _mmfeat(folder, variables) as mmfeat:
        for block in blocks(page):
            if block.language == "toml":
                name = block.text.partition("\n")[0].removeprefix("# ")
                assert re.fullmatch(r"[\w-]+\.toml", name), f"{page}: {name!r} names no file"
                (folder / name).write_text(block.text, "utf-8")
                written(folder / name)
            elif block.language == "python":
                note(block.text, process(sys.executable, "-c", block.text))
            else:
                assert block.language == "bash", f"{page}: a block of {block.language!r}"
                for line in commands(block.text):
                    typed = line
                    for one in otherwise:
                        if one.concerns(line):
                            typed = one.typed(typed)
                            unused = [other for other in unused if other is not one]
                    if _PLAIN.fullmatch(typed):
                        note(line, mmfeat(shlex.split(typed)[1:]))
                    elif typed:
                        note(line, process("bash", "-c", typed))
    assert not unused, f"{page} has no line for {[one.begins for one in unused]}"
    return printed


@contextmanager
def _mmfeat(
    folder: Path, variables: Mapping[str, str]
) -> Iterator[Callable[[Sequence[str]], Ended]]:
    """Start a process that runs commands of mmfeat, and end it."""
    started = subprocess.Popen(
        [sys.executable, "-c", _MMFEAT], cwd=folder, env=variables,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert started.stdin is not None and started.stdout is not None
    given, told = started.stdin, started.stdout

    def run(words: Sequence[str]) -> Ended:
        print(json.dumps(words), file=given, flush=True)
        answer = told.readline()
        assert answer, f"mmfeat {shlex.join(words)} ended the process"
        status, out, errors = json.loads(answer)
        return status, out, errors

    try:
        yield run
    finally:
        given.close()
        started.wait(60)
        told.close()
