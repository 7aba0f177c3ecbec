# SPDX-License-Identifier: Apache-2.0
"""The program htpasswd beside Apache's: what one writes the other verifies, and scripts that call
one can call the other. KIST_HTPASSWD names another binary; by default it is the one that was built
with the registry."""
import concurrent.futures
import os
import pathlib
import pty
import signal
import stat
import subprocess
import termios

import pytest
from support.registry import binary, is_upstream, wait_until

APACHE = pathlib.Path("/usr/bin/htpasswd")
BOTH = ["ours", "apache"]

FILE, SYNTAX, MISMATCH, INTERRUPTED, OVERFLOW, USER, FORMAT, ALGORITHM = 1, 2, 3, 4, 5, 6, 7, 10


def ours():
    given = os.environ.get("KIST_HTPASSWD")
    return pathlib.Path(given) if given else binary().parents[1] / "htpasswd/htpasswd"


pytestmark = pytest.mark.skipif(is_upstream(), reason="a program of its own")


@pytest.fixture(autouse=True)
def _tools():
    assert ours().exists(), f"{ours()} is not there: build it"
    if not APACHE.exists():
        pytest.skip("apache2-utils is not installed")


def program(which):
    return ours() if which == "ours" else APACHE


def run(which, *arguments, stdin=b"", cwd=None):
    command = ["htpasswd", *map(str, arguments)]
    return subprocess.run(command, executable=program(which), input=stdin, capture_output=True, cwd=cwd, timeout=300,
                          preexec_fn=os.setsid)


def make(which, path, user="u", password="p", *more):
    done = run(which, "-cbB", "-C", "4", *more, path, user, password)
    assert done.returncode == 0, done.stderr
    return path


def verifies(which, path, user, password):
    return run(which, "-vb", path, user, password).returncode == 0


# ---- the two agree ------------------------------------------------------------------------------

PASSWORDS = ["p", "", "with blank", "a:b:c", "ünïcödé", "x" * 71, "x" * 72, "x" * 73, "x" * 254, "-n", "$2y$"]


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
@pytest.mark.parametrize("writer,reader", [("ours", "apache"), ("apache", "ours")])
def test_what_one_writes_the_other_verifies(tmp_path, writer, reader, password):
    path = tmp_path / "f"
    done = run(writer, "-ciB", "-C", "4", path, "u", stdin=password.encode() + b"\n")
    assert done.returncode == 0, done.stderr
    done = run(reader, "-vi", path, "u", stdin=password.encode())
    assert done.returncode == 0, done.stderr
    assert run(reader, "-vi", path, "u", stdin=b"wrong").returncode == MISMATCH


@pytest.mark.parametrize("cost", [4, 5, 11])
def test_a_cost_is_the_cost_of_the_hash(tmp_path, cost):
    for which in BOTH:
        done = run(which, "-nbB", "-C", cost, "u", "p")
        assert done.stdout.startswith(b"u:$2y$%02d$" % cost)


def test_the_usual_cost_is_ten():
    assert run("ours", "-nb", "u", "p").stdout.startswith(b"u:$2y$10$")


@pytest.mark.parametrize("flags", [["-Bbn"], ["-nbB"], ["-n", "-b", "-B"], ["-nbBC", "4"], ["-nbBC4"], ["-nbB", "--"]],
                         ids=" ".join)
def test_flags_stand_alone_or_together(flags):
    for which in BOTH:
        done = run(which, *flags, "u", "p")
        assert (done.returncode, done.stdout.count(b"\n"), len(done.stdout)) == (0, 2, 64)
        assert done.stdout.endswith(b"\n\n") and done.stderr == b""


STATUSES = [
    (["-z", "u"], SYNTAX),
    ([], SYNTAX),
    (["-h"], SYNTAX),
    (["--help"], SYNTAX),
    (["f"], SYNTAX),
    (["-nb", "u"], SYNTAX),
    (["-nbB", "u", "p", "more"], SYNTAX),
    (["-nbB", "u", "-B", "p"], SYNTAX),
    (["-bi", "f", "u", "p"], SYNTAX),
    (["-cn", "u"], SYNTAX),
    (["-vD", "f", "u"], SYNTAX),
    (["-cD", "f", "u"], SYNTAX),
    (["-D", "f", "u", "p"], SYNTAX),
    (["-nbB", "-C"], SYNTAX),
    (["-nbB", "-C", "0", "u", "p"], SYNTAX),
    (["-nbB", "-C", "x", "u", "p"], SYNTAX),
    (["-nbB", "-C", "3", "u", "p"], MISMATCH),
    (["-nbB", "-C", "18", "u", "p"], MISMATCH),
    (["-nbB", "a:b", "p"], USER),
    (["-nbB", "x" * 256, "p"], OVERFLOW),
    (["-nbB", "u", "x" * 256], OVERFLOW),
    (["-niB", "u"], OVERFLOW, b"x" * 300),
    (["-bB", "nothing", "u", "p"], FILE),
    (["-D", "nothing", "u"], FILE),
    (["-vb", "nothing", "u", "p"], FILE),
    (["-cbB", "nothing/f", "u", "p"], FILE),
    (["-cbB", ".", "u", "p"], FILE),
    (["-bB", ".", "u", "p"], FILE),
    (["-bB", "garbage", "u", "p"], FORMAT),
    (["-D", "garbage", "u"], FORMAT),
    (["-vb", "garbage", "u", "p"], FORMAT),
    (["-vb", "f", "u", "wrong"], MISMATCH),
    (["-vb", "f", "nobody", "p"], USER),
    (["-vb", "f", "u", "p"], 0),
    (["-D", "f", "nobody"], 0),
    (["-D", "f", "u"], 0),
    (["-bB", "f", "u", "q"], 0),
    (["-bB", "f", "v", "q"], 0),
    (["-cbB", "f", "v", "q"], 0),
    (["-nbmB", "u", "p"], 0),
]


