"""The collector waits while rules are built."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from p2pbot.daemon.collector import held


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """The collector as it is, put back afterwards."""
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_waits_and_what_was_built_is_put_aside() -> None:
    """It goes on afterwards, and does not look at what stays."""
    before = gc.get_freeze_count()
    with held():
        assert not gc.isenabled()
        built = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(built)


def test_of_two_that_build_at_once_the_last_lets_the_collector_go_on() -> None:
    """Two accounts may load their rules at the same time."""
    with held():
        with held():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_load_that_fails_lets_the_collector_go_on() -> None:
    """A fault must not cost memory for ever."""
    with pytest.raises(ZeroDivisionError), held():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """Whoever embeds the daemon may want it so."""
    gc.disable()
    with held():
        pass
    assert not gc.isenabled()
