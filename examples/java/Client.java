// A caller of nearturn in Java: an order, a return, a round, a confirmed match.
//
//   java -cp "$(build.sh SCHEMA FOLDER | tail -n 1)" Client ADDRESS
//
// Nothing of ours is needed here but the compiled schema, which
// `python scripts/proto.py --image SCHEMA` writes. A policy has to be in force. What it
// did goes to standard output as one line of JSON.

import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.type.LatLng;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import nearturn.v1.*;

final class Client {
    private static final int ATTEMPTS = 5;
    private static final LatLng PLACE =
            LatLng.newBuilder().setLatitude(52.52).setLongitude(13.405).build();

    private final DemandServiceGrpc.DemandServiceBlockingStub demands;
    private final ReturnServiceGrpc.ReturnServiceBlockingStub returns;
    private final ReturnServiceGrpc.ReturnServiceStub streams;
    private final MatchServiceGrpc.MatchServiceBlockingStub matches;

    Client(ManagedChannel channel) {
        demands = DemandServiceGrpc.newBlockingStub(channel);
        returns = ReturnServiceGrpc.newBlockingStub(channel);
        streams = ReturnServiceGrpc.newStub(channel);
        matches = MatchServiceGrpc.newBlockingStub(channel);
    }

    public static void main(String[] arguments) throws Exception {
        ManagedChannel channel =
                ManagedChannelBuilder.forTarget(arguments[0])
                        .usePlaintext()
                        .defaultServiceConfig(RETRIES)
                        .enableRetry()
                        .build();
        try {
            System.out.println(new Gson().toJson(new Client(channel).run()));
        } finally {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    // Only UNAVAILABLE is worth another try at once, and the same request id makes it
    // safe. gRPC does that by itself.
    private static final Map<String, ?> RETRIES =
            Map.of(
                    "methodConfig",
                    List.of(
                            Map.of(
                                    "name", List.of(Map.of()),
                                    "retryPolicy",
                                            Map.of(
                                                    "maxAttempts", (double) ATTEMPTS,
                                                    "initialBackoff", "0.1s",
                                                    "maxBackoff", "2s",
                                                    "backoffMultiplier", 2.0,
                                                    "retryableStatusCodes",
                                                            List.of("UNAVAILABLE")))));

    // A server that is full says when to come back.
    private static <T> T call(Supplier<T> attempt) throws Exception {
        for (int tries = 1; ; tries++) {
            try {
                return attempt.get();
            } catch (StatusRuntimeException error) {
                RetryInfo retry = detail(StatusProto.fromThrowable(error), RetryInfo.class);
                if (retry == null || tries == ATTEMPTS) throw error;
                com.google.protobuf.Duration delay = retry.getRetryDelay();
                Thread.sleep(delay.getSeconds() * 1000 + delay.getNanos() / 1_000_000 + 1);
            }
        }
    }

    private static <T extends com.google.protobuf.Message> T detail(
            com.google.rpc.Status status, Class<T> kind) throws InvalidProtocolBufferException {
        if (status != null) {
            for (Any each : status.getDetailsList()) {
                if (each.is(kind)) return each.unpack(kind);
            }
        }
        return null;
    }

    private static String requestId() {
        return UUID.randomUUID().toString();
    }

    private static Timestamp inDays(int days) {
        long seconds = Instant.now().plus(Duration.ofDays(days)).getEpochSecond();
        return Timestamp.newBuilder().setSeconds(seconds).build();
    }

    private static Demand order(String id) {
        return Demand.newBuilder()
                .setDemandId(id)
                .setLocation(PLACE)
                .setSku("shirt-m")
                .setCategory("apparel")
                .setQuantity(1)
                .setShipByTime(inDays(3))
                .setMinCondition(Condition.CONDITION_GOOD)
                .setAcceptsReturnedItem(true)
                .build();
    }

    private static ReturnItem returned(String id) {
        return ReturnItem.newBuilder()
                .setReturnId(id)
                .setOrderId("order of " + id)
                .setCustomerId("customer of " + id)
                .setLocation(PLACE)
                .setSku("shirt-m")
                .setCategory("apparel")
                .setReason(ReturnReason.RETURN_REASON_FIT)
                .setCondition(Condition.CONDITION_LIKE_NEW)
                .setAttributes(
                        ItemAttributes.newBuilder()
                                .setFragile(Fact.FACT_NO)
                                .setRegulated(Fact.FACT_NO)
                                .setCustomMade(Fact.FACT_NO)
                                .setDamaged(Fact.FACT_NO)
                                .setDefective(Fact.FACT_NO)
                                .setEndOfSeason(Fact.FACT_NO))
                .setVerification(
                        Verification.newBuilder()
                                .setStatus(VerificationStatus.VERIFICATION_STATUS_PASSED)
                                .setMethod("photo")
                                .setSource("grader")
                                .setSourceVersion("3")
                                .setEvidenceId("evidence of " + id)
                                .setConfidence(0.97)
                                .setVerifyTime(inDays(0)))
                .setCustomerConsents(true)
                .setTransitState(TransitState.TRANSIT_STATE_WITH_CUSTOMER)
                .setDecideByTime(inDays(1))
                .setWeightGrams(300)
                .build();
    }

    // Each answer of the stream is the decision on one return, or the error of that one.
    private List<StreamReturnsResponse> streamed(List<ReturnItem> items) throws Exception {
        List<StreamReturnsResponse> answers = new ArrayList<>();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        StreamObserver<StreamReturnsRequest> stream =
                streams.withDeadlineAfter(30, TimeUnit.SECONDS)
                        .streamReturns(
                                new StreamObserver<>() {
                                    public void onNext(StreamReturnsResponse answer) {
                                        answers.add(answer);
                                    }

                                    public void onError(Throwable error) {
                                        ended.completeExceptionally(error);
                                    }

                                    public void onCompleted() {
                                        ended.complete(null);
                                    }
                                });
        for (ReturnItem item : items) {
            stream.onNext(
                    StreamReturnsRequest.newBuilder()
                            .setReturnItem(item)
                            .setRequestId(requestId())
                            .build());
        }
        stream.onCompleted();
        ended.get();
        return answers;
    }

    private Map<String, Object> run() throws Exception {
        Map<String, Object> told = new LinkedHashMap<>();
        UpsertDemandRequest wanted =
                UpsertDemandRequest.newBuilder()
                        .setDemand(order("java-order"))
                        .setRequestId(requestId())
                        .build();
        told.put("cell", call(() -> soon(demands).upsertDemand(wanted)).getDemand().getCell());

        SubmitReturnRequest submission =
                SubmitReturnRequest.newBuilder()
                        .setReturnItem(returned("java-return"))
                        .setRequestId(requestId())
                        .build();
        Decision first = call(() -> soon(returns).submitReturn(submission)).getDecision();
        Decision again = call(() -> soon(returns).submitReturn(submission)).getDecision();
        told.put("first_outcome", first.getOutcome().name());
        told.put("is_repeated", first.equals(again));

        RunRoundRequest round = RunRoundRequest.newBuilder().setRequestId(requestId()).build();
        call(() -> soon(matches).runRound(round));
        GetReturnRequest asked = GetReturnRequest.newBuilder().setReturnId("java-return").build();
        Match made = call(() -> soon(returns).getReturn(asked)).getDecision().getMatch();
        ConfirmMatchRequest confirmation =
                ConfirmMatchRequest.newBuilder()
                        .setMatchId(made.getMatchId())
                        .setRequestId(requestId())
                        .build();
        Match confirmed = call(() -> soon(matches).confirmMatch(confirmation)).getMatch();
        told.put("matched_demand", made.getDemandId());
        told.put("saving_micros", made.getSavingMicros());
        told.put("hold_state", confirmed.getHoldState().name());
        tellStream(told);
        told.put("decisions", logged());
        return told;
    }

    private void tellStream(Map<String, Object> told) throws Exception {
        LatLng nowhere = LatLng.newBuilder().setLatitude(91).build();
        ReturnItem wrong = returned("java-wrong").toBuilder().setLocation(nowhere).build();
        List<List<String>> streamed = new ArrayList<>();
        for (StreamReturnsResponse answer : streamed(List.of(returned("java-streamed"), wrong))) {
            streamed.add(List.of(answer.getReturnId(), answer.getResultCase().name()));
            if (answer.hasError()) {
                told.put("reason", detail(answer.getError(), ErrorInfo.class).getReason());
                BadRequest faults = detail(answer.getError(), BadRequest.class);
                told.put("field", faults.getFieldViolations(0).getField());
            }
        }
        told.put("streamed", streamed);
    }

    private List<String> logged() {
        List<String> ids = new ArrayList<>();
        WatchDecisionsRequest all = WatchDecisionsRequest.newBuilder().setStopAtEnd(true).build();
        soon(matches).watchDecisions(all).forEachRemaining(
                each -> ids.add(each.getDecision().getDecisionId()));
        return ids;
    }

    // Every call has a deadline, and the server goes by it.
    private static <S extends io.grpc.stub.AbstractStub<S>> S soon(S stub) {
        return stub.withDeadlineAfter(30, TimeUnit.SECONDS);
    }
}
