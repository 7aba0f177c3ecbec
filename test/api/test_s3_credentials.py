# SPDX-License-Identifier: Apache-2.0
"""Temporary credentials: who is asked for them, how, and how often."""
import contextlib
import datetime
import json
import os
import urllib.parse

import pytest
from support.registry import Registry, is_upstream
from support.small_server import SmallServer

pytestmark = pytest.mark.skipif(is_upstream(), reason="what only we and later versions do")

ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


class Giver(SmallServer):
    """Answers as a metadata service of either version, a container's agent, or a token service."""

    def __init__(self, service, lifetime_s=3600, has_sessions=True):
        super().__init__()
        self.service = service
        self.lifetime_s = lifetime_s
        self.has_sessions = has_sessions

    def expiration(self):
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.lifetime_s)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def answer(self, request):
        return *self.find(*request), {}

    def find(self, method, path, headers):
        if path == "/latest/api/token":
            if not self.has_sessions:
                return 404, b""
            assert method == "PUT" and headers["X-aws-ec2-metadata-token-ttl-seconds"]
            return 200, b"a-session"
        if path.startswith("/latest/") and self.has_sessions and headers["X-aws-ec2-metadata-token"] != "a-session":
            return 401, b""
        if path == ROLE_PATH:
            return 200, b"the-role\n"
        if "WebIdentityToken" in path:
            return 200, self.as_xml()
        keys = {"Code": "Success", "AccessKeyId": self.service.access_key,
                "SecretAccessKey": self.service.secret_key, "Expiration": self.expiration()}
        return 200, json.dumps(keys).encode()

    def as_xml(self):
        return (
            '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            "<AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{self.service.access_key}</AccessKeyId>"
            f"<SecretAccessKey>{self.service.secret_key}</SecretAccessKey>"
            f"<Expiration>{self.expiration()}</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        ).encode()


@pytest.fixture
def make_giver(bucket):
    with contextlib.ExitStack() as givers:
        yield lambda **options: givers.enter_context(Giver(bucket.service, **options))


@pytest.fixture
def start(start_s3_registry, tmp_path):
    """A registry without keys of its own."""

    def start(**environment):
        none = {"storage.s3.accesskey": "", "storage.s3.secretkey": ""}
        home = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "", "no_proxy": "*"}
        return start_s3_registry(none, environment=home | environment)

    return start


def push_twice(registry, repo):
    with registry.client() as client:
        client.push_blob(repo, b"one")
        client.push_blob(repo, b"two")


def test_a_machine_s_role_with_sessions(start, make_giver, repo):
    giver = make_giver()
    push_twice(start(AWS_EC2_METADATA_SERVICE_ENDPOINT=giver.origin), repo)
    assert [path for _, path, _ in giver.requests] == ["/latest/api/token", ROLE_PATH, f"{ROLE_PATH}the-role"]


def test_a_machine_s_role_without_sessions(start, make_giver, repo):
    giver = make_giver(has_sessions=False)
    push_twice(start(AWS_EC2_METADATA_SERVICE_ENDPOINT=giver.origin), repo)
    assert [path for _, path, _ in giver.requests][-2:] == [ROLE_PATH, f"{ROLE_PATH}the-role"]


def test_what_is_about_to_expire_is_renewed(start, make_giver, repo):
    giver = make_giver(lifetime_s=60)
    push_twice(start(AWS_EC2_METADATA_SERVICE_ENDPOINT=giver.origin), repo)
    assert len([path for _, path, _ in giver.requests if path == f"{ROLE_PATH}the-role"]) > 1


def test_a_container_s_agent_gets_its_token(start, make_giver, repo, tmp_path):
    giver = make_giver()
    token = tmp_path / "token"
    token.write_text("agent-token\n")
    push_twice(start(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{giver.origin}/creds",
                     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token)), repo)
    ((_, path, headers),) = giver.requests
    assert (path, headers["Authorization"]) == ("/creds", "agent-token")


def test_a_role_by_web_identity(start, make_giver, repo, tmp_path):
    giver = make_giver()
    token = tmp_path / "token"
    token.write_text("s3cret+token/=")
    registry = start(AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN="arn:aws:iam::1:role/r",
                     AWS_ENDPOINT_URL_STS=giver.origin)
    push_twice(registry, repo)
    ((_, path, _),) = giver.requests
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    assert query["Action"] == ["AssumeRoleWithWebIdentity"]
    assert query["WebIdentityToken"] == ["s3cret+token/="]
    assert query["RoleArn"] == ["arn:aws:iam::1:role/r"]
    assert "s3cret" not in registry.stderr()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_token_file_that_is_none_is_an_error_of_the_request(start, make_giver, repo, tmp_path, make):
    make(tmp_path / "token")
    giver = make_giver()
    registry = start(AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"), AWS_ROLE_ARN="arn:aws:iam::1:role/r",
                     AWS_ENDPOINT_URL_STS=giver.origin)
    with registry.client() as client:
        assert client.post(f"/v2/{repo}/blobs/uploads/").status >= 500
    assert "token is not a regular file" in registry.stderr()
    assert giver.requests == []


def test_a_shared_file_that_cannot_be_read_ends_the_start(tmp_path):
    settings = {"storage.s3.region": "us-east-1", "storage.s3.bucket": "b"}
    with pytest.raises(AssertionError, match="is a directory"):
        Registry(tmp_path, storage="s3", settings=settings,
                 environment={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path)}).start()


def test_the_shared_file_is_read(start, bucket, repo, tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    service = bucket.service
    (folder / "credentials").write_text(
        f"[default]\naws_access_key_id = no\naws_secret_access_key = no\n"
        f"[mine]\naws_access_key_id = {service.access_key}\naws_secret_access_key = {service.secret_key}\n"
    )
    push_twice(start(AWS_PROFILE="mine"), repo)


def test_nobody_to_ask_is_an_error_of_the_request(ceph, start, repo):
    registry = start(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1")
    with registry.client() as client:
        assert client.post(f"/v2/{repo}/blobs/uploads/").status >= 500
    assert "no credentials" in registry.stderr()
