"""Where a name leads is looked up anew at each delivery, and all it leads to must be outside."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from services.portal.hooks.addresses import Address
from services.portal.hooks.guarding import Guard, SystemResolver
from services.portal.hooks.targets import Unsafe

OUT, IN = ip_address("93.184.216.34"), ip_address("10.0.0.7")


class SetResolver:
    """Answers as told, one answer after the other."""

    def __init__(self, *answers: Sequence[Address] | OSError) -> None:
        self.answers = list(answers)

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        del host, port
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


async def refusal(guard: Guard, url: str = "https://hooks.example/") -> str:
    with pytest.raises(Unsafe) as refused:
        await guard.check(url)
    return str(refused.value)


async def test_the_addresses_found_are_handed_on() -> None:
    checked = await Guard(SetResolver([OUT])).check("https://hooks.example/x")
    assert (checked.target.host, checked.addresses) == ("hooks.example", [OUT])


async def test_a_name_that_turns_inside_later_is_refused_then() -> None:
    guard = Guard(SetResolver([OUT], [IN]))
    await guard.check("https://hooks.example/")
    await refusal(guard)


async def test_nobody_learns_from_a_refusal_what_is_inside() -> None:
    """One inner address among outer ones, none at all, and a resolver that fails are refused in the same words."""
    told = {await refusal(Guard(SetResolver(each))) for each in ([OUT, IN], [IN], [], OSError("no such name"))}
    assert len(told) == 1


async def test_an_address_in_the_url_is_checked_without_a_look_up() -> None:
    guard = Guard(SetResolver())
    for host in ("127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:1.1.1.1]", "[fd00:ec2::254]", "100.100.100.200"):
        await refusal(guard, f"https://{host}/")
    assert (await guard.check("https://1.1.1.1/")).addresses == [ip_address("1.1.1.1")]


async def test_the_machine_s_resolver_finds_this_machine_and_it_is_refused() -> None:
    resolver = SystemResolver(5)
    assert any(each.is_loopback for each in await resolver.addresses("localhost", 443))
    await refusal(Guard(resolver), "https://localhost/")
    assert (await Guard(resolver, rehearsal=True).check("http://localhost:81/")).target.port == 81
