"""Runs parliament over every IAM policy of CloudFormation templates: lint-policies.py TEMPLATE...

parliament reads policies only, so that each reference is replaced by an ARN of the kind that it stands for.
"""

import json
import sys
import warnings

with warnings.catch_warnings():
    # parliament asks pkg_resources for its own folder.
    warnings.simplefilter("ignore")
    import parliament

REGION, ACCOUNT = "us-east-1", "123456789012"

ARNS = {
    ("AWS::AppSync::GraphQLApi", "Arn"): f"arn:aws:appsync:{REGION}:{ACCOUNT}:apis/api",
    ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table",
    ("AWS::DynamoDB::Table", "StreamArn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table/stream/stream",
    ("AWS::Lambda::Function", "Arn"): f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function",
    # CloudFormation's own has this asterisk.
    ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:group:*",
    ("AWS::S3::Bucket", "Arn"): "arn:aws:s3:::bucket",
}


def resolved(value, resources):
    """The value without references."""
    match value:
        case {"Fn::GetAtt": [resource, attribute]}:
            return ARNS[resources[resource]["Type"], attribute]
        case {"Fn::Join": [separator, parts]}:
            return separator.join(resolved(part, resources) for part in parts)
        case dict():
            return {key: resolved(each, resources) for key, each in value.items()}
        case list():
            return [resolved(each, resources) for each in value]
    return value


def findings(file):
    """What parliament says of each policy in a template, and how many policies there are."""
    with open(file, encoding="utf-8") as template:
        resources = json.load(template)["Resources"]
    policies = {name: each for name, each in resources.items() if each["Type"] == "AWS::IAM::Policy"}
    found = []
    for name, policy in policies.items():
        document = resolved(policy["Properties"]["PolicyDocument"], resources)
        analyzed = parliament.analyze_policy_string(json.dumps(document))
        found += [f"{file}: {name}: {finding.issue} {finding.detail}" for finding in analyzed.findings]
    return found, len(policies)


def main():
    """Fails if there is anything to say, or nothing to look at."""
    failed = False
    for file in sys.argv[1:]:
        found, policies = findings(file)
        if not policies:
            found = [f"{file}: there is no policy in it"]
        for each in found:
            failed = True
            print(each, file=sys.stderr)
    sys.exit(failed)


main()
