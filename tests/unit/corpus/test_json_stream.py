"""Lists of JSON documents, one element at a time."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from mmfeat.corpus import json_stream
from mmfeat.corpus.json_stream import elements
from mmfeat.errors import MmfeatError


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def value(random: random.Random, depth: int = 0) -> Any:
    kind = random.randrange(7 if depth < 3 else 5)
    if kind == 5:
        return [value(random, depth + 1) for _ in range(random.randrange(4))]
    if kind == 6:
        return {f"k{n}": value(random, depth + 1) for n in range(random.randrange(4))}
    texts = ['a "b", [c] {d}: \\', "고양이 🐱", "", "line\nend\u2028", "x" * 300]
    return [random.choice(texts), random.randrange(-(10**9), 10**9), -1.5e-7, None, True][kind]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 16])
@pytest.mark.parametrize("indent", [None, 1])
def test_the_same_as_json_wherever_the_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int | None
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    draw = random.Random(chunk)
    for round_ in range(5):
        document = {
            "info": {"year": 2017, "x": [1, 2]},
            "a": [value(draw) for _ in range(12)],
            "other": [[1], {"a": [9]}],
            "n": 123456789,
            "b": [value(draw) for _ in range(round_)],
        }
        text = json.dumps(document, ensure_ascii=bool(round_ % 2), indent=indent)
        path = write(tmp_path / "d.json", text)
        got = list(elements(path, ("a", "b")))
        want = [(name, n, entry) for name in "ab" for n, entry in enumerate(document[name], 1)]
        assert got == want


def test_byte_order_mark_gzip_and_white_space(tmp_path: Path) -> None:
    text = '\ufeff \r\n\t{ "a" : [ 1 ,\r\n 2 ] , "z" : { } }\r\n'
    for data in (text.encode(), gzip.compress(text.encode()), text[1:].encode("utf-16")):
        assert list(elements(write(tmp_path / "d.json", data), ("a",))) == [
            ("a", 1, 1),
            ("a", 2, 2),
        ]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("", 0),
        ("x", 0),
        ('{"a": [1, 2', 11),
        ('{"a": [1, 2]', 12),
        ('{"a": [1 2]}', 9),
        ('{"a": [1, 2,]}', 12),
        ('{"a": [{"b": tru}]}', 13),
        ('{"a": [1]} more', 11),
        ('{"a": [1], 5: 6}', 12),
        ('{"a" [1]}', 5),
        ('{"a": ["no end]}', 7),
        ('{"a": [' + "[" * 100_000 + "]}", 7),
        ('{"a": [' + "9" * 5000 + "]}", 7),
    ],
)
def test_a_malformed_document_is_one_sentence_that_says_where(
    tmp_path: Path, text: str, near: int
) -> None:
    path = write(tmp_path / "d.json", text)
    with pytest.raises(MmfeatError, match=r"breaks off, or is no JSON") as error:
        list(elements(path, ("a",)))
    message = str(error.value)
    assert message.startswith(str(path)) and "download it again" in message
    assert f"near character {near:,};" in message


def test_what_stands_before_the_break_is_yielded_and_the_place_counts_from_the_beginning(
    tmp_path: Path,
) -> None:
    text = json.dumps({"a": [{"text": "x" * 1000}] * 500})
    path = write(tmp_path / "d.json", text[:400_000])
    rows = elements(path, ("a",))
    seen = []
    with pytest.raises(MmfeatError, match="near character 399,"):
        seen.extend(n for _, n, _ in rows)
    path.write_bytes(gzip.compress(text.encode())[:-20])
    with pytest.raises(MmfeatError, match="truncated or damaged"):
        list(elements(path, ("a",)))


def test_an_element_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{"a": ["' + "x" * (json_stream.MAX_ELEMENT * 5), "utf-8")
    reads = []
    real = json_stream._Window._more

    def more(self: json_stream._Window, count: int) -> bool:
        reads.append(count)
        return real(self, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream._Window, "_more", more)
        with pytest.raises(MmfeatError, match="more than 4 million characters"):
            list(elements(path, ("a",)))
    assert sum(reads) <= 2.1 * json_stream.MAX_ELEMENT


@pytest.mark.parametrize("text", ["{}", "[]", '[{"a": 1}]', '{"a": {"b": []}}', '{"x": [1]}'])
def test_a_document_without_the_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MmfeatError, match=r'has no list "a" in an object at its top; check'):
        list(elements(write(tmp_path / "d.json", text), ("a",)))


def test_bytes_that_are_not_utf8_spoil_their_own_text_only(tmp_path: Path) -> None:
    path = write(tmp_path / "d.json", b'{"a": ["\xff\xfe", "ok"]}')
    assert [entry for _, _, entry in elements(path, ("a",))] == ["\udcff\udcfe", "ok"]
