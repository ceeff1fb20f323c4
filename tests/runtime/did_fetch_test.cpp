// did:web over the network: what is accepted as a document, where it may come from, and what a host that
// means harm can do.
#include <gtest/gtest.h>

#include <chrono>

#include "access/access.h"
#include "runtime/runtime.h"
#include "support/certificates.h"
#include "support/scripted_server.h"
#include "support/temp_dir.h"
#include "support/tls_front.h"

namespace tau::runtime {
namespace {

using test::Reply;

class DidFetch : public testing::Test {
 protected:
  void SetUp() override {
    dir_.write("ca.pem", authority_.certificate());
    open(/*granted=*/true);
    did_ = format("did:web:localhost%3A{}", front_.port());
  }
  void open(bool granted, std::string_view more = "") {
    RuntimeOptions options;
    options.no_store = true;
    options.config_json =
        format(R"({{"network":{{"ca_file":"{}","private_origins":[{}]{}}}}})", dir_.file("ca.pem"),
               granted ? format(R"("https://localhost:{}")", front_.port()) : std::string(), more);
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *runtime;
  }
  void TearDown() override {
    if (runtime_ != nullptr) { EXPECT_TRUE(runtime_->stop(10'000).ok()); }
  }
  StatusOr<std::string> resolve(std::string_view did, int timeout_ms = 5'000) {
    return runtime_->perform(format(R"({{"op":"resolve_did","did":"{}","timeout_ms":{}}})", did, timeout_ms));
  }
  std::string reason(std::string_view did, int timeout_ms = 5'000) {
    const auto found = resolve(did, timeout_ms);
    return found.ok() ? "ok" : std::string(found.status().reason());
  }
  static std::string document_of(std::string_view did) {
    return format(
        R"({{"id":"{0}","verificationMethod":[{{"id":"{0}#k","type":"Multikey","controller":"{0}",)"
        R"("publicKeyMultibase":"z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}}],"assertionMethod":["{0}#k"]}})",
        did);
  }

  test::TempDir dir_;
  test::ScriptedServer server_;
  test::Authority authority_;
  test::TlsFront front_{{.identity = authority_.issue("DNS:localhost,IP:127.0.0.1")}, server_.port()};
  std::shared_ptr<Runtime> runtime_;
  std::string did_;
};

TEST_F(DidFetch, TheDocumentComesFromItsAddress) {
  server_.enqueue(Reply::json(document_of(did_)));
  const auto found = resolve(did_);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  const json::Value answer = *json::parse(*found);
  EXPECT_EQ(answer["did"].as_string(), did_);
  EXPECT_EQ(answer["keys"].as_array().size(), 1u);
  EXPECT_EQ(answer["url"].as_string(), front_.url("localhost", "/.well-known/did.json"));
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].method, "GET");
  EXPECT_EQ(server_.requests()[0].target, "/.well-known/did.json");
  EXPECT_FALSE(server_.requests()[0].has_header("authorization"));
  EXPECT_FALSE(server_.requests()[0].has_header("cookie"));
}

TEST_F(DidFetch, PathsAndRedirectsWithinTheOriginAreFollowed) {
  const std::string did = did_ + ":people:alice";
  server_.enqueue(Reply(302).header("location", "/moved/did.json"));
  server_.enqueue(Reply::json(document_of(did)));
  EXPECT_EQ(reason(did), "ok");
  ASSERT_EQ(server_.requests().size(), 2u);
  EXPECT_EQ(server_.requests()[0].target, "/people/alice/did.json");
  EXPECT_EQ(server_.requests()[1].target, "/moved/did.json");
}

TEST_F(DidFetch, ARedirectElsewhereIsNotFollowed) {
  for (const std::string& to :
       {std::string("https://other.example/did.json"), server_.url("/did.json"),
        front_.url("127.0.0.1", "/did.json"), format("https://localhost:{}/did.json", server_.port())}) {
    server_.enqueue(Reply(301).header("location", to));
    const size_t before = server_.requests().size();
    const std::string why = reason(did_);
    EXPECT_TRUE(why == "redirect_refused" || why == "redirect_downgrade") << to << " " << why;
    EXPECT_EQ(server_.requests().size(), before + 1) << to;
  }
}

