"""What the console says when it cannot do what it was asked: always one sentence, naming the mend."""


class PlainError(Exception):
    """An expected failure of a command. `code` is the exit code: 1 it could not be done, 2 it was asked wrongly."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class ApiError(Exception):
    """A request that the API refuses. `command_id` is the order's, where one was named."""

    def __init__(self, http_status: int, sentence: str, command_id: str | None = None) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.sentence = sentence
        self.command_id = command_id
