"""Durations, sizes and rates: what is read, what is refused, and that writing undoes reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.config.units import (
    MAX_DURATION,
    MAX_SIZE,
    Rate,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)
from fedpull.errors import BadInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30.0, id="seconds"),
        pytest.param("5m", 300.0, id="minutes"),
        pytest.param("2h", 7200.0, id="hours"),
        pytest.param("1d", 86400.0, id="days"),
        pytest.param("0.5s", 0.5, id="part of a second"),
        pytest.param("0s", 0.0, id="no time at all"),
        pytest.param(0, 0.0, id="a bare zero means the same in every unit"),
        pytest.param("0", 0.0, id="zero as text"),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: object, seconds: float) -> None:
    """Durations are read in the four units, and zero in none."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(5, "5: has no unit: expected a number and its unit", id="bare number"),
        pytest.param(1.5, "1.5: has no unit", id="bare fraction"),
        pytest.param("5", "'5': is not a duration", id="a bare number as text"),
        pytest.param("5 m", "'5 m': is not a duration", id="space before the unit"),
        pytest.param("5w", "'5w': is not a duration", id="a unit that there is not"),
        pytest.param("-5m", "'-5m': is not a duration", id="negative"),
        pytest.param("22:30", "'22:30': is not a duration", id="time of day"),
        pytest.param("1e3s", "'1e3s': is not a duration", id="exponent"),
        pytest.param("٣m", "'٣m': is not a duration", id="digits of another script"),
        pytest.param("1h30m", "'1h30m': is not a duration", id="two units"),
        pytest.param("", "'': is not a duration", id="empty text"),
        pytest.param(True, "true: is not a duration", id="true is not the number one"),
        pytest.param(False, "false: is not a duration", id="false is not the number zero"),
        pytest.param(None, "nothing: is not a duration", id="nothing"),
        pytest.param([5], "a list: is not a duration", id="list"),
        pytest.param("36501d", "'36501d': is too long: expected at most 36500d", id="centuries"),
        pytest.param("9" * 5000 + "d", "is not a duration", id="thousands of digits"),
    ],
)
def test_what_is_no_duration_is_refused(value: object, message: str) -> None:
    """The message names the value, short, and what would have been right."""
    with pytest.raises(BadInput) as caught:
        parse_duration(value)

    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "size"),
    [
        pytest.param("512KiB", 524288, id="KiB"),
        pytest.param("1MiB", 1048576, id="MiB"),
        pytest.param("64GiB", 68719476736, id="GiB"),
        pytest.param("1TiB", 1099511627776, id="TiB"),
        pytest.param(1000, 1000, id="a plain number is bytes"),
        pytest.param("1000", 1000, id="a plain number as text"),
    ],
)
def test_a_size_is_bytes_or_has_a_binary_unit(value: object, size: int) -> None:
    """Sizes are read in binary units."""
    assert parse_size(value) == size


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("64GB", "'64GB': is not a size: expected bytes, or a number", id="decimal"),
        pytest.param("1mib", "'1mib': is not a size", id="lower case"),
        pytest.param(-1, "-1: is not a size", id="negative"),
        pytest.param(1.5, "1.5: is not a size", id="fraction"),
        pytest.param(True, "true: is not a size", id="true"),
        pytest.param("65TiB", "'65TiB': is too large: expected at most 64TiB", id="too large"),
    ],
)
def test_what_is_no_size_is_refused(value: object, message: str) -> None:
    """The message names the value and the units."""
    with pytest.raises(BadInput) as caught:
        parse_size(value)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        pytest.param("100/15m", Rate(100, 900.0), id="a count in some minutes"),
        pytest.param("20000/h", Rate(20_000, 3600.0), id="an hour needs no number"),
        pytest.param("1/1d", Rate(1, 86400.0), id="or may have one"),
    ],
)
def test_a_rate_is_a_count_and_a_time(text: str, rate: Rate) -> None:
    """Rates are read with and without the number before the unit."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(100, "100: is not a rate: expected a count and a time", id="a bare count"),
        pytest.param("100", "'100': is not a rate", id="a bare count as text"),
        pytest.param("0/h", "'0/h': allows nothing or everything", id="none"),
        pytest.param("5/0s", "'5/0s': allows nothing or everything", id="in no time"),
        pytest.param("5/.s", "'5/.s': is not a rate", id="no number in the time"),
        pytest.param("5/15", "'5/15': is not a rate", id="time without unit"),
        pytest.param("99999999999/h", "is too large", id="too many"),
    ],
)
def test_what_is_no_rate_is_refused(value: object, message: str) -> None:
    """The message names the value and shows a rate."""
    with pytest.raises(BadInput) as caught:
        parse_rate(value)

    assert message in str(caught.value)


@given(st.integers(0, int(MAX_DURATION) * 1000))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    """format_duration and parse_duration undo each other."""
    seconds = milliseconds / 1000

    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, MAX_SIZE))
def test_a_written_size_reads_back(size: int) -> None:
    """format_size and parse_size undo each other."""
    assert parse_size(format_size(size)) == size


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_a_written_rate_reads_back(count: int, seconds: int) -> None:
    """format_rate and parse_rate undo each other."""
    rate = Rate(count, float(seconds))

    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(format_duration(120.0), "2m", id="minutes"),
        pytest.param(format_duration(90.0), "90s", id="no whole minute"),
        pytest.param(format_size(2**20), "1MiB", id="the largest unit"),
        pytest.param(format_size(1000), "1000", id="no unit fits"),
        pytest.param(str(Rate(20_000, 3600.0)), "20000/h", id="an hour"),
        pytest.param(str(Rate(100, 900.0)), "100/15m", id="a quarter"),
    ],
)
def test_numbers_are_written_as_people_would(written: str, expected: str) -> None:
    """The shortest form is chosen."""
    assert written == expected
