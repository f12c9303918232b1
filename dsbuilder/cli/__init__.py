"""The command line: Click and what a user sees; everything else is called, not done, here.

main.py      `dsbuilder VERB ...`: the table of verbs, each loaded when it is called
errors.py    the one place where errors become text, JSON and exit codes
screen.py    where results go: one JSON document, or lines and tables
progress.py  how far a build is
options.py   what several verbs take
the rest     one file a verb; heavy imports stand in its function, so that `--help` stays fast
"""
