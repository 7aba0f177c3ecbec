# SPDX-License-Identifier: Apache-2.0
"""A password file: who gets in, what the file may go through meanwhile, and those who guess."""
import base64
import concurrent.futures
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time

import pytest
from support.access import basic, entry
from support.check import assert_error
from support.content import SCHEMA2, image
from support.pace import at_pace
from support.registry import Registry, is_upstream, wait_until

APACHE = "/usr/bin/htpasswd"
REALM = "the realm"
CHALLENGE = f'Basic realm="{REALM}"'
FAILED = f'basic authentication challenge for realm \\"{REALM}\\": authentication failure'


def settings(path, **more):
    return {"auth.htpasswd.realm": REALM, "auth.htpasswd.path": str(path)} | more


def lines(**users):
    return "".join(entry(user, password) + "\n" for user, password in users.items())


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(lines(alice="wonder", bob="builder"))
    return path


@pytest.fixture
def server(start_registry, path):
    return start_registry(storage="inmemory", settings=settings(path))


def ask(client, user=None, password=None):
    return client.get("/v2/", basic(user, password) if user is not None else {})


def status(client, user, password):
    return ask(client, user, password).status


def bcrypts(registry):
    """How often bcrypt has worked."""
    return len(re.findall(r"bcrypt verified in \d+ms", registry.stderr()))


