"""A run that was recorded, run again without a model."""

import pytest
from e2e_run import Run
from e2e_scenario import Scenario, answering
from e2e_stage import Stage

from bridle.config.recordings import FOLDER, recording_of

pytestmark = pytest.mark.timeout(600)


def record_and_replay(stage: Stage) -> None:
    recorded = stage.start(bridle={"record": True})
    assert recorded.ended() == "success", recorded.failures()
    for answer in (stage.folder / "issues" / "1").glob("*.md"):
        if answer.stem != "labels":  # the world must be as it was: nobody has answered yet
            answer.unlink()
    kept = stage.home / FOLDER
    name = recording_of(kept, recorded.dag_id, recorded.run_id).relative_to(kept)
    replayed = stage.start(bridle={"replay": str(name)})
    assert replayed.ended() == "success", replayed.failures()


RECORDED = Scenario(
    "recorded",
    record_and_replay,
    script={"answer": [answering(answer="It subtracts; see `calc.py`.")]},
    issue={"labels": ["question"]},
)


@pytest.mark.parametrize("stage", [RECORDED], indirect=True)
def test_a_recorded_run_is_replayed_with_the_same_books_and_no_model(stage: Stage) -> None:
    recorded, replayed = stage.runs

    def books(run: Run) -> list[object]:
        calls = [call for session in run.sessions() for call in stage.ledger.calls(session.id)]
        return [(call.model, call.status, call.usage, call.price) for call in calls]

    assert books(replayed) == books(recorded) != []
    assert [row.result for row in replayed.sessions()] == [row.result for row in recorded.sessions()]
    # the scripted model was asked for the first run only
    assert stage.counted()["answer"].calls == len(books(recorded))
