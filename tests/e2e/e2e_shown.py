"""Scenarios that the dashboard's pages are looked at with."""

from e2e_scenario import APPROVES, FOUND, Scenario, Session, answering, bug_fixed_by, edit
from e2e_stage import Stage

HOSTILE = "<img src=x onerror='window.owned = 1'><script>window.owned = 2</script><b>bold</b>"
THOUGHTS = {
    "investigate": "A sum that is a difference: I look at calc.py before I say anything.",
    "fix.implement_1": "Multiplying may be meant. <script>window.owned = 3</script>" + " I weigh it." * 60,
    "fix.review_1": "One line has changed, and it adds.",
}
"""Task to what its model thinks in the first turn; each is another agent's, and one is folded."""
FEEDBACK = "<b>Small</b> & plain."


def cached(session: Session, *, began_with: int) -> Session:
    """A session whose model reports what it read from its cache and wrote to it."""
    usage = [
        {
            "input_tokens": began_with + 700 * turn,
            "output_tokens": 90 + turn,
            "cache_read_tokens": 0 if turn == 0 else began_with + 700 * (turn - 1) - 150,
            "cache_write_tokens": began_with - 150 if turn == 0 else 650,
        }
        for turn in range(len(session))
    ]
    return [{**turn, "usage": told} for turn, told in zip(session, usage, strict=True)]


def wait_for_a_human(stage: Stage) -> None:
    stage.start().question()


def nothing_yet(stage: Stage) -> None:
    """Its run would keep one of Airflow's few workers busy: the test starts it."""


def wait_after_a_round(stage: Stage) -> None:
    stage.start("goal_loop", goal="Let it add.", max_rounds=4, human_review="each round").question()


WRONG, RIGHT = edit("a - b", "a * b + 1"), edit("a * b + 1", "a + b")
SHOWN = Scenario(
    "shown",
    wait_for_a_human,
    script={
        **bug_fixed_by(
            cached(
                [
                    {**WRONG[0], "text": HOSTILE, "reasoning": THOUGHTS["fix.implement_1"]},
                    *WRONG[1:],
                ],
                began_with=5_300,
            ),
            cached(RIGHT, began_with=4_100),
            review=[{**APPROVES[0], "reasoning": THOUGHTS["fix.review_1"]}],
        ),
        "investigate": [
            [
                {
                    "reasoning": THOUGHTS["investigate"],
                    "text": "Busy at first.",
                    "ops": [{"op": "read", "path": "calc.py"}],
                    "fail": [529],
                },
                {"text": "Once more.", "ops": [{"op": "read", "path": "calc.py"}]},
                {"ops": [{"op": "read", "path": "nowhere.py"}]},
                *FOUND,
            ]
        ],
    },
)
"""A model call, a tool and a check that failed, the same tool call twice, tokens from the cache, a second
round, an open question."""

LONG = Scenario("long", nothing_yet, script={"investigate": [[{"text": "At last.", "delay": 1200}]]})
"""A session that waits for its model until somebody stops it."""

STEERED = Scenario(
    "steered",
    wait_after_a_round,
    script={
        "r1.orchestrate": [
            answering(
                done=False,
                why="Try something.",
                tasks=[
                    {
                        "title": "Try",
                        "prompt": "Try.",
                        "files": ["calc.py"],
                        "acceptance": "It adds.",
                        "why": "-",
                    }
                ],
            )
        ],
        "r1.work.0": [WRONG],
    },
)
"""A loop that is under way."""
