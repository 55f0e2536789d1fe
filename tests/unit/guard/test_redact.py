"""What the redactor takes out, and what it leaves alone."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from bridle.guard.redact import MARK, Redactor

SECRET = 'p@ss/w"ord+é 42'


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda s: quote(s, safe=""),
        quote,
        quote_plus,
        json.dumps,
        lambda s: json.dumps(s, ensure_ascii=False),
        lambda s: json.dumps(json.dumps({"x": s})),
        lambda s: s.encode().hex(),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: base64.b64encode(f"user:{s}".encode()).decode(),
        lambda s: base64.b64encode(f"{s}, and more".encode()).decode(),
        lambda s: base64.b64encode(f"ab{s}cd".encode()).decode(),
    ],
)
def test_a_known_secret_goes_in_every_encoding(spell):
    spelled = spell(SECRET)
    clean = Redactor([SECRET]).text(f"before {spelled} after")
    assert MARK in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    middle = base64.b64encode(SECRET.encode()).decode()[4:-4]
    for rest in (SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), middle, middle.replace("+", "-")):
        assert rest not in clean


def test_every_line_of_a_known_key_goes_by_itself():
    key = "-----BEGIN KEY-----\n" + "Q" * 64 + "\n" + "R" * 64 + "\n-----END KEY-----"
    assert Redactor([key]).text(f"> {'R' * 64}") == f"> {MARK}"


def test_a_secret_that_contains_another_goes_whole():
    assert Redactor(["abcde", "abcdefgh"]).text("abcdefgh abcde") == f"{MARK} {MARK}"


def test_a_secret_too_short_to_tell_from_words_is_left_out():
    redactor = Redactor(["abc", "", "   "])
    assert redactor.text("abc abc") == "abc abc"


def test_a_secret_added_later_counts():
    redactor = Redactor()
    redactor.add("later-secret")
    assert redactor.text("later-secret") == MARK


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9),
        ("github_pat_" + "a1B2" * 10, "github_pat_"),
        ("glpat-" + "a1B2" * 5, "a1B2a1B2"),
        ("ANTHROPIC sk-ant-api03-" + "aB3-" * 12, "sk-ant"),
        ("sk-or-v1-" + "0123456789abcdef" * 4, "sk-or"),
        ("sk-proj-" + "aB3d" * 12, "sk-proj"),
        ("xoxb-1234567890-abcdefghij", "xoxb"),
        ("sk_live_" + "a1B2" * 6, "sk_live"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "eyJ"),
        ("postgresql://user:hunter2@db/x", "hunter2"),
        ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
        ('password = "hunter2-long"', "hunter2-long"),
        ("password: 'hunter2-long'", "hunter2-long"),
        ('{"api_key": "0f8e7d6c5b4a"}', "0f8e7d6c5b4a"),
        (r"{\"client_secret\": \"0f8e7d6c5b4a\"}", "0f8e7d6c5b4a"),
        ("OPENAI_API_KEY=0f8e7d6c5b4a", "0f8e7d6c5b4a"),
        ("export DB_PASSWORD=hunter2long", "hunter2long"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\\nMIIEow\\nAAAA\\n-----END PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENC\n\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r", "b3BlbnNzaC1r"),
        (r"first\neyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3", "eyJhbGci"),
    ],
)
def test_what_looks_like_a_secret_goes(text, secret):
    clean = Redactor().text(text)
    assert secret not in clean
    assert MARK in clean
    assert Redactor().text(clean) == clean, "doing it twice changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "commit e3b0c44298fc1c149afbf4c8996fb92427ae41e4 and sha256:" + "ab" * 32,
        "password = os.environ['PASSWORD']",
        'password = "${PASSWORD}"',
        'MAX_TOKENS=4096 "input_tokens": 1200',
        "id 0190a5e2-7c1f-7abc-8def-0123456789ab",
        "def token(self, secret: str) -> str:",
        "https://example.org:8080/a/b@c",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    ],
)
def test_ordinary_text_stays(text):
    assert Redactor().text(text) == text


def test_plain_data_is_redacted_inside_out():
    redactor = Redactor(["known-secret"])
    value = {"a": ["known-secret", 1, None, True], "known-secret": {"deep": ("x known-secret",)}}
    assert redactor.value(value) == {"a": [MARK, 1, None, True], MARK: {"deep": [f"x {MARK}"]}}


def test_a_value_is_judged_together_with_its_key():
    assert Redactor().value({"password": "hunter2-long", "name": "hunter2-long"}) == {
        "password": MARK,
        "name": "hunter2-long",
    }


def test_the_redactor_shows_none_of_what_it_knows():
    assert "known-secret" not in repr(Redactor(["known-secret"]))


@pytest.mark.parametrize(
    "hostile",
    [
        "eyJ" * 333_333,
        "sk-" * 333_333,
        "://a:" * 200_000,
        'password="' * 100_000,
        "-----BEGIN PRIVATE KEY-----" * 37_000,
        "aws" * 333_333,
        "def f(x):\n    return x + 1  # nothing to see\n" * 22_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_megabyte_takes_seconds_at_most_whatever_it_is(hostile):
    redactor = Redactor([f"known-secret-number-{number}" for number in range(5)])
    redactor.text("warm up")
    start = time.process_time()
    redactor.text(hostile)
    assert time.process_time() - start < 20  # each needs less than one
