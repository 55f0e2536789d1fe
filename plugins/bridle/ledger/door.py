"""The one way for text into the ledger: redacted, fit for Postgres, and no larger than agreed."""

import json
import re
from typing import Any

from bridle.guard.redact import Redactor

LINE = 500
"""Characters of a name, a reason, a title."""
TEXT = 16_000
"""Characters of a text in a row; longer ones belong into artifacts."""
JSON_BYTES = 65_536
"""A JSON value in a row, encoded."""
_MARGIN = 8_192
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


class Door:
    """Applied to everything textual right before it is written."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor

    def text(self, value: object, limit: int = TEXT) -> str:
        """Redacted text of at most `limit` characters; that some are missing is said at its end."""
        whole = fit(str(value))
        clean, complete = self._begin(whole, limit)
        if complete and len(clean) <= limit:
            return clean
        mark = f"… [cut: {len(whole)} characters in all]"
        return clean[: max(0, limit - len(mark))] + mark

    def head(self, value: object, limit: int) -> str:
        """The first `limit` characters, redacted."""
        return self._begin(fit(str(value)), limit)[0][:limit]

    def tail(self, value: object, limit: int) -> str:
        """The last `limit` characters, redacted: what a failing command says at its end."""
        whole = fit(str(value))
        clean = self.redactor.text(whole[-(limit + _MARGIN) :])
        return clean[_MARGIN if len(whole) > limit + _MARGIN else 0 :][-limit:]

    def _begin(self, whole: str, limit: int) -> tuple[str, bool]:
        """The redacted beginning of a text, and whether it is all of it.

        A secret that the cut goes through lies in the margin, which is thrown away after redaction.
        """
        clean = self.redactor.text(whole[: limit + _MARGIN])
        if len(whole) <= limit + _MARGIN:
            return clean, True
        return clean[:-_MARGIN], False

    def line(self, value: object) -> str:
        """Redacted text of at most 500 characters."""
        return self.text(value, LINE)

    def json(self, value: Any, limit: int = JSON_BYTES) -> Any:
        """Redacted plain data; strings are cut to size, and a value over `limit` bytes becomes its head."""
        clean = self.redactor.value(self._plain(value))
        encoded = json.dumps(clean, ensure_ascii=False)
        size = len(encoded.encode())
        return clean if size <= limit else {"cut": True, "bytes": size, "head": encoded[: limit // 8]}

    def content(self, data: bytes) -> bytes:
        """A redacted file: text by everything the redactor has, other bytes by the known secrets only."""
        try:
            return self.redactor.text(data.decode()).encode()
        except UnicodeDecodeError:
            # latin-1 maps every byte to one character and back
            return self.redactor.known(data.decode("latin-1")).encode("latin-1")

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            value = fit(value)
            return value if len(value) <= TEXT else self.text(value)
        if isinstance(value, dict):
            return {fit(str(key)): self._plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(item) for item in value]
        if isinstance(value, float) and value - value != 0:
            return str(value)  # JSON has neither infinity nor NaN
        return value if isinstance(value, int | float | None) else self._plain(str(value))


def fit(text: str) -> str:
    """Text without what Postgres cannot hold: NUL and half surrogates."""
    return _UNFIT.sub("\ufffd", text)
