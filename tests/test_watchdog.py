"""The watchdog without MPI: several of them in one process, letters in lists, a clock by hand."""

import pytest

from pmap.errors import InputError
from pmap.ranks import watchdog
from pmap.ranks.watchdog import Place, Watchdog, describe, ranks, stuck


class Hall:
    """Letters between the watchdogs of one process."""

    def __init__(self, size: int, wait_s: float = 20.0) -> None:
        self.now_s = 0.0
        self.boxes: list[list] = [[] for _ in range(size)]
        self.ended: list[int] = []
        self.dogs = [
            Watchdog(r, size, Seat(self, r), lambda: self.now_s, wait_s) for r in range(size)
        ]

    def run(
        self,
        seconds: float,
        busy: tuple[int, ...] = (),
        sentries: tuple[int, ...] = (),
        slow: tuple[int, ...] = (),
    ) -> None:
        """Let time pass.

        Busy ranks do not look at their letters, sentries answer for others, slow ranks look every
        4 s.
        """
        end = self.now_s + seconds
        while self.now_s < end and not self.ended:
            self.now_s += 0.1
            rests = self.now_s % 4 > 0.1
            for dog in self.dogs:
                if dog.rank in sentries:
                    dog.stand_in()
                elif dog.rank not in busy and not (rests and dog.rank in slow):
                    dog.finish() if dog.place().state == "finished" else dog.tick()


class Seat:
    def __init__(self, hall: Hall, rank: int) -> None:
        self.hall, self.rank = hall, rank

    def send(self, dest, letter):
        self.hall.boxes[dest].append((self.rank, letter))

    def letters(self):
        box = self.hall.boxes[self.rank]
        while box:
            yield box.pop(0)

    def abort(self, code):
        self.hall.ended.append(code)

    def is_open(self):
        return True


def enter(dog: Watchdog, what: str = "barrier", role: str = "collective") -> None:
    dog.ahead += role == "collective"
    dog.enter(what, role)


def test_a_rank_alone_in_a_collective_is_found_within_30_s(capsys):
    hall = Hall(4)
    enter(hall.dogs[1])
    for r in (0, 2, 3):
        hall.dogs[r].finish()
    hall.run(40)
    assert hall.ended == [1]
    assert 20 <= hall.now_s < 30
    assert "ranks 0, 2-3 have finished" in capsys.readouterr().err


def test_a_computing_rank_keeps_the_job_alive_for_ever(capsys):
    hall = Hall(3)
    enter(hall.dogs[0])
    enter(hall.dogs[2])
    hall.run(3600, busy=(1,))
    assert hall.ended == []
    told = capsys.readouterr().err.count("rank 1 still computing")
    assert 5 < told < 12  # at 20 s, then each time that the wait has doubled; by one rank only


def test_a_computing_rank_is_asked_once_until_it_answers():
    hall = Hall(2)
    enter(hall.dogs[0])
    hall.run(600, busy=(1,))
    assert len(hall.boxes[1]) == 1


def test_a_sentry_tells_where_a_rank_computes_and_the_job_goes_on(capsys):
    hall = Hall(3)
    enter(hall.dogs[0])
    enter(hall.dogs[2])
    hall.run(100, sentries=(1,))
    assert hall.ended == []
    said = capsys.readouterr().err
    assert "rank 1 still computing" in said
    assert f"rank 1 computes at {__file__}:" in said


def test_answers_that_come_late_count():
    """On a machine with many ranks per core they come after the next question."""
    hall = Hall(3)
    enter(hall.dogs[0])
    for r in (1, 2):
        hall.dogs[r].finish()
    hall.run(60, slow=(1, 2))
    assert hall.ended == [1]
    assert hall.now_s < 40


def test_a_job_that_cannot_go_on_ends_within_5_s_after_the_limit():
    hall = Hall(3)
    enter(hall.dogs[2])
    for r in (0, 1):
        hall.dogs[r].finish()
    hall.run(60)
    assert hall.ended == [1]
    assert hall.now_s < 24


