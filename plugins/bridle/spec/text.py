"""Markdown seen as lines of bytes and as list items, by a parser that knows what is code and what is not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

BOM = b"\xef\xbb\xbf"

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_BOX = re.compile(
    rb"(?:[ \t]*(?:[-*+]|\d{1,9}[.)]))+[ \t]+\[(?P<mark>[^\[\]\r\n]{1,4})\](?P<star>\*?)[ \t]+(?P<title>\S.*)"
)


@dataclass(frozen=True)
class Box:
    """A list item that begins with a check box."""

    number: int
    """Line, from 1."""
    start: int
    end: int
    mark: tuple[int, int]
    """Bytes between the brackets."""
    state: str
    """What is between the brackets."""
    star: bool
    """The box has an asterisk behind it."""
    title: str
    details: str
    """The lines below it that belong to it and to no box below it."""
    parent: int | None
    """Line of the nearest box that it is nested in."""
    section: tuple[str, ...]
    """The headings above it, the highest first."""


def boxes(data: bytes) -> list[Box]:
    """Every check box of a Markdown file, in its order.

    What stands in code blocks, HTML comments and quotations is no box. Bytes that are not UTF-8 are kept out
    of the way of parsing, not rejected.
    """
    from markdown_it import MarkdownIt

    skipped = len(BOM) if data.startswith(BOM) else 0
    lines = _lines(data, skipped)
    text = data[skipped:].decode("utf-8", "replace")
    # ends lines where `_LINE` does; U+2028 and the like, line ends to `splitlines`, are text to both
    tokens = MarkdownIt("commonmark").parse(text)
    items = list(_items(tokens, lines))
    return [_box(item, items, lines) for item in items]


@dataclass(frozen=True)
class _Line:
    start: int
    content: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.content)


@dataclass(frozen=True)
class _Item:
    first: int
    """Index of its line."""
    after: int
    """Index of the line after it."""
    found: re.Match[bytes]
    parent: int | None
    section: tuple[str, ...]


def _lines(data: bytes, start: int) -> list[_Line]:
    found = [_Line(match.start(), match[1]) for match in _LINE.finditer(data, start) if match[0]]
    return found or [_Line(start, b"")]


def _items(tokens: "Sequence[Token]", lines: list[_Line]) -> Iterator[_Item]:
    headings: list[tuple[int, str]] = []
    open_items: list[tuple[int, int, bool]] = []  # first line, line after, whether a box
    quoted = 0
    for at, token in enumerate(tokens):
        if token.type == "blockquote_open":
            quoted += 1
        elif token.type == "blockquote_close":
            quoted -= 1
        elif token.type == "heading_open" and not open_items:
            level = int(token.tag[1:])
            headings = [*((depth, name) for depth, name in headings if depth < level)]
            headings.append((level, tokens[at + 1].content.strip()))
        elif token.type == "list_item_open" and token.map:
            first, after = token.map
            # the box may stand behind two markers at once: then only the inner item has it
            inner = tokens[at + 1].type in {"bullet_list_open", "ordered_list_open"}
            found = None if quoted or inner else _BOX.fullmatch(lines[first].content)
            if found:
                parent = next((start for start, _, box in reversed(open_items) if box), None)
                yield _Item(first, after, found, parent, tuple(name for _, name in headings))
            open_items.append((first, after, found is not None))
        elif token.type == "list_item_close":
            open_items.pop()


def _box(item: _Item, items: list[_Item], lines: list[_Line]) -> Box:
    line = lines[item.first]
    below = {
        index for other in items if other.parent == item.first for index in range(other.first, other.after)
    }
    rest = [lines[index].content for index in range(item.first + 1, item.after) if index not in below]
    return Box(
        number=item.first + 1,
        start=line.start,
        end=line.end,
        mark=(line.start + item.found.start("mark"), line.start + item.found.end("mark")),
        state=item.found["mark"].decode("utf-8", "replace"),
        star=bool(item.found["star"]),
        title=item.found["title"].decode("utf-8", "replace").strip(),
        details=_dedent(rest),
        parent=None if item.parent is None else item.parent + 1,
        section=item.section,
    )


def _dedent(lines: list[bytes]) -> str:
    from textwrap import dedent

    text = "\n".join(line.decode("utf-8", "replace").expandtabs(4) for line in lines)
    return dedent(text).strip()
