"""One comment, once."""

import hashlib
from collections.abc import Mapping
from typing import Any

from bridle.config.repositories import Repository
from bridle.forge import open_forge
from bridle.harness.bench import Bench
from bridle.harness.result import StepResult
from bridle.harness.secrets import learn_secrets
from bridle.harness.step import Step
from bridle.harness.template import outside_text
from bridle.ledger.effects import Receipt, perform


def comment(
    step: Step, repository: Repository, number: int, template: str, inputs: Mapping[str, Any]
) -> StepResult:
    """Post the comment, or bring the one that this step posted before up to date.

    Raises:
        CredentialError, ForgeDown, EffectUncertain: see `bridle.errors`.
    """
    learn_secrets(Bench(step, repository))
    body = outside_text(step, template, inputs)
    forge = open_forge(repository)
    marker = f"bridle:{step.attempt.step.dag_id}/{step.attempt.step.task_id}"
    version = hashlib.sha256(body.encode()).hexdigest()

    def lookup() -> Receipt | None:
        found = forge.find_comment(number, marker)
        if found is None:
            return None
        return Receipt(version=version if body in found.body else "another", url=found.url)

    def act() -> Receipt:
        return Receipt(version=version, url=forge.comment(number, marker, body).url)

    step.verify()
    receipt = perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=f"comment:{repository.name}#{number}:{marker}",
        version=version,
        kind="comment",
        target=f"{repository.name}#{number}",
        lookup=lookup,
        act=act,
    )
    return StepResult(summary=f"comment on #{number}", result={"url": receipt.url})
