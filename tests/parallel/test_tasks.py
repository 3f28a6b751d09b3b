"""foreach on real ranks: shares, failures, ledgers; `list` and `try` on one rank are the oracle."""

import time

import pytest

import pmap as pm
from pmap.ledger import Ledger

COUNTS = sorted({0, 1, max(pm.Np - 1, 0), pm.Np, pm.Np + 1, 13, 101})


@pytest.fixture
def common_path(tmp_path):
    return pm.once(lambda: tmp_path)


def fails_at(bad):
    def f(x):
        if x in bad:
            raise ValueError(f"bad {x}")
        return x * x

    return f


@pytest.mark.parametrize("count", COUNTS)
def test_all_failures_are_told_on_all_ranks_and_the_others_are_done(count, capfd):
    bad = {x for x in range(count) if x % 5 == 3}
    if not bad:
        assert pm.foreach(range(count), fails_at(bad)) == [x * x for x in range(count)]
        return
    with pytest.raises(pm.ForeachError) as told:
        pm.foreach(range(count), fails_at(bad))
    error = told.value
    assert [f.index for f in error.failures] == sorted(bad)
    assert [f.error for f in error.failures] == [f"ValueError: bad {x}" for x in sorted(bad)]
    assert all(__file__ in f.line for f in error.failures)
    assert error.results == {x: x * x for x in range(count) if x not in bad}
    assert f"{len(bad)} of {count} items failed" in str(error)
    mine = [f for f in error.failures if f.rank == pm.Pid]
    assert capfd.readouterr().err.count("Traceback") == len(mine)


def test_after_an_error_no_more_items_are_begun():
    begun = []

    def f(x):
        begun.append(x)
        time.sleep(0.002)
        if x == 0:
            raise ValueError("first")

    with pytest.raises(pm.ForeachError, match="1 of 400 items failed"):
        pm.foreach(range(400), f, stop_on_error=True)
    assert sum(pm.once(lambda: 0) or len(begun) for _ in [0]) < 400
    assert pm.foreach(range(50), abs) == list(range(50))  # the counter counts again


def test_a_leave_inside_an_item_is_no_failure_of_it():
    if pm.Np > 1:
        return
    with pytest.raises(SystemExit):
        pm.foreach([1], lambda x: exec("raise SystemExit(3)"))


def test_what_a_ledger_holds_is_not_done_again(common_path):
    ledger, runs = Ledger(common_path / "done"), []

    def f(x):
        runs.append(x)
        return {"square": x * x}

    expected = [{"square": x * x} for x in range(23)]
    assert pm.foreach(range(9), f, ledger=ledger) == expected[:9]
    pm.barrier()
    runs.clear()
    assert pm.foreach(range(23), f, ledger=ledger) == expected
    assert all(x >= 9 for x in runs)
    pm.barrier()
    runs.clear()
    assert pm.foreach(range(23), f, ledger=common_path / "done") == expected
    assert runs == []


def test_items_that_failed_are_the_ones_done_again(common_path):
    ledger = common_path / "done"
    with pytest.raises(pm.ForeachError):
        pm.foreach(range(17), fails_at({2, 11}), ledger=ledger)
    done = []
    assert pm.foreach(range(17), lambda x: done.append(x) or x * x, ledger=ledger) == [
        x * x for x in range(17)
    ]
    everyone = sorted(x for part in pm.foreach(range(pm.Np), lambda _: done) for x in part)
    assert set(everyone) <= {2, 11}


def test_other_settings_and_damaged_files_are_done_again(common_path):
    ledger = common_path / "done"
    runs = []

    def write(x):
        runs.append(x)
        (common_path / f"{x}.txt").write_text(str(x))
        return x

    def again(made_with):
        runs.clear()
        options = {"ledger": ledger, "made_with": made_with}
        found = pm.foreach(range(7), write, files=lambda x: [common_path / f"{x}.txt"], **options)
        assert found == list(range(7))
        pm.barrier()
        return pm.foreach([0] * pm.Np, lambda _: list(runs)) and list(runs)

    again("sigma 1")
    assert again("sigma 1") == []
    pm.once((common_path / "3.txt").write_text, "")
    assert set(again("sigma 1")) <= {3}
    assert len(again("sigma 2")) <= 7 and (pm.Np > 1 or runs == list(range(7)))


def test_two_items_with_one_key_are_refused(common_path):
    with pytest.raises(pm.InputError, match="two items have the key 'a'"):
        pm.foreach(["a", "b", "a"], str, ledger=common_path / "done")


def test_uneven_tasks_keep_every_rank_busy():
    """A rank with a long task takes no other; the counter's home works, too."""
    took = []

    def f(x):
        took.append(x)
        end = time.monotonic() + (0.5 if x == 0 else 0.005)
        while time.monotonic() < end:
            pass

    pm.foreach(range(60), f)
    assert took
    if pm.Np > 1 and 0 in took:
        assert len(took) < 60 - pm.Np


def test_a_result_that_cannot_be_noted_is_a_failure(common_path):
    with pytest.raises(pm.ForeachError, match="1 of 3 items failed") as told:
        pm.foreach(range(3), lambda x: {x} if x == 1 else x, ledger=common_path / "done")
    assert told.value.results == {0: 0, 2: 2}
    assert "set" in told.value.failures[0].error
