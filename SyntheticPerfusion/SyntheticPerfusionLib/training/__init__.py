"""How networks are taught: data, tasks, loop. Used by the headless module and the command line."""
