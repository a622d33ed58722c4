"""Starts the command line: `python main.py --help` lists its commands."""

from console.cli.app import app
from console.process import be_private, be_shown_anywhere


def main() -> None:
    """Run the command that the arguments name."""
    be_private()
    be_shown_anywhere()
    app()


if __name__ == "__main__":
    main()
