# SPDX-License-Identifier: Apache-2.0
"""Requests that are malformed, doubtful or unusual in their head or in their body's framing."""
import pytest
from support.client import with_query
from support.content import digest_of

ours = pytest.mark.ours("doubtful heads are refused")
SMUGGLED = b"GET /v2/_catalog HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def assert_refused(registry, message, *statuses):
    """@message is answered by one of @statuses, once, and then the connection is closed."""
    with registry.connect() as connection:
        connection.send(message)
        response = connection.read_response()
        assert response.status in statuses, response
        assert response.closes
        assert response.header("Docker-Distribution-Api-Version") is None
        assert connection.is_closed_by_server()
        return response


def assert_body_refused(registry, client, repo, headers, body):
    """A PATCH so framed is not taken, what follows it is no request, and the session lives on."""
    target = client.start_upload(repo)
    head = f"PATCH {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    with registry.connect() as connection:
        connection.send(head + body)
        response = connection.read_response()
        assert 400 <= response.status < 600, response
        assert response.closes
        assert connection.is_closed_by_server()
    return target, response


# ---- the request line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "GET",
        "GET /v2/",
        "GET  /v2/ HTTP/1.1",
        "GET /v2/ HTTP/1.1 x",
        "GET /v2/  HTTP/1.1",
        "GET /v2/ HTTP",
        "GET /v2/ HTTP/1",
        "GET /v2/ HTTP/1.x",
        "GET /v2/ http/1.1",
        "GET /v2/ FTP/1.1",
        " GET /v2/ HTTP/1.1",
        "GET\t/v2/\tHTTP/1.1",
        "G(T /v2/ HTTP/1.1",
        "GET v2 HTTP/1.1",
        pytest.param("GET /v2/\x80 HTTP/1.1", marks=ours),
        "GET /v2/\x7f HTTP/1.1",
        "/v2/ HTTP/1.1",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_request_line_is_400(fs_registry, fs_client, line):
    message = line.encode("latin-1") + b"\r\nHost: x\r\n\r\n"
    assert_refused(fs_registry, message, 400, 505)


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"])
def test_other_versions_are_refused(fs_registry, fs_client, version):
    message = f"GET /v2/ {version}\r\nHost: x\r\n\r\n".encode()
    assert_refused(fs_registry, message, 400, 505)


def test_http_1_2_is_refused_or_taken_for_1_1(fs_registry, fs_client):
    with fs_registry.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.2\r\nHost: x\r\n\r\n")
        assert connection.read_response().status in (200, 505)


def test_preface_of_http_2_is_refused(fs_registry, fs_client):
    message = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    with fs_registry.connect() as connection:
        connection.send(message)
        assert b" 200 " not in connection.read_to_end()


