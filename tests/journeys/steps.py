"""The steps of a journey, as a person takes them in the chat."""

from decimal import Decimal

from tests.journeys.instance import Instance, Person, until


async def deposit(person: Person, coin: str, amount: str) -> None:
    """Pay coins in and wait until they are credited."""
    await person.asks("/deposit", "which coin")
    await person.asks(coin, "how much")
    await person.asks(amount, "tap the button")
    assert await person.pays(await person.action("/pay/")) == "paid"
    await person.sees(f"{coin}.*has arrived")


async def start_run(person: Person, *answers: str) -> None:
    """Start a market maker: pair, settings, base amount, quote amount, yes."""
    await person.asks("/new", "which pair")
    await person.asks(answers[0], "how close")
    for answer in answers[1:-1]:
        await person.asks(answer, r"\?|\d of \d|how much")
    await person.asks(answers[-1], "confirm|yes")
    await person.asks("yes", "started|running|runs now")


async def stop_run(person: Person, number: int = 1, within_s: float = 60) -> None:
    """Stop a market maker and wait until its funds are free."""
    await person.asks(f"/stop {number}", "stop")
    await until(lambda: _stopped(person.instance, number), within_s, f"run {number} stopped")


async def _stopped(instance: Instance, number: int) -> bool:
    rows = await instance.rows("SELECT state FROM runs WHERE number = $1", number)
    return bool(rows) and all(row["state"] == "stopped" for row in rows)


async def withdraw(person: Person, coin: str, amount: str = "all") -> None:
    """Take coins out and wait until they have been sent."""
    await person.asks("/withdraw", "which coin")
    await person.asks(coin, "how much")
    await person.asks(amount, "confirm|yes")
    await person.asks("yes", "on its way")
    await person.sees(f"{coin} is in your mixin wallet", 40)


async def fills(instance: Instance) -> int:
    """Return how many fills are booked."""
    return int((await instance.rows("SELECT count(*) AS n FROM fills"))[0]["n"])


async def owed_to(instance: Instance, user_id: str) -> dict[str, Decimal]:
    """Return what the instance owes a person that they could take out, by coin, zeros left out."""
    rows = await instance.rows(
        "SELECT a.coin, b.total FROM balances b JOIN accounts a ON a.id = b.account_id "
        "WHERE a.kind = 'available' AND a.owner = $1 AND b.total <> 0",
        user_id,
    )
    return {row["coin"]: row["total"] for row in rows}
