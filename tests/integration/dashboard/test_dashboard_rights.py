"""The API is closed: without a login, without rights to a DAG, to other sites, and to every secret."""

import json
from uuid import uuid4

import httpx
import pytest
from dash_books import FOREIGN, SECRET
from dash_routes import APP, NAMES, OF_ALL, ROUTES, Thing
from fastapi.routing import APIRoute

from bridle.dashboard.rights import RIGHTS

READS = [name for name in NAMES if name.startswith("GET ")]
WRITES = [name for name in NAMES if not name.startswith("GET ")]
ABOUT_ONE = [name for name in NAMES if name.partition(" ")[2] not in OF_ALL]
NAMED_BY_ID = [
    name for name in ABOUT_ONE if "/loop" in name or ("/session" in name and "/sessions" not in name)
]
LISTS = [name for name in READS if name not in ABOUT_ONE]
BY = ("repo", "role", "model", "dag", "user", "day", "agent")


@pytest.fixture(scope="module")
def hidden(books):
    """What the user `stranger` has no rights to."""
    return Thing("closed_dag", "hidden", str(books.hidden.id), "loop-closed")


@pytest.fixture(scope="module")
def shown(books):
    """The same, of a DAG that `stranger` may read."""
    return Thing("open_dag", "live", str(books.live.id), "loop-open")


@pytest.fixture(scope="module")
def anonymous(airflow):
    with httpx.Client(base_url=airflow.url, timeout=60, trust_env=False) as client:
        yield client


def test_every_route_depends_on_a_right():
    def calls(dependant):
        yield dependant.call
        for each in dependant.dependencies:
            yield from calls(each)

    without = [
        route.path
        for route in ROUTES
        if not any(call in RIGHTS or type(call) in RIGHTS for call in calls(route.dependant))
    ]
    assert without == []


def test_nothing_is_there_beside_the_routes_with_rights_but_the_webhook_and_the_pages_files():
    known = {f"/api{route.path}" for route in ROUTES} | {"/webhook", "/static"}
    assert {route.path for route in APP.routes if hasattr(route, "path")} <= known
    assert not [route for route in APP.routes if isinstance(route, APIRoute) and route.path not in known]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_login_nobody_learns_or_does_anything(anonymous, hidden, name):
    assert hidden.call(anonymous, name).status_code == 401
    assert hidden.call(anonymous, name, headers={"Authorization": "Bearer x"}).status_code in (401, 403)


@pytest.mark.parametrize("name", NAMES)
def test_a_user_without_rights_to_any_dag_gets_403_everywhere(clients, shown, name):
    answer = shown.call(clients["nobody"], name)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


@pytest.mark.parametrize("name", ABOUT_ONE)
def test_a_user_without_rights_to_a_dag_gets_403_for_what_is_its(clients, hidden, name):
    answer = hidden.call(clients["stranger"], name)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


@pytest.mark.parametrize(
    "name", [name for name in ABOUT_ONE if "/run" not in name and "/sessions" not in name]
)
def test_what_does_not_exist_is_refused_like_what_may_not_be_seen(admin, name):
    nothing = Thing("open_dag", "no-such-run", str(uuid4()), "no-such-loop")
    answer = nothing.call(admin, name)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


def texts_of_lists(client, things):
    """All that the lists say, in every way that they can be asked."""
    for name in LISTS:
        yield things.call(client, name)
    for by in BY:
        for path in ("costs", "costs.csv"):
            yield client.get(f"/bridle/api/{path}", params={"by": by})
            yield client.get(f"/bridle/api/{path}", params={"by": by, "dag_id": "closed_dag"})
    for wanted in (
        {"dag_id": "closed_dag"},
        {"q": "loop-closed"},
        {"loop_id": "loop-closed"},
        {"q": FOREIGN},
    ):
        yield client.get("/bridle/api/runs", params=wanted)
    yield client.get("/bridle/api/costs/as-if", params={"dag_id": "closed_dag"})
    yield client.get("/bridle/api/overview", params={"days": 366})


FOREIGN_WORDS = (FOREIGN, "closed_dag", "hidden", "loop-closed")


def test_lists_show_nothing_of_a_dag_that_the_user_may_not_read(clients, shown):
    for answer in texts_of_lists(clients["stranger"], shown):
        assert answer.status_code == 200, answer.text
        assert [word for word in FOREIGN_WORDS if word in answer.text] == [], answer.url
    # the same question shows it to others: the words are there to be found
    assert all(
        any(word in answer.text for answer in texts_of_lists(clients["admin"], shown))
        for word in FOREIGN_WORDS
    )


