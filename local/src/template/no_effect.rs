//! What has no effect on this machine and is known not to: a short list, so that everything else is named when it is met.

/// What is said of anything that is neither served nor listed here.
pub(super) const SAID: &str = "it has no effect here";

/// Around the resources, and beside a resource's properties.
pub(super) const FRAME: &[&str] = &[
    "AWSTemplateFormatVersion",
    "CreationPolicy",
    "DeletionPolicy",
    "Description",
    "Export",
    "Metadata",
    // Constraints on parameters, which have only their defaults here.
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    // Checked when a stack is deployed, against parameters.
    "Rules",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// Types of resources.
pub(super) const TYPES: &[&str] = &[
    "AWS::CDK::Metadata",
    // There is nobody here to watch.
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::KMS::Key",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    // A token says which groups somebody is in.
    "AWS::Cognito::UserPoolGroup",
    // The schedule does not try a failed run again.
    "AWS::Lambda::EventInvokeConfig",
    // Logs are written to standard error.
    "AWS::Logs::LogGroup",
    // A folder stands for the bucket.
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
];

/// Properties of resources that are served, with their way from `Properties`.
pub(super) fn properties(kind: &str) -> &'static [&'static str] {
    match kind {
        "AWS::AppSync::ApiKey" => &["ApiKeyId", "Description"],
        "AWS::AppSync::DataSource" => &["Description", "MetricsConfig"],
        "AWS::AppSync::GraphQLApi" => &[
            "EnhancedMetricsConfig",
            "LogConfig",
            "Name",
            "OwnerContact",
            "Tags",
            "UserPoolConfig.AwsRegion",
            "UserPoolConfig.UserPoolId",
            "AdditionalAuthenticationProviders.UserPoolConfig.AwsRegion",
            "AdditionalAuthenticationProviders.UserPoolConfig.UserPoolId",
            "XrayEnabled",
        ],
        "AWS::AppSync::GraphQLSchema" => &["DefinitionS3Location"],
        "AWS::AppSync::Resolver" => &["MetricsConfig"],
        // Whoever has a name is a user here: nobody signs up, signs in, or forgets a password.
        "AWS::Cognito::UserPool" => &[
            "AccountRecoverySetting",
            "AdminCreateUserConfig",
            "AliasAttributes",
            "AutoVerifiedAttributes",
            "DeletionProtection",
            "DeviceConfiguration",
            "EmailConfiguration",
            "EmailVerificationMessage",
            "EmailVerificationSubject",
            "EnabledMfas",
            "MfaConfiguration",
            "Policies",
            "Schema",
            "SmsAuthenticationMessage",
            "SmsConfiguration",
            "SmsVerificationMessage",
            "UserAttributeUpdateSettings",
            "UserPoolAddOns",
            "UserPoolName",
            "UserPoolTags",
            "UserPoolTier",
            "UsernameAttributes",
            "UsernameConfiguration",
            "VerificationMessageTemplate",
        ],
        "AWS::Cognito::UserPoolClient" => &[
            "AccessTokenValidity",
            "AllowedOAuthFlows",
            "AllowedOAuthFlowsUserPoolClient",
            "AllowedOAuthScopes",
            "AuthSessionValidity",
            "CallbackURLs",
            "ClientName",
            "EnableTokenRevocation",
            "ExplicitAuthFlows",
            "GenerateSecret",
            "IdTokenValidity",
            "LogoutURLs",
            "PreventUserExistenceErrors",
            "ReadAttributes",
            "RefreshTokenValidity",
            "SupportedIdentityProviders",
            "TokenValidityUnits",
            "WriteAttributes",
        ],
        "AWS::DynamoDB::Table" => &[
            "BillingMode",
            "ContributorInsightsSpecification",
            "DeletionProtectionEnabled",
            "GlobalSecondaryIndexes.ContributorInsightsSpecification",
            "GlobalSecondaryIndexes.OnDemandThroughput",
            "GlobalSecondaryIndexes.ProvisionedThroughput",
            "OnDemandThroughput",
            "PointInTimeRecoverySpecification",
            "ProvisionedThroughput",
            "SSESpecification",
            "TableClass",
            "Tags",
        ],
        "AWS::Events::Rule" => &["Description", "Targets.DeadLetterConfig", "Targets.Id", "Targets.RetryPolicy"],
        "AWS::IAM::ManagedPolicy" => &["Description", "Path"],
        "AWS::IAM::Role" => &["Description", "MaxSessionDuration", "Path", "Tags"],
        "AWS::Lambda::EventSourceMapping" => &["KmsKeyArn", "MetricsConfig", "Tags"],
        "AWS::Lambda::Function" => &[
            "Architectures",
            "Code",
            "Description",
            "EphemeralStorage",
            "KmsKeyArn",
            "LoggingConfig",
            "RecursiveLoop",
            "Runtime",
            "Tags",
            "TracingConfig",
        ],
        _ => &[],
    }
}
