# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a compiler does not check."""
import ast
import fnmatch
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# From the top down. A room includes only itself and rooms further down; who may include the rooms
# that stand beside each other is said in NEVER.
ROOMS = [
    "cmd",
    "drivers",
    "auth",
    "lib/api",
    "lib/debug",
    "lib/health",
    "lib/registry",
    "lib/cache",
    "lib/storage",
    "lib/auth",
    "lib/client",
    "lib/redis",
    "lib/http",
    "lib/task",
    "lib/config",
    "lib/oci",
    "lib/metrics",
    "lib/base",
]
NEVER = {
    "drivers": {"auth", "lib/api", "lib/debug", "lib/health", "lib/registry", "lib/auth"},
    "auth": {"lib/api", "lib/debug", "lib/health", "lib/registry", "lib/storage"},
    "lib/api": {"lib/debug", "lib/client"},
    "lib/health": {"lib/registry", "lib/auth"},
    "lib/registry": {"lib/auth", "lib/http", "lib/client", "lib/redis"},
    "lib/cache": {"lib/storage", "lib/auth", "lib/http", "lib/client"},
    "lib/storage": {"lib/auth", "lib/http", "lib/client"},
    "lib/client": {"lib/http", "lib/redis"},
    "lib/redis": {"lib/http"},
}

# Written in two halves, so that this file does not hold them.
FORBIDDEN = [
    "/wo" + "rk/",
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.",
    "crates" + ".io",
    "proxy.go" + "lang.org",
    "maven" + ".org",
    "maven.apache" + ".org",
    "deb.deb" + "ian.org",
    "security.deb" + "ian.org",
    "snapshot.deb" + "ian.org",
    "rubyg" + "ems.org",
]


def tracked(*suffixes):
    """Every file of the tree that git knows or would add, with one of these endings."""
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    paths = [pathlib.Path(line) for line in sorted(set(listing))]
    return [p for p in paths if (ROOT / p).is_file() and (not suffixes or p.name.endswith(suffixes))]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def text_or_none(path):
    try:
        return read(path)
    except UnicodeDecodeError:
        return None  # a picture or a fuzz input


def is_corpus(path):
    return "corpus" in path.parts


def room_of(path):
    """lib/oci/digest.h -> lib/oci, drivers/s3/s3.c -> drivers, test/... -> None (sees everything)."""
    text = str(path)
    matches = [room for room in ROOMS if text.startswith(room + "/")]
    return max(matches, key=len) if matches else None


C_FILES = tracked(".c", ".h")
PRODUCT_FILES = [p for p in C_FILES if p.parts[0] != "test"]
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)


def test_every_product_file_is_in_a_known_room():
    assert [str(p) for p in PRODUCT_FILES if room_of(p) is None] == []


def test_includes_point_down_and_never_up():
    wrong = []
    for path in PRODUCT_FILES:
        room = room_of(path)
        for quote, name in INCLUDE.findall(read(path)):
            target = room_of(name) if quote == '"' else None
            if target is None or target == room:
                continue
            if ROOMS.index(target) < ROOMS.index(room) or target in NEVER.get(room, ()):
                wrong.append(f"{path} includes {name}")
    assert wrong == []


def test_own_headers_are_included_by_their_path_from_the_root():
    wrong = []
    for path in C_FILES:
        for quote, name in INCLUDE.findall(read(path)):
            if quote == '"' and not (ROOT / name).is_file():
                wrong.append(f"{path}: {name}")
    assert wrong == []


def test_only_lib_http_knows_evhttp():
    users = [str(p) for p in PRODUCT_FILES if "<event2/http" in read(p)]
    assert [user for user in users if not user.startswith("lib/http/")] == []


def test_a_source_includes_its_own_header_first():
    wrong = []
    for path in PRODUCT_FILES:
        header = path.with_suffix(".h")
        if path.suffix == ".c" and (ROOT / header).is_file():
            includes = INCLUDE.findall(read(path))
            if not includes or includes[0][1] != str(header):
                wrong.append(str(path))
    assert wrong == []


def test_every_source_ends_its_includes_with_banned_h():
    wrong = []
    for path in PRODUCT_FILES:
        if path.suffix == ".c":
            headers = [name for _, name in INCLUDE.findall(read(path)) if not name.endswith(".inc")]
            if not headers or headers[-1] != "lib/base/banned.h":
                wrong.append(str(path))
    assert wrong == []


def test_every_source_names_its_licence():
    suffixes = (".c", ".h", ".inc", ".py", ".sh", ".cmake", "CMakeLists.txt", "dev", ".ci/run")
    wrong = []
    for path in tracked(*suffixes):
        if is_corpus(path):
            continue
        head = "\n".join(read(path).splitlines()[:3])
        if "SPDX-License-Identifier: Apache-2.0" not in head and read(path).strip():
            wrong.append(str(path))
    assert wrong == []


@pytest.fixture(scope="module")
def library_flags():
    found = subprocess.run(
        ["pkg-config", "--cflags", "libevent", "libcrypto", "libcjson", "yaml-0.1", "libpcre2-8", "cmocka"],
        capture_output=True, text=True,
    )
    return found.stdout.split()


