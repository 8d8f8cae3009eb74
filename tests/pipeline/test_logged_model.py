from pathlib import Path

import numpy as np
import pytest

from src import classifiers
from src.pipeline import tracking
from src.pipeline.logged_model import deliver_model
from src.pipeline.sender import Sender
from src.pipeline.store import connect


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # MLflow's own, when pyfunc is imported
@pytest.mark.usefixtures("top")
def test_the_model_loads_in_mlflow_and_predicts_what_keras_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    import mlflow

    model = classifiers.build(shape=(12, 12), classes=3, architecture="cm1", activation="relu")
    classifiers.save(model, "27.keras")
    with tracking.training_run("cm1", "cm1-seed27", {"epochs": 3, "seed": 27}) as run:
        run.log_model("27.keras", shape=(12, 12), classes=3, backend=keras.backend.backend())
    Sender().send_all()
    client, experiment = connect()
    (logged,) = client.search_logged_models([experiment])
    assert (logged.name, logged.model_type, logged.params["seed"]) == ("cm1-seed27", "classifier", "27")
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", client.tracking_uri)
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 12), dtype=np.uint8)
    expected = np.asarray(model(images))
    loaded = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
    np.testing.assert_allclose(loaded.predict(images), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(mlflow.keras.load_model(f"models:/{logged.model_id}")(images)), expected, rtol=1e-4, atol=1e-6
    )
    assert loaded.metadata.signature.inputs.inputs[0].type == np.uint8
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 12, 12)
    assert loaded.metadata.signature.outputs.inputs[0].shape == (-1, 3)
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"Shape of input"):
        loaded.predict(images[:, :5])


def test_a_model_is_made_once_and_doubles_are_deleted(top: Path) -> None:
    (top / "a.keras").write_bytes(b"weights")
    client, experiment = connect()
    run_id = client.create_run(experiment).info.run_id
    facts = {"shape": [28, 28], "classes": 5, "backend": "tensorflow", "versions": {"keras": "3", "tensorflow": "2"}}
    tags = {"run_id": run_id, "pipeline.run_id": "7"}
    other = client.create_logged_model(
        experiment, "other", "f" * 32, {"pipeline.run_id": "7"}
    )  # of a double of the run
    ids = {deliver_model(client, experiment, tags, "a", {}, facts, top / "a.keras") for _ in range(2)}
    client.create_logged_model(experiment, "a", run_id, {"pipeline.run_id": "7"})  # a request that was taken twice
    ids |= {deliver_model(client, experiment, tags, "a", {}, facts, top / "a.keras")}
    assert [model.model_id for model in client.search_logged_models([experiment])] == list(ids)
    assert other.model_id not in ids
