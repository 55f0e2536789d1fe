"""From an orchestrator's answer to the tasks of a round."""

from bridle.harness.digest import DIGEST_BYTES, digest
from bridle.harness.orchestrate import dispatch
from bridle.models import Orders, Task


def task(title: str, *files: str) -> Task:
    return Task(title=title, prompt="p", files=list(files), acceptance="a")


def orders(*tasks: Task, done: bool = False) -> Orders:
    return Orders(done=done, why="w", tasks=list(tasks))


def titles(*tasks: Task, workers: int = 3) -> list[str]:
    return [task.title for task in dispatch(orders(*tasks), workers=workers).tasks]


def test_no_more_tasks_than_workers_and_the_rest_is_told() -> None:
    sent = dispatch(orders(*(task(f"t{number}", f"f{number}") for number in range(40))), workers=3)
    assert [task.title for task in sent.tasks] == ["t0", "t1", "t2"]
    assert sent.postponed[0] == ("t3", "over 3 tasks a round")


def test_tasks_of_the_same_files_go_one_after_the_other() -> None:
    sent = dispatch(orders(task("a", "src/x.js"), task("b", "./src/x.js"), task("c", "y")), workers=3)
    assert [task.title for task in sent.tasks] == ["a", "c"]
    assert sent.postponed == (("b", "same files as a"),)


def test_a_folder_and_a_file_in_it_are_the_same_files() -> None:
    assert titles(task("a", "src/"), task("b", "src/x.js")) == ["a"]
    assert titles(task("a", "src"), task("b", "src2/x.js")) == ["a", "b"]


def test_who_says_done_gets_no_worker() -> None:
    assert dispatch(orders(task("a", "x"), done=True), workers=3).tasks == ()


def test_the_first_round_has_a_digest_too() -> None:
    assert digest(None) == "This is the first round."
    assert len(digest(None)) < DIGEST_BYTES
