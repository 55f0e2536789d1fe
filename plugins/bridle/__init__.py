"""Bridle: a harness for coding agents, as Airflow operators.

The names a DAG file imports; each is loaded on first use, so that parsing a DAG stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bridle import version

__version__ = version.VERSION

_PUBLIC = {
    "AgentSessionOperator": "bridle.operators.session",
    "BisectOperator": "bridle.operators.bisect",
    "CheckOperator": "bridle.operators.check",
    "CommentOperator": "bridle.operators.effects",
    "DoneWhenOperator": "bridle.operators.loop",
    "FetchIssueOperator": "bridle.operators.issue",
    "FinishSpecRunOperator": "bridle.operators.spec",
    "HumanApprovalSensor": "bridle.sensors.approval",
    "IntegrateOperator": "bridle.operators.loop",
    "LLMClassifyOperator": "bridle.operators.classify",
    "LabelOperator": "bridle.operators.effects",
    "LandTasksOperator": "bridle.operators.spec",
    "NextRoundOperator": "bridle.operators.loop",
    "OpenPullRequestOperator": "bridle.operators.effects",
    "PickTasksOperator": "bridle.operators.spec",
    "PublishSpecOperator": "bridle.operators.spec",
    "SpecTaskOperator": "bridle.operators.spec",
    "OrchestrateOperator": "bridle.operators.loop",
    "PublishGoalOperator": "bridle.operators.loop",
    "RoundReviewSensor": "bridle.sensors.round_review",
    "SetBudgetOperator": "bridle.operators.budget",
    "SweepOperator": "bridle.operators.sweep",
    "WatchIssuesOperator": "bridle.operators.watch",
    "implement_until_reviewed": "bridle.rounds",
}

__all__ = [
    "AgentSessionOperator",
    "BisectOperator",
    "CheckOperator",
    "CommentOperator",
    "DoneWhenOperator",
    "FetchIssueOperator",
    "FinishSpecRunOperator",
    "HumanApprovalSensor",
    "IntegrateOperator",
    "LLMClassifyOperator",
    "LabelOperator",
    "LandTasksOperator",
    "NextRoundOperator",
    "OpenPullRequestOperator",
    "OrchestrateOperator",
    "PickTasksOperator",
    "PublishGoalOperator",
    "PublishSpecOperator",
    "RoundReviewSensor",
    "SetBudgetOperator",
    "SpecTaskOperator",
    "SweepOperator",
    "WatchIssuesOperator",
    "implement_until_reviewed",
]

if TYPE_CHECKING:
    from bridle.operators.bisect import BisectOperator
    from bridle.operators.budget import SetBudgetOperator
    from bridle.operators.check import CheckOperator
    from bridle.operators.classify import LLMClassifyOperator
    from bridle.operators.effects import CommentOperator, LabelOperator, OpenPullRequestOperator
    from bridle.operators.issue import FetchIssueOperator
    from bridle.operators.loop import (
        DoneWhenOperator,
        IntegrateOperator,
        NextRoundOperator,
        OrchestrateOperator,
        PublishGoalOperator,
    )
    from bridle.operators.session import AgentSessionOperator
    from bridle.operators.spec import (
        FinishSpecRunOperator,
        LandTasksOperator,
        PickTasksOperator,
        PublishSpecOperator,
        SpecTaskOperator,
    )
    from bridle.operators.sweep import SweepOperator
    from bridle.operators.watch import WatchIssuesOperator
    from bridle.rounds import implement_until_reviewed
    from bridle.sensors.approval import HumanApprovalSensor
    from bridle.sensors.round_review import RoundReviewSensor


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'bridle' has no attribute {name!r}")
