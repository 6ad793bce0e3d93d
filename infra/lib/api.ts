import { readFileSync } from 'node:fs';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnApiKey, CfnDataSource, CfnGraphQLApi, CfnGraphQLSchema, CfnResolver } from 'aws-cdk-lib/aws-appsync';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { apiKeyExpires } from './api-key.ts';
import type { Functions } from './functions.ts';
import { GuestLimit } from './guest-limit.ts';
import { accept, named } from './names.ts';
import type { Stage } from './stages.ts';
import type { Users } from './users.ts';

/** Which function answers which field. */
const RESOLVERS = {
  order: {
    Query: ['order', 'orders', 'ordersNeedingAttention'],
    Mutation: ['publishOrderFulfilled', 'publishOrderChanged'],
    // Asked when a subscription starts: it says whether the caller may listen.
    Subscription: ['orderFulfilled', 'orderChanged', 'ordersChanged', 'anyOrderChanged'],
  },
  placeOrder: { Mutation: ['placeOrder'] },
  recordFulfilment: { Mutation: ['recordFulfilment'] },
} as const satisfies Partial<Record<'placeOrder' | 'order' | 'recordFulfilment', Record<string, readonly string[]>>>;

/** GraphQL over HTTP and WebSocket. */
export class Api extends Construct {
  readonly api: CfnGraphQLApi;
  /** The key that new clients are given. */
  readonly key: CfnApiKey;
  /** When each key ends, in seconds since 1970. */
  readonly keyExpires: number;
  private readonly schema: CfnGraphQLSchema;

  constructor(scope: Construct, stage: Stage, users: Users, schema: string) {
    super(scope, 'Api');
    const logsRole = new Role(this, 'LogsRole', { assumedBy: new ServicePrincipal('appsync.amazonaws.com') });
    this.api = named('Api', new CfnGraphQLApi(this, 'Api', {
      name: Stack.of(this).stackName,
      authenticationType: 'AMAZON_COGNITO_USER_POOLS',
      userPoolConfig: {
        userPoolId: users.pool.userPoolId,
        awsRegion: Stack.of(this).region,
        defaultAction: 'ALLOW',
        appIdClientRegex: users.client.userPoolClientId,
      },
      additionalAuthenticationProviders: [{ authenticationType: 'API_KEY' }, { authenticationType: 'AWS_IAM' }],
      introspectionConfig: stage.introspection ? 'ENABLED' : 'DISABLED',
      // The deepest query of a client is 5 deep; GraphiQL's introspection is 13 deep.
      queryDepthLimit: stage.introspection ? 15 : 8,
      resolverCountLimit: 50,
      xrayEnabled: true,
      // Without excludeVerboseContent the log would hold whole orders: arguments, answers and headers.
      logConfig: { fieldLogLevel: 'ERROR', excludeVerboseContent: true, cloudWatchLogsRoleArn: logsRole.roleArn },
    }));
    accept(this.api, 'ASC3', 'It asks for verbose content, and that is whole orders: names, addresses, API keys.');
    const logGroup = new LogGroup(this, 'Logs', {
      // The name that AppSync writes to. It would make the group itself, to be kept for ever.
      logGroupName: `/aws/appsync/apis/${this.api.attrApiId}`,
      retention: stage.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    logsRole.addToPolicy(new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }));
    this.schema = new CfnGraphQLSchema(this, 'Schema', {
      apiId: this.api.attrApiId,
      definition: readFileSync(schema, 'utf8'),
    });
    this.keyExpires = apiKeyExpires(this, stage);
    const keys = stage.apiKeys.map((name) => new CfnApiKey(this, name, {
      apiId: this.api.attrApiId,
      description: 'For guests',
      expires: this.keyExpires,
    }));
    const newest = keys.at(-1);
    if (!newest) throw new Error(`apiKeys of the stage ${stage.name} is empty: name at least one key`);
    this.key = newest;
    if (stage.guestRequestsPerFiveMinutes !== undefined) {
      new GuestLimit(this, this.api.attrArn, stage.guestRequestsPerFiveMinutes);
    }
  }

  /** Connects each field with the function that answers it. */
  resolveWith(functions: Functions) {
    for (const [name, fields] of Object.entries(RESOLVERS)) {
      const source = this.dataSource(functions[name as keyof typeof RESOLVERS]);
      for (const [type, names] of Object.entries(fields)) {
        for (const field of names) this.resolver(type, field, source);
      }
    }
  }

  private dataSource(target: Function): CfnDataSource {
    const name = target.node.id;
    const role = new Role(this, `${name}SourceRole`, { assumedBy: new ServicePrincipal('appsync.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }));
    const source = new CfnDataSource(this, `${name}Source`, {
      apiId: this.api.attrApiId,
      name,
      type: 'AWS_LAMBDA',
      lambdaConfig: { lambdaFunctionArn: target.functionArn },
      serviceRoleArn: role.roleArn,
    });
    source.node.addDependency(role);
    return source;
  }

  /** A Direct Lambda resolver: no code in between, the function gets the whole context and its answer is the field's. */
  private resolver(typeName: string, fieldName: string, source: CfnDataSource) {
    const resolver = new CfnResolver(this, `${typeName}.${fieldName}`, {
      apiId: this.api.attrApiId,
      typeName,
      fieldName,
      dataSourceName: source.name,
    });
    resolver.addResourceDependency(this.schema);
    resolver.addResourceDependency(source);
  }
}
