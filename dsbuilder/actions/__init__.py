"""Use cases: what a command, a notebook, a study or a report asks for, each in one file.

An action is a function named as its file: `actions/check.py` holds `check`. It takes an
`OpenedPipeline` (a pipeline file with what is decided around it) or a `StoredDataset`, then plain
arguments; says how far it is through a callback `on_progress`; and returns a `Document`: a frozen
dataclass whose fields are what `--json` prints. It prints nothing, formats no error, and knows no
terminal.

What a person should be told besides the result is in `Document.warnings`: they come up from below
as values (`Pipeline.warnings`, `Survey.warnings`, `Built.warnings`) and `distinct` joins them.
Nothing that a user should know is logged.

    dsbuilder/actions/check.py     def check(opened) -> CheckDocument
    dsbuilder/cli/check.py         parses, calls it, draws the document
    dsbuilder/actions/session.py   Session.check(): the same from Python

A new verb is these three places; one that is about neither a pipeline nor a dataset is a name in
`dsbuilder/__init__.py` instead. `Session` and `Dataset` are an `OpenedPipeline` and a
`StoredDataset` with verbs, and no action imports them: imports make no circle. An action imports
what it needs at its top, so `cli/` and the methods of both import actions late; TensorFlow alone
is imported late in actions too. Actions may call each other (a training builds first).
"""
