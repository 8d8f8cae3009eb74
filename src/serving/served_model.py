"""The registered model: MLflow runs this file wherever the model is loaded, without the rest of the repository."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

CHUNK = 256  # images a call: memory, not results
DIGITS = 6  # of a probability


class Classifier(PythonModel):
    """A trained network with the names of its labels, and training images to show beside a picture."""

    def load_context(self, context: Any) -> None:
        """Load the network, in Keras's safe mode, and compile it by embedding the training images."""
        import keras

        folder = Path(context.artifacts["classifier"])
        network = keras.saving.load_model(folder / "network.keras", compile=False, safe_mode=True)
        self.network = keras.Model(network.inputs, [network.output, network.get_layer("embedding").output])
        self.lock = threading.Lock()  # first calls from two threads would race, and more threads gain nothing
        self.labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        with np.load(folder / "pictures.npz", allow_pickle=False) as pictures:
            self.pictures, self.picture_labels = pictures["x"], pictures["y"]
        self.forward(np.zeros_like(self.pictures[:1]))
        self.features = _unit(self.forward(self.pictures)[1])

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """n uint8 images -> the probabilities (n, labels) and the last hidden layer's output (n, d), float32."""
        with self.lock:
            chunks = [self.network.predict_on_batch(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK)]
        probabilities, features = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
        return probabilities, features

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> list[dict[str, Any]]:
        """n uint8 images -> n records: label, garments, garments_are and probabilities, {label: in [0, 1]}."""
        if len(model_input) == 0:
            raise ValueError("there must be at least one image")
        return self.records(self.forward(model_input)[0])

    def records(self, probabilities: np.ndarray) -> list[dict[str, Any]]:
        """(n, labels) probabilities -> the records of `predict`."""
        names = [row["label"] for row in self.labels]
        rows = probabilities.astype(float).round(DIGITS).tolist()
        best = probabilities.argmax(axis=1).tolist()
        return [
            self.labels[number] | {"probabilities": dict(zip(names, row, strict=True))}
            for number, row in zip(best, rows, strict=True)
        ]

    def explain(self, image: np.ndarray, n_nearest: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The record of a uint8 image, and the training images nearest to it, nearest first.

        Nearest by the cosine of the last hidden layer's outputs: each with `image`, `label`, `similarity`.
        """
        probabilities, features = self.forward(image[None])
        similarity = self.features @ _unit(features)[0]
        nearest = [
            {
                "image": self.pictures[row],
                "label": self.labels[self.picture_labels[row]]["label"],
                "similarity": round(float(similarity[row]), DIGITS),
            }
            for row in np.argsort(-similarity, kind="stable")[:n_nearest]
        ]
        return self.records(probabilities)[0], nearest


def _unit(features: np.ndarray) -> np.ndarray:
    """(n, d) rows divided by their lengths; rows of zeros stay."""
    features = features.reshape(len(features), -1)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = features / np.where(lengths > 0, lengths, 1)
    return unit


set_model(Classifier())
