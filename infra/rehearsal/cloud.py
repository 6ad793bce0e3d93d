"""ministack, with a way round what stands between it and a rehearsal of this stack.

ministack (https://pypi.org/project/ministack) plays AWS on this machine. Started from here it differs in five things, each
of which AWS does and ministack 1.5.33 does not:

* the gateway's callers count as having come by TLS, as they would through a proxy that ends it: the bucket that
  `cdk bootstrap` makes denies everybody else;
* a resolver's event says which IAM user or role has called, in the shape that AppSync documents;
* what a Direct Lambda resolver throws is an error of the field, with the type that the function gave it, and no data;
* an alarm on metric math is made, as one that watches nothing;
* an API's addresses are ones of this machine, and it has one for real time, though nothing answers there.
"""

import os
import threading

from ministack import app as gateway
from ministack.core.iam_evaluator import AuthError, resolve_principal
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import appsync, lambda_svc
from ministack.services.cloudformation import provisioners

_of_this_call = threading.local()


def through_tls(app):
    """The same application, whose requests say that a proxy has received them by TLS."""

    async def secure(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return secure


def with_iam(identity_of_token):
    """Who has called: what ministack makes of a token, and what AppSync tells of whoever has signed the request."""

    def identity(api, headers):
        if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return identity_of_token(api, headers)
        key, account = extract_access_key_id(headers, {}), get_account_id()
        principal = resolve_principal(key, account)
        if isinstance(principal, AuthError):
            raise appsync._AppSyncResolverError(principal.message, principal.code)
        return {
            "accountId": account,
            "cognitoIdentityPoolId": None,
            "cognitoIdentityId": None,
            "cognitoIdentityAuthType": None,
            "cognitoIdentityAuthProvider": None,
            "sourceIp": ["127.0.0.1"],
            "username": key,
            "userArn": principal.arn,
        }

    return identity


def remembering_failures(execute):
    """Runs a function, and remembers what it throws for the resolver that asked."""

    def run(*arguments, **options):
        result = execute(*arguments, **options)
        if isinstance(result, dict) and result.get("error"):
            _of_this_call.failure = result.get("body")
        return result

    return run


def throwing(resolve):
    """Resolves a field by its function; what that throws is thrown."""

    def resolver(*arguments, **options):
        _of_this_call.failure = None
        value = resolve(*arguments, **options)
        failure = _of_this_call.failure
        if failure is None:
            return value
        told = failure if isinstance(failure, dict) else {}
        raise appsync._AppSyncResolverError(
            told.get("errorMessage") or "the function failed", told.get("errorType") or "Lambda:Unhandled"
        )

    return resolver


def without_metric_math(record):
    """An alarm's record; of one on metric math, that of an alarm on a metric that nobody writes."""

    def alarm(name, properties):
        if properties.get("Metrics"):
            properties = {key: value for key, value in properties.items() if key != "Metrics"}
            properties |= {"MetricName": "MetricMath", "Namespace": "Rehearsal", "Period": 60, "Statistic": "Sum"}
        return record(name, properties)

    return alarm


def with_addresses(create):
    """Makes an API that is told where it can be reached."""

    def api(*arguments):
        api_id, attributes = create(*arguments)
        url = f"{os.environ['AWS_ENDPOINT_URL']}/v1/apis/{api_id}/graphql"
        return api_id, {**attributes, "GraphQLUrl": url, "RealtimeUrl": f"{url}/realtime"}

    return api


if __name__ == "__main__":
    # For the Lambdas, which know no other endpoint than the SDKs' for one service.
    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = os.environ["AWS_ENDPOINT_URL"]
    gateway.app = through_tls(gateway.app)
    appsync._cognito_identity = with_iam(appsync._cognito_identity)
    appsync._resolve_lambda = throwing(appsync._resolve_lambda)
    lambda_svc._execute_function_with_config_scope = remembering_failures(
        lambda_svc._execute_function_with_config_scope
    )
    provisioners._cw_metric_alarm_record = without_metric_math(provisioners._cw_metric_alarm_record)
    apis = provisioners._RESOURCE_HANDLERS["AWS::AppSync::GraphQLApi"]
    apis["create"] = with_addresses(apis["create"])
    gateway.main()
