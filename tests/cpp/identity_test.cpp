// Identities and access as C++ programs use them.
#include <string>
#include <type_traits>

#include "support.h"

namespace tau_test {
namespace {

static_assert(!std::is_copy_constructible_v<tau::Identity> &&
              std::is_nothrow_move_constructible_v<tau::Identity>);
static_assert(!std::is_copy_constructible_v<tau::Access>);

std::string text(const tau::Text& value) { return std::string(value.view()); }

template <typename T>
std::string reason(const tau::Result<T>& result) {
  return result.ok() ? "" : std::string(result.error().reason());
}

TEST(CppIdentity, SignsAndIsVerified) {
  const tau::Identity identity = tau::Identity::make(std::string(32, 's')).value();
  const std::string about = text(identity.describe().value());
  EXPECT_NE(about.find("did:key:z6Mk"), about.npos);
  const tau::Secret seed = identity.seed().value();
  EXPECT_EQ(seed.reveal(), std::string(32, 's'));
  const std::string card = text(identity.sign(tau::Statement::kCard, R"({"card":{"name":"x"}})").value());
  EXPECT_NE(text(tau::verify_statement(tau::Statement::kCard, card).value()).find("key_id"),
            std::string::npos);
  EXPECT_EQ(reason(tau::verify_statement(tau::Statement::kEnvelope, "{}")), "needs_memory");
  EXPECT_EQ(reason(tau::resolve_did("did:web:agent.example")), "no_document");
  EXPECT_EQ(reason(tau::Identity::make("short")), "invalid_length");
  const tau::Identity other = identity.share();
  EXPECT_EQ(text(other.describe().value()), about);
}

TEST(CppAccess, DecidesAndAsks) {
  tau::AccessOptions options;
  options.audience = "me";
  options.policy = R"({"schema_version":1,"roles":{"r":{"allow":[{"action":"read","resource":"*"}]}},)"
                   R"("bindings":[{"principal":"alice","roles":["r"]}]})";
  const tau::Access access = tau::Access::open(options).value();
  EXPECT_TRUE(access.check("alice", "read", "a").ok());
  EXPECT_EQ(reason(access.check("alice", "write", "a")), "access_denied");
  const std::string challenge = text(access.perform(R"({"op":"challenge","purpose":"p"})").value());
  const tau::Identity identity = tau::Identity::make().value();
  const std::string proof = text(
      identity
          .sign(tau::Statement::kProof, R"({"challenge":)" + challenge + R"(,"audience":"me","purpose":"p"})")
          .value());
  const std::string verify = R"({"op":"verify","kind":"proof","purpose":"p","proof":")" + proof + "\"}";
  EXPECT_TRUE(access.share().perform(verify).ok());
  EXPECT_EQ(reason(access.perform(verify)), "replayed");
  options.policy = "{}";
  EXPECT_EQ(reason(tau::Access::open(options)), "invalid_policy");
}

}  // namespace
}  // namespace tau_test