@pytest.mark.parametrize("header", [str(p) for p in C_FILES if p.suffix == ".h"])
def test_a_header_compiles_alone(header, library_flags):
    done = subprocess.run(
        ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I.",
         *library_flags, "-x", "c", "-"],
        input=f'#include "{header}"\n#include "{header}"\ntypedef int not_empty;\n',
        cwd=ROOT, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr


def test_c_files_are_formatted():
    if not shutil.which("clang-format"):
        pytest.skip("clang-format is not installed")
    done = subprocess.run(
        ["clang-format", "--dry-run", "-Werror", *map(str, C_FILES)],
        cwd=ROOT, capture_output=True, text=True,
    )
    complaints = [line for line in done.stderr.splitlines() if "error:" in line]
    assert done.returncode == 0, "run ./dev fmt\n" + "\n".join(complaints[:20])


def test_text_files_are_tidy():
    wrong = []
    for path in tracked():
        text = None if is_corpus(path) or "golden" in path.parts else text_or_none(path)
        if not text or path.name == "LICENSE":
            continue
        if not text.endswith("\n") or "\r" in text:
            wrong.append(f"{path}: line ends")
        if any(line != line.rstrip() for line in text.splitlines()):
            wrong.append(f"{path}: blanks at the end of a line")
    assert wrong == []


def test_nothing_names_a_package_host_or_a_path_of_one_machine():
    wrong = []
    for path in tracked():
        text = text_or_none(path) or ""
        wrong += [f"{path}: {word}" for word in FORBIDDEN if word in text]
    assert wrong == []


def test_nothing_is_left_half_done():
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    wrong = []
    for path in tracked(".c", ".h", ".py", ".sh", ".md", "dev"):
        if not is_corpus(path) and marks.search(read(path)):
            wrong.append(str(path))
    assert wrong == []


def help_commands():
    text = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\./dev (\w+)", text, re.MULTILINE))


DOCUMENTS = [str(p) for p in tracked(".md")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_names_only_commands_that_exist(document):
    used = set(re.findall(r"\./dev (\w+)", read(document)))
    assert used - help_commands() == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_links_only_to_files_that_exist(document):
    folder = (ROOT / document).parent
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", read(document))
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shell_blocks_of_a_document_parse(document):
    for block in re.findall(r"^```sh\n(.*?)^```", read(document), re.MULTILINE | re.DOTALL):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert done.returncode == 0, block + done.stderr


FILE_NAME = re.compile(r"[\w./-]+\.(?:c|h|inc|py|md|sh|cmake|txt|ya?ml)")
OF_OPERATORS = re.compile(r"/.*|config\.yml")  # files on their machines


def code_spans(text):
    """What a document has in backticks, without its blocks."""
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_names_only_files_that_exist(document):
    """By their path from the root, or by the end of a path below the document's folder."""
    folder = pathlib.Path(document).parent
    known = [str(p) for p in tracked()] + [f"/{p}" for p in tracked() if folder in p.parents]
    names = [name for name in code_spans(read(document)) if FILE_NAME.fullmatch(name)]
    wrong = [name for name in names if not OF_OPERATORS.fullmatch(name)
             and not any(path == name or path.startswith("/") and path.endswith(f"/{name}") for path in known)]
    assert wrong == []


def readme_of(folder):
    return next(up / "README.md" for up in [folder, *folder.parents] if (ROOT / up / "README.md").is_file())


SUPPORT = [p for p in tracked(".c", ".h", ".py") if p.parent == pathlib.Path("test/support") and p.stem != "__init__"]


@pytest.mark.parametrize("room", sorted({str(p.parent) for p in PRODUCT_FILES + SUPPORT}))
def test_a_readme_names_every_file_of_its_room(room):
    """In backticks or in the first column of a table, with or without its ending; `*` stands for many."""
    room = pathlib.Path(room)
    text = read(readme_of(room))
    named = code_spans(text) + re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    patterns = {word for word in re.findall(r"[\w*]+", " ".join(named)) if word.strip("*")}
    stems = {p.stem for p in PRODUCT_FILES + SUPPORT if p.parent == room}
    assert sorted(stem for stem in stems if not any(fnmatch.fnmatchcase(stem, one) for one in patterns)) == []


@pytest.mark.parametrize("path", [str(p) for p in tracked(".py")])
def test_python_imports_nothing_it_does_not_use(path):
    """But for what a module offers to others; there the line says noqa."""
    lines = read(path).splitlines()
    nodes = list(ast.walk(ast.parse(read(path))))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    wrong = []
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "noqa" not in lines[node.lineno - 1]:
            names = [(alias.asname or alias.name).split(".")[0] for alias in node.names]
            wrong += [name for name in names if name not in used]
    assert wrong == []


def test_every_room_has_a_readme():
    rooms = sorted({str(p.parent) for p in PRODUCT_FILES if p.parts[0] == "lib"})
    assert [room for room in rooms if not (ROOT / room / "README.md").is_file()] == []
