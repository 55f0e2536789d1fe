"""Structured answers of the sessions in the workflows that Bridle ships."""

from typing import Literal

from pydantic import BaseModel, Field


class Findings(BaseModel):
    """What an investigation of a bug found."""

    root_cause: str = Field(description="What is wrong and why, in a few sentences.")
    files: list[str] = Field(description="Paths that matter, relative to the repository's root.")
    plan: str = Field(description="What to change, briefly.")
    confidence: float = Field(ge=0, le=1, description="How sure you are of the root cause.")


class Plan(BaseModel):
    """How a feature should be built."""

    goal: str = Field(description="What will be possible that is not possible today.")
    steps: list[str] = Field(description="What to change, in order.")
    files: list[str] = Field(description="Paths to create or change, relative to the repository's root.")
    risks: list[str] = Field(default_factory=list, description="What could break.")


class Answer(BaseModel):
    """The answer to a question about the repository."""

    answer: str = Field(description="Markdown, to be posted as a comment; cite paths.")


class ReviewFinding(BaseModel):
    """One thing that a reviewer saw."""

    severity: Literal["blocking", "minor"] = Field(description="`blocking`: must not be merged like this.")
    path: str = Field(description="Relative to the repository's root.")
    line: int | None = Field(default=None, description="Line in the new file.")
    text: str = Field(description="What is wrong and what would be right.")


class Review(BaseModel):
    """A reviewer's judgement of a patch."""

    verdict: Literal["approve", "changes"] = Field(description="`changes` only with a blocking finding.")
    summary: str = Field(description="The judgement in one or two sentences.")
    findings: list[ReviewFinding] = Field(default_factory=list)


class Classification(BaseModel):
    """A label, chosen by a model."""

    label: str
    rationale: str = Field(description="Why this label, in one sentence.")
    confidence: float = Field(ge=0, le=1)


class Task(BaseModel):
    """One task for one worker, who sees nothing but this and the repository."""

    title: str = Field(description="A few words.")
    prompt: str = Field(description="What to do, complete in itself.")
    files: list[str] = Field(default_factory=list, description="Paths to create or change; no other task's.")
    acceptance: str = Field(description="How one sees that it is done.")
    why: str = Field(default="", description="What it does for the goal.")


class Orders(BaseModel):
    """What an orchestrator wants done in one round."""

    done: bool = Field(description="Whether the goal is reached; a check decides, not you.")
    why: str = Field(description="In one sentence.")
    tasks: list[Task] = Field(default_factory=list, description="Independent of each other.")


class Citation(BaseModel):
    """A place in the repository."""

    path: str = Field(description="Relative to the repository's root.")
    line: int = Field(ge=1)


class Point(BaseModel):
    """One demand of a rubric, judged."""

    demand: str = Field(description="In the rubric's words.")
    holds: bool
    evidence: list[Citation] = Field(default_factory=list, description="Where one sees it.")
    why: str = Field(default="", description="In one sentence.")


class Judgement(BaseModel):
    """A repository, judged by a rubric."""

    verdict: Literal["holds", "fails", "unsure"]
    points: list[Point] = Field(min_length=1, description="One for each demand of the rubric.")
