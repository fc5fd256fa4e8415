#!/usr/bin/env bash
# The development workflow, executable: every command that the documentation names, and nothing else.
#
#   ./run.sh run [ARGS]    set everything up (own venv, a fedpull.yaml on first use) and run the daemon
#   ./run.sh demo [ARGS]   the same against a small simulated Fediverse, without the internet
#   ./run.sh test [ARGS]   set everything up and run the tests (arguments go to pytest)
#   ./run.sh check         what CI runs: lint, types, import contracts, tests
#   ./run.sh bench [ARGS]  the benchmarks (needs nginx)
#   ./run.sh fuzz [SECONDS [TARGET...]]  each reader of foreign input under atheris, for 600 s each
#   ./run.sh lowest        the tests on the lowest versions of the dependencies that we promise
set -euo pipefail
cd "$(dirname "$0")"

VENV="${FEDPULL_VENV:-.venv}"
BIN="$VENV/bin"

# Set up once, and again when what is to be installed has changed.
install() {
    local stamp="$VENV/.installed-$1"
    if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        [ -x "$BIN/python" ] || "${PYTHON:-python3}" -m venv "$VENV"
        echo "fedpull: installing into $VENV (once)" >&2
        "$BIN/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
        local groups=()
        case "$1" in
            run) ;;
            test) groups=(--group test) ;;
            dev) groups=(--group test --group lint --group bench) ;;
            fuzz) groups=(--group test --group fuzz) ;;
        esac
        # Of an editable install setuptools warns that our folder is named as our package. It is.
        PYTHONWARNINGS=ignore "$BIN/python" -m pip install --quiet --disable-pip-version-check \
            "${groups[@]}" --editable .
        touch "$stamp"
    fi
}

# Debian's Chromium, in which the tests of the page run; without it they are skipped, and say so.
browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" > /dev/null; then return; fi
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        echo "fedpull: installing chromium for the tests of the page (once)" >&2
        local get="timeout 600 env DEBIAN_FRONTEND=noninteractive apt-get -qq"
        { $get update && $get install -y --no-install-recommends chromium fonts-dejavu-core; } >&2 ||
            echo "fedpull: chromium cannot be installed; the tests that need it are skipped" >&2
    else
        echo "fedpull: no chromium here; the tests that need it are skipped" >&2
    fi
}

run() {
    install run
    if [ $# -eq 0 ] && [ ! -e fedpull.yaml ] && [ -z "${FEDPULL_CONFIG:-}" ]; then
        "$BIN/fedpull" init .
    fi
    exec "$BIN/fedpull" run "$@"
}

demo() {
    install run
    exec "$BIN/fedpull" demo "$@"
}

tests() {
    install test
    browser
    "$BIN/python" -m pytest "$@"
}

lint() {
    "$BIN/ruff" check .
    "$BIN/ruff" format --check .
}

types() {
    "$BIN/mypy"
}

contracts() {
    PYTHONPATH=.dev "$BIN/lint-imports" --no-cache
}

check() {
    install dev
    lint
    types
    contracts
    tests -n 2 --maxprocesses 2 "$@"
}

bench() {
    install dev
    exec "$BIN/python" benchmarks/run.py "$@"
}

# Coverage-guided; what is found stays in .fuzz. `pytest tests/test_fuzz.py` is the short form.
fuzz() {
    install fuzz
    local seconds="${1:-600}" target
    local targets=("${@:2}")
    [ $# -gt 1 ] || read -ra targets <<< "$("$BIN/python" tests/fuzz_run.py)"
    for target in "${targets[@]}"; do
        "$BIN/python" tests/fuzz_run.py "$target" "$seconds"
    done
}

# Every lower bound of pyproject.toml, installed exactly and tested.
lowest() {
    VENV=.venv-lowest
    BIN="$VENV/bin"
    [ -x "$BIN/python" ] || "${PYTHON:-python3}" -m venv "$VENV"
    "$BIN/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
    "$BIN/python" - > "$VENV/lowest.txt" <<'PY'
import re, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
for dependency in project["dependencies"]:
    print(re.sub(r">=", "==", dependency, count=1))
PY
    "$BIN/python" -m pip install --quiet --disable-pip-version-check --group test --constraint "$VENV/lowest.txt" --editable .
    "$BIN/python" -m pytest "$@"
}

case "${1:-}" in
    run | demo | check | bench | fuzz | lowest) "$@" ;;
    test) shift; tests "$@" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; [ $# -eq 0 ] || exit 2 ;;
esac
