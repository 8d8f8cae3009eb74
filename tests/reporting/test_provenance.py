from importlib.metadata import version

import pytest
import yaml

from src.reporting.provenance import HIDDEN, installed_versions, shown_params

TEXTS = {
    "block": "fetch:\n  # /home/me is mine.\n  folder: /home/me\n  public: /home/me\nembed:\n  split: all\n",
    "flow": "fetch: {folder: /home/me, public: /home/me}\nembed: {split: all}\n",
    "quoted": """'fetch': {"folder": '/home/me', "public": "/home\\x2fme"}\nembed: {split: all}\n""",
    "scalar": "fetch:\n  folder: >-\n    /home/me\n  public: |-\n    /home/me\nembed:\n  split: all\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_folders_of_the_one_who_ran_it_are_not_shown(text: str) -> None:
    params = yaml.safe_load(text)
    assert params["fetch"] == {"folder": "/home/me", "public": "/home/me"}
    shown = shown_params(text, params)
    assert "me" not in shown.replace("embed", "")
    assert yaml.safe_load(shown) == params | {"fetch": {"folder": HIDDEN, "public": HIDDEN}}


@pytest.mark.parametrize("public", ["auto", "none"])
def test_what_is_no_folder_is_shown(public: str) -> None:
    text = f"fetch:\n  # The folder.\n  folder: null\n  public: {public}\n"
    assert shown_params(text, {"fetch": {"folder": None, "public": public}}) == text


def test_packages_that_are_not_installed_are_left_out() -> None:
    assert list(installed_versions(["numpy", "no-such-backend"])) == [f"numpy {version('numpy')}"]