@pytest.mark.parametrize("escape", ["%", "%2", "%zz", "%2%", "%g0", "abc%"])
def test_bad_escape_in_the_path_is_400(fs_registry, fs_client, escape):
    with fs_registry.connect() as connection:
        connection.send(f"GET /v2/{escape} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.read_response().status == 400


@pytest.mark.parametrize("query", ["%", "a=%zz", "n=1;last=x", "&&&", "=", "%00", "n"])
def test_bad_query_is_not_held_against_the_request(fs_client, query):
    assert fs_client.get(f"/v2/_catalog?{query}").status == 200


@pytest.mark.parametrize("name", ["%00", "a%0d%0ab", "%ff", "%c3%a4", "a%20b"])
def test_strange_bytes_in_the_path_are_no_route(fs_client, name):
    assert fs_client.get(f"/v2/{name}/tags/list").status in (400, 404)


@pytest.mark.parametrize("method", ["get", "Get", "put", "x" * 32])
def test_methods_have_case(fs_client, method):
    response = fs_client.request(method, "/v2/foo/tags/list")
    assert response.status in (400, 405, 501)


def test_absolute_target_is_a_path_like_any(fs_client):
    response = fs_client.get("http://elsewhere.example:99/v2/_catalog?n=0")
    assert response.json() == {"repositories": []}
    assert fs_client.get("http://elsewhere.example/").status == 200
    assert fs_client.get("http://elsewhere.example").status in (200, 301, 404)


def test_options_of_everything_is_answered_outside_the_api(fs_registry):
    with fs_registry.connect() as connection:
        connection.send_head("OPTIONS", "*")
        response = connection.read_response()
        assert response.status in (200, 404)
        assert response.header("Docker-Distribution-Api-Version") is None or response.status == 404


@pytest.mark.parametrize("target", ["*", "x:1", "ftp://x/", "//", "/../..", "/?", "/a" * 20000])
def test_unusual_targets_are_answered(fs_registry, fs_client, target):
    with fs_registry.connect() as connection:
        connection.send_head("GET", target)
        assert connection.read_response().status < 500


@pytest.mark.ours("CONNECT is a method like any unknown one")
def test_connect_is_refused(fs_registry, fs_client):
    with fs_registry.connect() as connection:
        connection.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert connection.read_response("CONNECT").status >= 400


# ---- header lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        b"Name Blank: x",
        b"Blank-Before-Colon : x",
        b" Leading: x",
        b"No colon",
        pytest.param(b": no name", marks=ours),
        b"Na(me): x",
        b"N\xc3\xa4me: x",
        b"Name\x00: x",
        b"X: a\x00b",
        b"X: a\x07b",
        b"X: a\x7fb",
        b"X: a\rb",
        pytest.param(b"X: a\r\n folded", marks=ours),
        pytest.param(b"X: a\r\n\tfolded", marks=ours),
        pytest.param(b"X: a\nY: b", marks=ours),
        pytest.param(b"~ontent-Length: 5", marks=ours),
        pytest.param(b"~: 5", marks=ours),
    ],
)
def test_malformed_header_is_400(fs_registry, fs_client, header):
    assert_refused(fs_registry, b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n", 400)


def test_first_header_that_is_folded_is_400(fs_registry, fs_client):
    assert_refused(fs_registry, b"GET /v2/ HTTP/1.1\r\n Host: x\r\n\r\n", 400)


def test_line_ends_without_cr_are_refused_or_understood(fs_registry, fs_client):
    with fs_registry.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.1\nHost: x\n\n")
        assert connection.read_response().status in (200, 400)


def test_request_without_host_is_400(fs_registry, fs_client):
    response = assert_refused(fs_registry, b"GET /v2/ HTTP/1.1\r\n\r\n", 400)
    assert b"Host" in response.body


@pytest.mark.parametrize("second", ["x", "y"])
def test_two_hosts_are_400(fs_registry, fs_client, second):
    message = f"GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: {second}\r\n\r\n".encode()
    assert_refused(fs_registry, message, 400)


@pytest.mark.parametrize("host", ["a b", 'a"b', "a<b", "a/b", "a\\b", "a@b", "a?b", "a#b"])
def test_malformed_host_is_400(fs_registry, fs_client, host):
    assert_refused(fs_registry, f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), 400)


