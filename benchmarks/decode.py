"""Right and wrong claims of decode, by simulation: random mappings of Fashion-MNIST's garments, and what can go wrong.

Look-up: tables of known images are drawn. Nearest images: the first public test images, changed; the other
test images tell how often garments are taken for others. Hints: labels out of order, and labels that are merely noisy.
"""

from collections import Counter
from importlib.metadata import version

import numpy as np
from scipy.stats import binom

from benchmarks.decode_cases import ATTACKS, CHANGES, TWO, mappings
from src.decoding.counts import apportion, cohen_kappa, crosstab
from src.decoding.mapping import UNDECIDED, claim, label_transfers
from src.decoding.neighbors import claim_whole, predict_garments
from src.decoding.order import hints
from src.decoding.records import Names, SplitLabels
from src.images.fashion_mnist import fashion_mnist
from src.images.store import GARMENTS
from src.params import read_params
from src.pipeline.files import write_json, write_text

CASES = 50  # of each kind
TRAINING, TEST = 6000, 1000  # images of a garment
N_PUBLIC, N_NEAREST, N_HINTS = 20_000, 2500, 5000  # images
RULES = read_params()["decode"]
CLAIMS = {"least_noise": 1 - RULES["min_share"], "confidence": RULES["confidence"]}


def most(tables: dict[str, np.ndarray]) -> np.ndarray:
    """The label that most images of a garment bear."""
    return sum(tables.values(), np.array(0)).argmax(axis=1)


def four_fifths(tables: dict[str, np.ndarray]) -> np.ndarray:
    """The label that at least 80% of a garment's images bear, as decode claimed before."""
    table = sum(tables.values(), np.array(0))
    return np.where(table.max(axis=1) >= 0.8 * table.sum(axis=1), table.argmax(axis=1), UNDECIDED)


def likelihood(tables: dict[str, np.ndarray]) -> np.ndarray:
    """What decode claims."""
    return claim(tables, [str(label) for label in range(tables["test"].shape[1])], **CLAIMS).mapping


def judge(truth: np.ndarray, mapping: np.ndarray) -> Counter[str]:
    """Garments by what is claimed for them."""
    single, claimed = truth != TWO, mapping != UNDECIDED
    return Counter(
        {
            "right": int((single & (mapping == truth)).sum()),
            "abstained": int((single & ~claimed).sum()),
            "wrong": int((single & claimed & (mapping != truth)).sum()),
            "without a single label": int((~single).sum()),
            "of these claimed": int((~single & claimed).sum()),
        }
    )


def look_up(rng: np.random.Generator) -> dict[str, dict[str, Counter[str]]]:
    """Every attack on every rule: garments by what is claimed for them."""
    results: dict[str, dict[str, Counter[str]]] = {}
    for name, attack in ATTACKS.items():
        results[name] = {rule.__name__: Counter() for rule in (most, four_fifths, likelihood)}
        for label_of, n_labels in mappings(rng, CASES):
            training, test, truth = attack(np.eye(n_labels)[label_of], label_of, rng)
            tables = {"training": rng.multinomial(TRAINING, training), "test": rng.multinomial(TEST, test)}
            for rule in (most, four_fifths, likelihood):
                results[name][rule.__name__] += judge(truth, rule(tables))
    return results


def sign_test(table: np.ndarray) -> np.ndarray | None:
    """The mapping in which every garment's label leads the next one by a sign test, if it fits counts and kappa."""
    order, mapping = np.sort(table, axis=1), table.argmax(axis=1)
    first, both = order[:, -1], order[:, -1] + order[:, -2]
    leads = binom.sf(first - 1, both, 0.5) < (1 - RULES["confidence"]) / 2 / len(table)
    fits = np.bincount(mapping, minlength=table.shape[1]) == apportion(table.sum(axis=0), len(table))
    kappa = cohen_kappa(label_transfers(table, mapping)) or 0
    return mapping if leads.all() and fits.all() and kappa >= RULES["min_kappa"] else None


def whole(table: np.ndarray, confusion: np.ndarray) -> np.ndarray | None:
    """What decode claims."""
    names = Names([str(label) for label in range(table.shape[1])], list(GARMENTS))
    claims, objections = claim_whole(table, confusion, names, min_kappa=RULES["min_kappa"], **CLAIMS)
    return None if objections else claims.mapping


