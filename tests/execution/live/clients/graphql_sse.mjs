// npm graphql-sse as a client of the gateway, in distinct connections mode: prints what there was to see, as JSON.
import { createClient } from 'graphql-sse';
import { BOARD, WHO, everything, record, returning, tasks, until } from './talks.mjs';

const [url, admin, brief] = process.argv.slice(2);
const as = (token) => createClient({ url, retryAttempts: 0, headers: token ? { authorization: `Bearer ${token}` } : {} });
const found = {};
const client = as(admin);
// Its token ends while the others are at it.
const ending = everything(as(brief), { query: BOARD });

found.who = await everything(client, { query: WHO });
const board = client.iterate({ query: BOARD });
found.before = tasks(await board.next());
found.bad = await everything(client, { query: 'subscription {' });
found.invalid = await everything(client, { query: 'subscription { leaderboardUpdated(throttle: 0) { version } }' });
found.recorded = await everything(client, record('gus', 'l2'));
found.after = tasks(await until(board, (result) => tasks(result).gus !== undefined));
found.ended = (await board.return()).done;
found.returning = await returning(client);

found.nonsense = (await everything(as('nonsense'), { query: WHO })).error;
found.anonymous = await everything(as(), { query: BOARD });
found.expired = await ending;

console.log(JSON.stringify(found));
process.exit();
