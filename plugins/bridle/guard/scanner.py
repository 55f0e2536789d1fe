"""Finds what looks like a secret in any text, in time that grows with its length and nothing else.

The token shapes are detect-secrets' own. Three of its detectors are restated with bounds, because text here
comes from agents and their patterns take quadratic time on a hostile line; its entropy detectors are left
out, because they take every commit for a secret.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_DETECTORS = (
    "aws:AWSKeyDetector",
    "azure_storage_key:AzureStorageKeyDetector",
    "discord:DiscordBotTokenDetector",
    "github_token:GitHubTokenDetector",
    "gitlab_token:GitLabTokenDetector",
    "mailchimp:MailchimpDetector",
    "pypi_token:PypiTokenDetector",
    "sendgrid:SendGridDetector",
    "slack:SlackDetector",
    "square_oauth:SquareOAuthDetector",
    "stripe:StripeDetector",
    "telegram_token:TelegramBotTokenDetector",
    "twilio:TwilioKeyDetector",
)
# a JSON-escaped newline or tab puts a letter before the token
_EDGE = r"(?:(?<![A-Za-z0-9_=-])|(?<=\\n)|(?<=\\t))"
_SHAPES = {
    "private key": re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!-)){0,16384}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:[A-Za-z0-9+/=\s]|\\[rn]){0,16384})"
    ),
    "JSON web token": re.compile(_EDGE + r"eyJ[\w=-]{8,4096}\.[\w=-]{8,8192}(?:\.[\w.+/=-]{0,4096})?"),
    "model key": re.compile(_EDGE + r"sk-(?=[\w-]{0,200}\d)[\w-]{20,200}"),
    "GitHub token": re.compile(r"github_pat_\w{22,255}"),
    "password in a URL": re.compile(r"://[^\s:/@{}'\"]{1,256}:(?P<secret>[^\s:/@{}'\"]{3,256})@"),
    "npm token": re.compile(r":_authToken=\s{0,4}(?P<secret>[^\s\"']{8,256})|npm_[A-Za-z0-9]{36}"),
    "bearer": re.compile(
        r"\b(?:Bearer|Basic|token)[ \t]{1,4}(?P<secret>(?=[\w.~+/-]{0,512}\d)[\w.~+/-]{16,512}=*)",
        re.IGNORECASE,
    ),
}


class Hit(NamedTuple):
    """One place that looks like a secret."""

    start: int
    end: int
    kind: str


def find_secrets(text: str) -> list[Hit]:
    """Every suspicious stretch of a text, in order, without overlaps."""
    hits: list[Hit] = []
    for hit in sorted(_all(text), key=lambda hit: (hit.start, -hit.end)):
        if not hits or hit.start >= hits[-1].end:
            hits.append(hit)
        elif hit.end > hits[-1].end:
            hits[-1] = hits[-1]._replace(end=hit.end)
    return hits


def _all(text: str) -> Iterator[Hit]:
    for kind, pattern in (*_library_shapes(), *_SHAPES.items()):
        for match in pattern.finditer(text):
            group = "secret" if match.re.groupindex and match.group("secret") else 0
            yield Hit(*match.span(group), kind)
    for pattern in _assignments():
        for match in pattern.finditer(text):
            if _is_a_value(match.group("secret")):
                yield Hit(*match.span("secret"), "password or key")


@lru_cache(maxsize=1)
def _library_shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    from importlib import import_module

    found = []
    for name in _DETECTORS:
        module, _, detector = name.partition(":")
        cls = getattr(import_module(f"detect_secrets.plugins.{module}"), detector)
        found += [(str(cls.secret_type), pattern) for pattern in cls.denylist]
    return tuple(found)


@lru_cache(maxsize=1)
def _assignments() -> tuple[re.Pattern[str], ...]:
    from detect_secrets.plugins.keyword import DENYLIST

    words = "|".join(DENYLIST)
    quote = r"\\{0,3}[\"'`]"
    return (
        re.compile(
            rf"(?:{words}|access_?token|auth_?token)\w{{0,40}}(?:{quote})?\]?\s{{0,4}}(?:=>|:=|!==?|={{1,3}}|:)"
            rf"\s{{0,4}}{quote}(?P<secret>[^\s\"'`\\]{{6,512}}){quote}",
            re.IGNORECASE,
        ),
        re.compile(
            r"\b[A-Z0-9_]{0,60}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)(?:_[A-Z0-9_]{0,40})?="
            r"(?P<secret>[^\s\"'`\\]{6,512})"
        ),
    )


def _is_a_value(secret: str) -> bool:
    from detect_secrets.filters.heuristic import (
        is_not_alphanumeric_string,
        is_prefixed_with_dollar_sign,
        is_templated_secret,
    )

    return not (
        is_templated_secret(secret)
        or is_prefixed_with_dollar_sign(secret)
        or is_not_alphanumeric_string(secret)
    )
