"""The certificates that providers are checked against."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Read once in a process and all that it forks: it takes as long as three calls to the ledger.

    They are certifi's, or those that the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    """
    return httpx.create_ssl_context()
