"""The bundles: exactly named packages, fresh when their sources have not changed, fit for a strict CSP."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRONTEND = ROOT / "frontend"
PAGES = ROOT / "service" / "web" / "static" / "build"
ENGINE = ROOT / "service" / "engine" / "build"

sys.path.insert(0, str(FRONTEND))
import hatch_build  # noqa: E402  the build hook lives beside what it builds


def test_packages_are_locked_exactly_and_without_addresses() -> None:
    wanted = json.loads((FRONTEND / "package.json").read_text())
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert not [name for name, each in lock["packages"].items() if "resolved" in each]
    assert all("integrity" in each for name, each in lock["packages"].items() if name)
    assert "://" not in (FRONTEND / ".npmrc").read_text()


def test_the_manifest_names_files_that_are_there() -> None:
    manifest = json.loads((PAGES / "manifest.json").read_text())
    assert {"htmx.js", "case.js", "case.css"} <= manifest.keys()
    for name, file in manifest.items():
        stem, _, kind = name.rpartition(".")
        assert re.fullmatch(rf"{re.escape(stem)}-\w{{8,}}\.{kind}", file)
        assert (PAGES / file).stat().st_size > 0


@pytest.mark.parametrize("bundle", ["engine.js", "tooling.js"])
def test_what_v8_loads_is_strict_and_cannot_make_code_of_text(bundle: str) -> None:
    source = (ENGINE / bundle).read_text()
    assert source.startswith('"use strict";')
    assert not re.search(r"\beval\(|\bnew Function\(|\bimport\(|\brequire\(", source)


def test_our_pages_scripts_live_with_a_strict_policy() -> None:
    manifest = json.loads((PAGES / "manifest.json").read_text())
    source = (PAGES / manifest["case.js"]).read_text()
    assert not re.search(r"\beval\(|\bnew Function\(", source)


def test_the_licences_of_what_is_shipped_go_along() -> None:
    assert "feelin 8.2.0 (MIT)" in (ENGINE / "licences.txt").read_text()
    shipped = (PAGES / "licences.txt").read_text()
    assert "bpmn-js 18.31.1" in shipped
    assert "The source code responsible for displaying the bpmn.io project watermark" in shipped


def _source_tree(root: Path) -> Path:
    frontend = root / "frontend"
    (frontend / "node_modules" / "x").mkdir(parents=True)
    (frontend / "build.js").write_text("1")
    (frontend / "node_modules" / "x" / "index.js").write_text("1")
    return frontend


def test_a_change_of_a_source_is_noticed_and_one_of_a_package_folder_is_not(tmp_path: Path) -> None:
    frontend = _source_tree(tmp_path)
    before = hatch_build._digest(frontend)
    (frontend / "node_modules" / "x" / "index.js").write_text("2")
    assert hatch_build._digest(frontend) == before
    (frontend / "build.js").write_text("2")
    assert hatch_build._digest(frontend) != before
    (frontend / "build.js").rename(frontend / "built.js")
    assert hatch_build._digest(frontend) != before


def test_fresh_bundles_are_not_built_again(tmp_path: Path) -> None:
    frontend = _source_tree(tmp_path)
    engine = tmp_path / "service" / "engine" / "build"
    pages = tmp_path / "service" / "web" / "static" / "build"
    engine.mkdir(parents=True)
    pages.mkdir(parents=True)
    (pages / "manifest.json").write_text("{}")
    (engine / ".stamp").write_text(hatch_build._digest(frontend))
    hook = hatch_build.Bundles(str(tmp_path), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]
    hook.initialize("editable", {})  # would fail: there is no package-lock.json
    (frontend / "build.js").write_text("2")
    with pytest.raises(FileNotFoundError):
        hook.initialize("editable", {})
    assert not (engine / ".stamp").exists()
