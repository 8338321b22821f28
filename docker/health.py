"""For HEALTHCHECK: do the roles of this container answer 200 at a path, /livez or /readyz?

Exit status 0 if so; 1 and a line about each that does not. Without ROLE all three are meant.
"""

import os
import sys
import urllib.request

ROLES = ("gateway", "worker", "scheduler")
SECONDS = 3.0


def trouble(role: str, path: str) -> str | None:
    """What is wrong with a role; None: nothing."""
    url = f"http://127.0.0.1:{os.environ[f'{role.upper()}__PORT']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS):  # raises for what is not 2xx
            return None
    except OSError as error:
        return f"{role}: {error}"


def main() -> None:
    """Ask each role that should be here."""
    role, path = os.environ.get("ROLE"), sys.argv[1]
    found = [said for one in ([role] if role else ROLES) if (said := trouble(one, path))]
    sys.stderr.write("".join(f"{said}\n" for said in found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
