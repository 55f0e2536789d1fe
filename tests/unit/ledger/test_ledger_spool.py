"""Events on disk: nothing lost, nothing readable by others, half a line forgiven."""

import resource
import stat
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from bridle.ledger.spool import Spool


def rows(*numbers):
    return [{"seq": number, "payload": {"text": "é\n"}} for number in numbers]


def test_what_is_kept_is_drained_in_order_and_then_gone(tmp_path):
    spool, session, seen = Spool(tmp_path / "spool"), uuid4(), []
    spool.keep(session, rows(1, 2))
    spool.keep(session, rows(3))
    assert list(spool.waiting()) == [session]
    assert spool.last_seq(session) == 3
    spool.drain(session, seen.extend)
    assert seen == rows(1, 2, 3)
    assert list(spool.waiting()) == []
    spool.drain(session, seen.extend)
    assert len(seen) == 3


def test_what_could_not_be_written_stays(tmp_path):
    spool, session = Spool(tmp_path), uuid4()
    spool.keep(session, rows(1))

    def away(_):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.drain(session, away)
    assert spool.last_seq(session) == 1


@pytest.mark.parametrize("half", [b'{"seq": 2, "pay', b'{"seq": 2, "payload": {"text": "\xc3'])
def test_half_a_line_of_a_killed_writer_is_left_out(tmp_path, half):
    spool, session, seen = Spool(tmp_path), uuid4(), []
    spool.keep(session, rows(1))
    with (tmp_path / f"{session}.jsonl").open("ab") as file:
        file.write(half)
    spool.drain(session, seen.extend)
    assert seen == rows(1)


def test_a_disk_that_fills_up_is_told_of_and_not_a_row_taken_for_kept(tmp_path):
    spool, session, seen = Spool(tmp_path), uuid4(), []
    spool.keep(session, rows(1))
    size = (tmp_path / f"{session}.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            spool.keep(session, rows(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    spool.keep(session, rows(3))
    spool.drain(session, seen.extend)
    assert seen == rows(1) + rows(3)


def test_rows_go_on_after_half_a_line(tmp_path):
    spool, session, seen = Spool(tmp_path), uuid4(), []
    tmp_path.joinpath(f"{session}.jsonl").write_text('{"seq": 1, "pay')
    spool.keep(session, rows(2))
    spool.drain(session, seen.extend)
    assert seen == rows(2)


def test_only_the_user_may_read(tmp_path):
    spool, session = Spool(tmp_path / "spool"), uuid4()
    spool.keep(session, rows(1))
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "spool" / f"{session}.jsonl").stat().st_mode) == 0o600


def test_writers_and_drainers_at_once_lose_nothing(tmp_path):
    spool, session, seen = Spool(tmp_path), uuid4(), []
    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            pool.submit(spool.keep, session, rows(number))
            if number % 10 == 0:
                pool.submit(spool.drain, session, seen.extend)
    spool.drain(session, seen.extend)
    assert sorted(row["seq"] for row in seen) == list(range(200))
