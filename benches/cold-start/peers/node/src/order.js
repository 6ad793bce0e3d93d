import { read } from './reading.js';
import { serve } from './runtime.js';
import * as tables from './tables.js';

serve(async (event) => {
  const order = await tables.order(event.arguments.id);
  return order ? read(order, await tables.changes(order.id)) : null;
});
