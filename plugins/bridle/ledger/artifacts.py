"""Large texts, stored once each by their content; and commits on their way between hosts."""

import hashlib
import zlib
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from bridle.errors import ConfigError
from bridle.ledger.door import Door
from bridle.ledger.part import Part
from bridle.ledger.records import BundleRow
from bridle.ledger.schema import artifact, bundle, transcript

_PREFIX = "sha256:"
_TRANSCRIPT = "transcript:"
CAP = 8 << 20
_YOUNG = timedelta(days=1)
_LONGEST_CHAIN = 10_000


class Artifacts(Part):
    """Put and get."""

    def put_artifact(
        self, data: bytes | str, media_type: str = "text/plain", name: str = "", *, max_bytes: int = CAP
    ) -> str:
        """Store a text or a file, redacted.

        Args:
            data: the content; the same content is stored once.
            media_type: for whoever shows it; the middle of a too long `text/…` is left out.
            name: for people.
            max_bytes: cap before compression, 8 MiB by default.

        Returns:
            Its reference, `sha256:…` of what is stored.

        Raises:
            ConfigError: something that is not text is over the cap.
        """
        content = data.encode("utf-8", "replace") if isinstance(data, str) else data
        packed = pack(self._door, content, media_type, name, max_bytes)
        with self._db.transaction() as connection:
            return store(connection, packed)

    def get_artifact(self, ref: str) -> bytes:
        """The content behind a reference.

        Raises:
            ConfigError: it is not in this ledger, or was removed by the retention policy.
        """
        if ref.startswith(_TRANSCRIPT):
            query = select(transcript.c.data, transcript.c.compressed).where(
                transcript.c.session_id == UUID(ref.removeprefix(_TRANSCRIPT))
            )
        else:
            query = select(artifact.c.data, artifact.c.compressed).where(
                artifact.c.digest == ref.removeprefix(_PREFIX)
            )
        with self._db.transaction() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise ConfigError(f"artifact {ref} is not in the ledger at {self._db.where}")
        return content(row)

    def put_bundle(self, repo: str, sha: str, base_sha: str | None, data: bytes) -> None:
        """Store commits as a git bundle; a bundle is never redacted, so only private refs go this way.

        Args:
            repo: the repository's name.
            sha: the commit that the bundle brings.
            base_sha: the commit that it builds on; None: it is complete.
            data: what `git bundle create` wrote.
        """
        row = insert(bundle).values(repo=repo, sha=sha, base_sha=base_sha, data=data)
        with self._db.transaction() as connection:
            connection.execute(row.on_conflict_do_nothing())

    def bundles_for(self, repo: str, sha: str) -> list[BundleRow]:
        """The bundles that bring a commit, in the order in which git must take them; empty: none does."""
        wanted = select(bundle.c.sha, bundle.c.base_sha, literal(0).label("depth")).where(
            bundle.c.repo == repo, bundle.c.sha == sha
        )
        chain = wanted.cte("chain", recursive=True)
        chain = chain.union_all(
            select(bundle.c.sha, bundle.c.base_sha, chain.c.depth + 1).where(
                bundle.c.repo == repo, bundle.c.sha == chain.c.base_sha, chain.c.depth < _LONGEST_CHAIN
            )
        )
        query = (
            select(bundle.c.repo, bundle.c.sha, bundle.c.base_sha, bundle.c.data)
            .join(chain, (bundle.c.sha == chain.c.sha) & (bundle.c.repo == repo))
            .order_by(chain.c.depth.desc())
        )
        with self._db.transaction() as connection:
            return [
                BundleRow(row.repo, row.sha, row.base_sha, bytes(row.data))
                for row in connection.execute(query)
            ]


@dataclass(frozen=True)
class Packed:
    """An artifact ready to be stored: redacting and compressing take too long for a transaction."""

    digest: str
    media_type: str
    name: str
    size: int
    compressed: bool
    data: bytes


def pack(door: Door, data: bytes, media_type: str, name: str, max_bytes: int = CAP) -> Packed:
    """Redact, cut and compress; arguments and errors are those of `put_artifact`."""
    if len(data) <= max_bytes:
        data = door.content(data)
    elif media_type.startswith("text/"):
        data = _ends(door, data, max_bytes)
    else:
        raise ConfigError(
            f"artifact {name or media_type} has {len(data)} bytes; the cap is {max_bytes}: store less of it"
        )
    smaller = zlib.compress(data, 6)
    compressed = len(smaller) < len(data)
    return Packed(
        digest=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        name=door.line(name),
        size=len(data),
        compressed=compressed,
        data=smaller if compressed else data,
    )


def store(connection: Connection, packed: Packed) -> str:
    """Write a packed artifact; returns its reference."""
    made = insert(artifact).values(**asdict(packed)).on_conflict_do_nothing().returning(artifact.c.digest)
    if connection.scalar(made) is None:
        # retention goes by age, and what is stored again is young again
        old = artifact.c.at < func.clock_timestamp() - _YOUNG
        again = update(artifact).where(artifact.c.digest == packed.digest, old)
        connection.execute(again.values(at=func.clock_timestamp()))
    return _PREFIX + packed.digest


def store_transcript(connection: Connection, session_id: UUID, packed: Packed) -> str:
    """Write a session's transcript over the one before; returns its reference, for `get_artifact`."""
    row = {"compressed": packed.compressed, "data": packed.data, "at": func.clock_timestamp()}
    statement = insert(transcript).values(session_id=session_id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=[transcript.c.session_id], set_=row))
    return f"{_TRANSCRIPT}{session_id}"


def content(row: RowMapping) -> bytes:
    """What is stored in a row with `data` and `compressed`."""
    return zlib.decompress(row["data"]) if row["compressed"] else bytes(row["data"])


def _ends(door: Door, data: bytes, max_bytes: int) -> bytes:
    text = data.decode("utf-8", "replace")
    half = max_bytes // 2 - 100
    mark = f"\n… [cut: {len(data)} bytes in all] …\n"
    head, tail = door.head(text, half), door.tail(text, half)
    # a character may have four bytes
    return head.encode()[:half] + mark.encode() + tail.encode()[-half:]
