"""Nobody waits for Python's garbage collector to look at all of Airflow."""

import os
import subprocess
import sys

ASK = """
import asyncio, gc
import httpx
from bridle.plugin import Web

async def ask():
    web = httpx.ASGITransport(app=Web())
    async with httpx.AsyncClient(transport=web, base_url="http://localhost") as http:
        return await http.get("/static/icon.svg")

print(asyncio.run(ask()).status_code, gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_what_is_loaded_with_the_first_request_is_set_apart_from_garbage_collection(tmp_path):
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=env, check=True, capture_output=True, text=True, timeout=200
    )
    status, apart, left = map(int, done.stdout.split()[-3:])
    assert status == 200
    assert apart > 100_000
    assert left < apart / 20
