import { GraphiQL } from 'graphiql';
import { useEffect, useMemo } from 'react';

import { examples } from './examples';
import { connect } from './gateway';
import { TokenBar } from './token_bar';
import { useToken } from './token';

// Without this the variables editor marks objects given for a JSON scalar as wrong.
const SCALARS = { JSON: {} };

export function Page() {
  const [token, setToken] = useToken();
  // A new token is a new caller: it gets its own fetcher (which makes GraphiQL read the schema again, as
  // roles may see different parts of it) and its own socket, so no live query goes on under the old name.
  const gateway = useMemo(() => connect(token), [token]);
  useEffect(() => () => gateway.close(), [gateway]);

  return (
    <>
      <TokenBar token={token} onChange={setToken} />
      <main>
        <GraphiQL
          fetcher={gateway.fetcher}
          defaultTabs={examples}
          defaultEditorToolsVisibility={false}
          customScalarSchemas={SCALARS}
        />
      </main>
    </>
  );
}
