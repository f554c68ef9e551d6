import type { GraphiQLProps } from 'graphiql';

import attempts from './examples/attempts.graphql?raw';
import groupPage from './examples/group_page.graphql?raw';
import leaderboard from './examples/leaderboard.graphql?raw';
import liveLeaderboard from './examples/live_leaderboard.graphql?raw';
import myCard from './examples/my_card.graphql?raw';
import recordAttempt from './examples/record_attempt.graphql?raw';

/** The tabs of a first visit, in this order; GraphiQL titles each with the name of its operation. */
export const examples: GraphiQLProps['defaultTabs'] = [
  { query: myCard },
  { query: groupPage },
  { query: leaderboard },
  { query: attempts },
  { query: recordAttempt },
  { query: liveLeaderboard },
];
