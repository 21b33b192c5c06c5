"""The subcommands of `synthetic-perfusion`: each adds its parser and runs."""