def test_sums_leave_out_what_the_user_may_not_read(clients, books):
    (row,) = books.sql(
        "select count(*) calls, sum(c.input_tokens + c.output_tokens) tokens from bridle.model_call c "
        "join bridle.session s on s.id = c.session_id where s.dag_id = 'open_dag'"
    )
    total = clients["stranger"].get("/bridle/api/costs").json()["total"]
    assert (total["calls"], total["tokens"]) == (row["calls"], row["tokens"])
    overview = clients["stranger"].get("/bridle/api/overview", params={"days": 366}).json()
    assert sum(point["tokens"] for point in overview["series"]["dag"]) == row["tokens"]
    assert overview["orchestration_share"]["denominator"] == row["tokens"]


def test_what_all_dags_share_is_shown_only_to_who_may_read_all_of_them(clients):
    for name, sees_all in (("stranger", False), ("viewer", True)):
        spent = clients[name].get("/bridle/api/overview").json()["spent_today"]
        assert (spent["counted_usd"] is not None) == sees_all
        scopes = {row["scope"] for row in clients[name].get("/bridle/api/budgets").json()["budgets"]}
        assert ("day:*" in scopes) == sees_all
        assert "day:*/open_dag" in scopes
        answer = clients[name].get("/bridle/api/budgets/burn-down", params={"scope": "day:*"})
        assert answer.status_code == (200 if sees_all else 403)


def test_a_dag_whose_file_is_gone_is_still_counted(clients):
    """Else yesterday's costs would change with the dags folder, and nobody would see every DAG any more."""
    for name, dags in (("viewer", {"open_dag", "closed_dag", "gone_dag"}), ("stranger", {"open_dag"})):
        rows = clients[name].get("/bridle/api/costs?by=dag").json()["rows"]
        assert {row["name"] for row in rows} == dags


@pytest.mark.parametrize("name", WRITES)
def test_who_may_only_read_changes_nothing(clients, shown, name):
    assert shown.call(clients["viewer"], name).status_code == 403


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(admin, shown, books, name, headers):
    before = books.sql("select * from bridle.budget order by scope")
    answer = shown.call(admin, name, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.json()["detail"]
    assert books.sql("select * from bridle.budget order by scope") == before


def test_a_run_is_stopped_and_resumed_by_who_may_and_it_is_written_who_it_was(clients, airflow, books):
    own = {"Origin": airflow.url, "Sec-Fetch-Site": "same-origin"}
    run = {"dag_id": "open_dag", "run_id": "stoppable"}
    stranger = clients["stranger"]
    assert stranger.post("/bridle/api/run/stop", params=run, headers=own).is_success
    assert books.ledger.budget("run:open_dag/stoppable").stopped_by == "human:stranger"
    assert stranger.post("/bridle/api/run/resume", params=run, headers=own).is_success
    assert books.ledger.budget("run:open_dag/stoppable").stopped_by is None


def test_a_loop_is_extended_paused_and_stopped_by_who_may_and_it_is_written_who_it_was(
    clients, books, open_loop
):
    open_loop("loop-own")

    def act(what, **more):
        answer = clients["stranger"].post(f"/bridle/api/loop/{what}", params={"id": "loop-own"}, **more)
        assert answer.is_success, answer.text
        return answer.json()

    assert act("extend", json={"rounds": 2, "budget_usd": "1.5"})["max_rounds"] == 3
    assert act("pause")["state"] == "paused"
    assert act("stop") == {"dag_id": "open_dag", "runs": []}
    budget = books.ledger.budget("loop:loop-own")
    by = "human:stranger"
    assert (str(budget.cap_usd.normalize()), budget.capped_by, budget.stopped_by) == ("1.5", by, by)
    assert books.ledger.loop("loop-own").reason == "human:stranger stopped it"


@pytest.mark.parametrize("path", ["docs", "redoc", "openapi.json", "api/docs", "api/openapi.json"])
def test_nothing_documents_itself_to_the_public(admin, path):
    assert admin.get(f"/bridle/{path}").status_code == 404


def test_no_secret_is_in_any_answer_and_no_cache_keeps_one(admin, books):
    (done,) = books.sql("select id from bridle.session where result ? 'said'")
    thing = Thing("open_dag", "fixed", str(done["id"]), "loop-open")
    seen = ""
    for name in READS:
        answer = thing.call(admin, name)
        assert answer.status_code == 200, (name, answer.text)
        assert "no-store" in answer.headers["cache-control"], name
        assert SECRET not in answer.text, name
        seen += answer.text
    assert "[redacted]" in seen, "the places where it was are shown"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("runs?cursor=nonsense", 400),
        ("runs?q=%00", 400),
        ("run?dag_id=open_dag&run_id=%00", 400),
        ("runs?limit=0", 422),
        ("runs?since=yesterday", 422),
        ("costs?until=9999-12-31", 422),
        ("costs?by=nothing", 422),
        ("session?id=no-uuid", 422),
        ("overview?days=0", 422),
    ],
)
def test_what_cannot_be_understood_is_said_in_one_shape(admin, books, path, status):
    answer = admin.get(f"/bridle/api/{path}")
    assert answer.status_code == status, answer.text
    assert json.loads(answer.text)["detail"]
