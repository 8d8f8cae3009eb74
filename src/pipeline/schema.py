"""The types that signatures of stages and architectures are written in: what params.yaml may say."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

# YAML 1.1, and so PyYAML, reads 5e-05 as a string; DVC, which writes it for `-S ...=5e-5`, as a number.
EXPONENT = BeforeValidator(
    lambda v: float(v) if isinstance(v, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", v) else v
)
Share = Annotated[float, Field(ge=0, lt=1), EXPONENT]
Fraction = Annotated[float, Field(gt=0, lt=1), EXPONENT]
Majority = Annotated[float, Field(gt=0.5, lt=1), EXPONENT]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), EXPONENT]
Count = Annotated[int, Field(ge=1)]
Several = Annotated[int, Field(ge=2)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Activation = Literal["relu", "leaky_relu", "elu", "tanh"]  # none of them ever falls: see classifiers.conv
Device = Literal["auto", "cpu", "gpu"]
Split = Literal["train", "val", "test", "all"]  # all: the three others, one after the other
