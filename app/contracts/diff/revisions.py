"""Topic files of a folder, or as they were in a git revision."""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from app.contracts.load import Contracts, load_contracts
from app.core.errors import Fatal


def contracts_of(name: str, topics_dir: Path) -> Contracts:
    """Read the topic files that `name` means: a folder, or a git revision such as `HEAD~1` or
    `main`, in which they are where `topics_dir` is now.

    Raises:
        Fatal: there is neither; or the files are not right, with a line per problem.
    """
    if Path(name).is_dir():
        return load_contracts(Path(name))
    top = Path(_git(_existing(topics_dir), "rev-parse", "--show-toplevel").decode().strip())
    place = topics_dir.absolute().resolve().relative_to(top.resolve()).as_posix()
    try:
        commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except Fatal as error:
        raise Fatal(f"«{name}» is neither a folder nor a git revision") from error
    try:
        packed = _git(top, "archive", "--format=tar", f"{commit.decode().strip()}:{place}")
    except Fatal as error:
        raise Fatal(f"{name} has no folder {place}") from error
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder, filter="data")
        try:
            return load_contracts(Path(folder))
        except Fatal as error:
            raise Fatal(str(error).replace(f"{folder}/", f"{name}:{place}/")) from None


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError as error:
        raise Fatal("git is not installed; name two folders instead") from error
    if done.returncode != 0:
        raise Fatal(done.stderr.decode(errors="replace").strip())
    return done.stdout
