"""Starts the command line: `python main.py --help` lists its commands."""

from console.cli import app


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
