// What both clients are asked to do. Each part gives what there was to see; the test says what that must be.

export const BOARD = `subscription Board($since: String) {
  leaderboardUpdated(metric: TASKS, throttle: 0.1, since: $since, first: 20) {
    version isSnapshot changes { kind entry { value user { externalId } } }
    leaderboard { top(first: 20) { value user { externalId } } } } }`;
export const WHO = '{ viewer { user { externalId } } }';
const RECORD = `mutation Record($input: RecordAttemptInput!) {
  recordAttempt(input: $input) { attempt { status } userErrors { message } } }`;

export function record(userExternalId, labType) {
  const completedAt = new Date(Date.now() - 60_000).toISOString();
  return { query: RECORD, variables: { input: { attempt: { userExternalId, labType, success: true, completedAt } } } };
}

/** Who has completed how many, of a result of BOARD. */
export function tasks(result) {
  const update = result.value.data.leaderboardUpdated;
  return Object.fromEntries(update.leaderboard.top.map((row) => [row.user.externalId, row.value]));
}

/** The first result that is as wanted. */
export async function until(results, wanted) {
  for (;;) {
    const result = await results.next();
    if (result.done || wanted(result)) return result;
  }
}

/** All that an operation says until it ends, and how it ends. */
export function everything(client, request) {
  return new Promise((resolve) => {
    const said = [];
    client.subscribe(request, {
      next: (result) => said.push(result),
      error: (error) => resolve({ said, error: seen(error) }),
      complete: () => resolve({ said, complete: true }),
    });
  });
}

/** Errors of GraphQL as their codes, others as what tells them apart. */
function seen(error) {
  if (Array.isArray(error)) return error.map((one) => one.extensions.code);
  return { code: error.code, reason: error.reason, status: error.response?.status };
}

/** Comes back with the version it had: what became of others' work meanwhile. */
export async function returning(client) {
  const first = client.iterate({ query: BOARD });
  const { version } = (await first.next()).value.data.leaderboardUpdated;
  await first.return();
  await everything(client, record('gus', 'l1'));
  const again = client.iterate({ query: BOARD, variables: { since: version } });
  const missed = (await again.next()).value.data.leaderboardUpdated;
  await again.return();
  return { isSnapshot: missed.isSnapshot, changes: missed.changes, isNew: missed.version !== version };
}
