"""Chart of the inference: which garments share a label."""

from collections.abc import Sequence

import numpy as np

from src.pipeline.figure import figure


def shared(path: str, probabilities: dict[str, np.ndarray], names: Sequence[str]) -> None:
    """For each prior, {what it is: (garments, garments)}, the probability that two garments share a label."""
    title = "Probability that two garments share a label, given the published learning curves"
    with figure(path, 1, len(probabilities), (5.6 * len(probabilities), 5.2), title=title, sharey=True) as axes:
        for ax, (prior, values) in zip(axes[0], probabilities.items(), strict=True):
            below = np.where(np.tri(len(names), k=-1, dtype=bool), values, np.nan)
            ax.imshow(below, cmap="Blues", vmin=0, vmax=1)
            ax.set_xticks(range(len(names) - 1), names[:-1], rotation=45, ha="right")
            ax.set_yticks(range(1, len(names)), names[1:])
            ax.set(title=prior, xlim=(-0.5, len(names) - 1.5), ylim=(len(names) - 0.5, 0.5))
            ax.grid(visible=False)
            for row, column in zip(*np.nonzero(np.nan_to_num(below) >= 0.01), strict=True):
                shade = "white" if below[row, column] > 0.5 else "black"
                ax.text(
                    column, row, f"{below[row, column]:.2f}", ha="center", va="center", color=shade, fontsize="small"
                )
