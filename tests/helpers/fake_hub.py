"""A Hugging Face Hub on this machine, as far as files are put there and taken from it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

RESOLVE = re.compile(r"/(datasets/)?([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")
MODEL = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/(preupload|commit)/main")


class FakeHub:
    """Repositories by name, each with the files (by name) of its revisions.

    Attributes:
        url: Where it is.
        repositories: The files by repository, revision and name; "datasets/org/repo" for data.
        private: The repositories that were made private.
        is_down: Whether it ends connections without a word.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()

    def reset(self) -> None:
        """Forget all repositories."""
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.is_down = False

    def add(self, repository: str, name: str, content: bytes, revision: str = "main") -> None:
        """Put a file into a repository, which is made if it is not there."""
        self.repositories.setdefault(repository, {}).setdefault(revision, {})[name] = content


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.get()

    def do_GET(self) -> None:
        self.get()

    def get(self) -> None:
        if self.hub.is_down:
            self.close_connection = True
            return None
        found = RESOLVE.fullmatch(self.path)
        if found is None:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"})
        kind, repository, revision, name = found.groups()
        revisions = self.hub.repositories.get((kind or "") + repository)
        if revisions is None:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"})
        if revision not in revisions:
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        commit = hashlib.sha1(repr(revisions[revision]).encode()).hexdigest()
        if name not in revisions[revision]:
            return self.answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        content = revisions[revision][name]
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self.answer(200, {"X-Repo-Commit": commit, "ETag": etag}, content)

    def do_POST(self) -> None:
        if self.hub.is_down:
            self.close_connection = True
            return None
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers.get("Authorization") != "Bearer key":
            return self.answer(401, {})
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            repository = f"{asked['organization']}/{asked['name']}"
            url = {"url": f"{self.hub.url}/{repository}"}
            if repository in self.hub.repositories:
                return self.answer(409, {}, json.dumps(url).encode())
            self.hub.repositories[repository] = {"main": {}}
            if asked.get("private") or asked.get("visibility") == "private":
                self.hub.private.add(repository)
            return self.json(url)
        if self.path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        found = MODEL.fullmatch(self.path)
        if found is None or found[1] not in self.hub.repositories:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"})
        if found[2] == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.json({"files": files})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.hub.add(found[1], line["value"]["path"], content)
        url = f"{self.hub.url}/{found[1]}/commit/{'0' * 40}"
        return self.json({"commitUrl": url, "commitOid": "0" * 40})

    def json(self, content: object) -> None:
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def answer(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A hub that answers until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("HubHandler", (Handler,), {"hub": hub})
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
