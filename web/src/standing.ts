import { useEffect, useState } from 'react';

import { credentials, ENDPOINT } from './gateway';

/** What the gateway says about the token. */
export type Standing =
  | { kind: 'none' }
  | { kind: 'asking' }
  | { kind: 'known'; name: string | null; role: string; organization: string }
  | { kind: 'refused' }
  | { kind: 'unclear'; message: string };

const WHO_AM_I = 'query WhoAmI { viewer { role user { displayName } organization { name } } }';
const REFUSALS = new Set(['UNAUTHENTICATED', 'UNAUTHORIZED', 'INVALID_TOKEN', 'FORBIDDEN']);

interface Answer {
  data?: { viewer?: { role: string; user: { displayName: string } | null; organization: { name: string } } | null } | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

export function useStanding(token: string): Standing {
  const [standing, setStanding] = useState<Standing>({ kind: 'none' });

  useEffect(() => {
    if (!token) return setStanding({ kind: 'none' });
    setStanding({ kind: 'asking' });
    const abort = new AbortController();
    ask(token, abort.signal).then(
      (answer) => abort.signal.aborted || setStanding(answer),
      () => abort.signal.aborted || setStanding({ kind: 'unclear', message: 'The gateway does not answer' }),
    );
    return () => abort.abort();
  }, [token]);

  return standing;
}

async function ask(token: string, signal: AbortSignal): Promise<Standing> {
  // A token with characters no header can carry is no token; fetch would throw as if the network were down.
  if (!/^[\x21-\x7e]+$/.test(token)) return { kind: 'refused' };
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...credentials(token) },
    body: JSON.stringify({ query: WHO_AM_I }),
    signal,
  });
  if (response.status === 401 || response.status === 403) return { kind: 'refused' };
  const answer: Answer = await response.json().catch(() => ({}));
  const viewer = answer.data?.viewer;
  if (viewer) {
    return {
      kind: 'known',
      name: viewer.user?.displayName ?? null,
      role: viewer.role,
      organization: viewer.organization.name,
    };
  }
  const error = answer.errors?.[0];
  if (error?.extensions?.code && REFUSALS.has(error.extensions.code)) return { kind: 'refused' };
  return { kind: 'unclear', message: error?.message ?? `The gateway answered with status ${response.status}` };
}
