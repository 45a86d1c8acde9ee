"""What a run is told beside the document: who calls, what there is in the vault to ask about, and three media types."""

import base64
import binascii
import os
import zlib

import schemathesis

TOKEN, SPARE_TOKEN = os.environ["VAULT_TOKEN"], os.environ["VAULT_SPARE_TOKEN"]
KNOWN = {
    "card": os.environ["VAULT_CARD"],
    "no": os.environ["VAULT_REQUEST"],
    "code": os.environ["VAULT_VENDOR"],
    "login": os.environ["VAULT_LOGIN"],
}
# What ends sessions is asked by somebody else, or nobody would be there to ask the rest.
ENDS_SESSIONS = {"DELETE /api/v1/session", "POST /api/v1/password"}


def known(values):
    """Half of what is named exists; which half follows from what was generated, so that a run can be repeated."""
    for name, value in values.items():
        if name in KNOWN and isinstance(value, str) and zlib.crc32(value.encode("utf-8", "surrogatepass")) % 2:
            values[name] = KNOWN[name]
    return values


def without_prefixes(schema):
    """This version writes `prefixItems` of an answer in an older draft's way, and refuses what it wrote itself."""
    if isinstance(schema, dict):
        if schema.get("items") is False and "prefixItems" in schema:
            parts = schema.pop("prefixItems")
            schema.update(items={"anyOf": parts}, minItems=len(parts), maxItems=len(parts))
        for value in schema.values():
            without_prefixes(value)
    elif isinstance(schema, list):
        for value in schema:
            without_prefixes(value)


@schemathesis.hook
def before_load_schema(ctx, schema):
    without_prefixes(schema)


@schemathesis.hook
def map_body(ctx, body):
    return known(body) if isinstance(body, dict) else body


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    return known(path_parameters) if path_parameters else path_parameters


@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        return SPARE_TOKEN if case.operation.label in ENDS_SESSIONS else TOKEN

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.serializer("application/toml")
def toml(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.serializer("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def workbook(ctx, value):
    """The document's example is in Base64; what is generated is any text, and no workbook."""
    text = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text


@schemathesis.deserializer("application/octet-stream")
def octets(ctx, response):
    return response.content
