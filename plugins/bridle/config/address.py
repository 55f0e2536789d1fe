"""Addresses that users write down. A credential in one would be printed wherever the address is."""

from urllib.parse import urlsplit

REMEDY = (
    "has a credential in it, which would be printed with it: take it out, put it into the password of the "
    "Airflow connection, and make it invalid where it may have been printed"
)
"""The rest of the sentence about such an address; the address itself is never told."""


def has_credential(address: str) -> bool:
    """Whether there is a password in `address`, or, where nobody logs in by name, anything before an `@`.

    `ssh://git@host/…` and `git@host:…` have none: there the name says whose account it is.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return False  # no address at all, as whoever uses it will say
    return parts.password is not None or (parts.scheme in ("http", "https") and "@" in parts.netloc)


def without_credential(address: str) -> str:
    """`address` as it may be printed."""
    if not has_credential(address):
        return address
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