@pytest.mark.parametrize("case", STATUSES, ids=lambda case: " ".join(case[0])[:40] or "none")
def test_exit_status_is_apaches(tmp_path, case):
    arguments, status, stdin = (*case, b"")[:3]
    said = []
    for which in BOTH:
        directory = tmp_path / which
        directory.mkdir()
        make("apache", directory / "f")
        (directory / "garbage").write_text("garbage\n")
        done = run(which, *arguments, stdin=stdin, cwd=directory)
        assert done.returncode == status, (which, done.stderr)
        said.append(done.stderr)
    if b"Usage" not in said[0] and status not in (OVERFLOW, MISMATCH):
        assert said[0] == said[1]


# ---- the file -----------------------------------------------------------------------------------

ODD = b"# staff\n\n  \nalice:$2y$05$x\n  # not a user:\n carol :$apr1$a$b \r\n"


def test_other_lines_stay_byte_for_byte(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(ODD + b"u:old\nbob:{SHA}x\nu:older\nzoe:last")
    assert run("ours", "-bB", path, "u", "new").returncode == 0
    text = path.read_bytes()
    lines = text.split(b"\n")
    new = [line for line in lines if line.startswith(b"u:")]
    assert len(new) == 1
    assert text == ODD + new[0] + b"\nbob:{SHA}x\nzoe:last"
    assert verifies("apache", path, "u", "new")


def test_a_user_is_added_on_a_line_of_its_own(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(ODD + b"zoe:last")
    done = run("ours", "-bB", path, "u", "new")
    assert (done.returncode, done.stderr) == (0, b"Adding password for user u\n")
    assert path.read_bytes().startswith(ODD + b"zoe:last\nu:$2y$10$")
    assert verifies("apache", path, "u", "new")


def test_a_deleted_user_leaves_the_rest_as_it_was(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"u:1\n" + ODD + b"u:2\n")
    done = run("ours", "-D", path, "u")
    assert (done.returncode, done.stderr) == (0, b"Deleting password for user u\n")
    assert path.read_bytes() == ODD


def test_deleting_nobody_changes_nothing(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(ODD)
    done = run("ours", "-D", path, "nobody")
    assert (done.returncode, done.stderr) == (0, b"User nobody not found\n")
    assert path.read_bytes() == ODD


def test_mode_and_owner_stay(tmp_path):
    path = make("ours", tmp_path / "f")
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    assert run("ours", "-bB", path, "v", "q").returncode == 0
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino, "written in place: a reader could see half of it"


def test_a_new_file_has_the_mode_of_the_umask(tmp_path):
    for mask in (0o022, 0o077):
        path = tmp_path / f"f{mask}"
        command = [str(ours()), "-cbB", "-C", "4", str(path), "u", "p"]
        subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda mask=mask: os.umask(mask))
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_link_stays_a_link(tmp_path):
    real = make("ours", tmp_path / "real")
    link = tmp_path / "link"
    link.symlink_to(real)
    assert run("ours", "-bB", link, "v", "q").returncode == 0
    assert link.is_symlink()
    assert verifies("apache", real, "v", "q")


def test_nothing_but_the_file_is_left(tmp_path):
    path = make("ours", tmp_path / "f")
    run("ours", "-bB", path, "v", "q")
    run("ours", "-D", path, "v")
    run("ours", "-cbB", path, "w", "q")
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(tmp_path):
    real = make("ours", tmp_path / "real")
    mounted = tmp_path / "mounted"
    mounted.touch()
    script = f"mount --bind {real} {mounted} && {ours()} -bB {mounted} v q"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, timeout=300)
    if done.returncode != 0 and b"htpasswd" not in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 0, done.stderr
    assert verifies("apache", real, "v", "q") and verifies("apache", real, "u", "p")


def test_many_at_once_lose_nobody(tmp_path):
    path = make("ours", tmp_path / "f")
    users = [f"user{index}" for index in range(24)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda user: run("ours", "-bB", "-C", "4", path, user, user), users))
    assert [one.returncode for one in done] == [0] * len(users)
    lines = path.read_text().splitlines()
    assert sorted(line.split(":")[0] for line in lines) == sorted(users + ["u"])


