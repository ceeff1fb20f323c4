// The library's side of the test of the independent verifier: commands on standard input, a line of JSON for
// each on standard output.
//
//   write FOLDER RECORDS MAX_FILE_BYTES KEEP_BYTES   the anchored head
//   verify FOLDER ANCHORED_HEAD_FILE                 "-": none
//   flips FOLDER NAME                                what is found for each flipped bit of a file, in order
//   schema                                           every name that a record can have
//
// argv[1]: "hmac-sha256" or "ed25519". The first line says what the verifier needs to know of the key.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "json/json.h"
#include "observe/ed25519_signer.h"
#include "observe/fixture.h"

namespace tau::observe {
namespace {

[[noreturn]] void fail(const Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

void must(const Status& status) {
  if (!status.ok()) fail(status);
}

struct Key {
  Signer* signer;
  const HeadKeys* keys;
};

json::Value write_log(const Key& key) {
  AuditOptions options;
  int records = 0;
  std::cin >> options.directory >> records >> options.max_file_bytes >> options.keep_bytes;
  test::FakeClock clock;
  MemoryAnchor anchor;
  options.redact = keep_as_is;
  options.signer = key.signer;
  options.keys = key.keys;
  options.anchor = &anchor;
  options.clock = &clock;
  options.sync = Sync::kInterval;
  {
    auto log = AuditLog::open(options);
    if (!log.ok()) fail(log.status());
    for (int i = 0; i < records; ++i) {
      clock.advance_ms(7);
      must((*log)->append(Record(Kind::kToolFinished)
                              .set(Text::kTool, i % 2 == 0 ? "bash"
                                                           : "r\xc3\xa9"
                                                             "ad\"")
                              .set(Text::kRun, "run_" + std::to_string(i))
                              .set(Number::kDurationMs, i)));
      if (options.keep_bytes != 0) must((*log)->maintain());
    }
  }
  return json::Value::object().set("head", anchor.head);
}

json::Value verify_log(const Key& key) {
  VerifyOptions options;
  std::string anchored;
  std::cin >> options.directory >> anchored;
  options.anchored_head = anchored == "-" ? "" : read_whole(anchored);
  options.keys = key.keys;
  const auto found = verify(options);
  if (!found.ok()) fail(found.status());
  json::Value out = json::Value::object();
  out.set("ok", found->ok());
  if (!found->ok()) {
    out.set("reason", found->reason).set("file", found->file).set("line", found->line);
  } else {
    out.set("records", found->records).set("first_seq", found->first_seq).set("last_seq", found->last_seq);
    out.set("last_hash", found->last_hash).set("signed_seq", found->signed_seq).set("key", found->key_id);
  }
  return out;
}

json::Value flip_all(const Key& key) {
  VerifyOptions options;
  std::string name;
  std::cin >> options.directory >> name;
  options.keys = key.keys;
  const std::string path = options.directory + "/" + name;
  const std::string whole = read_whole(path);
  json::Value out = json::Value::array();
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    write_whole(path, flipped);
    const auto found = verify(options);
    if (!found.ok()) fail(found.status());
    out.push_back(format("{} {} {}", found->reason, found->file, found->line));
  }
  write_whole(path, whole);
  return out;
}

template <class Enum>
void add_names(json::Value& out, std::string_view (*name)(Enum)) {
  for (size_t i = 0; i < static_cast<size_t>(Enum::kCount); ++i) out.push_back(name(static_cast<Enum>(i)));
}

json::Value schema() {
  json::Value out = json::Value::array();
  add_names<Kind>(out, kind_name);
  add_names<Text>(out, text_name);
  add_names<Number>(out, number_name);
  add_names<Hash>(out, hash_name);
  return out;
}

}  // namespace
}  // namespace tau::observe

int main(int argc, char** argv) {
  using namespace tau::observe;  // NOLINT: a program of one file
  const bool with_mac = argc > 1 && std::string(argv[1]) == "hmac-sha256";
  HmacKey mac = make_key();
  Ed25519Signer ed25519('s');
  const Key key = with_mac ? Key{&mac, &mac} : Key{&ed25519, &ed25519};
  std::cout << tau::crypto::hex(with_mac ? std::string(32, 'k') : ed25519.public_key()) << std::endl;
  for (std::string command; std::cin >> command;) {
    const tau::json::Value answer = command == "write"    ? write_log(key)
                                    : command == "flips"  ? flip_all(key)
                                    : command == "schema" ? schema()
                                                          : verify_log(key);
    std::cout << tau::json::write(answer) << std::endl;
  }
  return 0;
}
