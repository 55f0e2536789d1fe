"""A real browser on the dashboard's pages, for what only a browser shows."""

import shutil
from contextlib import contextmanager

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
MILLISECONDS = 60_000
"""How long a page may take on a machine that does much else."""
UNANSWERED = "Failed to load resource"
"""How a browser begins what it says of a request without a good answer; pages say that themselves."""
_SCROLLED = """() => {
  const up = (each) => /auto|scroll/.test(getComputedStyle(each).overflowY) ? each : up(each.parentElement);
  return up(document.querySelector("[data-testid=bridle-app]").parentElement);
}"""


@contextmanager
def browser(client):
    """A window on the dashboard, of the user whose client this is; yields a function that opens a page.

    In the end no page may have thrown anything, nor a boundary of React's have told the console of it.
    """
    from playwright.sync_api import sync_playwright

    url, token = str(client.base_url).rstrip("/"), client.headers["Authorization"].removeprefix("Bearer ")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        window = chromium.new_context(viewport={"width": 400, "height": 500})
        window.set_default_timeout(MILLISECONDS)
        window.add_cookies([{"name": "_token", "value": token, "url": url}])

        errors = []

        def heard(message):
            if message.type == "error" and not message.text.startswith(UNANSWERED):
                errors.append(message.text)

        def open_page(query):
            page = window.new_page()
            page.on("console", heard)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{url}/plugin/bridle?page={query}", wait_until="domcontentloaded")
            page.get_by_test_id("bridle-app").wait_for()
            return page

        yield open_page
        chromium.close()
        assert errors == []


def scroll(page, pixels):
    """Scroll a page: Airflow's own frame around it does."""
    page.evaluate(f"(pixels) => {{ ({_SCROLLED})().scrollTop = pixels }}", pixels)


def scrolled(page):
    """How far a page is scrolled, in pixels."""
    return page.evaluate(f"() => ({_SCROLLED})().scrollTop")
