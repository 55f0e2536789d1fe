"""The `bridle` command: one small file per group of commands, heavy imports inside the commands.

A group's file has plain functions with typer annotations; this file gives them their names. Errors that
Bridle raises on purpose end a command with one line on stderr and exit code 1.
"""

import typer

from bridle.cli import (
    approvals,
    bisect,
    budget,
    cost,
    demo,
    doctor,
    goal,
    loop,
    migrate,
    project,
    replay,
    resolve,
    retention,
    roles,
    run,
    runs,
    show,
    spec,
    stack,
    stop,
    sweep,
)
from bridle.cli.console import ErrorLine

app = typer.Typer(
    cls=ErrorLine,
    name="bridle",
    help="A harness for coding agents: deterministic Airflow DAGs around Claude Code, Codex and any model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("init")(project.init)
app.command("migrate")(migrate.migrate)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("demo")(demo.demo)
app.add_typer(run.workflows, name="run")
run.workflows.command("spec")(spec.run_spec)
app.command("goal")(goal.goal)
app.add_typer(loop.loops, name="loop")
app.command("doctor")(doctor.doctor)
app.command("spec")(spec.spec)
app.command("bisect")(bisect.bisect)
app.command("replay")(replay.replay)
app.command("runs")(runs.runs)
app.command("show")(show.show_run)
app.command("approvals")(approvals.approvals)
app.command("approve")(approvals.approve)
app.command("stop")(stop.stop)
app.command("resume")(stop.resume)
app.command("budget")(budget.budget)
app.command("cost")(cost.cost)
app.command("roles")(roles.roles)
app.command("resolve")(resolve.resolve)
app.command("retention")(retention.retention)
app.command("sweep")(sweep.sweep)

__all__ = ["app"]