def test_what_moves_is_not_ended():
    hall = Hall(2)
    enter(hall.dogs[0])
    hall.dogs[1].finish()
    for _ in range(100):
        hall.run(3)
        hall.dogs[0].moved += 1
    assert hall.ended == []


def test_a_collective_that_all_have_entered_gets_three_times_as_long():
    hall = Hall(2)
    for dog in hall.dogs:
        enter(dog)
    hall.run(200)
    assert hall.ended
    assert 60 <= hall.now_s < 70


def test_a_payload_on_its_way_gets_as_long():
    hall = Hall(2)
    enter(hall.dogs[0], "data", "payload")
    enter(hall.dogs[1], "answer", "message")
    hall.run(50)
    assert hall.ended == []


def test_an_operation_that_begins_resets_the_wait():
    hall = Hall(2)
    for _ in range(20):
        enter(hall.dogs[0])
        hall.run(15)
        hall.dogs[0].leave()
    assert hall.ended == []


def test_all_finish_when_all_have_said_so():
    hall = Hall(3)
    assert [dog.finish() for dog in hall.dogs[:2]] == [False, False]
    hall.run(1)
    assert not hall.dogs[1].finish()
    hall.dogs[2].finish()
    hall.run(1)
    assert all(dog.finish() for dog in hall.dogs)


def test_one_rank_need_not_wait():
    assert Hall(1).dogs[0].finish()


WAITS = Place("waiting", 5, 9, "barrier", "f", "a.py:1")
DONE = Place("finished", 4, 9)
BUSY = Place("computing", 4, 9, line="a.py:9", for_s=5.0)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([DONE, DONE], True),
        ([WAITS, DONE], True),
        ([WAITS, DONE._replace(ahead=5)], False),  # it has sent its part and left
        ([WAITS, WAITS], False),
        ([WAITS, WAITS._replace(operation="g")], True),
        ([WAITS, WAITS._replace(ahead=6, operation="g")], False),  # went on: has sent its part
        ([WAITS, WAITS._replace(ahead=6, operation="g", steps=((5, "f"),))], False),
        ([WAITS, WAITS._replace(ahead=6, operation="g", steps=((5, "h"),))], True),
        ([WAITS, DONE._replace(ahead=7, steps=((5, "h"), (6, "f")))], True),
        ([WAITS, WAITS._replace(ahead=4, role="message")], True),
        ([WAITS._replace(role="message"), DONE], True),
        ([WAITS._replace(role="message"), WAITS._replace(ahead=4, role="payload")], False),
    ],
)
def test_stuck_is_what_cannot_come(places, expected):
    assert stuck(places) == expected


def test_places_in_words():
    places = {0: WAITS, 1: DONE, 2: WAITS._replace(for_s=7.0), 3: DONE, 4: BUSY}
    assert describe(places).splitlines() == [
        "  ranks 0, 2 wait in f (barrier) at a.py:1, for 7 s",
        "  ranks 1, 3 have finished, for 0 s",
        "  rank 4 computes at a.py:9, for 5 s",
    ]
    assert describe({0: DONE}) == "  rank 0 has finished, for 0 s"
    assert str(WAITS._replace(what="f")) == "waits in f at a.py:1"
    over = WAITS._replace(line=watchdog.NO_LINE, what="rank 1 to receive")
    assert str(over) == "waits for rank 1 to receive"


def test_ranks_in_words():
    assert ranks([0, 1, 3, 4, 5]) == "ranks 0-1, 3-5"


def test_the_limit_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("PMAP_WAIT_S", "7.5")
    assert Hall(1, wait_s=None).dogs[0].wait_s == 7.5
    monkeypatch.delenv("PMAP_WAIT_S")
    assert Hall(1, wait_s=None).dogs[0].wait_s == 20


@pytest.mark.parametrize("text", ["soon", "0", "-3"])
def test_a_limit_that_cannot_be_is_refused(monkeypatch, text):
    monkeypatch.setenv("PMAP_WAIT_S", text)
    with pytest.raises(InputError, match="PMAP_WAIT_S is"):
        Hall(1, wait_s=None)
