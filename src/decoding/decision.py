"""Which garments each label stands for, by known images or else by the nearest ones, and how sure that is."""

from collections.abc import Mapping

import numpy as np

from src.decoding.certificate import count_check, lacking
from src.decoding.counts import cohen_kappa, contingency, coverage, fitting_mappings
from src.decoding.mapping import UNDECIDED, claim, evidence, exceptions, label_transfers
from src.decoding.neighbors import Nearest, claim_whole
from src.decoding.order import hints
from src.decoding.records import Decoding, Names, SplitLabels


def decide(
    splits: Mapping[str, SplitLabels],
    names: Names,
    public_counts: Mapping[str, np.ndarray],
    nearest: Nearest | None,
    *,
    min_share: float,
    min_kappa: float,
    confidence: float,
) -> Decoding:
    """What each label stands for, with the evidence and every exception.

    Known images decide; where they claim nothing, the images `nearest` to the test images do. public_counts:
    {"training", "test": (garments,) public images of each garment}, empty without public data.
    """
    labels, garments = names
    sets = {"training": in_file_order(splits["train"], splits["val"]), "test": splits["test"]}
    counts = {part: np.bincount(images.y, minlength=len(labels)) for part, images in sets.items()}
    tables, objections = tabulate(sets, names), list[str]()
    claims = claim(tables, labels, 1 - min_share, confidence)
    by_nearest = nearest is not None and bool((claims.mapping == UNDECIDED).all())
    if nearest is not None and by_nearest:
        sets = {"test": sets["test"]._replace(garments=nearest.garments)}
        tables = tabulate(sets, names)
        claims, objections = claim_whole(tables["test"], nearest.confusion, names, 1 - min_share, min_kappa, confidence)
    table = np.sum(list(tables.values()), axis=0)
    checks = {
        part: count_check(counts[part], public, claims.mapping, labels, confidence)
        for part, public in public_counts.items()
    }
    known = {split: coverage(part.garments) for split, part in splits.items()}
    doubts = objections or lacking(known, tables, claims.mapping, checks, garments, min_share)
    wrong = exceptions(splits, claims.mapping, labels, garments)
    return {
        "by": "nearest images" if by_nearest else "look-up",
        "certified": not doubts,
        "doubts": doubts,
        "decoding": evidence(table, claims, labels, garments, confidence),
        "undecided": {garments[garment]: reason for garment, reason in claims.reasons.items()},
        "kappa": cohen_kappa(label_transfers(table, claims.likeliest)),
        "hints": hints(sets, names, confidence, by_nearest),
        "known": known,
        "count_check": checks,
        "exceptions": {"total": len(wrong), "listed": wrong},
        "mappings_that_fit_the_counts": fitting_mappings(counts["test"], len(garments)),
    }


def in_file_order(*splits: SplitLabels) -> SplitLabels:
    """Splits of one file put together again, in the order of its rows."""
    ids = [name for split in splits for name in split.ids]
    order = np.argsort([int(name.split()[1]) for name in ids], kind="stable")
    y, garments = (np.concatenate(arrays)[order] for arrays in zip(*((s.y, s.garments) for s in splits), strict=True))
    return SplitLabels(y, garments, [ids[place] for place in order])


def tabulate(sets: Mapping[str, SplitLabels], names: Names) -> dict[str, np.ndarray]:
    """Images whose garment is known by garment and label, (garments, labels) of each set."""
    sizes = len(names.garments), len(names.labels)
    return {part: contingency(images.garments, images.y, *sizes) for part, images in sets.items()}
