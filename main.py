"""Starts the command line: demo, run, submit, orders, why, positions, halt, exits-only, resume, status, paper, init."""

from console.cli import app


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
