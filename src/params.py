"""params.yaml, checked whole before any work.

A block holds the keyword-only arguments of one function, and its signature is the schema:

    block X              `X` in src/X.py
    a block in `models`  `train` in src/training/recipe.py, `body` of its architecture, and `replicas`
    block `sweep`        `make_plan` in src/sweeping/plan.py
    block `infer`        `infer` in src/inference/answer.py
"""

import importlib
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import pydantic
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.classifiers import AMPLE_SIDE, ARCHITECTURES, build
from src.pipeline.files import UserError
from src.pipeline.schema import Count, Device, Precision, Seed
from src.pipeline.untrusted import shown
from src.pipeline.yaml_files import read_yaml
from src.training.device import setup_device

STAGES = (
    "fetch",
    "prepare",
    "train",
    "evaluate",
    "compare",
    "audit",
    "slices",
    "embed",
    "cluster",
    "stability",
    "decode",
    "register",
    "report",
)
TOP: dict[str, Any] = {
    "seed": Seed,
    "epochs": Count | None,
    "replicas": Count | None,
    "device": Device,
    "precision": Precision,
    "threads": Count | None,
}
MODEL: dict[str, Any] = {"replicas": Count}


def read_params(path: str = "params.yaml") -> dict[str, Any]:
    """The content of params.yaml, checked. Raises UserError at the first key that does not fit."""
    try:
        params = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found in {Path.cwd()}. Run from the top of the repository.") from None
    if not isinstance(params, dict):
        raise UserError(f"{path}: must be keys with values. Got {type(params).__name__}.")
    return check(params)


def check(params: dict[str, Any]) -> dict[str, Any]:
    """The params with every value in its type. Raises UserError."""
    schemas = {stage: signature_schema(f"src.{stage}", stage) for stage in STAGES if stage != "train"}
    schemas = {stage: schema for stage, schema in schemas.items() if schema}
    schemas["sweep"] = signature_schema("src.sweeping.plan", "make_plan")  # of commands
    schemas["infer"] = signature_schema("src.inference.answer", "infer")
    top = validate_block("", {**TOP, "models": dict, **dict.fromkeys(schemas, dict)}, params)
    if not params["models"]:
        raise UserError("params.yaml: models: must have at least one model. Got none.")
    models = {name: validate_model(name, block) for name, block in params["models"].items()}
    blocks = {stage: validate_block(stage, schema, params[stage]) for stage, schema in schemas.items()}
    for stage in ("embed", "audit"):
        check_known(f"params.yaml: {stage}.model:", blocks[stage]["model"], models)
    return top | {"models": models} | blocks


def check_layer(params: dict[str, Any]) -> None:
    """Raises UserError unless the encoder has `embed.layer`; where it is not `embedding`, this takes Keras to tell."""
    layer, name = params["embed"]["layer"], params["embed"]["model"]
    if layer == "embedding":  # every model has it
        return
    recipe = set(signature_schema("src.training.recipe", "train")) | set(MODEL)
    body = {key: value for key, value in params["models"][name].items() if key not in recipe - {"architecture"}}
    setup_device(seed=params["seed"], device=params["device"], threads=params["threads"])
    layers = [known.name for known in build(shape=(AMPLE_SIDE, AMPLE_SIDE), classes=2, **body).layers]
    importlib.import_module("keras").utils.clear_session()  # it numbers layers, and a training begins at one
    check_known(f"params.yaml: embed.layer: (of {name})", layer, layers)


def signature_schema(module: str, function: str) -> dict[str, Any]:
    """Names and types of a function's keyword-only parameters; {} where the module has no such function."""
    defined = getattr(importlib.import_module(module), function, None)
    if not inspect.isfunction(defined):
        return {}
    hints = get_type_hints(defined, include_extras=True)
    parameters = inspect.signature(defined).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    if untyped := [name for name in names if name not in hints]:
        raise UserError(f"{module}: the arguments of `{function}` must have type hints. Got none for {untyped[0]}.")
    return {name: hints[name] for name in names}


