"""The answer: the method tested on hidden groupings, and applied to the published learning curves."""

from typing import Annotated, NamedTuple, TypeVar

import numpy as np
from pydantic import Field

from src.inference import result
from src.inference.posterior import author_prior, n_moves, posterior, summary, together
from src.inference.records import Candidate, Direct, Hidden, Notebook, RowOrder, Sensitivity
from src.inference.study import Train, collect, in_words, published_numbers, self_test
from src.pipeline.schema import Count, Fraction, Positive, Seed, Several

T = TypeVar("T")
Some = Annotated[list[T], Field(min_length=1)]


class Answer(NamedTuple):
    """The tables of metrics/infer; shared: {prior: (garments, garments) probabilities of one label}."""

    selftest: list[Hidden]
    posterior: list[Candidate]
    sensitivity: list[Sensitivity]
    direct: list[Direct]
    row_order: RowOrder
    shared: dict[str, np.ndarray]


def infer(
    train: Train,
    labels: np.ndarray,
    sizes: list[int],
    names: list[str],
    published: Notebook,
    *,
    encoder: str,
    models: Some[str],
    n_seeds: Several,
    n_mappings: Several,
    n_best: Count,
    first_epoch: Count,
    tempers: Some[Positive],
    errors: Some[Fraction],
    credibility: Fraction,
    n_listed: Count,
    shuffles: Count,
    seed: Seed,
) -> Answer:
    """Make the trainings, test the method on hidden groupings, and apply it to the published curves.

    labels: (n, garments) the groupings into labels of these sizes; names: of the garments.
    """
    evidence = collect(
        train,
        labels,
        encoder=encoder,
        models=models,
        n_seeds=n_seeds,
        n_mappings=n_mappings,
        first_epoch=first_epoch,
        seed=seed,
    )
    theirs = {model: published_numbers(published["models"][model], first_epoch) for model in (encoder, *models)}
    logs = evidence.log_likelihood(theirs)
    written = written_labels(published["written_decoding"], names)
    priors = {"flat": np.full(len(labels), 1 / len(labels))}
    author_names = {error: f"author, {100 * error:g}% wrong" for error in errors}
    priors |= {name: author_prior(labels, sizes, written, error) for error, name in author_names.items()}
    author = author_names[errors[len(errors) // 2]]
    chosen = {"flat": priors["flat"], "author": priors[author]}
    best = np.argsort(-posterior(logs, chosen["author"], 1), kind="stable")[:n_best]
    trained = {
        in_words(labels[number], names): [
            summary(train(models[-1], seed + i, labels[number])["curves"], first_epoch) for i in range(n_seeds)
        ]
        for number in best
    }
    return Answer(
        selftest=self_test(evidence, names, tempers, credibility),
        posterior=result.candidates(evidence, logs, chosen, n_moves(labels, sizes, written), names, n_listed),
        sensitivity=result.sensitivity(evidence, logs, priors, tempers, credibility, names),
        direct=result.direct(trained, theirs[models[-1]]),
        row_order=result.judge_order(evidence, published["dbscan_print"], shuffles, seed),
        shared={f"Prior: {name}": together(labels, posterior(logs, priors[name], 1)) for name in ("flat", author)},
    )


def written_labels(decoding: dict[str, list[str]], names: list[str]) -> np.ndarray:
    """The label of each garment in a written decoding, {label: garments}: (garments,) ints."""
    label_of = {name: int(label) for label, group in decoding.items() for name in group}
    return np.array([label_of[name] for name in names])
