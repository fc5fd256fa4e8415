"""The repository itself: packaging, layout, and what the documents say about it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SHIPPED_ROOT_MODULES = {"__main__.py", "client.py", "client_wire.py", "daemon.py", "errors.py"}
# One module each may import these; whoever else wants them goes through it.
ONE_DOOR = {
    "apscheduler": {"crawler/ticker.py"},
    "apsw": {"cache/search_files.py"},
    "lmdb": {"cache/environment.py"},
    "OpenSSL": {"crawler/egress_tls.py"},
    # A loader of PyLD's own would fetch whatever context a document names.
    "pyld": {"crawler/protocol/jsonld.py"},
    "yaml": {"config/yaml_text.py"},
    # The client of the API reaches a unix socket; it goes nowhere else.
    "socket": {"client_wire.py", "crawler/egress_resolver.py"},
}
FORBIDDEN = {"requests", "httpx", "aiohttp", "treq", "urllib.request", "twisted.web.client"}


def python_files() -> Iterator[Path]:
    for folder in ("cache", "cli", "config", "crawler", "spiders"):
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from sorted(ROOT.glob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, as written."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_the_root_holds_no_package_and_no_stray_module() -> None:
    """A stray module in the root would land in the wheel; an __init__ would shadow the package."""
    assert {path.name for path in ROOT.glob("*.py")} == SHIPPED_ROOT_MODULES
    assert not (ROOT / "tests" / "__init__.py").exists()
    assert not (ROOT / "conftest.py").exists()


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    """A folder that the list forgets would be missing from the wheel."""
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    folders = {"cache", "cli", "config", "crawler", "spiders", "tests/fediverse"}
    found = {"fedpull"}
    for folder in folders:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add("fedpull." + str(init.parent.relative_to(ROOT)).replace("/", "."))

    assert listed == found


@pytest.mark.parametrize("module", sorted(ONE_DOOR))
def test_one_module_imports(module: str) -> None:
    """What opens a store, a YAML file or a socket is in one place."""
    users = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if any(name == module or name.startswith(f"{module}.") for name in imports(path))
    }

    assert users <= ONE_DOOR[module]


def test_nothing_brings_a_client_of_its_own() -> None:
    """Every outward request goes through the door."""
    users = {path.name: imports(path) & FORBIDDEN for path in python_files()}

    assert {name: used for name, used in users.items() if used} == {}


def test_the_package_init_files_hold_no_code() -> None:
    """A docstring and re-exports, nothing that runs."""
    for path in python_files():
        if path.name == "__init__.py":
            kinds = {type(node) for node in ast.parse(path.read_text("utf-8")).body}
            assert kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}, path


def test_the_file_map_of_the_architecture_is_complete() -> None:
    """ARCHITECTURE.md names every module that is there, and none that is not."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([\w/]+\.py)` \|", text, re.MULTILINE))
    there = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.name not in ("__init__.py", "__main__.py")
    }

    assert named == there


def test_the_readme_names_the_two_commands() -> None:
    """What a stranger types first is what the workflow offers."""
    readme = (ROOT / "README.md").read_text("utf-8")
    script = (ROOT / "run.sh").read_text("utf-8")
    for command in ("run", "test", "demo"):
        assert f"./run.sh {command}" in readme
        assert re.search(rf"^#   \./run\.sh {command}\b", script, re.MULTILINE)


def test_no_file_outgrows_its_reader() -> None:
    """400 lines at most; most files have less than 250."""
    long = {str(path): len(path.read_text("utf-8").splitlines()) for path in python_files()}

    assert {path: lines for path, lines in long.items() if lines > 400} == {}


def test_the_wheel_works_where_nothing_else_is(tmp_path: Path) -> None:
    """Built, installed into a clean environment, it shows the whole product: `demo --once`."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, timeout=300)
    [wheel] = tmp_path.glob("fedpull-*.whl")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(wheel)], check=True, timeout=300)
    contexts = "from fedpull.crawler.protocol.ld_contexts import names, text; [*map(text, names())]"
    subprocess.run([python, "-c", contexts], cwd=tmp_path, check=True, timeout=60)
    told = subprocess.run(
        [environment / "bin" / "fedpull", "demo", "--once"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert told.returncode == 0, told.stdout + told.stderr
