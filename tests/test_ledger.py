"""A ledger of finished items: what counts, what does not, and many writers at once."""

import collections
import datetime
import enum
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pmap as pm

ROOT = Path(__file__).resolve().parents[1]

VALUES = [
    None, True, False, 0, -1, 2**63, -(10**5000), 0.1, -0.0, 1e22, 5e-324,
    float("inf"), -float("inf"), "", "naïve \U0001f9e0 \udcff \x00\n", b"", b"\x00\xff",
    [], [1, [2.0, ["x"]]], (), (1, (2, [3])), {}, {"a": {"b": (None,)}}, {"~": "array", "x": 1},
    Path("a b/ü"), Path("/tmp/\udcff"),
    np.float32(0.1), np.int8(-3), np.uint64(2**64 - 1), np.bool(True), np.complex64(1 - 2j),
    np.str_("text"), np.bytes_(b"text"), np.datetime64("2024-02-29T12:00:00.5"),
    np.timedelta64(3, "h"), np.zeros((0, 3), np.uint16), np.array(2.5),
    np.arange(24.0).reshape(2, 3, 4)[:, ::2].T,
    np.array(["a", "bcd"]), np.array([1, 2], ">i4"), np.array([[1 + 2j]], np.complex128),
    np.zeros(2, [("id", "<u4"), ("zyx", "<f8", (3,)), ("in", [("a", "i1"), ("b", "S2")])]),
    np.void(b"abcd"), np.longdouble("0.1"), np.array([np.nan, -np.inf]),
]  # fmt: skip


