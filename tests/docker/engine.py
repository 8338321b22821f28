"""Images and containers where no engine runs: buildah builds, podman runs, both as root.

What they make is kept below the user's cache, for the next time; images of others are not met.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from app.local.jars import cache_dir

HOUSE = Path(__file__).parents[2]
STORE = cache_dir() / "containers"
STATE = Path("/run/forebay-images")  # of what is mounted: must be gone after a restart
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MIXED = Path("/sys/fs/cgroup/unified")
PROGRAMS = ("buildah", "podman", "debootstrap", "crun")
INSIDE = "ca-certificates,python3,python3-venv"
# Debian's own slim images have none of it, either.
NOT_INSIDE = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man",
              "var/cache/apt", "var/lib/apt/lists", "var/log")  # fmt: skip


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Failed(Exception):
    """A tool or a container did not do what it should."""


def expect(good: bool, what: str) -> None:
    """Raise `Failed` with what should be, unless it is."""
    if not good:
        raise Failed(what)


def until(good: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait for it. Raises `Failed`."""
    deadline = time.monotonic() + seconds
    while not good():
        expect(time.monotonic() < deadline, f"not within {seconds:g} s: {what}")
        time.sleep(0.5)


def needed() -> str | None:
    """What has to be there first; None: all of it is."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"Debian's packages {' '.join(absent)} are missing; root has: apt-get install"
    return "root alone can make an image here" if os.geteuid() else None


def start_apart(module: str) -> None:
    """Where cgroups of both versions are mixed, which crun refuses, start ourselves anew with
    mounts of our own, without the second version's."""
    if MIXED.is_mount():
        undo = f'umount {MIXED} && exec "$@"'
        again = ["sh", "-c", undo, "sh", sys.executable, "-m", module, *sys.argv[1:]]
        os.execvp("unshare", ["unshare", "--mount", *again])


def attempt(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run buildah or podman on our own store; all that is said is in `stdout`."""
    ours = [program, "--root", str(STORE / "images"), "--runroot", str(STATE)]
    if program == "podman":
        ours += ["--cgroup-manager", "cgroupfs", "--events-backend", "none"]
    return subprocess.run(
        [*ours, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=os.environ | {"DISABLE_HC_SYSTEMD": "true"},
    )  # fmt: skip


def done(program: str, *words: str) -> str:
    """The same, where it must work: what it said. Raises `Failed`."""
    tried = attempt(program, *words)
    if tried.returncode:
        last = "\n".join(tried.stdout.splitlines()[-30:])
        raise Failed(f"{program} {' '.join(words)}: exit code {tried.returncode}\n{last}")
    return tried.stdout.strip()


def base(suite: str) -> str:
    """An image with Debian's own Python, to build on; made if it is missing. Raises `Failed`."""
    name = f"localhost/forebay-base:{suite}"
    if not attempt("podman", "image", "exists", name).returncode:
        return name
    say(f"making a base of Debian {suite}: some minutes, once")
    STORE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=STORE) as scratch:
        root = Path(scratch, "root")
        words = ["debootstrap", "--variant=minbase", f"--include={INSIDE}", suite, root, _mirror()]
        made = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            raise Failed(f"debootstrap: {made.stdout[-2_000:]}")
        for folder in NOT_INSIDE:
            shutil.rmtree(root / folder)
            (root / folder).mkdir()
        # Package registries are asked through this machine's way to them, with what it trusts.
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        packed = Path(scratch, "root.tar")
        subprocess.run(["tar", "-C", root, "-cf", packed, "."], check=True)
        done("podman", "import", "--change", f"ENV SSL_CERT_FILE={CERTIFICATES}", str(packed), name)
    return name


def _mirror() -> str:
    """Where apt takes Debian from here."""
    words = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        label, _, url = line.partition(" ")
        if label == "Debian":
            return url
    raise Failed("apt knows no mirror of Debian; where it should: apt-get update")


def built(target: str, on: str) -> str:
    """The image of a target of the recipe. Raises `Failed`."""
    name = f"localhost/forebay-{target}:check"
    done("buildah", "bud", "--isolation=chroot", "--format=docker", "--layers",
         f"--build-arg=BASE_IMAGE={on}", f"--target={target}", f"--tag={name}",
         f"--file={HOUSE / 'docker/Dockerfile'}", str(HOUSE))  # fmt: skip
    return name


def size(image: str) -> int:
    """Bytes of all layers, as they lie on a node's disk."""
    return int(done("podman", "image", "inspect", "--format", "{{.Size}}", image))


def compressed(image: str) -> int:
    """Bytes of all layers, as a node pulls them."""
    with TemporaryDirectory(dir=STORE) as folder:
        done("podman", "push", "--compress", image, f"dir:{folder}")
        return sum(file.stat().st_size for file in Path(folder).iterdir())


class Container:
    """One container, as strictly kept as Compose and the chart keep it: a root that can not be
    written, no capabilities, `/tmp` in memory, and a volume for `/data`.

    As a context manager it runs in the background, and is removed at the end.
    """

    def __init__(self, image: str, environment: Mapping[str, str], name: str = "") -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._words = [
            "--network=host", "--cgroups=disabled", "--pull=never", "--read-only",
            "--read-only-tmpfs=false", "--tmpfs=/tmp", "--volume=forebay-data:/data",
            "--cap-drop=all", "--security-opt=no-new-privileges",
            # podman asks for more than a machine may have to give.
            f"--ulimit=nofile={soft}:{hard}", "--ulimit=nproc=1000:1000",
            *(f"--env={key}={value}" for key, value in environment.items()),
        ]  # fmt: skip
        self._image, self.name = image, name

    def once(self, *words: str, program: str = "forebay") -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        whole = ["run", "--rm", *self._words, f"--entrypoint={program}", self._image, *words]
        return attempt("podman", *whole)

    def __enter__(self) -> "Container":
        done("podman", "run", "--detach", f"--name={self.name}", *self._words, self._image)
        return self

    def __exit__(self, *_: object) -> None:
        attempt("podman", "rm", "--force", "--time=0", self.name)

    @property
    def log(self) -> str:
        return attempt("podman", "logs", self.name).stdout

    def healthy(self) -> bool:
        """Does its HEALTHCHECK say so?"""
        return attempt("podman", "healthcheck", "run", self.name).returncode == 0

    def stopped(self, seconds: int) -> int:
        """Its exit code after SIGTERM; 137 if it had to be killed after these seconds."""
        done("podman", "stop", f"--time={seconds}", self.name)
        return int(done("podman", "inspect", "--format", "{{.State.ExitCode}}", self.name))
