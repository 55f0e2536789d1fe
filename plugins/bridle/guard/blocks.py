"""Markdown taken apart the way a forge's renderer does it: code, HTML and prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LABEL = re.compile(r"\[([^\[\]]+)\]")
_FENCE = re.compile(r"^([^`~\n]*(?:`{3,}|~{3,})[ \t]*[^\s`]*)[^\n]*")


@dataclass(frozen=True)
class Block:
    """Some lines of a text, and what a renderer makes of them."""

    kind: Literal["code", "html", "prose"]
    text: str


def blocks(text: str) -> Iterator[Block]:
    """The text's blocks in order, without definitions that nothing refers to, and without titles of others.

    Both are on no page; neither is what follows the language after the opening line of a code block.
    """
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    found: dict[str, Any] = {}
    tokens = _parser().parse(text, found)
    kinds: dict[int, tuple[Literal["code", "html"], int]] = {}
    for token in tokens:
        if token.map and token.type in {"fence", "code_block", "html_block"}:
            kinds[token.map[0]] = ("html" if token.type == "html_block" else "code", token.map[1])
    definitions = _definitions(found)
    covered = _covered(definitions)
    used = _used("".join(line for number, line in enumerate(lines) if number not in covered))
    at, prose = 0, ""
    while at < len(lines):
        if at in kinds:
            if prose:
                yield Block("prose", prose)
            prose = ""
            kind, end = kinds[at]
            part = "".join(lines[at:end])
            yield Block(kind, _FENCE.sub(r"\1", part, count=1) if kind == "code" else part)
            at = max(end, at + 1)
        elif at in definitions:
            label, address, end = definitions[at]
            if label in used or text.count("\n") == 0:  # a title such as `[Bug]: crash` is one, too
                name = _LABEL.search(lines[at])
                line = f"[{name[1] if name else label.lower()}]: {address}"
                prose += line + ("" if end >= len(lines) and not text.endswith("\n") else "\n")
            at = max(end, at + 1)
        else:
            prose += lines[at]
            at += 1
    if prose:
        yield Block("prose", prose)


def _definitions(found: dict[str, Any]) -> dict[int, tuple[str, str, int]]:
    entries = [(label, entry) for label, entry in found.get("references", {}).items()]
    entries += [(entry["label"], entry) for entry in found.get("duplicate_refs", ())]
    return {
        entry["map"][0]: (label, entry["href"], entry["map"][1])
        for label, entry in entries
        if not label.startswith("^")  # a footnote
    }


def _covered(definitions: dict[int, tuple[str, str, int]]) -> set[int]:
    return {line for start, (_, _, end) in definitions.items() for line in range(start, end)}


def _used(text: str) -> set[str]:
    """Labels in brackets, as the parser normalises them."""
    return {" ".join(label.split()).lower().upper() for label in _LABEL.findall(text)}


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
