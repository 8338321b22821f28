"""Which values become fields, how they are called, and which of them are the keys."""

from typing import Any

from .samples import comments, inferred


def fields(*samples: dict[str, Any], columns: int = 20) -> dict[str, Any]:
    found = inferred(samples, columns)["fields"]
    assert isinstance(found, dict)
    return found


def paths(*samples: dict[str, Any], columns: int = 20) -> dict[str, Any]:
    return {name: field.get("path") for name, field in fields(*samples, columns=columns).items()}


def test_values_of_nested_objects_are_lifted() -> None:
    sample = {"id": 1, "user": {"id": 2, "home": {"zip": "10115", "geo": {"lat": 1}}}}
    assert paths(sample) == {
        "id": None,
        "user_id": "user.id",
        "user_home_zip": "user.home.zip",
    }


def test_a_name_is_cut_to_what_a_file_may_say() -> None:
    long = "x" * 80
    assert [len(name) for name in paths({long: 1, "1": {long: 2}, "y": {long: 3}})] == [60] * 3


def test_a_key_with_a_dot_or_a_figure_is_lifted_by_a_list() -> None:
    sample = {"a.b": 1, "c": {"d.e": 2, "0": 3}, "Öl": 4, "day": 5, "createdAt": 6, "": 7}
    assert paths(sample) == {
        "a_b": ["a.b"],
        "c_d_e": ["c", "d.e"],
        "c_0": ["c", "0"],
        "l": ["Öl"],
        "value_day": "day",
        "created_at": "createdAt",
    }


def test_two_places_never_have_one_name() -> None:
    assert list(paths({"a_b": 1, "a": {"b": 2}, "a.b": 3})) == ["a_b", "a_b_2", "a_b_3"]


def test_what_is_in_an_object_that_may_be_missing_is_optional() -> None:
    found = fields({"user": {"id": 1}}, {"user": None}, {})
    assert found["user_id"]["optional"] is True


def test_an_object_whose_keys_differ_from_sample_to_sample_is_kept_whole() -> None:
    found = fields(*({"by": {f"u{n}": 1, f"u{n + 1}": 2}} for n in range(30)))
    assert found["by"]["type"] == "json"


def test_the_most_telling_values_are_lifted_first_and_links_never() -> None:
    user = {"bio_score": 1, "hair": "red", "site": "https://x.example/" + "x" * 3_000, "id": 7}
    sample = {"kind": "a", "user": user}
    assert list(paths(sample)) == ["kind", "user_bio_score", "user_hair", "user_id"]
    assert list(paths(sample, columns=2)) == ["kind", "user_id"]


def test_all_of_the_first_level_are_fields_however_many() -> None:
    assert len(paths({f"key_{n}": n for n in range(40)} | {"user": {"id": 1}})) == 40


def keys(samples: list[dict[str, Any]]) -> tuple[str, list[str], str]:
    said = inferred(samples)
    return said["kafka"]["key"], said["dedupe"]["by"], said["day"]["from"]


def moment(number: int) -> str:
    return f"2026-03-01T10:{number:02d}:00Z"


def test_keys_and_day_are_guessed_from_what_repeats_what_differs_and_what_is_latest() -> None:
    samples = [
        {
            "id": number,
            "shop": {"id": number % 3, "opened_at": moment(0)},
            "confirmed_at": moment(number),
        }
        for number in range(30)
    ]
    assert keys(samples) == ("shop_id", ["id"], "confirmed_at")


def test_a_time_that_is_called_after_the_event_goes_before_a_later_one() -> None:
    samples = [{"id": n, "occurred_at": moment(1), "stored_at": moment(2)} for n in range(3)]
    assert keys(samples)[2] == "occurred_at"


def test_what_can_not_be_guessed_is_open_and_says_what_was_close() -> None:
    samples = [{"id": 1, "at": moment(1)}, {"id": 1, "at": None}]
    assert keys(samples) == ("id", ["TODO"], "TODO")
    text = comments(samples)
    assert "no field tells every two samples apart; the closest is id, in 2 of 2" in text
    assert "no time is in every sample; at is in 1 of 2, null in 1" in text
    assert keys([{"a": 0.5}]) == ("TODO", ["TODO"], "TODO")


def test_a_nested_id_that_differs_in_a_few_samples_proves_nothing() -> None:
    samples = [{"user": {"id": number}, "at": moment(1)} for number in range(30)]
    assert keys(samples[:5])[1] == ["TODO"]
    assert keys(samples)[1] == ["user_id"]


def test_big_samples_get_room() -> None:
    assert "max_event_bytes" not in inferred([{"a": "x"}])["kafka"]
    assert inferred([{"a": "x" * 300_000}])["kafka"]["max_event_bytes"] == 600_018
