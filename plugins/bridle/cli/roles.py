"""`bridle roles`."""

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bridle.agents.base import Limits
from bridle.cli.console import say, show
from bridle.cli.stack import DEFAULT_STATE, AsJson, State
from bridle.errors import CredentialError

if TYPE_CHECKING:
    from bridle.config.providers import ProviderSettings
    from bridle.config.roles import Role, Roles
    from bridle.gateway.price_list import Rates


def roles(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show who plays which part: agent, models and their prices, limits, whether their keys are there."""
    from bridle.config.roles import roles_file
    from bridle.doctor.patient import patient_in

    with patient_in(state) as patient:
        found = patient.roles
        rows = _rows(found)
        path = roles_file(patient.settings, beside=patient.dags)
    if as_json:
        show({"file": str(path), "pools": found.all_pools(), "roles": [row.plain() for row in rows]})
        return
    _print(rows)
    say(f"from {path}; US dollars for a million tokens (input, output, input read from cache)")
    for name in sorted({row.connection for row in rows if not row.connection_found}):
        given = """'{"conn_type": "bridle_model", "password": "KEY"}'"""
        say(
            f"there is no connection {name}: export AIRFLOW_CONN_{name.upper()}={given}, or add it in Airflow"
        )


@dataclass(frozen=True)
class _Row:
    """One model of one role: its own, or one to fall back on."""

    role: str
    fallback: bool
    agent: str
    model: str
    effort: str | None
    tools: tuple[str, ...]
    limits: Limits
    pool: str | None
    escalate_to: str | None
    rates: "Rates | None"
    connection: str
    connection_found: bool
    """Or none is needed."""

    def plain(self) -> dict[str, Any]:
        rates = asdict(self.rates) if self.rates else None
        return {**vars(self), "limits": self.limits.model_dump(), "rates": rates}


def _rows(found: "Roles") -> list[_Row]:
    from bridle.gateway.price_list import PriceList

    prices = PriceList(found.providers)
    return [
        _row(found, name, role, model, prices.rates(model))
        for name, role in found.roles.items()
        for model in (role.model, *role.fallback)
    ]


def _row(found: "Roles", name: str, role: "Role", model: str, rates: "Rates | None") -> _Row:
    from bridle.config.providers import UNSAID

    provider = model.partition(":")[0]
    settings = found.providers.get(provider, UNSAID)
    own = role.connection if model == role.model else None
    return _Row(
        role=name,
        fallback=model != role.model,
        agent=role.agent,
        model=model,
        effort=role.effort,
        tools=role.tools,
        limits=role.limits,
        pool=role.pool,
        escalate_to=role.escalate_to,
        rates=rates,
        connection=own or settings.connection or f"bridle_{provider}",
        connection_found=_exists(model, own, settings),
    )


def _exists(model: str, connection: str | None, settings: "ProviderSettings") -> bool:
    from bridle.gateway.providers import resolve

    try:
        resolve(model, connection, settings)
    except CredentialError:
        return False
    return True


def _print(rows: list[_Row]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("role", "agent", "model", "in", "out", "cached", "limits", "pool", "key"):
        table.add_column(name, overflow="fold", no_wrap=name in ("in", "out", "cached"))
    for row in rows:
        rates = row.rates
        prices = (rates.input, rates.output, rates.cache_read) if rates else ("unknown",) * 3
        table.add_row(
            "" if row.fallback else row.role,
            "else" if row.fallback else row.agent,
            row.model,
            *(str(price) if isinstance(price, str) else f"{price.normalize():f}" for price in prices),
            "" if row.fallback else _limits(row.limits),
            "" if row.fallback else row.pool or "",
            "there" if row.connection_found else "missing",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _limits(limits: Limits) -> str:
    told = [
        "" if limits.cost_usd is None else f"${limits.cost_usd:g}",
        "" if limits.tokens is None else f"{limits.tokens:,} tokens",
        f"{limits.turns} turns",
        f"{limits.minutes:g} min",
    ]
    return ", ".join(part for part in told if part)
