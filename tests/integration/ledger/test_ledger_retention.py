"""The ledger forgets bulk that is old, never the books, and nothing that something young needs."""

from datetime import UTC, datetime, timedelta

import pytest
from ledger_rows import make_attempt, make_start
from test_ledger_schema import sql

from bridle.agents.base import Event, EventKind
from bridle.errors import ConfigError
from bridle.ledger.ids import first_id
from bridle.ledger.login import make_task_login
from bridle.ledger.partitions import make_partitions
from bridle.ledger.retention import Retention, retire

NOW = datetime(2026, 9, 10, tzinfo=UTC)
KEEP = Retention(events=60, transcripts=30, artifacts=60, bundles=60)


def age(url, table, days, where="true"):
    sql(url, f"update bridle.{table} set at = now() - make_interval(days => {days}) where {where}")


def test_months_of_events_are_dropped_when_all_of_them_is_old(ledger, ledger_url):
    import sqlalchemy as sa

    with sa.create_engine(ledger_url, poolclass=sa.pool.NullPool).begin() as connection:
        make_partitions(connection, datetime(2026, 5, 1, tzinfo=UTC), months=4)
    moments = {day: first_id(day) for day in (datetime(2026, month, 20, tzinfo=UTC) for month in range(3, 9))}
    for session_id in moments.values():
        sql(ledger_url, "insert into bridle.event values (:id, 1, now(), 'text', '{}')", id=session_id)
    done = retire(ledger_url, KEEP, now=NOW)
    # 60 days before the tenth of September is the twelfth of July, which is in a month that is kept whole
    assert done.partitions == ("event_2026_05", "event_2026_06")
    assert done.events == 2, "those of March and April, for which there was no partition"
    left = {row[0] for row in sql(ledger_url, "select session_id from bridle.event")}
    assert left == {moments[day] for day in moments if day.month in (7, 8)}
    assert retire(ledger_url, KEEP, now=NOW).partitions == ()


def test_the_coming_months_have_partitions(ledger, ledger_url):
    retire(ledger_url, KEEP, now=datetime(2031, 12, 5, tzinfo=UTC))
    names = {
        row[0] for row in sql(ledger_url, "select relname from pg_class where relname like 'event_203%'")
    }
    assert {"event_2031_12", "event_2032_01", "event_2032_02"} <= names


def test_the_transcript_of_a_session_at_work_is_kept_however_old(ledger, ledger_url, opened):
    attempt, fence, open_id = opened
    closed_id = ledger.open_session(make_start(attempt, fence))
    for session_id in (open_id, closed_id):
        ledger.save_transcript(session_id, b"{}")
    ledger.close_session(closed_id, outcome="done")
    age(ledger_url, "transcript", 31)
    assert retire(ledger_url, KEEP).transcripts == 1
    assert ledger.session(open_id).transcript_ref
    assert ledger.session(closed_id).transcript_ref is None, "nobody looks for what is gone"


def test_an_artifact_is_kept_for_as_long_as_something_young_speaks_of_it(ledger, ledger_url, opened):
    attempt, _, session_id = opened
    used = ledger.put_artifact("a result", "text/plain")
    unused = ledger.put_artifact("an old diff", "text/plain")
    shown = ledger.put_artifact("a shown diff", "text/plain")
    ledger.open_review(attempt, subject="s", commit="c" * 40, patch_hash="h", snapshot={"diff": shown})
    ledger.close_session(session_id, outcome="done", result={"$ref": used})
    age(ledger_url, "artifact", 61)
    assert retire(ledger_url, KEEP).artifacts == 1
    assert ledger.get_artifact(used) == b"a result"
    assert ledger.get_artifact(shown) == b"a shown diff"
    assert ledger.get_artifact(ledger.session(session_id).prompt_ref), "the prompt of a young session"
    with pytest.raises(ConfigError):
        ledger.get_artifact(unused)


def test_what_is_stored_again_is_young_again(ledger, ledger_url):
    """Only an XCom may name it, which nobody here can see."""
    ref = ledger.put_artifact("an issue's text", "text/plain")
    age(ledger_url, "artifact", 61)
    assert ledger.put_artifact("an issue's text", "text/plain") == ref
    assert retire(ledger_url, KEEP).artifacts == 0
    assert ledger.get_artifact(ref) == b"an issue's text"


def test_the_bundles_that_a_young_one_builds_on_are_kept(ledger, ledger_url):
    for sha, base in (("a", None), ("b", "a"), ("c", "b"), ("x", None), ("y", "x")):
        ledger.put_bundle("demo", sha, base, b"data")
    age(ledger_url, "bundle", 61, "sha <> 'c'")
    assert retire(ledger_url, KEEP).bundles == 2
    assert [row.sha for row in ledger.bundles_for("demo", "c")] == ["a", "b", "c"]
    assert ledger.bundles_for("demo", "y") == []


def test_the_books_are_kept(ledger, ledger_url, opened):
    ledger.record(opened[2], [Event(kind=EventKind.TEXT)])
    retire(ledger_url, KEEP, now=datetime.now(UTC) + timedelta(days=4000))
    assert ledger.session(opened[2]).attempt == opened[0]


@pytest.mark.parametrize("said", ["0", "-1", "many", ""])
def test_a_retention_that_is_no_number_of_days_deletes_nothing(said):
    with pytest.raises(ConfigError, match="BRIDLE_KEEP_BUNDLES_DAYS"):
        Retention.given({"BRIDLE_KEEP_BUNDLES_DAYS": said})


def test_what_is_said_counts_and_the_rest_has_defaults():
    assert Retention.given({"BRIDLE_KEEP_EVENTS_DAYS": "7"}) == Retention(events=7)


def test_the_login_of_tasks_writes_and_cannot_delete(ledger_url):
    from bridle.ledger.store import Ledger

    login = "task_login_of_a_test"
    for password in ("first", "second"):  # again, with another password: it is the new one that counts
        make_task_login(ledger_url, login, password)
    import sqlalchemy as sa

    url = sa.make_url(ledger_url).set(username=login, password="second")
    with Ledger(url.render_as_string(hide_password=False)) as mine:
        mine.take_step(make_attempt())
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        sql(url, "delete from bridle.session")
    with pytest.raises(sa.exc.ProgrammingError, match=r"must be owner|permission denied"):
        retire(url.render_as_string(hide_password=False), KEEP)


def test_a_login_that_is_somebody_elses_is_left_as_it_is(ledger_url):
    sql(ledger_url, "create role somebody_elses createdb")
    try:
        with pytest.raises(ConfigError, match="no login of tasks"):
            make_task_login(ledger_url, "somebody_elses", "word")
        assert sql(ledger_url, "select rolcanlogin from pg_roles where rolname = 'somebody_elses'") == [
            (False,)
        ]
    finally:
        sql(ledger_url, "drop role somebody_elses")