def validate_model(name: Any, block: Any, place: str = "models") -> dict[str, Any]:
    """The checked block of one model. Raises UserError, which names the place in params.yaml."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name):
        must = "at most 50 lower-case letters, digits and _, a letter first"
        raise UserError(f"params.yaml: models: a model's name must be {must}. Got {shown(name)}.")
    key, architectures = f"{place}.{name}", ARCHITECTURES
    schema = signature_schema("src.training.recipe", "train") | MODEL
    if isinstance(block, dict) and "architecture" in block:
        check_known(f"params.yaml: {key}.architecture:", block["architecture"], ARCHITECTURES)
        architectures = [block["architecture"]]
    for architecture in architectures:  # all where none is given: then only that is missing, and no other key unknown
        module = f"src.classifiers.{architecture}"
        if not hasattr(importlib.import_module(module), "body"):
            file = f"{module.replace('.', '/')}.py"
            raise UserError(f"{file}: must have a function `body`, as the other files there. Got none.")
        schema |= signature_schema(module, "body")
    return validate_block(key, schema, block)


def check_known(key: str, value: Any, known: Collection[str]) -> None:
    """Raises UserError unless the value is one of the known names."""
    if value not in known:
        raise UserError(f"{key} must be one of {', '.join(known)}. Got {shown(value)}.")


def validate_block(key: str, schema: Mapping[str, Any], block: Any) -> dict[str, Any]:
    """The block's values in the schema's types. Raises UserError with the key, what must be and what came."""
    fields: Any = TypedDict("fields", dict(schema))  # type: ignore[misc] # a class would lose a key like `register`
    strictly: Any = pydantic.with_config(pydantic.ConfigDict(extra="forbid", strict=True))
    model: pydantic.TypeAdapter[dict[str, Any]] = pydantic.TypeAdapter(strictly(fields))
    try:
        return model.validate_python(block)
    except pydantic.ValidationError as error:
        unknown = {"extra_forbidden", "invalid_key"}  # before what is missing: a misspelt key is both
        first = min(error.errors(), key=lambda problem: problem["type"] not in unknown)
        if first["loc"][-1:] == ("[key]",) and first["type"] not in unknown:  # pydantic's mark of a key that is no word
            where = _whole_key(key, first["loc"][:-2])
            raise UserError(f"params.yaml: {where}: must have words as keys. Got {shown(first['input'])}.") from None
        where = _whole_key(key, first["loc"])
        allowed = model.json_schema()
        definitions = allowed.get("$defs", {})
        for part in first["loc"][:-1] if first["type"] in unknown | {"missing"} else first["loc"]:
            allowed = allowed["items"] if isinstance(part, int) else allowed["properties"][part]
            allowed = definitions[allowed["$ref"].split("/")[-1]] if "$ref" in allowed else allowed
        if first["type"] in unknown:
            problem = f"unknown key. Known here: {', '.join(allowed['properties'])}."
        elif first["type"] == "missing":
            problem = "is missing."
        else:
            problem = f"must be {describe_type(allowed)}. Got {shown(first['input'])}."
        raise UserError(f"params.yaml: {where}: {problem}") from None


def _whole_key(key: str, parts: Sequence[Any]) -> str:
    """A key within a block, such as `decode.neighbors.n_neighbors`."""
    return ".".join(shown(part).strip("'") for part in (key, *parts) if part != "") or "params.yaml"


def describe_type(allowed: dict[str, Any]) -> str:
    """What a JSON schema allows, such as `an integer in [1, inf) or null`."""
    if "anyOf" in allowed:
        return " or ".join(map(describe_type, allowed["anyOf"]))
    if "enum" in allowed:
        return f"one of {', '.join(allowed['enum'])}"
    if "minItems" in allowed:
        return "a list that is not empty"
    if allowed["type"] not in ("integer", "number"):
        return {"string": "a string", "array": "a list", "object": "keys with values", "null": "null"}[allowed["type"]]
    kind = "an integer" if allowed["type"] == "integer" else "a number"
    low = f"[{allowed['minimum']}" if "minimum" in allowed else f"({allowed.get('exclusiveMinimum', '-inf')}"
    high = f"{allowed['maximum']}]" if "maximum" in allowed else f"{allowed.get('exclusiveMaximum', 'inf')})"
    return f"{kind} in {low}, {high}"
