import pytest

from tests import needs


@pytest.mark.parametrize(("where", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_lacking_fails_in_ci_and_is_skipped_elsewhere(
    where: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", where)
    with pytest.raises(outcome, match="needs no_such_module: pip install"):
        needs.module("no_such_module")
    assert needs.module("json").dumps(1) == "1"
