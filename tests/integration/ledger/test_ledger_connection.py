"""The ledger behind an Airflow connection."""

import os
import subprocess
import sys

PROGRAM = """
import os, sys
from bridle.errors import CredentialError
from bridle.ledger.store import Ledger
assert not {"airflow", "alembic", "detect_secrets"} & set(sys.modules), "paid for before it is needed"
with Ledger.from_connection() as ledger:
    ledger.check_schema()
    assert ledger.redactor.text(os.environ["PASSWORD"]) == "[redacted]"
for wrong in ("missing", "other"):
    try:
        Ledger.from_connection(wrong)
    except CredentialError as error:
        assert f"`{wrong}`" in str(error), error
        print("refused", wrong, flush=True)
"""


def test_the_connection_is_found_and_its_password_never_stored(ledger_url, tmp_path):
    url = ledger_url.replace("postgresql+psycopg", "postgresql")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CONN_BRIDLE_LEDGER": url,
        "AIRFLOW_CONN_OTHER": "mysql://a:b@c/d",
        "PASSWORD": url.split(":")[2].split("@")[0],
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert refused == ["refused missing", "refused other"]
