# `make` alone lists the targets. The environment is .venv; every target that needs it sets it up.
PYTHON ?= python3
REPOSITORY ?= .
DEMO := .demo

export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # without compiled bytecode every import of TensorFlow takes three times as long

.PHONY: help repro demo ui test bench fuzz lock
.DELETE_ON_ERROR:

help:
	@echo "make demo    the whole pipeline in minutes: 3,000 images, one epoch, one seed, in a clone of its own ($(DEMO))"
	@echo "make repro   the whole pipeline: all images, all epochs, 40 trainings (hours on two CPU cores)"
	@echo "             either with JOBS=2: two stages at a time where they do not need each other"
	@echo "make ui      MLflow's pages of all runs; of the demo's: make ui REPOSITORY=$(DEMO)"
	@echo "make test    checks and tests"
	@echo "make bench   measures what the tables in benchmarks/ say, on a quiet machine (hours), but for two:"
	@echo "             python -m benchmarks.gpu needs a GPU, and fuzz is the next target"
	@echo "make fuzz    gives the readers of files from elsewhere 100,000 damaged ones each (about an hour)"
	@echo "make lock    resolves the dependencies anew (needs uv)"
	@echo "The first of them installs 223 packages (4 GB) into .venv, which takes two minutes or more."

repro: .venv/installed
	$(if $(JOBS),python -m src parallel --jobs $(JOBS),dvc repro)

demo: export GIT_AUTHOR_NAME = demo
demo: export GIT_AUTHOR_EMAIL = demo@localhost
demo: export GIT_COMMITTER_NAME = demo
demo: export GIT_COMMITTER_EMAIL = demo@localhost
demo: .venv/installed
	@test ! -e $(DEMO) || { echo "$(DEMO) is there already, perhaps with experiments of yours. To start anew: rm -rf $(DEMO)"; exit 1; }
	git clone --quiet . $(DEMO)
	cd $(DEMO) && dvc exp run --name demo $(if $(JOBS),fetch) -S fetch.limit=3000 -S epochs=1 -S replicas=1 \
		-S evaluate.latency_repeats=5
ifdef JOBS  # `dvc exp run` has no jobs: it made the data above, and the experiment gets the rest here
	cd $(DEMO) && DVC_EXP_NAME=demo python -m src parallel --jobs $(JOBS)
	cd $(DEMO) && dvc exp save --force --name demo
endif
	@echo "Open $(DEMO)/metrics/report.html in a browser. MLflow has the runs: make ui REPOSITORY=$(DEMO)"

# MLflow 3 opens another view unless the address asks for the runs. Its jobs, which nothing here uses, are six processes.
ui: .venv/installed
	@echo "The runs: http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
	cd $(REPOSITORY) && MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1

test: .venv/installed
	ruff check
	ruff format --check
	mypy
	pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# `embed` for what reads the images, its model or its features; decode takes Fashion-MNIST as fetch does, the others make
# what they need. `pip install torch==2.13.0` into .venv adds PyTorch to the comparison.
BENCHMARKS := start nothing train tried checkpoints precision controls scale million serve sweep decode scaling kills \
	parallel cluster
bench: .venv/installed
	dvc repro embed
	for name in $(BENCHMARKS); do python -m benchmarks.$$name || exit; done

fuzz: .venv/installed
	python -m benchmarks.fuzz

# pip compiles what it installs to bytecode.
.venv/installed: requirements-dev.txt
	$(PYTHON) -m venv .venv
	@echo "Installing 223 packages (4 GB) into .venv: two minutes or more."
	.venv/bin/pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

lock:
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.txt
	for extra in dev gpu postgres ray; do uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--constraint requirements.txt --extra $$extra pyproject.toml -o requirements-$$extra.txt; done
