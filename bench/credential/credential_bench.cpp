// What a secret costs: opening a vault, reading from it, writing to it, and giving it new keys while others
// read. The reference of a read is the least that could do it: deriving the record's key and opening it.
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "credential/credential.h"
#include "support/report.h"

namespace tau::credential {
namespace {

constexpr int kSecrets = 10'000;
constexpr int kReaders = 8;
constexpr const char* kOrigin = "https://api.example.com:443";

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

SecretName name_of(int i) { return {.id = "secret/" + std::to_string(i)}; }

std::vector<NewSecret> many_secrets() {
  std::vector<NewSecret> out;
  for (int i = 0; i < kSecrets; ++i)
    out.push_back(
        {.name = name_of(i), .value = Secret(std::string(51, 'v')), .origin = kOrigin, .expires_ms = 0});
  return out;
}

double cpu_ms() {
  timespec now;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

void bench_unlock(bench::Report& report, const std::string& folder) {
  const Unlock phrase = must(passphrase_unlock(Secret("correct horse battery")));
  VaultOptions options;
  options.path = folder + "/passphrase";
  must(Vault::create(options, phrase));
  const auto cost = must(Vault::open(options, phrase))->slots()[0].cost;
  std::vector<double> opened_ms;
  for (int i = 0; i < 5; ++i) {
    const double begin = cpu_ms();
    must(Vault::open(options, phrase));
    opened_ms.push_back(cpu_ms() - begin);
  }
  report.add("unlock_passphrase", "ms", std::move(opened_ms));
  report.add("argon2id_memory", "KiB", {static_cast<double>(cost.memory_kib)});
  report.add("argon2id_passes", "passes", {static_cast<double>(cost.passes)});
}

// Nanoseconds of the thread's CPU for each of some thousand reads.
std::vector<double> time_reads(const Vault& vault, const std::atomic<bool>& stop, size_t most) {
  std::vector<double> taken;
  for (int i = 0; taken.size() < most && !stop; i = (i + 7919) % kSecrets) {
    const SecretName name = name_of(i);
    const int64_t begin = bench::thread_cpu_ns();
    must(vault.get(name, kOrigin).status());
    taken.push_back(static_cast<double>(bench::thread_cpu_ns() - begin));
  }
  return taken;
}

double p99(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() * 99 / 100];
}

void bench_rotation(bench::Report& report, Vault& vault) {
  std::atomic<bool> stop = false;
  std::vector<double> idle = time_reads(vault, stop, 20'000);
  std::vector<std::vector<double>> taken(kReaders);
  std::vector<std::thread> readers;
  for (auto& each : taken) readers.emplace_back([&] { each = time_reads(vault, stop, 1'000'000); });
  const int64_t begin = bench::thread_cpu_ns();
  must(vault.rotate_data_key(1000));
  const double rotation_ms = static_cast<double>(bench::thread_cpu_ns() - begin) / 1e6;
  stop = true;
  std::vector<double> busy;
  for (auto& reader : readers) reader.join();
  for (const auto& each : taken) busy.insert(busy.end(), each.begin(), each.end());
  report.add("rotate_data_key_10k", "ms", {rotation_ms});
  report.add("reads_during_rotation", "reads", {static_cast<double>(busy.size())});
  report.add("get_p99_during_rotation", "ns", {p99(busy)}, {p99(idle)});
}

int run(int argc, char** argv) {
  bench::Report report(argc, argv);
  std::string folder = (std::filesystem::temp_directory_path() / "tau-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  bench_unlock(report, folder);

  VaultOptions options;
  options.path = folder + "/vault";
  must(make_key_file(folder + "/key", system_random()));
  const Unlock key = must(key_file_unlock(folder + "/key"));
  const auto vault = must(Vault::create(options, key));
  must(vault->put(many_secrets()));

  const Secret data(std::string(32, 'k'));
  const std::string salt(32, 's');
  const std::string sealed =
      must(crypto::chacha20_poly1305_seal(data, std::string(12, 0), salt, Secret(std::string(51, 'v'))));
  const SecretName name = name_of(4711);
  report.compare(
      "get", {.iterations = 2000}, [&] { bench::keep(must(vault->get(name, kOrigin))); },
      [&] {
        bench::keep(must(crypto::hkdf_sha256(data, salt, salt, 64)));
        bench::keep(must(crypto::chacha20_poly1305_open(data, std::string(12, 0), salt, sealed)));
      });
  report.measure("open_key_file_10k", {.iterations = 1, .samples = 7},
                 [&] { bench::keep(must(Vault::open(options, key))); });
  report.measure("put_into_10k", {.iterations = 1, .samples = 7}, [&] {
    const NewSecret secret{
        .name = name, .value = Secret(std::string(51, 'w')), .origin = kOrigin, .expires_ms = 0};
    must(vault->put({&secret, 1}));
  });
  bench_rotation(report, *vault);
  std::filesystem::remove_all(folder);
  return report.finish();
}

}  // namespace
}  // namespace tau::credential

int main(int argc, char** argv) { return tau::credential::run(argc, argv); }
