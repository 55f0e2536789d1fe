"""Writes those parts of docs/*.md that repeat what the code says: `make docs`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; a test fails when one is out of date.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import typer
import yaml
from pydantic import BaseModel

import bridle
from bridle import agents
from bridle.agents.base import Limits
from bridle.cli import app
from bridle.config.providers import KEYLESS, KNOWN, ModelPrice, ProviderSettings
from bridle.config.repositories import PatchLimits, Repository
from bridle.config.roles import Role, Roles
from bridle.config.starter import starter_dir
from bridle.gateway.script import document as script
from bridle.harness.result import StepResult
from bridle.operators.retry import BridleRetryPolicy
from bridle.provider_info import get_provider_info

DOCS = Path(__file__).parent
TEMPLATED = re.compile(r" ?Templated[;.](?: (\w)|$)")
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Doc:
    """A docstring in its pieces."""

    text: str
    """Everything outside `Args:` and `Raises:`."""
    arguments: dict[str, str]

    @classmethod
    def of(cls, thing: object) -> "Doc":
        """Read the docstring of a class or function."""
        text: list[str] = []
        arguments: dict[str, str] = {}
        section, name = "", ""
        for line in (inspect.getdoc(thing) or "").splitlines():
            if line in ("Args:", "Raises:"):
                section = line
            elif section and line and not line.startswith(" "):
                section = ""
                text.append(line)
            elif section == "Args:" and (found := re.match(r" {4}(\w+): (.*)", line)):
                name = found[1]
                arguments[name] = found[2]
            elif section == "Args:" and line:
                arguments[name] += f" {line.strip()}"
            elif not section:
                text.append(line)
        return cls("\n".join(text).strip(), arguments)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    cells = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells) + "\n"
    )


def default_of(parameter: inspect.Parameter) -> str:
    """How a parameter's default is shown."""
    return "required" if parameter.default is parameter.empty else f"`{shown(parameter.default)}`"


def shown(value: object) -> str:
    """A default, as one would write it."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}()"
    return repr(value)


def arguments(thing: Any) -> str:
    """The table of arguments of an operator or function.

    Raises:
        SystemExit: the docstring and the code do not say the same.
    """
    signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    told = Doc.of(thing).arguments
    own = [name for name in signature.parameters if name not in ("self", "kwargs")]
    if set(own) != set(told):
        raise SystemExit(f"{thing.__name__}: its docstring explains {sorted(told)}, it takes {sorted(own)}")
    templated = {name for name, text in told.items() if TEMPLATED.search(text)}
    if inspect.isclass(thing) and templated != set(own) & set(thing.template_fields):
        raise SystemExit(f"{thing.__name__}: its docstring calls {sorted(templated)} templated")
    rows = [
        (
            f"`{name}`",
            default_of(signature.parameters[name]),
            "yes" if name in templated else "",
            TEMPLATED.sub(lambda found: f" {(found[1] or '').upper()}", told[name]).strip(),
        )
        for name in own
    ]
    return (
        table(("argument", "default", "templated", "meaning"), rows) if rows else "No arguments of its own.\n"
    )


def operators() -> str:
    """Every public name, with its docstring and its arguments."""
    return "\n".join(
        f"## {name}\n\n{Doc.of(getattr(bridle, name)).text}\n\n{arguments(getattr(bridle, name))}"
        for name in bridle.__all__
    )


def fields(model: type[BaseModel], *, skip: tuple[str, ...] = ()) -> str:
    """The table of a model's fields, with the docstring under each."""
    told = dict(_attribute_docs(model))
    rows = []
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        default = (
            "required" if field.is_required() else f"`{shown(field.get_default(call_default_factory=True))}`"
        )
        rows.append((f"`{name}`", default, told.get(name, field.description or "")))
    return table(("field", "default", "meaning"), rows)


def _attribute_docs(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
        ):
            yield field.target.id, " ".join(ast.literal_eval(after.value).split())


def settings() -> str:
    """Bridle's section of the Airflow configuration."""
    options = get_provider_info()["config"]["bridle"]["options"]
    rows = [
        (
            f"`{name}`",
            f"`AIRFLOW__BRIDLE__{name.upper()}`",
            f"`{option['default']}`" if option["default"] else "",
            option["description"],
        )
        for name, option in options.items()
    ]
    return table(("option", "variable", "default", "meaning"), rows)


def operations() -> str:
    """What a scripted model can do in a turn."""
    rows = [
        (
            f"`{kind.model_fields['op'].annotation.__args__[0]}`",
            ", ".join(f"`{name}`" for name in kind.model_fields if name != "op"),
            Doc.of(kind).text,
        )
        for kind in (script.Read, script.Search, script.Edit, script.Write, script.Shell)
    ]
    return table(("`op`", "fields", "meaning"), rows)


