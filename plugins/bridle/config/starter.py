"""Where the DAGs, prompts and roles that Bridle ships are found."""

from pathlib import Path


def starter_dir() -> Path:
    """The folder with `dags/` and `include/`: inside the wheel, or the checkout of an editable install."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "starter"
    return shipped if shipped.is_dir() else package.parent.parent
