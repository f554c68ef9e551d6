import { useCallback, useEffect, useState } from 'react';

// The token is kept in sessionStorage, not localStorage: it lives as long as this browser tab and is not
// shared with others. A bearer token left on a shared school computer would be somebody's identity, and
// two tabs can be a student and a teacher side by side.
const STORAGE_KEY = 'scoregraph:token';

/** The token of this tab and how to change it; '' stands for none. */
export function useToken(): [string, (token: string) => void] {
  const [token, setToken] = useState(() => takeFromAddress() ?? sessionStorage.getItem(STORAGE_KEY) ?? '');

  const change = useCallback((next: string) => {
    save(next);
    setToken(next);
  }, []);

  // A second `#token=…` link opened in this tab changes the fragment without loading the page again.
  useEffect(() => {
    const onHashChange = () => {
      const next = takeFromAddress();
      if (next !== null) setToken(next);
    };
    addEventListener('hashchange', onHashChange);
    return () => removeEventListener('hashchange', onHashChange);
  }, []);

  return [token, change];
}

/** What somebody pasted, as a bare token: people copy whole header lines. */
export function bareToken(text: string): string {
  return text.trim().replace(/^(authorization:\s*)?bearer\s+/i, '');
}

/**
 * Moves the token of a `#token=…` link into storage and out of the address bar, where it would be seen,
 * bookmarked and shared. A fragment never leaves the browser, so it is in no server log either.
 */
function takeFromAddress(): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get('token');
  if (token === null) return null;
  fragment.delete('token');
  const rest = fragment.size > 0 ? `#${fragment}` : '';
  history.replaceState(history.state, '', location.pathname + location.search + rest);
  save(token);
  return token;
}

function save(token: string): void {
  if (token) sessionStorage.setItem(STORAGE_KEY, token);
  else sessionStorage.removeItem(STORAGE_KEY);
}
