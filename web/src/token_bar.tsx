import { useEffect, useState, type ReactNode } from 'react';

import icon from './icon.svg';
import { type Standing, useStanding } from './standing';
import { bareToken } from './token';

// Long enough that typing does not ask the gateway at every key, short enough that a paste feels immediate.
const SETTLE_MS = 250;

interface Props {
  token: string;
  onChange(token: string): void;
}

export function TokenBar({ token, onChange }: Props) {
  const [draft, setDraft] = useState(token);
  const [shown, setShown] = useState(false);
  const standing = useStanding(token);

  useEffect(() => setDraft(token), [token]);
  useEffect(() => {
    const settled = bareToken(draft);
    if (settled === token) return;
    const timer = setTimeout(() => onChange(settled), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [draft, token, onChange]);

  return (
    <header className="bar">
      <div className="bar-brand">
        <img src={icon} alt="" width="24" height="24" />
        <h1>Scoregraph</h1>
      </div>
      <form
        className="bar-token"
        onSubmit={(event) => {
          event.preventDefault();
          onChange(bareToken(draft));
        }}
      >
        <label htmlFor="token">Token</label>
        <input
          id="token"
          type={shown ? 'text' : 'password'}
          value={draft}
          placeholder="Paste a bearer token"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setDraft(event.target.value)}
        />
        <button type="button" aria-pressed={shown} aria-controls="token" onClick={() => setShown(!shown)}>
          {shown ? 'Hide' : 'Show'}
        </button>
      </form>
      <p className="bar-standing" data-standing={standing.kind} role="status">
        <span className="bar-text">{describe(standing)}</span>
      </p>
    </header>
  );
}

function describe(standing: Standing): ReactNode {
  switch (standing.kind) {
    case 'none':
      return (
        <>
          Paste a token; <code>scoregraph token --role teacher</code> prints one
        </>
      );
    case 'asking':
      return 'Asking who this is …';
    case 'known':
      return [standing.name, standing.role, standing.organization].filter(Boolean).join(' · ');
    case 'refused':
      return 'This token is not accepted';
    case 'unclear':
      return standing.message;
  }
}