TEST_F(DidFetch, ADocumentOfAnotherOrNoneIsRefused) {
  const struct {
    Reply reply;
    const char* reason;
  } kCases[] = {
      {Reply::json(document_of("did:web:other.example")), "invalid_did_document"},
      {Reply::json(document_of("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")),
       "invalid_did_document"},
      {Reply().body("<html>not here</html>"), "invalid_did_document"},
      {Reply().body("\xff\xfe{}"), "invalid_did_document"},
      {Reply::json("[]"), "invalid_did_document"},
      {Reply::json(""), "invalid_did_document"},
      {Reply::json(R"({"id":"x","id":"y"})"), "invalid_did_document"},
      {Reply::json(document_of(did_), 404), "did_not_found"},
      {Reply::json(document_of(did_), 500), "did_unavailable"},
      {Reply::json(document_of(did_), 206), "did_unavailable"},
      {Reply().reset(), "connection_reset"},
  };
  for (const auto& one : kCases) {
    server_.enqueue(one.reply);
    if (std::string_view(one.reason) == "connection_reset")
      server_.enqueue(one.reply);  // it is tried once more
    const std::string found = reason(did_);
    if (std::string_view(one.reason) == "connection_reset") {
      EXPECT_NE(found, "ok");
    } else {
      EXPECT_EQ(found, one.reason);
    }
  }
}

TEST_F(DidFetch, AHugeOneIsCutOff) {
  std::string huge = document_of(did_);
  huge.insert(1, R"("service":")" + std::string(access::kMaxDocumentBytes, 'a') + "\",");
  server_.enqueue(Reply::json(huge));
  EXPECT_EQ(reason(did_), "document_too_large");
  // One that never ends is left, not read.
  server_.set_handler([](const test::RecordedRequest&) {
    Reply reply;
    reply.chunked();
    for (int i = 0; i < 64; ++i) reply.body(std::string(16'384, ' '));
    return reply.never();
  });
  EXPECT_EQ(reason(did_), "document_too_large");
}

TEST_F(DidFetch, ASlowOneIsGivenUp) {
  server_.enqueue(Reply::json("{").never());
  server_.enqueue(Reply::json("{").never());
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_NE(reason(did_, 600), "ok");
  server_.set_handler(
      [](const test::RecordedRequest&) { return Reply().declare_length(100).head().body("{").never(); });
  EXPECT_NE(reason(did_, 600), "ok");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

TEST_F(DidFetch, PrivatePlacesNeedAGrant) {
  open(/*granted=*/false);
  EXPECT_EQ(reason(did_), "invalid_did_web") << "a host without a domain";
  EXPECT_EQ(reason("did:web:127.0.0.1"), "invalid_did_web");
  EXPECT_EQ(reason("did:web:app.localhost").substr(0, 7), "egress_");
  EXPECT_EQ(reason("did:web:metadata.internal").substr(0, 7), "egress_");
  EXPECT_EQ(reason("did:web:example.com%3A22").substr(0, 7), "egress_") << "a port that is not the usual one";
  EXPECT_EQ(server_.requests().size(), 0u);
  open(/*granted=*/true, R"(,"fetch":{"denied_hosts":["localhost"]})");
  EXPECT_NE(reason(did_), "ok");
  EXPECT_EQ(server_.requests().size(), 0u);
}

TEST_F(DidFetch, WhoIsNotCertifiedIsNotHeard) {
  const test::Authority other("another");
  dir_.write("ca.pem", other.certificate());
  open(/*granted=*/true);
  EXPECT_EQ(reason(did_), "tls_failed");
  EXPECT_EQ(server_.requests().size(), 0u);
}

TEST_F(DidFetch, OtherDidsAskNobody) {
  const std::string key = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
  EXPECT_EQ(json::parse(*resolve(key))->operator[]("did").as_string(), key);
  EXPECT_EQ(resolve("did:example:x").status().code(), Code::kUnimplemented);
  for (const char* bad :
       {"", "web", "did:web:", "did:web:EXAMPLE.com", "did:web:a..b", "did:web:example.com:..:x"})
    EXPECT_EQ(resolve(bad).status().code(), Code::kInvalidArgument) << bad;
  EXPECT_EQ(runtime_->perform(R"({"op":"resolve_did","did":"did:web:a.example","timeout_ms":70000})")
                .status()
                .reason(),
            "wrong_type");
  EXPECT_EQ(server_.requests().size(), 0u);
}

}  // namespace
}  // namespace tau::runtime
