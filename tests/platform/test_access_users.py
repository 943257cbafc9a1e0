"""The file of the users: only hashes, roles and passwords changed at once for whoever reads it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from cli.main import app
from services.platform.access import passwords, users
from services.platform.access.passwords import WeakPassword
from services.platform.access.sessions import Sessions
from services.platform.access.users import Users, UsersError

PASSWORD = "green-mountain-47"
OTHER = "another-river-48"
SECRET = "s" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access" / "users.json"


def test_a_password_is_kept_as_a_hash_that_only_it_fits(file: Path) -> None:
    users.add(file, "Li", "operator", PASSWORD)
    text = file.read_text()
    assert PASSWORD not in text
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(text)["users"][0]["password"]
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, PASSWORD)
    assert not passwords.matches(kept, PASSWORD + "x")
    assert not passwords.matches("", PASSWORD)
    assert not passwords.matches("no hash", PASSWORD)


def test_a_name_that_there_is_none_of_takes_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(PasswordHasher):
        verified: list[str] = []

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            self.verified.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    passwords.matches(passwords.hashed(PASSWORD), OTHER)
    passwords.matches("", OTHER)
    known, unknown = Counting.verified
    assert known == unknown != ""  # the same algorithm and parameters


def test_a_password_in_another_form_of_unicode_is_the_same(file: Path) -> None:
    kept = passwords.hashed("café-über-straße")
    assert passwords.matches(kept, "cafe\u0301-u\u0308ber-straße")


def test_a_user_is_found_however_the_name_is_written(file: Path) -> None:
    users.add(file, "Li", "operator", PASSWORD)
    users.add(file, "岩帅", "viewer", None)
    known = Users(file)
    for name in ("li", "LI", "\uff2c\uff49", "岩帅"):
        assert known.find(name)
    assert known.find("nobody") is None
    with pytest.raises(UsersError, match="there is a user 'Li' already"):
        users.add(file, "LI", "admin", PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "a" * 40, "abababababab", "xx-WANG.LI-47-yy", "x" * 201])
def test_a_password_that_is_easily_guessed_is_refused(file: Path, password: str) -> None:
    with pytest.raises(WeakPassword):
        users.add(file, "wang.li", "viewer", password)
    assert not file.exists()


def test_a_generated_password_may_be_one() -> None:
    passwords.check(passwords.generated(), "li")
    assert passwords.generated() != passwords.generated()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "<b>", "x" * 65])
def test_a_name_that_is_none_is_refused(file: Path, name: str) -> None:
    with pytest.raises(UsersError):
        users.add(file, name, "viewer", PASSWORD)


def test_what_changes_is_known_at_once_and_what_becomes_wrong_changes_nothing(file: Path) -> None:
    known = Users(file)
    assert known.find("li") is None
    users.add(file, "li", "viewer", PASSWORD)
    assert known.find("li")
    users.set_role(file, "li", "admin")
    found = known.find("li")
    assert found
    assert found.role == "admin"
    file.write_text("{")
    assert known.find("li")
    with pytest.raises(UsersError):
        Users(file)
    file.unlink()
    assert known.find("li") is None


@pytest.mark.parametrize("change", [users.remove, lambda file, name: users.set_role(file, name, "admin")])
def test_a_user_there_is_none_of_is_named(file: Path, change: object) -> None:
    users.add(file, "li", "viewer", None)
    with pytest.raises(UsersError, match="'wang'"):
        change(file, "wang")  # type: ignore[operator]


class TestSessions:
    now = datetime(2026, 1, 5, 8, tzinfo=UTC)

    @pytest.fixture
    def sessions(self, file: Path) -> Sessions:
        users.add(file, "li", "operator", PASSWORD)
        return self.signed_with(file, SECRET)

    def signed_with(self, file: Path, *secrets: str) -> Sessions:
        return Sessions(Users(file), secrets, timedelta(hours=12), lambda: self.now)

    def begun(self, sessions: Sessions, file: Path) -> str:
        user = Users(file).find("li")
        assert user
        return sessions.begin(user)

    def holds(self, sessions: Sessions, cookie: str) -> bool:
        session = sessions.read(cookie)
        return session is not None and sessions.user(session) is not None

    def test_each_is_another_and_holds_for_its_hours(self, sessions: Sessions, file: Path) -> None:
        one, two = self.begun(sessions, file), self.begun(sessions, file)
        assert one != two
        assert self.holds(sessions, one)
        self.now += timedelta(hours=11, minutes=59)
        assert self.holds(sessions, one)
        self.now += timedelta(minutes=1)
        assert not self.holds(sessions, one)

    def test_it_ends_with_the_password_the_user_or_by_signing_out(
        self, sessions: Sessions, file: Path
    ) -> None:
        one, two = self.begun(sessions, file), self.begun(sessions, file)
        session = sessions.read(one)
        assert session
        sessions.end(session)
        assert not self.holds(sessions, one)
        assert not self.holds(self.signed_with(file, SECRET), one), "another process does not know"
        assert self.holds(sessions, two)
        users.set_role(file, "li", "viewer")
        assert self.holds(sessions, two)
        users.set_password(file, "li", OTHER)
        assert not self.holds(sessions, two)
        three = self.begun(sessions, file)
        users.remove(file, "li")
        assert not self.holds(sessions, three)
        users.add(file, "li", "operator", OTHER)
        assert not self.holds(sessions, three)

    def test_sessions_that_are_over_are_forgotten(self, sessions: Sessions, file: Path) -> None:
        users.end_session(file, "old", datetime(2020, 1, 1, tzinfo=UTC))
        users.end_session(file, "new", datetime(2099, 1, 1, tzinfo=UTC))
        assert list(json.loads(file.read_text())["ended"]) == ["new"]

    def test_a_secret_can_follow_another(self, sessions: Sessions, file: Path) -> None:
        old = self.begun(sessions, file)
        both = self.signed_with(file, "n" * 32, SECRET)
        assert self.holds(both, old)
        assert self.holds(self.signed_with(file, "n" * 32), self.begun(both, file))
        assert not self.holds(self.signed_with(file, "n" * 32), old)

    @pytest.mark.parametrize("cookie", ["", "x", "W10.x", "..", "é", "a" * 10_000])
    def test_what_was_not_signed_here_is_none(self, sessions: Sessions, cookie: str) -> None:
        assert not self.holds(sessions, cookie)

    def test_a_changed_cookie_is_none(self, sessions: Sessions, file: Path) -> None:
        cookie = self.begun(sessions, file)
        for place in range(0, len(cookie), 7):
            wrong = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
            assert not self.holds(sessions, wrong)


# --- the command ------------------------------------------------------------------------------------------


def run(*words: str, file: Path, typed: str = "") -> str:
    done = CliRunner().invoke(app, ["user", *words, "--file", str(file)], input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_users_are_added_listed_changed_and_removed(file: Path) -> None:
    assert "no users yet" in run("list", file=file)
    run("add", "li", "--role", "admin", "--stdin", file=file, typed=f"{PASSWORD}\n")
    made = run("add", "wang", "--generate", file=file).splitlines()[-1]
    run("add", "proxied", "--no-password", "--role", "operator", file=file)
    known = Users(file)
    li, wang, proxied = known.all()
    assert (li.role, wang.role, proxied.role) == ("admin", "viewer", "operator")
    assert passwords.matches(li.password, PASSWORD)
    assert passwords.matches(wang.password, made)
    assert proxied.password == ""
    listed = run("list", file=file)
    assert "argon2" not in listed
    assert all(name in listed for name in ("li", "wang", "proxied"))
    run("password", "li", "--stdin", file=file, typed=f"{OTHER}\n")
    changed = known.find("li")
    assert changed
    assert passwords.matches(changed.password, OTHER)
    assert changed.stamp != li.stamp
    run("role", "wang", "operator", file=file)
    run("remove", "li", file=file)
    assert [(one.name, one.role) for one in known.all()] == [("wang", "operator"), ("proxied", "operator")]


def test_a_password_is_asked_for_twice(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, OTHER, PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    refused = CliRunner().invoke(app, ["user", "add", "li", "--file", str(file)])
    assert isinstance(refused.exception, WeakPassword)
    run("add", "li", file=file)
    assert passwords.matches(Users(file).all()[0].password, PASSWORD)