# ---- passwords ----------------------------------------------------------------------------------

@pytest.mark.parametrize("stdin,password", [
    (b"pw\n", "pw"), (b"pw\r\n", "pw"), (b"pw", "pw"), (b"pw\n\n", "pw\n"), (b"", ""), (b"\n", ""), (b"a b\n", "a b"),
])
def test_a_password_from_stdin_loses_its_line_end(tmp_path, stdin, password):
    for which in BOTH:
        done = run(which, "-ciB", "-C", "4", tmp_path / which, "u", stdin=stdin)
        assert done.returncode == 0, done.stderr
        assert verifies("apache", tmp_path / which, "u", password)


def test_a_long_password_is_taken_with_a_warning(tmp_path):
    done = run("ours", "-nbB", "-C", "4", "u", "x" * 73)
    assert done.returncode == 0 and b"72 bytes" in done.stderr
    assert run("ours", "-nbB", "-C", "4", "u", "x" * 72).stderr == b""


@pytest.mark.parametrize("flag", list("m25dsp"))
def test_other_hashes_are_refused(flag):
    done = run("ours", f"-nb{flag}", "u", "p")
    assert done.returncode == ALGORITHM and done.stdout == b""
    assert b"bcrypt" in done.stderr


@pytest.mark.parametrize("flag", list("md25sp"))
def test_an_entry_with_another_hash_never_verifies(tmp_path, flag):
    path = tmp_path / "f"
    assert run("apache", f"-cb{flag}", path, "u", "p").returncode == 0
    done = run("ours", "-vb", path, "u", "p")
    assert done.returncode == MISMATCH and b"not bcrypt" in done.stderr


@pytest.mark.parametrize("user", ["#u", " u", "\tu", "u\nv:x"])
def test_a_name_the_registry_would_not_find_is_refused(user):
    done = run("ours", "-nbB", user, "p")
    assert done.returncode == USER and done.stdout == b""


# ---- asking -------------------------------------------------------------------------------------

def _read_until(terminal, seen, mark):
    while mark not in seen:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    return seen


def talk(which, arguments, dialogue):
    """Runs at a terminal; @dialogue: what it asks and what is typed then. What it said, status."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background
        os.execv(program(which), [str(program(which)), *map(str, arguments)])
    said = b""
    for question, answer in dialogue:
        said = _read_until(terminal, said, question)
        assert question in said, said
        wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, what="what is typed is not shown")
        os.write(terminal, answer)
    said = _read_until(terminal, said, b"\0never")
    os.close(terminal)
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("which", BOTH)
def test_a_password_is_asked_for_twice_and_not_shown(tmp_path, which):
    path = tmp_path / "f"
    said, status = talk(which, ["-cB", path, "u"],
                        [(b"New password: ", b"s3cret\n"), (b"Re-type new password: ", b"s3cret\n")])
    assert status == 0 and b"s3cret" not in said
    assert b"Adding password for user u" in said
    assert verifies("ours", path, "u", "s3cret")


@pytest.mark.parametrize("which", BOTH)
def test_two_different_passwords_are_an_error(tmp_path, which):
    path = tmp_path / "f"
    said, status = talk(which, ["-cB", path, "u"],
                        [(b"New password: ", b"one\n"), (b"Re-type new password: ", b"two\n")])
    assert status == MISMATCH and b"htpasswd: password verification error" in said
    assert not path.exists() or path.read_bytes() == b""


@pytest.mark.parametrize("which", BOTH)
def test_verifying_asks_once(tmp_path, which):
    path = make(which, tmp_path / "f")
    said, status = talk(which, ["-v", path, "u"], [(b"Enter password: ", b"p\n")])
    assert status == 0 and b"Password for user u correct." in said


def test_ctrl_c_at_the_question_changes_nothing(tmp_path):
    path = make("ours", tmp_path / "f")
    before = path.read_bytes()
    said, status = talk("ours", ["-B", path, "u"], [(b"New password: ", b"abc\x03")])
    assert status == INTERRUPTED and b"Interrupted" in said
    assert path.read_bytes() == before


def test_the_end_of_input_at_the_question_is_an_error(tmp_path):
    done = run("ours", "-cB", tmp_path / "f", "u")
    assert done.returncode != 0 and done.returncode != -signal.SIGSEGV
    assert not (tmp_path / "f").exists()
