import pytest

from bridle.errors import IssueError
from bridle.guard.author_gate import AuthorGate


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_people_with_write_access_may_start_work(association):
    AuthorGate().check("anybody", association)


@pytest.mark.parametrize(
    ("author", "association"),
    [
        ("stranger", "NONE"),
        ("helper", "CONTRIBUTOR"),
        ("dependabot[bot]", "NONE"),
        ("", ""),
        ("listed ", "NONE"),
        ("*", "FIRST_TIMER"),
        ("stranger", "owner"),
    ],
)
def test_nobody_else_may_not_even_bots_and_the_message_says_how_to_allow(author, association):
    with pytest.raises(IssueError, match=r"authors.*repositories\.yaml"):
        AuthorGate(allow={"listed"}).check(author, association)


def test_a_listed_login_may_in_any_case():
    AuthorGate(allow={"Marta-Canteen"}).check("marta-canteen", "NONE")


def test_an_empty_login_on_the_list_opens_nothing():
    assert not AuthorGate(allow={""}).allows("", "NONE")
