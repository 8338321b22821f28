"""What a role says of itself, from outside: readiness, metrics, its log."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from app.local.role import LocalRole

TIMEOUT = aiohttp.ClientTimeout(total=10)


async def waited_for(role: LocalRole) -> set[str]:
    """What `/readyz` says the role waits for; nothing is said while it does not answer at all."""
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as http,
            http.get(f"{role.url}/readyz") as answer,
        ):
            return set((await answer.json())["waiting_for"])
    except aiohttp.ClientError:
        return set()


async def metric(role: LocalRole, name: str, **labels: str) -> float:
    """The sum over all samples of this name that have these labels; 0 if there is none."""
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as http,
        http.get(f"{role.url}/metrics") as answer,
    ):
        text = await answer.text()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def log_of(role: LocalRole) -> str:
    """All that the role has ever logged."""
    return role.log_file.read_text(errors="replace") if role.log_file.exists() else ""
