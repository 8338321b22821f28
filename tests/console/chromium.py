"""The browser of these tests: Debian's chromium. `python -m tests.console.chromium` gets it."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-dejavu-core")
MISSING = (
    "the console is tested in a real browser, and there is none: install it by "
    f"`apt-get install --no-install-recommends {' '.join(PACKAGES)}` as root, or put another "
    "chromium on the PATH"
)
# Without these it asks for its maker's hosts, over and over.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """Where it is; None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> bool:
    """Install it where that is possible: as root, by apt-get. Says whether it is there now."""
    if chromium() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            subprocess.run(
                ["apt-get", "-qq", *words],
                env=environment,
                stdout=subprocess.DEVNULL,
                check=False,
            )
    return chromium() is not None


if __name__ == "__main__":
    if not install():
        sys.stderr.write(f"note: {MISSING}\n")
