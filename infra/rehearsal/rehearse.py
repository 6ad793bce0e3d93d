"""Goes through a whole deployment on this machine: bootstrap, deploy, use, destroy. `infra/rehearse` runs it.

What it shows: CloudFormation takes the template; the built bootstraps start and do their work behind a GraphQL API, fed by a
stream and a schedule, with no more than their roles' permissions; operators send orders through again and erase them, with no
more permissions than they are said to need; nothing is left when the stack is destroyed.

What it does not: subscriptions, ReportBatchItemFailures, bisecting and giving up batches, field authorization by directives,
AWSJSON, metric math, X-Ray, the firewall. ministack does none of these, or does them in its own way. The local stack and its
tests are for the first of them; the others show on AWS alone.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

INFRA = Path(__file__).resolve().parent.parent
FOLDER = INFRA.parent / "target" / "rehearsal"
LOCAL = INFRA.parent / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "local"
STACK = "orders-dev"
ACCOUNT, REGION = "000000000000", "us-east-1"
PATIENCE = 60
PASSWORD = "Rehearsal-2026!"

ORDER = "id status customerId problems changes { kind } document"


def step(text):
    print(f"\n== {text}", flush=True)


def until(what, look):
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited for {PATIENCE} seconds in vain: {what}")


# --- The cloud -------------------------------------------------------------------------------------------------------


class Cloud:
    """A ministack of this rehearsal alone, which enforces the policies of whoever calls it."""

    def __init__(self):
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        self.log = FOLDER / "ministack.log"
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("cloud.py")],
            cwd=FOLDER,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            env={
                **self.environment,
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "S3_DATA_DIR": str(FOLDER / "s3"),
                "TMPDIR": str(FOLDER),
            },
        )
        until("ministack answers", self.answers)
        self.session = botocore.session.get_session()

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ministack ended:\n{self.log.read_text()[-4000:]}")
        try:
            return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5).status == 200
        except OSError:
            return False

    def client(self, service):
        return self.session.create_client(
            service, REGION, endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def cdk(self, *arguments, cwd=INFRA):
        command = [INFRA / "node_modules/.bin/cdk", *arguments]
        done = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"cdk {' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-6000:]}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


# --- The stage that is deployed --------------------------------------------------------------------------------------


class Refused(Exception):
    """GraphQL errors, or a status that is not 200."""


class Stage:
    """The deployed stack, as its users and its operators see it."""

    def __init__(self, cloud, outputs):
        self.cloud, self.outputs, self.operator = cloud, outputs, None
        self.iam, self.functions = cloud.client("iam"), cloud.client("lambda")
        described = cloud.client("cloudformation").describe_stack_resources(StackName=STACK)
        self.physical = {found["LogicalResourceId"]: found["PhysicalResourceId"] for found in described["StackResources"]}

    def ask(self, headers, query, **variables):
        body = json.dumps({"query": query, "variables": variables})
        headers = {"content-type": "application/json", **(headers(body) if callable(headers) else headers)}
        request = urllib.request.Request(self.outputs["GraphqlUrl"], body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code} {error.read().decode()}") from error
        if answer.get("errors"):
            raise Refused(json.dumps(answer["errors"]))
        return answer["data"]

    def place(self, who, **order):
        query = f"mutation($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ {ORDER} }} }}"
        return self.ask(who, query, input=order)["placeOrder"]

    def order(self, who, order_id):
        return self.ask(who, f"query($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}", id=order_id)["order"]

    def until_status(self, who, order_id, status):
        def look():
            order = self.order(who, order_id)
            return order if order["status"] == status else None

        return until(f"{order_id} becomes {status}", look)

    def guest(self):
        return {"x-api-key": self.outputs["ApiKey"]}

    def user(self, name, *groups):
        """Somebody who has signed up, and in."""
        cognito, pool = self.cloud.client("cognito-idp"), self.outputs["UserPoolId"]
        cognito.admin_create_user(UserPoolId=pool, Username=f"{name}@example.com", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=f"{name}@example.com", Password=PASSWORD, Permanent=True
        )
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=f"{name}@example.com", GroupName=group)
        signed_in = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=self.outputs["UserPoolClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": f"{name}@example.com", "PASSWORD": PASSWORD},
        )
        return {"authorization": signed_in["AuthenticationResult"]["AccessToken"]}

    def backend(self, name, policy):
        """An IAM user who may do what the policy says; without one, nothing."""
        self.iam.create_user(UserName=name)
        if policy:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

        def sign(body):
            headers = {"content-type": "application/json"}
            request = AWSRequest("POST", self.outputs["GraphqlUrl"], headers, body)
            SigV4Auth(credentials, "appsync", REGION).add_auth(request)
            return dict(request.headers)

        return sign

    def operate(self, *command):
        """Runs a command for people against this stage and returns what it prints. Their permissions are those that
        docs/deploying.md lists."""
        if not self.operator:
            self.iam.create_user(UserName="operator")
            here = (INFRA.parent / "docs/deploying.md").read_text().split("### What these two commands need")[1]
            rows = [row.split("|")[1] for row in here.split("## Settings")[0].splitlines() if row.startswith("| `")]
            actions = []
            for row in rows:
                service, _, first = row.replace("`", "").strip().partition(":")
                actions += [f"{service}:{action}" for action in first.split(", ")]
            assert "lambda:InvokeFunction" in actions, actions
            policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
            self.iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=json.dumps(policy))
            self.operator = self.iam.create_access_key(UserName="operator")["AccessKey"]
            self.file = FOLDER / "stage.json"
            self.file.write_text(json.dumps({"Region": REGION, **self.outputs}))
        done = subprocess.run(
            [LOCAL, *command, "--stage", "dev", "--outputs", self.file],
            env={**self.cloud.environment, "AWS_ACCESS_KEY_ID": self.operator["AccessKeyId"],
                 "AWS_SECRET_ACCESS_KEY": self.operator["SecretAccessKey"]},
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def role_of(self, function):
        role = self.functions.get_function(FunctionName=self.physical[function])["Configuration"]["Role"]
        return role.rsplit("/", 1)[1]

    def tell(self, function, **variables):
        """Changes a function's environment; an empty value takes a variable away."""
        name = self.physical[function]
        environment = self.functions.get_function(FunctionName=name)["Configuration"]["Environment"]["Variables"]
        environment = {key: value for key, value in {**environment, **variables}.items() if value}
        self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})

    def tick(self):
        """What the schedule sends, and how the function answers."""
        event = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        answer = self.functions.invoke(
            FunctionName=self.physical["FulfilOrders"], Payload=json.dumps(event).encode(), LogType="Tail"
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    @contextmanager
    def without(self, function, action):
        """Takes one action away from a function's role."""
        role = self.role_of(function)
        (name,) = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        policy = self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        less = json.loads(json.dumps(policy))
        for statement in less["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            # A statement must name something.
            statement["Action"] = [other for other in actions if other != action] or ["none:None"]
        assert less != policy, f"{function} has no {action}"
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(less))
        try:
            yield
        finally:
            self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


class Warehouse:
    """A warehouse that answers what it is told to."""

    def __init__(self):
        self.answer = (200, {"lines": []})
        warehouse = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                status, body = warehouse.answer
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


# --- What is rehearsed -----------------------------------------------------------------------------------------------


def document_of(order):
    """ministack hands AWSJSON out as it is, AppSync encodes it once."""
    document = order["document"]
    return json.loads(document) if isinstance(document, str) else document


def refused(do, *words):
    try:
        answer = do()
    except Refused as error:
        assert all(word in str(error) for word in words), f"refused, but with {error}"
        return
    raise AssertionError(f"not refused, but answered with {answer}")


def orders_are_fulfilled(stage, people):
    """Everything that a function may do is done here at least once: what its role lacks shows."""
    guest, alice, staff, backend = (people[name] for name in ["guest", "alice", "staff", "backend"])
    sent = {"hello": ["world", 1]}

    placed = stage.place(guest, order={"reference": "A-1", "lines": [{"sku": "TEA", "quantity": 2}]})
    order = stage.until_status(guest, placed["id"], "FULFILLED")
    assert [change["kind"] for change in order["changes"]] == ["FULFILLED"], order
    assert document_of(order) == {"reference": "A-1", "lines": [{"sku": "TEA", "quantity": 2}]}, order
    print(f"a guest's order {placed['id']} is fulfilled")

    key = "00000000-0000-4000-8000-000000000001"
    first, again = (stage.place(guest, document=json.dumps({"id": 1, "data": ["a"]}), idempotencyKey=key) for _ in "12")
    assert first["id"] == again["id"], (first, again)
    refused(lambda: stage.place(guest, document=json.dumps(sent), idempotencyKey=key), "IdempotencyConflict")
    print("the same key is the same order, and another document under it is a conflict")

    own = stage.place(alice, order={"lines": [{"sku": "CUP", "quantity": 1}]})
    stage.until_status(alice, own["id"], "FULFILLED")
    page = stage.ask(alice, "{ orders { items { id } } }")["orders"]["items"]
    assert [order["id"] for order in page] == [own["id"]], page
    assert stage.order(guest, own["id"]) is None
    print("a customer lists their own order, and a guest does not see it")

    strange = stage.place(guest, document=json.dumps(sent))
    until("the order that nothing understands has its change", lambda: stage.order(guest, strange["id"])["changes"])
    page = stage.ask(staff, "{ ordersNeedingAttention { items { id document } } }")["ordersNeedingAttention"]["items"]
    assert [(order["id"], document_of(order)) for order in page] == [(strange["id"], sent)], page
    print("staff see what needs attention")

    warehouse = Warehouse()
    stage.tell("FulfilOrders", WAREHOUSE_URL=warehouse.url)
    accepted = stage.place(guest, order={"lines": [{"sku": "POT", "quantity": 3}]})
    until("the warehouse has taken it on", lambda: stage.order(guest, accepted["id"])["changes"])
    report = "mutation($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { status } }"
    told = stage.ask(backend, report, input={"orderId": accepted["id"], "reference": "W-1"})["recordFulfilment"]
    assert told["status"] == "FULFILLED", told
    print("the warehouse takes an order on, and its report fulfils it")

    warehouse.answer = (503, {})
    late = stage.place(guest, order={"lines": [{"sku": "JAR", "quantity": 1}]})
    pointer = until("the order is put off", lambda: stage_pointer(stage, late["id"]))
    warehouse.answer = (200, {})
    # A minute passes: the pointer says when it is due.
    set_due(stage, pointer)
    stage.tick()
    stage.until_status(guest, late["id"], "FULFILLED")
    assert stage_pointer(stage, late["id"]) is None
    stage.tell("FulfilOrders", WAREHOUSE_URL="")
    print("what the warehouse did not answer is tried again by the schedule")

    announced = f'"message":"announced","order_id":"{placed["id"]}"'
    until("the bootstrap tells of its work in the log", lambda: announced in stage.cloud.log.read_text())
    print("the log is that of the built bootstraps")


def stage_pointer(stage, order_id):
    table = stage.outputs["AttentionTableName"]
    for shard in range(16):
        keys = {"shard": {"S": f"{shard:02}"}, "orderId": {"S": order_id}}
        if item := stage.cloud.client("dynamodb").get_item(TableName=table, Key=keys).get("Item"):
            return item
    return None


def set_due(stage, pointer):
    stage.cloud.client("dynamodb").update_item(
        TableName=stage.outputs["AttentionTableName"],
        Key={"shard": pointer["shard"], "orderId": pointer["orderId"]},
        UpdateExpression="SET #next = :now",
        ExpressionAttributeNames={"#next": "next"},
        ExpressionAttributeValues={":now": {"S": "2026-01-01T00:00:00.000Z"}},
    )


def nobody_does_what_they_may_not(stage, people):
    guest, alice, staff = people["guest"], people["alice"], people["staff"]
    order = {"order": {"lines": [{"sku": "TEA", "quantity": 1}]}}
    listed = "{ orders { items { id } } }"
    attention = "{ ordersNeedingAttention { items { id } } }"
    placed = stage.place(guest, **order)
    stage.until_status(guest, placed["id"], "FULFILLED")
    for function, action, do in [
        ("PlaceOrder", "dynamodb:PutItem", lambda: stage.place(guest, **order)),
        ("Order", "dynamodb:GetItem", lambda: stage.order(guest, placed["id"])),
        ("Order", "dynamodb:Query", lambda: stage.order(guest, placed["id"])),
        ("Order", "dynamodb:BatchGetItem", lambda: stage.ask(alice, listed)),
        ("Order", "dynamodb:BatchGetItem", lambda: stage.ask(staff, attention)),
    ]:
        with stage.without(function, action):
            refused(do, "Unavailable")
        do()
        print(f"{function} without {action}: refused, and good again with it")
    for action, stays in [("dynamodb:PutItem", "RECEIVED"), ("appsync:GraphQL", "FULFILLED")]:
        with stage.without("FulfilOrders", action):
            placed = stage.place(guest, **order)
            pointer = until("the order is put off", lambda: stage_pointer(stage, placed["id"]))
            assert stage.order(guest, placed["id"])["status"] == stays
        set_due(stage, pointer)
        stage.tick()
        stage.until_status(guest, placed["id"], "FULFILLED")
        print(f"FulfilOrders without {action}: the order waits, and is finished with it")
    refused(lambda: stage.ask(people["powerless"], f'{{ order(id: "{placed["id"]}") {{ id }} }}'), "Permission denied")
    assert stage.order(people["backend"], placed["id"])["id"] == placed["id"]
    print("a backend needs a policy")


def services_may_do_their_part(stage):
    """Roles that services assume are not enforced by ministack: what they may do is asked of IAM itself."""

    def resource(path):
        """The physical name of what CDK has named by this path, and by a hash of it."""
        (name,) = [physical for logical, physical in stage.physical.items() if logical[:-8] == path]
        return name

    def role(path):
        return f"arn:aws:iam::{ACCOUNT}:role/{resource(path)}"

    def function(name):
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{stage.physical[name]}"

    orders = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{stage.outputs['OrdersTableName']}"
    stream = stage.cloud.client("dynamodb").describe_table(TableName=stage.outputs["OrdersTableName"])
    stream = stream["Table"]["LatestStreamArn"]
    bucket = f"arn:aws:s3:::{stage.outputs['GivenUpBucketName']}"
    fulfil = role("FunctionsFulfilOrdersRole")
    groups = stage.cloud.client("logs").describe_log_groups()["logGroups"]
    group = {found["logGroupName"]: found["arn"].removesuffix(":*") for found in groups}
    logs = f"{group[resource('FunctionsOrderLogs')]}:log-stream:s"
    pairs = [
        (role("ApiOrderSourceRole"), "lambda:InvokeFunction", function("Order"), True),
        (role("ApiOrderSourceRole"), "lambda:InvokeFunction", function("PlaceOrder"), False),
        (role("ApiPlaceOrderSourceRole"), "lambda:InvokeFunction", function("PlaceOrder"), True),
        (role("ApiPlaceOrderSourceRole"), "lambda:InvokeFunction", function("FulfilOrders"), False),
        (role("ApiRecordFulfilmentSourceRole"), "lambda:InvokeFunction", function("RecordFulfilment"), True),
        (role("ApiRecordFulfilmentSourceRole"), "lambda:InvokeFunction", function("Order"), False),
        (role("FunctionsOrderRole"), "logs:PutLogEvents", logs, True),
        (role("FunctionsPlaceOrderRole"), "logs:PutLogEvents", logs, False),
        *((fulfil, f"dynamodb:{action}", stream, True) for action in ["DescribeStream", "GetRecords", "GetShardIterator"]),
        (fulfil, "dynamodb:ListStreams", "*", True),
        (fulfil, "dynamodb:GetRecords", f"{orders}-other/stream/x", False),
        (role("FunctionsOrderRole"), "dynamodb:GetRecords", stream, False),
        (fulfil, "s3:PutObject", f"{bucket}/aws/lambda/x", True),
        (fulfil, "s3:PutObject", f"{bucket}/elsewhere", False),
        (fulfil, "s3:GetObject", f"{bucket}/aws/lambda/x", False),
        (fulfil, "dynamodb:Scan", orders, False),
        (role("FunctionsPlaceOrderRole"), "dynamodb:UpdateItem", orders, False),
    ]
    for principal, action, resource, allowed in pairs:
        answer = stage.iam.simulate_principal_policy(
            PolicySourceArn=principal, ActionNames=[action], ResourceArns=[resource]
        )
        (evaluation,) = answer["EvaluationResults"]
        assert (evaluation["EvalDecision"] == "allowed") == allowed, (principal, action, resource, evaluation)
    print(f"{len(pairs)} pairs of allow and deny are as they should be")


def operators_send_through_and_erase(stage, guest):
    """The commands for people, with no more permissions than docs/deploying.md says they need."""
    warehouse = Warehouse()
    stage.tell("FulfilOrders", WAREHOUSE_URL=warehouse.url)
    warehouse.answer = (422, {"refused": True, "reason": "sold out"})
    placed = stage.place(guest, order={"lines": [{"sku": "PAN", "quantity": 1}]})["id"]
    stage.until_status(guest, placed, "NEEDS_ATTENTION")
    would = stage.operate("redrive")
    assert f"{placed} [REFUSED since" in would and "Nothing was changed" in would, would
    warehouse.answer = (200, {})
    stage.operate("redrive", "--yes")
    stage.until_status(guest, placed, "FULFILLED")
    print("an order that was refused is sent through again")

    buckets, bucket, name = stage.cloud.client("s3"), stage.outputs["GivenUpBucketName"], "aws/lambda/given-up"
    document = "a street that nobody is to find any more"
    image = {"id": {"S": placed}, "document": {"S": document}}
    record = {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": placed}}, "NewImage": image}}
    batch = json.dumps({"version": "1.0", "payload": json.dumps({"Records": [record]})})
    kept = lambda: [found["Key"] for found in buckets.list_objects_v2(Bucket=bucket).get("Contents", [])]
    buckets.put_object(Bucket=bucket, Key=name, Body=batch.encode())
    stage.operate("erase", placed, "--yes", "--wait", "0")
    assert stage.order(guest, placed) is None
    assert document not in buckets.get_object(Bucket=bucket, Key=name)["Body"].read().decode()
    print("an order is erased, from the batch that was kept as well")

    left_out = stage.operate("redrive", "--from", "batches", "--yes")
    assert f"{placed} it was erased at" in left_out and name not in kept(), (left_out, kept())
    print("what was erased is not sent through, and its batch is done with")
    stage.tell("FulfilOrders", WAREHOUSE_URL="")


def nothing_is_left(cloud):
    def names(service, operation, key, field):
        return [found[field] if field else found for found in getattr(cloud.client(service), operation)()[key]]

    for what, found in [
        ("tables", names("dynamodb", "list_tables", "TableNames", None)),
        ("functions", names("lambda", "list_functions", "Functions", "FunctionName")),
        ("event source mappings", names("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID")),
        ("APIs", names("appsync", "list_graphql_apis", "graphqlApis", "name")),
        ("log groups", names("logs", "describe_log_groups", "logGroups", "logGroupName")),
        ("alarms", names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName")),
        ("dashboards", names("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName")),
        ("rules", names("events", "list_rules", "Rules", "Name")),
        ("roles", [name for name in names("iam", "list_roles", "Roles", "RoleName") if STACK in name]),
        ("buckets", [name for name in names("s3", "list_buckets", "Buckets", "Name") if STACK in name]),
        ("user pools", cloud.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]),
    ]:
        assert not found, f"{what} are left: {found}"
    print("no table, function, API, role, bucket, log group, alarm, rule or user pool is left")


def rehearse(cloud):
    step("Bootstrap")
    (FOLDER / "empty").mkdir()
    cloud.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=FOLDER / "empty")
    step("Deploy")
    outputs = FOLDER / "outputs.json"
    cloud.cdk("deploy", STACK, "--require-approval", "never", "--output", str(FOLDER / "cdk"),
              "--outputs-file", str(outputs))
    stage = Stage(cloud, json.loads(outputs.read_text())[STACK])
    api = stage.physical["Api"]
    arn = api if api.startswith("arn:") else f"arn:aws:appsync:{REGION}:{ACCOUNT}:apis/{api}"
    policy = {"Version": "2012-10-17",
              "Statement": [{"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": f"{arn}/*"}]}
    people = {
        "guest": stage.guest(),
        "alice": stage.user("alice"),
        "staff": stage.user("sam", "staff"),
        "backend": stage.backend("backend", policy),
        "powerless": stage.backend("powerless", None),
    }
    step("Orders are fulfilled")
    orders_are_fulfilled(stage, people)
    step("Nobody does what they may not")
    nobody_does_what_they_may_not(stage, people)
    step("Services may do their part")
    services_may_do_their_part(stage)
    step("Operators send through and erase")
    operators_send_through_and_erase(stage, people["guest"])
    step("Destroy")
    cloud.cdk("destroy", STACK, "--force")
    nothing_is_left(cloud)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    cloud = Cloud()
    try:
        rehearse(cloud)
    except (AssertionError, ClientError, Refused):
        print(f"\nthe last lines of {cloud.log}:\n{cloud.log.read_text()[-6000:]}", file=sys.stderr)
        raise
    finally:
        cloud.stop()
    print("\nThe deployment went well from bootstrap to destruction.")


if __name__ == "__main__":
    main()
