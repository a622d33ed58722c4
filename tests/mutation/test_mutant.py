"""A mutant finds its code however it is laid out, and says clearly when the code has gone or stands twice."""

import ast
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.mutation.mutant import ROOT, MisplacedError, Mutant, position_keys, replace_once

CODE = dedent("""
    LIMIT = 3

    class Guard:
        def cut(self, asked: int) -> int:
            # at most what is held
            if (asked >
                    self.held):
                asked = self.held
                self.was_cut = True
            return max(0, asked)

        def grow(self, asked: int) -> int:
            asked += 1
            asked += 1
            return max(0, asked)

    def cut(asked):
        def inner():
            return asked - 1
        return inner() if asked else 0
""")


def _changed(where: str, old: str, new: str) -> str:
    module = ast.parse(CODE)
    replace_once(module, where, old, new)
    compile(module, "code.py", "exec")
    return ast.unparse(module)


def _whole() -> str:
    return ast.unparse(ast.parse(CODE))


def test_an_expression_becomes_another() -> None:
    changed = _changed("Guard.cut", "asked > self.held", "asked >= self.held")

    assert changed == _whole().replace("asked > self.held", "asked >= self.held")


def test_only_the_named_function_is_changed() -> None:
    changed = _changed("Guard.grow", "max(0, asked)", "asked")

    assert changed.count("return max(0, asked)") == 1
    assert "asked += 1\n        return asked\n" in changed


def test_layout_comments_quotes_and_needless_parentheses_make_no_difference() -> None:
    changed = _changed(
        "Guard.cut",
        """
        if asked > (self.held):   # more than there is
            asked = (
                self.held
            )
            self.was_cut = True
        """,
        "asked = 0",
    )

    assert "def cut(self, asked: int) -> int:\n        asked = 0\n        return max(0, asked)" in changed


def test_a_run_of_statements_becomes_as_many_as_are_written() -> None:
    changed = _changed("Guard.cut", "asked = self.held\nself.was_cut = True", "asked = 1\nasked = 2\nasked = 3")

    assert "asked = 1\n            asked = 2\n            asked = 3\n        return max(0, asked)" in changed


def test_statements_are_taken_away_by_writing_nothing() -> None:
    assert "held):" not in _changed(
        "Guard.cut", "if asked > self.held:\n    asked = self.held\n    self.was_cut = True", ""
    )
    assert "pass" in _changed("Guard.cut", "asked = self.held\nself.was_cut = True", "")
    assert "return inner" not in _changed("cut", "return inner() if asked else 0", "")


def test_a_call_that_stands_alone_can_become_a_statement() -> None:
    module = ast.parse("def tell(self):\n    self.post(1)\n")

    replace_once(module, "tell", "self.post(1)", "if self.likes:\n    self.post(2)")
    assert ast.unparse(module) == "def tell(self):\n    if self.likes:\n        self.post(2)"

    replace_once(module, "tell", "self.post(2)", "")
    assert ast.unparse(module) == "def tell(self):\n    if self.likes:\n        pass"


def test_the_module_itself_and_an_inner_function_are_places_too() -> None:
    assert "LIMIT = 4" in _changed("", "LIMIT = 3", "LIMIT = 4")
    assert "return asked - 2" in _changed("cut.inner", "asked - 1", "asked - 2")


def test_code_that_has_gone_is_a_clear_error() -> None:
    with pytest.raises(MisplacedError, match=r"^Guard\.cut has 0 places that say 'asked < self\.held', not one$"):
        _changed("Guard.cut", "asked < self.held", "True")


def test_code_that_stands_twice_is_a_clear_error() -> None:
    with pytest.raises(MisplacedError, match=r"^Guard\.grow has 2 places that say 'asked \+= 1', not one$"):
        _changed("Guard.grow", "asked += 1", "")


def test_a_function_that_has_gone_is_a_clear_error() -> None:
    with pytest.raises(MisplacedError, match=r"^0 functions or classes are called 'Guard\.shrink', not one$"):
        _changed("Guard.shrink", "asked += 1", "")


def test_an_error_names_the_mutant_and_its_file() -> None:
    lost = Mutant("limits are off", "domain/risk/rate.py", "OrderRate.wait_s", "no_such_name", "None")

    with pytest.raises(
        MisplacedError, match=r"^mutant 'limits are off': domain/risk/rate\.py: OrderRate\.wait_s has 0 "
    ):
        lost.tree()


def test_every_scope_has_its_qualified_name() -> None:
    names = {name for name, _ in position_keys(ast.parse(CODE))}

    assert names == {"", "Guard", "Guard.cut", "Guard.grow", "cut", "cut.inner"}


def test_an_applied_mutant_is_what_the_process_imports() -> None:
    script = dedent("""
        from tests.mutation.mutant import Mutant, apply
        apply(Mutant("no wait", "domain/risk/rate.py", "OrderRate.wait_s", "max(0.0, free_from - now)", "-7.0"))
        from domain.risk import rate
        import inspect
        assert "max(0.0, free_from - now)" in inspect.getsource(rate), "the file is whole"
        print(-7.0 in rate.OrderRate.wait_s.__code__.co_consts)
    """)

    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert told.stdout == "True\n", told.stderr
