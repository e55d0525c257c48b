"""The commands of `outfit`, one file for each kind of work; `assistant/cli.py` puts them together."""
