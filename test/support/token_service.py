# SPDX-License-Identifier: Apache-2.0
"""A small token service, as upstream's token specification describes them, and a client that uses one.

    with TokenService(folder, users={"alice": User("secret", {"alice/*": "pull,push"})}) as service:
        registry = Registry(folder / "registry", settings=service.settings())

GET with Basic, and POST with an OAuth 2 form (grants `password` and `refresh_token`). What a token
grants is what was asked for and the user may do; nothing of it is no error.
"""
import base64
import dataclasses
import datetime
import fnmatch
import http.server
import json
import pathlib
import secrets
import ssl
import threading
import urllib.parse
import urllib.request

from support import jose
from support.access import basic, bearer, challenge
from support.client import TIMEOUT_S


@dataclasses.dataclass
class User:
    password: str
    rights: dict  # {"alice/*": "pull,push", "catalog": "*"}: names as fnmatch has them


def parse_scope(text):
    """repository(plugin):host:5000/a/b:pull,push -> type, name, actions."""
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    return kind, name, [action for action in actions.split(",") if action]


class TokenService:
    """A process's own service on a free port of the loopback; `requests` is what it was asked."""

    def __init__(self, folder, users=None, key=None, issuer=jose.ISSUER, service=jose.SERVICE,
                 lifetime=300, oauth=True, tls=None):
        """
        users     {name: User}; "" is who gives no name (without it, such a request gets 401)
        key       a jose.Key; a new one by default
        oauth     whether POST is known; without it clients fall back to GET
        tls       (certificate file, key file): serves HTTPS
        """
        self.folder = pathlib.Path(folder)
        self.users = users or {}
        self.issuer = issuer
        self.service = service
        self.lifetime = lifetime
        self.oauth = oauth
        self.tls = tls
        self.requests = []
        self.refresh_tokens = {}
        self.late = 0  # so many of the next tokens are made as if long ago
        self.key = key or jose.Key(self.folder)
        self.certificate = jose.Certificate(self.key)
        self.bundle = jose.bundle(self.folder / "bundle.pem", self.certificate)
        self.server = None

    # ---- life -----------------------------------------------------------------------------------

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.tokens = self
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def realm(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.server.server_port}/token"

    def settings(self, **more):
        """For a registry's configuration."""
        return {"auth.token.realm": self.realm, "auth.token.issuer": self.issuer,
                "auth.token.service": self.service,
                "auth.token.rootcertbundle": str(self.bundle)} | more

    # ---- granting -------------------------------------------------------------------------------

    def rights(self, name, resource):
        """The actions that a user may do."""
        found = set()
        for pattern, actions in self.users[name].rights.items():
            if fnmatch.fnmatchcase(resource, pattern):
                found.update(actions.split(","))
        return found

    def grant(self, name, scopes):
        """The `access` of a token."""
        entries = []
        for kind, resource, actions in map(parse_scope, scopes):
            allowed = self.rights(name, resource)
            granted = [action for action in actions if action in allowed or "*" in allowed]
            if granted:
                entries.append(jose.access(resource, *granted, kind=kind))
        return entries

    def issue(self, name, scopes):
        """The token and its entries."""
        lifetime = self.lifetime
        if self.late:
            self.late -= 1
            lifetime = -3600
        entries = self.grant(name, scopes)
        payload = jose.claims(*entries, lifetime=lifetime, iss=self.issuer, aud=self.service,
                              sub=name)
        return jose.mint(self.key, payload), entries

    def authenticate(self, name, password):
        user = self.users.get(name)
        return user is not None and (not name or secrets.compare_digest(user.password, password))

    def refresh_token(self, name):
        token = secrets.token_urlsafe(16)
        self.refresh_tokens[token] = name
        return token


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status=401, code="UNAUTHORIZED"):
        self.answer(status, {"errors": [{"code": code, "message": "no"}]},
                    WWW_Authenticate='Basic realm="tokens"')

    def basic_user(self):
        """Who asks by GET: a name, "" for nobody, None for a wrong password."""
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        name = password = ""
        if scheme.lower() == "basic":
            name, _, password = base64.b64decode(text).decode().partition(":")
        return name if self.server.tokens.authenticate(name, password) else None

    def reply(self, name, scopes, wants_refresh, is_oauth):
        tokens = self.server.tokens
        token, entries = tokens.issue(name, scopes)
        body = {"access_token": token, "expires_in": tokens.lifetime,
                "issued_at": datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")}
        if is_oauth:
            body["scope"] = " ".join(f"{entry['type']}:{entry['name']}:{','.join(entry['actions'])}"
                                     for entry in entries)
        else:
            body["token"] = token
        if wants_refresh:
            body["refresh_token"] = tokens.refresh_token(name)
        self.answer(200, body)

    def note(self, name, parameters, scopes):
        self.server.tokens.requests.append(
            {"method": self.command, "user": name, "scopes": scopes} | dict(parameters))

    def do_GET(self):
        tokens = self.server.tokens
        path, _, query = self.path.partition("?")
        parameters = urllib.parse.parse_qsl(query)
        scopes = [part for key, value in parameters if key == "scope" for part in value.split()]
        name = self.basic_user()
        self.note(name, parameters, scopes)
        if path != "/token":
            self.answer(404, {})
        elif name is None:
            self.refuse()
        elif dict(parameters).get("service") != tokens.service:
            self.refuse(400, "DENIED")
        else:
            # Who gets a refresh token has to be able to use it, and only POST takes it.
            wants_refresh = tokens.oauth and dict(parameters).get("offline_token") == "true"
            self.reply(name, scopes, wants_refresh, False)

    def do_POST(self):
        tokens = self.server.tokens
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        form = dict(urllib.parse.parse_qsl(body.decode()))
        scopes = form.get("scope", "").split()
        name = None
        if form.get("grant_type") == "password":
            name = form.get("username", "")
            name = name if tokens.authenticate(name, form.get("password", "")) else None
        elif form.get("grant_type") == "refresh_token":
            name = tokens.refresh_tokens.get(form.get("refresh_token"))
        self.note(name, form.items(), scopes)
        if self.path != "/token" or not tokens.oauth:
            self.answer(404, {})
        elif name is None or form.get("service") != tokens.service or not form.get("client_id"):
            self.refuse()
        else:
            self.reply(name, scopes, form.get("access_type") == "offline", True)


class TokenClient:
    """A registry's client as clients are: asks, fetches the token it is told to, asks again."""

    def __init__(self, client, user=None, password=None, tls=None):
        """client: a support.client.Client; tls: an SSLContext for a service on HTTPS."""
        self.client = client
        self.user = user
        self.password = password
        self.tls = tls
        self.token = None
        self.fetched = []  # the challenges that were followed

    def fetch(self, parameters):
        query = [("service", parameters["service"])]
        query += [("scope", scope) for scope in parameters.get("scope", "").split()]
        headers = basic(self.user, self.password) if self.user else {}
        url = f"{parameters['realm']}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers=headers)
        self.fetched.append(parameters)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self.tls) as response:
            return json.load(response)["token"]

    def request(self, method, target, headers=(), body=None):
        pairs = list(dict(headers).items())
        for _ in range(2):
            own = list(bearer(self.token).items()) if self.token else []
            response = self.client.request(method, target, pairs + own, body)
            if response.status != 401:
                return response
            self.token = self.fetch(challenge(response))
        own = list(bearer(self.token).items())
        return self.client.request(method, target, pairs + own, body)
