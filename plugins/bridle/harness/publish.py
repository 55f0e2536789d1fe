"""A commit becomes a branch and one pull request, after every gate has been passed once more."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.config.repositories import PatchLimits, Repository
from bridle.errors import PolicyViolation, ReviewMismatch, SpecChanged
from bridle.forge import open_forge
from bridle.forge.base import Forge, PullRequestDraft
from bridle.guard.patch_policy import PatchPolicy
from bridle.harness.bench import Bench
from bridle.harness.evidence import Evidence
from bridle.harness.result import StepResult
from bridle.harness.secrets import learn_secrets
from bridle.harness.step import Step
from bridle.harness.template import outside_text
from bridle.ledger.effects import Receipt, perform
from bridle.ledger.reviews import APPROVE

TITLE = 250
"""Characters of a pull request's title; GitHub refuses more than 256, and an issue's may have as many."""


@dataclass(frozen=True)
class Publication:
    """What is to be published."""

    commit: str
    base: str
    """Commit that the work started from; the patch policy judges what lies between."""
    branch: str
    """Its name, made of ids: one branch has one pull request."""
    target: str
    """Branch to merge into."""
    draft: bool
    needs_approval: bool
    """Whether a `HumanApprovalSensor` must have passed exactly this commit."""
    template: str
    inputs: Mapping[str, Any]
    onto: str | None = None
    """What the branch was at when the commit was put on top of it; None: it was not there."""
    shared: bool = False
    """Whether people and other runs push to the branch: then nothing but `onto` is ever replaced."""
    earlier: tuple[str, ...] = ()
    """Ids of the runs before this one that the work comes from, too: a loop's earlier rounds."""
    allow: tuple[str, ...] = ()
    """Paths that the harness itself has changed; the patch policy lets them be."""


def publish(step: Step, repository: Repository, wanted: Publication) -> StepResult:
    """Push the commit and open its pull request, or bring the one that is there up to date.

    Raises:
        ReviewMismatch: exactly this commit has no approval in this run, by a human or by policy.
        PolicyViolation: the patch gate refuses the patch; nothing was pushed.
        SpecChanged: somebody pushed to a shared branch meanwhile.
        CredentialError, ForgeDown, EffectUncertain, FenceLost, StopRequested: see `bridle.errors`.
    """
    approval = _approval(step, wanted.commit) if wanted.needs_approval else None
    bench = Bench(step, repository)
    learn_secrets(bench)
    patch = bench.patch(wanted.base, wanted.commit)
    if not patch.files:
        raise PolicyViolation(
            f"{wanted.commit[:10]} changes nothing against {wanted.base[:10]}; nothing to publish"
        )
    violations = PatchPolicy.of(_allowing(repository.patch, wanted.allow)).check(patch, step.ledger.redactor)
    if violations:
        raise PolicyViolation(
            "the patch was not published:\n" + "\n".join(f"- {found}" for found in violations)
        )

    evidence = Evidence.of_run(step, earlier=wanted.earlier)
    told = {
        "commit": wanted.commit,
        "approval": approval,
        "checks": [check for check in evidence.checks if check.commit == wanted.commit],
        "costs": evidence.costs,
        "total": evidence.total,
        "cost_table": evidence.cost_table,
    }
    text = outside_text(step, wanted.template, {**wanted.inputs, **told})
    title, _, body = text.strip().partition("\n")
    title = title.strip()
    title = title if len(title) <= TITLE else title[: TITLE - 1] + "…"
    branch = wanted.branch
    forge = open_forge(repository, mirror=bench.mirror)
    step.verify()
    _push(step, forge, repository, wanted)
    draft = PullRequestDraft(
        title=title, body=body.strip(), head=branch, base=wanted.target, draft=wanted.draft
    )
    step.verify()
    receipt = _pull_request(step, forge, repository, draft, wanted.commit)
    step.ledger.put_artifact(patch.text, "text/x-diff", f"{branch}.diff")
    return StepResult(
        commit=wanted.commit,
        base=wanted.base,
        summary=draft.title[:500],
        result={"url": receipt.url, "branch": branch, "title": draft.title[:200], **receipt.data},
    )


def _approval(step: Step, commit: str) -> dict[str, str]:
    reviews = [review for review in step.ledger.reviews_of_run(step.attempt.step) if review.commit == commit]
    last = reviews[-1] if reviews else None
    if last is None or last.decision != APPROVE:
        said = f"the answer was {last.decision}" if last and last.decision else "nobody has answered"
        raise ReviewMismatch(
            f"{commit[:10]} is not an approved commit: {said}. Clear the approval task to ask again"
        )
    return {"by": (last.by or "").removeprefix("human:"), "feedback": last.feedback}


def _allowing(limits: PatchLimits, paths: tuple[str, ...]) -> PatchLimits:
    return limits.model_copy(update={"allow": (*limits.allow, *map(_pattern, paths))})


def _pattern(path: str) -> str:
    """A pattern as in .gitignore that matches this path and nothing else."""
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


def _push(step: Step, forge: Forge, repository: Repository, wanted: Publication) -> None:
    branch, commit = wanted.branch, wanted.commit
    key = f"branch:{repository.name}:{branch}"
    told = {"shared": wanted.shared}

    def lookup() -> Receipt | None:
        there = forge.branch(branch)
        return None if there is None else Receipt(version=there, data={"commit": there, **told})

    def act() -> Receipt:
        there = forge.branch(branch)
        known = there in (None, wanted.onto, commit)
        if wanted.shared and not known:
            raise SpecChanged(
                f"branch {branch} of {repository.name} is at {str(there)[:10]}, and the commit was put on "
                f"top of {str(wanted.onto)[:10]}: somebody pushed to it. Clear the task that landed the "
                "work: it then goes on top of what is there"
            )
        if not known and not step.ledger.bundles_for(repository.name, str(there)):
            raise PolicyViolation(
                f"branch {branch} of {repository.name} is at {str(there)[:10]}, which is no commit of ours: "
                "somebody pushed to it. Merge or delete that branch, then clear this task"
            )
        forge.push(commit, branch, expected=there)
        return Receipt(version=commit, data={"commit": commit, "made": there is None, **told})

    perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=key,
        version=commit,
        kind="push",
        target=f"{repository.name}:{branch}",
        lookup=lookup,
        act=act,
    )


def _pull_request(
    step: Step, forge: Forge, repository: Repository, draft: PullRequestDraft, commit: str
) -> Receipt:
    version = hashlib.sha256(f"{draft.title}\n{draft.body}\n{commit}".encode()).hexdigest()

    def lookup() -> Receipt | None:
        found = forge.find_pull_request(draft.head)
        if found is None:
            return None
        same = (found.title, found.body.strip()) == (draft.title, draft.body)
        return Receipt(version=version if same else "another", url=found.url, data={"number": found.number})

    def act() -> Receipt:
        found = forge.find_pull_request(draft.head)
        opened = (
            forge.open_pull_request(draft)
            if found is None
            else forge.update_pull_request(found.number, draft)
        )
        return Receipt(version=version, url=opened.url, data={"number": opened.number})

    return perform(
        step.ledger,
        step.attempt,
        step.fence,
        key=f"pull_request:{repository.name}:{draft.head}",
        version=version,
        kind="pull_request",
        target=f"{repository.name}:{draft.head}",
        lookup=lookup,
        act=act,
    )
