// A whole session with the types that openapi-typescript makes, and openapi-fetch. Says each step when it is done.
// Checked by tsc and run by test_typescript.py, which makes schema.d.ts.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string | undefined> };

type Schemas = components["schemas"];
type Answer<T> = { data?: T; error?: Schemas["Problem"] | Schemas["ReadyState"]; response: Response };

const SECONDS_MAX = 20;

function setting(name: string): string {
  const value = process.env[name];
  check(value !== undefined, name);
  return value;
}

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

function same(found: unknown, expected: unknown): void {
  check(JSON.stringify(found) === JSON.stringify(expected), { found, expected });
}

/** Return what is in a good answer. */
function done<T>(answer: Answer<T>, status = 200): T {
  check(answer.response.status === status && answer.data !== undefined, [answer.response.status, answer.error]);
  return answer.data;
}

/** Return the problem that was answered. */
function refused(answer: Answer<unknown>, status: number, slug: string): Schemas["Problem"] {
  const problem = answer.error;
  check(problem !== undefined && "type" in problem, problem);
  same([answer.response.status, problem.type], [status, `/problems/${slug}`]);
  return problem;
}

/** Wait until something is so. */
async function soon(hasCome: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + SECONDS_MAX * 1000;
  while (!(await hasCome())) {
    check(Date.now() < deadline, "it did not come");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const baseUrl = setting("URL");
const nobody = createClient<paths>({ baseUrl });
const robot = (key: string) => createClient<paths>({ baseUrl, headers: { "X-API-Key": key } });
const at = (milliseconds: number) => new Date(milliseconds).toISOString();

const credentials = { email: setting("EMAIL"), password: setting("PASSWORD") };
const session = done(await nobody.POST("/api/v1/session", { body: credentials }));
check(Date.parse(session.expires_at) > Date.now(), session.expires_at);
const wrong = await nobody.POST("/api/v1/session", { body: { ...credentials, password: "none of theirs" } });
refused(wrong, 401, "sign-in-failed");
const admin = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${session.token}` } });
console.log("signs in");

const account = done(await admin.POST("/api/v1/accounts", { body: { name: "TypeScript" } }), 201).id;
const path = { account_id: account };
const process_ = done(
  await admin.POST("/api/v1/accounts/{account_id}/processes", { params: { path }, body: { name: "Überweisungen" } }),
  201,
);
same([process_.name, process_.retired_at], ["Überweisungen", null]);
const member = done(
  await admin.POST("/api/v1/accounts/{account_id}/members", {
    params: { path },
    body: { email: `${crypto.randomUUID()}@example.com`, role: "account_user", flow_ids: [process_.flow_id] },
  }),
  201,
);
check(member.first_password !== undefined, member);
console.log("registers");

const key = done(
  await admin.POST("/api/v1/accounts/{account_id}/keys", {
    params: { path, header: { "Idempotency-Key": "first" } },
    body: { name: "Bot", flow_id: process_.flow_id, limit: 5, expires_at: at(Date.now() + 400 * 86_400_000) },
  }),
  201,
);
same([key.status, key.limit, key.deactivated_at], ["active", 5, null]);
const bot = robot(key.key);
same(done(await bot.GET("/api/v1/ingest/key")).prefix, key.prefix);
console.log("creates a key");

const now = Date.now();
const data = { queue: "in", attempt: 2, ratio: 0.5, deep: { list: [1, null] } };
const report: Schemas["Report"] = {
  flow_id: process_.flow_id,
  robot_id: "robot-7",
  started_at: at(now - 300_000),
  finished_at: at(now),
  tags: ["month-end"],
  data,
  details: [
    { sequence_no: 1, status: "success", record_id: "A-1" },
    { sequence_no: 2, status: "failed", record_id: "A-2", error_message: "no such supplier" },
  ],
};
const header = { "Idempotency-Key": "run-1" };
const receipt = done(await bot.POST("/api/v1/ingest/report", { params: { header }, body: report }), 201);
same([receipt.status, receipt.counts.total, receipt.counts.failed], ["partial_success", 2, 1]);
same(receipt.duration_seconds, 300);
const again = await bot.POST("/api/v1/ingest/report", { params: { header }, body: report });
same(done(again, 201), receipt);
same(again.response.headers.get("Idempotent-Replayed"), "true");
const failed = { flow_id: process_.flow_id, robot_id: "robot-8", started_at: at(now), error_message: "no network" };
const later = done(await bot.POST("/api/v1/ingest/report", { body: failed }), 201);
console.log("reports");

const broken = { ...failed, robot_id: "", finished_at: at(now - 86_400_000) };
const problem = refused(await bot.POST("/api/v1/ingest/report", { body: broken }), 422, "invalid-report");
same((problem.errors ?? []).map((rule) => rule.pointer).sort(), ["/finished_at", "/robot_id"]);
console.log("is told what is wrong with a report");

const tooMany = await bot.POST("/api/v1/ingest/report", { body: report });
refused(tooMany, 429, "rate-limited");
check(Number(tooMany.response.headers.get("Retry-After")) > 0, "Retry-After");
const page = await nobody.GET("/problems/{slug}", { params: { path: { slug: "rate-limited" } }, parseAs: "text" });
same([page.response.status, page.error], [200, undefined]);
console.log("is told to wait, and why");

const jobs = async (query: NonNullable<paths["/api/v1/accounts/{account_id}/jobs"]["get"]["parameters"]["query"]>) =>
  done(await admin.GET("/api/v1/accounts/{account_id}/jobs", { params: { path, query } }));
await soon(async () => (await jobs({})).items.length === 2);
const found: Schemas["Job"][] = [];
let cursor: string | null | undefined;
do {
  const page = await jobs({ limit: 1, sort: "received_at", ...(cursor ? { cursor } : {}) });
  found.push(...page.items);
  cursor = page.next_cursor;
} while (cursor !== null);
const ids = (items: { id: string }[]) => items.map((item) => item.id);
same(ids(found), [receipt.job_id, later.job_id]);
same(ids((await jobs({ from: later.received_at, to: at(now + 86_400_000) })).items), [later.job_id]);
same(ids((await jobs({ to: later.received_at.replace("Z", "+00:00") })).items), [receipt.job_id]);
same((await jobs({ status: ["failed", "partial_success"] })).items.length, 2);
same((await jobs({ status: ["success"] })).items, []);
const whole = done(
  await admin.GET("/api/v1/accounts/{account_id}/jobs/{job_id}", {
    params: { path: { ...path, job_id: receipt.job_id } },
  }),
);
same(whole.data, data);
same([Date.parse(whole.started_at), Date.parse(whole.finished_at)], [now - 300_000, now]);
const details = done(
  await admin.GET("/api/v1/accounts/{account_id}/jobs/{job_id}/details", {
    params: { path: { ...path, job_id: receipt.job_id }, query: { status: ["failed"] } },
  }),
);
same(details.items.map((detail) => detail.record_id), ["A-2"]);
console.log("lists jobs");

const rotated = done(
  await admin.POST("/api/v1/accounts/{account_id}/keys/{key_id}/rotate", {
    params: { path: { ...path, key_id: key.id } },
    body: { overlap_seconds: 0 },
  }),
  201,
);
same(rotated.rotated_from, key.id);
refused(await bot.GET("/api/v1/ingest/key"), 401, "invalid-api-key");
const next = robot(rotated.key);
done(await next.GET("/api/v1/ingest/key"));
console.log("rotates the key");

const ended = done(
  await admin.POST("/api/v1/accounts/{account_id}/keys/{key_id}/deactivate", {
    params: { path: { ...path, key_id: rotated.id } },
  }),
);
same([ended.active, ended.status, ended.deactivation_reason], [false, "deactivated", null]);
refused(await next.GET("/api/v1/ingest/key"), 401, "invalid-api-key");
const listed = done(
  await admin.GET("/api/v1/accounts/{account_id}/keys", {
    params: { path, query: { active: false, sort: "-created_at" } },
  }),
);
same(ids(listed.items), [rotated.id, key.id]);
console.log("deactivates it");

const history = done(
  await admin.GET("/api/v1/accounts/{account_id}/keys/{key_id}/history", {
    params: { path: { ...path, key_id: key.id }, query: { kind: "all" } },
  }),
).items;
const life = ["api_key.created", "api_key.throttled", "api_key.rotated", "api_key.deactivated"];
same(history.map((item) => item.action).filter((action) => life.includes(action)), life);
same(
  history.map((item) => item.outcome).filter((outcome) => outcome !== null),
  ["accepted", "accepted", "replayed", "accepted", "rejected"],
);
same(history[0]?.changes["limit"], [null, 5]);
console.log("reads its history");

const audit = async (query: NonNullable<paths["/api/v1/accounts/{account_id}/audit"]["get"]["parameters"]["query"]>) =>
  done(await admin.GET("/api/v1/accounts/{account_id}/audit", { params: { path, query } })).items;
const me = [session.user.id];
const mine = await audit({ actor: me });
const keysOnly = await audit({ action: ["api_key"], resource: [key.id], from: at(now) });
same(keysOnly.map((item) => item.action).filter((action) => life.includes(action)), life.slice(1).reverse());
same(mine.at(-1)?.resource.id, account);
console.log("lists the audit log");

const exported = async (format?: Schemas["ExportFormat"]) =>
  done(
    await admin.GET("/api/v1/accounts/{account_id}/audit/export", {
      params: { path, query: { actor: me, ...(format ? { format } : {}) } },
      parseAs: "text",
    }),
  )
    .trimEnd()
    .split("\n");
const [csv, lines] = [await exported(), await exported("jsonl")];
const positions = lines.map((line) => (JSON.parse(line) as Schemas["AuditItem"]).position);
check(csv[0]?.startsWith("position,") === true, csv[0]);
same(csv.length, positions.length + 1);
same(positions.reverse(), mine.map((item) => item.position));
console.log("exports it");

const tile = () =>
  admin.GET("/api/v1/audit/tile/{level}/{number}", {
    params: { path: { level: "0", number: "000.p/1" } },
    parseAs: "arrayBuffer",
  });
await soon(async () => (await tile()).response.status === 200);
same(done(await tile()).byteLength, 32);
const head = done(await admin.GET("/api/v1/audit/checkpoint", { parseAs: "text" }));
check(head.startsWith("rpawatch/"), head);
console.log("reads bytes and text");

const newer = createClient<paths>({ baseUrl: setting("LATER_URL") });
const [grown] = done(await newer.GET("/api/v1/accounts/{account_id}/audit", { params: { path } })).items;
same([grown?.action, grown?.resource.kind], ["dream.dreamt", "dream"]);
console.log("reads what a later version answers");

same((await admin.DELETE("/api/v1/session")).response.status, 204);
refused(await admin.GET("/api/v1/accounts/{account_id}/jobs", { params: { path } }), 401, "not-signed-in");
console.log("signs out");
