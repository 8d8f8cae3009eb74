# The environment only; the repository is mounted at its own path, so that DVC and MLflow see the same paths inside and out:
#   docker build --target cpu -t mystery-fashion:cpu .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:$PWD" -w "$PWD" mystery-fashion:cpu dvc repro
#   docker build --target gpu -t mystery-fashion:gpu .
#   docker run --rm --gpus all -u "$(id -u):$(id -g)" -v "$PWD:$PWD" -w "$PWD" mystery-fashion:gpu dvc repro
FROM python:3.11-slim-bookworm AS base

# Experiments are git commits.
# No version of git or tini is asked for: Debian keeps only its newest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/*

# A repository of another owner, and a user id without a name or a home.
RUN git config --system --add safe.directory '*'
ENV LOGNAME=dvc \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    GIT_AUTHOR_NAME=dvc \
    GIT_AUTHOR_EMAIL=dvc@localhost \
    GIT_COMMITTER_NAME=dvc \
    GIT_COMMITTER_EMAIL=dvc@localhost \
    PYTHONUNBUFFERED=1 \
    TF_FORCE_GPU_ALLOW_GROWTH=true

# `docker stop` reaches the running stage as Ctrl-C would: its MLflow run is closed and DVC gives up its locks.
# Alone, DVC hears no signal while a stage runs; killed, it leaves locks by which the repository seems busy ever after.
ENTRYPOINT ["tini", "-g", "--"]
STOPSIGNAL SIGINT
CMD ["dvc", "repro"]
# The device is left out: to look at it takes TensorFlow, and memory beside a training's.
HEALTHCHECK --interval=5m --timeout=2m --start-period=30s CMD ["python", "-m", "src", "doctor", "--quick"]

# pip compiles what it installs: a user without write access could not do it later.
FROM base AS gpu
COPY requirements-gpu.txt /tmp/
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements-gpu.txt
USER 1000

FROM base AS cpu
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt
USER 1000

# MLflow's server with PostgreSQL's driver, for compose.yaml; a new volume takes its owner from the folder.
FROM cpu AS mlflow
USER 0
COPY requirements-postgres.txt /tmp/
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements-postgres.txt \
    && mkdir /artifacts && chown 1000 /artifacts
USER 1000
