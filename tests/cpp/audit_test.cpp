// The audit log as C++ programs use it.
#include <stdlib.h>

#include <filesystem>

#include "support.h"

namespace tau_test {
namespace {

namespace fs = std::filesystem;

class CppAudit : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tau-audit-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  tau::Runtime open_home() const {
    tau::RuntimeOptions options;
    options.home = folder_ + "/home";
    return tau::Runtime::open(options).value();
  }
  std::string folder_;
};

template <typename T>
std::string reason(const tau::Result<T>& result) {
  return result.ok() ? std::string() : std::string(result.error().reason());
}

TEST_F(CppAudit, ARecordIsAppendedReadVerifiedAndSummedUp) {
  const tau::Runtime runtime = open_home();
  const std::string home = folder_ + "/home";
  EXPECT_EQ(reason(tau::read_audit(home)), "no_audit_log");
  ASSERT_TRUE(tau::append_audit(runtime, R"({"kind":"host.noted","action":"deployed"})"));
  EXPECT_EQ(reason(tau::append_audit(runtime, R"({"kind":"run.started"})")), "reserved_kind");
  const auto head = tau::audit_head(runtime);
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(tau::audit_head(home).value().str(), head->str());
  EXPECT_TRUE(tau::verify_audit(home, head->str()));
  EXPECT_TRUE(contains(tau::read_audit(home, {}, 10).value().str(), R"("action":"deployed")"));
  EXPECT_TRUE(contains(tau::summarise_audit("[\"" + home + "\"]").value().str(), R"("host.noted":1)"));
  EXPECT_TRUE(contains(tau::summarise_audit({}, "{}\n").value().str(), R"("unknown":1)"));
  EXPECT_EQ(reason(tau::audit_head(folder_)), "no_audit_log");
  EXPECT_EQ(reason(tau::read_audit(home, "x")), "invalid_cursor");
  EXPECT_TRUE(runtime.stop());  // else the home is closed a moment later
}

}  // namespace
}  // namespace tau_test
