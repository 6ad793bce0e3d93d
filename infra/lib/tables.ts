import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { TableProps } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { named, removalPolicy } from './names.ts';
import type { Stage } from './stages.ts';

/** The index of orders by owner and time. */
export const BY_CUSTOMER = 'byCustomer';

/** Orders as they came, what happened to them, and pointers to those that somebody must come back to. */
export class Tables extends Construct {
  readonly orders: Table;
  readonly changes: Table;
  readonly attention: Table;

  constructor(scope: Construct, stage: Stage) {
    super(scope, 'Tables');
    const text = (name: string) => ({ name, type: AttributeType.STRING });
    const table = (id: string, props: Pick<TableProps, 'partitionKey' | 'sortKey' | 'stream'>) =>
      named(id, new Table(this, id, {
        ...props,
        billingMode: BillingMode.PAY_PER_REQUEST,
        encryption: TableEncryption.AWS_MANAGED,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true, recoveryPeriodInDays: stage.recoveryDays },
        deletionProtection: stage.keepsData,
        removalPolicy: removalPolicy(stage),
      }));

    this.orders = table('OrdersTable', { partitionKey: text('id'), stream: StreamViewType.NEW_IMAGE });
    this.orders.addGlobalSecondaryIndex({
      indexName: BY_CUSTOMER,
      partitionKey: text('customerId'),
      sortKey: text('receivedAt'),
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.changes = table('ChangesTable', { partitionKey: text('orderId'), sortKey: text('changeId') });
    this.attention = table('AttentionTable', { partitionKey: text('shard'), sortKey: text('orderId') });
  }
}
