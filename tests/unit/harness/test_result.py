"""What travels in XCom stays small."""

import json
from decimal import Decimal

import pytest

from bridle.errors import ConfigError
from bridle.harness.reference import expand, shrink
from bridle.harness.result import INLINE_LIMIT, XCOM_LIMIT, StepResult


class Shelf:
    """Artifacts in memory: the contract's two methods over a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put_artifact(self, data: bytes | str, media_type: str, name: str = "") -> str:
        ref = f"a{len(self.kept)}"
        self.kept[ref] = data.encode() if isinstance(data, str) else data
        return ref

    def get_artifact(self, ref: str) -> bytes:
        return self.kept[ref]


def test_a_small_result_travels_inline_and_a_large_one_by_reference() -> None:
    shelf = Shelf()
    assert shrink({"a": 1}, shelf, name="r") == {"a": 1}
    large = {"text": "x" * (INLINE_LIMIT + 1)}
    reference = shrink(large, shelf, name="r")
    assert len(json.dumps(reference)) < 120
    assert expand(reference, shelf) == large


def test_the_whole_result_is_never_over_two_kilobytes() -> None:
    full = StepResult(
        session_id="0" * 36,
        commit="c" * 40,
        base="b" * 40,
        summary="s" * 500,
        result="r" * (INLINE_LIMIT - 10),
        checks={"tests": True},
        tokens=10**9,
        cost_usd=Decimal("12345.678901"),
    )
    assert len(json.dumps(full.xcom()).encode()) <= XCOM_LIMIT
    with pytest.raises(ConfigError, match="largest part is 'result'"):
        StepResult(result="r" * 3000).xcom()


def test_a_summary_in_any_alphabet_fits_and_gives_way_to_the_result() -> None:
    long = StepResult(summary="漢" * 500, result="ж" * 500, commit="c" * 40)
    pushed = long.xcom()
    assert len(json.dumps(pushed, ensure_ascii=False).encode()) <= XCOM_LIMIT
    assert pushed["result"] == "ж" * 500
    assert pushed["summary"].startswith("漢漢")
