"""Classifiers: a shared input and head around one body per file of this folder."""

import importlib
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.pipeline.files import UserError, atomic_write
from src.pipeline.untrusted import shown

if TYPE_CHECKING:  # Keras takes seconds to import: only a call pays for it
    import keras

PARTS = ("config.json", "metadata.json", "model.weights.h5")  # of a .keras file
AMPLE_SIDE = 64  # pixels: an architecture that cannot be built for such images cannot be built at all
ARCHITECTURES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def body(architecture: str) -> Any:
    """The function `body` of an architecture's file; its keyword-only parameters are its part of a model's block."""
    return importlib.import_module(f"{__name__}.{architecture}").body


def build(*, shape: tuple[int, ...], classes: int, architecture: str, **block: Any) -> "keras.Model":
    """An untrained classifier: uint8 images -> (n, classes) float32 probabilities.

    shape: of an image, (side, side) or, in color, (side, side, 3).
    Its last hidden layer is named `embedding`. Raises UserError where the images are too small for the architecture, or
    its body does not return a vector for each image or has no layer of that name.
    """
    import keras

    images = keras.Input(shape, dtype="uint8", name="images")
    x = keras.layers.Reshape((*shape[:2], *(shape[2:] or (1,))), name="channel")(images)
    x = keras.layers.Rescaling(1 / 255, name="rescale")(x)
    try:
        x = body(architecture)(x, **block)
    except ValueError:
        if shape[0] >= AMPLE_SIDE:
            raise  # the images are not what is wrong
        build(shape=(AMPLE_SIDE, AMPLE_SIDE, *shape[2:]), classes=classes, architecture=architecture, **block)
        message = f"architecture {architecture} must have larger images. Got {shape[0]} x {shape[1]} pixels."
        raise UserError(message) from None
    if len(x.shape) != 2:
        must = "`body` must return one vector for each image, (n, features): end it with Flatten or a dense layer"
        raise UserError(f"src/classifiers/{architecture}.py: {must}. Got shape {('n', *x.shape[1:])}.")
    model = keras.Model(images, keras.layers.Dense(classes, activation="softmax", dtype="float32", name="label")(x))
    names = [layer.name for layer in model.layers[:-1]]
    if "embedding" not in names:
        must = "its last hidden layer must be named `embedding`"
        raise UserError(f"src/classifiers/{architecture}.py: {must}. Got the layers {', '.join(names)}.")
    return model


def conv(x: Any, name: str, filters: int, activation: str, padding: str = "valid", pool: bool = False) -> Any:
    """A 3x3 convolution, 2x2 max pooling where asked for, and the activation.

    An activation that never falls commutes exactly with max pooling, gradients too; after it, it has less to do.
    """
    from keras import layers

    x = layers.Conv2D(filters, 3, padding=padding, name=name)(x)
    if pool:
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x)


def save(model: "keras.Model", path: str) -> None:
    """Write a .keras file without the optimizer's state, the same bytes for the same weights."""
    import keras

    bare = keras.Model.from_config(model.get_config())  # not compiled: no optimizer to save
    bare.set_weights(model.get_weights())
    with atomic_write(path) as file:
        bare.save(file)
        _normalise(file)


def load(path: str) -> "keras.Model":
    """The model in a .keras file that `save` wrote. Raises UserError for any other, which could name code to run."""
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            parts = {part.filename: part.compress_type for part in archive.infolist()}
        if parts != dict.fromkeys(PARTS, zipfile.ZIP_STORED):
            raise ValueError(f"the parts {', '.join(parts)}, or compressed ones")
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # Keras raises a dozen kinds, over a hundred lines
        reason = shown(" ".join(str(error).split()))
        message = f"{path}: must be a model as the stage train saves it. It was refused: {reason}."
        raise UserError(f"{message} `dvc checkout models` brings back what DVC has.") from None


def _normalise(path: Path) -> None:
    """Rewrite a .keras file without what differs from save to save: dates, and memory addresses as object ids."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    metadata = json.loads(parts["metadata.json"])
    parts["metadata.json"] = json.dumps(metadata | {"date_saved": "1980-01-01@00:00:00"}).encode()
    ids: dict[str, str] = {}
    number = re.compile(r'("shared_object_id": )(\d+)')
    config = number.sub(lambda match: match[1] + ids.setdefault(match[2], str(len(ids))), parts["config.json"].decode())
    parts["config.json"] = config.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(parts.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
