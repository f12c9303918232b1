"""The built-in plugins, one a file. They have no privileges: they import what any author may."""
