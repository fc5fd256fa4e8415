"""The file with our keys: made once, refused when something is wrong with it, rotated whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from key_cases import ed25519, rsa

from fedpull.crawler import key_file
from fedpull.errors import BadInput

ACTOR = "https://pull.example.org/actor"
NOW, DAY = 1_800_000_000.0, 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file as `fedpull init` makes it."""
    file = tmp_path / "keys" / "actor.pem"
    key_file.create(file)
    return file


def names(path: Path) -> list[str]:
    keys = key_file.read(path, ACTOR)
    ids = [*(key.id for key in keys.present), *(key.id for key in keys.former)]
    return [id.rpartition("#")[2] for id in ids]


def test_what_was_made_is_read(path: Path) -> None:
    """Two keys with the ids that others know them by, for nobody but us."""
    keys = key_file.read(path, ACTOR)

    assert [key.id for key in keys.present] == [f"{ACTOR}#main-key", f"{ACTOR}#ed25519-key"]
    assert {key.owner for key in keys.present} == {ACTOR}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["actor.pem"]


def test_keys_are_never_overwritten(path: Path) -> None:
    """Whoever makes keys where there are some gets an error, and leaves nothing behind."""
    before = path.read_bytes()

    with pytest.raises(FileExistsError):
        key_file.create(path)

    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["actor.pem"]


def test_a_key_that_was_made_elsewhere(tmp_path: Path) -> None:
    """One RSA key in PEM, as openssl and other servers write it, is enough to sign."""
    path = tmp_path / "key.pem"
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        path.write_bytes(rsa().key.private_bytes(Encoding.PEM, form, NoEncryption()))
        path.chmod(0o600)

        assert names(path) == ["main-key"]

    key_file.rotate(path, NOW, DAY)
    assert names(path) == ["key-2", "ed25519-key", "main-key"]


def test_a_rotation(path: Path) -> None:
    """New keys under new ids; of the old ones the public halves, until the overlap is over."""
    old = key_file.read(path, ACTOR)

    key_file.rotate(path, NOW, 7 * DAY)
    new = key_file.read(path, ACTOR)

    assert names(path) == ["key-2", "ed25519-key-2", "main-key", "ed25519-key"]
    assert [key.der for key in new.former] == [key.public.der for key in old.present]
    assert [key.expires for key in new.former] == [NOW + 7 * DAY] * 2
    assert new.rsa.public.der != old.rsa.public.der
    assert path.read_text().count("PRIVATE KEY-----") == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["actor.pem"]


def test_a_link_to_the_file_stays_one(path: Path, tmp_path: Path) -> None:
    """The private halves of the old keys go from where they are, not only from where we look."""
    link = tmp_path / "link.pem"
    link.symlink_to(path)

    key_file.rotate(link, NOW, 7 * DAY)

    assert link.is_symlink()
    assert names(path) == names(link) == ["key-2", "ed25519-key-2", "main-key", "ed25519-key"]


def test_a_signature_of_the_old_key_still_verifies(path: Path) -> None:
    """What was under way when the keys changed is no forgery."""
    signature = key_file.read(path, ACTOR).rsa.sign(b"text")

    key_file.rotate(path, NOW, 7 * DAY)
    former = key_file.read(path, ACTOR).former[0]

    assert former.verifies(signature, b"text")
    assert former.valid(NOW + 6 * DAY)
    assert not former.valid(NOW + 8 * DAY)


@pytest.mark.parametrize(
    ("rotations", "held"),
    [
        pytest.param(
            [(0, 7), (1, 7)],
            "key-3 ed25519-key-3 key-2 ed25519-key-2 main-key ed25519-key",
            id="within the overlap",
        ),
        pytest.param([(0, 7), (8, 7)], "key-3 ed25519-key-3 key-2 ed25519-key-2", id="after it"),
        pytest.param([(0, 0)], "key-2 ed25519-key-2", id="without an overlap: they were stolen"),
        pytest.param(
            [(0, 7), (1, 0)],
            "key-3 ed25519-key-3",
            id="without an overlap: nor do those before them count, of which there may be a copy",
        ),
        pytest.param(
            [(0, 99)] * 9,
            "key-10 ed25519-key-10 key-9 ed25519-key-9 key-8 ed25519-key-8 key-7 ed25519-key-7",
            id="nine in a row: others look at ten keys",
        ),
    ],
)
def test_several_rotations(path: Path, rotations: list[tuple[int, int]], held: str) -> None:
    """An id never names two keys, and what is over is dropped."""
    for day, overlap in rotations:
        key_file.rotate(path, NOW + day * DAY, overlap * DAY)

    assert names(path) == held.split()


def text_of(path: Path) -> str:
    return path.read_text()


def holding(*keys: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(b"".join(keys))


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def pem(key: str = "rsa", password: bytes = b"") -> bytes:
    made = rsa() if key == "rsa" else ed25519()
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda path: path.unlink(), "is not there", id="it is not there"),
        pytest.param(
            lambda path: path.chmod(0o640),
            "can be used by others (mode 0640)",
            id="a group reads it",
        ),
        pytest.param(
            lambda path: path.chmod(0o604), "can be used by others (mode 0604)", id="all read it"
        ),
        pytest.param(lambda path: path.write_text(""), "it holds no RSA key", id="it is empty"),
        pytest.param(lambda path: path.write_bytes(b"\xff\0"), "no RSA key", id="it is no text"),
        pytest.param(
            lambda path: path.write_text(text_of(path)[:900]),
            "is cut short",
            id="its end is missing",
        ),
        pytest.param(
            lambda path: path.write_text(text_of(path).replace("MIIE", "MIIX")),
            "is no private key",
            id="a letter of a key is another",
        ),
        pytest.param(holding(pem("ed25519")), "it holds no RSA key", id="one Ed25519 key"),
        pytest.param(holding(pem(), pem()), "two keys of the kind rsa", id="two RSA keys"),
        pytest.param(
            holding(pem(password=b"secret")), "is no private key", id="a key behind a password"
        ),
        pytest.param(
            lambda path: path.write_text(text_of(path) + rsa().public.pem),
            "a former key has no name",
            id="a public key that nothing is said of",
        ),
        pytest.param(made_a_folder, "is no file", id="it is a folder"),
        pytest.param(made_a_pipe, "is no file", id="it is a pipe"),
    ],
)
@pytest.mark.parametrize(
    "use", [names, lambda path: key_file.rotate(path, NOW, DAY)], ids=["reading", "rotating"]
)
def test_a_file_that_cannot_be_used(
    path: Path, spoil: Callable[[Path], object], said: str, use: Callable[[Path], object]
) -> None:
    """One line names the file, what is wrong with it, and what was expected."""
    spoil(path)

    with pytest.raises(BadInput) as refused:
        use(path)

    line = str(refused.value)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert ": expected " in line
    assert "\n" not in line
    assert refused.value.exit_code == 2


def test_a_rotation_that_fails_leaves_the_keys(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens before the new file is in its place, the old one is there whole."""
    before = path.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        key_file.rotate(path, NOW, DAY)

    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["actor.pem"]


def test_the_stamp_tells_a_rotation(path: Path) -> None:
    """A daemon looks at no more than this to see that there are new keys."""
    before = key_file.stamp(path)

    assert key_file.stamp(path) == before
    key_file.rotate(path, NOW, DAY)
    assert key_file.stamp(path) != before
    path.unlink()
    assert key_file.stamp(path) is None
