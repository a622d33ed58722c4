"""Actors die here by the dozen; which death was wrong is the judge's to say."""

import pytest


@pytest.fixture(autouse=True)
def deaths() -> list[str]:
    return []
