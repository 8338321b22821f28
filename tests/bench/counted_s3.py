"""The local S3 server, which also tells how many requests it got."""

from pathlib import Path

import aiohttp

from app.local.ports import free_port
from app.local.s3 import LocalS3

COUNTER = "SeaweedFS_s3_request_total{"


class CountedS3(LocalS3):
    """A `LocalS3` with a counter."""

    def __init__(self, data_dir: Path, *, log_file: Path) -> None:
        self._metrics_port = free_port()
        super().__init__(data_dir, log_file=log_file, bucket="counted")

    def _command(self) -> list[str]:
        own = [f"-metricsPort={self._metrics_port}", "-metricsIp=127.0.0.1"]
        return [*super()._command(), *own]

    async def requests(self) -> int:
        """How many it has answered since it began, of all kinds."""
        url = f"http://127.0.0.1:{self._metrics_port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            lines = (await answer.text()).splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith(COUNTER))
