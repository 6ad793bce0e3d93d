import { unmarshall } from '@aws-sdk/util-dynamodb';
import { publish } from './publish.js';
import { read, shipped } from './reading.js';
import { serve } from './runtime.js';
import * as tables from './tables.js';

serve(async (event) => {
  await Promise.all(
    event.Records.map(async (record) => {
      const order = unmarshall(record.dynamodb.NewImage);
      const lines = shipped(read(order, []));
      const at = new Date().toISOString();
      const change = { orderId: order.id, changeId: 'warehouse/0', at, kind: 'FULFILLED', lines };
      await tables.put(process.env.CHANGES_TABLE, change, 'changeId');
      await publish(order.id);
      console.log(JSON.stringify({ message: 'announced', orderId: order.id }));
    }),
  );
  return { batchItemFailures: [] };
});
