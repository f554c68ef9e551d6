// npm graphql-ws as a client of the gateway: prints what there was to see, as JSON.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { BOARD, WHO, everything, record, returning, tasks, until } from './talks.mjs';

const [url, admin, brief] = process.argv.slice(2);
const options = { url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams: { authorization: `Bearer ${admin}` } };
const found = {};
// Its token ends while the others are at it.
const ending = everything(createClient({ ...options, connectionParams: { authorization: `Bearer ${brief}` } }), { query: BOARD });

{
  const events = { connected: 0, pings: 0 };
  const client = createClient({
    ...options,
    lazy: false,
    on: { connected: () => (events.connected += 1), ping: (received) => (events.pings += received) },
  });
  found.who = await everything(client, { query: WHO });

  const board = client.iterate({ query: BOARD });
  found.before = tasks(await board.next());
  found.bad = await everything(client, { query: 'subscription {' });
  found.invalid = await everything(client, { query: 'subscription { leaderboardUpdated(throttle: 0) { version } }' });
  found.recorded = await everything(client, record('gus', 'l2'));
  found.after = tasks(await until(board, (result) => tasks(result).gus !== undefined));
  found.ended = (await board.return()).done;
  found.returning = await returning(client);

  // The gateway pings who says nothing.
  while (events.pings === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  found.connected = events.connected;
  await client.dispose();
}

found.pong = await new Promise((resolve) => {
  const pong = (received) => received && resolve(true);
  createClient({ ...options, lazy: false, keepAlive: 20, on: { pong } });
});

// Each of these ends a socket of its own.
found.sameId = await (async () => {
  const client = createClient({ ...options, generateID: () => 'same' });
  return (await Promise.all([everything(client, { query: BOARD }), everything(client, { query: BOARD })]))[1].error;
})();
found.nonsense = (
  await everything(createClient({ ...options, connectionParams: { authorization: 'Bearer nonsense' } }), { query: WHO })
).error;
found.silent = (
  await everything(createClient({ ...options, connectionParams: () => new Promise(() => {}) }), { query: WHO })
).error;
found.anonymous = await everything(createClient({ ...options, connectionParams: {} }), { query: BOARD });
found.expired = await ending;

console.log(JSON.stringify(found));
process.exit();
