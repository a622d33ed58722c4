"""Starts the command line: `python main.py --help` lists its commands."""

from console.cli import app
from console.private import be_private


def main() -> None:
    """Run the command that the arguments name."""
    be_private()
    app()


if __name__ == "__main__":
    main()
