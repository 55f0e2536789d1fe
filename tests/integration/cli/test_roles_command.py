"""`bridle roles`: who plays which part, at which price, and whether the keys are there."""

import json
from pathlib import Path

from typer.testing import CliRunner

from bridle.cli import app

ROLES = """
roles:
  reader:
    agent: api
    model: anthropic:claude-haiku-4-5
    fallback: [openrouter:anthropic/claude-haiku-4.5]
  private: {agent: api, model: "company:big", pool: night}
pools: {night: 2}
providers:
  company:
    base_url: http://127.0.0.1:1
    dialects: [openai-chat]
    prices: {big: {input_mtok: 2, output_mtok: 8}}
"""


def test_each_model_is_shown_with_its_price_its_limits_and_its_key(tmp_path: Path) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text(ROLES)
    env = {
        "AIRFLOW__BRIDLE__ROLES_FILE": str(path),
        "AIRFLOW_CONN_BRIDLE_ANTHROPIC": '{"conn_type": "bridle_model", "password": "not-a-key"}',
    }
    words = ["roles", "--state", str(tmp_path)]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"], env=env).stdout)
    assert (told["file"], told["pools"]) == (str(path), {"night": 2})
    reader, fallback, private = told["roles"]
    assert reader["rates"] == {"input": "1.000", "output": "5.000", "cache_read": "0.1000"}
    assert (reader["connection"], reader["connection_found"]) == ("bridle_anthropic", True)
    assert (fallback["fallback"], fallback["connection_found"]) == (True, False)
    assert (private["pool"], float(private["rates"]["output"])) == ("night", 8)
    shown = CliRunner().invoke(app, words, env=env)
    assert "no connection bridle_openrouter" in shown.stderr
    assert "40 turns, 30 min" in shown.stdout
