/** The stages, and everything in which they differ. */

/** What may differ from stage to stage. */
export interface Stage {
  /** Part of the stack's name: `orders-<name>`. */
  readonly name: string;
  /**
   * Whether data outlives the stack: tables, users and given-up batches are then protected from deletion, and stay when
   * the stack is deleted.
   */
  readonly keepsData: boolean;
  /** The day on which the API key ends, at midnight UTC: `YYYY-MM-DD`, at most 365 days ahead. */
  readonly apiKeyExpires: string;
  /**
   * The names of guests' API keys, the newest last: that one is in the outputs. More than one while clients move to a new
   * key.
   */
  readonly apiKeys: readonly string[];
  /** Whether the API tells its schema to whoever asks. */
  readonly introspection: boolean;
  /** Whether an administrator may sign users in by password, as the end-to-end tests do. */
  readonly adminPasswordSignIn: boolean;
  /** `arm64` costs about 20 % less for the same duration; it needs `cargo lambda` to build. */
  readonly architecture: 'x86_64' | 'arm64';
  /** Memory of each function in MB; CPU grows with it. */
  readonly memory: number;
  /** How long logs are kept, in days; one of the values that CloudWatch Logs takes. */
  readonly logDays: number;
  /**
   * How many days back a table can be restored to any second, 1 to 35. What is erased from a table stays in its backups
   * for as long.
   */
  readonly recoveryDays: number;
  /** How many days given-up batches are kept; whoever sends them through again removes them sooner. */
  readonly givenUpDays: number;
  /** How many requests with an API key one IP address may send in five minutes; left out: as many as it likes. */
  readonly guestRequestsPerFiveMinutes?: number;
  /**
   * The ARN of the orders table's stream, once the table was restored by hand and has another than CloudFormation knows;
   * left out: the one that CloudFormation made.
   */
  readonly ordersStream?: string;
  /** Who hears of alarms: an address, which gets a message with a link to confirm, or the ARN of an existing SNS topic. */
  readonly alarms?: { readonly email: string } | { readonly topicArn: string };
  /** The warehouse to ask; left out: everything ships at once. */
  readonly warehouse?: {
    /** Where orders are sent. */
    readonly url: string;
    /**
     * The ARN of a secret in Secrets Manager: its string is sent as the `authorization` header, by HTTPS only. It must be
     * in the stage's own region and encrypted with AWS's own key, `aws/secretsmanager`: no other may be used.
     */
    readonly secretArn?: string;
  };
}

const dev: Stage = {
  name: 'dev',
  keepsData: false,
  apiKeyExpires: '2027-11-01',
  apiKeys: ['ApiKey'],
  introspection: true,
  adminPasswordSignIn: true,
  architecture: 'x86_64',
  memory: 256,
  logDays: 7,
  recoveryDays: 35,
  givenUpDays: 90,
};

const preprod: Stage = {
  ...dev,
  name: 'preprod',
  keepsData: true,
  logDays: 30,
  guestRequestsPerFiveMinutes: undefined,
};

const prod: Stage = {
  ...preprod,
  name: 'prod',
  introspection: false,
  adminPasswordSignIn: false,
  logDays: 90,
  guestRequestsPerFiveMinutes: 500,
};

export const stages: readonly Stage[] = [dev, preprod, prod];
