"""What schemathesis is told about Lethe: who calls, and how its lines are written."""

import base64
import http.client
import json
import os
import re
import urllib.parse

import schemathesis

with open(os.environ["LETHE_LOCAL"]) as file:
    LOCAL = json.load(file)
GATEWAY = urllib.parse.urlsplit(LOCAL["gateway"])
# Of the demo's staff, who may do everything.
MEMBER = "staff-dana"


def ask(method, path, cookies, form=None):
    """One call of a browser: the answer's status, where it leads, its text; its cookies are kept."""
    connection = http.client.HTTPConnection(GATEWAY.netloc)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    body = None
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode(form)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    for cookie in reply.headers.get_all("set-cookie", []):
        name, value = cookie.split(";", 1)[0].split("=", 1)
        cookies[name] = value
    return reply.status, reply.headers.get("location"), reply.read().decode()


def sign_in():
    """A session of a member of the staff who may do everything: its cookies, and what its forms carry."""
    cookies = {}
    _, provider, _ = ask("GET", "/console/sign-in", cookies)
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(provider).query))
    names = ("redirect_uri", "state", "nonce", "code_challenge")
    chosen = {name: asked[name] for name in names} | {"sub": MEMBER}
    _, back, _ = ask("POST", "/_local/oidc/authorize", {}, chosen)
    back = urllib.parse.urlsplit(back)
    ask("GET", f"{back.path}?{back.query}", cookies)
    status, _, page = ask("GET", "/console", cookies)
    assert status == 200, status
    return cookies, re.search('name="form_token" value="([^"]+)"', page)[1]


def register():
    """Lets the caller be a person too, so that what people ask for themselves is answered."""
    payload = LOCAL["admin_token"].split(".")[1]
    sub = json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"]
    connection = http.client.HTTPConnection(GATEWAY.netloc)
    headers = {"Authorization": f"Bearer {LOCAL['admin_token']}", "Content-Type": "application/json"}
    person = json.dumps({"identities": {"email": "caller@example.com"}})
    connection.request("PUT", f"/lethe/v1/persons/{sub}", person, headers)
    status = connection.getresponse().status
    assert status < 300, status


register()
COOKIES, FORM_TOKEN = sign_in()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Makes every call somebody's who may make it, so that what is behind the door is tried, not the door."""
    case.headers["Authorization"] = f"Bearer {LOCAL['admin_token']}"
    case.headers["SlashID-API-Key"] = LOCAL["slashid_api_key"]
    case.headers["SlashID-OrgID"] = LOCAL["org_id"]
    # Who signs out has no session for what comes after.
    if case.path.startswith("/console") and case.path != "/console/sign-out":
        case.cookies.update(COOKIES)
        if isinstance(case.body, dict) and "form_token" in case.body:
            case.body["form_token"] = FORM_TOKEN


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    """The schema is that of a line: one is sent."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def line(ctx, response):
    return json.loads(response.content.splitlines()[0])
