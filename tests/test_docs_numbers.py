"""The results that README and docs quote are those of the committed files: each sentence as it follows from them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


def table(path: str) -> Any:
    return pd.read_csv(ROOT / path)


def content(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def words(page: str) -> str:
    """A page on one line."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def readme() -> list[str]:
    pairs = table("metrics/compare/pairs.csv").set_index(["model_a", "model_b"])
    first, second = pairs.loc[("cm1", "cnn1")], pairs.loc[("cnn2", "cnn4")]
    assert first.verdict == second.verdict == "undecided"
    kmeans = content("metrics/cluster/clusters.json")["kmeans"]["labels"]["matched_accuracy"]
    encoders = content("metrics/stability/stability.json")["encoders"]
    matched = [encoder["kmeans"]["labels"]["matched_accuracy"] for encoder in encoders]
    assert content("metrics/summary.json")["best_model"] == "cm1"
    assumed = table("metrics/infer/sensitivity.csv").query("temper == 0.5 and prior != 'flat'").p_best
    return [
        f"over five seeds it is ahead by {100 * first.seeds_difference:.2f} points",
        f"(p = {first.ttest_p_holm:.3f}, `metrics/compare/pairs.csv`)",
        f"`cnn4` is ahead of `cnn2` by {-100 * second.seeds_difference:.2f} points",
        f"(p = {second.ttest_p_holm:.3f})",
        f"gets {kmeans:.1%} of the images right",
        f"{100 * min(matched):.1f} to {max(matched):.1%} with encoders of other seeds",
        f"given the author's own table, its probability is {min(assumed):.2f} to {max(assumed):.2f}",
    ]


def labels() -> list[str]:
    answers = table("metrics/infer/sensitivity.csv").query("temper == 0.5").set_index("prior")
    tests = table("metrics/infer/selftest.csv")
    held = {power: (len(rows), int(rows.in_set.sum())) for power, rows in tests.groupby("temper")}
    size = answers.loc["flat"].set_size
    author = answers.drop("flat")
    first, second, third = author.p_best
    furthest = table("metrics/infer/direct.csv").groupby("grouping", sort=False).t.apply(lambda t: t.abs().max())
    order = content("metrics/infer/row_order.json")
    return [
        f"credible set held it in {held[1][1]} of {held[1][0]} cases",
        f"to the power of 1/2 in {held[0.5][1]} of {held[0.5][0]}",
        f"leave {size:.0f} of the 12,600 groupings in the 95% set, {size / 12_600:.0%}",
        f"a probability of {first:.2f}, {second:.2f} and {third:.2f}",
        f"in place of Coat, at most {author.p_second.max():.2f}",
        f"is at most {furthest.iloc[0]:.1f} standard deviations from the published curve",
        "the other two up to {:.1f} and {:.1f}".format(*sorted(furthest.iloc[1:])),
        f"none of {order['n_encoders']} encoders printed the same",
        f"of {order['n_random']:,} random orders {order['n_random_equal']} printed the same",
    ]


def results() -> list[str]:
    rows = table("metrics/compare/replication.csv")
    inside = ((rows.low <= rows.published) & (rows.published <= rows.high)).groupby(rows.model, sort=False)
    counts = [f"{held.sum()} of {len(held)} of `{model}`" for model, held in inside]
    assert (rows.p_holm > 0.05).all()
    tuned = content("benchmarks/controls.json")["summary"]
    sgd, adam, momentum = tuned["sgd-0.3"], tuned["adam-0.003"], tuned["sgd_momentum-0.1"]
    assert all(row["tuned"] for row in (sgd, adam, momentum))
    untuned = tuned["adam-0.001"]["test_mean"] - tuned["sgd-0.01"]["test_mean"]

    def lead(row: dict[str, Any]) -> str:
        """Adam's lead in points, with its interval."""
        high, low = (-100 * end for end in row["interval"])
        return f"{-100 * row['difference']:.1f} ({low:.1f} to {high:.1f})"

    return [
        *counts,
        f"gives SGD {sgd['test_mean']:.1%} of the test images and Adam {adam['test_mean']:.1%}",
        f"with momentum 0.9 SGD gets {momentum['test_mean']:.1%}",
        f"by {lead(sgd).replace(' (', ' points (')} instead of the {100 * untuned:.0f}",
        f"by {lead(momentum)} against momentum",
    ]


def speed() -> list[str]:
    summary = content("benchmarks/train.json")["summary"]
    return [f"| {path} | {row['geometric_mean']:.2f} | {row['recipes']:.2f} |" for path, row in summary.items()]


def reliability() -> list[str]:
    models = content("benchmarks/checkpoints.json")["models"]
    shares = {name: row["write_s"] / row["epoch_s"] for name, row in models.items()}
    least, most = min(shares, key=lambda name: shares[name]), max(shares, key=lambda name: shares[name])
    return [f"between {shares[least]:.2%} (`{least}`) and {shares[most]:.2%} (`{most}`)"]


def scale() -> list[str]:
    runs = table("metrics/compare/runs.csv").groupby("model").train_seconds.sum()
    return [f"this is `{runs.idxmax()}`, {runs.max():,.0f} s on two cores"]


SENTENCES = {
    "README.md": readme,
    "docs/labels.md": labels,
    "docs/results.md": results,
    "docs/speed.md": speed,
    "docs/reliability.md": reliability,
    "docs/scale.md": scale,
}


@pytest.mark.parametrize("page", SENTENCES)
def test_what_a_page_quotes_follows_from_the_committed_results(page: str) -> None:
    text = words(page)
    assert [sentence for sentence in SENTENCES[page]() if sentence not in text] == []
