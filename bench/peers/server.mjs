// PostGraphile 5 as its authors recommend it for production: Amber preset, Grafserv on Node's own server.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";

const { DATABASE_URL, PORT, POOL_SIZE, VIEWERS } = process.env;

// The settings of each viewer by their token: nothing is verified, which only makes it faster.
const settings = new Map(
  Object.entries(JSON.parse(VIEWERS)).map(([token, viewer]) => [
    `Bearer ${token}`,
    { pgSettings: { "scoregraph.viewer": JSON.stringify(viewer) } },
  ]),
);
const nobody = { pgSettings: { "scoregraph.viewer": "" } };

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: ["peers"],
      pubsub: false,
      poolConfig: {
        max: Number(POOL_SIZE),
        // As the gateway's own connections: planning takes longer than running.
        options: "-c role=scoregraph_api -c jit=off -c timezone=UTC -c plan_cache_mode=force_generic_plan",
      },
    }),
  ],
  // Lists cost it less than connections.
  schema: { defaultBehavior: "-connection +list -insert -update -delete -resource:connection +resource:list" },
  grafserv: { outputDataAsString: true, graphiql: false, watch: false, websockets: false, maxRequestLength: 1_000_000 },
  grafast: {
    explain: false,
    context: (request) => settings.get(request.node.req.headers.authorization) ?? nobody,
  },
};

const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
await instance.getSchema();
if (process.argv.includes("--schema")) {
  const { printSchema } = await import("postgraphile/graphql");
  console.log(printSchema(await instance.getSchema()));
}
server.listen(Number(PORT), "127.0.0.1", () => console.log("ready"));
