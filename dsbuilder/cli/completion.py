"""`dsbuilder completion`: the script that a shell needs to complete verbs and options."""

import click
from click.shell_completion import get_completion_class

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, prose

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_DSBUILDER_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@options.as_json
def completion(shell: str, *, as_json: bool) -> None:
    r"""Print the script that completes verbs and options in a shell.

    \b
    bash  echo 'eval "$(dsbuilder completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(dsbuilder completion zsh)"' >> ~/.zshrc
    fish  dsbuilder completion fish > ~/.config/fish/completions/dsbuilder.fish
    """
    from dsbuilder.cli.main import PROGRAM, main

    cls = get_completion_class(shell)
    if cls is None:
        raise click.UsageError(f"expected one of {', '.join(SHELLS)}, found '{shell}'.")
    script = cls(main, {}, PROGRAM, _VARIABLE).source()
    Screen(as_json=as_json).show({"shell": shell, "script": script}, lambda: prose(script))
