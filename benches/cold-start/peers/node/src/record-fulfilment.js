import { publish } from './publish.js';
import { read, shipped } from './reading.js';
import { serve } from './runtime.js';
import * as tables from './tables.js';

serve(async (event) => {
  const { orderId, reference } = event.arguments.input;
  const order = await tables.order(orderId);
  const changes = await tables.changes(orderId);
  const lines = shipped(read(order, changes));
  const at = new Date().toISOString();
  const change = { orderId, changeId: `report/${reference}`, at, kind: 'FULFILLED', reference, lines };
  await tables.put(process.env.CHANGES_TABLE, change, 'changeId');
  await publish(orderId);
  console.log(JSON.stringify({ message: 'reported', orderId }));
  return read(order, [...changes, change]);
});