def nearest(rng: np.random.Generator) -> dict[str, dict[str, Counter[str]]]:
    """Every change of the images on both rules: mappings by what is claimed."""
    public = fashion_mnist(None)[0]
    x, shown = public.x_test[:N_NEAREST], public.y_test[:N_NEAREST]
    public = public._replace(
        x_train=public.x_train[:N_PUBLIC],
        y_train=public.y_train[:N_PUBLIC],
        x_test=public.x_test[N_NEAREST:],
        y_test=public.y_test[N_NEAREST:],
    )
    every = np.concatenate([change(x) for change in CHANGES.values()])
    predicted = predict_garments(every, public, **RULES["neighbors"])
    results: dict[str, dict[str, Counter[str]]] = {}
    for name, garments in zip(CHANGES, np.split(predicted.garments, len(CHANGES)), strict=True):
        results[name] = {"sign_test": Counter(), "likelihood": Counter()}
        for number, (label_of, n_labels) in enumerate(mappings(rng, CASES)):
            y, halved = label_of[shown], number % 4 > 1
            if halved:
                second = (shown == rng.integers(10)) & (rng.random(len(shown)) < 0.5)
                y = np.where(second, (y + 1) % n_labels, y)
            table = crosstab(garments, y, len(GARMENTS), n_labels)
            for rule, claimed in {
                "sign_test": sign_test(table),
                "likelihood": whole(table, predicted.confusion),
            }.items():
                if halved:
                    outcome = ["without a single label", *["of these claimed"] * (claimed is not None)]
                else:
                    outcome = ["abstained" if claimed is None else "right" if (claimed == label_of).all() else "wrong"]
                results[name][rule].update(outcome)
    return results


# Labels out of order


def told(rng: np.random.Generator) -> dict[str, dict[str, Counter[str]]]:
    """What is said of labels that belong to the images or do not: cases by the hint."""
    results: dict[str, dict[str, Counter[str]]] = {}
    for name in ("in order", "40% flipped", "60% flipped", "moved", "moved, 40% flipped", "shuffled"):
        results[name] = {"hint": Counter()}
        for label_of, n_labels in mappings(rng, CASES):
            garments, rows = rng.integers(0, 10, N_HINTS), int(rng.integers(1, N_HINTS // 2))
            rate = next((rate for rate in (0.4, 0.6) if f"{rate:.0%}" in name), 0.0)
            flips = (rng.random(N_HINTS) < rate) * rng.integers(1, n_labels, N_HINTS)
            y = (label_of[garments] + flips) % n_labels
            y = np.roll(y, rows) if name.startswith("moved") else rng.permutation(y) if name == "shuffled" else y
            names = Names([str(label) for label in range(n_labels)], list(GARMENTS))
            sentence = "".join(hints({"test": SplitLabels(y, garments, [])}, names, RULES["confidence"], False))
            right = f"{rows:,} row{'s' * (rows > 1)} below" in sentence
            kind = (
                "shift told"
                if right
                else "wrong shift"
                if "They fit" in sentence
                else "unrelated"
                if sentence
                else "nothing"
            )
            results[name]["hint"][kind] += 1
    return results


CLAIMED = ("right", "abstained", "wrong", "without a single label", "of these claimed")
SAID = ("nothing", "unrelated", "shift told", "wrong shift")


def table(heading: str, results: dict[str, dict[str, Counter[str]]], columns: tuple[str, ...]) -> list[str]:
    """A Markdown table of counts: their sums by rule, then every kind of case."""
    rules = next(iter(results.values()))
    totals = {rule: sum((kind[rule] for kind in results.values()), Counter[str]()) for rule in rules}
    rows = [("all", rule, counts) for rule, counts in totals.items()]
    rows += [(kind, rule, counts) for kind, by_rule in results.items() for rule, counts in by_rule.items()]
    lines = [f"| {heading} | Rule | {' | '.join(columns)} |", "|---|---|" + "---:|" * len(columns)]
    lines += [
        f"| {kind} | {rule.replace('_', ' ')} | {' | '.join(f'{counts[column]:,}' for column in columns)} |"
        for kind, rule, counts in rows
    ]
    return lines


def main() -> None:
    """Simulate all -> benchmarks/decode.json and .md."""
    rng = np.random.default_rng(0)
    parts = {"look_up": (look_up(rng), CLAIMED), "nearest": (nearest(rng), CLAIMED), "hints": (told(rng), SAID)}
    made_with = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn"))
    content = {
        name: {
            kind: {rule: {c: counts[c] for c in columns} for rule, counts in by.items()} for kind, by in part.items()
        }
        for name, (part, columns) in parts.items()
    }
    write_json("benchmarks/decode.json", {"made_with": made_with, "cases_of_each_kind": CASES} | content)
    lines = [
        "# Claims of decode, right and wrong",
        "",
        f"{CASES} random mappings of each kind, of one seed; {made_with}.",
        "",
        f"Look-up: garments, of each {TRAINING:,} known training and {TEST:,} test images. With two labels, 60% "
        "flipped are 40% of the swapped ones: there a claim is wrong by necessity.",
        "",
        *table("Labels", parts["look_up"][0], CLAIMED),
        "",
        f"Nearest images: mappings, claimed as a whole, by {N_NEAREST:,} test images and the nearest of "
        f"{N_PUBLIC:,} public ones; in half of the cases one garment has two labels.",
        "",
        *table("Images", parts["nearest"][0], CLAIMED),
        "",
        f"Hints: files of {N_HINTS:,} labels.",
        "",
        *table("Labels", parts["hints"][0], SAID),
        "",
    ]
    write_text("benchmarks/decode.md", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
