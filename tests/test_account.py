"""The account of the budget: who may have how much of an hour, and that nobody has it all."""

from __future__ import annotations

from fedpull.cache.account import Account

NOW, HOUR = 1_700_000_000.0, 3_600.0


def live(account: Account, hours: float, *, backfill: bool) -> tuple[list[float], list[float]]:
    """When the loop and a backfill made their requests, with both of them asking all they may."""
    loop: list[float] = []
    rest: list[float] = []
    now = NOW
    while now < NOW + hours * HOUR:
        granted = account.room(now)
        account.charge(granted, now)
        loop += [now] * granted
        while backfill and account.left(now, backfill=True) >= 1.0:
            account.charge(1, now, backfill=True)
            rest.append(now)
        if backfill:
            account.refuse_backfill(now)
        now += 15.0
    return loop, rest


def busiest(times: list[float]) -> int:
    """The most requests in any hour."""
    times = sorted(times)
    return max(sum(start <= at < start + HOUR for at in times) for start in times)


def test_a_loop_with_much_to_ask_keeps_no_first_sight_waiting() -> None:
    """Nor does an endless backfill keep the loop waiting; and no hour exceeds the budget."""
    account = Account(160.0)
    account.hold()
    loop, rest = live(account, 6, backfill=True)

    assert busiest(loop + rest) <= 160
    assert len(loop) >= 6 * 45
    assert len(rest) >= 6 * 85


def test_alone_the_loop_has_the_budget() -> None:
    """What is kept for backfills is used where there are none."""
    account = Account(160.0)
    account.hold()
    loop, _ = live(account, 6, backfill=False)

    assert busiest(loop) <= 160
    assert len(loop) >= 6 * 140


def test_debts_of_others_are_forgiven_in_time() -> None:
    """What people asked for slows the loop down and does not stop it."""
    account = Account(3600.0)
    account.hold()
    account.room(NOW)
    account.charge(2_000, NOW)
    loop, _ = live(account, 1, backfill=False)

    assert 600 <= len(loop) <= 1_500
