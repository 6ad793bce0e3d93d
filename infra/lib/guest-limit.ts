import { Stack } from 'aws-cdk-lib';
import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';

/**
 * Limits how much one IP address may send with an API key. Users and backends have no key, and so no limit.
 *
 * A browser's WebSocket sends its key in the handshake's address or sub-protocol instead of a header, and is not counted.
 */
export class GuestLimit extends Construct {
  constructor(scope: Construct, apiArn: string, requestsPerFiveMinutes: number) {
    super(scope, 'GuestLimit');
    const visibility = (metricName: string) => ({
      metricName: `${Stack.of(this).stackName}-${metricName}`,
      cloudWatchMetricsEnabled: true,
      // A sample would hold whole requests, the API key among it.
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'WebAcl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('requests'),
      rules: [{
        name: 'guests',
        priority: 0,
        action: { block: { customResponse: { responseCode: 429 } } },
        visibilityConfig: visibility('guests-over-limit'),
        statement: {
          rateBasedStatement: {
            aggregateKeyType: 'IP',
            evaluationWindowSec: 300,
            limit: requestsPerFiveMinutes,
            scopeDownStatement: {
              sizeConstraintStatement: {
                fieldToMatch: { singleHeader: { Name: 'x-api-key' } },
                comparisonOperator: 'GT',
                size: 0,
                textTransformations: [{ priority: 0, type: 'NONE' }],
              },
            },
          },
        },
      }],
    });
    new CfnWebACLAssociation(this, 'Association', { resourceArn: apiArn, webAclArn: acl.attrArn });
  }
}
