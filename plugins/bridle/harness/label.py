"""Labels of an issue, set once."""

from collections.abc import Sequence

from bridle.config.repositories import Repository
from bridle.forge import open_forge
from bridle.harness.result import StepResult
from bridle.harness.step import Step
from bridle.ledger.effects import Receipt, perform


def label(
    step: Step, repository: Repository, number: int, add: tuple[str, ...], remove: tuple[str, ...]
) -> StepResult:
    """Add and remove labels; those that are as wanted already are left alone.

    Raises:
        CredentialError, ForgeDown, EffectUncertain: see `bridle.errors`.
    """
    step.verify()
    return StepResult(summary=f"labels of #{number}: {relabel(step, repository, number, add, remove)}")


def relabel(
    step: Step, repository: Repository, number: int, add: Sequence[str], remove: Sequence[str]
) -> str:
    """The outside write of it; what was changed, in a few characters. The receipt tells what it took.

    Raises:
        CredentialError, ForgeDown, EffectUncertain: see `bridle.errors`.
    """
    forge = open_forge(repository)
    version = f"+{','.join(sorted(add))} -{','.join(sorted(remove))}"

    def lookup() -> Receipt | None:
        labels = set(forge.labels(number))
        return Receipt(version=version) if set(add) <= labels and not labels & set(remove) else None

    def act() -> Receipt:
        before = set(forge.labels(number))
        forge.set_labels(number, add=add, remove=remove)
        changed = {"added": sorted(set(add) - before), "removed": sorted(set(remove) & before)}
        return Receipt(version=version, data=changed)

    perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=f"labels:{repository.name}#{number}:{step.attempt.step.path}",
        version=version,
        kind="labels",
        target=f"{repository.name}#{number}",
        lookup=lookup,
        act=act,
    )
    return version
