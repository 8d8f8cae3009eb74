"""Embed a split, or all images, in a model's layer, and draw maps of it: PCA and t-SNE in two dimensions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from src import classifiers
from src.images import splits
from src.pipeline.files import UserError, atomic_write, read_json
from src.pipeline.schema import Positive, Seed, Split
from src.training.device import setup_device
from src.training.predictor import predictor

BATCH = 500  # images a call: memory, not results
# Values of all features: 1 GiB as float32, as much for the untrained encoder; PCA and t-SNE make copies.
MAX_VALUES = 2**28


def embed(
    classifiers: Sequence[Any],
    x: np.ndarray,
    threads: int | None,
    *,
    model: str,
    layer: str,
    split: Split,
    perplexity: Positive,
    seed: Seed,
) -> dict[str, np.ndarray]:
    """The layer's output for uint8 images, and two maps of it.

    classifiers: a model's, of one seed each. Returns features (n, d) float32 of the first one (more axes are
    flattened), other_seeds (seeds - 1, n, d), those of the others, untrained, the same from an encoder with weights as
    they are before training, pca and tsne (n, 2) float32, and explained (2,), the share of the features' variance along
    each axis of the PCA map. t-SNE gives the same with any number of `threads`; None is one for each core. `model` and
    `split` name what the caller has loaded.
    Raises UserError for an unknown layer, one with fewer than two outputs or more than MAX_VALUES in all, or a
    perplexity that is not below a third of the images, for t-SNE needs three times as many neighbours.
    """
    import keras
    from openTSNE import TSNE
    from sklearn.decomposition import PCA

    if 3 * perplexity >= len(x):
        raise UserError(
            f"params.yaml: embed.perplexity: must be below a third of the {len(x)} images of {split}. Got {perplexity}."
        )
    encoders = [cut_at(classifier, layer, model) for classifier in classifiers]
    dimensions = int(np.prod(encoders[0].output_shape[1:]))
    most = MAX_VALUES // (len(x) * len(encoders))
    if not 2 <= dimensions <= most:
        raise UserError(
            f"params.yaml: embed.layer: must have 2 to {most:,} outputs for the {len(x):,} images of {split} from "
            f"{len(encoders)} encoders. {layer} has {dimensions:,}; take another layer or a smaller embed.split."
        )
    features, *other_seeds, untrained = (
        predictor(network, batch_size=BATCH)(x).reshape(len(x), -1).astype(np.float32)
        for network in (*encoders, keras.models.clone_model(encoders[0]))
    )
    print(f"embed: PCA and t-SNE maps of {len(x):,} images ...", flush=True)
    pca = PCA(n_components=2, random_state=seed)
    # The neighbours that openTSNE approximates by itself would depend on the number of threads.
    tsne = TSNE(perplexity=perplexity, neighbors="exact", random_state=seed, n_jobs=threads or -1)
    return {
        "features": features,
        "other_seeds": np.array(other_seeds, np.float32).reshape(-1, *features.shape),
        "untrained": untrained,
        "pca": pca.fit_transform(features).astype(np.float32),
        "tsne": np.asarray(tsne.fit(features), dtype=np.float32),
        "explained": pca.explained_variance_ratio_,
    }


def cut_at(classifier: Any, layer: str, model: str) -> Any:
    """A keras.Model from the classifier's images to the output of the layer. Raises UserError for an unknown layer."""
    import keras

    names = [known.name for known in classifier.layers]
    if layer not in names:
        raise UserError(f"params.yaml: embed.layer: must be a layer of {model}: {', '.join(names)}. Got {layer!r}.")
    return keras.Model(classifier.inputs, classifier.get_layer(layer).output)


def main(params: dict[str, Any]) -> None:
    """models/MODEL of each seed of data/runs/MODEL.json, and a split -> data/embedding.npz."""
    setup_device(seed=params["seed"], device=params["device"], threads=params["threads"])
    block = params["embed"]
    x = splits.read(block["split"]).x
    seeds = [run["seed"] for run in read_json(f"data/runs/{block['model']}.json")["seeds"]]
    encoders = [classifiers.load(f"models/{block['model']}/{seed}.keras") for seed in seeds]
    embedding = embed(encoders, x, params["threads"], **block)
    with atomic_write("data/embedding.npz") as file:
        np.savez(file, allow_pickle=False, **embedding)
    images, dimensions = embedding["features"].shape
    print(
        f"embed: {images:,} images of {block['split']}, {dimensions} dimensions ({block['model']}, {block['layer']}); "
        f"the PCA map has {embedding['explained'].sum():.1%} of the variance"
    )
