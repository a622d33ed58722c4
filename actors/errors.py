"""Why the desk did not start, or does not answer, in a sentence for a person."""


class DeskStartError(Exception):
    """The desk could not start; says what is wrong and what to do."""


class DeskUnavailableError(Exception):
    """An actor did not answer in time, or is gone; says so in a sentence."""
