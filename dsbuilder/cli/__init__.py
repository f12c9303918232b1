"""The command line: Click and what a user sees; a verb parses, calls its action, and draws.

main.py      `dsbuilder VERB ...`: the table of verbs, each loaded when it is called
errors.py    the one place where errors become text, JSON and exit codes
screen.py    where results go: one JSON document, or lines and tables; warnings on stderr
progress.py  how far a build or a training is
library_lines.py  what libraries below write on stderr, grouped and counted
typed_paths.py folders of builds, called by the version that stands for them
following.py what is likeliest typed next
startup.py   TensorFlow's start, kept quiet
options.py   what several verbs take
tables.py    samples by split and class, and how good a model is, as tables
the rest     one file a verb; heavy imports stand in its function, so that `--help` stays fast
"""