@pytest.mark.parametrize("host", ["", "x", "127.0.0.1:1", "[::1]:5000", "a_b.c-d"])
def test_usual_hosts_are_taken(fs_registry, fs_client, host):
    with fs_registry.connect() as connection:
        connection.send(f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.read_response().status == 200


@pytest.mark.ours("a head has at most 64 KiB", run=False)
@pytest.mark.parametrize(
    "make",
    [
        lambda size: b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * size + b"\r\n\r\n",
        lambda size: b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * (size // 6) + b"\r\n",
        lambda size: b"GET /v2/" + b"x" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda size: b"X" * size,
        lambda size: b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * size,
    ],
    ids=["one header", "many headers", "target", "no line", "no end"],
)
@pytest.mark.parametrize("size", [66 * 1024, 1 << 20])
def test_head_that_is_too_large_is_431(fs_registry, fs_client, make, size):
    assert_refused(fs_registry, make(size), 431)


def test_head_of_60_kib_is_taken(fs_registry, fs_client):
    with fs_registry.connect() as connection:
        response = connection.request("GET", "/v2/", [("X", "x" * 60 * 1024)])
        assert response.status == 200
        response = connection.request("GET", "/v2/", [("X", "x")] * 5000)
        assert response.status == 200


@pytest.mark.ours("empty lines before a request are skipped")
def test_empty_lines_before_a_request_are_skipped(fs_registry):
    with fs_registry.connect() as connection:
        for _ in range(3):
            connection.send(b"\r\n\r\n")
            assert connection.request("GET", "/v2/").body == b"{}"


def test_header_names_have_no_case(fs_client, repo):
    target = fs_client.start_upload(repo)
    response = fs_client.request("PATCH", target, {"cONTENT-lENGTH": "5"}, b"12345")
    assert response.header("Range") == "0-4"


@pytest.mark.parametrize("value", ["a\tb", "caf\u00e9", "\u2603", "", " " * 500])
def test_unusual_values_are_taken(fs_client, value):
    assert fs_client.get("/v2/", [("User-Agent", value), ("X-Other", value)]).status == 200


# ---- HTTP/1.0 -----------------------------------------------------------------------------------


def test_http_1_0_is_answered_and_closed(fs_registry):
    with fs_registry.connect() as connection:
        connection.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
        response = connection.read_response()
        assert response.body == b"{}"
        assert connection.is_closed_by_server()


def test_http_1_0_may_keep_the_connection(fs_registry):
    with fs_registry.connect() as connection:
        for _ in range(3):
            connection.send(b"GET /v2/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = connection.read_response()
            assert response.body == b"{}"
            if response.closes:
                assert connection.is_closed_by_server()
                return


def test_connection_close_is_obeyed(fs_registry):
    for value in ("close", "Close", "foo, close", "keep-alive, close"):
        with fs_registry.connect() as connection:
            response = connection.request("GET", "/v2/", {"Connection": value})
            assert response.body == b"{}"
            assert response.closes
            assert connection.is_closed_by_server()


@pytest.mark.ours("no chunked coding before 1.1")
def test_http_1_0_has_no_chunked_bodies(fs_registry, fs_client, repo):
    target = fs_client.start_upload(repo)
    message = f"PATCH {target} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert_refused(fs_registry, message + b"1\r\nx\r\n0\r\n\r\n", 400)


# ---- the length of a body -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "+5",
        "5x",
        "0x5",
        "5 5",
        "5,5",
        "five",
        pytest.param("", marks=ours),
        "5.0",
        "1e3",
        "9223372036854775808",
        "18446744073709551621",
        "99999999999999999999999999999999",
        "-0",
        "\u0665",
    ],
)
def test_malformed_content_length_is_400(fs_registry, fs_client, repo, value):
    target = fs_client.start_upload(repo)
    message = f"PATCH {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {value}\r\n\r\n".encode()
    assert_refused(fs_registry, message + b"12345" + SMUGGLED, 400)
    assert fs_client.get(target).header("Range") == "0-0"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param("Content-Length: 5\r\nContent-Length: 5\r\n", marks=ours),
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        pytest.param("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", marks=ours),
        pytest.param("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", marks=ours),
        pytest.param("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", marks=ours),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
    ],
)
def test_doubtful_framing_is_400(fs_registry, fs_client, repo, headers):
    target = fs_client.start_upload(repo)
    message = f"PATCH {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    assert_refused(fs_registry, message + b"0\r\n\r\n" + SMUGGLED, 400, 501)
    assert fs_client.get(target).header("Range") == "0-0"


@pytest.mark.parametrize(
    "coding",
    ["gzip", "identity", "gzip, chunked", "chunked, gzip", "chunkedx", "xchunked", "", "chunked;q"],
)
def test_other_transfer_codings_are_refused(fs_registry, fs_client, repo, coding):
    target = fs_client.start_upload(repo)
    message = f"PATCH {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n".encode()
    assert_refused(fs_registry, message + b"0\r\n\r\n" + SMUGGLED, 400, 501)


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", " chunked "])
def test_chunked_has_no_case(fs_registry, fs_client, repo, coding):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, {"Transfer-Encoding": coding})
        connection.send_chunk(b"12345").send_last_chunk()
        assert connection.read_response().header("Range") == "0-4"


def test_zeros_before_a_length_are_taken(fs_client, repo):
    target = fs_client.start_upload(repo)
    response = fs_client.request("PATCH", target, {"Content-Length": "0005"}, b"12345")
    assert response.header("Range") == "0-4"


