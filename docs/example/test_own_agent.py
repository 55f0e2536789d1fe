"""An agent of one's own, from its wheel to its answer; only the model is played."""

import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

from bridle import agents
from bridle.agents.base import Event, Outcome, SessionSpec
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Place, Upstream


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's package, as pip would lay it down."""
    monkeypatch.chdir(Path(__file__).parent / "agent")
    wheel = build_wheel(str(tmp_path))
    zipfile.ZipFile(tmp_path / wheel).extractall(tmp_path / "site-packages")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")


@pytest.mark.usefixtures("installed")
def test_an_agent_of_another_package_answers_through_the_gateway(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("ask: [[{text: It subtracts.}]]")
    upstream = Upstream.scripted("openai:gpt-5-mini", script, Place("ask"))
    meter, events = MemoryMeter(), list[Event]()

    agent = agents.get("one-question")()
    with Gateway(upstream=upstream, meter=meter) as gateway:
        spec = SessionSpec(
            session_id="1",
            agent=agent.name,
            prompt="What is wrong with add()?",
            workdir=tmp_path,
            home=tmp_path,
            access="none",
            model="gpt-5-mini",
            dialect=agent.supports.dialects[0],
            gateway_url=gateway.url,
            gateway_token=gateway.token,
        )
        result = agent.run(spec, events.append)

    assert (result.outcome, result.summary) == (Outcome.DONE, "It subtracts.")
    assert [event.kind for event in events] == ["started", "text"]
    assert len(meter.settled) == 1


def test_without_its_package_an_agent_is_not_known() -> None:
    with pytest.raises(
        agents.ConfigError, match=r"'one-question' does not exist; roles.yaml can name: api, "
    ):
        agents.get("one-question")
