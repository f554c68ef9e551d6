import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient, type Client, type CloseCode } from 'graphql-ws';

export const ENDPOINT = '/graphql';

// How the gateway closes a socket whose token it does not accept. Asking again would not help.
const FORBIDDEN = 4403 satisfies CloseCode.Forbidden;

export interface Gateway {
  fetcher: Fetcher;
  close(): void;
}

/** The HTTP header that says who asks; none without a token. */
export function credentials(token: string): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Queries and mutations over HTTP, subscriptions over graphql-transport-ws, all as the bearer of `token`. */
export function connect(token: string): Gateway {
  const socket = new URL(ENDPOINT, location.href);
  socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

  // Lazy: the socket opens with the first subscription and closes with the last.
  const wsClient = createClient({
    url: socket.href,
    // A browser cannot set headers on a WebSocket, so the token travels in connection_init.
    connectionParams: credentials(token),
    keepAlive: 15_000,
    shouldRetry: (event) => !(event instanceof CloseEvent && event.code === FORBIDDEN),
  });

  // What graphql-ws reports when the gateway closes the socket is an event; people want a sentence.
  const subscribe: Client['subscribe'] = (request, sink) =>
    wsClient.subscribe(request, {
      ...sink,
      error: (cause) => sink.error(cause instanceof CloseEvent ? [{ message: closed(cause) }] : cause),
    });

  return {
    fetcher: createGraphiQLFetcher({
      url: ENDPOINT,
      headers: credentials(token),
      wsClient: { ...wsClient, subscribe },
    }),
    close: () => void wsClient.dispose(),
  };
}

function closed(event: CloseEvent): string {
  if (event.code === FORBIDDEN) return 'The gateway does not accept this token for live queries.';
  return `The live connection was closed: ${event.code} ${event.reason}`.trim();
}
