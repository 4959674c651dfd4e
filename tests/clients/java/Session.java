import client.ApiClient;
import client.ApiException;
import client.api.AccountsApi;
import client.api.AuditLogApi;
import client.api.DocumentsApi;
import client.api.IngestApi;
import client.api.JobsApi;
import client.api.KeysApi;
import client.api.MembersApi;
import client.api.ProcessesApi;
import client.api.ProofApi;
import client.api.SessionApi;
import client.model.AccountRole;
import client.model.AuditActionFilter;
import client.model.Detail;
import client.model.DetailStatus;
import client.model.ExportFormat;
import client.model.HistoryItem;
import client.model.HistoryKind;
import client.model.Job;
import client.model.JobSort;
import client.model.JobStatus;
import client.model.KeySort;
import client.model.KeyStatus;
import client.model.NewAccount;
import client.model.NewKey;
import client.model.NewMember;
import client.model.NewProcess;
import client.model.Problem;
import client.model.ProblemSlug;
import client.model.Report;
import client.model.Rotation;
import client.model.SignIn;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.File;
import java.nio.file.Files;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;

/**
 * A whole session with the client that openapi-generator makes. Says each step when it is done.
 *
 * Compiled and run by test_java.py.
 */
public final class Session {
    private static final long SECONDS_MAX = 20;
    private static final String URL = System.getenv("URL");

    private static ApiClient client(String url, String header, String value) {
        ApiClient made = new ApiClient();
        made.updateBaseUri(url);
        made.setRequestInterceptor(request -> request.header(header, value));
        return made;
    }