def age(path):
    """As if the file had been written long ago, so that it is complete."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


# ---- who gets in --------------------------------------------------------------------------------


def test_users_with_their_passwords_get_in(server):
    with server.client() as client:
        assert ask(client, "alice", "wonder").status == 200
        assert ask(client, "bob", "builder").status == 200
        for headers in [{}, basic("alice", "builder"), basic("alice", ""), basic("nobody", "wonder"), basic("", "")]:
            response = client.get("/v2/", headers)
            assert_error(response, 401, "UNAUTHORIZED", None)
            assert response.header("WWW-Authenticate") == CHALLENGE
    log = server.stderr()
    assert 'error authenticating user \\"alice\\": authentication failure' in log
    assert FAILED in log
    assert f'realm \\"{REALM}\\": invalid authorization credential' in log
    assert "authorized request" in log


def test_every_route_asks_for_a_user(server, repo):
    value = image(repo)
    with server.client() as anonymous, server.client(headers=list(basic("bob", "builder").items())) as bob:
        bob.push_image(repo, "v1", value)
        assert bob.get_manifest(repo, "v1", SCHEMA2).body == value.manifest
        for method, target in [
            ("GET", f"/v2/{repo}/manifests/v1"), ("HEAD", f"/v2/{repo}/manifests/v1"), ("GET", "/v2/_catalog"),
            ("GET", f"/v2/{repo}/tags/list"), ("POST", f"/v2/{repo}/blobs/uploads/"), ("GET", "/v2/"),
            ("DELETE", f"/v2/{repo}/manifests/v1"), ("PUT", f"/v2/{repo}/manifests/v1"), ("OPTIONS", "/v2/"),
        ]:
            response = anonymous.request(method, target)
            assert (response.status, response.header("WWW-Authenticate")) == (401, CHALLENGE), (method, target)
        assert anonymous.get("/v2/none/of/it").status == 404
        assert bob.request("OPTIONS", f"/v2/{repo}/tags/list").status in (200, 405)


@pytest.mark.parametrize("header", [
    "", "Basic", "Basic ", "Basic !!!", "Basic YWxpY2U=", "Bearer YWxpY2U6d29uZGVy", "Basic  YWxpY2U6d29uZGVy",
    "YWxpY2U6d29uZGVy", "Digest username=alice", "Basic YWxpY2U6d29uZGVy YWxpY2U6d29uZGVy",
])
def test_credentials_that_are_none_are_challenged(server, header):
    with server.client() as client:
        response = client.get("/v2/", {"Authorization": header})
        assert (response.status, response.header("WWW-Authenticate")) == (401, CHALLENGE)


def test_the_scheme_has_no_case(server):
    text = basic("alice", "wonder")["Authorization"].split()[1]
    with server.client() as client:
        for scheme in ["basic", "BASIC", "bAsIc"]:
            assert client.get("/v2/", {"Authorization": f"{scheme} {text}"}).status == 200


PASSWORDS = ["p", "with blank", "a:b:c", ":", "ünïcödé", "日本", "\t", "x" * 71, "x" * 72, "%20+", '"\\', ""]


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
def test_passwords_of_any_form(start_registry, tmp_path, password):
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", password) + "\n")
    with start_registry(storage="inmemory", settings=settings(path)).client() as client:
        assert status(client, "u", password) == 200
        assert status(client, "u", password + "!") == (401 if len(password) < 72 else 200)


@pytest.mark.parametrize("user", ["u", "with blank", "ünï", "a@b.example", "$", "'", '"', "\\", "", "x" * 255])
def test_users_of_any_name(start_registry, tmp_path, user):
    path = tmp_path / "htpasswd"
    path.write_text(entry(user, "pw") + "\n")
    with start_registry(storage="inmemory", settings=settings(path)).client() as client:
        assert status(client, user, "pw") == 200
        assert status(client, user + "x", "pw") == 401
        assert status(client, user, "pw2") == 401


@pytest.mark.parametrize("letter", "abxyz")
def test_every_version_of_bcrypt_is_taken(start_registry, tmp_path, letter):
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pä$$").replace("$2b$", f"$2{letter}$") + ":more\n")
    with start_registry(storage="inmemory", settings=settings(path)).client() as client:
        assert status(client, "u", "pä$$") == 200
        assert status(client, "u", "pä$") == 401


@pytest.mark.parametrize("flag", ["-m", "-s", "-d", "-p", "-2", "-5"])
def test_other_hashes_let_nobody_in(start_registry, tmp_path, flag):
    if not os.path.exists(APACHE):
        pytest.skip("apache2-utils is not installed")
    path = tmp_path / "htpasswd"
    subprocess.run([APACHE, "-cb", flag, path, "u", "pw"], check=True, capture_output=True)
    with path.open("a") as file:
        file.write(entry("v", "pw") + "\n")
    with start_registry(storage="inmemory", settings=settings(path)).client() as client:
        assert status(client, "u", "pw") == 401
        assert status(client, "u", path.read_text().splitlines()[0].partition(":")[2]) == 401
        assert status(client, "v", "pw") == 200


def test_comments_blanks_and_second_lines(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    text = f"# users\r\n\r\n  {entry('a', 'first')}  \r\n#{entry('c', 'pw')}\n\t{entry('b', 'pw')}\n{entry('a', 'last')}"
    path.write_bytes(text.encode())
    with start_registry(storage="inmemory", settings=settings(path)).client() as client:
        assert status(client, "a", "last") == 200
        assert status(client, "a", "first") == 401
        assert status(client, "b", "pw") == 200
        assert status(client, "c", "pw") == 401
        assert status(client, "#c", "pw") == 401


def test_the_realm_is_quoted(start_registry, path):
    options = settings(path) | {"auth.htpasswd.realm": 'a "b" \\ ü'}
    with start_registry(storage="inmemory", settings=options).client() as client:
        assert ask(client).header("WWW-Authenticate").encode("latin-1").decode() == 'Basic realm="a \\"b\\" \\\\ ü"'


@pytest.mark.parametrize("missing", ["realm", "path"])
def test_an_option_that_is_missing_ends_the_start(tmp_path, path, missing):
    options = settings(path)
    del options[f"auth.htpasswd.{missing}"]
    registry = Registry(tmp_path / "r", storage="inmemory", settings=options)
    with pytest.raises(AssertionError, match=f"\"{missing}.*must be set for htpasswd access controller"):
        registry.start()


def test_a_password_is_never_logged(server):
    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
        assert status(client, "alice", "s3cret-guess") == 401
    text = server.stderr() + server.stdout()
    for secret in ["wonder", "s3cret-guess", base64.b64encode(b"alice:wonder").decode(), "$2b$"]:
        assert secret not in text


# ---- a file that is made ------------------------------------------------------------------------


def _provisioned(registry):
    (line,) = [line for line in registry.stderr().splitlines() if "provisioning with default user" in line]
    assert "level=warning" in line and "user=docker" in line
    return re.search(r"password=(\S+)", line).group(1)


def test_a_missing_file_is_made(start_registry, tmp_path):
    path = tmp_path / "a/b/htpasswd"
    registry = start_registry(storage="inmemory", settings=settings(path))
    password = _provisioned(registry)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", password)
    text = path.read_text()
    assert re.fullmatch(r"docker:\$2a\$10\$[./A-Za-z0-9]{53}", text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with registry.client() as client:
        assert status(client, "docker", password) == 200
        assert status(client, "docker", password[:-1]) == 401
    registry.restart()
    assert "provisioning" not in registry.stderr() and path.read_text() == text


@pytest.mark.parametrize("content", ["", "nonsense\n", None])
def test_a_file_that_is_there_is_not_replaced(start_registry, tmp_path, content):
    path = tmp_path / "htpasswd"
    path.mkdir() if content is None else path.write_text(content)
    registry = start_registry(storage="inmemory", settings=settings(path))
    with registry.client() as client:
        assert ask(client).status == 401 if content == "" else ask(client).status in (400, 401)
        assert status(client, "docker", "x") == (401 if content == "" else 400)


def test_a_file_that_cannot_be_made_ends_the_start(tmp_path, path):
    registry = Registry(tmp_path / "r", storage="inmemory", settings=settings(path / "under/a/file"))
    with pytest.raises(AssertionError, match="unable to configure authorization"):
        registry.start()


# ---- changes while it runs ----------------------------------------------------------------------


def test_an_edit_counts_with_the_next_request(server, path):
    with server.client() as client:
        for number in range(20):
            with path.open("a") as file:
                file.write(entry(f"user{number}", f"pw{number}") + "\n")
            assert status(client, f"user{number}", f"pw{number}") == 200
        assert status(client, "alice", "wonder") == 200


@pytest.mark.ours("upstream looks at the time of change only")
def test_a_changed_password_of_the_same_length_in_the_same_second(server, path):
    with server.client() as client:
        for password in ["pass-1", "pass-2", "pass-3", "pass-2"]:
            before = path.stat()
            path.write_text(lines(alice=password, bob="builder"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert status(client, "alice", password) == 200
            assert status(client, "bob", "builder") == 200
        assert status(client, "alice", "pass-1") == 401


def test_a_removed_user_is_out(server, path):
    with server.client() as client:
        assert status(client, "bob", "builder") == 200
        path.write_text(lines(alice="wonder"))
        assert status(client, "bob", "builder") == 401
        assert status(client, "alice", "wonder") == 200


@pytest.mark.ours("upstream refuses the first request after a malformed edit")
def test_a_malformed_edit_keeps_the_users_there_were(server, path):
    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
        path.write_text("carl is new\n" + lines(carl="new"))
        age(path)
        for _ in range(3):
            assert status(client, "alice", "wonder") == 200
            assert status(client, "bob", "builder") == 200
            assert status(client, "carl", "new") == 401
        assert server.stderr().count("invalid entry at line 1") == 1
        path.write_text(lines(carl="new"))
        assert status(client, "carl", "new") == 200
        assert status(client, "alice", "wonder") == 401


def test_a_deleted_file_refuses_everybody_until_it_is_back(server, path):
    text = path.read_text()
    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
        path.unlink()
        response = ask(client, "alice", "wonder")
        assert (response.status, response.body) == (400, b"")
        assert "error checking authorization" in server.stderr()
        path.mkdir()
        assert ask(client, "alice", "wonder").status == 400
        assert ask(client).status == 401  # who has no credentials is told so
        path.rmdir()
        path.write_text(text)
        assert status(client, "alice", "wonder") == 200


def test_a_file_renamed_into_place_counts_at_once(server, path, tmp_path):
    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
        other = tmp_path / "other"
        other.write_text(lines(alice="wonder", carl="new"))
        other.rename(path)
        assert status(client, "carl", "new") == 200
        assert status(client, "bob", "builder") == 401


@pytest.mark.ours("upstream looks at the time of change only")
def test_a_link_that_is_swapped_is_followed(start_registry, tmp_path):
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}/htpasswd").write_text(lines(alice=f"pw{number}"))
        age(tmp_path / f"v{number}/htpasswd")
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "htpasswd").symlink_to("data/htpasswd")
    registry = start_registry(storage="inmemory", settings=settings(tmp_path / "htpasswd"))
    with registry.client() as client:
        assert status(client, "alice", "pw1") == 200
        (tmp_path / "tmp").symlink_to("v2")
        (tmp_path / "tmp").rename(tmp_path / "data")
        assert status(client, "alice", "pw2") == 200
        assert status(client, "alice", "pw1") == 401


SETTLED_S = 0.2  # after which half a file is one


@pytest.mark.ours("upstream takes the half of a file that is there")
def test_a_writer_that_is_slow_locks_nobody_out(server, path):
    text = lines(alice="wonder", carl="new", bob="builder")

    def attempt(_):
        path.write_text(lines(alice="wonder", bob="builder"))
        write_slowly_while_they_log_in(server, path, text)

    at_pace(attempt, SETTLED_S)
    with server.client() as client:
        assert status(client, "carl", "new") == 200


def write_slowly_while_they_log_in(server, path, text):
    done = threading.Event()
    wrong = []

    def log_in(user, password):
        with server.client() as client:
            while not done.is_set():
                response = ask(client, user, password)
                if response.status != 200:
                    wrong.append((user, response))

    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
        assert status(client, "bob", "builder") == 200
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(log_in, *who) for who in [("alice", "wonder"), ("bob", "builder")] * 2]
        try:
            for _ in range(3):
                with path.open("w") as file:
                    for start in range(0, len(text), 7):
                        file.write(text[start:start + 7])
                        file.flush()
                        time.sleep(0.01)
        finally:
            done.set()
        for one in waiting:
            one.result()
    assert wrong == []


@pytest.mark.ours("SIGHUP ends upstream")
def test_sighup_takes_the_file_as_it_is(server, path):
    with server.client() as client:
        assert status(client, "bob", "builder") == 200
        path.write_text(lines(alice="wonder"))
        server.signal(signal.SIGHUP)
        wait_until(lambda: status(client, "bob", "builder") == 401, what="bob is out")
        path.write_text("nonsense\n")
        server.signal(signal.SIGHUP)
        wait_until(lambda: "stays as it is" in server.stderr(), what="the log tells")
        assert status(client, "alice", "wonder") == 200


# ---- what it costs ------------------------------------------------------------------------------


@pytest.mark.ours("upstream asks bcrypt for each request")
def test_a_password_is_verified_once(server, path):
    with server.client() as client:
        for _ in range(20):
            assert status(client, "alice", "wonder") == 200
        assert bcrypts(server) == 1
        with path.open("a") as file:
            file.write(lines(carl="new"))
        assert status(client, "alice", "wonder") == 200
        assert bcrypts(server) == 1  # her entry is what it was
        path.write_text(lines(alice="wonder", bob="builder"))  # another salt would do, too
        assert status(client, "alice", "wonder") == 200


@pytest.mark.ours("upstream asks bcrypt for each request")
def test_requests_that_come_together_share_a_verification(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pw", cost=10) + "\n")
    registry = start_registry(storage="inmemory", settings=settings(path))
    connections = [registry.connect() for _ in range(16)]
    for connection in connections:
        connection.send_head("GET", "/v2/", list(basic("u", "pw").items()))
    for connection in connections:
        assert connection.read_response("GET").status == 200
        connection.close()
    assert bcrypts(registry) == 1


@pytest.mark.ours("upstream answers at once, which tells who exists")
def test_an_unknown_user_costs_a_bcrypt_too(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pw", cost=8) + "\n")
    registry = start_registry(storage="inmemory", settings=settings(path))
    with registry.client() as client:
        for number in range(5):
            assert status(client, f"nobody{number}", "pw") == 401
            assert bcrypts(registry) == number + 1


# ---- those who guess ----------------------------------------------------------------------------


@pytest.mark.ours("upstream never slows anybody")
def test_who_guesses_is_slowed_and_who_knows_is_not(server):
    with server.client() as alice, server.client() as bob:
        assert status(alice, "alice", "wonder") == 200

        def guess(number):
            with server.client() as client:
                return ask(client, "alice", f"guess {number}")

        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(guess, range(60)))
        slowed = [answer for answer in answers if answer.status == 429]
        assert {answer.status for answer in answers} == {401, 429}
        assert len(slowed) >= 20
        for answer in slowed:
            assert answer.codes == ["TOOMANYREQUESTS"]
            assert int(answer.header("Retry-After")) >= 1
        assert status(alice, "alice", "wonder") == 200
        assert status(bob, "bob", "builder") == 200
        assert "too many logins from 127.0.0.1" in server.stderr()


@pytest.mark.ours("upstream never slows anybody", run=False)
def test_many_who_guess_keep_nobody_from_being_served(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text("".join(entry(user, "pw", cost=10) + "\n" for user in ["alice", "late"]))
    registry = start_registry(storage="inmemory", settings=settings(path))
    done = threading.Event()
    count = [0]

    def guess(number):
        with registry.client() as client:
            while not done.is_set():
                count[0] += 1
                answer = ask(client, f"user{count[0]}", f"guess {number}")
                assert answer.status in (401, 429), answer

    with registry.client() as alice, registry.client() as late:
        assert status(alice, "alice", "pw") == 200
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            guessing = [pool.submit(guess, number) for number in range(32)]
            try:
                wait_until(lambda: bcrypts(registry) > 10, what="they guess")
                before = bcrypts(registry)
                for _ in range(200):
                    assert status(alice, "alice", "pw") == 200
                assert alice.get("/").status == 200
                assert status(late, "late", "pw") == 200  # a new login behind all the guesses
                assert bcrypts(registry) > before
            finally:
                done.set()
            for one in guessing:
                one.result()


@pytest.mark.ours("upstream verifies for those who left, too", run=False)
def test_who_leaves_the_line_is_not_verified(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pw", cost=11) + "\n")
    registry = start_registry(storage="inmemory", settings=settings(path))
    for number in range(60):
        connection = registry.connect()
        connection.send_head("GET", "/v2/", list(basic(f"u{number}", "x").items()))
        connection.reset()
    with registry.client() as client:
        assert status(client, "u", "pw") == 200
    assert bcrypts(registry) < 30


@pytest.mark.parametrize("patience, result", [("1h", 0), ("100ms", 1)])
def test_it_stops_while_passwords_are_verified(tmp_path, patience, result):
    if is_upstream():
        pytest.skip("ends at once")
    path = tmp_path / "htpasswd"
    path.write_text(entry("u", "pw", cost=11) + "\n")
    options = settings(path) | {"http.draintimeout": patience}
    registry = Registry(tmp_path / "registry", storage="inmemory", settings=options).start()
    connections = [registry.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        connection.send_head("GET", "/v2/", list(basic(f"u{number}", "x").items()))
    wait_until(lambda: bcrypts(registry) > 0, what="it works on them")
    registry.signal(signal.SIGTERM)
    assert registry.wait() == result
    registry.assert_no_faults()
    for connection in connections:
        connection.close()


@pytest.mark.ours("upstream computes for days")
def test_a_hash_that_would_take_days_holds_up_nobody(start_registry, tmp_path):
    path = tmp_path / "htpasswd"
    dear = "$2b$31$abcdefghijklmnopqrstuu" + "A" * 31
    path.write_text(f"dear:{dear}\nalso:{dear}\n" + entry("u", "pw") + "\n")
    registry = start_registry(storage="inmemory", settings=settings(path))
    with registry.client() as client:
        for user in ["dear", "also", "nobody", "neither"]:
            assert status(client, user, "x") == 401
        assert status(client, "u", "pw") == 200
    assert "2 users cannot log in" in registry.stderr()


# ---- notes --------------------------------------------------------------------------------------


@pytest.mark.ours("upstream tells the user elsewhere")
def test_the_user_is_in_the_logs(server):
    with server.client() as client:
        assert status(client, "alice", "wonder") == 200
    assert "auth.user.name=alice" in server.stderr()


def test_json_is_what_clients_expect(server):
    with server.client() as client:
        response = ask(client)
        assert json.loads(response.body) == {
            "errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}]
        }
