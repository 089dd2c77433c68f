"""JSON is read with limits, so that what goes through it needs none."""

import json
import math

import pytest

from rlsp_sb3.io import archive
from rlsp_sb3.io.json_file import MAX_DEPTH, parse_json, read_json, write_json


def test_what_is_written_is_read(tmp_path):
    content = {"a": [1, 2.5, None, True, "ö\n"], "b": {"c": 2**127}, "d": math.inf}
    write_json(tmp_path / "new" / "file.json", content)
    assert read_json(tmp_path / "new" / "file.json") == content


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_depth_is_limited(opened):
    def nested(depth):
        return opened * depth + "1" + ("]" if opened == "[" else "}") * depth

    parse_json(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 500, 100_000):
        with pytest.raises(ValueError, match="nested deeper than 32"):
            parse_json(nested(depth))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9" * 400, "99999999999999999999… is too large for a number"),
        ("9" * 5000, "is too large for a number"),
        ("1e999", "1e999… is too large for a number"),
        ("-1e999", "-1e999… is too large for a number"),
        ('{"a": 1, "a": 2}', "a name is there twice"),
        ("", "Expecting value"),
        (b"\xff\xfe", "Expecting value|decode"),
        (b"\x80", "decode"),
    ],
)
def test_what_no_code_expects_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"file\.json is not a JSON file: "):
        read_json(path)


def test_large_files_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    path.write_text(json.dumps("a" * 998))
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1000)
    assert len(read_json(path)) == 998
    path.write_text(json.dumps("a" * 999))
    with pytest.raises(ValueError, match=r"file\.json is not .*: it is larger than 1,000 bytes"):
        read_json(path)
