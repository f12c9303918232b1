# What a person types. Everything runs in .venv, which the first target makes from nothing but Python.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
INTEROP := .venv-interop/bin
INTEROP_STAMP := .venv-interop/installed
AXE := axe-core@4.14.1
CHROMIUM := chromium-headless-shell
PACKAGES := fonts-dejavu-core fonts-dejavu-extra fonts-wqy-microhei fonts-lohit-deva dataset-fashion-mnist libfuse2

# Tests start over a hundred interpreters, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# They make thousands of datasets, each written to the disk before it is published: where there is
# room for them in memory, they lie there.
ROOMY := $(shell df --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 6000000 {print "/dev/shm"}')
test test-all: export TMPDIR ?= $(or $(ROOMY),/tmp)

# What pip does, in a line for each large download; all of it stands in the log.
LOG := .venv/install.log
TOLD = | tee $(LOG) | awk '/^ *(Downloading|Using cached) .*MB/ { print "  " $$1, $$2, $$3, $$4; fflush() } \
	/^Installing collected/ { print "  unpacking " NF - 3 " packages"; fflush() } \
	/^ERROR/ { print; fflush() }'
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

.PHONY: demo test test-all interop lint reference dist tools proof bench pairs clean

$(STAMP): pyproject.toml
	@echo "Installing dsbuilder into .venv, once: with TensorFlow some 3.5 GB, a few minutes. All of it: $(LOG)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --upgrade pip
	@$(BIN)/pip install --progress-bar off --editable '.[dev]' 2>&1 $(TOLD)
	@touch $(STAMP)

# The readers of other projects, heavy and with wishes of their own, stay out of .venv.
$(INTEROP_STAMP): pyproject.toml
	$(PYTHON) -m venv .venv-interop
	$(INTEROP)/pip install --quiet --upgrade pip
	$(INTEROP)/pip install --quiet --quiet --editable '.[dev,interop]'
	touch $(INTEROP_STAMP)

demo: $(STAMP)
	@echo && echo "1 of 4: builds two datasets from samples/"
	$(BIN)/dsbuilder build pipelines/emoji.yaml --out demo
	$(BIN)/dsbuilder build pipelines/digits.yaml --out demo
	@echo && echo "2 of 4: draws what the first pipeline makes of its pictures"
	$(BIN)/dsbuilder preview pipelines/emoji.yaml --output demo/preview.png
	@echo && echo "3 of 4: trains a model on each, a minute or two"
	$(BIN)/dsbuilder train pipelines/emoji.yaml --out demo --run demo/runs/emoji
	$(BIN)/dsbuilder train pipelines/digits.yaml --out demo --run demo/runs/digits
	@echo && echo "4 of 4: measures both, and draws the mistakes of the first"
	$(BIN)/dsbuilder evaluate demo/runs/emoji --mistakes demo/runs/emoji/mistakes
	$(BIN)/dsbuilder evaluate demo/runs/digits
	$(BIN)/dsbuilder runs demo/runs
	@echo && echo "Now open:"
	@echo "  demo/runs/emoji/report.html   the model: how the loss fell, what was taken for what, the worst mistakes"
	@echo "  demo/emoji/1.0.0/report.html  the dataset: counts, pictures beside their variants, the pipeline"
	@echo "  demo/preview.png              pictures, each beside variants that the pipeline made"
	@echo "  demo/runs/emoji/mistakes      the worst mistakes, and where the reason for each lies"
	@echo "Then take a folder of your own: $(BIN)/dsbuilder init FOLDER"

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers 2

# The tables of options in the documents, of the classes that they are the options of.
reference: $(STAMP)
	$(BIN)/dsbuilder schema --tables pipelines/README.md --tables pipelines/plugins.md

# Two processes: each begins with half of the files, in their order, and ends with some of the other's;
# so nearly every fixture of a file is made once.
test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow' --hypothesis-profile few --ignore tests/interop

interop: $(INTEROP_STAMP)
	$(INTEROP)/python -m pytest tests/interop

# A wheel and an sdist in dist/, and what is asked of both: installed where nothing else is, they do
# the main job; ruff and mypy read the code as later Pythons would, whose packages are looked up.
dist: $(STAMP)
	rm -rf dist build
	$(BIN)/python -m build
	$(BIN)/python -m pytest tests/test_dist.py -m slow -s -v

# What is slow is not measured: tracing lines makes Python half as fast again.
test-all: lint interop
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2 --dist worksteal -m 'not slow' --ignore tests/interop
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow --ignore tests/interop
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# Chromium with those of its libraries that are not installed here.
NEEDED = apt-get --simulate --no-install-recommends install $(CHROMIUM) | awk '/^Inst/ {print $$2}'
# What tests need and no Python package brings, unpacked from Debian's packages and not installed.
tools: .tools/unpacked
.tools/unpacked: Makefile
	rm -rf .tools && mkdir -p .tools/packages
	cd .tools/packages && apt-get download --quiet $(PACKAGES)
	cd .tools/packages && apt-get download --quiet $$($(NEEDED))
	for each in .tools/packages/*.deb; do dpkg-deb --extract $$each .tools; done
	cd .tools/packages && npm pack --silent $(AXE) && tar --extract --gzip --file axe-core-*.tgz
	mkdir -p .tools/axe-core && mv .tools/packages/package/axe.min.js .tools/axe-core
	rm -r .tools/packages && touch .tools/unpacked

# A proof whole, as `tests/proofs` has them: make proof NAME=kills, or NAME=mutations COUNT=500
proof: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m proofs $(NAME) $(COUNT)

# BENCH is the folder of a race (run.py, common.py, its contestants), PERF_DATA that of its photographs;
# NAMES may choose contestants, ARGS go to run.py: make bench BENCH=../peers ARGS='--rounds 5 --n 600'
bench: $(STAMP)
	$(BIN)/python tests/benchmarks/race.py $(BENCH) $(NAMES) $(ARGS)

# Another checkout against this one, in turn: make pairs BENCH=../peers BEFORE=../before
pairs: $(STAMP)
	$(BIN)/python tests/benchmarks/pairs.py $(BENCH) $(BEFORE) . $(ARGS)

clean:
	rm -rf .tools .venv .venv-interop demo out build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
