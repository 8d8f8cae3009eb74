"""The types that signatures of stages and architectures are written in: what params.yaml may say."""

from typing import Annotated, Literal

from pydantic import Field

Share = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Majority = Annotated[float, Field(gt=0.5, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Several = Annotated[int, Field(ge=2)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Activation = Literal["relu", "leaky_relu", "elu", "tanh"]  # none of them ever falls: see classifiers.conv
Device = Literal["auto", "cpu", "gpu"]
Precision = Literal["float32", "bfloat16"]
Split = Literal["train", "val", "test", "all"]  # all: the three others, one after the other
