"""Keys of secrets: how they are written, the file that holds them, and what they encrypt."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from schema.errors import SecretUnreadable, SetupError
from schema.key_file import KeyFile, KeySource, parse_setting
from schema.keyring import KeyRing
from schema.keys import Encrypted, Key, new_key, parse_keys
from schema.run_secrets import RunSecrets, decrypt_secrets, encrypt_again, encrypt_secrets
from schema.runs import RunRef

ONE, TWO = Key("one", b"1" * 32), Key("two", b"2" * 32)
RUN = RunRef(run_id="r", tenant_id="t")


def test_keys_are_read_as_they_are_written() -> None:
    made = new_key()

    assert parse_keys(f"# comment\n{ONE}, {TWO}\n\n {made}\n") == (ONE, TWO, made)
    assert parse_setting(f"{ONE},{TWO}") == (ONE, TWO)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("k1", "key 1 is not written id:base64"),
        (f"{ONE},b@d:xx", "key 2 is not written id:base64"),
        ("k1:****", "key 'k1' is no base64"),
        (f"k1:{base64.b64encode(b'short').decode()}", "key 'k1' has 5 bytes instead of 32"),
        (f"{ONE},{ONE}", "two keys have one name"),
        ("", "holds no key"),
    ],
)
def test_a_setting_that_holds_no_keys_is_refused_and_not_shown(text: str, problem: str) -> None:
    with pytest.raises(SetupError, match="HOLDFAST_SECRET_KEYS") as refused:
        parse_setting(text)

    assert problem in str(refused.value)
    assert str(ONE).partition(":")[2] not in str(refused.value)


def test_a_key_is_in_no_representation() -> None:
    assert "1111" not in repr(ONE)
    assert str(ONE).partition(":")[2] not in repr(ONE)


def test_the_first_start_makes_a_file_for_its_owner_only(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret.keys")

    first, second = file.ensure(), file.ensure()

    assert first == second
    assert len(first) == 1
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret.keys"]


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from schema.key_file import KeyFile; "
        "sys.stdin.read(); print(KeyFile(pathlib.Path(sys.argv[1])).ensure()[0].id)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "secret.keys")]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # now all of them go on
        process.stdin = None

    names = {process.communicate(timeout=30)[0] for process in started}

    assert len(names) == 1
    assert names != {""}


def test_a_new_key_is_put_in_front_and_old_ones_stay(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret.keys")
    old = file.ensure()
    source = KeySource(file)
    before = source.ring().current_id

    file.add(ONE)

    assert file.read() == (ONE, *old)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert (before, source.ring().current_id) == (old[0].id, "one")


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret.keys")
    file.ensure()
    file.path.chmod(0o640)

    with pytest.raises(SetupError, match=f"Others may read.*chmod 600 {file.path}"):
        file.read()


@pytest.mark.parametrize("text", ["", "nonsense", "k1:AAAA"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.keys"
    path.touch(mode=0o600)
    path.write_text(text)

    with pytest.raises(SetupError, match="is no key file"):
        KeyFile(path).read()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be written"):
        KeyFile(tmp_path / "no" / "secret.keys").ensure()


def test_loading_the_keys_loads_no_crypto_library() -> None:
    program = "import sys, schema.key_file; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    old, new = KeyRing([ONE]), KeyRing([TWO, ONE])
    encrypted = old.encrypt(b"value", b"owner")

    assert encrypted.key_id == "one"
    assert b"value" not in encrypted.data
    assert old.encrypt(b"value", b"owner").data != encrypted.data
    assert new.decrypt(encrypted, b"owner") == b"value"
    assert new.encrypt(b"value", b"owner").key_id == "two"


def test_a_key_that_is_not_here_is_named() -> None:
    encrypted = KeyRing([TWO]).encrypt(b"value", b"owner")

    with pytest.raises(SecretUnreadable, match=r"the key 'two'.*only 'one'.*HOLDFAST_SECRET_KEYS"):
        KeyRing([ONE]).decrypt(encrypted, b"owner")


@pytest.mark.parametrize("change", ["key", "owner", "data"])
def test_what_was_changed_does_not_open(change: str) -> None:
    encrypted = KeyRing([ONE]).encrypt(b"value", b"owner")
    ring = KeyRing([Key("one", b"3" * 32)]) if change == "key" else KeyRing([ONE])
    if change == "data":
        encrypted = Encrypted("one", encrypted.data[:-1] + bytes([encrypted.data[-1] ^ 1]))

    with pytest.raises(SecretUnreadable, match="'one'"):
        ring.decrypt(encrypted, b"other" if change == "owner" else b"owner")


def test_secrets_of_a_run_come_back_and_belong_to_it() -> None:
    ring = KeyRing([ONE])
    values = {"env.A": "a\ud800\x00", "env.B": ""}

    stored = encrypt_secrets(ring, RUN, values)

    opened = decrypt_secrets(ring, RUN, stored)
    assert opened.values == values
    assert len(opened.nonce) == 32
    assert decrypt_secrets(ring, RUN, encrypt_secrets(ring, RUN, values)).nonce != opened.nonce
    for other in (RunRef(run_id="r", tenant_id="u"), RunRef(run_id="s", tenant_id="t")):
        with pytest.raises(SecretUnreadable):
            decrypt_secrets(ring, other, stored)


def test_a_run_without_secrets_has_none() -> None:
    assert encrypt_secrets(KeyRing([ONE]), RUN, {}) == ()
    assert decrypt_secrets(KeyRing([ONE]), RUN, []) == RunSecrets()


def test_encrypting_again_changes_the_key_only() -> None:
    old, new = KeyRing([ONE]), KeyRing([TWO, ONE])
    stored = encrypt_secrets(old, RUN, {"env.A": "a"})

    again = [encrypt_again(new, RUN, each) for each in stored]

    assert {each.encrypted.key_id for each in again} == {"two"}
    assert decrypt_secrets(KeyRing([TWO]), RUN, again) == decrypt_secrets(old, RUN, stored)
