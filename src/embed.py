from src.stage import *


def embed(
    x, *, model: str, layer: str, split: Literal["train", "val", "test"], perplexity: Positive, seed: Seed
) -> None: ...
