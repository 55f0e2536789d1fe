"""The scripted model, spoken to over HTTP by the unmodified SDKs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_helpers import PATIENT, post

from bridle.testing.model_server import ModelServer

SCRIPT = """
implement:
  - - text: Reading it.
      ops: [{op: read, path: a.py}]
      usage: {input_tokens: 100, output_tokens: 20, cache_read_tokens: 60, cache_write_tokens: 10}
    - text: It is fixed, and this sentence is long enough for more than one piece of a stream.
  - - text: second round
patch:
  - - ops: [{op: write, path: n, content: x}]
classify:
  - - output: {label: bug}
flaky:
  - - text: at last
      fail: [429, 529]
      retry_after: 0.01
cut:
  - - {text: never whole, cut: true}
hang:
  - - {text: never, hang: true}
stall:
  - - {text: never whole, stall: true}
think:
  - - {reasoning: "Hm. I had better look at it twice before I say it.", text: So it is.}
"""
READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}}}
SAY_HI: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    script = tmp_path_factory.mktemp("model") / "script.yaml"
    script.write_text(SCRIPT)
    with ModelServer(script) as running:
        yield running


def at(place: str) -> dict[str, str]:
    return {"x-bridle-script": place, "x-bridle-workdir": "/tree"}


def anthropic_client(server: ModelServer, place: str, retries: int = 0) -> Any:
    import anthropic

    return anthropic.Anthropic(
        base_url=server.url, api_key="k", max_retries=retries, default_headers=at(place), timeout=PATIENT
    )


def openai_client(server: ModelServer, place: str) -> Any:
    import openai

    return openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="k", max_retries=0, default_headers=at(place), timeout=PATIENT
    )


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_sdk_plays_two_turns_with_a_tool(server: ModelServer, stream: bool) -> None:
    messages = anthropic_client(server, "implement/1").messages

    def ask(history: Any) -> Any:
        asked: Any = {"model": "m", "max_tokens": 99, "messages": history, "tools": [READ]}
        if not stream:
            return messages.create(**asked)
        with messages.stream(**asked) as events:
            return events.get_final_message()

    first = ask(SAY_HI)
    assert [block.type for block in first.content] == ["text", "tool_use"]
    assert first.content[1].input == {"file_path": "/tree/a.py"}
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens) == (30, 60)
    assert first.usage.output_tokens == 20
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "x"}
    second = ask(
        [*SAY_HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    )
    assert second.content[0].text.endswith("piece of a stream.")
    assert second.stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True])
def test_openai_sdk_gets_text_tool_calls_and_usage(server: ModelServer, stream: bool) -> None:
    completions = openai_client(server, "implement/1").chat.completions
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}}
    asked: Any = {"model": "m", "messages": SAY_HI}
    asked["tools"] = [{"type": "function", "function": {"name": "read", "parameters": parameters}}]
    if stream:
        with completions.stream(**asked, stream_options={"include_usage": True}) as events:
            answer = events.get_final_completion()
    else:
        answer = completions.create(**asked)
    message = answer.choices[0].message
    assert message.content == "Reading it."
    assert message.tool_calls[0].function.arguments == '{"path": "a.py"}'
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (100, 60)


@pytest.mark.parametrize("stream", [False, True])
def test_openai_sdk_gets_the_newer_dialects_items_and_usage(server: ModelServer, stream: bool) -> None:
    responses = openai_client(server, "implement/1").responses
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}}
    read = {"type": "function", "name": "read", "parameters": parameters}

    def ask(history: Any) -> Any:
        asked: Any = {"model": "m", "input": history, "tools": [read], "store": False}
        if not stream:
            return responses.create(**asked)
        with responses.stream(**asked) as events:
            return events.get_final_response()

    first = ask(SAY_HI)
    assert first.output_text == "Reading it."
    call = first.output[1]
    assert (call.name, call.arguments) == ("read", '{"path": "a.py"}')
    assert (first.usage.input_tokens, first.usage.input_tokens_details.cached_tokens) == (100, 60)
    said = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    done = {"type": "function_call_output", "call_id": call.call_id, "output": "x"}
    second = ask([*SAY_HI, *said, done])
    assert second.output_text.endswith("piece of a stream.")
    assert second.status == "completed"


@pytest.mark.parametrize("stream", [False, True])
def test_what_it_thinks_comes_before_what_it_says_in_each_dialect(server: ModelServer, stream: bool) -> None:
    thought = "Hm. I had better look at it twice before I say it."
    asked: Any = {"model": "m", "messages": SAY_HI}

    messages = anthropic_client(server, "think/1").messages
    if stream:
        with messages.stream(**asked, max_tokens=99) as events:
            message = events.get_final_message()
    else:
        message = messages.create(**asked, max_tokens=99)
    thinking, said = message.content
    assert (thinking.type, thinking.thinking, said.text) == ("thinking", thought, "So it is.")
    assert len(thinking.signature) > 100

    openai = openai_client(server, "think/1")
    if stream:
        chunks = list(openai.chat.completions.create(**asked, stream=True))
        deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks]
        assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == thought
    else:
        answer = openai.chat.completions.create(**asked)
        assert answer.choices[0].message.reasoning_content == thought
        assert answer.usage.completion_tokens_details.reasoning_tokens == 13

    responses: Any = {"model": "m", "input": SAY_HI, "store": False}
    if stream:
        with openai.responses.stream(**responses) as events:
            response = events.get_final_response()
    else:
        response = openai.responses.create(**responses)
    item, _ = response.output
    assert (item.type, item.summary[0].text, response.output_text) == ("reasoning", thought, "So it is.")


def test_a_tool_of_its_own_grammar_is_called_with_a_text(server: ModelServer) -> None:
    tool: Any = {"type": "custom", "name": "apply_patch"}
    with openai_client(server, "patch/1").responses.stream(
        model="m", input=SAY_HI, tools=[tool], store=False
    ) as events:
        (call,) = events.get_final_response().output
    assert (call.type, call.name) == ("custom_tool_call", "apply_patch")
    assert call.input == "*** Begin Patch\n*** Add File: n\n+x\n*** End Patch\n"


def test_a_structured_answer_uses_the_final_tool_or_plain_json(server: ModelServer) -> None:
    client = anthropic_client(server, "classify/1")
    tool = {"name": "StructuredOutput", "input_schema": {"type": "object"}}
    by_tool = client.messages.create(model="m", max_tokens=9, messages=SAY_HI, tools=[tool])
    assert (by_tool.content[0].name, by_tool.content[0].input) == ("StructuredOutput", {"label": "bug"})
    plain = client.messages.create(model="m", max_tokens=9, messages=SAY_HI)
    assert plain.content[0].text == '{"label": "bug"}'


def test_faults_come_one_for_each_attempt_and_the_sdk_retries_through_them(server: ModelServer) -> None:
    answer = anthropic_client(server, "flaky/1", retries=2).messages.create(
        model="m", max_tokens=9, messages=SAY_HI
    )
    assert answer.content[0].text == "at last"
    assert [line["status"] for line in server.requests() if line.get("task") == "flaky"] == [429, 529, 200]


@pytest.mark.parametrize(
    ("place", "broken", "silence"),
    [
        ("cut/1", httpx.RemoteProtocolError, PATIENT),
        ("stall/1", httpx.ReadTimeout, 0.5),
        ("hang/1", httpx.ReadTimeout, 0.5),
    ],
)
def test_broken_answers_break_at_the_client(
    server: ModelServer, place: str, broken: type[Exception], silence: float
) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": SAY_HI, "stream": True}
    patience = httpx.Timeout(PATIENT, read=silence)
    with pytest.raises(broken):
        post(f"{server.url}/v1/messages", json=body, headers=at(place), timeout=patience)


@pytest.mark.parametrize(
    ("headers", "turns", "said"),
    [
        (at("review/1"), 0, "script: no task 'review'; the script has: implement, patch"),
        (at("implement/2"), 1, "script: task implement, round 2 has 1 turns; turn 2 was asked for"),
        ({}, 0, "script: the request has no x-bridle-script header"),
        (at("implement/1"), 0, "script: no tool for op `read`; the request offers: none"),
    ],
)
def test_what_the_script_does_not_have_is_a_400_that_says_so(
    server: ModelServer, headers: dict[str, str], turns: int, said: str
) -> None:
    history = SAY_HI + [{"role": "assistant", "content": "x"}] * turns
    for path in ("/v1/messages", "/v1/chat/completions", "/v1/responses"):
        body = {"model": "m", "messages": history, "input": history}
        answer = post(server.url + path, json=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(said)


def test_the_journal_counts_requests_and_tokens_by_itself(server: ModelServer) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": SAY_HI}
    answer = post(f"{server.url}/v1/messages", json=body, headers=at("implement/2"))
    line = [line for line in server.requests() if line.get("round") == 2][-1]
    assert line["request_bytes"] == len(answer.request.content)
    assert line["headers"]["x-bridle-workdir"] == "/tree"
    reported = answer.json()["usage"]
    assert (line["usage"]["input_tokens"], line["usage"]["output_tokens"]) == (
        reported["input_tokens"],
        reported["output_tokens"],
    )


def test_a_script_with_a_mistake_does_not_start_and_names_the_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("a:\n  - - wrong: 1\n")
    with pytest.raises(RuntimeError), ModelServer(script):
        pass
    assert f"{script}:2: a.0.0.wrong" in capfd.readouterr().err
