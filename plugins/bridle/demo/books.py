"""Two sets of books about the same model calls: the ledger's, and the scripted model's own."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Count:
    """Answered model calls of one task."""

    calls: int = 0
    input_tokens: int = 0
    """Cache reads and writes included."""
    output_tokens: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.input_tokens} + {self.output_tokens} tokens"


def journal_count(journal: Path) -> dict[str, Count]:
    """Task id to what the scripted model says it answered; without a journal it has answered nothing."""
    counts: dict[str, Count] = defaultdict(Count)
    if not journal.exists():
        return {}
    for line in journal.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if usage := entry["usage"]:
            counts[entry["task"]] += Count(1, usage["input_tokens"], usage["output_tokens"])
    return dict(counts)


def differences(ledger: Mapping[str, Count], model: Mapping[str, Count]) -> list[str]:
    """One line for each task on which the two sets of books disagree."""
    tasks: Iterable[str] = sorted({*ledger, *model})
    return [
        f"{task}: the ledger has {ledger.get(task, Count())}, the model counted {model.get(task, Count())}"
        for task in tasks
        if ledger.get(task, Count()) != model.get(task, Count())
    ]
