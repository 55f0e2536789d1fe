"""A real browser in which somebody is logged in, and Bridle's pages in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from e2e_run import Run

from bridle.local.stack import StackInfo

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
MILLISECONDS = 90_000
"""How long a page may take on a machine that does much else."""
UNANSWERED = "Failed to load resource"
"""How a browser begins what it says of a request without a good answer; pages say that themselves."""
APPS = "[data-testid=bridle-app], [data-testid=bridle-run-tab], [data-testid=bridle-session-tab]"


class Dashboard:
    """Somebody's window on the dashboard."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page = page
        self._url = url
        self.errors: list[str] = []
        """What the page's own code threw, also what a boundary of React's caught and told the console."""
        page.set_default_timeout(MILLISECONDS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)

    def open(self, page: str, shows: str, **params: object) -> "Page":
        """Open one of Bridle's pages, and wait until it shows something.

        Within Bridle's pages it goes as a link would, by Airflow's router: that is quicker.
        """
        path = f"/plugin/bridle?{urlencode({'page': page, **params})}"
        if self.page.locator("[data-testid=bridle-app]").count() == 0:
            return self._load(path, shows)
        # by another page, so that nothing is left of what was there before
        for name, each in (("nowhere", "/plugin/bridle?page=nowhere"), (page, path)):
            self.page.evaluate(_FOLLOW, each)
            self.page.locator(f"[data-testid=bridle-app][data-page={name}]").wait_for()
        self.get(shows).first.wait_for()
        return self.page

    def open_run(self, run: Run, shows: str = "waterfall") -> "Page":
        """Open the page of a run."""
        return self.open("run", shows, dag_id=run.dag_id, run_id=run.run_id)

    def open_run_tab(self, dag_id: str, run_id: str, shows: str) -> "Page":
        """Open the tab on Airflow's page of a DAG run."""
        return self._load(f"/dags/{dag_id}/runs/{quote(run_id)}/plugin/bridle-run", shows)

    def open_session_tab(self, dag_id: str, run_id: str, task_id: str, shows: str) -> "Page":
        """Open the tab on Airflow's page of a task instance."""
        return self._load(f"/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}/plugin/bridle-session", shows)

    def get(self, testid: str) -> "Locator":
        """What has this test id."""
        return self.page.get_by_test_id(testid)

    def figure(self, name: str) -> str:
        """The number of a figure."""
        return self.get(f"figure-{name}").locator("[data-part=value]").inner_text()

    def made(self, name: str) -> str:
        """What a figure says that it is made of."""
        return self.get(f"figure-{name}").locator("[data-part=made]").inner_text()

    def table(self, rows: str) -> dict[str, dict[str, str]]:
        """The rows of a table at one moment: key to column to text."""
        return dict(self.get(rows).evaluate_all(_TABLE))

    def tokens(self, within: "Locator | None" = None) -> dict[str, int]:
        """The split of tokens that is shown: name to number."""
        box = (within or self.page).locator("[data-testid=tokens]").first
        told = box.locator("[data-part]").evaluate_all(
            "all => all.map(it => [it.dataset.part, it.innerText])"
        )
        return {name: whole(text) for name, text in told}

    def overflow(self) -> list[str]:
        """What is cut off at the right without a scroller, and the page itself when it scrolls sideways."""
        return list(self.page.evaluate(_OVERFLOW, APPS))

    def _heard(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not message.text.startswith(UNANSWERED):
            self.errors.append(message.text)

    def _load(self, path: str, shows: str) -> "Page":
        self.page.goto(self._url + path, wait_until="domcontentloaded", timeout=MILLISECONDS)
        self.get(shows).first.wait_for()
        return self.page


def whole(told: str) -> int:
    """A whole number as pages write it."""
    return int(told.replace(",", ""))


@contextmanager
def logged_in(info: StackInfo) -> Iterator[Dashboard]:
    """A window whose user has logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{info.url}/auth/login", wait_until="domcontentloaded", timeout=MILLISECONDS)
        page.fill("input[name=username]", info.user)
        page.fill("input[name=password]", info.password)
        page.click("button[type=submit]")
        page.get_by_role("link", name="Bridle", exact=True).first.wait_for(timeout=MILLISECONDS)
        yield Dashboard(page, info.url)
        browser.close()


_TABLE = """(rows) => rows.map((row) => [
  row.dataset.key,
  Object.fromEntries(
    [...row.querySelectorAll("[data-column]")].map((cell) => [cell.dataset.column, cell.innerText]),
  ),
])"""
_PARTS = "(all) => all.map((it) => [it.dataset.part, it.innerText])"
_FOLLOW = """(path) => {
  history.pushState({}, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}"""
_OVERFLOW = """(apps) => {
  const app = document.querySelector(apps);
  const right = app.getBoundingClientRect().right + 1;
  const scrolls = (element) => {
    for (let each = element.parentElement; each && each !== app; each = each.parentElement)
      if (getComputedStyle(each).overflowX !== "visible") return true;
    return false;
  };
  const cut = (box) => box.width > 0 && box.right > right;
  const found = [...app.querySelectorAll("*")]
    .filter((each) => cut(each.getBoundingClientRect()) && !scrolls(each))
    .map((each) => `${each.tagName} ${each.textContent.slice(0, 60)}`);
  const page = document.documentElement;
  return page.scrollWidth > page.clientWidth + 1 ? ["the page", ...found] : found;
}"""
