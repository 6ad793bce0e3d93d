import { randomUUID } from 'node:crypto';
import { read } from './reading.js';
import { serve } from './runtime.js';
import { put } from './tables.js';

serve(async (event) => {
  const document = JSON.stringify(event.arguments.input.order);
  const order = { id: randomUUID(), receivedAt: new Date().toISOString(), placedBy: 'guest', document };
  await put(process.env.ORDERS_TABLE, order, 'id');
  console.log(JSON.stringify({ message: 'placed', orderId: order.id }));
  return read(order, []);
});
