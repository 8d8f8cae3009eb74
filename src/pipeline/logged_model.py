"""A trained Keras model as a LoggedModel of MLflow 3, as `mlflow.keras.log_model` makes it, without loading Keras."""

import platform
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel


def deliver_model(
    client: "MlflowClient",
    experiment: str,
    tags: Mapping[str, str],
    name: str,
    params: Mapping[str, str],
    facts: Mapping[str, Any],
    file: Path,
) -> str:
    """The id of the run's model: the one that is there already, else a new one; its files are written anew.

    tags: ours for the run, and `run_id`, the store's. facts: what `tracking.Run.log_model` wrote of the .keras file.
    """
    from mlflow.entities import LoggedModelOutput

    run_id, ours = tags["run_id"], {key: value for key, value in tags.items() if key != "run_id"}
    model = _find(client, experiment, run_id, ours)
    if model is None:
        client.create_logged_model(experiment, name, run_id, ours, dict(params), model_type="classifier")
        model = _find(client, experiment, run_id, ours)  # a request may have made two
    if model is None:
        raise OSError(f"the store lacks the model {name}, which it just took")
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), file, run_id, model.model_id, facts)
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    outputs = client.get_run(run_id).outputs
    if model.model_id not in [output.model_id for output in (outputs.model_outputs if outputs else [])]:  # or an error
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model.model_id


def _find(client: "MlflowClient", experiment: str, run_id: str, ours: Mapping[str, str]) -> "LoggedModel | None":
    """The oldest model of the run; doubles are deleted."""
    condition = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in ours.items())
    order = [{"field_name": "creation_timestamp", "ascending": True}]
    models = list(client.search_logged_models([experiment], condition, order_by=order))
    own = [model for model in models if model.source_run_id == run_id]  # not of a double of the run
    for model in models:
        if model not in own[:1]:
            client.delete_logged_model(model.model_id)
    return own[0] if own else None


def write_folder(folder: Path, file: Path, run_id: str, model_id: str, facts: Mapping[str, Any]) -> None:
    """Write the files of MLflow's keras flavour, which `mlflow.keras` and `mlflow.pyfunc` load."""
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec
    from mlflow.version import VERSION

    shape, classes, versions = facts["shape"], facts["classes"], facts["versions"]
    images = TensorSpec(np.dtype("uint8"), (-1, *shape))
    probabilities = TensorSpec(np.dtype("float32"), (-1, classes))
    model = Model(run_id=run_id, model_id=model_id, signature=ModelSignature(Schema([images]), Schema([probabilities])))
    keras = {"keras_version": versions["keras"], "keras_backend": facts["backend"], "save_exported_model": False}
    model.add_flavor("keras", data="data", **keras)
    python = platform.python_version()
    environment = {"virtualenv": "python_env.yaml"}
    model.add_flavor("python_function", loader_module="mlflow.keras", python_version=python, env=environment)
    (folder / "data").mkdir()
    shutil.copyfile(file, folder / "data" / "model.keras")
    (folder / "data" / "keras_module.txt").write_text("keras", encoding="utf-8")
    packages = {"mlflow": VERSION} | versions
    lines = "".join(f"{package}=={version}\n" for package, version in packages.items())
    (folder / "requirements.txt").write_text(lines, encoding="utf-8")
    requirements = f"python: {python}\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]\n"
    (folder / "python_env.yaml").write_text(requirements, encoding="utf-8")
    model.save(str(folder / "MLmodel"))
