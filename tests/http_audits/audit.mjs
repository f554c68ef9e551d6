// Prints one {id, name, status, reason} per audit of graphql-http, as JSON, for the endpoint named by the argument.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);

const results = [];
for (const audit of serverAudits({ url })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
