"""Keys: what they open, what they refuse, and that a stored value cannot be moved or guessed."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import Unavailable
from service.vault import SALT, Vault, commitment, new_salt


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "keys.json"


@pytest.fixture
def vault(path):
    return Vault.at(path)


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(path):
    with ThreadPoolExecutor(8) as pool:
        indexes = {
            vault.blind_index("person", "x") for vault in pool.map(lambda _: Vault.at(path), range(16))
        }
    assert len(indexes) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_a_file_that_is_no_key_file_is_refused_in_words_and_kept(path):
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(Unavailable, match="not a key file"):
        Vault.at(path)
    assert path.read_text() == "{}"


@pytest.mark.parametrize("name", ["index", "stamp", "signing", "keys"])
def test_a_key_that_is_cut_short_is_refused_at_once(path, name):
    Vault.at(path)
    read = json.loads(path.read_text())
    read[name] = {"1": "c29ydA=="} if name == "keys" else read[name][:-8]
    path.write_text(json.dumps(read))
    with pytest.raises(Unavailable, match="not a key file"):
        Vault.at(path)


def test_a_case_key_comes_back_from_its_wrapped_form_for_its_own_case_only(vault):
    key, wrapped = vault.new_case_key("case-1")
    sealed = key.seal(b"hemligt", "draft.data:1")
    assert vault.case_key(wrapped, "case-1").open(sealed, "draft.data:1") == b"hemligt"
    with pytest.raises(Unavailable):
        vault.case_key(wrapped, "case-2")


@pytest.mark.parametrize("place", ["draft.data:2", "answers.data:1", ""])
def test_a_sealed_value_moved_to_another_place_is_refused(vault, place):
    key, _ = vault.new_case_key("case-1")
    with pytest.raises(Unavailable):
        key.open(key.seal(b"hemligt", "draft.data:1"), place)


def test_every_changed_byte_of_a_sealed_value_is_noticed(vault):
    key, _ = vault.new_case_key("case-1")
    sealed = key.seal(b"hemligt", "draft.data:1")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Unavailable):
            key.open(bytes(changed), "draft.data:1")


def test_two_seals_of_one_value_differ(vault):
    key, _ = vault.new_case_key("case-1")
    assert key.seal(b"hemligt", "draft.data:1") != key.seal(b"hemligt", "draft.data:1")


def test_a_cut_value_is_an_error_of_ours(vault):
    key, _ = vault.new_case_key("case-1")
    for cut in (b"", b"x", b"x" * 12):
        with pytest.raises(Unavailable):
            key.open(cut, "draft.data:1")
        with pytest.raises(Unavailable):
            vault.open(cut, "login")


def test_what_an_older_key_sealed_opens_beside_a_newer_one():
    old = Vault({1: b"1" * 32}, b"i" * 32)
    both = Vault({1: b"1" * 32, 2: b"2" * 32}, b"i" * 32)
    assert both.open(old.seal(b"x", "p"), "p") == b"x"
    assert both.seal(b"x", "p")[0] == 2
    with pytest.raises(Unavailable, match="not in the key file"):
        old.open(both.seal(b"x", "p"), "p")


def test_equal_values_share_a_blind_index_that_tells_nothing_without_the_key(vault, tmp_path):
    other = Vault.at(tmp_path / "other.json")
    assert vault.blind_index("person", "199001010017") == vault.blind_index("person", "199001010017")
    assert vault.blind_index("person", "199001010017") != vault.blind_index("account", "199001010017")
    assert vault.blind_index("person", "199001010017") != other.blind_index("person", "199001010017")


def test_a_commitment_differs_with_its_salt():
    one, two = new_salt(), new_salt()
    assert len(one) == SALT
    assert commitment(one, b"x") == commitment(one, b"x")
    assert commitment(one, b"x") != commitment(two, b"x")
