"""The help of every verb ends with examples, and the command line takes each of them."""

import shlex

import click
import pytest

from dsbuilder.cli.examples import EXAMPLES
from dsbuilder.cli.main import VERBS, main


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Parses a command line down to the verb that would run; runs nothing."""
    context = command.make_context(command.name, words, parent=parent)
    if isinstance(command, click.Group):
        name, verb, rest = command.resolve_command(context, context._protected_args + context.args)
        assert verb is not None, name
        parse(verb, rest, context)


def test_every_verb_has_examples_and_no_other() -> None:
    assert list(EXAMPLES) == list(VERBS)


@pytest.mark.parametrize("line", [line for each in EXAMPLES.values() for line, _ in each])
def test_an_example_is_taken(line: str) -> None:
    parse(main, shlex.split(line))


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_ends_with_its_examples(verb: str, call) -> None:
    assert all(line.split(" ")[0] == verb for line, _ in EXAMPLES[verb])
    *_, shown = call(f"{verb} --help").stdout.split("\n  Examples:\n")
    lines = shown.strip("\n").split("\n")
    assert [line.split("  #")[0].strip() for line in lines] == [
        f"dsbuilder {line}" for line, _ in EXAMPLES[verb]
    ]


@pytest.mark.parametrize("line", ["build", "build a b", "export out/pets", "plugins shw x"])
def test_what_is_wrong_would_be_told(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(main, shlex.split(line))
