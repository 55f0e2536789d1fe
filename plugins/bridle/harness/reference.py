"""Values too large for XCom: kept as ledger artifacts, handed on as references."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from bridle.harness.result import INLINE_LIMIT


class Artifacts(Protocol):
    """The part of the ledger that stores large things."""

    def put_artifact(self, data: bytes | str, media_type: str, name: str = "") -> str: ...

    def get_artifact(self, ref: str) -> bytes: ...


def shrink(value: Any, artifacts: Artifacts, *, name: str) -> Any:
    """`value` itself when its JSON is at most `INLINE_LIMIT` bytes, else a reference to where it is kept."""
    small = len(json.dumps(value, ensure_ascii=False).encode()) <= INLINE_LIMIT
    return value if small else keep(value, artifacts, name=name)


def keep(value: Any, artifacts: Artifacts, *, name: str) -> dict[str, Any]:
    """A reference to `value`, kept in the ledger whatever its size."""
    text = json.dumps(value, ensure_ascii=False)
    ref = artifacts.put_artifact(text, "application/json", name)
    return {"artifact": ref, "bytes": len(text.encode())}


def expand(value: Any, artifacts: Artifacts) -> Any:
    """The value that a reference stands for; any other value as it is."""
    if isinstance(value, Mapping) and set(value) == {"artifact", "bytes"}:
        return json.loads(artifacts.get_artifact(value["artifact"]))
    return value
