"""One name for each incarnation of a topic, and Kafka's name back from it."""

from app.core.incarnation import gone_back, log_name, place_of, short_place, topic_id_of, topic_of

TOPIC = "events.order_placed.v1"
ID = "8f14e45f-ceea-467f-a8d1-9d6b1c1a4f70"


def test_the_first_incarnation_is_called_as_the_topic_is() -> None:
    assert log_name(TOPIC, "") == TOPIC
    assert topic_of(f"{TOPIC}/3") == topic_of(TOPIC) == TOPIC
    assert place_of(f"{TOPIC}/3") == f"{TOPIC}/3"
    assert short_place(f"{TOPIC}/3") == "3"


def test_a_later_one_has_a_name_that_no_topic_of_kafkas_can_have() -> None:
    assert log_name(TOPIC, ID) == f"{TOPIC}~8f14e45f"
    assert topic_of(f"{TOPIC}~8f14e45f/3") == TOPIC
    assert place_of(f"{TOPIC}~8f14e45f/3") == f"{TOPIC}/3"
    assert short_place(f"{TOPIC}~8f14e45f/3") == "~8f14e45f/3"
    assert topic_id_of(ID) == ID


def test_a_log_that_went_back_is_told_apart_each_time() -> None:
    second = gone_back(ID)
    third = gone_back(second)
    assert len({log_name(TOPIC, one) for one in ("", ID, second, third)}) == 4
    assert {topic_id_of(one) for one in (ID, second, third)} == {ID}
    assert topic_of(f"{log_name(TOPIC, third)}/3") == TOPIC
