"""`dsbuilder VERB ...`: the table of verbs, each loaded when it is called.

The texts of the table are all that `dsbuilder --help` and the completion of verbs need, so both
answer without importing a single verb.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import examples
from dsbuilder.cli.errors import guarded

PROGRAM = "dsbuilder"

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "init": "Write a pipeline that builds a folder, after looking which layout it has.",
        "check": "Say whether a pipeline is right, and what it would build; decodes no image.",
        "inspect": "Say what is wrong with the data: images, labels, duplicates, leaks.",
        "preview": "Draw a picture sheet: originals beside their variants.",
        "plan": "Say what a build would make, reuse and need; writes nothing.",
        "build": "Build the dataset of a pipeline.",
        "info": "Say what a dataset is: splits, classes, signature, size, versions.",
        "report": "Write a page that shows a dataset, a run, or several runs side by side.",
        "browse": "Look at a dataset or a pipeline in a browser, and mark what is wrong.",
        "verify": "Check every file, count, key and label of a dataset.",
        "explain": "Say how a sample came to be: its parents, stages, and what each drew.",
        "replay": "Make a sample again from its recorded params, and compare its bytes.",
        "diff": "Say which samples B added, removed or changed since A, and why.",
        "clean": "Remove builds that no version stands for, and what interrupted ones left.",
        "export": "Write a dataset in another layout.",
        "card": "Write what catalogs of datasets read: a card, all samples as lines, Croissant "
        "metadata.",
        "train": "Train a model on a dataset.",
        "bench": "Measure what bounds training on a dataset, and say what to change.",
        "diagnose": "Say what holds a model back: bias or variance, and whose the mistakes are.",
        "ablate": "Say which stages of a pipeline help, by trainings without each.",
        "tune": "Search better values of a pipeline's options, within intervals.",
        "synth": "Train a GAN on images, and draw a bank of others from it.",
        "evaluate": "Measure a trained model on a split.",
        "suspects": "Say which labels are probably wrong, by models that never saw their records.",
        "runs": "List training runs, and what each reached.",
        "predict": "Say what a trained model makes of images: classes, numbers, texts or masks.",
        "export-model": "Write a trained model for another program, with class names and "
        "preprocessing inside.",
        "params": "Say what the weights of a trained model are like: names, shapes, numbers, a "
        "histogram.",
        "doctor": "Say what is there for building and training, and what is missing for a GPU.",
        "plugins": "List plugins, show those of a name, draw what all do, begin one, and test one.",
        "schema": "Print the JSON Schema of a pipeline, plugins included, for an editor.",
        "completion": "Print the script that completes verbs and options in a shell.",
    }
)
"""Every verb with its one line of help, in the order of work; `cli/<verb>.py` defines it, its name
with `_` for `-`."""


class Verbs(click.Group):
    """Loads a verb's module when the verb is called, and reports errors as `cli/errors.py` says."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order of work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a verb, or None if there is none of that name."""
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"dsbuilder.cli.{name}"), name)
        command.epilog = examples.text_of(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the verb; an unknown one is a usage error with a close match."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from dsbuilder.errors import did_you_mean

            raise click.UsageError(f"unknown verb '{args[0]}'.{did_you_mean(args[0], VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of verbs."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes how one begins, once more, as the table is long."""
        formatter.write_paragraph()
        formatter.write_text(
            "From a folder to a trained model: `dsbuilder init FOLDER`; at its end each verb says "
            "what is likeliest typed next."
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes verbs from the table, and the group's own options."""
        verbs = [
            CompletionItem(name, help=text)
            for name, text in VERBS.items()
            if name.startswith(incomplete)
        ]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command line and ends the process with its exit code."""
        from dsbuilder import processes

        processes.claim()
        given = extra.pop("args", None) if not args else args[0]
        guarded(given, lambda: click.Group.main(self, given, PROGRAM, standalone_mode=False))


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="dsbuilder", message="%(prog)s %(version)s")
def main() -> None:
    """Builds datasets of images, and trains on them.

    A folder of images goes in; a reproducible dataset comes out, which opens in tf.data, TensorFlow
    Datasets and numpy. Start with `dsbuilder init FOLDER`.
    """
