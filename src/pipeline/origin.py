"""Where a run comes from: the stage and the experiment of DVC, the commit of git."""

import os
import subprocess

UNKNOWN = "unknown"  # without git or a repository, or where git refuses, as in another user's folder


def tags() -> dict[str, str]:
    """Tags that lead back from a run to DVC and git; MLflow shows the source and its commit in columns."""
    stage, (commit, dirty) = os.environ.get("DVC_STAGE", "none"), source()
    return {
        "dvc.stage": stage,
        "dvc.exp": os.environ.get("DVC_EXP_NAME", "workspace"),
        "git.commit": commit,
        "git.dirty": UNKNOWN if dirty is None else str(dirty).lower(),
        "mlflow.source.name": stage,
        "mlflow.source.git.commit": commit,
    }


def source() -> tuple[str, bool | None]:
    """The commit that runs, and whether a tracked file that no stage writes differs from it; None: git cannot tell."""
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD") or UNKNOWN
    results = (":!metrics", ":!dvc.lock")
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *results)
    return commit, None if changes is None else bool(changes)


def _git(*arguments: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, encoding="utf-8", check=True).stdout.strip()
    except (OSError, ValueError, subprocess.CalledProcessError):  # ValueError: names of files in other bytes than UTF-8
        return None
