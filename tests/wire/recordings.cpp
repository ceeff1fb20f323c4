#include "recordings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::wire::test {
namespace {

constexpr std::string_view kSuffix = ".jsonl.xz";

std::vector<std::filesystem::path> files_of(const std::string& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (entry.path().filename().string().ends_with(kSuffix)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

// A body that is no text was recorded as base 64.
bool is_binary(const json::Value& headers) {
  for (const json::Value& header : headers.as_array()) {
    const json::Value::Array& pair = header.as_array();
    if (pair.size() == 2 && pair[0].as_string() == "content-type")
      return pair[1].as_string() == "application/vnd.amazon.eventstream";
  }
  return false;
}

void visit_line(const std::string& provider, const json::Value& line,
                const std::function<void(const Interaction&)>& visit) {
  for (const json::Value& item : line["interactions"].as_array()) {
    Interaction out;
    out.provider = provider;
    out.name = line["case"].as_string();
    out.path = item["request"]["path"].as_string();
    out.request = item["request"]["body"].as_string();
    out.status = static_cast<int>(item["response"]["status"].as_int());
    out.response = item["response"]["body"].as_string();
    if (is_binary(item["response"]["headers"]))
      if (StatusOr<std::string> bytes = crypto::base64_decode(out.response); bytes.ok())
        out.response = *std::move(bytes);
    visit(out);
  }
}

}  // namespace

bool read_xz(const std::string& file, std::string& out) {
  std::string quoted = "'";
  for (const char c : file) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  FILE* pipe = popen(("xz -dc -- " + quoted + "'").c_str(), "r");
  if (pipe == nullptr) return false;
  std::array<char, 65536> buffer;
  size_t n = 0;
  while ((n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) out.append(buffer.data(), n);
  return pclose(pipe) == 0;
}

const Dialect* dialect_of(std::string_view path) {
  struct Place {
    std::string_view end;
    const Dialect& dialect;
  };
  const Place places[] = {{"/chat/completions", openai_chat()},
                          {"/responses", openai_responses()},
                          {"/v1/messages", anthropic_messages()},
                          {":generateContent", gemini_generate()},
                          {":streamGenerateContent", gemini_generate()},
                          {"/converse", bedrock_converse()},
                          {"/converse-stream", bedrock_converse()},
                          {"/v2/chat", cohere_chat()},
                          {"/api/chat", ollama_chat()}};
  for (const Place& place : places)
    if (path.ends_with(place.end)) return &place.dialect;
  return nullptr;
}

bool is_stream(Framing framing, std::string_view body) {
  const size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] == '[') return false;
  if (body[first] != '{') return true;
  // Lines are objects, and so is an answer.
  const size_t line = body.find('\n', first);
  return framing == Framing::kLines && line != body.npos && json::parse(body.substr(0, line)).ok();
}

bool have_recordings(const std::string& folder) { return !files_of(folder).empty(); }

bool for_each_interaction(const std::string& folder, const std::function<void(const Interaction&)>& visit,
                          std::string& error) {
  for (const std::filesystem::path& file : files_of(folder)) {
    std::string text;
    if (!read_xz(file.string(), text)) {
      error = "xz failed on " + file.string();
      return false;
    }
    const std::string name = file.filename().string();
    const std::string provider = name.substr(0, name.size() - kSuffix.size());
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const StatusOr<json::Value> line = json::parse(std::string_view(text).substr(begin, end - begin));
      begin = end + 1;
      if (!line.ok()) {
        error = name + ": " + line.status().to_string();
        return false;
      }
      visit_line(provider, *line, visit);
    }
  }
  return true;
}

}  // namespace tau::wire::test
