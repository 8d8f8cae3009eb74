"""YAML as DVC reads it, by the same parser: `010` is ten to both and `5e-05` a number."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

from src.pipeline.files import UserError
from src.pipeline.untrusted import MAX_SHOWN, check_file, shown

# Far more than any params.yaml needs; below, nothing takes a second or exhausts the memory.
MAX_BYTES = 100_000
MAX_CHARACTERS = 1_000  # of a value
MAX_VALUES = 20_000  # an alias counts as all that it stands for
MAX_DEPTH = 20


def read_yaml(path: str) -> Any:
    """The content of a YAML file. Raises UserError, FileNotFoundError.

    Tags are refused, for they name types; so is what would grow without bounds: deep nesting, aliases of aliases.
    """
    file = Path(path)
    check_file(file, max_bytes=MAX_BYTES)
    try:
        text = file.read_text(encoding="utf-8")
        _check_events(YAML(typ="safe").parse(text))
        return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        where = f" Line {error.problem_mark.line + 1}:" if error.problem_mark else ""
        raise UserError(f"{path}: must be YAML in UTF-8.{where} {_one_line(error.problem or error)}.") from None
    except (YAMLError, ValueError) as error:  # ValueError: other bytes than UTF-8, or a date that no calendar has
        raise UserError(f"{path}: must be YAML in UTF-8. {_one_line(error)}") from None
    except TypeError:  # other lists and blocks as keys are a MarkedYAMLError, or no key of ours
        raise UserError(f"{path}: must have words or numbers as keys. Got a list of lists as a key.") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _check_events(events: Iterable[Any]) -> None:
    """Raises UserError for tags, and for more depth, values or characters than allowed."""
    sizes: dict[str, int] = {}  # what each anchor stands for, in values
    blocks: list[tuple[str | None, int]] = [(None, 0)]  # anchor and values so far of each open block
    for event in events:
        line = f"line {event.start_mark.line + 1}:"
        _check_value(event, line)
        if isinstance(event, CollectionStartEvent):
            blocks.append((event.anchor, 1))
            if len(blocks) > MAX_DEPTH:
                raise UserError(f"{line} blocks must not stand deeper than {MAX_DEPTH} within each other.")
            continue
        anchor, size = None, 0
        if isinstance(event, AliasEvent):
            size = sizes.get(event.anchor, MAX_VALUES + 1)  # of an anchor that comes later, or around it
        elif isinstance(event, ScalarEvent):
            anchor, size = event.anchor, 1
        elif isinstance(event, CollectionEndEvent):
            anchor, size = blocks.pop()
        if anchor in sizes:
            raise UserError(f"{line} an anchor must be named once. Got {shown(anchor)} again.")
        if anchor:
            sizes[anchor] = size
        blocks[-1] = (blocks[-1][0], blocks[-1][1] + size)
        if blocks[-1][1] > MAX_VALUES:
            raise UserError(f"{line} must have at most {MAX_VALUES:,} values, and aliases only of what is complete.")


def _check_value(event: Any, line: str) -> None:
    """Raises UserError where an event of the parser is a value with a tag, or one that is too long."""
    if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
        raise UserError(f"{line} must have no tag. Got {shown(event.tag)}.")
    if isinstance(event, ScalarEvent) and len(event.value) > MAX_CHARACTERS:
        raise UserError(f"{line} a value must have at most {MAX_CHARACTERS:,} characters. Got {len(event.value):,}.")


def _one_line(reason: object) -> str:
    """A parser's reason, on one line, without control characters and not endless."""
    words = " ".join(str(reason).split())
    text = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in words)
    return text if len(text) <= 3 * MAX_SHOWN else f"{text[: 3 * MAX_SHOWN]}..."
