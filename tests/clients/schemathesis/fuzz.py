"""Every field of the schema, asked for with arguments that schemathesis makes up, by each kind of caller.

Whatever is asked for, the server answers in time, with no fault of its own, in JSON that is a GraphQL response. The
seed and how many requests each field gets of each caller stand in the environment: SEED and EXAMPLES.
"""

import json
import os
import sys
import time

import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.graphql import nodes

# Seconds that a request may take, on a busy machine.
PATIENCE = 30

with open(os.environ["READY_FILE"], encoding="utf-8") as file:
    READY = json.load(file)
URL = READY["graphqlUrl"]
SEED, EXAMPLES = int(os.environ["SEED"]), int(os.environ["EXAMPLES"])

# What AppSync's own scalars may look like, right or not.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TEXT = st.text(alphabet=st.characters(codec="utf-8"))
DOCUMENTS = st.dictionaries(st.sampled_from(["id", "data", "lines", "line_items", "@type", "status"]), JSON)
SCALARS = {
    "AWSJSON": (DOCUMENTS | JSON).map(json.dumps) | TEXT,
    "AWSDateTime": st.datetimes().map(lambda at: at.isoformat() + "Z") | TEXT,
    "AWSEmail": st.emails() | TEXT,
}


def backend(request):
    """The same request, signed by a system with IAM credentials."""
    credentials = Credentials(READY["accessKeyId"], READY["secretAccessKey"])
    signed = AWSRequest(method=request.method, url=request.url, data=request.body, headers={"host": READY_HOST})
    SigV4Auth(credentials, "appsync", READY["region"]).add_auth(signed)
    request.headers.update(dict(signed.headers))
    return request


def with_header(name, value):
    def caller(request):
        request.headers[name] = value
        return request

    return caller


READY_HOST = URL.split("/")[2]
CALLERS = {
    "guest": with_header("x-api-key", READY["apiKey"]),
    "customer": with_header("authorization", os.environ["ALICE_TOKEN"]),
    "staff": with_header("authorization", os.environ["STAFF_TOKEN"]),
    "backend": backend,
}


def check(case, caller, session):
    kwargs = case.as_transport_kwargs(base_url=URL)
    began = time.monotonic()
    request = requests.Request(kwargs["method"], URL, json=kwargs.get("json"), data=kwargs.get("data")).prepare()
    answer = session.send(caller(request), timeout=PATIENCE)
    took = time.monotonic() - began
    assert answer.status_code in (200, 400), f"status {answer.status_code}: {answer.text[:300]}"
    body = answer.json()
    assert isinstance(body, dict) and set(body) <= {"data", "errors"} and body, f"no response: {body}"
    for error in body.get("errors", []):
        assert error["message"] and isinstance(error["message"], str), f"an error without a message: {error}"
        kind = error.get("errorType") or ""
        assert not kind.startswith(("Lambda:", "Runtime.", "Sandbox.", "Function.")), f"a function failed: {error}"
        assert kind not in ("Unavailable", "InternalFailureException"), f"the input is no reason for {error}"
    assert took < PATIENCE, f"it took {took} s"


def main():
    for name, values in SCALARS.items():
        schemathesis.graphql.scalar(name, values.map(nodes.String))
    schema = schemathesis.graphql.from_url(URL, headers={"x-api-key": READY["apiKey"]})
    for name, caller in CALLERS.items():
        fields = requests_sent = 0
        for operation in schema.get_all_operations():
            with requests.Session() as session:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

                    @seed(SEED)
                    @settings(
                        max_examples=EXAMPLES,
                        deadline=None,
                        database=None,
                        phases=(Phase.generate, Phase.shrink),
                        suppress_health_check=list(HealthCheck),
                    )
                    @given(case=operation.ok().as_strategy(generation_mode=mode))
                    def ask(case):
                        nonlocal requests_sent
                        requests_sent += 1
                        check(case, caller, session)

                    ask()
            fields += 1
        print(f"{name}: {fields} fields, {requests_sent} requests", flush=True)


if __name__ == "__main__":
    sys.exit(main())
