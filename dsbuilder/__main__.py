"""`python -m dsbuilder` is the command `dsbuilder`."""

from dsbuilder.cli.main import main

main()