def same(a, b):
    """Equal, of one type all the way down, dtype and shape included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        equal_nan = a.dtype.kind in "fc"
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=equal_nan)
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return repr(a) == repr(b) if isinstance(a, float) else a == b


@pytest.fixture
def ledger(tmp_path):
    return pm.Ledger(tmp_path / "run" / "done")


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}")
def test_values_come_back_equal_with_their_types(ledger, value):
    for wrapped in (value, [value], {"key": (value,)}):
        ledger.finish("item", wrapped)
        assert same(pm.Ledger(ledger.folder).value("item"), wrapped)


def test_arrays_come_back_writable(ledger):
    ledger.finish("item", np.arange(3))
    back = ledger.value("item")
    back[0] = 7
    assert back.tolist() == [7, 1, 2]


class Color(enum.IntEnum):
    RED = 1


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "the value of 'item' is a builtins.object"),
        ({"a": [1, {2, 3}]}, r"the value of 'item'\['a'\]\[1\] is a builtins.set"),
        ({1: 2}, "has the key 1, a int; keys must be str"),
        (Color.RED, "Color"),
        (collections.OrderedDict(a=1), "collections.OrderedDict"),
        (collections.namedtuple("Point", "x")(1), "Point"),
        (datetime.date(2024, 1, 1), "datetime.date"),
        (1j, "builtins.complex"),
        (np.array([1, None]), "dtype object, which holds objects"),
        (np.zeros(1, [("a", "O")]), "which holds objects"),
        (np.ma.masked_array([1]), "MaskedArray"),
        (lambda: 1, "function"),
        (deep(), "nested too deeply"),
    ],
)
def test_other_types_are_named_before_anything_is_written(ledger, value, said):
    with pytest.raises(pm.InputError, match=said):
        ledger.finish("item", value)
    assert not ledger.folder.exists()


@pytest.mark.parametrize("item", ["", None, 3, b"x"])
def test_an_item_is_a_text(ledger, item):
    for ask in (ledger.done, ledger.finish, ledger.value, ledger.serial, ledger.forget):
        with pytest.raises(pm.InputError, match="a text that is not empty"):
            ask(item)


NAMES = ["tile r0/c0", "..", ".", "a" * 5000, "a" * 5000 + "b", "a%2Fb", "a/b", "ü\n", "\udcff"]


def test_any_text_names_an_item(ledger):
    for i, name in enumerate(NAMES):
        assert not ledger.done(name)
        ledger.finish(name, i)
    assert [ledger.value(name) for name in NAMES] == list(range(len(NAMES)))
    assert len(list(ledger.folder.iterdir())) == len(NAMES)


def test_made_with_decides(ledger):
    ledger.finish("item", made_with="a")
    assert ledger.done("item")
    assert ledger.done("item", "a")
    assert not ledger.done("item", "b")
    assert ledger.made_with("item") == "a"
    ledger.finish("item")
    assert ledger.done("item")
    assert not ledger.done("item", "a")


def test_a_serial_is_new_each_time(ledger):
    serials = set()
    for _ in range(3):
        ledger.finish("item", made_with="same")
        serials.add(ledger.serial("item"))
        assert ledger.serial("item") in serials
    assert len(serials) == 3


def test_what_is_forgotten_or_never_was_is_not_finished(ledger):
    ledger.forget("item")
    ledger.finish("item", 1)
    ledger.forget("item")
    assert not ledger.done("item")
    for ask in (ledger.value, ledger.serial, ledger.made_with):
        with pytest.raises(pm.InputError, match="'item' is not finished"):
            ask("item")


@pytest.fixture
def filed(ledger):
    """A ledger with an item of one file and one folder."""
    root = ledger.root
    (root / "layers" / "deep").mkdir(parents=True)
    (root / "labels.h5").write_bytes(b"0123456789")
    (root / "layers" / "deep" / "0-64").write_bytes(b"chunk")
    (root / "layers" / "info").write_bytes(b"{}")
    ledger.finish("item", files=[root / "labels.h5", root / "layers"])
    assert ledger.done("item")
    return ledger


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "labels.h5").write_bytes(b"01234"),
        lambda root: (root / "labels.h5").write_bytes(b"0123456780"),
        lambda root: (root / "labels.h5").write_bytes(b""),
        lambda root: (root / "labels.h5").unlink(),
        lambda root: (root / "layers" / "deep" / "0-64").write_bytes(b"chun"),
        lambda root: (root / "layers" / "deep" / "0-64").unlink(),
        lambda root: (root / "layers" / "deep" / "0-64").rename(root / "layers" / "0-64"),
        lambda root: (root / "layers" / "more").write_bytes(b""),
    ],
    ids="cut flipped emptied deleted chunk-cut chunk-deleted chunk-moved chunk-added".split(),
)
def test_a_changed_file_is_not_done(filed, change):
    change(filed.root)
    assert not filed.done("item")


def test_the_whole_tree_can_be_moved(filed):
    filed.root.rename(filed.root.with_name("moved"))
    assert pm.Ledger(filed.root.with_name("moved") / "done").done("item")


def test_files_elsewhere_and_relative_names(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("elsewhere").write_bytes(b"x")
    ledger.finish("item", files=["elsewhere"])
    monkeypatch.chdir("/")
    assert ledger.done("item")
    (tmp_path / "elsewhere").unlink()
    assert not ledger.done("item")


def test_a_missing_file_is_named(ledger, tmp_path):
    with pytest.raises(pm.InputError, match="'item' cannot be finished: its file .*lost is not"):
        ledger.finish("item", files=[tmp_path / "lost"])
    assert not ledger.folder.exists()


def test_no_damaged_marker_counts(ledger):
    ledger.finish("item", {"cells": 7, "mean": 1.5}, made_with="a")
    path = ledger.marker("item")
    whole = path.read_bytes()
    last = len(whole.rstrip()) - 1
    for length in range(last):
        path.write_bytes(whole[:length])
        assert not ledger.done("item"), f"cut off at {length}"
    for old, new in ((b'"cells": 7', b'"cells": 8'), (b'"a"', b'"b"'), (b'"item"', b'"atem"')):
        path.write_bytes(whole.replace(old, new))
        assert not ledger.done("item"), new
    for foreign in (
        b"",
        b"\0" * len(whole),
        b"[]",
        b"{}",
        b"7",
        b'{"version": 1}',
        b"\xff",
        b"[" * 9999,
    ):
        path.write_bytes(foreign)
        assert not ledger.done("item"), foreign
    path.unlink()
    path.mkdir()
    assert not ledger.done("item")
    path.rmdir()
    path.write_bytes(whole)
    assert ledger.done("item")


def test_the_marker_of_another_item_does_not_count(ledger):
    ledger.finish("one", 1)
    ledger.marker("one").rename(ledger.marker("two"))
    assert not ledger.done("two")


WRITER = """
import sys
import pmap as pm
ledger, me = pm.Ledger(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for i in range(100):
    ledger.finish(f"own {me} {i}", i)
    ledger.finish("shared", [me] * 500)
    assert ledger.done("shared") and len(set(ledger.value("shared"))) == 1
"""


def test_many_processes_write_at_once(ledger):
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(ledger.folder), str(me)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for me in range(4)
    ]  # fmt: skip
    try:
        for job in jobs:
            assert job.stdout.readline() == "ready\n"
        for job in jobs:
            job.stdin.write("\n")
            job.stdin.flush()
        assert [job.wait(timeout=60) for job in jobs] == [0] * 4
    finally:
        for job in jobs:
            job.kill()
            job.communicate()
    assert all(ledger.value(f"own {me} {i}") == i for me in range(4) for i in range(100))
    assert len(list(ledger.folder.iterdir())) == 401


KILLED = """
import sys
import pmap as pm
ledger = pm.Ledger(sys.argv[1])
for i in range(10**9):
    ledger.finish(f"item {i % 3}", [i] * 20_000)
    print(i, flush=True)
"""


def test_a_killed_writer_leaves_whole_markers(ledger):
    for moment in range(5):
        job = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(ledger.folder)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with job:
            assert job.stdout.readline() == "0\n"
            time.sleep(0.01 + 0.0071 * moment)
            job.send_signal(signal.SIGKILL)
            told = [0, *map(int, job.stdout.read().split())][-1]
        values = [ledger.value(f"item {n}") for n in range(min(told + 1, 3))]
        assert all(len(set(v)) == 1 and len(v) == 20_000 for v in values)
        assert told in {v[0] for v in values} or told + 1 in {v[0] for v in values}


def test_a_folder_that_cannot_be_written_is_named():
    with pytest.raises(OSError, match="/proc/run"):
        pm.Ledger("/proc/run/done").finish("item")
