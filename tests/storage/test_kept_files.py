from pathlib import Path

from storage.kept_files import KeptFiles


def test_files_that_stay_as_they_are_are_no_news(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    file.write_text("one")
    kept = KeptFiles(file)
    file.write_text("two")

    assert kept.objection() == ""


def test_a_deleted_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    file.write_text("one")
    kept = KeptFiles(file)
    file.unlink()

    assert kept.objection() == f"{file} was deleted or moved while the desk ran"


def test_a_replaced_file_is_told(tmp_path: Path) -> None:
    file, other = tmp_path / "desk.db", tmp_path / "other"
    file.write_text("one")
    other.write_text("two")
    kept = KeptFiles(file)
    other.replace(file)

    assert kept.objection() == f"{file} was replaced by another file while the desk ran"
