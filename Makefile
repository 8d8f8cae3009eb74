# `make repro` and `make test` set everything up themselves. The environment is .venv.
PYTHON ?= python3
DEMO := .demo

export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # without compiled bytecode every import of TensorFlow takes three times as long

.PHONY: repro test demo bench lock
.DELETE_ON_ERROR:

repro: .venv/installed
	.venv/bin/dvc repro

test: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pytest

# The whole pipeline on 3,000 images with one epoch, in a clone of its own: .demo/metrics has the results.
demo: export GIT_AUTHOR_NAME = demo
demo: export GIT_AUTHOR_EMAIL = demo@localhost
demo: export GIT_COMMITTER_NAME = demo
demo: export GIT_COMMITTER_EMAIL = demo@localhost
demo: .venv/installed
	rm -rf $(DEMO)
	git clone --quiet . $(DEMO)
	cd $(DEMO) && dvc exp run --name demo -S data.limit=3000 -S epochs=1
	cat $(DEMO)/metrics/comparison.md

# What the README says of speed: benchmarks/train.md, start.md and scale.md. A quiet machine, about an hour; `pip install torch==2.13.0`
# into .venv adds PyTorch to the comparison.
bench: .venv/installed
	.venv/bin/dvc repro train@cm4
	.venv/bin/python -m benchmarks.start
	.venv/bin/python -m benchmarks.train
	.venv/bin/python -m benchmarks.scale

# pip compiles what it installs to bytecode.
.venv/installed: requirements-dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

# Resolve the dependencies of pyproject.toml anew; needs uv.
lock:
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.txt
	for extra in dev gpu; do uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--constraint requirements.txt --extra $$extra pyproject.toml -o requirements-$$extra.txt; done
