/** What a deployed stage tells, and the files that clients and tests want of it. */

/** The stack's outputs. */
export const OUTPUTS = [
  'GraphqlUrl', 'RealtimeUrl', 'Region', 'ApiKey', 'UserPoolId', 'UserPoolClientId', 'OrdersTableName',
  'ChangesTableName', 'AttentionTableName', 'FulfilOrdersFunctionName', 'GivenUpBucketName',
] as const;

/** Their values. */
export type Outputs = Record<(typeof OUTPUTS)[number], string>;

/** Credentials of an AWS user or role. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Takes outputs from anywhere, if they are all there. */
export function outputsOf(told: unknown, where: string): Outputs {
  const values = (told ?? {}) as Record<string, unknown>;
  const missing = OUTPUTS.filter((name) => typeof values[name] !== 'string' || values[name] === '');
  if (missing.length > 0) throw new Error(`${where} lacks ${missing.join(', ')}`);
  return Object.fromEntries(OUTPUTS.map((name) => [name, values[name]])) as Outputs;
}

/**
 * What `Amplify.configure` takes: `amplify_outputs.json` of Amplify Gen 2, version 1.4.
 * Source: AWSAmplifyBackendOutputs in @aws-amplify/client-config.
 */
export function amplifyOutputs(outputs: Outputs) {
  return {
    version: '1.4',
    auth: {
      aws_region: outputs.Region,
      user_pool_id: outputs.UserPoolId,
      user_pool_client_id: outputs.UserPoolClientId,
      password_policy: PASSWORDS,
      standard_required_attributes: ['email'],
      username_attributes: ['email'],
      user_verification_types: ['email'],
      mfa_configuration: 'OPTIONAL',
      mfa_methods: ['TOTP'],
      groups: [{ staff: {} }],
    },
    data: {
      aws_region: outputs.Region,
      url: outputs.GraphqlUrl,
      api_key: outputs.ApiKey,
      default_authorization_type: 'AMAZON_COGNITO_USER_POOLS',
      authorization_types: ['API_KEY', 'AWS_IAM'],
    },
  };
}

/** What passwords must have. */
export const PASSWORDS = {
  min_length: 12,
  require_lowercase: true,
  require_numbers: true,
  require_symbols: true,
  require_uppercase: true,
};

/** What the end-to-end tests need to run against a stage. */
export function stageFile(outputs: Outputs, credentials: Credentials) {
  return {
    graphqlUrl: outputs.GraphqlUrl,
    realtimeUrl: outputs.RealtimeUrl,
    region: outputs.Region,
    apiKey: outputs.ApiKey,
    userPoolId: outputs.UserPoolId,
    userPoolClientId: outputs.UserPoolClientId,
    ordersTable: outputs.OrdersTableName,
    changesTable: outputs.ChangesTableName,
    attentionTable: outputs.AttentionTableName,
    ...credentials,
  };
}
