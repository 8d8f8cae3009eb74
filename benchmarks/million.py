"""Memory by the number of images, up to a million, that are predicted and put into clusters as they are read."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.scale import ROOT, Run, markdown, measure
from benchmarks.serve import write_model
from src import classifiers
from src.embed import BATCH, cut_at
from src.images.splits import class_names, read
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.pipeline.untrusted import read_arrays
from src.serving.batches import read_batches
from src.serving.pictures import FASHION_MNIST
from src.training.device import setup_device, software
from src.training.predictor import predictor

SIZES = (100_000, 300_000, 1_000_000)
CHUNK = 10_000


def generate(path: Path, images: int, x: np.ndarray) -> None:
    """Write an .npy file of so many images: those of x, (n, side, side) uint8, moved by up to two pixels and dimmed."""
    rng = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, "w+", np.uint8, (images, *x.shape[1:]))
    for first in range(0, images, CHUNK):
        part = rng.choice(x, min(CHUNK, images - first))
        moved = np.roll(part, rng.integers(-2, 3, 2), (1, 2))
        file[first : first + len(part)] = moved * rng.uniform(0.5, 1, (len(part), 1, 1))


def cluster(path: str, out: str) -> None:
    """Write the cluster of each image of an .npy file, int32: the nearest of the centres of the embedded images."""
    from sklearn.cluster import KMeans

    params = read_params()
    setup_device(seed=params["seed"], device="cpu", threads=None)
    block, name = params["cluster"], params["embed"]["model"]
    classifier = classifiers.load(f"models/{name}/{params['seed']}.keras")
    embed = predictor(cut_at(classifier, params["embed"]["layer"], name), batch_size=BATCH)
    kmeans = KMeans(block["n_clusters"] or len(class_names()), n_init=block["n_init"], random_state=block["seed"])
    kmeans.fit(read_arrays("data/embedding.npz")["features"])
    with Path(out).open("wb") as file:
        for _, x in read_batches(Path(path), FASHION_MNIST, "black"):
            kmeans.predict(embed(x).reshape(len(x), -1)).tofile(file)


def main() -> None:
    """Measure both steps with all numbers of images -> benchmarks/million.json and .md."""
    on = f"{setup_device(seed=0, device='cpu', threads=None)}; {software()}"
    sizes: dict[str, dict[str, Run]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, path = write_model(folder), folder / "x.npy"
        for images in SIZES:
            generate(path, images, read("test").x)
            steps = {
                "predict": ["src", "predict", str(path), "--model", str(model), "--out", str(folder / "out.csv")],
                "embed, KMeans": ["benchmarks.million", str(path), str(folder / "clusters")],
            }
            sizes[str(images)] = {step: measure(command, ROOT) for step, command in steps.items()}
            print("\n".join(markdown(sizes)[-2:]), flush=True)
    write_json("benchmarks/million.json", {"on": on, "images": sizes})
    heading = ["# A million images", "", f"One run of each. On {on}.", ""]
    write_text("benchmarks/million.md", "\n".join([*heading, *markdown(sizes), ""]))


if __name__ == "__main__":
    cluster(*sys.argv[1:]) if sys.argv[1:] else main()
