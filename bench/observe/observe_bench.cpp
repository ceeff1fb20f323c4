// What an audit record costs: made, and written, beside hashing the same bytes, or writing them with nothing
// else. CPU time of the calling thread: what the disk takes for a sync is not in it.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "crypto/crypto.h"
#include "observe/observe.h"
#include "support/report.h"

namespace tau::observe {
namespace {

template <class T>
T must(StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().to_string().c_str());
  std::exit(1);
}

void must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

Record sample() {
  return Record(Kind::kToolDecided)
      .set(Text::kPrincipal, "alice")
      .set(Text::kSession, "ses_01jd2m7k3xq4w8v5t6y9z0a1b2")
      .set(Text::kRun, "run_01jd2m7k3xq4w8v5t6y9z0a1b2")
      .set(Text::kCall, "call_0123456789abcdef")
      .set(Text::kTool, "bash")
      .set(Text::kDecision, "allow")
      .set(Text::kReason, "allowed_by_flag")
      .set(Text::kIntegrity, "user,tool:read")
      .set(Number::kPolicyEpoch, 7)
      .set(Number::kArgumentBytes, 312);
}

std::string keep(std::string_view text) { return std::string(text); }

AuditOptions options_for(const std::string& directory, HmacKey& key) {
  AuditOptions options;
  options.directory = directory;
  options.redact = keep;
  options.signer = &key;
  options.keys = &key;
  options.sync = Sync::kInterval;
  options.max_file_bytes = 1ull << 40;
  return options;
}

int run(int argc, char** argv) {
  bench::Report report(argc, argv);
  std::string folder = (std::filesystem::temp_directory_path() / "tau-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  HmacKey key = must(HmacKey::make(Secret(std::string(32, 'k'))));
  const AuditOptions options = options_for(folder + "/audit", key);
  const auto log = must(AuditLog::open(options));

  const Redact redact = keep;
  const std::string line(520, 'x');
  report.compare(
      "render_record", {.iterations = 20'000}, [&] { bench::keep(render(sample(), 1, redact)); },
      [&] { bench::keep(crypto::blake2b(line)); });
  // The reference writes the same number of bytes and does nothing else.
  const int fd = ::open((folder + "/plain").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const auto plain = [&] {
    if (::write(fd, line.data(), line.size()) < 0) std::exit(1);
  };
  report.compare(
      "append_one", {.iterations = 2'000}, [&] { must(log->append(sample())); }, plain);
  report.compare(
      "append_in_groups_of_64", {.iterations = 50},
      [&] {
        for (int i = 0; i < 64; ++i) must(log->submit(sample()));
        must(log->flush());
      },
      [&] {
        for (int i = 0; i < 64; ++i) plain();
      });
  report.compare(
      "sign_head", {.iterations = 20},
      [&] {
        must(log->append(sample()));
        must(log->sign());
      },
      [&] { must(log->append(sample())); });
  ::close(fd);

  const auto records = static_cast<double>(log->stats().records);
  const auto per_record = [&](const char* name, const auto& work) {
    std::vector<double> samples;
    for (int i = 0; i < 5; ++i) {
      const int64_t begin = bench::thread_cpu_ns();
      work();
      samples.push_back(static_cast<double>(bench::thread_cpu_ns() - begin) / records);
    }
    report.add(name, "ns", std::move(samples));
  };
  per_record("verify_per_record", [&] {
    const auto found = must(verify({.directory = options.directory, .anchored_head = "", .keys = &key}));
    if (!found.ok()) std::exit(1);
  });
  per_record("summarise_per_record", [&] {
    Summary summary;
    must(summarise_log(options.directory, summary));
    bench::keep(summary.report().records);
  });
  const int status = report.finish();
  std::filesystem::remove_all(folder);
  return status;
}

}  // namespace
}  // namespace tau::observe

int main(int argc, char** argv) { return tau::observe::run(argc, argv); }
