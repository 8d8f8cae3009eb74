from importlib.metadata import version

import pytest

from src.reporting.provenance import installed_versions, shown_params

TEXT = """seed: 27
fetch:
  # The folder.
  folder: {folder}
  public: {public}
embed:
  folder_of: /kept
"""


@pytest.mark.parametrize("folder", ["/home/me/private", "~/private", "'C:\\private'"])
def test_folders_of_the_one_who_ran_it_are_not_shown(folder: str) -> None:
    params = {"fetch": {"folder": folder, "public": folder}}
    text = shown_params(TEXT.format(folder=folder, public=folder), params)
    assert "private" not in text
    assert "  folder: (a folder" in text
    assert text.endswith("folder_of: /kept\n")


@pytest.mark.parametrize("public", ["auto", "none"])
def test_what_is_no_folder_is_shown(public: str) -> None:
    text = TEXT.format(folder="null", public=public)
    assert shown_params(text, {"fetch": {"folder": None, "public": public}}) == text


def test_packages_that_are_not_installed_are_left_out() -> None:
    assert list(installed_versions(["numpy", "no-such-backend"])) == [f"numpy {version('numpy')}"]