    private static void same(Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new AssertionError(found + " is not " + expected);
        }
    }

    private static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** A problem, and the answer that it was. */
    private record Refusal(Problem problem, ApiException answer) {}

    /** Return the problem that is answered. */
    private static Refusal refused(Callable<?> asked, int status, String slug) throws Exception {
        try {
            throw new AssertionError("was answered with " + asked.call());
        } catch (ApiException answer) {
            same(answer.getCode(), status);
            Problem problem = ApiClient.createDefaultObjectMapper().readValue(answer.getResponseBody(), Problem.class);
            same(problem.getType(), "/problems/" + slug);
            return new Refusal(problem, answer);
        }
    }

    /** Wait until something is so. */
    private static void soon(Callable<Boolean> hasCome) throws Exception {
        long deadline = System.nanoTime() + SECONDS_MAX * 1_000_000_000;
        while (!hasCome.call()) {
            check(System.nanoTime() < deadline, "it did not come");
            Thread.sleep(50);
        }
    }

    private static IngestApi robot(String key) {
        return new IngestApi(client(URL, "X-API-Key", key));
    }

    public static void main(String[] arguments) throws Exception {
        ApiClient nobody = new ApiClient();
        nobody.updateBaseUri(URL);
        String email = System.getenv("EMAIL");
        var session = new SessionApi(nobody).signIn(new SignIn().email(email).password(System.getenv("PASSWORD")));
        check(session.getExpiresAt().isAfter(OffsetDateTime.now()), session);
        SignIn wrong = new SignIn().email(email).password("none of theirs");
        refused(() -> new SessionApi(nobody).signIn(wrong), 401, "sign-in-failed");
        ApiClient admin = client(URL, "Authorization", "Bearer " + session.getToken());
        System.out.println("signs in");

        UUID account = new AccountsApi(admin).openAccount(new NewAccount().name("Java"), null).getId();
        var process = new ProcessesApi(admin).registerProcess(account, new NewProcess().name("Überweisungen"), null);
        same(process.getName(), "Überweisungen");
        same(process.getRetiredAt(), null);
        NewMember member = new NewMember()
            .email(UUID.randomUUID() + "@example.com")
            .role(AccountRole.ACCOUNT_USER)
            .flowIds(List.of(process.getFlowId()));
        check(new MembersApi(admin).addMember(account, member, null).getFirstPassword() != null, member);
        System.out.println("registers");

        KeysApi keys = new KeysApi(admin);
        // The service keeps microseconds.
        OffsetDateTime now = OffsetDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.MICROS);
        NewKey wanted = new NewKey().name("Bot").flowId(process.getFlowId()).limit(5).expiresAt(now.plusDays(400));
        var key = keys.createKey(account, wanted, "first");
        same(key.getStatus(), KeyStatus.ACTIVE);
        same(key.getLimit(), 5);
        same(key.getExpiresAt().toInstant(), wanted.getExpiresAt().toInstant());
        same(key.getDeactivatedAt(), null);
        IngestApi bot = robot(key.getKey());
        same(bot.readOwnKey().getPrefix(), key.getPrefix());
        System.out.println("creates a key");

        Map<String, Object> data =
            Map.of("queue", "in", "attempt", 2, "ratio", 0.5, "deep", Map.of("list", Arrays.asList(1, null)));
        Report report = new Report()
            .flowId(process.getFlowId())
            .robotId("robot-7")
            .startedAt(now.minusMinutes(5))
            .finishedAt(now)
            .tags(List.of("month-end"))
            .data(data)
            .details(List.of(
                new Detail().sequenceNo(1).status(DetailStatus.SUCCESS).recordId("A-1"),
                new Detail().sequenceNo(2).status(DetailStatus.FAILED).recordId("A-2").errorMessage("no such supplier")));
        var receipt = bot.reportJob(report, "run-1");
        same(receipt.getStatus(), JobStatus.PARTIAL_SUCCESS);
        same(receipt.getCounts().getTotal(), 2L);
        same(receipt.getCounts().getFailed(), 1L);
        same(receipt.getDurationSeconds(), 300.0);
        var again = bot.reportJobWithHttpInfo(report, "run-1");
        same(again.getData(), receipt);
        same(again.getHeaders().get("Idempotent-Replayed"), List.of("true"));
        Report failed = new Report()
            .flowId(process.getFlowId()).robotId("robot-8").startedAt(now).errorMessage("no network");
        var later = bot.reportJob(failed, null);
        System.out.println("reports");

        Report broken = new Report()
            .flowId(process.getFlowId()).robotId("").startedAt(now).finishedAt(now.minusDays(1));
        Problem problem = refused(() -> bot.reportJob(broken, null), 422, "invalid-report").problem();
        same(problem.getErrors().stream().map(rule -> rule.getPointer()).sorted().toList(),
            List.of("/finished_at", "/robot_id"));
        System.out.println("is told what is wrong with a report");

        ApiException tooMany = refused(() -> bot.reportJob(report, null), 429, "rate-limited").answer();
        check(Integer.parseInt(tooMany.getResponseHeaders().firstValue("Retry-After").orElseThrow()) > 0, tooMany);
        new DocumentsApi(nobody).explainProblem(ProblemSlug.RATE_LIMITED);
        System.out.println("is told to wait, and why");

        JobsApi jobs = new JobsApi(admin);
        soon(() -> jobs.listJobs(account, null, null, null, null, null, null, null, null, null).getItems().size() == 2);
        List<Job> found = new ArrayList<>();
        String cursor = null;
        do {
            var page = jobs.listJobs(account, 1, cursor, null, null, null, null, null, null, JobSort.RECEIVED_AT);
            found.addAll(page.getItems());
            cursor = page.getNextCursor();
        } while (cursor != null);
        same(ids(found), List.of(receipt.getJobId(), later.getJobId()));
        OffsetDateTime between = found.get(1).getReceivedAt();
        same(ids(jobs.listJobs(account, null, null, null, null, null, between, now.plusDays(1), null, null).getItems()),
            List.of(later.getJobId()));
        OffsetDateTime elsewhere = between.withOffsetSameInstant(ZoneOffset.ofHours(2));
        same(ids(jobs.listJobs(account, null, null, null, null, null, null, elsewhere, null, null).getItems()),
            List.of(receipt.getJobId()));
        List<JobStatus> ended = List.of(JobStatus.FAILED, JobStatus.PARTIAL_SUCCESS);
        same(jobs.listJobs(account, null, null, ended, null, null, null, null, null, null).getItems().size(), 2);
        List<JobStatus> succeeded = List.of(JobStatus.SUCCESS);
        same(jobs.listJobs(account, null, null, succeeded, null, null, null, null, null, null).getItems(), List.of());
        var whole = jobs.readJob(account, receipt.getJobId());
        same(whole.getData(), data);
        same(whole.getStartedAt().toInstant(), report.getStartedAt().toInstant());
        same(whole.getFinishedAt().toInstant(), report.getFinishedAt().toInstant());
        var details = jobs.listJobDetails(account, receipt.getJobId(), null, null, List.of(DetailStatus.FAILED));
        same(details.getItems().stream().map(detail -> detail.getRecordId()).toList(), List.of("A-2"));
        System.out.println("lists jobs");

        var rotated = keys.rotateKey(account, key.getId(), null, new Rotation().overlapSeconds(0));
        same(rotated.getRotatedFrom(), key.getId());
        refused(() -> bot.readOwnKey(), 401, "invalid-api-key");
        robot(rotated.getKey()).readOwnKey();
        System.out.println("rotates the key");

        // Without a body this client sends null.
        var deactivated = keys.deactivateKey(account, rotated.getId(), null, null);
        same(deactivated.getActive(), false);
        same(deactivated.getStatus(), KeyStatus.DEACTIVATED);
        same(deactivated.getDeactivationReason(), null);
        refused(() -> robot(rotated.getKey()).readOwnKey(), 401, "invalid-api-key");
        var listed = keys.listKeys(account, null, null, false, null, null, null, KeySort.CREATED_AT_DESCENDING);
        same(listed.getItems().stream().map(one -> one.getId()).toList(), List.of(rotated.getId(), key.getId()));
        System.out.println("deactivates it");

        List<HistoryItem> history = keys.listKeyHistory(account, key.getId(), null, null, HistoryKind.ALL).getItems();
        List<String> life = List.of("api_key.created", "api_key.throttled", "api_key.rotated", "api_key.deactivated");
        same(history.stream().map(item -> item.getAction()).filter(life::contains).toList(), life);
        same(history.stream().map(item -> item.getOutcome()).filter(Objects::nonNull).toList(),
            List.of("accepted", "accepted", "replayed", "accepted", "rejected"));
        same(history.get(0).getChanges().get("limit"), Arrays.asList(null, 5));
        System.out.println("reads its history");

        AuditLogApi audit = new AuditLogApi(admin);
        List<String> me = List.of(session.getUser().getId().toString());
        var mine = audit.listAudit(account, null, null, me, null, null, null, null).getItems();
        var keysOnly = audit
            .listAudit(account, null, null, null, List.of(AuditActionFilter.API_KEY), List.of(key.getId()), between, null)
            .getItems();
        List<String> backwards = new ArrayList<>(life.subList(1, life.size()));
        Collections.reverse(backwards);
        same(keysOnly.stream().map(item -> item.getAction()).filter(life::contains).toList(), backwards);
        same(mine.get(mine.size() - 1).getResource().getId(), account);
        System.out.println("lists the audit log");

        File csv = audit.exportAudit(account, null, me, null, null, null, null);
        File lines = audit.exportAudit(account, ExportFormat.JSONL, me, null, null, null, null);
        List<Long> positions = new ArrayList<>();
        for (String line : Files.readAllLines(lines.toPath())) {
            positions.add(position(line));
        }
        List<String> rows = Files.readAllLines(csv.toPath());
        check(rows.get(0).startsWith("position,"), rows);
        same(rows.size(), positions.size() + 1);
        Collections.reverse(positions);
        same(positions, mine.stream().map(item -> item.getPosition()).toList());
        System.out.println("exports it");

        ProofApi proof = new ProofApi(admin);
        soon(() -> {
            try {
                same(Files.size(proof.readTile("0", "000.p/1").toPath()), 32L);
                return true;
            } catch (ApiException answer) {
                same(answer.getCode(), 404);
                return false;
            }
        });
        check(proof.readCheckpoint().startsWith("rpawatch/"), "the head of the log");
        System.out.println("reads bytes and text");

        var newer = new AuditLogApi(client(System.getenv("LATER_URL"), "Authorization", "Bearer any"));
        var grown = newer.listAudit(account, null, null, null, null, null, null, null).getItems().get(0);
        same(grown.getAction(), "dream.dreamt");
        same(grown.getResource().getKind(), "dream");
        System.out.println("reads what a later version answers");

        new SessionApi(admin).signOut();
        refused(() -> new SessionApi(admin).whoAmI(), 401, "not-signed-in");
        System.out.println("signs out");
    }

    private static List<UUID> ids(List<Job> jobs) {
        return jobs.stream().map(Job::getId).toList();
    }

    private static long position(String line) throws JsonProcessingException {
        return ApiClient.createDefaultObjectMapper().readTree(line).get("position").longValue();
    }
}
