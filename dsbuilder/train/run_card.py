"""A run as a Hugging Face model card: `README.md`, whose head the Hub reads its scores from.

It says what was trained on what, how good it is and how sure that is, and how it is asked. All of
it stands in other files of the run, so it is written again with them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.cache import store
from dsbuilder.cache.dataset_card import TASKS, cell, head, table
from dsbuilder.tasks import doubts, evaluations_of
from dsbuilder.tasks.evaluation import scored
from dsbuilder.train.run import Run

_NO_SCORES = ("loss", "temperature")
_LEARNT = ("model", "optimizer", "normalize", "precision")


def write_card(run: Run) -> None:
    """Writes the card of a run that was evaluated."""
    store.write_text(run.path / store.CARD, card(run))


def card(run: Run) -> str:
    """Returns the text of the card."""
    config, evaluation = run.config(), run.evaluation()
    body = "\n".join(
        [
            *_about(run.path.name, config),
            *(line for name, each in evaluations_of(evaluation) for line in _scores(name, each)),
            *(f"\n{cell(each)}" for each in doubts(evaluation)),
            *_training(run, config),
            *_use(),
        ]
    )
    return f"{head(_head(run.path.name, config, evaluation))}\n{body}\n"


def _head(name: str, config: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    known = config["dataset"]
    dataset: dict[str, Any] = {"type": known["name"], "name": known["name"]}
    dataset["revision"] = known["version"]
    results: list[dict[str, Any]] = [
        {
            "task": {"type": TASKS.get(each["kind"], "other")},
            "dataset": {**dataset, "split": each["split"]},
            "metrics": [
                {"type": score, "value": value, "name": f"{target} {score}".strip()}
                for score, value in _numbers(each).items()
            ],
        }
        for target, each in evaluations_of(evaluation)
    ]
    kinds = (TASKS.get(each["kind"]) for _, each in evaluations_of(evaluation))
    task = next((each for each in kinds if each is not None), None)
    return {
        "library_name": "keras",
        "license": "unknown",
        **({} if task is None else {"pipeline_tag": task}),
        "tags": ["dsbuilder", "image"],
        "model-index": [{"name": name, "results": results}],
    }


def _numbers(evaluation: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in evaluation.items()
        if isinstance(value, float) and name not in _NO_SCORES
    }


def _about(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    dataset = config["dataset"]
    yield f"# {cell(name)}"
    yield ""
    yield (
        f"A model `{cell(config['train']['model']['use'])}`, trained by dsbuilder on "
        f"{cell(dataset['name'])} {cell(dataset['version'])}."
    )


def _scores(target: str, evaluation: Mapping[str, Any]) -> Iterator[str]:
    of = f" of {cell(target)}" if target else ""
    yield ""
    yield f"## Scores{of}"
    yield ""
    yield (
        f"On {evaluation['samples']} samples of the split {evaluation['split']}, which the model "
        "never learnt from unless it is train. In brackets is where a score lies with 95 %."
    )
    yield ""
    names = _numbers(evaluation)
    yield from table(
        ("score", "value"), ((n.replace("_", " "), scored(evaluation, n)) for n in names)
    )


def _training(run: Run, config: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## How it was trained"
    yield ""
    train = config["train"]
    told = {word: _words(train[word]) for word in _LEARNT if train.get(word) is not None}
    facts = {
        **told,
        "epochs": len(run.rows()),
        "seed": config["seed"],
        "fingerprint of the dataset": config["dataset"]["fingerprint"],
        "backend": config["backend"],
        **config["packages"],
    }
    yield from table(("", ""), facts.items())
    yield ""
    yield (
        "`config.json` has every option, `results.csv` a line for each epoch, `charts/` what of "
        "it can be drawn. Of images unlike those of the dataset the scores say nothing."
    )


def _words(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    said = {name: each for name, each in value.items() if each not in (None, [], {})}
    return ", ".join(f"{name} {each}" for name, each in said.items())


def _use() -> Iterator[str]:
    yield ""
    yield "## How to ask it"
    yield ""
    yield "```python"
    yield "import dsbuilder"
    yield ""
    yield 'model = dsbuilder.load_run(".")  # this folder'
    yield 'print(model.predict("image.jpg"))'
    yield "```"
