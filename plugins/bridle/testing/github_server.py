"""The part of GitHub's API that Bridle uses, as a process of its own; git over HTTP included.

    python -m bridle.testing.github_server --state FILE [--port 0] [--repositories FOLDER]

prints its URL on one line and serves until it is ended. It follows GitHub Enterprise: the API is below
`/api/v3`, git at `/<owner>/<name>.git` out of bare repositories in FOLDER. State survives a restart. Tests
use `GitHubServer`.
"""

import argparse
import hashlib
import json
import os
import re
import socket
import subprocess
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridle.testing.served import Served

TOKEN = "ghp_the_only_token_that_this_server_takes"  # noqa: S105  opens nothing
LOGIN = "bridle-bot"
NOW = "2026-01-02T03:04:05Z"


class GitHubServer(Served):
    """A running stand-in, as a context manager.

    Args:
        state: file that holds issues and pull requests; made when it is missing.
        repositories: folder of bare repositories `<owner>/<name>.git`, served over HTTP.
    """

    def __init__(self, state: Path, *, repositories: Path | None = None) -> None:
        served = ["--repositories", str(repositories)] if repositories else []
        super().__init__(__name__, "--state", str(state), *served)

    @property
    def api(self) -> str:
        """Base URL of the API."""
        return f"{self.url}/api/v3"

    def add_issue(self, repository: str, number: int, **fields: Any) -> None:
        """Make an issue; `fields` as GitHub's JSON has them, `comments` a list of such."""
        self._control("issue", {"repository": repository, "number": number, **fields})

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        *,
        times: int = 1,
        after_doing: bool = False,
        headers: dict[str, str] | None = None,
        message: str = "injected",
    ) -> None:
        """Let the next `times` requests fail.

        Args:
            method: of the request.
            path: regular expression that its path has somewhere.
            status: to answer; 0: cut the connection.
            after_doing: do what was asked, and fail then, as when an answer gets lost.
            headers: of the answer, for instance `Retry-After`.
            message: in the answer.
        """
        fault = {"method": method, "path": path, "status": status, "times": times, "after": after_doing}
        self._control("fault", fault | {"headers": headers, "message": message})

    def journal(self) -> list[dict[str, Any]]:
        """Every request so far: method, path, status, body."""
        return list(httpx.get(f"{self.url}/control/journal").raise_for_status().json())

    def writes(self, path: str = "") -> list[dict[str, Any]]:
        """Requests that changed something, with `path` somewhere in their path."""
        done = [entry for entry in self.journal() if entry["method"] in {"POST", "PATCH", "DELETE", "PUT"}]
        return [entry for entry in done if path in entry["path"] and entry["did"] < 300]

    def state(self) -> dict[str, Any]:
        """All repositories: `{name: {"issues": …, "pulls": …}}`."""
        return dict(httpx.get(f"{self.url}/control/state").raise_for_status().json())

    def _control(self, what: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/control/{what}", json=body, verify=False).raise_for_status()  # noqa: S501 (no TLS here)


class _GitHub:
    """State and answers."""

    def __init__(self, state: Path, repositories: Path | None) -> None:
        self._path = state
        self._git = repositories
        self._faults: list[dict[str, Any]] = []
        self._journal: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._repositories: dict[str, Any] = json.loads(state.read_text()) if state.exists() else {}

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
        return Starlette(
            routes=[
                Route("/control/{what}", self._control, methods=["GET", "POST"]),
                Route("/api/v3/{path:path}", self._api, methods=methods),
                Route("/{owner}/{name}.git/{path:path}", self._git_http, methods=["GET", "POST"]),
            ]
        )

    async def _control(self, request: Request) -> Response:
        what = request.path_params["what"]
        if request.method == "GET":
            return JSONResponse(self._journal if what == "journal" else self._repositories)
        body = await request.json()
        if what == "fault":
            self._faults.append(body)
        else:
            repository = self._repositories.setdefault(body.pop("repository"), {"issues": {}, "pulls": {}})
            first = 1 + sum(len(issue["comments_list"]) for issue in repository["issues"].values())
            given = enumerate(body.pop("comments", []), first)
            comments = [_comment(number, entry) for number, entry in given]
            repository["issues"][str(body["number"])] = {**_issue(body), "comments_list": comments}
            self._save()
        return JSONResponse({})

    async def _api(self, request: Request) -> Response:
        raw = await request.body()
        body = json.loads(raw) if raw else {}
        path = "/" + request.path_params["path"]
        entry = {"method": request.method, "path": path, "body": body, "did": 0}
        self._journal.append(entry)
        fault = self._fault(request.method, path)
        if fault and not fault["after"]:
            entry["did"] = entry["status"] = fault["status"]
            return _failure(fault)
        allowed = request.headers.get("authorization") in {f"token {TOKEN}", f"Bearer {TOKEN}"}
        with self._lock:
            status, answer = (
                self._answer(request, path, body) if allowed else (401, {"message": "Bad credentials"})
            )
            if request.method != "GET":
                self._save()
        entry["did"] = entry["status"] = status
        if fault:
            entry["status"] = fault["status"]
            return _failure(fault)
        answer = _with_base(answer, str(request.base_url).rstrip("/"))
        following = getattr(request.state, "next", None)
        named = JSONResponse(answer, status, {"Link": f'<{following}>; rel="next"'} if following else None)
        named.headers["ETag"] = f'W/"{hashlib.sha256(bytes(named.body)).hexdigest()}"'
        if request.headers.get("if-none-match") == named.headers["ETag"]:
            entry["did"] = entry["status"] = 304
            return Response(status_code=304, headers={"ETag": named.headers["ETag"]})
        return named

    def _answer(self, request: Request, path: str, body: Any) -> tuple[int, Any]:
        if path == "/user":
            return 200, {"login": LOGIN, "type": "User", "url": "BASE/api/v3/user"}
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)?", path)
        repository = self._repositories.get(found[1]) if found else None
        if found is None or repository is None:
            return 404, {"message": "Not Found"}
        name, rest = found[1], found[2] or ""
        if not rest:
            url, about = f"BASE/api/v3/repos/{name}", repository.get("about", {})
            return 200, {"full_name": name, "name": name.partition("/")[2], "url": url, "id": 1, **about}
        for pattern, handler in (
            (r"/issues", self._issues),
            (r"/issues/(\d+)/events", self._events),
            (r"/issues/(\d+)", self._one_issue),
            (r"/issues/(\d+)/comments", self._comments),
            (r"/issues/comments/(\d+)", self._one_comment),
            (r"/issues/(\d+)/labels", self._labels),
            (r"/issues/(\d+)/labels/([^/]+)", self._one_label),
            (r"/pulls", self._pulls),
            (r"/pulls/(\d+)", self._one_pull),
        ):
            if match := re.fullmatch(pattern, rest):
                status, answer = handler(request, repository, body, *match.groups())
                return status, _placed(answer, name)
        return 404, {"message": "Not Found"}

    def _one_issue(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        issue = repository["issues"].get(number)
        return (404, {"message": "Not Found"}) if issue is None else (200, issue)

    def _issues(self, request: Request, repository: Any, body: Any) -> tuple[int, Any]:
        asked = request.query_params
        wanted = {name for name in asked.get("labels", "").split(",") if name}
        found = [
            {key: value for key, value in issue.items() if key != "comments_list"}
            for issue in repository["issues"].values()
            if asked.get("state", "open") in ("all", issue["state"])
            and wanted <= {label["name"] for label in issue["labels"]}
        ]
        newest_first = asked.get("direction", "desc") == "desc"
        return 200, _page(
            request, sorted(found, key=lambda issue: str(issue["updated_at"]), reverse=newest_first)
        )

    def _events(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        return 200, _page(request, repository["issues"][number].get("events", []))

    def _comments(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        issue = repository["issues"].get(number)
        if issue is None:
            return 404, {"message": "Not Found"}
        if request.method == "POST":
            comment = {"user": {"login": LOGIN, "type": "User"}, "author_association": "MEMBER", **body}
            every = [entry for each in repository["issues"].values() for entry in each["comments_list"]]
            issue["comments_list"].append(_comment(len(every) + 1, comment))
            return 201, issue["comments_list"][-1]
        return 200, _page(request, issue["comments_list"])

    def _one_comment(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        every = [entry for each in repository["issues"].values() for entry in each["comments_list"]]
        comment = next((entry for entry in every if entry["id"] == int(number)), None)
        if comment is None:
            return 404, {"message": "Not Found"}
        if request.method == "PATCH":
            if comment["user"]["login"] != LOGIN:
                return 403, {"message": "Must have admin rights to Repository."}
            comment.update(body)
        return 200, comment

    def _labels(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        labels = repository["issues"][number]["labels"]
        for name in body if isinstance(body, list) else body.get("labels", ()):
            if name not in [label["name"] for label in labels]:
                labels.append({"name": name})
        return 200, labels

    def _one_label(
        self, request: Request, repository: Any, body: Any, number: str, name: str
    ) -> tuple[int, Any]:
        labels = repository["issues"][number]["labels"]
        if name not in [label["name"] for label in labels]:
            return 404, {"message": "Label does not exist"}
        labels[:] = [label for label in labels if label["name"] != name]
        return 200, labels

    def _pulls(self, request: Request, repository: Any, body: Any) -> tuple[int, Any]:
        pulls = repository["pulls"]
        if request.method == "GET":
            head = request.query_params.get("head", "").partition(":")[2]
            state = request.query_params.get("state", "open")
            found = [
                pull
                for pull in pulls.values()
                if state in ("all", pull["state"]) and head in ("", pull["head"]["ref"])
            ]
            return 200, _page(request, found)
        if any(pull["head"]["ref"] == body["head"] and pull["state"] == "open" for pull in pulls.values()):
            return _invalid(f"A pull request already exists for {body['head']}.")
        number = 1000 + len(pulls)
        pulls[str(number)] = {
            **body,
            "number": number,
            "state": "open",
            "head": {"ref": body["head"]},
            "base": {"ref": body["base"]},
            "html_url": f"BASE/REPO/pull/{number}",
            "url": f"BASE/api/v3/repos/REPO/pulls/{number}",
        }
        return 201, pulls[str(number)]

    def _one_pull(self, request: Request, repository: Any, body: Any, number: str) -> tuple[int, Any]:
        pull = repository["pulls"].get(number)
        if pull is None:
            return 404, {"message": "Not Found"}
        pull.update(body)
        return 200, pull

    async def _git_http(self, request: Request) -> Response:
        """Git's own CGI program, behind the same token."""
        path = request.url.path
        entry = {"method": request.method, "path": path, "did": 0, "body": None}
        self._journal.append(entry)
        wanted = b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            entry["did"] = entry["status"] = 401
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        raw = await request.body()
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "-c", "http.receivepack=true", "http-backend"],
            input=raw,
            capture_output=True,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self._git),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": request.url.query,
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(raw)),
                "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
                "REMOTE_USER": LOGIN,
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        entry["did"] = entry["status"] = status
        return Response(content, status, headers)

    def _fault(self, method: str, path: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if fault["times"] > 0 and fault["method"] == method and re.search(fault["path"], path):
                fault["times"] -= 1
                return fault
        return None

    def _save(self) -> None:
        self._path.write_text(json.dumps(self._repositories))


def _failure(fault: dict[str, Any]) -> Response:
    if fault["status"] == 0:
        raise ConnectionResetError("the stand-in was asked to cut the connection")
    return JSONResponse({"message": fault["message"]}, fault["status"], fault["headers"])


def _invalid(message: str) -> tuple[int, Any]:
    return 422, {"message": "Validation Failed", "errors": [{"message": message}]}


def _issue(fields: dict[str, Any]) -> dict[str, Any]:
    number = fields["number"]
    return {
        "title": "",
        "body": None,
        "state": "open",
        "locked": False,
        "author_association": "NONE",
        "user": {"login": "somebody", "type": "User"},
        "updated_at": NOW,
        "html_url": f"BASE/REPO/issues/{number}",
        "url": f"BASE/api/v3/repos/REPO/issues/{number}",
        **fields,
        "labels": [{"name": name} for name in fields.get("labels", ())],
    }


def _comment(number: int, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "user": {"login": "somebody", "type": "User"},
        "author_association": "NONE",
        "created_at": NOW,
        "html_url": f"BASE/REPO/issues/comments/{number}",
        "url": f"BASE/api/v3/repos/REPO/issues/comments/{number}",
        **fields,
    }


def _page(request: Request, entries: list[Any]) -> list[Any]:
    size = int(request.query_params.get("per_page", 30))
    page = int(request.query_params.get("page", 1))
    if len(entries) > page * size:
        request.state.next = request.url.include_query_params(page=page + 1)
    return entries[(page - 1) * size : page * size]


def _placed(answer: Any, name: str) -> Any:
    return json.loads(json.dumps(answer).replace("/REPO/", f"/{name}/"))


def _with_base(answer: Any, base: str) -> Any:
    return json.loads(json.dumps(answer).replace('"BASE/', f'"{base}/'))


def main(argv: list[str] | None = None) -> None:
    """Serve until the process is ended."""
    import uvicorn

    options = argparse.ArgumentParser(prog="python -m bridle.testing.github_server", description=__doc__)
    options.add_argument("--state", type=Path, required=True)
    options.add_argument("--repositories", type=Path)
    options.add_argument("--port", type=int, default=0)
    given = options.parse_args(argv)
    listener = socket.create_server(("127.0.0.1", given.port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201
    config = uvicorn.Config(
        _GitHub(given.state, given.repositories).app(), log_level="critical", access_log=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