def supported() -> str:
    """What each agent says that it can do; the conformance tests try it."""
    every = {name: agents.get(name).supports for name in sorted(agents.AGENTS)}
    rows = {
        "dialects": lambda it: ", ".join(it.dialects),
        "access": lambda it: ", ".join(it.access),
        "`effort` of a role": lambda it: ", ".join(it.efforts) or "no",
        "`tools` of a role": lambda it: "yes" if it.tools else "no",
        "structured output": lambda it: "yes" if it.output else "no",
        "goes on after a kill, on another host": lambda it: "yes" if it.resume else "no",
    }
    head = ("", *(f"`{name}`" for name in every))
    return table(head, [(what, *map(say, every.values())) for what, say in rows.items()])


def source(name: str, language: str) -> str:
    """A file of the example, as a block of code."""
    text = (DOCS / "example" / name).read_text(encoding="utf-8")
    return f"`{name}`\n\n```{language}\n{text}```\n"


def known_providers() -> str:
    """Every provider that is known by its name."""
    rows = [
        (
            f"`{name}`",
            "usually not" if name in KEYLESS else "yes",
            "<br>".join(f"`{d}` at {base}" for d, base in bases.items()),
        )
        for name, bases in KNOWN.items()
    ]
    return table(("provider", "key", "speaks"), rows)


def errors() -> str:
    """What each mistake is answered with, as the tests saw it."""
    seen = yaml.safe_load((DOCS / "errors.yaml").read_text(encoding="utf-8"))
    rows = [
        (entry["mistake"], f"`{entry['error']}`: {_code(entry['message'])}", entry["airflow"])
        for entry in sorted(seen.values(), key=lambda entry: entry["mistake"])
    ]
    return table(("mistake", "what is said", "the task"), rows)


def _code(text: str) -> str:
    """Text in which nothing is Markdown."""
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if fence == "``" else f"`{text}`"


def shipped_roles() -> str:
    """Who plays which part out of the box."""
    roles = Roles.read(starter_dir() / "include" / "roles.yaml").roles
    rows = [
        (
            f"`{name}`",
            f"`{role.agent}`",
            "<br>else ".join(f"`{model}`" for model in (role.model, *role.fallback)),
        )
        for name, role in roles.items()
    ]
    return table(("role", "agent", "model"), rows)


def retry_policy() -> str:
    """The table of the retry policy's docstring."""
    lines = Doc.of(BridleRetryPolicy).text.splitlines()
    return "\n".join(line for line in lines if line.startswith("|")) + "\n"


def commands() -> str:
    """Every command of `bridle` with its options, as its `--help` says."""
    return "".join(_commands(typer.main.get_command(app), "bridle"))


def _commands(command: Any, name: str) -> Iterator[str]:
    if nested := getattr(command, "commands", None):
        for each in sorted(nested):
            yield from _commands(nested[each], f"{name} {each}")
        return
    given = [each for each in command.params if each.name not in ("state", "help")]
    words = [str(each.name) for each in given if each.param_type_name == "argument"]
    yield f"### `{' '.join([name, *words])}`\n\n{(command.help or '').strip()}\n\n"
    rows = [
        (" ".join(f"`{option}`" for option in [*each.opts, *each.secondary_opts]), each.help or "")
        for each in given
    ]
    if rows:
        yield table(("option", "meaning"), rows) + "\n"


PARTS = {
    "commands": commands,
    "shipped-roles": shipped_roles,
    "retry-policy": retry_policy,
    "errors": errors,
    "example-dag": lambda: source("dags/fix_it.py", "python"),
    "example-script": lambda: source("script.yaml", "yaml"),
    "example-test": lambda: source("test_fix_it.py", "python"),
    "example-agent": lambda: source("agent/one_question.py", "python"),
    "example-agent-project": lambda: source("agent/pyproject.toml", "toml"),
    "example-agent-test": lambda: source("test_own_agent.py", "python"),
    "agents": supported,
    "operators": operators,
    "step-result": lambda: fields(StepResult),
    "settings": settings,
    "role": lambda: fields(Role),
    "limits": lambda: fields(Limits),
    "known-providers": known_providers,
    "provider": lambda: fields(ProviderSettings),
    "price": lambda: fields(ModelPrice),
    "repository": lambda: fields(Repository),
    "patch": lambda: fields(PatchLimits),
    "script-turn": lambda: fields(script.Turn),
    "script-usage": lambda: fields(script.Reported),
    "script-operations": operations,
}


def up_to_date(text: str) -> str:
    """A page with its generated parts as they should be."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", text)


def main() -> None:
    """Bring every page up to date, and say which ones were not."""
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = up_to_date(before)
        if before != after:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"wrote docs/{page.name}\n")


if __name__ == "__main__":
    main()
