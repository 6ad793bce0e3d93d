// What the programs of Amplify and of Apollo that place orders on a bad line have in common.

import { given, told } from "./support.ts";

export const PLACE = "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }";

interface Try {
  input: { order: { reference: string } };
  patienceMs: number;
}

/** Places every order of the environment's `TRIES` at once, and prints what came of each: its id, or an error. */
export async function placeAll(place: (input: object, patienceMs: number) => Promise<string>): Promise<void> {
  const tries: Try[] = JSON.parse(given("TRIES"));
  const outcomes = tries.map(async ({ input, patienceMs }) => {
    const outcome = await place(input, patienceMs).then(
      (id) => ({ id }),
      (error) => ({ error: told(error) }),
    );
    return [input.order.reference, outcome] as const;
  });
  console.log(JSON.stringify(Object.fromEntries(await Promise.all(outcomes))));
  process.exit();
}