# ---- chunks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"-1\r\nx\r\n0\r\n\r\n",
        b"+1\r\nx\r\n0\r\n\r\n",
        b"0x1\r\nx\r\n0\r\n\r\n",
        b"\r\n",
        b";ext\r\n",
        b" 1\r\nx\r\n0\r\n\r\n",
        b"1 1\r\nx\r\n0\r\n\r\n",
        b"1\r\nxx\r\n0\r\n\r\n",
        b"1\r\nx0\r\n\r\n",
        b"2\r\nx\r\n0\r\n\r\n",
        b"1\nx\n0\n\n",
        b"1\r\nx\n0\r\n\r\n",
        b"fffffffffffffffff\r\nx",
        b"10000000000000000\r\nx",
        b"1;" + b"e" * 70_000 + b"\r\nx\r\n0\r\n\r\n",
        b"1" * 70_000,
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n" + b"T: x\r\n" * 20_000 + b"\r\n",
    ],
)
def test_malformed_chunks_are_refused(fs_registry, fs_client, repo, body):
    headers = "Transfer-Encoding: chunked\r\n"
    assert_body_refused(fs_registry, fs_client, repo, headers, body + SMUGGLED)


@pytest.mark.parametrize("size", ["8000000000000000", "7fffffffffffffff", "ffffffffffffffff"])
def test_chunk_larger_than_any_file_does_no_harm(fs_registry, fs_client, repo, size):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, {"Transfer-Encoding": "chunked"})
        connection.send(size.encode() + b"\r\nx")
        connection.half_close()
        answer = connection.read_to_end()
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert fs_client.get("/v2/").status == 200


@pytest.mark.ours("malformed chunks are the client's fault")
def test_malformed_chunk_is_400_with_an_envelope(fs_registry, fs_client, repo):
    headers = "Transfer-Encoding: chunked\r\n"
    _, response = assert_body_refused(fs_registry, fs_client, repo, headers, b"zz\r\n")
    assert response.status == 400
    assert response.codes


@pytest.mark.parametrize(
    "body",
    [
        b"5;a=b\r\n12345\r\n0\r\n\r\n",
        b'5;a="b;c"\r\n12345\r\n0;x\r\n\r\n',
        b"00005\r\n12345\r\n000\r\n\r\n",
        b"5\r\n12345\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
        b"1\r\n1\r\n1\r\n2\r\n3\r\n345\r\n0\r\n\r\n",
    ],
)
def test_extensions_and_trailers_are_read_and_dropped(fs_registry, fs_client, repo, body):
    target = fs_client.start_upload(repo)
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, {"Transfer-Encoding": "chunked"}).send(body)
        response = connection.read_response()
        assert response.status == 202, response
        fs_client.commit(response.location, digest_of(b"12345"))
        assert connection.request("GET", "/v2/").status == 200


def test_hexadecimal_sizes_have_no_case(fs_registry, fs_client, repo):
    target = fs_client.start_upload(repo)
    data = b"x" * 0xAB
    with fs_registry.connect() as connection:
        connection.send_head("PATCH", target, {"Transfer-Encoding": "chunked"})
        connection.send(b"aB\r\n" + data + b"\r\n0\r\n\r\n")
        assert connection.read_response().header("Range") == f"0-{0xAB - 1}"


def test_body_in_chunks_of_one_byte(fs_registry, fs_client, repo):
    data = bytes(range(256)) * 40
    target = with_query(fs_client.start_upload(repo), digest=digest_of(data))
    with fs_registry.connect() as connection:
        connection.send_head("PUT", target, {"Transfer-Encoding": "chunked"})
        connection.send(b"".join(b"1\r\n%c\r\n" % byte for byte in data) + b"0\r\n\r\n")
        assert connection.read_response().status == 201
    assert fs_client.pull_blob(repo, digest_of(data)) == data


# ---- bodies where none are expected -------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_body_of_a_request_that_needs_none_is_skipped(fs_registry, method, coding):
    with fs_registry.connect() as connection:
        for _ in range(3):
            if coding == "length":
                connection.send_head(method, "/v2/", {"Content-Length": len(SMUGGLED)})
                connection.send(SMUGGLED)
            else:
                connection.send_head(method, "/v2/", {"Transfer-Encoding": "chunked"})
                connection.send_chunk(SMUGGLED).send_last_chunk()
            response = connection.read_response(method)
            assert response.status == 200
            if response.closes:
                break
        else:
            assert connection.request("GET", "/v2/").body == b"{}"
