"""Nothing textual is stored before it has been through here."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from bridle.guard.scanner import find_secrets

MARK = "[redacted]"
SHORTEST = 5
"""Characters; a shorter secret would take ordinary words with it."""
_SHORTEST_LINE = 20


class Redactor:
    """Replaces secrets by `[redacted]`.

    Known secrets go first, in every encoding that tools and logs put them into; then whatever looks like a
    secret (see `bridle.guard.scanner`). Doing it twice changes nothing.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Know some secrets from the start.

        Args:
            known: keys, tokens and passwords in plain text.
        """
        self._needles: tuple[str, ...] = ()
        for secret in known:
            self.add(secret)

    def __repr__(self) -> str:
        return "Redactor()"

    def add(self, secret: str) -> None:
        """Know one more secret; one shorter than five characters is left out, as Airflow does."""
        secret = secret.strip()
        if len(secret) >= SHORTEST:
            needles = {*self._needles, *_forms(secret)}
            self._needles = tuple(sorted(needles, key=lambda needle: (-len(needle), needle)))

    def known(self, text: str) -> str:
        """Replace the known secrets only: for bytes that a pattern might hit by chance."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, MARK)
        return text

    def text(self, text: str) -> str:
        """Replace the known secrets, and what looks like one."""
        text = self.known(text)
        pieces, at = [], 0
        for start, end, _ in find_secrets(text):
            pieces += [text[at:start], MARK]
            at = end
        return "".join(pieces) + text[at:] if pieces else text

    def value(self, value: Any) -> Any:
        """Do the same to every string inside of what `json.dumps` takes, keys included.

        A string below a key such as `password` is judged together with its key.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._member(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _member(self, key: str, item: Any) -> Any:
        if isinstance(item, str) and len(item) <= 512 and find_secrets(f'"{key}": "{item}"'):
            within = find_secrets(item)
            return self.text(item) if within else MARK
        return self.value(item)


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "replace")
    yield secret
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret), raw.hex(), raw.hex().upper())
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield from (once, json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    yield from _base64_forms(raw)
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The secret alone, and the middle that stays the same wherever in a longer text it was encoded."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for before in range(3):
            skip = (before * 8 + 5) // 6  # characters that also depend on the bytes in front
            whole = (before + len(raw)) * 8 // 6  # characters that depend on no byte behind
            middle = encode(b"\0" * before + raw).decode()[skip:whole]
            if len(middle) >= SHORTEST + 3:
                yield middle
