// What an order means: as much of it as the typed door's documents need.
export function read(received, changes) {
  const document = JSON.parse(received.document);
  const fulfilled = {};
  for (const change of changes) {
    for (const { line, quantity } of change.lines ?? []) fulfilled[line] = (fulfilled[line] ?? 0) + quantity;
  }
  const lines = document.lines.map((line, at) => ({
    id: `/lines/${at}`,
    ...line,
    fulfilledQuantity: fulfilled[`/lines/${at}`] ?? 0,
  }));
  const open = lines.filter((line) => line.fulfilledQuantity < line.quantity);
  const { id, receivedAt } = received;
  const status = open.length === 0 ? 'FULFILLED' : 'RECEIVED';
  return { id, receivedAt, reference: document.reference, status, lines, changes, problems: [], document };
}

export const shipped = (order) =>
  order.lines.map((line) => ({ line: line.id, quantity: line.quantity - line.fulfilledQuantity }));
