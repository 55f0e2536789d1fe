"""What somebody sees who looks on while the ledger is away."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from dash_browser import CHROMIUM, browser, scroll, scrolled

from bridle.agents.base import Event, EventKind

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

TYPED = "half an answ"


def say(books, session, words):
    books.ledger.record(session.id, [Event(kind=EventKind.TEXT, payload={"text": words})])


def told(page, words):
    return page.get_by_test_id("event").get_by_text(words, exact=True)


@pytest.fixture
def live(books):
    """A session at work."""
    session = books.open("watched", "implement")
    books.call(session)
    say(books, session, "before")
    yield session
    books.close(session)


@contextmanager
def ledger_away(postgres, airflow):
    """The ledger's database alone takes no connection and has ended all; Airflow's own goes on."""
    name = sa.make_url(airflow.ledger_url).database
    server = sa.create_engine(postgres.url(), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)

    def let_in(allowed):
        with server.connect() as connection:
            connection.execute(sa.text(f"alter database {name} allow_connections {allowed}"))
            connection.execute(
                sa.text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"),
                {"name": name},
            )

    let_in("false")
    try:
        yield
    finally:
        let_in("true")


def test_while_the_ledger_is_away_pages_say_so_once_keep_everything_and_go_on_by_themselves(
    postgres_server, airflow, admin, books, live
):
    with browser(admin) as open_page:
        session, approvals = open_page(f"session&id={live.id}"), open_page("approvals")
        told(session, "before").wait_for()
        cost = session.get_by_test_id("figure-cost").inner_text()
        answer = approvals.get_by_test_id("param-feedback").first
        answer.fill(TYPED)
        scroll(approvals, 90)
        with ledger_away(postgres_server, airflow):
            overview = open_page("overview")
            for page in (session, approvals, overview):
                page.get_by_test_id("trouble").wait_for()
                (words,) = page.get_by_test_id("trouble").all_inner_texts()
                assert "The ledger cannot be reached" in words
                assert "goes on by itself" in words
                assert "psycopg" not in page.content()
            session.locator("[data-state=lost]").wait_for()
            assert session.get_by_test_id("figure-cost").inner_text() == cost
            assert overview.get_by_test_id("figures").count() == 0, "what is unknown is shown as a figure"
            assert (answer.input_value(), scrolled(approvals)) == (TYPED, 90)
        say(books, live, "afterwards")
        for page in (session, approvals, overview):
            page.get_by_test_id("trouble").wait_for(state="detached")
        overview.get_by_test_id("figures").wait_for()
        told(session, "afterwards").wait_for()
        assert told(session, "before").count() == 1
        assert (answer.input_value(), scrolled(approvals)) == (TYPED, 90)
