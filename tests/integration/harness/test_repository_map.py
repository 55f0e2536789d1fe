"""A repository on one page, however large it is."""

from bridle.harness.repository_map import map_of

FILES = {
    "README.md": "# x\n",
    "src/board.js": "export function createBoard() {}\nconst COLUMNS = [];\n",
    "src/deep/er/one.py": "class Card:\n    pass\n\n\ndef move():\n    pass\n",
    "src/deep/er/two.py": "x = 1\n",
}


def test_files_have_sizes_and_sources_their_symbols(workspace, repository, user):
    user.commit(FILES)
    mirror = workspace.mirror(repository)
    mirror.fetch()
    told = map_of(mirror, mirror.resolve("main")).splitlines()
    assert "src/board.js 53: createBoard, COLUMNS" in told
    assert "src/deep/er/one.py 44: Card, move" in told
    assert "src/deep/er/two.py 6" in told


def test_a_repository_that_does_not_fit_is_told_by_folder(workspace, repository, user):
    user.commit(
        {f"src/part{part}/file{number}.py": "def f(): pass\n" for part in range(9) for number in range(40)}
    )
    mirror = workspace.mirror(repository)
    mirror.fetch()
    told = map_of(mirror, mirror.resolve("main"), max_bytes=700)
    assert len(told.encode()) <= 700
    assert "src/part3/ 40 files 560" in told.splitlines()
    assert len(map_of(mirror, mirror.resolve("main"), max_bytes=60).encode()) <= 60
