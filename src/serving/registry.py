"""MLflow's registry: versions of one registered model, and which of them is the champion."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from src.pipeline.files import read_json
from src.pipeline.store import as_user_error, connect, wait_for
from src.serving.folder import EVIDENCE, folder_sha256
from src.serving.promotion import Decision, Evidence

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEYS = set(Evidence.__annotations__)
DIGEST: Final = "folder_sha256"  # the tag by which a version is found again


class Outcome(NamedTuple):
    """A registration: the version that the folder is, the decision, and what the champion was before, if any."""

    version: str
    decision: Decision
    champion_version: str | None
    champion: Evidence | None


def register_folder(
    folder: Path,
    name: str,
    evidence: Evidence,
    tags: Mapping[str, str],
    decide: Callable[[Evidence | None, bool], Decision],
) -> Outcome:
    """Register a copy of a model's folder as a version of `name`, unless one has the same files, and give it an alias.

    `decide` gets the champion's evidence, where it is known, and whether there is a champion. Raises UserError where
    the store cannot be used, which is told in seconds.
    """
    client, experiment = use_store()
    with as_user_error(client.tracking_uri), promotion_lock(client.tracking_uri):
        aliases = known_aliases(client, name)
        number = aliases.get("champion")
        champion = read_evidence(client, name, number) if number else None
        digest = folder_sha256(folder)
        version = find_version(client, name, digest)
        if version is not None and version == number:
            decision = Decision(None, "It is the champion already: all files are the same.")
        else:
            decision = decide(champion, number is not None)
        if version is None:
            version = new_version(client, experiment, folder, name, evidence, {**tags, DIGEST: digest}, decision.reason)
        if decision.alias:
            client.set_registered_model_alias(name, decision.alias, version)
            now = known_aliases(client, name).get(decision.alias)
            if now != version:
                problem = f"Another registration moved the alias {decision.alias} to version {now} meanwhile."
                decision = decision._replace(reason=f"{decision.reason} {problem}")
    return Outcome(version, decision, number, champion)


def use_store() -> tuple["MlflowClient", str]:
    """A client of the store, where MLflow then looks models:/... up, and the experiment's id. Raises UserError."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    client, experiment = connect()
    import mlflow

    mlflow.set_tracking_uri(client.tracking_uri)
    return client, experiment


@contextmanager
def promotion_lock(uri: str) -> Iterator[None]:
    """Keep this user's other registrations in a store waiting. Raises UserError where another one does not end."""
    digest = hashlib.sha256(uri.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"registration-{os.getuid()}-{digest}.lock")
    with open(path, "w", encoding="utf-8", opener=_open_own) as lock:
        wait_for(lock)
        yield


def _open_own(path: str, flags: int) -> int:
    """Open a file that nobody else can read, never by a link that somebody else has put there."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def known_aliases(client: "MlflowClient", name: str) -> dict[str, str]:
    """The version that each alias of the registered model points at; the model is created where it is missing."""
    from mlflow.exceptions import MlflowException

    try:
        # Searches give no aliases: this call does.
        return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    try:
        client.create_registered_model(name, description="The pipeline's best model by validation accuracy.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":  # from another machine, meanwhile
            raise
    return {}


def read_evidence(client: "MlflowClient", name: str, version: str) -> Evidence | None:
    """The evidence in a version's folder; None where it has none. Raises MLflow's error where it cannot be reached."""
    import mlflow

    version_uri, store = f"models:/{name}/{version}", client.tracking_uri
    # Listed first: the error of a download does not tell a file that is missing from a server that is away.
    files = mlflow.artifacts.list_artifacts(f"{version_uri}/{Path(EVIDENCE).parent}", tracking_uri=store)
    if EVIDENCE not in [file.path for file in files]:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(f"{version_uri}/{EVIDENCE}", dst_path=folder, tracking_uri=store)
        try:
            content: Any = read_json(path)
        except ValueError:
            return None
    whole = isinstance(content, dict) and set(content) == KEYS
    return content if whole else None


def find_version(client: "MlflowClient", name: str, digest: str) -> str | None:
    """The latest version whose folder has this digest."""
    versions = client.search_model_versions(f"name = '{name}' and tag.{DIGEST} = '{digest}'")
    return max((str(version.version) for version in versions), key=int, default=None)


def new_version(
    client: "MlflowClient",
    experiment: str,
    folder: Path,
    name: str,
    evidence: Evidence,
    tags: Mapping[str, str],
    reason: str,
) -> str:
    """Upload the folder as a logged model, and register that: a source runs:/... breaks on some servers.

    reason: of the decision; it ends the version's description.
    """
    own = {key: str(value) for key, value in evidence.items() if key not in ("wrong", "n_images", "n_params")}
    logged = client.create_logged_model(experiment, f"{evidence['model']}-seed{evidence['seed']}", tags={**tags, **own})
    try:
        client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    source = f"models:/{logged.model_id}"
    description = (
        f"{evidence['model']}, seed {evidence['seed']}, {evidence['n_params']:,} parameters: "
        f"{evidence['val_accuracy']:.2%} of {evidence['n_images']:,} validation images. When registered: {reason}"
    )
    version = client.create_model_version(
        name, source, tags={**tags, **own}, description=description, model_id=logged.model_id
    )
    return str(version.version)
