"""What one end says, the other reads whole, however the two fall in with each other."""

import threading

from dsbuilder.workers.heartbeat import Heartbeat


def test_a_page_is_empty_until_a_worker_begins() -> None:
    heartbeat = Heartbeat.create()
    assert set(heartbeat.read()) == {0}
    heartbeat.beat(1, 2, -1, 3)
    assert heartbeat.read()[1:] == (1, 1, 2, -1, 3)
    heartbeat.close()


def test_no_beat_is_read_in_the_middle() -> None:
    heartbeat, is_over = Heartbeat.create(), threading.Event()

    def write() -> None:
        while not is_over.is_set():
            number = heartbeat.number + 1
            heartbeat.beat(number, number, number, number)

    heartbeat.beat(1, 1, 1, 1)
    writer = threading.Thread(target=write)
    writer.start()
    beats = [heartbeat.read() for _ in range(20_000)]
    is_over.set()
    writer.join()
    heartbeat.close()
    assert all(len(set(beat[1:])) == 1 for beat in beats)
    assert [beat.number for beat in beats] == sorted(beat.number for beat in beats)
