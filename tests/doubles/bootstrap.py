#!/usr/bin/env python3
"""A function that does as it is told, well or badly: a bootstrap in a few lines, in the place of one in Rust.

What to do with an event is said by its `do`, or by the reference of what is placed or reported. What to do before the
first event is said by a file `start` beside the bootstrap. The answer to anything else is an order whose id is the id
of this process.
"""

import http.client
import json
import os
import subprocess
import sys
import time

RUNTIME = "/2018-06-01/runtime"
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, RUNTIME + path, body, headers)
    answer = api.getresponse()
    return answer.status, answer.headers, answer.read()


def error(kind):
    return json.dumps({"errorType": kind, "errorMessage": "on purpose"})


def end(how):
    sys.stdout.flush()
    if how == "hang":
        time.sleep(3600)
    elif how.startswith("exit"):
        os._exit(int(how.split()[1]))
    elif how.startswith("signal"):
        os.kill(os.getpid(), int(how.split()[1]))
        time.sleep(3600)


def start(how):
    if how == "fail":
        call("POST", "/init/error", error("Runtime.NoConfig"))
        os._exit(1)
    end(how)


def out_of_place(request_id):
    """The status and the error of calls that may not be made now."""

    def refused(method, path):
        status, _, body = call(method, path, "{}")
        return [status, json.loads(body)["errorType"]]

    return [
        refused("GET", "/invocation/next"),
        refused("POST", "/init/error"),
        refused("POST", "/invocation/nobody/response"),
        refused("POST", "/invocation/nobody/error"),
    ]


def reference(event):
    told = event.get("arguments", {}).get("input", {})
    return (told.get("order") or told).get("reference")


def handle(event, headers):
    request_id = headers["lambda-runtime-aws-request-id"]
    answer, place = {"id": str(os.getpid()), "status": "RECEIVED", "problems": []}, "response"
    what = event.get("do") or reference(event) or ""
    end(what)
    if what == "spawn":
        child = subprocess.Popen(["sleep", "3600"])
        with open("child", "w") as file:
            file.write(str(child.pid))
        end("hang")
    elif what == "sleep":
        time.sleep(0.2)
    elif what == "fail":
        answer, place = json.loads(error("Refused")), "error"
    elif what == "fail in a header":
        call("POST", f"/invocation/{request_id}/error", "", {"Lambda-Runtime-Function-Error-Type": "Mute"})
        return
    elif what == "large":
        status, _, _ = call("POST", f"/invocation/{request_id}/response", b'"' + b"x" * 7_000_000 + b'"')
        print(f"large was answered with {status}", flush=True)
        return
    elif what in ("garbage", "nothing"):
        call("POST", f"/invocation/{request_id}/response", b"<html>\xff" if what == "garbage" else b"")
        return
    elif what == "break off":
        # Half an answer is none.
        other = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        other.putrequest("POST", f"{RUNTIME}/invocation/{request_id}/response")
        other.putheader("content-length", "100")
        other.endheaders(b"half")
        other.close()
    elif what == "out of place":
        answer = out_of_place(request_id)
    elif what == "tell":
        answer = {
            "environment": dict(os.environ),
            "directory": os.getcwd(),
            "headers": {name.lower(): value for name, value in headers.items()},
        }
    elif what == "print":
        print('{"level":"ERROR","fields":{"message":"said so","order_id":"o"}}')
        print("plainly " + "x" * 50_000, flush=True)
    status, _, body = call("POST", f"/invocation/{request_id}/{place}", json.dumps(answer))
    assert (status, json.loads(body)) == (202, {"status": "OK"}), (status, body)
    if what == "twice":
        status, _, body = call("POST", f"/invocation/{request_id}/response", "{}")
        assert (status, json.loads(body)["errorType"]) == (403, "InvalidStateTransition"), (status, body)
    if what == "answer and exit":
        os._exit(1)
    if what == "answer and hang":
        end("hang")


if os.path.exists("start"):
    with open("start") as file:
        start(file.read())
while True:
    status, headers, body = call("GET", "/invocation/next")
    handle(json.loads(body), headers)
