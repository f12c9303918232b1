"""A run carries a model card, which says what its other files say."""

import json

from dsbuilder.train.run_card import card


def test_a_run_has_a_card_with_its_scores(whole) -> None:
    text = (whole.path / "README.md").read_text()
    assert text == card(whole)
    evaluation, config = whole.evaluation(), whole.config()
    head = dict(line.split(": ", 1) for line in text.split("---\n")[1].splitlines())
    assert json.loads(head["pipeline_tag"]) == "image-classification"
    (index,) = json.loads(head["model-index"])
    (result,) = index["results"]
    assert (index["name"], result["dataset"]["split"]) == ("whole", "test")
    found = {each["type"]: each["value"] for each in result["metrics"]}
    assert found["accuracy"] == evaluation["accuracy"]
    assert {"loss", "temperature"}.isdisjoint(found)
    assert f"| accuracy | {evaluation['accuracy']:.3f}" in text
    assert config["dataset"]["fingerprint"] in text
    assert "expected enough samples to judge a model by, found 12" in text


def test_what_it_says_in_python_runs_as_it_stands(whole, images, monkeypatch) -> None:
    code = (whole.path / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(whole.path)
    exec(compile(code.replace("image.jpg", str(images / "red/0.png")), "README.md", "exec"), {})
